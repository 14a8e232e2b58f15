//! The server functions: what the page asks of the server. The bodies run on the server only.

use leptos::{
    prelude::*,
    server_fn::{
        codec::{Json, JsonEncoding},
        error::{FromServerFnError, ServerFnErrorErr},
    },
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::s3::{
    Checksum, CreatedUpload, Object, Part, PartRequest, Refusal, SignRequest, SignedPart, SignedUpload, UploadToken,
};

/// Why a call to the server brought nothing. “The server refused” and “the server could not be
/// reached” are different things to a visitor, and to whatever decides on another try.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum ApiError {
    /// The server understood and said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No answer, or one that is not this server's. Worth another try.
    #[error("The server could not be reached: {0}")]
    Unreachable(String),
    /// The call came from another site's page.
    #[error("This page may not upload here. Open the upload page itself and try again.")]
    CrossSite,
    /// The call had no cookie of this server, and the visitor could confirm nothing of what is signed now. The answer sets
    /// one.
    #[error(
        "This browser keeps no cookie of this page, and without one the server can't tell whose upload is whose. Allow \
         cookies for this site, then try again."
    )]
    NoCookie,
    /// The server does not understand the call: the page is older or newer than it.
    #[error("The server did not understand the page: {0}. Reload the page and try again.")]
    BadRequest(String),
}

impl FromServerFnError for ApiError {
    type Encoder = JsonEncoding;

    /// The server decodes calls, the browser decodes answers: one kind of error, two meanings.
    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Deserialization(reason)
            | ServerFnErrorErr::Args(reason)
            | ServerFnErrorErr::MissingArg(reason)
                if cfg!(feature = "ssr") =>
            {
                Self::BadRequest(reason)
            }
            ServerFnErrorErr::Serialization(reason) => Self::BadRequest(reason),
            error => Self::Unreachable(error.to_string()),
        }
    }
}

/// Signs uploads: per file what to send, or why not, in the order of `files`. Not for who sends no cookie.
#[server(prefix = "/api", endpoint = "sign_uploads", input = Json)]
pub async fn sign_uploads(files: Vec<SignRequest>) -> Result<Vec<Result<SignedUpload, Refusal>>, ApiError> {
    let (service, visitor) = server::context()?;
    server::demand_cookie(&visitor)?;
    Ok(service.sign(&visitor, files).await)
}

/// Begins the upload in parts whose key `request.renew` has reserved; `again` after a call that got no answer.
#[server(prefix = "/api", endpoint = "create_multipart_upload", input = Json)]
pub async fn create_multipart_upload(request: SignRequest, again: bool) -> Result<CreatedUpload, ApiError> {
    let (service, visitor) = server::context()?;
    server::answer(service.create_multipart_upload(&visitor, &request, again).await)
}

/// Signs parts: per part what to send, or why not, in the order of `parts`. At most 100 in a call.
#[server(prefix = "/api", endpoint = "sign_parts", input = Json)]
pub async fn sign_parts(
    token: UploadToken,
    parts: Vec<PartRequest>,
) -> Result<Vec<Result<SignedPart, Refusal>>, ApiError> {
    let (service, visitor) = server::context()?;
    server::answer(service.sign_parts(&visitor, &token, parts).await)
}

/// The parts that the store has, in order.
#[server(prefix = "/api", endpoint = "list_parts", input = Json)]
pub async fn list_parts(token: UploadToken) -> Result<Vec<Part>, ApiError> {
    let (service, visitor) = server::context()?;
    server::answer(service.list_parts(&visitor, &token).await)
}

/// The object that the parts become. `checksums` are the browser's, one per part in order, or none.
#[server(prefix = "/api", endpoint = "complete_upload", input = Json)]
pub async fn complete_upload(token: UploadToken, checksums: Vec<Checksum>) -> Result<Object, ApiError> {
    let (service, visitor) = server::context()?;
    server::answer(service.complete(&visitor, &token, checksums).await)
}

/// The uploaded object, once the store has all of it.
#[server(prefix = "/api", endpoint = "confirm_upload", input = Json)]
pub async fn confirm_upload(token: UploadToken) -> Result<Object, ApiError> {
    let (service, visitor) = server::context()?;
    server::answer(service.confirm(&visitor, &token).await)
}

/// A URL that opens the object in the next 5 minutes.
#[server(prefix = "/api", endpoint = "object_url", input = Json)]
pub async fn object_url(token: UploadToken) -> Result<String, ApiError> {
    let (service, visitor) = server::context()?;
    server::answer(service.object_url(&visitor, &token).await)
}

/// Deletes what a cancelled upload may have left in the store.
#[server(prefix = "/api", endpoint = "discard_upload", input = Json)]
pub async fn discard_upload(token: UploadToken) -> Result<(), ApiError> {
    let (service, visitor) = server::context()?;
    server::answer(service.discard(&visitor, &token).await)
}

#[cfg(feature = "ssr")]
mod server {
    use ::http::{StatusCode, header, request::Parts};
    use leptos::prelude::use_context;
    use leptos_axum::ResponseOptions;

    use super::{ApiError, Refusal};
    use crate::server::{UploadService, Visitor, http::status_of};

    pub(super) fn context() -> Result<(UploadService, Visitor), ApiError> {
        let missing = |what: &str| ApiError::Unreachable(format!("this server was built without {what}"));
        let service = use_context().ok_or_else(|| missing("an upload service"))?;
        let visitor = use_context().ok_or_else(|| missing("visitors"))?;
        Ok((service, visitor))
    }

    /// A visitor whose cookie does not come back would be another one with each call: what he sends would be stored, and
    /// never confirmed.
    pub(super) fn demand_cookie(visitor: &Visitor) -> Result<(), ApiError> {
        let Some(request) = use_context::<Parts>() else { return Ok(()) };
        let mut cookies = request.headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
        if cookies.any(|line| line.contains(visitor.as_str())) {
            return Ok(());
        }
        if let Some(response) = use_context::<ResponseOptions>() {
            response.set_status(StatusCode::PRECONDITION_REQUIRED);
        }
        Err(ApiError::NoCookie)
    }

    pub(super) fn answer<T>(result: Result<T, Refusal>) -> Result<T, ApiError> {
        result.map_err(|refusal| {
            if let Some(response) = use_context::<ResponseOptions>() {
                response.set_status(status_of(&refusal));
            }
            refusal.into()
        })
    }
}
