use std::time::Duration;

use super::contents::checksum_of;
use super::store::{Body, Joined, Place, key_of, upload_of};
use super::trial::{Confirm, Create, Read, Request, Sign, Trial, in_url};
use crate::engine::{CallFailure, CallId, FileId, Input, RequestFailure, Response, UploadFile};
use crate::s3::{
    Checksum, CreatedUpload, ErrorResponse, Method, Object, PartRequest, Refusal, SignedUpload, UploadParameters,
    UploadToken,
};

/// What a call to confirm or complete did, of which nobody hears.
#[derive(Clone, Copy)]
pub(super) enum Outcome {
    Nothing,
    Object,
    /// The object is there later.
    Pending,
}

/// The browser, that reads files. `index` is of `reads`.
impl Trial {
    pub(super) fn read(&mut self, index: usize) {
        let Read { call, body, algorithm, content } = self.reads.remove(index);
        let result = Ok(Checksum { algorithm, value: checksum_of(&body, &content) });
        self.input(Input::Read { call, result });
    }

    /// The file was changed.
    pub(super) fn fail_to_read(&mut self, index: usize) {
        let Read { call, .. } = self.reads.remove(index);
        self.input(Input::Read { call, result: Err(()) });
    }
}

/// The signing server. `index` is of the open calls of that kind.
impl Trial {
    /// Answers an open call, with a result for each file or part.
    pub(super) fn sign(
        &mut self,
        index: usize,
        mut result: impl FnMut(SignedUpload) -> Result<SignedUpload, CallFailure>,
    ) {
        let (call, results) = match self.signs.remove(index) {
            Sign::Files(call, files) => {
                (call, files.into_iter().map(|file| result(self.signature(call, file))).collect())
            }
            Sign::Parts(call, token, parts) => {
                (call, parts.into_iter().map(|part| result(self.part_signature(call, &token, &part))).collect())
            }
        };
        self.input(Input::Signed { call, results });
    }

    /// Begins an upload.
    pub(super) fn create(&mut self, index: usize) {
        let create = self.creates.remove(index);
        let token = self.begin(&create);
        self.input(Input::Created { call: create.call, result: Ok(CreatedUpload { token, expires_in_ms: None }) });
    }

    /// Does not say that an upload was begun; it may have been.
    pub(super) fn fail_to_create(&mut self, index: usize, has_begun: bool, failure: CallFailure) {
        let create = self.creates.remove(index);
        if has_begun {
            self.begin(&create);
        }
        self.input(Input::Created { call: create.call, result: Err(failure) });
    }

    fn begin(&mut self, create: &Create) -> UploadToken {
        let key = key_of(&create.token);
        let upload = self.store.begin(key, create.plan, create.algorithm, create.again);
        UploadToken::new(format!("{key}.{}.{upload}", create.call))
    }

    /// Tells the truth about parts.
    pub(super) fn list(&mut self, index: usize) {
        let (call, token) = self.lists.remove(index);
        let parts = self.store.parts(upload_of(&token).unwrap());
        let result = parts.ok_or(CallFailure::Refused(Refusal::UploadMissing));
        self.input(Input::Listed { call, result });
    }

    pub(super) fn fail_to_list(&mut self, index: usize, failure: CallFailure) {
        let (call, token) = self.lists.remove(index);
        if let CallFailure::Refused(Refusal::TokenInvalid | Refusal::TokenExpired) = failure {
            self.refused_tokens.insert(key_of(&token).to_owned());
        }
        self.input(Input::Listed { call, result: Err(failure) });
    }

    /// Tells the truth about an object, after putting it together where it is in parts.
    pub(super) fn confirm(&mut self, index: usize) {
        let confirm = self.confirms.remove(index);
        let result = self.object(&confirm);
        if let Err(Refusal::ChecksumMismatch) = result {
            self.other_bytes.insert(key_of(&confirm.token).to_owned());
        }
        let result = result.map_err(CallFailure::Refused);
        self.input(Input::Confirmed { call: confirm.call, result });
    }

    /// The store begins to put parts together: the object comes with the answer, whatever happens meanwhile.
    pub(super) fn begin_to_join(&mut self, index: usize) {
        let confirm = &mut self.confirms[index];
        if let Some(checksums) = &confirm.checksums {
            confirm.joining = self.store.begin_to_join(upload_of(&confirm.token).unwrap(), checksums);
        }
    }

    /// Does not say that an object is there; it may be.
    pub(super) fn fail_to_confirm(&mut self, index: usize, outcome: Outcome, failure: CallFailure) {
        let confirm = self.confirms.remove(index);
        match outcome {
            Outcome::Nothing if confirm.joining.is_none() => {}
            Outcome::Object => drop(self.object(&confirm)),
            Outcome::Nothing | Outcome::Pending => self.complete_later(confirm.clone()),
        }
        if let CallFailure::Refused(Refusal::SizeMismatch { .. } | Refusal::ChecksumMismatch) = failure {
            self.other_bytes.insert(key_of(&confirm.token).to_owned());
        }
        self.input(Input::Confirmed { call: confirm.call, result: Err(failure) });
    }

    /// Nothing stops the store any more, and nobody sees what it does.
    pub(super) fn complete_later(&mut self, mut confirm: Confirm) {
        if let Some(checksums) = confirm.checksums.filter(|_| confirm.joining.is_none()) {
            confirm.joining = self.store.begin_to_join(upload_of(&confirm.token).unwrap(), &checksums);
        }
        if let Some(size) = confirm.joining {
            self.store.put_pending(key_of(&confirm.token), size);
        }
    }

