use super::meter::time_left;
use super::phase::{Next, Phase, Run, Step};
use super::signature::Destination;
use super::transfer::Transfer;
use super::{FileId, Instant, Progress, Status, UploadError};
use crate::s3::{ETag, FileInfo, Meta, SignedUpload, UploadToken};

/// A file of the list, and how far it is.
#[derive(Clone, Debug)]
pub struct UploadFile {
    id: FileId,
    info: FileInfo,
    meta: Meta,
    token: Option<UploadToken>,
    /// The most bytes that any one request has sent.
    sent: u64,
    /// The last byte has left in some request for the token's key: the object may be there.
    may_be_stored: bool,
    phase: Phase,
}

/// What is known of a file in the bucket besides its key, which is `UploadFile::key`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uploaded {
    /// The object's URL, unsigned: a private bucket answers it with 403.
    pub location: Option<String>,
    /// The entity tag, where the server confirmed the upload and the store has one.
    pub etag: Option<ETag>,
}

impl UploadFile {
    pub(super) fn new(id: FileId, info: FileInfo, phase: Phase) -> Self {
        let meta = info.meta.clone();
        Self { id, info, meta, token: None, sent: 0, may_be_stored: false, phase }
    }

    /// Names the file for the engine's verbs.
    #[must_use]
    pub fn id(&self) -> FileId {
        self.id
    }

    /// The file as it was added, with the app's own metadata only.
    #[must_use]
    pub fn info(&self) -> &FileInfo {
        &self.info
    }

    /// The app's metadata, every field the signer returned, and after success always `key`.
    #[must_use]
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The S3 object key: `meta["key"]`. Only after success is the object sure to be there.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.meta.get("key")
    }

    /// Where the file stands.
    #[must_use]
    pub fn status(&self) -> Status {
        match &self.phase {
            Phase::Waiting => Status::Waiting,
            Phase::Running(run) => self.status_of(&run.step),
            Phase::Paused { .. } => Status::Paused,
            Phase::Complete(_) => Status::Complete,
            Phase::Failed(_) => Status::Failed,
        }
    }

    /// How far the file is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let size = self.info.size;
        let sent = match self.phase {
            Phase::Complete(_) => size,
            _ => self.sent.min(size.saturating_sub(1)),
        };
        let (left, speed) = self.transfer().map_or((0, 0.0), |transfer| {
            let left = transfer.size() - transfer.sent();
            (left, transfer.speed())
        });
        Progress { sent, size, speed, time_left: time_left(left, speed) }
    }

    /// Why the file failed, if it did.
    #[must_use]
    pub fn error(&self) -> Option<&UploadError> {
        match &self.phase {
            Phase::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// The newest token signed for this file: hand it back to renew the signature for the same key.
    #[must_use]
    pub fn token(&self) -> Option<&UploadToken> {
        self.token.as_ref()
    }

    /// Where the file is in the bucket, once it is.
    #[must_use]
    pub fn uploaded(&self) -> Option<&Uploaded> {
        match &self.phase {
            Phase::Complete(uploaded) => Some(uploaded),
            _ => None,
        }
    }

    fn status_of(&self, step: &Step) -> Status {
        match step {
            Step::Ready(Next::Confirm(_)) | Step::Confirming(_) => Status::Finishing,
            Step::Ready(_) => Status::Queued,
            Step::Offline(_) => Status::Offline,
            Step::BackingOff { after, .. } => Status::Retrying { after: *after },
            Step::Signing(_) => Status::Preparing,
            Step::Sending(transfer) if transfer.is_sent() => Status::Finishing,
            Step::Sending(transfer) if transfer.sent() < self.sent => Status::Resending,
            Step::Sending(_) => Status::Uploading,
        }
    }
}

/// What the engine alone sees and changes.
impl UploadFile {
    pub(super) fn phase(&self) -> &Phase {
        &self.phase
    }

    pub(super) fn set_phase(&mut self, phase: Phase) {
        self.phase = phase;
    }

    pub(super) fn run_mut(&mut self) -> Option<&mut Run> {
        match &mut self.phase {
            Phase::Running(run) => Some(run),
            _ => None,
        }
    }

    pub(super) fn step(&self) -> Option<&Step> {
        match &self.phase {
            Phase::Running(run) => Some(&run.step),
            _ => None,
        }
    }

    pub(super) fn transfer(&self) -> Option<&Transfer> {
        match self.step() {
            Some(Step::Sending(transfer)) => Some(transfer),
            _ => None,
        }
    }

    /// Whether nothing of the file is left to send: only the store's or the server's word is missing.
    pub(super) fn is_claimed(&self) -> bool {
        match self.step() {
            Some(Step::Ready(next) | Step::Offline(next) | Step::BackingOff { next, .. }) => {
                matches!(next, Next::Confirm(_))
            }
            Some(Step::Confirming(_)) => true,
            Some(Step::Sending(transfer)) => transfer.is_sent(),
            Some(Step::Signing(_)) | None => false,
        }
    }

    /// The token of an object that may be there though nobody has confirmed it.
    pub(super) fn unconfirmed(&self) -> Option<&UploadToken> {
        let may_exist = self.may_be_stored && !matches!(self.phase, Phase::Complete(_));
        self.token.as_ref().filter(|_| may_exist)
    }

    /// `sent` bytes of its request have left; returns how many more these are than before.
    pub(super) fn advance(&mut self, sent: u64, now: Instant) -> u64 {
        let Phase::Running(run) = &mut self.phase else { return 0 };
        let Step::Sending(transfer) = &mut run.step else { return 0 };
        let more = transfer.advance(sent, now);
        self.sent = self.sent.max(transfer.sent());
        self.may_be_stored |= transfer.is_sent();
        more
    }

    /// No byte of its request has left for a while: it has no speed.
    pub(super) fn stand_still(&mut self) {
        if let Some(Run { step: Step::Sending(transfer), .. }) = self.run_mut() {
            transfer.stand_still();
        }
    }

    /// Sets a value of the app's own metadata, for whoever signs from now on.
    pub(super) fn set_meta(&mut self, name: &str, value: &str) {
        self.info.meta.insert(name, value);
        self.meta.insert(name, value);
    }

    /// A request starts. An empty body has left with that: no progress event will tell.
    pub(super) fn start(&mut self, transfer: Transfer) {
        self.may_be_stored |= transfer.size() == 0;
        self.set_step(Step::Sending(transfer));
    }

    pub(super) fn set_step(&mut self, step: Step) {
        if let Some(run) = self.run_mut() {
            run.step = step;
        }
        self.may_be_stored |= self.is_claimed();
    }

    /// Takes over what the signer said of this file.
    pub(super) fn sign(&mut self, signed: &SignedUpload) {
        self.token.clone_from(&signed.token);
        for (name, value) in signed.parameters.fields.iter() {
            self.meta.insert(name, value);
        }
    }

    /// The server does not take the token any more: the next signature is for another key.
    pub(super) fn drop_token(&mut self) {
        self.token = None;
        self.may_be_stored = false;
    }

    pub(super) fn complete(&mut self, destination: Destination, etag: Option<ETag>) {
        self.meta.insert("key", destination.key);
        self.phase = Phase::Complete(Uploaded { location: destination.location, etag });
    }
}
