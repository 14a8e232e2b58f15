use serde::{Deserialize, Serialize};

/// The body of an S3 error.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorResponse {
    /// `SlowDown`, `AccessDenied`, …
    pub code: String,
    /// S3's own sentence.
    pub message: String,
}
