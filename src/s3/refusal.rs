use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{PartNumber, size::human_size};

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
    /// `HeadObject` found nothing under the key. Nothing else means that.
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
    /// S3 does not know the multipart upload. Of `complete` and `confirm`: nor does `HeadObject` find an object that came of
    /// it; while the upload is being completed that is so too. Of `list_parts`: whether there is one, `complete` says.
    #[error("The store no longer has what was uploaded of this file. Upload it again from the start.")]
    UploadMissing,
    /// The object is there. Its uploader can neither send it again nor replace it nor delete it.
    #[error("This upload is complete: what is stored of it can't be changed or deleted here any more.")]
    AlreadyComplete,
    /// Complete was asked for while these parts are not there, or not with the right bytes.
    #[error(
        "The store does not have all of this file yet: {}. Try again to send what is missing.",
        missing(.parts)
    )]
    PartsMissing {
        /// The first of them: at most 100.
        parts: Vec<PartNumber>,
    },
    /// The stored bytes are not those the browser read.
    #[error("What the store holds is not what this browser sent. Upload the file again.")]
    ChecksumMismatch,
    /// S3 could not be asked, or would not answer, or what it says leaves doubts. Worth another try.
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

fn missing(parts: &[PartNumber]) -> String {
    match parts {
        [part] => format!("part {} is missing", part.get()),
        parts => format!("{} parts are missing", parts.len()),
    }
}
