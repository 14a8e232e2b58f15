use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper::ext::ReasonPhrase;
use serde_json::{Value, json};

use crate::{
    s3::Refusal,
    server::http::{NO_ROOM_RETRY_SECS, status_of},
};

/// The most characters of a reason phrase: proxies have little room for a status line.
const MAX_REASON: usize = 400;

pub(super) type Answer = Result<Json<Value>, Problem>;

/// Why a call brought nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    status: StatusCode,
    text: String,
    retry_secs: Option<u64>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), retry_secs: None }
    }

    pub(super) fn no_room() -> Self {
        let text = "s3: too many large calls at a time";
        Self { retry_secs: Some(NO_ROOM_RETRY_SECS), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, text) }
    }

    pub(super) fn bad_request(text: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    #[cfg(test)]
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// Statuses that Companion has none for are those of our own server functions.
impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        if refusal == Refusal::TokenInvalid {
            let text = "s3: this server began no upload of that id and key. Upload the file again.";
            return Self::new(StatusCode::FORBIDDEN, text);
        }
        let status = match status_of(&refusal) {
            StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
            status => status,
        };
        Self::new(status, format!("s3: {refusal}"))
    }
}

impl IntoResponse for Problem {
    /// Companion has `error`; Uppy shows a person `message` up to 5.x, which is else `undefined`, and in 6.x the reason phrase
    /// of the status line, which HTTP/2 does not have.
    fn into_response(self) -> Response {
        let body = json!({ "error": self.text, "message": self.text });
        let mut response = (self.status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response();
        if let Ok(reason) = ReasonPhrase::try_from(one_ascii_line(&self.text)) {
            response.extensions_mut().insert(reason);
        }
        if let Some(secs) = self.retry_secs {
            response.headers_mut().insert(header::RETRY_AFTER, secs.into());
        }
        response
    }
}

/// A status line is Latin-1, and some proxies end it early where it is not ASCII.
fn one_ascii_line(text: &str) -> String {
    let ascii = |c: char| match c {
        ' '..='~' => c,
        '“' | '”' => '"',
        '‘' | '’' => '\'',
        _ => '?',
    };
    text.chars().take(MAX_REASON).map(ascii).collect()
}

pub(super) async fn not_found() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({ "message": "Not Found" }))).into_response()
}
