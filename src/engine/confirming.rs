use std::time::Duration;

use super::multipart::Multipart;
use super::phase::{Next, Step, Task};
use super::retrying::Fate;
use super::signature::{Claim, Destination};
use super::start_over::Evidence;
use super::{CallFailure, CallId, Engine, Event, FileId, Instant, Output, UploadFile, Uploaded};
use crate::s3::{Object, PartNumber, Refusal};

/// `HeadObject` of a file whose response was lost, before it is sent again.
const MAX_LOOKS: u32 = 3;

/// The same where the store's response was success.
const MAX_LOOKS_WHEN_ACKNOWLEDGED: u32 = 6;

/// How long an upload that may be completed stays absent before nobody waits any more, where nobody said how long its token
/// lives: several times as long as `CompleteMultipartUpload` takes.
const MAX_ABSENCE: Duration = Duration::from_hours(1);

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
            self.proceed(id.into(), Next::Confirm(Claim { token, destination, is_acknowledged: true }));
        } else {
            let Destination { key, location } = destination;
            self.succeed(id, key, Uploaded { location, ..Uploaded::default() });
        }
    }

    /// The server answered whether an object is there.
    pub(super) fn confirmed(&mut self, call: CallId, result: Result<Object, CallFailure>) {
        let Some((id, makes)) = self.confirm_calls.remove(&call) else { return };
        let Some(file) = self.file(id) else {
            // Evidence: a person cancelled the file. It was discarded then, but the object may have come after that.
            return self.outbox.extend(makes.map(|token| Output::Discard { token }));
        };
        let Some(Step::Confirming(claim)) = file.step() else { return };
        let (claim, expected, is_in_parts) = (claim.clone(), file.info().size, file.multipart().is_some());
        let result = result.and_then(|object| match object.size {
            actual if actual == expected => Ok(object),
            actual => Err(CallFailure::Refused(Refusal::SizeMismatch { expected, actual })),
        });
        match result {
            Ok(Object { key, etag, verified, location, .. }) => {
                let location = location.or(claim.destination.location);
                self.succeed(id, key.into(), Uploaded { location, etag, verified });
            }
            Err(failure) if is_in_parts => self.completing_failed(id, claim, failure),
            Err(failure) => self.confirming_failed(id, claim, failure),
        }
    }

    /// Of a file in one request.
    fn confirming_failed(&mut self, id: FileId, claim: Claim, failure: CallFailure) {
        match failure {
            CallFailure::Refused(refusal @ Refusal::ObjectMissing) => self.not_found(id, claim, refusal),
            CallFailure::Refused(refusal @ Refusal::ChecksumMismatch) => {
                self.start_over(id, refusal, Evidence::OtherBytes);
            }
            failure => self.call_failed(id.into(), Task::Confirm, Next::Confirm(claim), failure),
        }
    }

    /// The object is not there, though all bytes have left. Some stores show an object a while after they have it, so they
    /// are asked again before the file is sent again to the same key; more often where the store said that it has the file.
    fn not_found(&mut self, id: FileId, claim: Claim, refusal: Refusal) {
        let looks = if claim.is_acknowledged { MAX_LOOKS_WHEN_ACKNOWLEDGED } else { MAX_LOOKS };
        let Some(run) = self.run_mut(id.into()) else { return };
        run.failures.forgive(Task::Confirm);
        let failures = run.failures.count(Task::Head);
        if failures < looks {
            let delay = self.delay(failures, None);
            self.back_off(id.into(), Next::Confirm(claim), delay);
        } else {
            run.failures.forgive(Task::Head);
            self.start_over(id, refusal, Evidence::NotFound);
        }
    }

    /// `CompleteMultipartUpload` brought no object, or none that anybody heard of.
    fn completing_failed(&mut self, id: FileId, claim: Claim, failure: CallFailure) {
        match failure {
            CallFailure::Refused(refusal @ (Refusal::SizeMismatch { .. } | Refusal::ChecksumMismatch)) => {
                self.start_over(id, refusal, Evidence::OtherBytes);
            }
            CallFailure::Refused(Refusal::UploadMissing) => self.absent(id, claim),
            CallFailure::Refused(refusal @ (Refusal::TokenExpired | Refusal::TokenInvalid)) => {
                self.start_over(id, refusal, Evidence::TokenRefused);
            }
            CallFailure::Refused(Refusal::PartsMissing { parts }) => self.parts_missing(id, claim, &parts),
            // Whatever else it is, the store may have completed the upload, or may be doing so.
            failure => self.completion_unheard(id, claim, failure),
        }
    }

    /// The store has neither the upload nor the object.
    fn absent(&mut self, id: FileId, claim: Claim) {
        if !self.file(id).is_some_and(UploadFile::may_be_completed) {
            return self.start_over(id, Refusal::UploadMissing, Evidence::Absent);
        }
        let (now, mut expires) = (self.now, Instant::default());
        self.update(id, |file| {
            if let Some(completion) = file.completion_mut() {
                let since = *completion.absent_since.get_or_insert(now);
                expires = completion.token_expires.unwrap_or(since + MAX_ABSENCE);
            }
        });
        if now < expires {
            self.ask_again(id.into(), Next::Confirm(claim), false, None);
        } else {
            self.completion_unknown(id);
        }
    }

    fn completion_unheard(&mut self, id: FileId, claim: Claim, failure: CallFailure) {
        let has_all_parts = self.file(id).and_then(UploadFile::multipart).is_some_and(Multipart::is_done);
        if has_all_parts {
            self.update(id, |file| file.completion_mut().map_or((), |completion| completion.is_unknown = true));
        }
        let next = Next::Confirm(claim);
        match failure {
            // With parts missing nothing was completed.
            failure if !has_all_parts => self.call_failed(id.into(), Task::Confirm, next, failure),
            CallFailure::Refused(Refusal::ObjectMissing) => self.ask_again(id.into(), next, false, None),
            failure => match failure.into_fate() {
                Fate::Again { error, retry_after } => {
                    self.ask_again(id.into(), next, error.is_silence(), retry_after);
                }
                Fate::Over(error) => self.fail(id, error),
            },
        }
    }

    /// The store does not have all parts of what it was asked to complete.
    fn parts_missing(&mut self, id: FileId, claim: Claim, parts: &[PartNumber]) {
        self.update(id, |file| file.lose_parts(parts));
        let error = Refusal::PartsMissing { parts: Vec::new() }.into();
        if self.file(id).is_some_and(UploadFile::has_parts_to_do) {
            match self.count_failure(id.into(), Task::Confirm) {
                Ok(_) => self.set_step(id.into(), Step::InParts),
                Err(_) => self.fail(id, error),
            }
        } else {
            // It names none of them: nothing to send, and no evidence either.
            self.try_again(id.into(), Task::Confirm, Next::Confirm(claim), error, None);
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
