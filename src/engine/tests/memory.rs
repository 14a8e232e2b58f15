use std::collections::BTreeSet;
use std::ops::Range;

use crate::engine::{Engine, FileId, Status, UploadFile};

/// What a driver has read and not been told to release.
#[derive(Default)]
pub(super) struct Memory {
    held: BTreeSet<(FileId, u64)>,
    /// The most pieces that any limit of this life allows.
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

    pub(super) fn judge(&mut self, engine: &Engine) {
        let limit = engine.options().limit;
        self.ceiling = self.ceiling.max(2 * if limit == 0 { 6 } else { limit });
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
