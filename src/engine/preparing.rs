use std::ops::Range;

use super::id::Piece;
use super::phase::{Next, Step};
use super::{CallId, Engine, FileId, Output, Status, UploadError, UploadFile};
use crate::s3::{Checksum, ChecksumAlgorithm};

/// Larger pieces are not read into memory for a checksum: 64 MiB, which parts have from 640 GB on.
const MAX_READ: u64 = 64 << 20;

/// Pieces that are read ahead where `limit` says nothing: what browsers send to one host at one time over HTTP/1.1.
const UNLIMITED_READS: usize = 6;

/// Makes ready what will be sent next, so that a free slot finds something signed: reads it where it needs a checksum.
impl Engine {
    pub(super) fn start_preparing(&mut self) {
        if !self.network.is_online() {
            self.wait_with_first_parts();
        }
        for _ in 0..self.room_to_prepare() {
            let next =
                if self.network.is_online() { self.queues.to_prepare() } else { self.queues.to_prepare_offline() };
            let Some(piece) = next else { return };
            self.prepare(piece);
        }
    }

    /// A file in parts waits for the network with one of them: what it waits for is seen, and it can try the network.
    fn wait_with_first_parts(&mut self) {
        while let Some(file) = self.queues.undivided() {
            self.update(file, |file| _ = file.start_next_part(Step::Offline(Next::Prepare)));
        }
    }

    /// Without checksums twice the limit is signed ahead, and not before half of it is gone: few calls. With them no more
    /// than the limit is read ahead, which takes memory; and no more than as many reads again are left to end that nobody
    /// waits for any more, after a pause or a removal.
    fn room_to_prepare(&self) -> usize {
        let ahead = self.queues.prepared_ahead();
        // What was begun with checksums goes on with them, whatever the options say since.
        match (self.options.limit, self.reads || self.options.checksum.is_some()) {
            (0, false) => usize::MAX,
            (limit, false) if ahead <= limit => limit.saturating_mul(2) - ahead,
            (_, false) => 0,
            (0, true) => self.room_to_read(UNLIMITED_READS, ahead),
            (limit, true) => self.room_to_read(limit, ahead),
        }
    }

    fn room_to_read(&self, limit: usize, ahead: usize) -> usize {
        limit.saturating_sub(ahead).min(limit.saturating_mul(2).saturating_sub(self.read_calls.len()))
    }

    fn prepare(&mut self, piece: Piece) {
        let Some(piece) = self.first_step_of(piece) else { return };
        let Some(body) = self.files.get(&piece.file).and_then(|file| file.range(piece.part)) else { return };
        match self.algorithm_for(piece, &body) {
            Some(algorithm) => {
                let call = self.ids.call();
                self.read_calls.insert(call, piece);
                self.set_step(piece, Step::Reading(call));
                self.outbox.push(Output::Read { call, file: piece.file, body, algorithm });
            }
            None => self.set_step(piece, Step::Ready(Next::Sign(None))),
        }
    }

    /// What a piece is read for. Of an upload in parts that is decided for all of them before it begins, and by the size
    /// of its parts; the file itself is then not read.
    fn algorithm_for(&mut self, piece: Piece, body: &Range<u64>) -> Option<ChecksumAlgorithm> {
        let multipart = self.file(piece.file).and_then(UploadFile::multipart);
        let plan = multipart.map(|multipart| (*multipart.plan(), multipart.algorithm));
        match (plan, piece.part) {
            (None, _) => self.options.checksum.filter(|_| body.end - body.start <= MAX_READ),
            (Some((_, algorithm)), Some(_)) => algorithm,
            (Some((plan, _)), None) => {
                let algorithm = self.options.checksum.filter(|_| plan.part_size() <= MAX_READ);
                self.reads |= algorithm.is_some();
                self.update(piece.file, |file| file.set_algorithm(algorithm));
                None
            }
        }
    }

    /// Of a file with parts left, that is its next part.
    fn first_step_of(&mut self, piece: Piece) -> Option<Piece> {
        if !matches!(self.step(piece), Some(Step::InParts)) {
            return Some(piece);
        }
        let mut part = None;
        self.update(piece.file, |file| part = file.start_next_part(Step::Ready(Next::Prepare)));
        Some(Piece { part: Some(part?), ..piece })
    }

    /// The browser has read bytes, and computed their checksum.
    pub(super) fn read(&mut self, call: CallId, result: Result<Checksum, ()>) {
        if let Some(piece) = self.verify_calls.remove(&call) {
            return self.verified(call, piece, result);
        }
        let Some(piece) = self.read_calls.remove(&call) else { return };
        // If the piece has gone other ways since, what was read late serves nobody.
        if !matches!(self.step(piece), Some(Step::Reading(by)) if *by == call) {
            return;
        }
        match result {
            Ok(checksum) if self.goes_on_as_probe(piece) => {
                self.set_step(piece, Step::Ready(Next::Sign(Some(checksum))));
            }
            Ok(checksum) => self.proceed(piece, Next::Sign(Some(checksum))),
            Err(()) => self.unreadable(piece),
        }
    }

    /// A file that is to be sent, or is on its way, has other bytes than before.
    pub(super) fn changed(&mut self, id: FileId) {
        let status = self.file(id).map(UploadFile::status);
        if status.is_some_and(|status| !status.is_terminal() && !matches!(status, Status::Interrupted { .. })) {
            self.fail(id, UploadError::Changed);
        }
    }

    /// Stops all that moves of a file: the caller gives it another phase or step.
    pub(super) fn halt(&mut self, id: FileId) {
        let Some(file) = self.file(id) else { return };
        let requests: Vec<_> = file.transfers().map(|transfer| transfer.request).collect();
        for request in requests {
            // Without a clock it is over already.
            if self.clocks.piece(request).is_some() {
                self.clocks.end(request, self.now);
                self.outbox.push(Output::Cancel { request });
            }
        }
        self.update(id, UploadFile::give_back_parts);
    }
}
