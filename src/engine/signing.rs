use std::time::Duration;

use super::id::Piece;
use super::phase::{Next, Step, Task};
use super::retrying::Fate;
use super::signature::{Destination, Signature};
use super::start_over::Evidence;
use super::{CallFailure, CallId, Engine, FileId, Instant, Output, UploadError, UploadFile};
use crate::s3::{Checksum, PartRequest, Refusal, SignedUpload};

/// The most files or parts in one signing call; fewer where the server takes fewer.
pub const MAX_SIGN_BATCH: usize = 100;

/// A signing call that was not answered yet: of files, or of one file's parts.
#[derive(Debug)]
pub(super) struct SignCall {
    pieces: Vec<Piece>,
    asked: Instant,
}

impl SignCall {
    pub(super) fn first_file(&self) -> Option<FileId> {
        self.pieces.first().map(|piece| piece.file)
    }
}

/// What of one call can be signed later, and goes into one call again.
#[derive(Default)]
struct Postponed {
    /// Files of the whole call.
    asked: usize,
    pieces: Vec<(Piece, Option<Checksum>)>,
    failures: u32,
    retry_after: Option<Duration>,
}

impl Engine {
    pub(super) fn start_signing(&mut self, now: Instant) {
        let pieces = self.queues.to_sign();
        // Checksums come one by one. While a call is out, those that come meanwhile gather for the next.
        let gathers = self.options.checksum.is_some() && !self.sign_calls.is_empty();
        if gathers && (self.options.limit == 0 || pieces.len() < self.options.limit) {
            return;
        }
        let (files, parts): (Vec<_>, Vec<_>) = pieces.into_iter().partition(|piece| piece.part.is_none());
        let batch = self.sign_batch;
        for pieces in files.chunks(batch) {
            let call = self.begin_signing(pieces, now);
            let files = pieces.iter().map(|piece| piece.file).collect();
            self.outbox.push(Output::Sign { call, files });
        }
        for pieces in parts.chunk_by(|a, b| a.file == b.file).flat_map(|parts| parts.chunks(batch)) {
            self.sign_parts(pieces, now);
        }
    }

    fn sign_parts(&mut self, pieces: &[Piece], now: Instant) {
        let file = pieces.first().and_then(|piece| self.file(piece.file));
        let Some(token) = file.and_then(UploadFile::token).cloned() else { return };
        let call = self.begin_signing(pieces, now);
        let request = |piece: &Piece| {
            let checksum = self.file(piece.file)?.checksum(piece.part).cloned();
            Some(PartRequest { part: piece.part?, checksum })
        };
        let parts = pieces.iter().filter_map(request).collect();
        self.outbox.push(Output::SignParts { call, token, parts });
    }

    fn begin_signing(&mut self, pieces: &[Piece], asked: Instant) -> CallId {
        let call = self.ids.call();
        for piece in pieces {
            if let Some(Step::Ready(Next::Sign(checksum))) = self.step(*piece) {
                let checksum = checksum.clone();
                self.set_step(*piece, Step::Signing(call, checksum));
            }
        }
        self.sign_calls.insert(call, SignCall { pieces: pieces.to_vec(), asked });
        call
    }

    /// The server answered a signing call.
    pub(super) fn signed(&mut self, call: CallId, results: Vec<Result<SignedUpload, CallFailure>>, now: Instant) {
        let Some(SignCall { pieces, asked }) = self.sign_calls.remove(&call) else { return };
        let mut results = results.into_iter();
        let mut postponed = Postponed { asked: pieces.len(), ..Postponed::default() };
        for piece in pieces {
            let result = results.next().unwrap_or_else(unanswered);
            let Some(checksum) = self.signed_by(piece, call) else { continue };
            match result {
                Ok(signed) => self.take_signature(piece, signed, checksum, (asked, now), &mut postponed),
                Err(failure) => self.signing_failed(piece, checksum, failure, &mut postponed),
            }
        }
        let Postponed { pieces, failures, retry_after, .. } = postponed;
        if !pieces.is_empty() {
            let delay = self.delay(failures, retry_after);
            for (piece, checksum) in pieces {
                self.back_off(piece, Next::Sign(checksum), delay);
            }
        }
    }

