use axum::{
    Extension,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    s3::UploadToken,
    server::{UploadService, Visitor},
};

/// Below it, followed by an upload's token, is the uploaded object: a plain link, so a page needs no
/// call to offer one, and each click gets a fresh signature.
pub const OBJECT_PATH: &str = "/object/{token}";

/// Sends the visitor on to the object in the store.
pub(in crate::server) async fn open_object(
    State(service): State<UploadService>,
    Extension(visitor): Extension<Visitor>,
    Path(token): Path<String>,
) -> Response {
    match service.object_url(&visitor, &UploadToken::new(token)).await {
        Ok(url) => ([(header::CACHE_CONTROL, "no-store")], Redirect::to(&url)).into_response(),
        Err(refusal) => (StatusCode::NOT_FOUND, refusal.to_string()).into_response(),
    }
}
