use super::phase::{Next, Step, Task};
use super::signature::{Claim, Destination, Signature};
use super::transfer::Transfer;
use super::verdict::Verdict;
use super::{Engine, Event, FileId, Instant, Output, RequestFailure, RequestId, Response, UploadError, UploadFile};

/// The one scheduler of requests that carry data, and what becomes of them.
impl Engine {
    /// Fills the free slots.
    pub(super) fn start_requests(&mut self, now: Instant) {
        while self.has_free_slot()
            && let Some(id) = self.queues.to_send()
        {
            match self.file(id).and_then(UploadFile::step) {
                Some(Step::Ready(Next::Send(signature))) if signature.is_usable(now) => {
                    let signature = signature.clone();
                    self.send(id, signature, now);
                }
                _ => self.proceed(id, Next::Sign),
            }
        }
    }

    fn has_free_slot(&self) -> bool {
        self.options.limit == 0 || self.clocks.len() < self.options.limit
    }

    fn send(&mut self, id: FileId, signature: Signature, now: Instant) {
        let request = self.ids.request();
        let parameters = signature.parameters.clone();
        let Some(size) = self.file(id).map(|file| file.info().size) else { return };
        let transfer = Transfer::new(request, signature, 0..size);
        let body = transfer.body();
        self.update(id, |file| file.start(transfer));
        self.clocks.start(request, id, now);
        self.outbox.push(Output::Send { request, file: id, parameters, body });
    }

    /// `sent` bytes of a request have left; more than it has means all.
    pub(super) fn progressed(&mut self, request: RequestId, sent: u64, now: Instant) {
        let Some(id) = self.clocks.file(request) else { return };
        let mut more = 0;
        self.update(id, |file| more = file.advance(sent, now));
        if self.file(id).and_then(UploadFile::transfer).is_some_and(Transfer::is_sent) {
            self.clocks.sent(request, now);
        } else {
            self.clocks.progress(request, more > 0, now);
        }
        if more > 0 {
            self.tally.record(more, now);
            self.outbox.event(Event::UploadProgress(id));
        }
    }

    /// The store answered.
    pub(super) fn answered(&mut self, request: RequestId, response: Response, now: Instant) {
        let Some((id, transfer)) = self.end_request(request, now) else { return };
        let verdict = Verdict::of(&response);
        let retry_after = response.retry_after;
        let error = UploadError::Rejected { status: response.status, response: response.error };
        match verdict {
            Verdict::Stored => {
                let destination = Destination::of(&transfer.signature.parameters);
                let key = response.key.unwrap_or(destination.key);
                let location = response.location.or(destination.location);
                self.stored(id, Destination { key, location });
            }
            Verdict::AlreadyThere => match self.claim(id, &transfer) {
                Some(claim) => self.proceed(id, Next::Confirm(claim)),
                None => self.fail(id, error),
            },
            Verdict::Expired => self.sign_again(id, error),
            Verdict::Corrupted => self.try_again(id, Task::Send, Next::Sign, error, retry_after),
            Verdict::Transient => {
                let next = Next::Send(transfer.signature);
                self.try_again(id, Task::Send, next, error, retry_after);
            }
            Verdict::Final => self.fail(id, error),
        }
    }

    /// A request ended without an answer.
    pub(super) fn request_failed(&mut self, request: RequestId, failure: RequestFailure, now: Instant) {
        let Some((id, transfer)) = self.end_request(request, now) else { return };
        match failure {
            RequestFailure::Network => self.lost(id, transfer),
            RequestFailure::Unreadable => self.fail(id, UploadError::Unreadable),
        }
    }

    /// A request owed bytes for too long; its clock is gone already.
    pub(super) fn stalled(&mut self, request: RequestId, id: FileId) {
        self.outbox.push(Output::Cancel { request });
        self.outbox.event(Event::UploadStalled(id));
        let timeout = self.options.timeout;
        let seconds = timeout.as_secs() + u64::from(timeout.subsec_nanos() > 0);
        self.try_again(id, Task::Send, Next::Sign, UploadError::Stalled { seconds }, None);
    }

    /// A request owed its response for too long; its clock is gone already.
    pub(super) fn unanswered(&mut self, request: RequestId, id: FileId) {
        self.outbox.push(Output::Cancel { request });
        if let Some(transfer) = self.file(id).and_then(UploadFile::transfer) {
            let transfer = transfer.clone();
            self.lost(id, transfer);
        }
    }

    /// Nobody knows what became of a request: if all of it had left, the server can tell.
    fn lost(&mut self, id: FileId, transfer: Transfer) {
        if let Some(claim) = self.claim(id, &transfer).filter(|_| transfer.is_sent()) {
            self.proceed(id, Next::Confirm(claim));
        } else {
            let next = Next::Send(transfer.signature);
            self.try_again(id, Task::Send, next, UploadError::Network { tries: 0 }, None);
        }
    }

    /// Frees the slot of a request that is over; the caller gives the file another step.
    fn end_request(&mut self, request: RequestId, now: Instant) -> Option<(FileId, Transfer)> {
        let id = self.clocks.file(request)?;
        self.clocks.end(request, now);
        Some((id, self.file(id)?.transfer()?.clone()))
    }

    fn claim(&self, id: FileId, transfer: &Transfer) -> Option<Claim> {
        let token = self.file(id)?.token()?.clone();
        Some(Claim { token, destination: Destination::of(&transfer.signature.parameters) })
    }
}
