use super::phase::{Next, Step, Task};
use super::signature::{Claim, Destination};
use super::{CallFailure, CallId, Engine, Event, FileId, Output, UploadError, UploadFile};
use crate::s3::{ETag, Object, Refusal};

/// Success is what the server has seen in the bucket; without a server that could look, what the store said.
impl Engine {
    pub(super) fn start_confirming(&mut self) {
        for id in self.queues.to_confirm() {
            if let Some(Step::Ready(Next::Confirm(claim))) = self.file(id).and_then(UploadFile::step) {
                let claim = claim.clone();
                let (call, token) = (self.ids.call(), claim.token.clone());
                self.set_step(id, Step::Confirming(claim));
                self.confirm_calls.insert(call, id);
                self.outbox.push(Output::Confirm { call, token });
            }
        }
    }

    /// The store has taken a file.
    pub(super) fn stored(&mut self, id: FileId, destination: Destination) {
        match self.file(id).and_then(UploadFile::token).cloned() {
            Some(token) => self.proceed(id, Next::Confirm(Claim { token, destination })),
            None => self.succeed(id, destination, None),
        }
    }

    /// The server answered whether an object is there.
    pub(super) fn confirmed(&mut self, call: CallId, result: Result<Object, CallFailure>) {
        let Some(id) = self.confirm_calls.remove(&call) else { return };
        let Some(Step::Confirming(claim)) = self.file(id).and_then(UploadFile::step) else { return };
        let claim = claim.clone();
        match result {
            Ok(Object { key, etag, .. }) => {
                let destination = Destination { key: key.into(), ..claim.destination };
                self.succeed(id, destination, etag);
            }
            Err(failure) => self.confirming_failed(id, claim, failure),
        }
    }

    fn confirming_failed(&mut self, id: FileId, claim: Claim, failure: CallFailure) {
        let again = Next::Confirm(claim);
        match failure {
            CallFailure::Refused(refusal @ Refusal::ObjectMissing) => {
                if let Some(run) = self.files.get_mut(&id).and_then(|file| file.run_mut()) {
                    run.failures.forgive(Task::Confirm);
                }
                self.try_again(id, Task::Send, Next::Sign, refusal.into(), None);
            }
            CallFailure::Refused(refusal @ Refusal::StoreUnavailable { .. }) => {
                self.try_again(id, Task::Confirm, again, refusal.into(), None);
            }
            CallFailure::Unreachable { reason, retry_after } => {
                let error = UploadError::ServerUnreachable { reason };
                self.try_again(id, Task::Confirm, again, error, retry_after);
            }
            CallFailure::Refused(refusal) => self.fail(id, refusal.into()),
            CallFailure::Invalid { reason } => self.fail(id, UploadError::Invalid { reason }),
        }
    }

    fn succeed(&mut self, id: FileId, destination: Destination, etag: Option<ETag>) {
        self.update(id, |file| file.complete(destination, etag));
        self.ended.insert(id);
        self.outbox.event(Event::UploadSuccess(id));
    }
}
