use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Checksum, UploadParameters};

/// How long S3 may take to complete a multipart upload: "several minutes".
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>
pub const COMPLETE_TIMEOUT: Duration = Duration::from_mins(10);

/// The place of a part in its object: 1 to 10,000.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct PartNumber(u16);

/// The number is not one of 1 to 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0} is no part number: they go from 1 to {max}", max = PartNumber::MAX)]
pub struct PartNumberError(u16);

impl PartNumber {
    /// The highest number.
    pub const MAX: u16 = 10_000;

    /// The number as S3 counts.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for PartNumber {
    type Error = PartNumberError;

    fn try_from(number: u16) -> Result<Self, PartNumberError> {
        if (1..=Self::MAX).contains(&number) { Ok(Self(number)) } else { Err(PartNumberError(number)) }
    }
}

impl From<PartNumber> for u16 {
    fn from(number: PartNumber) -> Self {
        number.0
    }
}

/// One part of a signing call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRequest {
    /// Which part.
    pub part: PartNumber,
    /// What its bytes have to be.
    #[serde(default)]
    pub checksum: Option<Checksum>,
}

/// What the browser needs to send one part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedPart {
    /// What to send.
    pub parameters: UploadParameters,
    /// Milliseconds from now for which `parameters` may be used.
    pub expires_in_ms: Option<u64>,
}

/// A part that the store has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Which part.
    pub number: PartNumber,
    /// Bytes.
    pub size: u64,
    /// What the store says its bytes are; `None` where it does not say.
    pub checksum: Option<Checksum>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_number_is_a_json_number_within_s3s_bounds() {
        let read = |json: &str| serde_json::from_str::<PartNumber>(json).map(PartNumber::get).ok();
        let numbers = ["1", "10000", "0", "10001", "-1", "65537", "1.5", "\"1\""].map(read);
        assert_eq!(numbers, [Some(1), Some(10_000), None, None, None, None, None, None]);
        assert_eq!(serde_json::to_string(&PartNumber(7)).unwrap(), "7");
    }
}
