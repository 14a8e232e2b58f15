use super::file::UploadFile;
use super::id::Piece;
use super::phase::{Next, Step};
use super::sorted::{SortedMap, SortedSet};
use super::{FileId, Instant};

/// Which files and parts wait for what, so that no event has to look at all files. A file's place is its id: what was
/// added first goes first, also after a pause or a retry. But of files with parts on their way those go first that have
/// fewer, so that nobody waits behind a large file.
///
/// Every change of a file's steps happens between `leave` and `enter`.
#[derive(Debug, Default)]
pub(super) struct Queues {
    /// With the number of the file's parts that are made ready or sent.
    to_prepare: SortedSet<(usize, Piece)>,
    /// Files of which one more part may go on its way; with the same number.
    to_divide: SortedSet<(usize, Piece)>,
    /// Those of them without any part on its way.
    undivided: SortedSet<FileId>,
    /// Files with parts to read and compare, those first of which fewest were.
    to_verify: SortedSet<(usize, FileId)>,
    to_sign: SortedSet<Piece>,
    to_create: SortedSet<Piece>,
    /// With the number of the file's requests in flight.
    to_send: SortedSet<(usize, Piece)>,
    to_check: SortedSet<Piece>,
    to_confirm: SortedSet<Piece>,
    /// Being read or signed.
    preparing: usize,
    offline: SortedSet<Piece>,
    backing_off: SortedSet<(Instant, Piece)>,
    /// Of one file.
    max_parts_underway: usize,
}

impl Queues {
    pub(super) fn new(max_parts_underway: usize) -> Self {
        Self { max_parts_underway: max_parts_underway.max(1), ..Self::default() }
    }

    /// The files are in the queues before, and after.
    pub(super) fn set_max_part_requests(&mut self, max: usize, files: &SortedMap<FileId, Box<UploadFile>>) {
        for (_, file) in files.iter() {
            self.leave(file);
        }
        self.max_parts_underway = max.max(1);
        for (_, file) in files.iter() {
            self.enter(file);
        }
    }

    pub(super) fn enter(&mut self, file: &UploadFile) {
        self.place(file, true);
    }

    pub(super) fn leave(&mut self, file: &UploadFile) {
        self.place(file, false);
    }

    fn place(&mut self, file: &UploadFile, is_in: bool) {
        let (busy, in_flight) = file.load();
        for (piece, step) in file.pieces() {
            match step {
                Step::Ready(Next::Prepare) => self.to_prepare.place((busy, piece), is_in),
                Step::InParts => self.place_parts(file, (busy, piece), is_in),
                Step::Ready(Next::Sign(_)) => self.to_sign.place(piece, is_in),
                Step::Ready(Next::Create) => self.to_create.place(piece, is_in),
                Step::Ready(Next::Send(_)) => self.to_send.place((in_flight, piece), is_in),
                Step::Ready(Next::Check(_)) => self.to_check.place(piece, is_in),
                Step::Ready(Next::Confirm(_)) => self.to_confirm.place(piece, is_in),
                Step::Offline(_) => self.offline.place(piece, is_in),
                Step::BackingOff { until, .. } => self.backing_off.place((*until, piece), is_in),
                Step::Reading(_) | Step::Signing(..) if is_in => self.preparing += 1,
                Step::Reading(_) | Step::Signing(..) => self.preparing -= 1,
                Step::Creating(_) | Step::Sending(_) | Step::Checking(..) | Step::Confirming(_) => {}
            }
        }
    }

    fn place_parts(&mut self, file: &UploadFile, (busy, piece): (usize, Piece), is_in: bool) {
        if file.has_parts_left() {
            let underway = file.parts_underway().len();
            self.to_divide.place((busy, piece), is_in && underway < self.max_parts_underway);
            self.undivided.place(piece.file, is_in && underway == 0);
        }
        if let Some(turn) = file.multipart().and_then(|multipart| multipart.verification.turn()) {
            self.to_verify.place((turn, piece.file), is_in);
        }
    }

    /// Files and parts that are signed, or will be soon.
    pub(super) fn prepared_ahead(&self) -> usize {
        self.to_send.len() + self.to_sign.len() + self.preparing
    }

    /// What is prepared next: a file, a part that was begun, or a file whose next part is meant.
    pub(super) fn to_prepare(&self) -> Option<Piece> {
        let place = |entry: &(usize, Piece)| (entry.0, entry.1.file);
        match (self.to_prepare.first(), self.to_divide.first()) {
            (Some(begun), Some(next)) if place(next) < place(begun) => Some(next.1),
            (begun, next) => begun.or(next).map(|(_, piece)| *piece),
        }
    }

    /// Of what is left while there is no network: what was chosen to try it.
    pub(super) fn to_prepare_offline(&self) -> Option<Piece> {
        self.to_prepare.first().map(|(_, piece)| *piece)
    }

    /// A file in parts that has none on its way, and some left.
    pub(super) fn undivided(&self) -> Option<FileId> {
        self.undivided.first().copied()
    }

    /// The file of which a part is read next to compare it with the store.
    pub(super) fn to_verify(&self) -> Option<FileId> {
        self.to_verify.first().map(|(_, file)| *file)
    }

    /// Files and parts to sign.
    pub(super) fn to_sign(&self) -> Vec<Piece> {
        self.to_sign.iter().copied().collect()
    }

    /// Uploads in parts to begin.
    pub(super) fn to_create(&self) -> Vec<Piece> {
        self.to_create.iter().copied().collect()
    }

    /// The first to send.
    pub(super) fn to_send(&self) -> Option<Piece> {
        self.to_send.first().map(|(_, piece)| *piece)
    }

    /// Parts that may be in the store.
    pub(super) fn to_check(&self) -> Vec<Piece> {
        self.to_check.iter().copied().collect()
    }

    /// The files to confirm.
    pub(super) fn to_confirm(&self) -> Vec<FileId> {
        self.to_confirm.iter().map(|piece| piece.file).collect()
    }

    /// What would go on but for the network, before and after it is gone.
    pub(super) fn ready_or_offline(&self) -> Vec<Piece> {
        let weighted = self.to_prepare.iter().chain(self.to_send.iter());
        let mut pieces: Vec<_> = weighted.map(|(_, piece)| *piece).collect();
        for set in [&self.to_sign, &self.to_create, &self.to_check, &self.to_confirm, &self.offline] {
            pieces.extend(set.iter().copied());
        }
        pieces
    }

    /// The first that waits for the network.
    pub(super) fn first_offline(&self) -> Option<Piece> {
        self.offline.first().copied()
    }

    /// Whose back-off is over.
    pub(super) fn back_off_over(&self, now: Instant) -> Vec<Piece> {
        self.backing_off.iter().take_while(|(until, _)| *until <= now).map(|(_, piece)| *piece).collect()
    }

    /// When the next back-off is over.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.backing_off.first().map(|(until, _)| *until)
    }
}
