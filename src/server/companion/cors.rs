use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::answer::Problem;
use crate::server::{UploadService, http::is_cross_site};

/// What Uppy's clients of all years may ask leave for, and what this crate's own, with `host`, reads.
const ALLOW: [(HeaderName, &str); 5] = [
    (header::ACCESS_CONTROL_ALLOW_METHODS, "GET,POST,DELETE,OPTIONS"),
    (
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        "uppy-auth-token,uppy-credentials-params,uppy-versions,authorization,origin,content-type,accept",
    ),
    // Some are set to send cookies; none are read here.
    (header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
    (header::ACCESS_CONTROL_EXPOSE_HEADERS, "retry-after"),
    (header::ACCESS_CONTROL_MAX_AGE, "3600"),
];

/// Answers pages of the configured origins, this server's own, and clients that are no browsers. No other page gets this
/// server to sign, whether or not it could read the answer.
pub(super) async fn share_with_origins(State(service): State<UploadService>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let origin = headers.get(header::ORIGIN).filter(|origin| is_listed(&service, origin)).cloned();
    if origin.is_none() && is_cross_site(headers) {
        return (varying(), refusal(headers)).into_response();
    }
    let mut response = match *request.method() {
        Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
        _ => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.extend(varying());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.extend(ALLOW.map(|(name, value)| (name, HeaderValue::from_static(value))));
    }
    response
}

fn is_listed(service: &UploadService, origin: &HeaderValue) -> bool {
    service.companion_origins().is_some_and(|origins| origins.iter().any(|own| own.as_str() == origin))
}

fn varying() -> HeaderMap {
    [(header::VARY, HeaderValue::from_static("Origin"))].into_iter().collect()
}

/// The page can't read it, but who looks after the page can.
fn refusal(headers: &HeaderMap) -> Problem {
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or("of another site");
    Problem::new(StatusCode::FORBIDDEN, format!("s3: COMPANION_ORIGINS does not have this page's origin, {origin}"))
}
