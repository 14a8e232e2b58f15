use axum::{
    Extension,
    body::Body,
    extract::Request,
    http::{StatusCode, header},
    middleware::Next,
    response::Response,
};
use http_body_util::BodyExt;
use leptos::server_fn::error::SERVER_FN_ERROR_HEADER;
use serde_json::json;

use super::{
    api_error, is_api,
    room::{Held, NO_ROOM_RETRY_SECS, Room, Unread},
};

/// Room for ten thousand files with metadata; their own refusals are clearer than this one.
const MAX_BYTES: usize = 8 << 20;

/// Reads the whole body of a server function call, so that every answer to it can be read, and
/// refuses one that is too large.
pub(in crate::server) async fn buffer_api_body(
    Extension(room): Extension<Room>,
    request: Request,
    next: Next,
) -> Response {
    if !is_api(request.uri().path()) {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    // For a caller that would rather have HTML, Leptos redirects to where the call came from.
    parts.headers.remove(header::ACCEPT);
    let Held { bytes, taken } = match room.read(body, MAX_BYTES).await {
        Ok(held) => held,
        Err(unread) => return refusal(&unread),
    };
    let response = blame_caller(next.run(Request::from_parts(parts, Body::from(bytes))).await);
    // The answer may be as large as the call, and its reader as slow.
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let _ = &taken;
            frame
        }))
    })
}

fn refusal(unread: &Unread) -> Response {
    match unread {
        Unread::TooLarge => {
            let reason = format!("A call has at most {MAX_BYTES} bytes. Add fewer files at a time.");
            api_error(StatusCode::PAYLOAD_TOO_LARGE, json!({ "BadRequest": reason }))
        }
        Unread::NoRoom => {
            let error = json!({ "Unreachable": "it has too many large calls at a time" });
            let mut response = api_error(StatusCode::SERVICE_UNAVAILABLE, error);
            response.headers_mut().insert(header::RETRY_AFTER, NO_ROOM_RETRY_SECS.into());
            response
        }
        Unread::Late => {
            api_error(StatusCode::REQUEST_TIMEOUT, json!({ "Unreachable": "the call did not arrive in time" }))
        }
        Unread::Broken(error) => api_error(StatusCode::BAD_REQUEST, json!({ "BadRequest": error.to_string() })),
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

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn a_call_without_room_is_worth_another_try_and_told_when() {
        let response = refusal(&Unread::NoRoom);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "5");
        let error = to_bytes(response.into_body(), MAX_BYTES).await.unwrap();
        assert!(error.starts_with(b"{\"Unreachable\":"), "{error:?}");
    }
}
