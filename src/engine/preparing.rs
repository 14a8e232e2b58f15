use super::id::Piece;
use super::phase::{Next, Step};
use super::{CallId, Engine, Output, UploadError, UploadFile};
use crate::s3::Checksum;

/// Larger pieces are not read into memory for a checksum: 64 MiB, which parts have from 640 GB on.
const MAX_READ: u64 = 64 << 20;

/// Pieces that are read ahead where `limit` says nothing: what browsers send to one host at one time over HTTP/1.1.
const UNLIMITED_READS: usize = 6;

/// Makes ready what will be sent next, so that a free slot finds something signed: reads it where it needs a checksum.
impl Engine {
    pub(super) fn start_preparing(&mut self) {
        for _ in 0..self.room_to_prepare() {
            let Some(piece) = self.queues.to_prepare() else { return };
            self.prepare(piece);
        }
    }

    /// Without checksums twice the limit is signed ahead, and not before half of it is gone: few calls, and no memory.
    /// What is read stays in memory, so of that there is no more than the limit.
    fn room_to_prepare(&self) -> usize {
        let ahead = self.queues.prepared_ahead();
        match (self.options.limit, self.options.checksum) {
            (0, None) => usize::MAX,
            (limit, None) if ahead <= limit => limit.saturating_mul(2) - ahead,
            (_, None) => 0,
            (0, Some(_)) => UNLIMITED_READS.saturating_sub(ahead),
            (limit, Some(_)) => limit.saturating_sub(ahead),
        }
    }

    fn prepare(&mut self, piece: Piece) {
        let Some(piece) = self.first_step_of(piece) else { return };
        let Some(body) = self.files.get(&piece.file).and_then(|file| file.range(piece.part)) else { return };
        let is_sent_whole = piece.part.is_some() || !self.is_in_parts(piece);
        let algorithm = self.options.checksum.filter(|_| is_sent_whole && body.end - body.start <= MAX_READ);
        match algorithm {
            Some(algorithm) => {
                let call = self.ids.call();
                self.read_calls.insert(call, piece);
                self.set_step(piece, Step::Reading(call));
                self.outbox.push(Output::Read { call, file: piece.file, body, algorithm });
            }
            None => self.set_step(piece, Step::Ready(Next::Sign(None))),
        }
    }

    /// Of a file with parts left, that is its next part.
    fn first_step_of(&mut self, piece: Piece) -> Option<Piece> {
        if !matches!(self.step(piece), Some(Step::InParts)) {
            return Some(piece);
        }
        let mut part = None;
        let step = self.waiting_for(Next::Prepare);
        self.update(piece.file, |file| part = file.start_next_part(step));
        Some(Piece { part: Some(part?), ..piece })
    }

    fn is_in_parts(&self, piece: Piece) -> bool {
        self.file(piece.file).is_some_and(|file| file.multipart().is_some())
    }

    /// The browser has read bytes, and computed their checksum.
    pub(super) fn read(&mut self, call: CallId, result: Result<Checksum, ()>) {
        let Some(piece) = self.read_calls.remove(&call) else { return };
        if !matches!(self.step(piece), Some(Step::Reading(by)) if *by == call) {
            return;
        }
        match result {
            Ok(checksum) => self.proceed(piece, Next::Sign(Some(checksum))),
            Err(()) => self.fail(piece.file, UploadError::Unreadable),
        }
    }

    /// Forgets what was read of a piece.
    pub(super) fn release(&mut self, piece: Piece) {
        if self.options.checksum.is_some()
            && let Some(body) = self.file(piece.file).and_then(|file| file.range(piece.part))
        {
            self.outbox.push(Output::Release { file: piece.file, start: body.start });
        }
    }

    /// Stops all that moves of a file, and forgets what was read of it: the caller gives it another phase or step.
    pub(super) fn halt(&mut self, id: super::FileId) {
        let Some(file) = self.file(id) else { return };
        let pieces: Vec<_> = file.pieces().map(|(piece, _)| piece).collect();
        let requests: Vec<_> = file.transfers().map(|transfer| transfer.request).collect();
        for request in requests {
            // Without a clock it is over already.
            if self.clocks.piece(request).is_some() {
                self.clocks.end(request, self.now);
                self.outbox.push(Output::Cancel { request });
            }
        }
        for piece in pieces {
            if piece.part.is_some() || !self.is_in_parts(piece) {
                self.release(piece);
            }
        }
        self.update(id, UploadFile::give_back_parts);
    }
}
