use ::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::MAX_FORM_BYTES;

/// Whether a body of this size is taken at all, before a byte of it is read.
///
/// s3s checks the signature of a form after it has read the form, and one without a length into memory: whoever reaches the
/// port, with no signature at all, could fill it.
///
/// # Errors
///
/// The answer: `MissingContentLength` for a form that does not say its size, `EntityTooLarge` for more than `max_size`.
pub(super) fn check(method: &Method, headers: &HeaderMap, max_size: u64) -> Result<(), Box<Response>> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let is_form = *method == Method::POST && is_multipart(headers);
    let max = match *method {
        Method::PUT => max_size,
        Method::POST if is_form => max_size.saturating_add(MAX_FORM_BYTES as u64),
        // XML, of which s3s has its own limit, and reads none without a signature.
        _ => return Ok(()),
    };
    match length {
        Some(length) if length > max => {
            let message = "The body is larger than UPLOAD_MAX_SIZE.";
            Err(Box::new(refused(StatusCode::PAYLOAD_TOO_LARGE, "EntityTooLarge", message)))
        }
        None if is_form => {
            let message = "A form needs a Content-Length.";
            Err(Box::new(refused(StatusCode::LENGTH_REQUIRED, "MissingContentLength", message)))
        }
        _ => Ok(()),
    }
}

fn is_multipart(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    content_type.is_some_and(|value| value.len() >= 10 && value[..10].eq_ignore_ascii_case(b"multipart/"))
}

/// As S3 words it.
fn refused(status: StatusCode, code: &str, message: &str) -> Response {
    let body = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"#
    );
    (status, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
}
