use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use md5::Md5;
use sha2::{Digest, Sha256};

use crate::s3::{Checksum, ChecksumAlgorithm};

/// What a browser computes of these bytes.
pub(super) fn of(bytes: &[u8], algorithm: ChecksumAlgorithm) -> Checksum {
    let value = match algorithm {
        ChecksumAlgorithm::Sha256 => BASE64.encode(Sha256::digest(bytes)),
        ChecksumAlgorithm::Md5 => BASE64.encode(<Md5 as md5::Digest>::digest(bytes)),
    };
    Checksum { algorithm, value }
}
