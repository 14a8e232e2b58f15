use std::time::Duration;

use super::phase::{Next, Step, Task};
use super::signature::Signature;
use super::{CallFailure, CallId, Engine, FileId, Instant, Output, UploadError, UploadFile};
use crate::s3::{Refusal, SignedUpload};

/// The most files in one signing call; fewer where the server takes fewer.
pub const MAX_SIGN_BATCH: usize = 100;

/// A signing call that was not answered yet.
#[derive(Debug)]
pub(super) struct SignCall {
    files: Vec<FileId>,
    asked: Instant,
}

impl SignCall {
    pub(super) fn files(&self) -> &[FileId] {
        &self.files
    }
}

/// Files of one call that can be signed later, and go into one call again.
#[derive(Default)]
struct Postponed {
    /// Files of the whole call.
    asked: usize,
    files: Vec<FileId>,
    failures: u32,
    retry_after: Option<Duration>,
}

impl Engine {
    /// Signs just in time: what will be sent next, so that a free slot finds a signed file; and in few calls, by waiting
    /// until half of what was signed ahead is gone.
    pub(super) fn start_signing(&mut self, now: Instant) {
        let ahead = self.queues.signed_ahead();
        let room = match self.options.limit {
            0 => usize::MAX,
            limit if ahead <= limit => limit.saturating_mul(2) - ahead,
            _ => return,
        };
        for files in self.queues.to_sign(room).chunks(self.sign_batch) {
            let call = self.ids.call();
            for file in files {
                self.set_step(*file, Step::Signing(call));
            }
            let files = files.to_vec();
            self.outbox.push(Output::Sign { call, files: files.clone() });
            self.sign_calls.insert(call, SignCall { files, asked: now });
        }
    }

    /// The server answered a signing call.
    pub(super) fn signed(&mut self, call: CallId, results: Vec<Result<SignedUpload, CallFailure>>, now: Instant) {
        let Some(SignCall { files, asked }) = self.sign_calls.remove(&call) else { return };
        let mut results = results.into_iter();
        let mut postponed = Postponed { asked: files.len(), ..Postponed::default() };
        for id in files {
            let result = results.next().unwrap_or_else(unanswered);
            if !self.is_signed_by(id, call) {
                continue;
            }
            match result {
                Ok(signed) => self.take_signature(id, signed, asked, now, &mut postponed),
                Err(failure) => self.signing_failed(id, failure, &mut postponed),
            }
        }
        let Postponed { files, failures, retry_after, .. } = postponed;
        if !files.is_empty() {
            let delay = self.delay(failures, retry_after);
            for id in files {
                self.back_off(id, Next::Sign, delay);
            }
        }
    }

    fn is_signed_by(&self, id: FileId, call: CallId) -> bool {
        matches!(self.file(id).and_then(UploadFile::step), Some(Step::Signing(by)) if *by == call)
    }

    fn take_signature(
        &mut self,
        id: FileId,
        signed: SignedUpload,
        asked: Instant,
        now: Instant,
        postponed: &mut Postponed,
    ) {
        self.update(id, |file| file.sign(&signed));
        let signature = Signature::new(signed, asked);
        if signature.is_usable(now) {
            if let Some(run) = self.files.get_mut(&id).and_then(|file| file.run_mut()) {
                run.failures.forgive(Task::Sign);
            }
            self.proceed(id, Next::Send(signature));
        } else {
            let reason = "its signature had expired when it came".to_owned();
            self.postpone(id, UploadError::ServerUnreachable { reason }, None, postponed);
        }
    }

    fn signing_failed(&mut self, id: FileId, failure: CallFailure, postponed: &mut Postponed) {
        let renewed = self.file(id).is_some_and(|file| file.token().is_some());
        match failure {
            CallFailure::Refused(Refusal::TokenInvalid | Refusal::TokenExpired) if renewed => {
                self.update(id, UploadFile::drop_token);
                self.proceed(id, Next::Sign);
            }
            // A smaller call will do; a server that refuses that one too contradicts itself, and the file fails.
            CallFailure::Refused(Refusal::TooManyFiles { max }) if (1..postponed.asked).contains(&max) => {
                self.sign_batch = self.sign_batch.min(max);
                self.proceed(id, Next::Sign);
            }
            CallFailure::Refused(refusal @ Refusal::StoreUnavailable { .. }) => {
                self.postpone(id, refusal.into(), None, postponed);
            }
            CallFailure::Unreachable { reason, retry_after } => {
                self.postpone(id, UploadError::ServerUnreachable { reason }, retry_after, postponed);
            }
            CallFailure::Refused(refusal) => self.fail(id, refusal.into()),
            CallFailure::Invalid { reason } => self.fail(id, UploadError::Invalid { reason }),
        }
    }

    fn postpone(&mut self, id: FileId, error: UploadError, retry_after: Option<Duration>, postponed: &mut Postponed) {
        if !self.network.is_online() && error.is_silence() {
            return self.proceed(id, Next::Sign);
        }
        match self.count_failure(id, Task::Sign) {
            Ok(failures) => {
                postponed.files.push(id);
                postponed.failures = postponed.failures.max(failures);
                postponed.retry_after = postponed.retry_after.max(retry_after);
            }
            Err(tries) => self.fail(id, error.after(tries)),
        }
    }
}

fn unanswered() -> Result<SignedUpload, CallFailure> {
    Err(CallFailure::Unreachable { reason: "its answer had no word of this file".into(), retry_after: None })
}
