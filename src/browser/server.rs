use std::future::Future;
use std::pin::Pin;

use futures::future::join_all;

use crate::engine::{CallFailure, MAX_PART_REQUESTS};
use crate::s3::{
    Checksum, ChecksumAlgorithm, CreatedUpload, FileInfo, Object, Part, PartNumber, PartPlan, PartRequest, SignRequest,
    SignedUpload, UploadParameters, UploadToken,
};

/// A future of the browser's one thread.
pub type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// Runs a future on its own. Boxed: each type of future costs half a kilobyte of the page.
pub(super) fn spawn(task: LocalFuture<()>) {
    wasm_bindgen_futures::spawn_local(task);
}

/// What the uploader asks of a server. The demonstration implements it with its server functions, whose `input` is `Json`:
/// Leptos's default encoding loses lists that are empty.
pub trait UploadServer: 'static {
    /// Signs files in one call: one result a file, in the order asked; the outer error is the call's own.
    fn sign(
        &self,
        requests: Vec<SignRequest>,
    ) -> LocalFuture<Result<Vec<Result<SignedUpload, CallFailure>>, CallFailure>>;

    /// What signatures can cover bytes with; asked in the browser, at the start.
    fn checksum(&self) -> Option<ChecksumAlgorithm> {
        None
    }

    /// Begins the upload in parts whose key `request.renew` reserves; `again` where an earlier call may have done so.
    /// The token returned names the upload from then on.
    fn create(&self, request: SignRequest, again: bool) -> LocalFuture<Result<CreatedUpload, CallFailure>> {
        let _ = (request, again);
        without_parts()
    }

    /// Signs parts in one call: one result each, in the order asked.
    fn sign_parts(
        &self,
        token: UploadToken,
        parts: Vec<PartRequest>,
    ) -> LocalFuture<Result<Vec<Result<SignedUpload, CallFailure>>, CallFailure>> {
        let _ = (token, parts);
        without_parts()
    }

    /// Every part that the store has.
    fn list_parts(&self, token: UploadToken) -> LocalFuture<Result<Vec<Part>, CallFailure>> {
        let _ = token;
        without_parts()
    }

    /// Completes the multipart upload, or finds what an earlier call has made of it. `plan` says which parts the file has;
    /// `checksums` has one for each of them, or none at all.
    ///
    /// S3 may take minutes ([`COMPLETE_TIMEOUT`](crate::s3::COMPLETE_TIMEOUT)): a call that gives up before is asked again.
    /// [`Refusal::UploadMissing`](crate::s3::Refusal::UploadMissing) says that the store has neither the upload nor an
    /// object under its key.
    fn complete(
        &self,
        token: UploadToken,
        plan: PartPlan,
        checksums: Vec<Checksum>,
    ) -> LocalFuture<Result<Object, CallFailure>> {
        let _ = (token, plan, checksums);
        without_parts()
    }

    /// Whether the four calls above do something: else every file goes in one request.
    fn has_parts(&self) -> bool {
        false
    }

    /// How many parts a file may have; asked in the browser, at the start.
    fn max_parts(&self) -> u16 {
        PartNumber::MAX
    }

    /// How many parts of one file may be on their way at one time; asked in the browser, at the start.
    fn max_part_requests(&self) -> u16 {
        MAX_PART_REQUESTS
    }

    /// Looks whether the upload's object is in the bucket, in full.
    fn confirm(&self, token: UploadToken) -> LocalFuture<Result<Object, CallFailure>>;

    /// Deletes what a cancelled upload may have stored. Best effort.
    fn discard(&self, token: UploadToken) -> LocalFuture<()>;
}

fn without_parts<T: 'static>() -> LocalFuture<Result<T, CallFailure>> {
    Box::pin(async { Err(CallFailure::Invalid { reason: "this server knows no uploads in parts".into() }) })
}

/// An [`UploadServer`] made of the plugin's `get_upload_parameters` alone: it is asked for each file, and a `2xx` of
/// the store is success.
pub struct GetUploadParameters<F>(pub F);

impl<F, Answer, Failure> UploadServer for GetUploadParameters<F>
where
    F: Fn(FileInfo) -> Answer + 'static,
    Answer: Future<Output = Result<UploadParameters, Failure>> + 'static,
    Failure: Into<CallFailure> + 'static,
{
    fn sign(
        &self,
        requests: Vec<SignRequest>,
    ) -> LocalFuture<Result<Vec<Result<SignedUpload, CallFailure>>, CallFailure>> {
        let answers = join_all(requests.into_iter().map(|request| (self.0)(request.file)));
        Box::pin(async move {
            let results = answers.await.into_iter();
            Ok(results.map(|result| result.map(SignedUpload::from).map_err(Into::into)).collect())
        })
    }

    fn confirm(&self, _token: UploadToken) -> LocalFuture<Result<Object, CallFailure>> {
        Box::pin(async { Err(CallFailure::Invalid { reason: "this signer gives no tokens".into() }) })
    }

    fn discard(&self, _token: UploadToken) -> LocalFuture<()> {
        Box::pin(async {})
    }
}
