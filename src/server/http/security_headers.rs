use std::env;

use super::is_signed;
use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};

/// For every answer. Pages bring their own policy; nothing else here should run as one.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Adds the headers that tell a browser to trust as little as the page needs.
pub(in crate::server) async fn add_security_headers(request: Request, next: Next) -> Response {
    let is_signed = is_signed(request.uri().path());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_page = content_type.is_some_and(|value| value.starts_with("text/html"));
    // Browsers ask again whether it is still the same: a script and WASM of two builds don't fit
    // together, and the page holds a form signed for this visitor.
    let caching = match (is_signed, is_page) {
        (true, _) => "no-store",
        (false, true) => "private, no-cache",
        (false, false) => "no-cache",
    };
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static(caching));
    response
}

/// The policy of a page whose scripts carry `nonce` and whose files go to `s3_origin`.
///
/// `wasm-unsafe-eval` lets WASM be compiled, and nothing else. Previews are `blob:` URLs.
#[must_use]
pub fn content_security_policy(nonce: &str, s3_origin: &str) -> String {
    // `cargo leptos watch` tells the page over a web socket when to reload.
    let live_reload = if env::var_os("LEPTOS_WATCH").is_some() { " ws:" } else { "" };
    [
        "default-src 'none'".to_owned(),
        format!("script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'"),
        "style-src 'self'".to_owned(),
        "img-src 'self' blob:".to_owned(),
        format!("connect-src 'self' {s3_origin}{live_reload}"),
        format!("form-action 'self' {s3_origin}"),
        "base-uri 'none'".to_owned(),
        "frame-ancestors 'none'".to_owned(),
    ]
    .join("; ")
}
