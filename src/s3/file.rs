use serde::{Deserialize, Serialize};

use super::{Checksum, ChecksumAlgorithm, Fields, Method, UploadToken};

/// String metadata of a file. After signing it also holds every field the signer returned, and after
/// success always `key`, the S3 object key.
pub type Meta = Fields;

/// What a signer needs to know of a file: everything but its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileInfo {
    /// The name as the visitor's system gave it, without folders. May be anything, also empty.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// The MIME type as the browser guessed it; empty where it has no guess.
    #[serde(rename = "type")]
    pub content_type: String,
    /// The app's own metadata.
    #[serde(default)]
    pub meta: Meta,
}

impl FileInfo {
    /// The type to store: `application/octet-stream` where the browser had no guess.
    #[must_use]
    pub fn content_type_or_default(&self) -> &str {
        if self.content_type.is_empty() { "application/octet-stream" } else { &self.content_type }
    }
}

/// One file of a signing call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignRequest {
    /// The file to sign for.
    pub file: FileInfo,
    /// The token of an earlier signature of the same file: sign again for the same key.
    #[serde(default)]
    pub renew: Option<UploadToken>,
    /// The method the page would like; the server's configuration has the last word.
    #[serde(default)]
    pub method: Option<Method>,
    /// What the file's bytes have to be, where one request carries all of them.
    #[serde(default)]
    pub checksum: Option<Checksum>,
    /// Bytes of each part, for an upload in parts: the server then only reserves a key, and the answer names nothing
    /// that could be sent.
    #[serde(default)]
    pub part_size: Option<u64>,
    /// What each of these parts will be signed with; a store that was told so refuses a part that is not.
    #[serde(default)]
    pub algorithm: Option<ChecksumAlgorithm>,
}
