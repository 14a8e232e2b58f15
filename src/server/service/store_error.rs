use std::{error::Error, fmt::Debug};

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::{
    s3::Refusal,
    server::{causes::causes, log::log},
};

/// Why the store did not do what the server asked.
pub(super) enum StoreError {
    /// There is no such object. Only `HeadObject` says so.
    NotFound,
    /// The multipart upload was completed or aborted, or there never was one. Only `HeadObject` says which.
    NoSuchUpload,
    /// `If-None-Match: *` was not met: there is an object under the key, or there was a moment ago.
    PreconditionFailed {
        reason: String,
    },
    /// The server may not see the object, if there is one.
    Forbidden {
        reason: String,
    },
    /// The store has no such operation.
    NotImplemented,
    Unavailable {
        reason: String,
    },
    Refused {
        reason: String,
    },
}

impl StoreError {
    /// Of `HeadObject` and `DeleteObject`: status 404 means that there is no such object, with whatever code or none.
    pub(super) fn of_object<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + Debug + 'static,
    {
        if status_of(error) == Some(404) {
            return Self::NotFound;
        }
        match Self::new(operation, error) {
            Self::Refused { reason } if status_of(error) == Some(403) => Self::Forbidden { reason },
            error => error,
        }
    }

    /// Of `ListParts`, `CompleteMultipartUpload` and `AbortMultipartUpload`: status 404 means that the upload is gone, with
    /// whatever code or none. S3 says `NoSuchUpload`; of an upload that was completed some stores say `NoSuchKey`.
    pub(super) fn of_upload<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + Debug + 'static,
    {
        match (status_of(error), error.code()) {
            (Some(404), _) | (_, Some("NoSuchUpload")) => Self::NoSuchUpload,
            (Some(412), _) | (_, Some("PreconditionFailed" | "ConditionalRequestConflict")) => {
                Self::PreconditionFailed { reason: format!("{operation} met another request for the same object.") }
            }
            _ => Self::new(operation, error),
        }
    }

    /// Of what names neither an object nor an upload.
    pub(super) fn new<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + Debug + 'static,
    {
        let status = status_of(error);
        if status == Some(501) || error.code() == Some("NotImplemented") {
            return Self::NotImplemented;
        }
        let answered = status.map(|status| format!(" was answered with {status}")).unwrap_or_default();
        log(format_args!("{operation}{answered}: {}", causes(error)));
        match (error, status) {
            (_, Some(status)) if is_passing(status, error.code()) => {
                Self::Unavailable { reason: format!("{operation} was answered with {status}.") }
            }
            (_, Some(status)) => {
                let code = error.code().map(|code| format!(" {code}")).unwrap_or_default();
                Self::Refused { reason: format!("{operation} was answered with {status}{code}") }
            }
            (SdkError::TimeoutError(_), None) => {
                Self::Unavailable { reason: format!("{operation} was not answered in time.") }
            }
            (SdkError::DispatchFailure(_) | SdkError::ResponseError(_), None) => {
                Self::Unavailable { reason: format!("{operation} got no answer.") }
            }
            (_, None) => Self::Refused { reason: format!("{operation} could not be sent") },
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::ObjectMissing,
            StoreError::NoSuchUpload => Self::UploadMissing,
            StoreError::NotImplemented => Self::StoreRefused { reason: "it does not know the operation".to_owned() },
            StoreError::Unavailable { reason } | StoreError::PreconditionFailed { reason } => {
                Self::StoreUnavailable { reason }
            }
            StoreError::Refused { reason } | StoreError::Forbidden { reason } => Self::StoreRefused { reason },
        }
    }
}

fn status_of<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// Whether the same request may succeed in a while: a new bucket redirects with 307 until the names of hosts are known. An error in an answer with status 200 is one of a long operation that
/// had begun to answer; after `InvalidPart` the list of parts is read anew; and credentials that have ended by the store's
/// clock end by this server's too, which then takes others.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>
fn is_passing(status: u16, code: Option<&str>) -> bool {
    matches!(status, 200..=299 | 307 | 408 | 409 | 429 | 500..) || matches!(code, Some("InvalidPart" | "ExpiredToken"))
}
