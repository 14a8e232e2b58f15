use super::phase::{Next, Step};
use super::sorted::SortedSet;
use super::{FileId, Instant, UploadFile};

/// Which files wait for what, so that no event has to look at all files. A file's place is its id: what
/// was added first goes first, also after a pause or a retry.
///
/// Every change of a file's step happens between `leave` and `enter`.
#[derive(Debug, Default)]
pub(super) struct Queues {
    to_sign: SortedSet<FileId>,
    to_send: SortedSet<FileId>,
    to_confirm: SortedSet<FileId>,
    signing: usize,
    offline: SortedSet<FileId>,
    backing_off: SortedSet<(Instant, FileId)>,
}

impl Queues {
    pub(super) fn enter(&mut self, file: &UploadFile) {
        let id = file.id();
        match file.step() {
            Some(Step::Ready(next)) => _ = self.ready(next).insert(id),
            Some(Step::Offline(_)) => _ = self.offline.insert(id),
            Some(Step::BackingOff { until, .. }) => _ = self.backing_off.insert((*until, id)),
            Some(Step::Signing(_)) => self.signing += 1,
            Some(Step::Sending(_) | Step::Confirming(_)) | None => {}
        }
    }

    pub(super) fn leave(&mut self, file: &UploadFile) {
        let id = file.id();
        match file.step() {
            Some(Step::Ready(next)) => _ = self.ready(next).remove(&id),
            Some(Step::Offline(_)) => _ = self.offline.remove(&id),
            Some(Step::BackingOff { until, .. }) => _ = self.backing_off.remove(&(*until, id)),
            Some(Step::Signing(_)) => self.signing -= 1,
            Some(Step::Sending(_) | Step::Confirming(_)) | None => {}
        }
    }

    /// Files that are signed, or will be soon.
    pub(super) fn signed_ahead(&self) -> usize {
        self.to_send.len() + self.signing
    }

    /// The first files to sign, at most `max`.
    pub(super) fn to_sign(&self, max: usize) -> Vec<FileId> {
        self.to_sign.iter().copied().take(max).collect()
    }

    /// The first file to send.
    pub(super) fn to_send(&self) -> Option<FileId> {
        self.to_send.first().copied()
    }

    /// The files to confirm.
    pub(super) fn to_confirm(&self) -> Vec<FileId> {
        self.to_confirm.iter().copied().collect()
    }

    /// The files that would go on but for the network, before and after it is gone.
    pub(super) fn ready_or_offline(&self) -> Vec<FileId> {
        let sets = [&self.to_sign, &self.to_send, &self.to_confirm, &self.offline];
        sets.into_iter().flat_map(SortedSet::iter).copied().collect()
    }

    /// The first of the files that wait for the network.
    pub(super) fn first_offline(&self) -> Option<FileId> {
        self.offline.first().copied()
    }

    /// The files whose back-off is over.
    pub(super) fn back_off_over(&self, now: Instant) -> Vec<FileId> {
        self.backing_off.iter().take_while(|(until, _)| *until <= now).map(|(_, id)| *id).collect()
    }

    /// When the next back-off is over.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.backing_off.first().map(|(until, _)| *until)
    }

    fn ready(&mut self, next: &Next) -> &mut SortedSet<FileId> {
        match next {
            Next::Sign => &mut self.to_sign,
            Next::Send(_) => &mut self.to_send,
            Next::Confirm(_) => &mut self.to_confirm,
        }
    }
}
