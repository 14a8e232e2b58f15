use std::ops::Range;

use wasm_bindgen::JsValue;
use web_sys::{Blob, File, FormData, XmlHttpRequest};

use crate::s3::{Method, UploadParameters};

/// Sends bytes of a file: by themselves (PUT), or as the last field of a form after the signer's (POST).
pub(super) fn send(
    xhr: &XmlHttpRequest,
    file: &File,
    body: &Blob,
    parameters: &UploadParameters,
) -> Result<(), JsValue> {
    match parameters.method {
        Method::Put => xhr.send_with_opt_blob(Some(body)),
        Method::Post => {
            let form = FormData::new()?;
            for (name, value) in parameters.fields.iter() {
                form.append_with_str(name, value)?;
            }
            // Browsers write most control characters into the form as they are, and stores refuse such a form.
            let name: String = file.name().chars().filter(|c| !c.is_control()).collect();
            form.append_with_blob_and_filename("file", body, &name)?;
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

/// Bytes of a file.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a file's size is whole and not negative")]
pub(super) fn size_of(file: &File) -> u64 {
    file.size() as u64
}

/// Whether the browser can still read a file. Chromium refuses one that changed, moved or went since it was picked.
pub(super) async fn is_readable(file: &File) -> bool {
    let Ok(probe) = file.slice_with_f64_and_f64(0.0, 1.0) else { return false };
    wasm_bindgen_futures::JsFuture::from(probe.array_buffer()).await.is_ok()
}
