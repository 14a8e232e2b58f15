use super::id::Piece;
use super::phase::{Next, Step, Task};
use super::signature::{Claim, Destination, Signature};
use super::transfer::Transfer;
use super::verdict::Verdict;
use super::{Engine, Event, Instant, Output, RequestFailure, RequestId, Response, UploadError};

/// Requests for one file or part, one after the other, that the browser does not let out.
const MAX_BLOCKED: u32 = 3;

/// The one scheduler of requests that carry data, and what becomes of them.
impl Engine {
    /// Fills the free slots.
    pub(super) fn start_requests(&mut self, now: Instant) {
        while self.has_free_slot()
            && let Some(piece) = self.queues.to_send()
        {
            let Some(Step::Ready(Next::Send(signature))) = self.step(piece) else { return };
            let signature = signature.clone();
            if signature.is_usable(now) {
                self.send(piece, signature, now);
            } else {
                self.proceed(piece, Next::Sign(signature.checksum));
            }
        }
    }

    fn has_free_slot(&self) -> bool {
        self.clocks.len() < self.concurrency.slots(self.options.limit)
    }

    fn send(&mut self, piece: Piece, signature: Signature, now: Instant) {
        let request = self.ids.request();
        let parameters = signature.parameters.clone();
        let Some(body) = self.file(piece.file).and_then(|file| file.range(piece.part)) else { return };
        let transfer = Transfer::new(request, signature, body.clone());
        self.update(piece.file, |file| file.start(piece.part, transfer));
        self.clocks.start(request, piece, now);
        self.outbox.push(Output::Send { request, file: piece.file, parameters, body });
    }

    /// `sent` bytes of a request have left; more than it has means all.
    pub(super) fn progressed(&mut self, request: RequestId, sent: u64, now: Instant) {
        let Some(piece) = self.clocks.piece(request) else { return };
        let mut more = 0;
        self.update(piece.file, |file| more = file.advance(piece.part, sent, now));
        if self.file(piece.file).and_then(|file| file.transfer(piece.part)).is_some_and(Transfer::is_sent) {
            self.clocks.sent(request, now);
        } else {
            self.clocks.progress(request, more > 0, now);
        }
        if more > 0 {
            self.tally.record(more, now);
            self.concurrency.record(more, self.clocks.len(), now);
            self.outbox.event(Event::UploadProgress(piece.file));
        }
    }

    /// The store answered.
    pub(super) fn answered(&mut self, request: RequestId, response: Response, now: Instant) {
        let in_flight = self.clocks.len();
        let Some((piece, transfer)) = self.end_request(request, now) else { return };
        self.forgive(piece, Task::Unblock);
        let verdict = Verdict::of(&response);
        let retry_after = response.retry_after;
        let error = UploadError::Rejected { status: response.status, response: response.error.clone() };
        match verdict {
            Verdict::Stored => {
                self.concurrency.succeeded(in_flight, now);
                self.piece_stored(piece, transfer, response);
            }
            Verdict::AlreadyThere => match self.claim(piece, &transfer, true) {
                Some(claim) if piece.part.is_none() => self.proceed(piece, Next::Confirm(claim)),
                _ => self.fail(piece.file, error),
            },
            Verdict::Gone if piece.part.is_some() => self.ask_for_object(piece.file),
            Verdict::Refused => self.signature_refused(piece, transfer.signature, response, now),
            Verdict::Bad if !transfer.signature.is_usable(now) => {
                self.signature_refused(piece, transfer.signature, response, now);
            }
            Verdict::Corrupted => self.try_again(piece, Task::Send, Next::Prepare, error, retry_after),
            Verdict::Overloaded | Verdict::Transient => {
                if verdict == Verdict::Overloaded {
                    self.concurrency.congested(in_flight, now);
                }
                self.try_again(piece, Task::Send, Next::Send(transfer.signature), error, retry_after);
            }
            Verdict::Gone | Verdict::Bad | Verdict::Final => self.fail(piece.file, error),
        }
    }

