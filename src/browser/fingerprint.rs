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
    /// MD5 of the first, the middle and the last 64 KiB, as Base64: also pages without HTTPS have it.
    pub(super) hash: String,
}

impl Fingerprint {
    /// `None` of a file that can't be read.
    pub(super) fn of(file: File) -> LocalFuture<Option<Self>> {
        Box::pin(async move {
            let hash = hash(&file).await.ok()?;
            Some(Self { name: file.name(), size: size_of(&file), modified_ms: file.last_modified(), hash })
        })
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
