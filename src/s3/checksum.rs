use serde::{Deserialize, Serialize};

/// How a store is told what the bytes have to be.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChecksumAlgorithm {
    /// `x-amz-checksum-sha256`, which the store keeps with the object.
    Sha256,
    /// `Content-MD5`, which nearly every store checks; an `ETag` may show it afterwards.
    Md5,
}

impl ChecksumAlgorithm {
    /// The request header with the digest, in lower case.
    #[must_use]
    pub fn header(self) -> &'static str {
        match self {
            Self::Sha256 => "x-amz-checksum-sha256",
            Self::Md5 => "content-md5",
        }
    }

    /// Bytes of a digest.
    #[must_use]
    pub fn digest_bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Md5 => 16,
        }
    }
}

/// The digest of some bytes, as the browser computed it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Checksum {
    /// What it was computed with.
    pub algorithm: ChecksumAlgorithm,
    /// Standard Base64 of the digest, padding included.
    pub value: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_json_is_two_short_strings() {
        let checksum = Checksum { algorithm: ChecksumAlgorithm::Md5, value: "1B2M2Y8AsgTpgAmY7PhCfg==".into() };
        let json = serde_json::to_string(&checksum).unwrap();
        assert_eq!(json, r#"{"algorithm":"md5","value":"1B2M2Y8AsgTpgAmY7PhCfg=="}"#);
        assert_eq!(serde_json::from_str::<Checksum>(&json).unwrap(), checksum);
    }
}
