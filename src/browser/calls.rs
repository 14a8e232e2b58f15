use std::ops::Range;

use futures::future::join;

use super::driver::Driver;
use super::fingerprint::Fingerprint;
use super::reading::{is_available, read};
use super::server::{LocalFuture, spawn};
use crate::engine::{CallFailure, CallId, FileId, Input};
use crate::s3::{ChecksumAlgorithm, PartRequest, SignRequest, SignedUpload, UploadToken};

/// What the driver asks of the server and of the file, and how the answer comes back to the engine.
impl Driver {
    pub(super) fn read(&self, call: CallId, file: FileId, body: Range<u64>, algorithm: ChecksumAlgorithm) {
        let source = self.file(file);
        let this = self.this.clone();
        self.hear(Box::pin(async move {
            let mut result = Err(());
            let mut opened = source;
            for _ in 0..2 {
                let Some(source) = opened else { break };
                result = read(source.clone(), body.clone(), algorithm).await.map_err(drop);
                if result.is_ok() {
                    break;
                }
                opened = Self::open_again(this.clone(), file, source).await;
            }
            if let (Ok(checksum), Some(driver)) = (&result, this.upgrade()) {
                driver.note_read(file, &body, checksum);
            }
            Input::Read { call, result }
        }));
    }

    pub(super) fn sign(&self, call: CallId, files: &[FileId]) {
        // A file that an app removed on hearing of its start still has its place in the answer.
        let requests = files.iter().map(|file| self.sign_request(*file).unwrap_or_default()).collect();
        self.ask(self.server.sign(requests), signed(call, files.len()));
    }

    pub(super) fn sign_parts(&self, call: CallId, token: UploadToken, parts: Vec<PartRequest>) {
        let asked = parts.len();
        self.ask(self.server.sign_parts(token, parts), signed(call, asked));
    }

    /// What this page can't compute, it can't compare with.
    pub(super) fn list(&self, call: CallId, token: UploadToken) {
        self.ask(self.server.list_parts(token), move |mut result| {
            for part in result.iter_mut().flatten() {
                part.checksum = part.checksum.take().filter(|checksum| is_available(checksum.algorithm));
            }
            Input::Listed { call, result }
        });
    }

    /// The file is looked at meanwhile, so that its upload is noted as soon as the store knows of it: a page that goes
    /// between the two leaves an upload that nobody goes on with.
    pub(super) fn create(&self, call: CallId, file: FileId, again: bool) {
        let request = self.sign_request(file).unwrap_or_default();
        let created = self.server.create(request, again);
        let is_wanted = self.journal.can_remember() || self.can_open_again(file);
        let source = self.file(file).filter(|_| is_wanted);
        let answer = Box::pin(async move {
            let fingerprint = async {
                match source {
                    Some(source) => Some(Fingerprint::of(source).await),
                    None => None,
                }
            };
            join(created, fingerprint).await
        });
        let tell = move |driver: &Self, (result, fingerprint)| {
            if let Some(fingerprint) = &fingerprint {
                driver.note_fingerprint(file, fingerprint);
            }
            driver.begun.replace(fingerprint.filter(|_| driver.journal.can_remember()));
            driver.input(Input::Created { call, result });
            driver.begun.take();
        };
        self.then(answer, Box::new(tell));
    }

    pub(super) fn ask<T: 'static>(&self, answer: LocalFuture<T>, input: impl FnOnce(T) -> Input + 'static) {
        self.hear(Box::pin(async move { input(answer.await) }));
    }

    /// Passes an answer on to the engine when it comes.
    pub(super) fn hear(&self, answer: LocalFuture<Input>) {
        self.then(answer, Box::new(Self::input));
    }

    /// Goes on when an answer comes, as long as there is a driver.
    pub(super) fn then<T: 'static>(&self, answer: LocalFuture<T>, go_on: GoOn<T>) {
        let this = self.this.clone();
        spawn(Box::pin(async move {
            let answer = answer.await;
            if let Some(driver) = this.upgrade() {
                go_on(&driver, answer);
            }
        }));
    }

    fn sign_request(&self, id: FileId) -> Option<SignRequest> {
        let engine = self.engine.borrow();
        let file = engine.file(id)?;
        let mut info = file.info().clone();
        info.meta.retain(|name| self.meta.allowed.iter().any(|allowed| allowed == name));
        Some(SignRequest {
            file: info,
            renew: file.token().cloned(),
            method: None,
            checksum: file.checksum(None).cloned(),
            part_size: file.part_size(),
            algorithm: file.part_algorithm(),
        })
    }
}

/// A failed call is a failure of each of those it `asked` for.
fn signed(call: CallId, asked: usize) -> impl FnOnce(Result<Signed, CallFailure>) -> Input {
    move |answer| {
        let results = answer.unwrap_or_else(|failure| (0..asked).map(|_| Err(failure.clone())).collect());
        Input::Signed { call, results }
    }
}

/// What a driver does with an answer.
pub(super) type GoOn<T> = Box<dyn FnOnce(&Driver, T)>;

type Signed = Vec<Result<SignedUpload, CallFailure>>;
