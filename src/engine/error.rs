use thiserror::Error;

use crate::s3::{ErrorResponse, Refusal, human_size};

/// Why a file failed. The text tells a person what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UploadError {
    /// A restriction of this page.
    #[error(transparent)]
    Restricted(#[from] Restriction),
    /// The server will not.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The signing server could not be asked.
    #[error("The upload server gave no usable answer ({reason}). Check the connection, then try again.")]
    ServerUnreachable {
        /// What came instead.
        reason: String,
    },
    /// `get_upload_parameters` returned what can't be used.
    #[error("This file could not be prepared: {reason}")]
    Invalid {
        /// What is wrong with it.
        reason: String,
    },
    /// No progress for the timeout, again and again.
    #[error("Upload stalled for {seconds} seconds, aborting.")]
    Stalled {
        /// The timeout, rounded up.
        seconds: u64,
    },
    /// The store gave no answer the browser could read, again and again.
    #[error(
        "The store could not be reached after {tries} tries. Check the connection; if it is fine, a content blocker may \
         stop this upload, or the bucket may not allow this page's origin (its CORS rules need PUT and POST for it)."
    )]
    Network {
        /// Requests made.
        tries: u32,
    },
    /// The browser let no request for this file out, while the same store answers others.
    #[error(
        "The browser stopped this upload before it reached the store, which does answer. A content blocker is the likely \
         reason: allow this page in it, or rename the file and add it again. If there is none, the bucket's CORS rules may \
         not allow this page's origin."
    )]
    Blocked,
    /// The store refused a signature that was made after it had refused the one before.
    #[error("{}", signature_refused(*.status, .response.as_ref()))]
    SignatureRefused {
        /// The HTTP status.
        status: u16,
        /// S3's own words, where they were readable.
        response: Option<ErrorResponse>,
    },
    /// The store was asked to complete a multipart upload, and nobody can say any more whether it did.
    #[error(
        "The store was asked to complete this upload, and did not say in time whether it did. Look whether the bucket has \
         {key} before you retry: that uploads the whole file again, as another object."
    )]
    CompletionUnknown {
        /// The object's key, if it is there.
        key: String,
    },
    /// The store answered with an error that another try does not mend, or that outlasted them.
    #[error("{}", rejected(*.status, .response.as_ref()))]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// S3's own words, where they were readable.
        response: Option<ErrorResponse>,
    },
    /// The file could not be read.
    #[error(
        "This file can't be read: it was changed, moved or deleted since it was picked, or it is a folder. Pick it again."
    )]
    Unreadable,
    /// The file has other bytes, or another size, than it had when it was added.
    #[error("This file was changed after it was added. Add it again to upload it as it is now.")]
    Changed,
}

/// A restriction that a file does not meet.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Restriction {
    /// Above `max_file_size`.
    #[error("This file is too large: {}. The limit is {}.", human_size(*.size), human_size(*.max))]
    TooLarge {
        /// The file's bytes.
        size: u64,
        /// The limit.
        max: u64,
    },
    /// Below `min_file_size`.
    #[error("This file is too small: {}. At least {} are needed.", human_size(*.size), human_size(*.min))]
    TooSmall {
        /// The file's bytes.
        size: u64,
        /// The limit.
        min: u64,
    },
    /// The file would lift the sum over `max_total_file_size`.
    #[error("All files together may have {}, and this one would go over it.", human_size(*.max))]
    TotalTooLarge {
        /// The limit.
        max: u64,
    },
    /// More than `max_number_of_files`.
    #[error("Only {max} files can be added. Remove one to make room.")]
    TooMany {
        /// The limit.
        max: usize,
    },
    /// Not in `allowed_file_types`.
    #[error("Only these types are accepted: {}.", .allowed.join(", "))]
    TypeNotAllowed {
        /// What is accepted.
        allowed: Vec<String>,
    },
}

/// S3's own message, and what to do about the codes that visitors and developers meet.
fn rejected(status: u16, response: Option<&ErrorResponse>) -> String {
    let Some(ErrorResponse { code, message }) = response else {
        return format!("The store refused the upload with status {status}.");
    };
    let remedy = match code.as_str() {
        "EntityTooLarge" => " The file is larger than what was signed; pick it again.",
        "EntityTooSmall" => " The file is smaller than what was signed; pick it again.",
        "NoSuchBucket" => " The bucket in the server's configuration does not exist.",
        _ => "",
    };
    format!("The store refused the upload: {message} ({code}).{remedy}")
}

fn signature_refused(status: u16, response: Option<&ErrorResponse>) -> String {
    let (code, reason) = match response {
        Some(ErrorResponse { code, message }) if message.is_empty() => (code.as_str(), code.clone()),
        Some(ErrorResponse { code, message }) => (code.as_str(), format!("{message} ({code})")),
        None => ("", format!("status {status}")),
    };
    let remedy = match code {
        "SignatureDoesNotMatch" | "InvalidAccessKeyId" | "InvalidToken" => "The server's S3 keys need a look.",
        "ExpiredToken" | "RequestExpired" | "ExpiredRequest" | "RequestTimeTooSkewed" | "TokenRefreshRequired" => {
            "The clocks of the server and the store differ, or the server's S3 credentials have expired."
        }
        _ => "The server's S3 keys may not write to this bucket, or what was sent is not what was signed.",
    };
    format!("The store refused the upload, and again with a new signature: {reason}. {remedy}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(code: &str) -> ErrorResponse {
        ErrorResponse { code: code.into(), message: "No.".into() }
    }

    #[test]
    fn each_code_that_somebody_can_do_something_about_says_what() {
        for (code, remedy) in [
            ("EntityTooLarge", "larger than what was signed"),
            ("EntityTooSmall", "smaller than what was signed"),
            ("NoSuchBucket", "bucket in the server's configuration"),
        ] {
            let error = UploadError::Rejected { status: 400, response: Some(response(code)) }.to_string();
            assert!(error.contains(&format!("No. ({code}).")) && error.contains(remedy), "{error}");
        }
        let other = UploadError::Rejected { status: 400, response: Some(response("Other")) };
        assert_eq!(other.to_string(), "The store refused the upload: No. (Other).");
    }

    #[test]
    fn a_refused_signature_tells_keys_from_clocks() {
        for (code, remedy) in [
            ("SignatureDoesNotMatch", "S3 keys need a look"),
            ("InvalidAccessKeyId", "S3 keys need a look"),
            ("RequestTimeTooSkewed", "clocks of the server and the store"),
            ("ExpiredToken", "clocks of the server and the store"),
        ] {
            let error = signature_refused(403, Some(&response(code)));
            assert!(error.contains(code) && error.contains(remedy), "{error}");
        }
        assert!(signature_refused(403, None).contains("status 403"));
    }
}
