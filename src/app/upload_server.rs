use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use serde::Serialize;

use super::answer::{FromJson, Json};
use super::api::{
    ApiError, CompleteUpload, ConfirmUpload, CreateMultipartUpload, DiscardUpload, ListParts, SignParts, SignUploads,
};
use super::{CHECKSUM_ATTRIBUTE, ROOT_ID};
use crate::UploadServer;
use crate::browser::{Answer, LocalFuture, post_json};
use crate::engine::CallFailure;
use crate::s3::{
    Checksum, ChecksumAlgorithm, Method, Object, Part, PartRequest, Refusal, SignRequest, SignedPart, SignedUpload,
    UploadToken,
};

/// This page's own server functions as an [`UploadServer`].
pub(super) struct AppServer {
    /// The method chosen in the options panel; `None` leaves it to the server.
    pub(super) method: RwSignal<Option<Method>>,
}

impl UploadServer for AppServer {
    fn sign(
        &self,
        mut requests: Vec<SignRequest>,
    ) -> LocalFuture<Result<Vec<Result<SignedUpload, CallFailure>>, CallFailure>> {
        let method = self.method.get_untracked();
        for request in &mut requests {
            request.method = method;
        }
        Box::pin(async move {
            let results: Vec<Result<SignedUpload, Refusal>> = call(&SignUploads { files: requests }).await?;
            Ok(results.into_iter().map(|result| result.map_err(CallFailure::Refused)).collect())
        })
    }

    fn create(&self, request: SignRequest, again: bool) -> LocalFuture<Result<UploadToken, CallFailure>> {
        Box::pin(async move { call(&CreateMultipartUpload { request, again }).await })
    }

    fn sign_parts(
        &self,
        token: UploadToken,
        parts: Vec<PartRequest>,
    ) -> LocalFuture<Result<Vec<Result<SignedUpload, CallFailure>>, CallFailure>> {
        Box::pin(async move {
            let results: Vec<Result<SignedPart, Refusal>> = call(&SignParts { token, parts }).await?;
            let results = results.into_iter().map(|result| result.map(Into::into).map_err(CallFailure::Refused));
            Ok(results.collect())
        })
    }

    fn list_parts(&self, token: UploadToken) -> LocalFuture<Result<Vec<Part>, CallFailure>> {
        Box::pin(async move { call(&ListParts { token }).await })
    }

    fn complete(&self, token: UploadToken, checksums: Vec<Checksum>) -> LocalFuture<Result<Object, CallFailure>> {
        Box::pin(async move { call(&CompleteUpload { token, checksums }).await })
    }

    fn has_parts(&self) -> bool {
        true
    }

    /// The server says it in the page.
    fn checksum(&self) -> Option<ChecksumAlgorithm> {
        let root = web_sys::window()?.document()?.get_element_by_id(ROOT_ID)?;
        ChecksumAlgorithm::named(&root.get_attribute(CHECKSUM_ATTRIBUTE)?)
    }

    fn confirm(&self, token: UploadToken) -> LocalFuture<Result<Object, CallFailure>> {
        Box::pin(async move { call(&ConfirmUpload { token }).await })
    }

    fn discard(&self, token: UploadToken) -> LocalFuture<()> {
        // Nobody is left to hear of a failure.
        Box::pin(async move { drop(call::<_, ()>(&DiscardUpload { token }).await) })
    }
}

/// Calls a server function. Leptos's own client has no time limit, does not show `Retry-After`, and with what it
/// can do besides (streams, sockets) is a sixth of the page's WASM.
async fn call<Function, Output>(function: &Function) -> Result<Output, CallFailure>
where
    Function: ServerFn + Serialize,
    Output: FromJson,
{
    let unreachable = |reason| CallFailure::Unreachable { reason, retry_after: None };
    let body = serde_json::to_string(function).map_err(|error| CallFailure::Invalid { reason: error.to_string() })?;
    let answer = post_json(Function::PATH, &body).await.map_err(unreachable)?;
    if (200..300).contains(&answer.status) {
        let output = Json::parse(&answer.body).and_then(|json| Output::from_json(&json));
        return output.ok_or_else(|| unreachable("something that is not its answer".into()));
    }
    Err(failure(answer))
}

fn failure(answer: Answer) -> CallFailure {
    let Answer { status, body, retry_after } = answer;
    match Json::parse(&body).and_then(|json| ApiError::from_json(&json)) {
        Some(ApiError::Refused(refusal)) => CallFailure::Refused(refusal),
        Some(ApiError::Unreachable(reason)) => CallFailure::Unreachable { reason, retry_after },
        Some(error) => CallFailure::Invalid { reason: error.to_string() },
        None => CallFailure::Unreachable { reason: format!("status {status}"), retry_after },
    }
}
