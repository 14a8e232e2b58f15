//! S3's own words as types, shared by browser and server. Pure: no I/O, no clock, no randomness.

mod accept;
mod checksum;
mod content_disposition;
mod error;
mod fields;
mod file;
mod key;
mod object;
mod part;
mod part_plan;
mod refusal;
mod size;
mod token;
mod upload_parameters;

pub use accept::is_accepted;
pub use checksum::{Checksum, ChecksumAlgorithm};
pub use content_disposition::content_disposition;
pub use error::ErrorResponse;
pub use fields::Fields;
pub use file::{FileInfo, Meta, SignRequest};
pub use key::{Key, KeyError, MIN_NAME_BYTES};
pub use object::{ETag, Object};
pub use part::{COMPLETE_TIMEOUT, Part, PartNumber, PartNumberError, PartRequest, SignedPart};
pub use part_plan::{MAX_OBJECT_SIZE, MAX_REQUEST_SIZE, MIN_PART_SIZE, PartPlan, PartPlanError, chunk_size};
pub use refusal::Refusal;
pub use size::human_size;
pub use token::{CreatedUpload, UploadToken};
pub use upload_parameters::{Method, SignedUpload, UploadParameters};
