use std::ops::Range;

use js_sys::{Array, ArrayBuffer};
use wasm_bindgen::JsValue;
use web_sys::{Blob, File, FormData, XmlHttpRequest};

use crate::s3::{Method, UploadParameters};

/// What a request sends.
pub(super) enum Body {
    /// Bytes of a file, which the browser reads while it sends them.
    Blob(Blob),
    /// Bytes that were read before, for their checksum.
    Buffer(ArrayBuffer),
}

impl Body {
    /// What was read, or else a reference to the file's bytes.
    pub(super) fn new(file: &File, bytes: Range<u64>, read: Option<ArrayBuffer>) -> Result<Self, JsValue> {
        match read {
            Some(buffer) => Ok(Self::Buffer(buffer)),
            None => slice(file, bytes).map(Self::Blob),
        }
    }

    fn into_blob(self) -> Result<Blob, JsValue> {
        match self {
            Self::Blob(blob) => Ok(blob),
            Self::Buffer(buffer) => Blob::new_with_buffer_source_sequence(&Array::of1(&buffer)),
        }
    }
}

/// Sends bytes of a file: by themselves (PUT), or as the last field of a form after the signer's (POST).
pub(super) fn send(
    xhr: &XmlHttpRequest,
    file: &File,
    body: Body,
    parameters: &UploadParameters,
) -> Result<(), JsValue> {
    match (parameters.method, body) {
        (Method::Put, Body::Blob(blob)) => xhr.send_with_opt_blob(Some(&blob)),
        (Method::Put, Body::Buffer(buffer)) => xhr.send_with_opt_buffer_source(Some(&buffer)),
        (Method::Post, body) => {
            let form = FormData::new()?;
            for (name, value) in parameters.fields.iter() {
                form.append_with_str(name, value)?;
            }
            // Browsers write most control characters into the form as they are, and stores refuse such a form.
            let name: String = file.name().chars().filter(|c| !c.is_control()).collect();
            form.append_with_blob_and_filename("file", &body.into_blob()?, &name)?;
            xhr.send_with_opt_form_data(Some(&form))
        }
    }
}

/// Bytes of a file by reference; nothing is read. The whole file stays a `File`, which keeps its type.
#[expect(clippy::cast_precision_loss, clippy::float_cmp, reason = "JavaScript counts bytes in f64 too: exact to 8 PiB")]
pub(super) fn slice(file: &File, bytes: Range<u64>) -> Result<Blob, JsValue> {
    let (start, end) = (bytes.start as f64, bytes.end as f64);
    if start == 0.0 && end == file.size() {
        return Ok(file.clone().into());
    }
    file.slice_with_f64_and_f64(start, end)
}

/// Whether the browser can still read a file. Chromium refuses one that changed, moved or went since it was picked.
pub(super) async fn is_readable(file: &File) -> bool {
    let Ok(probe) = file.slice_with_f64_and_f64(0.0, 1.0) else { return false };
    wasm_bindgen_futures::JsFuture::from(probe.array_buffer()).await.is_ok()
}
