use std::{error::Error, fmt::Debug};

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::{
    s3::Refusal,
    server::{causes::causes, log::log},
};

/// Why the store did not do what the server asked.
pub(super) enum StoreError {
    NotFound,
    /// The multipart upload was completed or aborted, or there never was one.
    NoSuchUpload,
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
    pub(super) fn new<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + Debug + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        match (status, error.code()) {
            (_, Some("NoSuchUpload")) => return Self::NoSuchUpload,
            (_, Some("NotImplemented")) | (Some(501), _) => return Self::NotImplemented,
            (Some(404), _) => return Self::NotFound,
            _ => {}
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
            StoreError::Unavailable { reason } => Self::StoreUnavailable { reason },
            StoreError::Refused { reason } => Self::StoreRefused { reason },
        }
    }
}

/// Whether the same request may succeed in a while. An error in an answer with status 200 is one of a long operation that
/// had begun to answer; after `InvalidPart` the list of parts is read anew; and credentials that have ended by the store's
/// clock end by this server's too, which then takes others.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>
fn is_passing(status: u16, code: Option<&str>) -> bool {
    matches!(status, 200..=299 | 408 | 409 | 429 | 500..) || matches!(code, Some("InvalidPart" | "ExpiredToken"))
}
