use std::ops::Range;

use js_sys::{Array, ArrayBuffer, Uint8Array};
use md5::{Digest, Md5};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, MessageChannel};

use super::body::slice;
use crate::s3::{Checksum, ChecksumAlgorithm};

/// Bytes that are hashed at one time where they are hashed on the main thread.
const MD5_PIECE: u64 = 8 << 20;

/// What bytes of a file are. They are not kept: they are sent by reference to the file, so that what waits and what is on its
/// way takes no memory. The store refuses them if they are others by then.
///
/// # Errors
/// What the browser throws for a file that can't be read: it changed, moved or went since it was picked.
pub(super) async fn read(file: File, bytes: Range<u64>, algorithm: ChecksumAlgorithm) -> Result<Checksum, JsValue> {
    let digest = match algorithm {
        ChecksumAlgorithm::Sha256 => {
            let buffer = buffer_of(&file, bytes).await?;
            let digest = sha256(&buffer).await?;
            // What stays costs memory, and nobody the upload.
            let _ = release(&buffer);
            digest
        }
        ChecksumAlgorithm::Md5 => md5(&file, bytes).await?,
    };
    Ok(Checksum { algorithm, value: base64(&digest)? })
}

/// Piece by piece: a part may have 5 GiB.
async fn md5(file: &File, bytes: Range<u64>) -> Result<Vec<u8>, JsValue> {
    let mut md5 = Md5::new();
    let mut start = bytes.start;
    while start < bytes.end {
        let end = bytes.end.min(start + MD5_PIECE);
        let buffer = buffer_of(file, start..end).await?;
        md5.update(Uint8Array::new(&buffer).to_vec());
        let _ = release(&buffer);
        start = end;
    }
    Ok(md5.finalize().to_vec())
}

async fn buffer_of(file: &File, bytes: Range<u64>) -> Result<ArrayBuffer, JsValue> {
    JsFuture::from(slice(file, bytes)?.array_buffer()).await?.dyn_into()
}

/// Gives memory back at once: what is moved to a port whose other end is closed goes nowhere. Left to itself, Chromium
/// gathers hundreds of megabytes before it collects them.
fn release(buffer: &ArrayBuffer) -> Result<(), JsValue> {
    let channel = MessageChannel::new()?;
    channel.port2().close();
    channel.port1().post_message_with_transferable(&JsValue::NULL, &Array::of1(buffer))
}

/// By the browser, off the main thread. It has this on pages served over HTTPS, and on `localhost`.
async fn sha256(buffer: &ArrayBuffer) -> Result<Vec<u8>, JsValue> {
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    let digest = window.crypto()?.subtle().digest_with_str_and_buffer_source("SHA-256", buffer)?;
    Ok(Uint8Array::new(&JsFuture::from(digest).await?).to_vec())
}

/// Whether this page can compute such checksums. Only in a browser.
#[must_use]
pub fn is_available(algorithm: ChecksumAlgorithm) -> bool {
    match algorithm {
        ChecksumAlgorithm::Sha256 => web_sys::window().is_some_and(|window| window.is_secure_context()),
        ChecksumAlgorithm::Md5 => true,
    }
}

/// Bytes of a file.
pub(super) async fn bytes_of(file: &File, bytes: Range<u64>) -> Result<Uint8Array, JsValue> {
    Ok(Uint8Array::new(&JsFuture::from(slice(file, bytes)?.array_buffer()).await?))
}

/// Standard Base64, padding included.
pub(super) fn base64(bytes: &[u8]) -> Result<String, JsValue> {
    let latin1: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    web_sys::window().ok_or(JsValue::NULL)?.btoa(&latin1)
}
