use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use leptos::server_fn::ServerFn;

use super::answer::{FromJson, Json};
use super::api::{
    ApiError, CompleteUpload, ConfirmUpload, CreateMultipartUpload, DiscardUpload, ListParts, SignParts, SignUploads,
};
use super::question::ToJson;
use super::{CHECKSUM_ATTRIBUTE, MAX_PART_REQUESTS_ATTRIBUTE, MAX_PARTS_ATTRIBUTE, ROOT_ID};
use crate::UploadServer;
use crate::browser::{Answer, CALL_TIMEOUT, COMPLETE_CALL_TIMEOUT, LocalFuture, post_json};
use crate::engine::{CallFailure, MAX_PART_REQUESTS};
use crate::s3::{
    Checksum, ChecksumAlgorithm, CreatedUpload, Method, Object, Part, PartNumber, PartPlan, PartRequest, SignRequest,
    SignedUpload, UploadToken,
};

/// The status of an answer to a call without the visitor's cookie.
const PRECONDITION_REQUIRED: u16 = 428;

/// This page's own server functions as an [`UploadServer`].
pub(super) struct AppServer {
    /// The method chosen in the options panel; `None` leaves it to the server.
    pub(super) method: Rc<Cell<Option<Method>>>,
}

impl UploadServer for AppServer {
    fn sign(
        &self,
        mut requests: Vec<SignRequest>,
    ) -> LocalFuture<Result<Vec<Result<SignedUpload, CallFailure>>, CallFailure>> {
        let method = self.method.get();
        for request in &mut requests {
            request.method = method;
        }
        call(&SignUploads { files: requests })
    }

    fn create(&self, request: SignRequest, again: bool) -> LocalFuture<Result<CreatedUpload, CallFailure>> {
        call(&CreateMultipartUpload { request, again })
    }

    fn sign_parts(
        &self,
        token: UploadToken,
        parts: Vec<PartRequest>,
    ) -> LocalFuture<Result<Vec<Result<SignedUpload, CallFailure>>, CallFailure>> {
        call(&SignParts { token, parts })
    }

    fn list_parts(&self, token: UploadToken) -> LocalFuture<Result<Vec<Part>, CallFailure>> {
        call(&ListParts { token })
    }

    fn complete(
        &self,
        token: UploadToken,
        _: PartPlan,
        checksums: Vec<Checksum>,
    ) -> LocalFuture<Result<Object, CallFailure>> {
        call_for(&CompleteUpload { token, checksums }, COMPLETE_CALL_TIMEOUT)
    }

    fn has_parts(&self) -> bool {
        true
    }

    fn checksum(&self) -> Option<ChecksumAlgorithm> {
        ChecksumAlgorithm::named(&said_in_page(CHECKSUM_ATTRIBUTE)?)
    }

    fn max_parts(&self) -> u16 {
        number_in_page(MAX_PARTS_ATTRIBUTE).unwrap_or(PartNumber::MAX)
    }

    fn max_part_requests(&self) -> u16 {
        number_in_page(MAX_PART_REQUESTS_ATTRIBUTE).unwrap_or(MAX_PART_REQUESTS)
    }

    fn confirm(&self, token: UploadToken) -> LocalFuture<Result<Object, CallFailure>> {
        call(&ConfirmUpload { token })
    }

    fn discard(&self, token: UploadToken) -> LocalFuture<()> {
        let answer = exchange(DiscardUpload::PATH, DiscardUpload { token }.to_json(), CALL_TIMEOUT);
        // Nobody is left to hear of a failure.
        Box::pin(async move { drop(answer.await) })
    }
}

/// What the server says of itself in the element that is hydrated.
fn said_in_page(attribute: &str) -> Option<String> {
    web_sys::window()?.document()?.get_element_by_id(ROOT_ID)?.get_attribute(attribute)
}

fn number_in_page(attribute: &str) -> Option<u16> {
    said_in_page(attribute)?.parse().ok()
}

/// Calls a server function. Leptos's own client has no time limit, does not show `Retry-After`, and with what it
/// can do besides (streams, sockets) is a sixth of the page's WASM.
fn call<Function, Output>(function: &Function) -> LocalFuture<Result<Output, CallFailure>>
where
    Function: ServerFn + ToJson,
    Output: FromJson,
{
    call_for(function, CALL_TIMEOUT)
}

fn call_for<Function, Output>(function: &Function, timeout: Duration) -> LocalFuture<Result<Output, CallFailure>>
where
    Function: ServerFn + ToJson,
    Output: FromJson,
{
    let answer = exchange(Function::PATH, function.to_json(), timeout);
    Box::pin(async move { Output::from_json(&answer.await?).ok_or_else(not_its_answer) })
}

/// What all calls have in common: code that is generic is in the page once per function.
fn exchange(path: &'static str, body: String, timeout: Duration) -> LocalFuture<Result<Json, CallFailure>> {
    Box::pin(async move {
        let unreachable = |reason| CallFailure::Unreachable { reason, retry_after: None };
        let mut answer = post_json(path, &body, timeout).await.map_err(unreachable)?;
        // The cookie was deleted, and came again with that answer; or this browser keeps none, and the next says so.
        if answer.status == PRECONDITION_REQUIRED {
            answer = post_json(path, &body, timeout).await.map_err(unreachable)?;
        }
        if (200..300).contains(&answer.status) {
            return Json::parse(&answer.body).ok_or_else(not_its_answer);
        }
        Err(failure(answer))
    })
}

fn not_its_answer() -> CallFailure {
    CallFailure::Unreachable { reason: "something that is not its answer".into(), retry_after: None }
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
