use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::size::human_size;

/// Why the server will not do what it was asked for one file. The text tells the visitor what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum Refusal {
    /// Larger than `UPLOAD_MAX_SIZE`.
    #[error("This file is too large: {}. The limit is {}.", human_size(*.size), human_size(*.max))]
    FileTooLarge {
        /// The file's bytes.
        size: u64,
        /// The most bytes a file may have.
        max: u64,
    },
    /// Not one of `UPLOAD_ALLOWED_TYPES`.
    #[error("Files of type {content_type} are not accepted here. Accepted: {}.", .allowed.join(", "))]
    TypeNotAllowed {
        /// The file's type.
        content_type: String,
        /// What is accepted, as `image/*`, `application/pdf` or `.pdf`.
        allowed: Vec<String>,
    },
    /// The type is not a MIME type, or the metadata is more than S3 stores.
    #[error("This file can't be described to S3: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// Past the number of files the server signs in one call.
    #[error("Too many files in one request: the server takes {max} at a time. Add this file again.")]
    TooManyFiles {
        /// The most files in one call.
        max: usize,
    },
    /// The token was changed, or is another visitor's.
    #[error(
        "The server does not know this upload. Reload the page and upload the file again; cookies must be allowed."
    )]
    TokenInvalid,
    /// The token's time is over.
    #[error("This upload took too long and has expired. Upload the file again.")]
    TokenExpired,
    /// `HeadObject` found nothing under the key.
    #[error("The store does not have this file. Upload it again.")]
    ObjectMissing,
    /// The object is there with another size.
    #[error("The store holds {} instead of {}. Upload the file again.", human_size(*.actual), human_size(*.expected))]
    SizeMismatch {
        /// What was signed.
        expected: u64,
        /// What the store has.
        actual: u64,
    },
    /// S3 could not be asked, or would not answer. Worth another try.
    #[error("The store could not be reached: {reason}")]
    StoreUnavailable {
        /// The cause, without secrets.
        reason: String,
    },
    /// S3 refused the server itself: credentials, bucket, region.
    #[error("The store refused the server: {reason}. This is for the site's operator to put right.")]
    StoreRefused {
        /// The cause, without secrets.
        reason: String,
    },
}
