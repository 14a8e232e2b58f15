use std::time::Duration;

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Headers, RequestInit, Response};

use crate::s3::COMPLETE_TIMEOUT;

/// A call is answered in this time, or it counts as not answered.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The same for a call that waits for `CompleteMultipartUpload`: what the server gives the store, and what it asks before and
/// after.
pub const COMPLETE_CALL_TIMEOUT: Duration = COMPLETE_TIMEOUT.saturating_add(Duration::from_mins(5));

/// The answer to a call.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body as text.
    pub body: String,
    /// `Retry-After`: from now on.
    pub retry_after: Option<Duration>,
}

/// Posts JSON to this page's own server.
///
/// # Errors
/// Why there is no answer, in words.
pub async fn post_json(path: &str, body: &str, timeout: Duration) -> Result<Answer, String> {
    exchange("POST", path, Some(body), timeout).await
}

/// Any call. A body is JSON; without one the call needs no preflight.
pub(super) async fn exchange(method: &str, url: &str, body: Option<&str>, timeout: Duration) -> Result<Answer, String> {
    fetch(method, url, body, timeout).await.map_err(|error| match error.dyn_into::<js_sys::Error>() {
        Ok(error) => String::from(error.message()),
        Err(_) => "no answer".into(),
    })
}

async fn fetch(method: &str, url: &str, body: Option<&str>, timeout: Duration) -> Result<Answer, JsValue> {
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    let headers = Headers::new()?;
    headers.set("Accept", "application/json")?;
    let init = RequestInit::new();
    init.set_method(method);
    if let Some(body) = body {
        headers.set("Content-Type", "application/json")?;
        init.set_body(&body.into());
    }
    init.set_headers(&headers);
    init.set_signal(Some(&after(timeout)));
    let response: Response = JsFuture::from(window.fetch_with_str_and_init(url, &init)).await?.dyn_into()?;
    let retry_after = response.headers().get("Retry-After")?;
    Ok(Answer {
        status: response.status(),
        body: JsFuture::from(response.text()?).await?.as_string().unwrap_or_default(),
        retry_after: retry_after.as_deref().and_then(parse_retry_after),
    })
}

/// Aborts after this time.
pub(super) fn after(timeout: Duration) -> AbortSignal {
    AbortSignal::timeout_with_u32(u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX))
}

/// `Retry-After` is a number of seconds or a date.
pub(super) fn parse_retry_after(value: &str) -> Option<Duration> {
    let value = value.trim_ascii();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let ms = js_sys::Date::parse(value) - js_sys::Date::now();
    // What is no date is no number, and a date of before is now.
    Duration::try_from_secs_f64(ms.max(0.0) / 1_000.0).ok().filter(|_| !ms.is_nan())
}