    pub(super) fn object(&mut self, confirm: &Confirm) -> Result<Object, Refusal> {
        let key = key_of(&confirm.token);
        if let Some(body) = confirm.joining.clone() {
            self.store.put(&Place { key: key.into(), part: None }, body);
        }
        let joined = match &confirm.checksums {
            Some(checksums) => self.store.join(key, upload_of(&confirm.token).unwrap(), checksums),
            None => self.store.object(key).map_or(Joined::Gone, |body| Joined::Object(body.clone(), None)),
        };
        match joined {
            Joined::Object(Body { size, .. }, verified) => {
                Ok(Object { key: key.parse().unwrap(), size, etag: None, verified, location: None })
            }
            Joined::Different => Err(Refusal::ChecksumMismatch),
            Joined::Missing(parts) => Err(Refusal::PartsMissing { parts }),
            Joined::Gone if confirm.checksums.is_some() => Err(Refusal::UploadMissing),
            Joined::Gone => Err(Refusal::ObjectMissing),
        }
    }

    /// A key is as the first call for it was: renewing keeps it.
    fn signature(&mut self, call: CallId, file: FileId) -> SignedUpload {
        let found = self.engine.file(file);
        let renewed = found.and_then(UploadFile::token).map(|token| key_of(token).to_owned());
        let kind = if found.and_then(UploadFile::part_size).is_some() { "p" } else { "" };
        let key = renewed.unwrap_or_else(|| format!("{kind}{}-{file}-{call}", self.journal.page()));
        self.owners.insert(key.clone(), file);
        let checksum = found.and_then(|file| file.checksum(None));
        let checksum = checksum.map_or(String::new(), in_url);
        let token = self.server.confirms.then(|| UploadToken::new(format!("{key}.{call}")));
        let mut signed = SignedUpload { token, ..self.signed(&format!("{key}?call={call}{checksum}")) };
        if self.server.method == Method::Post && kind.is_empty() {
            signed.parameters.method = Method::Post;
            signed.parameters.fields.insert("key", key);
        }
        signed
    }

    fn part_signature(&self, call: CallId, token: &UploadToken, part: &PartRequest) -> SignedUpload {
        let PartRequest { part, checksum } = part;
        let checksum = checksum.as_ref().map_or(String::new(), in_url);
        let (key, upload) = (key_of(token), upload_of(token).unwrap());
        self.signed(&format!("{key}?upload={upload}&part={}&call={call}{checksum}", part.get()))
    }

    fn signed(&self, path: &str) -> SignedUpload {
        let life = self.server.signature_life.map(|life| u64::try_from(life.as_millis()).unwrap());
        let url = format!("https://b.example/{path}");
        let parameters = UploadParameters { method: Method::Put, url, ..UploadParameters::default() };
        SignedUpload { expires_in_ms: life, ..parameters.into() }
    }
}

/// The store. `index` is of `requests`.
impl Trial {
    pub(super) fn progress(&mut self, index: usize, sent: u64) {
        let request = &mut self.requests[index];
        request.sent = request.sent.max(sent.min(request.size));
        let request = request.id;
        self.input(Input::Progress { request, sent });
    }

    pub(super) fn body_sent(&mut self, index: usize) {
        let request = &mut self.requests[index];
        request.sent = request.size;
        let request = request.id;
        self.input(Input::BodySent { request });
    }

    /// Takes the bytes: 200; 412 where there is an object under the key already, 404 where there is no such upload.
    pub(super) fn accept(&mut self, index: usize) {
        let Request { id, size, place, content, .. } = self.requests[index].clone();
        match self.store.put(&place, Body { size, content }) {
            404 => self.reject(index, 404, "NoSuchUpload", "The upload was aborted or completed."),
            status => self.input(Input::Response { request: id, response: Response { status, ..Response::default() } }),
        }
    }

    pub(super) fn reject(&mut self, index: usize, status: u16, code: &str, message: &str) {
        let error = Some(ErrorResponse { code: code.into(), message: message.into() });
        let response = Response { status, error, ..Response::default() };
        self.input(Input::Response { request: self.requests[index].id, response });
    }

    pub(super) fn slow_down(&mut self, index: usize, retry_after: Option<Duration>) {
        let error = ErrorResponse { code: "SlowDown".into(), message: "Please reduce your request rate.".into() };
        let response = Response { status: 503, error: Some(error), retry_after, ..Response::default() };
        self.input(Input::Response { request: self.requests[index].id, response });
    }

    pub(super) fn fail(&mut self, index: usize, failure: RequestFailure) {
        self.input(Input::RequestFailed { request: self.requests[index].id, failure });
    }

    /// The bytes arrive, whatever the browser may hear of it; only what has left in full can.
    pub(super) fn land(&mut self, request: &Request) {
        let Request { size, sent, place, content, .. } = request;
        if sent == size && *size > 0 {
            self.store.put(place, Body { size: *size, content: content.clone() });
        }
    }

    /// A part of the upload that a request belongs to vanishes.
    pub(super) fn drop_part_of(&mut self, index: usize) {
        if let Place { part: Some((upload, ..)), .. } = self.requests[index].place {
            self.store.drop_part(upload, 0);
        }
    }

    /// The upload that a request belongs to vanishes.
    pub(super) fn drop_upload_of(&mut self, index: usize) {
        if let Place { part: Some((upload, ..)), .. } = self.requests[index].place {
            self.store.drop_upload(upload);
        }
    }
}
