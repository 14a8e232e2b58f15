//! Requests that anybody may send once, signed with AWS's own signer: one S3 action per file, under
//! S3's name for it. `sign_at` is given the time, so every signature can be computed again.

mod bucket;
mod get_object;
mod policy_document;
mod post_policy;
mod put_object;
mod query;
mod upload_part;

use std::time::SystemTime;

use time::{OffsetDateTime, format_description::BorrowedFormatItem};

pub use bucket::{Bucket, Endpoint, EndpointError};
pub use get_object::GetObject;
pub use post_policy::{PostPolicy, PostTarget};
pub use put_object::PutObject;
pub use query::PresignError;
pub use upload_part::UploadPart;

fn format_time(time: SystemTime, description: &[BorrowedFormatItem<'_>]) -> String {
    OffsetDateTime::from(time).format(description).expect("these formats have only numbers every date has")
}
