//! What happens to every request before and after Leptos: who the visitor is, whether the call comes
//! from our own page, how large it may be, and the headers of every answer.

mod api_body;
mod compression;
mod form_page;
mod host;
mod object_link;
mod request_target;
mod room;
mod same_origin;
mod security_headers;
mod visitor_cookie;

pub(super) use api_body::buffer_api_body;
pub(super) use compression::{Compressors, bound_compression};
pub(super) use form_page::{add_form_page, return_route, return_to_page};
pub(super) use host::{HostCheck, check_host};
pub use object_link::OBJECT_PATH;
pub(super) use object_link::open_object;
pub(super) use request_target::refuse_without_path;
pub(super) use room::{Held, NO_ROOM_RETRY_SECS, Room, Unread};
pub(super) use same_origin::{is_cross_site, refuse_cross_site};
pub(super) use security_headers::add_security_headers;
pub use security_headers::content_security_policy;
pub(super) use visitor_cookie::identify_visitor;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::Value;

use crate::s3::Refusal;

/// Server functions live below this path.
pub const API_PREFIX: &str = "/api";

/// Whether what stands there is signed for one visitor.
fn is_signed(path: &str) -> bool {
    is_api(path) || path.starts_with("/object/")
}

fn is_api(path: &str) -> bool {
    path.strip_prefix(API_PREFIX).is_some_and(|rest| rest.starts_with('/'))
}

/// What kind of refusal it is, for logs and for other clients than our page.
#[must_use]
pub fn status_of(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::TokenInvalid => StatusCode::FORBIDDEN,
        Refusal::TokenExpired => StatusCode::GONE,
        Refusal::ObjectMissing | Refusal::UploadMissing => StatusCode::NOT_FOUND,
        Refusal::SizeMismatch { .. }
        | Refusal::PartsMissing { .. }
        | Refusal::ChecksumMismatch
        | Refusal::AlreadyComplete => StatusCode::CONFLICT,
        Refusal::StoreUnavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::StoreRefused { .. } => StatusCode::BAD_GATEWAY,
        Refusal::FileTooLarge { .. }
        | Refusal::TypeNotAllowed { .. }
        | Refusal::Malformed { .. }
        | Refusal::TooManyFiles { .. } => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// An error that the client half of a server function reads as its own.
fn api_error(status: StatusCode, error: Value) -> Response {
    (status, Json(error)).into_response()
}
