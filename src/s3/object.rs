use serde::{Deserialize, Serialize};

use super::{ChecksumAlgorithm, Key};

/// An object that is in the bucket, as the server saw it with `HeadObject`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Where it is.
    pub key: Key,
    /// Bytes.
    pub size: u64,
    /// S3's entity tag, with its quotes; some stores send none.
    pub etag: Option<ETag>,
    /// Set where the store itself showed a checksum that equals the browser's. Silence is no proof.
    #[serde(default)]
    pub verified: Option<ChecksumAlgorithm>,
    /// Its URL, where the server says it.
    #[serde(default)]
    pub location: Option<String>,
}

/// An entity tag as S3 sent it, quotes included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ETag(pub String);