    /// The checksum that is being signed in this call; `None` where the piece has gone other ways since.
    #[expect(clippy::option_option, reason = "a piece in the call, and whether it has a checksum")]
    fn signed_by(&self, piece: Piece, call: CallId) -> Option<Option<Checksum>> {
        match self.step(piece) {
            Some(Step::Signing(by, checksum)) if *by == call => Some(checksum.clone()),
            _ => None,
        }
    }

    fn take_signature(
        &mut self,
        piece: Piece,
        signed: SignedUpload,
        checksum: Option<Checksum>,
        (asked, now): (Instant, Instant),
        postponed: &mut Postponed,
    ) {
        let is_reservation =
            piece.part.is_none() && self.file(piece.file).is_some_and(|file| file.multipart().is_some());
        if piece.part.is_none() {
            self.update(piece.file, |file| file.sign(&signed));
        }
        let signature = Signature::new(signed, checksum.clone(), asked);
        if !is_reservation && !signature.is_usable(now) {
            let reason = "its signature had expired when it came".to_owned();
            return self.postpone(piece, checksum, UploadError::ServerUnreachable { reason }, None, postponed);
        }
        if let Some(run) = self.run_mut(piece) {
            run.failures.forgive(Task::Sign);
        }
        if is_reservation {
            self.reserved(piece.file, Destination::of(&signature.parameters));
        } else {
            self.proceed(piece, Next::Send(signature));
        }
    }

    fn signing_failed(
        &mut self,
        piece: Piece,
        checksum: Option<Checksum>,
        failure: CallFailure,
        postponed: &mut Postponed,
    ) {
        let renewed = self.file(piece.file).is_some_and(|file| file.token().is_some());
        match failure {
            CallFailure::Refused(refusal @ (Refusal::TokenInvalid | Refusal::TokenExpired)) if piece.part.is_some() => {
                self.start_over(piece.file, refusal, Evidence::TokenRefused);
            }
            // Evidence: of a file in one request, or of a reservation. The file is signed because no request for it was
            // accepted, or because the store does not have it; what may be there stays, and another key is used.
            CallFailure::Refused(Refusal::TokenInvalid | Refusal::TokenExpired) if renewed => {
                self.update(piece.file, UploadFile::drop_token);
                self.proceed(piece, Next::Sign(checksum));
            }
            // A response was lost: the store has the file. What it has under the key, the server can tell.
            CallFailure::Refused(Refusal::AlreadyComplete) if renewed && piece.part.is_none() => {
                self.stored(piece.file, Destination { key: String::new(), location: None });
            }
            // A smaller call will do; a server that refuses that one too contradicts itself, and the file fails.
            CallFailure::Refused(Refusal::TooManyFiles { max }) if (1..postponed.asked).contains(&max) => {
                self.sign_batch = self.sign_batch.min(max);
                self.proceed(piece, Next::Sign(checksum));
            }
            failure => match failure.into_fate() {
                Fate::Again { error, retry_after } => self.postpone(piece, checksum, error, retry_after, postponed),
                Fate::Over(error) => self.fail(piece.file, error),
            },
        }
    }

    fn postpone(
        &mut self,
        piece: Piece,
        checksum: Option<Checksum>,
        error: UploadError,
        retry_after: Option<Duration>,
        postponed: &mut Postponed,
    ) {
        if !self.network.is_online() && error.is_silence() {
            return self.proceed(piece, Next::Sign(checksum));
        }
        match self.count_failure(piece, Task::Sign) {
            Ok(failures) => {
                postponed.pieces.push((piece, checksum));
                postponed.failures = postponed.failures.max(failures);
                postponed.retry_after = postponed.retry_after.max(retry_after);
            }
            Err(tries) => self.fail(piece.file, error.after(tries)),
        }
    }
}

fn unanswered() -> Result<SignedUpload, CallFailure> {
    Err(CallFailure::Unreachable { reason: "its answer had no word of this file".into(), retry_after: None })
}
