use super::phase::{Next, Step, Task};
use super::signature::{Claim, Destination};
use super::{CallFailure, CallId, Engine, Event, FileId, Output, UploadFile, Uploaded};
use crate::s3::{Object, Refusal};

/// Success is what the server has seen in the bucket; without a server that could look, what the store said.
impl Engine {
    pub(super) fn start_confirming(&mut self) {
        for id in self.queues.to_confirm() {
            let Some(file) = self.file(id) else { continue };
            let Some(Step::Ready(Next::Confirm(claim))) = file.step() else { continue };
            let (claim, call) = (claim.clone(), self.ids.call());
            let token = claim.token.clone();
            let (makes, output) = match self.file(id).and_then(UploadFile::multipart) {
                Some(multipart) => {
                    let (plan, checksums) = (*multipart.plan(), multipart.checksums());
                    (Some(token.clone()), Output::Complete { call, token, plan, checksums })
                }
                None => (None, Output::Confirm { call, token }),
            };
            self.set_step(id.into(), Step::Confirming(claim));
            self.confirm_calls.insert(call, (id, makes));
            self.outbox.push(output);
        }
    }

    /// The store has taken a file.
    pub(super) fn stored(&mut self, id: FileId, destination: Destination) {
        if let Some(token) = self.file(id).and_then(UploadFile::token).cloned() {
            self.proceed(id.into(), Next::Confirm(Claim { token, destination }));
        } else {
            let Destination { key, location } = destination;
            self.succeed(id, key, Uploaded { location, ..Uploaded::default() });
        }
    }

    /// The server answered whether an object is there.
    pub(super) fn confirmed(&mut self, call: CallId, result: Result<Object, CallFailure>) {
        let Some((id, makes)) = self.confirm_calls.remove(&call) else { return };
        let Some(Step::Confirming(claim)) = self.file(id).and_then(UploadFile::step) else {
            // Removed meanwhile, and discarded: but the object may have come after that.
            return self.outbox.extend(makes.map(|token| Output::Discard { token }));
        };
        let claim = claim.clone();
        let expected = self.file(id).map_or(0, |file| file.info().size);
        let result = result.and_then(|object| match object.size {
            actual if actual == expected => Ok(object),
            actual => Err(CallFailure::Refused(Refusal::SizeMismatch { expected, actual })),
        });
        match result {
            Ok(Object { key, etag, verified, location, .. }) => {
                let location = location.or(claim.destination.location);
                self.succeed(id, key.into(), Uploaded { location, etag, verified });
            }
            Err(failure) => self.confirming_failed(id, claim, failure),
        }
    }

    fn confirming_failed(&mut self, id: FileId, claim: Claim, failure: CallFailure) {
        let is_in_parts = self.file(id).is_some_and(|file| file.multipart().is_some());
        match failure {
            CallFailure::Refused(
                refusal @ (Refusal::ObjectMissing | Refusal::UploadMissing | Refusal::ChecksumMismatch),
            ) => {
                if let Some(run) = self.run_mut(id.into()) {
                    run.failures.forgive(Task::Confirm);
                }
                self.start_over(id, refusal.into());
            }
            // No retry would end otherwise: what is there can't be claimed any more.
            CallFailure::Refused(
                refusal @ (Refusal::SizeMismatch { .. } | Refusal::TokenExpired | Refusal::TokenInvalid),
            ) if is_in_parts => self.start_over(id, refusal.into()),
            CallFailure::Refused(Refusal::PartsMissing { parts }) => self.parts_missing(id, &parts),
            failure => self.call_failed(id.into(), Task::Confirm, Next::Confirm(claim), failure),
        }
    }

    fn succeed(&mut self, id: FileId, key: String, uploaded: Uploaded) {
        self.halt(id);
        if let Some(token) =
            self.file(id).filter(|file| file.multipart().is_some()).and_then(UploadFile::token).cloned()
        {
            self.outbox.push(Output::Forget { token });
        }
        self.update(id, |file| file.complete(key, uploaded));
        self.ended.insert(id);
        self.outbox.event(Event::UploadSuccess(id));
    }
}