    /// The store refused a signature. Which of the many reasons it has nobody can tell, so what is signed anew goes on, until
    /// a signature is refused that was asked for after a refusal, and has not expired since.
    fn signature_refused(&mut self, piece: Piece, signature: Signature, response: Response, now: Instant) {
        let Response { status, error: response, .. } = response;
        let refusals = self.run_mut(piece).map_or(0, |run| run.failures.count(Task::Authorize));
        let is_usable = signature.is_usable(now);
        let next = Next::Sign(signature.checksum);
        match refusals {
            ..=1 => self.proceed(piece, next),
            _ if is_usable => self.fail(piece.file, UploadError::SignatureRefused { status, response }),
            _ => self.try_again(piece, Task::Send, next, UploadError::SignatureRefused { status, response }, None),
        }
    }

    fn piece_stored(&mut self, piece: Piece, transfer: Transfer, response: Response) {
        if piece.part.is_some() {
            return self.part_stored(piece, transfer.signature.checksum);
        }
        let destination = Destination::of(&transfer.signature.parameters);
        let key = response.key.unwrap_or(destination.key);
        let location = response.location.or(destination.location);
        self.stored(piece.file, Destination { key, location });
    }

    /// A request ended without an answer.
    pub(super) fn request_failed(&mut self, request: RequestId, failure: RequestFailure, now: Instant) {
        let Some((piece, transfer)) = self.end_request(request, now) else { return };
        let blocked = match failure {
            RequestFailure::Unreadable => return self.unreadable(piece),
            RequestFailure::Network => {
                self.forgive(piece, Task::Unblock);
                0
            }
            RequestFailure::Blocked => self.run_mut(piece).map_or(0, |run| run.failures.count(Task::Unblock)),
        };
        if blocked < MAX_BLOCKED {
            self.lost(piece, transfer);
        } else {
            self.fail(piece.file, UploadError::Blocked);
        }
    }

    /// A request owed bytes for too long; its clock is gone already.
    pub(super) fn stalled(&mut self, request: RequestId, piece: Piece, in_flight: usize, now: Instant) {
        self.outbox.push(Output::Cancel { request });
        let Some(transfer) = self.transfer(request, piece) else { return };
        self.outbox.event(Event::UploadStalled(piece.file));
        self.concurrency.congested(in_flight, now);
        let checksum = transfer.signature.checksum;
        let timeout = self.options.timeout;
        let seconds = timeout.as_secs() + u64::from(timeout.subsec_nanos() > 0);
        self.try_again(piece, Task::Send, Next::Sign(checksum), UploadError::Stalled { seconds }, None);
    }

    /// A request owed its response for too long; its clock is gone already.
    pub(super) fn unanswered(&mut self, request: RequestId, piece: Piece) {
        self.outbox.push(Output::Cancel { request });
        if let Some(transfer) = self.transfer(request, piece) {
            self.lost(piece, transfer);
        }
    }

    /// `None` where the piece does not wait for this request any more: another part may just have failed its file.
    fn transfer(&self, request: RequestId, piece: Piece) -> Option<Transfer> {
        let transfer = self.file(piece.file)?.transfer(piece.part)?;
        (transfer.request == request).then(|| transfer.clone())
    }

    /// Nobody knows what became of a request: if all of it had left, the server can tell.
    fn lost(&mut self, piece: Piece, transfer: Transfer) {
        let claim = self.claim(piece, &transfer, false).filter(|_| transfer.is_sent());
        match claim {
            Some(_) if piece.part.is_some() => self.proceed(piece, Next::Check(transfer.signature.checksum)),
            Some(claim) => self.proceed(piece, Next::Confirm(claim)),
            None => {
                let next = Next::Send(transfer.signature);
                self.try_again(piece, Task::Send, next, UploadError::Network { tries: 0 }, None);
            }
        }
    }

    /// Frees the slot of a request that is over; the caller gives the piece another step.
    fn end_request(&mut self, request: RequestId, now: Instant) -> Option<(Piece, Transfer)> {
        let piece = self.clocks.piece(request)?;
        self.clocks.end(request, now);
        Some((piece, self.transfer(request, piece)?))
    }

    fn claim(&self, piece: Piece, transfer: &Transfer, is_acknowledged: bool) -> Option<Claim> {
        let token = self.file(piece.file)?.token()?.clone();
        Some(Claim { token, destination: Destination::of(&transfer.signature.parameters), is_acknowledged })
    }
}
