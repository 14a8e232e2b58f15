use super::phase::{Next, Task};
use super::{Engine, FileId, Output, UploadError, UploadFile};
use crate::s3::Refusal;

/// What has been shown, so that a file may be sent again from its first byte. That something was not answered in time
/// is no evidence of anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// The store has an object under the key, and its size or its checksum is not the file's. It can be deleted, and where a
    /// store does not overwrite it has to be.
    OtherBytes,
    /// The store has neither the multipart upload nor its object, and nobody has asked to complete it without an answer.
    /// There is nothing to delete.
    Absent,
    /// The server refuses the token: nobody can add parts or complete the upload any more, and nobody had completed it. Its
    /// parts can be deleted.
    TokenRefused,
    /// `HeadObject` has found nothing under the key of a file in one request, several times. It is sent to the same key.
    NotFound,
}

/// The only way back to a file's first byte while it is on its way.
impl Engine {
    /// Sends a file from its first byte, after a while, and not for ever: what it fails with at last is `refusal`.
    pub(super) fn start_over(&mut self, id: FileId, refusal: Refusal, evidence: Evidence) {
        self.halt(id);
        let Some(file) = self.file(id) else { return };
        if file.may_be_completed() && evidence != Evidence::OtherBytes {
            return self.completion_unknown(id);
        }
        let token = file.unconfirmed().cloned();
        match evidence {
            Evidence::OtherBytes | Evidence::TokenRefused => {
                self.outbox.extend(token.map(|token| Output::Discard { token }));
                self.update(id, UploadFile::drop_token);
            }
            Evidence::Absent => {
                self.outbox.extend(token.map(|token| Output::Forget { token }));
                self.update(id, UploadFile::drop_token);
            }
            Evidence::NotFound => {}
        }
        self.try_again(id.into(), Task::StartOver, Next::Prepare, refusal.into(), None);
    }

    /// Nobody can find out any more whether an upload was completed: it fails, and what the store has of it stays. A retry,
    /// which a person asks for, uploads the file to another key.
    pub(super) fn completion_unknown(&mut self, id: FileId) {
        self.halt(id);
        let Some(file) = self.file(id) else { return };
        let key = file.multipart().and_then(|multipart| multipart.destination.as_ref());
        let key = key.map(|destination| destination.key.clone()).unwrap_or_default();
        self.outbox.extend(file.token().cloned().map(|token| Output::Forget { token }));
        self.update(id, UploadFile::drop_token);
        self.fail(id, UploadError::CompletionUnknown { key });
    }
}
