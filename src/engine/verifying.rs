use super::id::Piece;
use super::multipart::Multipart;
use super::verification::Comparison;
use super::{CallId, Engine, FileId, Output, Resumed, UploadError, UploadFile};
use crate::s3::Checksum;

/// Parts that are read at one time to compare them with the store: each takes its bytes of memory, and more are no quicker.
pub(super) const MAX_VERIFYING_READS: usize = 2;

/// What an earlier page sent is read again, beside what is sent meanwhile and without a slot: a file that was changed since
/// must not become an object of old and new parts.
impl Engine {
    pub(super) fn start_verifying(&mut self) {
        while self.verify_calls.len() < MAX_VERIFYING_READS
            && let Some(id) = self.queues.to_verify()
        {
            let call = self.ids.call();
            let mut next = None;
            self.update(id, |file| next = file.start_verifying(call));
            let Some((part, algorithm)) = next else { return };
            let Some(body) = self.file(id).and_then(|file| file.range(Some(part))) else { return };
            self.verify_calls.insert(call, Piece { file: id, part: Some(part) });
            self.outbox.push(Output::Read { call, file: id, body, algorithm });
        }
    }

    /// A part of an earlier page was read.
    pub(super) fn verified(&mut self, call: CallId, piece: Piece, result: Result<Checksum, ()>) {
        let Piece { file: id, part: Some(part) } = piece else { return };
        let Ok(read) = result else {
            let is_waited_for = self.file(id).is_some_and(|file| file.is_verifying(part, call));
            if is_waited_for {
                self.fail(id, UploadError::Unreadable);
            }
            return;
        };
        let mut comparison = None;
        self.update(id, |file| comparison = file.verify_part(part, call, &read));
        let Some(token) = self.file(id).and_then(UploadFile::token).cloned() else { return };
        match comparison {
            None => return,
            // Before other bytes are sent in its place.
            Some(Comparison::Different) => self.outbox.push(Output::ForgetPart { token, part }),
            Some(Comparison::Equal { is_noted: false }) => {
                let algorithm = self.file(id).and_then(UploadFile::part_algorithm);
                let checksum = Some(read).filter(|read| Some(read.algorithm) == algorithm);
                self.outbox.push(Output::RememberPart { token, part, checksum });
            }
            Some(Comparison::Equal { is_noted: true } | Comparison::Read) => {}
        }
        self.complete_if_done(id);
    }

    /// Has the parts put together once all are there.
    pub(super) fn complete_if_done(&mut self, id: FileId) {
        if self.file(id).and_then(UploadFile::multipart).is_some_and(Multipart::is_done) {
            self.ask_for_object(id);
        }
    }
}

impl Resumed {
    /// What is known after some parts turned out to have other bytes, or could not be compared.
    pub(super) fn with(self, verdict: Self) -> Self {
        match self {
            Self::GoesOn | Self::Unproven => verdict,
            Self::Differs | Self::Changed | Self::Lost => self,
        }
    }
}
