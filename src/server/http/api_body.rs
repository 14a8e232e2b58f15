use std::{future::poll_fn, pin::Pin, time::Duration};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{StatusCode, header},
    middleware::Next,
    response::Response,
};
use leptos::server_fn::error::SERVER_FN_ERROR_HEADER;
use serde_json::json;
use tokio::time::timeout;

use super::{api_error, is_api};

/// Room for ten thousand files with metadata; their own refusals are clearer than this one.
const MAX_BYTES: usize = 8 << 20;

/// How long a call may take to arrive.
pub(in crate::server) const MAX_READ_TIME: Duration = Duration::from_secs(30);

/// Read on beyond the limit and thrown away. An answer to a request whose body nobody read shows up in
/// a browser as a network error, without status and without words.
const MAX_DRAINED_BYTES: usize = 64 << 20;

/// Reads the whole body of a server function call, so that every answer to it can be read, and
/// refuses one that is too large.
pub(in crate::server) async fn buffer_api_body(request: Request, next: Next) -> Response {
    if !is_api(request.uri().path()) {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    // For a caller that would rather have HTML, Leptos redirects to where the call came from.
    parts.headers.remove(header::ACCEPT);
    let Ok(body) = timeout(MAX_READ_TIME, read(body, MAX_BYTES)).await else {
        return api_error(StatusCode::REQUEST_TIMEOUT, json!({ "Unreachable": "the call did not arrive in time" }));
    };
    match body {
        Ok(bytes) if bytes.len() <= MAX_BYTES => {
            let response = next.run(Request::from_parts(parts, Body::from(bytes))).await;
            blame_caller(response)
        }
        Ok(_) => {
            let reason = format!("A call has at most {MAX_BYTES} bytes. Add fewer files at a time.");
            api_error(StatusCode::PAYLOAD_TOO_LARGE, json!({ "BadRequest": reason }))
        }
        Err(error) => api_error(StatusCode::BAD_REQUEST, json!({ "BadRequest": error.to_string() })),
    }
}

/// Our functions choose a status for what they refuse. What Leptos leaves at 500 is a call that is not
/// what the function takes.
fn blame_caller(mut response: Response) -> Response {
    let is_undecoded = response.headers().contains_key(SERVER_FN_ERROR_HEADER);
    if is_undecoded && response.status() == StatusCode::INTERNAL_SERVER_ERROR {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    response
}

/// The body, or more than `max` bytes of it.
pub(in crate::server) async fn read(mut body: Body, max: usize) -> Result<Bytes, axum::Error> {
    let mut bytes = Vec::new();
    let mut drained = 0;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let Ok(data) = frame?.into_data() else { continue };
        if bytes.len() <= max {
            bytes.extend_from_slice(&data);
        } else {
            drained += data.len();
        }
        if drained > MAX_DRAINED_BYTES {
            break;
        }
    }
    Ok(bytes.into())
}
