use md5::{Digest, Md5};
use wasm_bindgen::JsValue;
use web_sys::File;

use super::body::size_of;
use super::reading::{base64, bytes_of};
use super::server::LocalFuture;

/// Bytes that are looked at in each of three places.
const SAMPLE: u64 = 64 << 10;

/// What tells one file from another, without reading all of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fingerprint {
    pub(super) name: String,
    /// Bytes.
    pub(super) size: u64,
    /// Since 1970.
    pub(super) modified_ms: f64,
    /// MD5 of the first, the middle and the last 64 KiB, as Base64: also pages without HTTPS have it. `None` where they
    /// could not be read.
    pub(super) hash: Option<String>,
}

impl Fingerprint {
    pub(super) fn of(file: File) -> LocalFuture<Self> {
        Box::pin(async move {
            let hash = hash(&file).await.ok();
            Self { name: file.name(), size: size_of(&file), modified_ms: file.last_modified(), hash }
        })
    }

    pub(super) fn is_of_time(&self, other: &Self) -> bool {
        self.modified_ms.to_bits() == other.modified_ms.to_bits()
    }

    /// Whether a file that is at hand may be the one that this was taken of. Its time may be another, since sync programs
    /// and file systems change it: what the store has is compared with the file anyway.
    pub(super) fn may_be(&self, at_hand: &Self) -> bool {
        let is_same = match (&self.hash, &at_hand.hash) {
            (Some(one), Some(other)) => one == other,
            (None, Some(_)) => true,
            // What can't be read is no file to resume with.
            (_, None) => false,
        };
        self.name == at_hand.name && self.size == at_hand.size && is_same
    }
}

async fn hash(file: &File) -> Result<String, JsValue> {
    let size = size_of(file);
    let mut samples = Vec::new();
    for start in [0, (size / 2).saturating_sub(SAMPLE / 2), size.saturating_sub(SAMPLE)] {
        samples.extend(bytes_of(file, start..size.min(start + SAMPLE)).await?.to_vec());
    }
    base64(&Md5::digest(samples))
}
