use super::phase::Phase;
use super::{Engine, Event, FileId, Instant, Output, UploadFile};
use crate::s3::{Checksum, ChecksumAlgorithm, FileInfo, PartNumber, PartPlan, UploadToken};

/// An upload in parts that an earlier page began: what it heard of `Output::Remember`, read back.
#[derive(Clone, Debug)]
pub struct Interrupted {
    /// Names it.
    pub token: UploadToken,
    /// Where the object will be.
    pub key: String,
    /// The object's URL.
    pub location: Option<String>,
    /// What its parts are signed with.
    pub algorithm: Option<ChecksumAlgorithm>,
    /// What the bytes of its parts are, as far as these were sent.
    pub checksums: Vec<(PartNumber, Checksum)>,
    /// How many parts were sent.
    pub parts: u16,
}

/// What became of an upload that an earlier page began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resumed {
    /// It goes on: what the store has is read, compared, and not sent again.
    GoesOn,
    /// It goes on, but some parts of the file are not what the store has of it: these are sent again.
    Differs,
    /// It goes on, but neither store nor browser has checksums of some parts: these are sent again.
    Unproven,
    /// The file is not what it was then: it starts over.
    Changed,
    /// The store or the server does not know it any more: the file starts over.
    Lost,
}

/// Uploads of earlier pages.
impl Engine {
    /// Adds a file whose upload was interrupted, and whose bytes are not at hand: it waits for `reopen`. `can_reopen`:
    /// the visitor does not have to choose it again.
    pub fn add_interrupted(&mut self, info: FileInfo, plan: PartPlan, upload: Interrupted, can_reopen: bool) -> FileId {
        let id = self.ids.file();
        let mut file = UploadFile::new(id, info, Some(plan), Phase::Interrupted { can_reopen });
        self.reads |= upload.algorithm.is_some();
        file.resume(upload);
        self.join(file);
        id
    }

    /// The bytes of an interrupted file are at hand: it is paused now, and `resume` goes on with what the store has of it.
    pub fn reopen(&mut self, id: FileId, info: FileInfo) {
        if self.is_interrupted(id) {
            self.update(id, |file| file.reopen(info));
        }
    }

    /// An interrupted file could not be opened: the visitor has to choose it again.
    pub fn lose_sight(&mut self, id: FileId) {
        if self.is_interrupted(id) {
            self.update(id, |file| file.set_phase(Phase::Interrupted { can_reopen: false }));
        }
    }

    /// Takes an interrupted file off the list, and leaves its upload to whoever goes on with it.
    pub fn leave(&mut self, id: FileId, now: Instant) {
        self.wake(now);
        if self.is_interrupted(id) {
            self.take_off(id, false);
        }
        self.settle(now);
    }

    /// Takes an interrupted file off the list whose bytes are others by now. Its parts are discarded, but not an object that
    /// an earlier page may have completed: it is what that page was asked to upload.
    pub fn replace_interrupted(&mut self, id: FileId, now: Instant) {
        self.wake(now);
        if self.is_interrupted(id) {
            let kept = self.file(id).filter(|file| file.may_be_completed()).and_then(UploadFile::token).cloned();
            let discards = kept.is_none();
            self.outbox.extend(kept.map(|token| Output::Forget { token }));
            self.take_off(id, discards);
        }
        self.settle(now);
    }

    /// Says of a file just added that an earlier page began to upload it, and that it is not what it was then.
    pub fn mark_changed(&mut self, id: FileId) {
        self.update(id, |file| file.set_resumed(Resumed::Changed));
    }

    fn is_interrupted(&self, id: FileId) -> bool {
        self.file(id).is_some_and(|file| matches!(file.phase(), Phase::Interrupted { .. }))
    }

    pub(super) fn join(&mut self, file: UploadFile) {
        let id = file.id();
        self.tally.enter(&file);
        self.files.insert(id, Box::new(file));
        self.outbox.changed(id);
        self.outbox.event(Event::FileAdded(id));
    }
}
