use std::collections::BTreeSet;
use std::ops::Range;

use crate::engine::{Engine, FileId, Status, UploadFile};

/// What a driver has read and not been told to release.
#[derive(Default)]
pub(super) struct Memory {
    held: BTreeSet<(FileId, u64)>,
    /// The most pieces that are allowed: twice the limit, or what was read or asked for before it was lowered.
    ceiling: usize,
}

impl Memory {
    pub(super) fn keep(&mut self, file: FileId, body: &Range<u64>) {
        self.held.insert((file, body.start));
    }

    pub(super) fn release(&mut self, file: FileId, start: u64) {
        self.held.remove(&(file, start));
    }

    pub(super) fn holds(&self, file: FileId, start: u64) -> bool {
        self.held.contains(&(file, start))
    }

    /// While so many reads are open.
    pub(super) fn judge(&mut self, engine: &Engine, reads: usize) {
        let limit = engine.options().limit;
        let twice = 2 * if limit == 0 { 6 } else { limit };
        self.ceiling = self.ceiling.min(self.held.len() + reads).max(twice);
        assert!(self.held.len() <= self.ceiling, "no more is in memory than twice the limit");
        for (file, _) in &self.held {
            let file = engine.file(*file);
            let status = file.map(UploadFile::status);
            // Of a file in parts some may wait for the network while others are signed.
            let waits = status == Some(Status::Offline) && file.and_then(UploadFile::part_size).is_none();
            let needs_bytes = status.is_some_and(Status::is_active) && !waits;
            assert!(needs_bytes, "nothing is kept for a file that does not send: {status:?}");
        }
    }
}
