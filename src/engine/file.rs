mod in_parts;

use std::ops::Range;

use super::id::Piece;
use super::meter::time_left;
use super::multipart::{Multipart, Stage};
use super::phase::{Next, Phase, Run, Step};
use super::transfer::Transfer;
use super::{FileId, Instant, Progress, Resumed, Status, UploadError};
use crate::s3::{Checksum, ChecksumAlgorithm, ETag, FileInfo, Meta, PartNumber, PartPlan, SignedUpload, UploadToken};

/// A file of the list, and how far it is.
#[derive(Clone, Debug)]
pub struct UploadFile {
    id: FileId,
    info: FileInfo,
    meta: Meta,
    token: Option<UploadToken>,
    /// The most bytes that were sent so far: of an upload in one request, by any one of them.
    sent: u64,
    /// The last byte has left in some request for the token's key: the object may be there.
    may_be_stored: bool,
    /// Of an upload in parts.
    multipart: Option<Box<Multipart>>,
    resumed: Option<Resumed>,
    phase: Phase,
}

/// What is known of a file in the bucket besides its key, which is `UploadFile::key`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uploaded {
    /// The object's URL, unsigned: a private bucket answers it with 403.
    pub location: Option<String>,
    /// The entity tag, where the server confirmed the upload and the store has one.
    pub etag: Option<ETag>,
    /// How the store proved that it holds the very bytes that were sent; `None` where it did not.
    pub verified: Option<ChecksumAlgorithm>,
}

impl UploadFile {
    pub(super) fn new(id: FileId, info: FileInfo, plan: Option<PartPlan>, phase: Phase) -> Self {
        let meta = info.meta.clone();
        let multipart = plan.map(|plan| Box::new(Multipart::new(plan)));
        Self { id, info, meta, token: None, sent: 0, may_be_stored: false, multipart, resumed: None, phase }
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
            // Of the file itself that is a look at what there is of it already.
            Phase::Running(run) if run.step.is_check() => Status::Preparing,
            Phase::Running(run) => self.status_of(&run.step),
            Phase::Paused { .. } => Status::Paused,
            Phase::Interrupted { can_reopen } => Status::Interrupted { can_reopen: *can_reopen },
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
        let speed = match &self.multipart {
            Some(multipart) => multipart.speed(),
            None => self.transfer(None).map_or(0.0, Transfer::speed),
        };
        let left = size - self.sent_now().min(size);
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

    /// Bytes of each part, where the file goes in parts.
    #[must_use]
    pub fn part_size(&self) -> Option<u64> {
        self.multipart.as_ref().map(|multipart| multipart.plan().part_size())
    }

    /// What each part is signed with, where the file goes in parts.
    #[must_use]
    pub fn part_algorithm(&self) -> Option<ChecksumAlgorithm> {
        self.multipart.as_ref()?.algorithm
    }

    /// The checksum that the next signature is for: of the whole file, or of one part.
    #[must_use]
    pub fn checksum(&self, part: Option<PartNumber>) -> Option<&Checksum> {
        match self.run(part)?.step {
            Step::Signing(_, ref checksum) => checksum.as_ref(),
            _ => None,
        }
    }

    /// Where the file is in the bucket, once it is.
    #[must_use]
    pub fn uploaded(&self) -> Option<&Uploaded> {
        match &self.phase {
            Phase::Complete(uploaded) => Some(uploaded),
            _ => None,
        }
    }

    /// What became of an upload of this file that an earlier page began, where there was one.
    #[must_use]
    pub fn resumed(&self) -> Option<Resumed> {
        self.resumed
    }

    fn status_of(&self, step: &Step) -> Status {
        match step {
            Step::Ready(Next::Check(_) | Next::Confirm(_)) | Step::Checking(..) | Step::Confirming(_) => {
                Status::Finishing
            }
            Step::Ready(_) => Status::Queued,
            Step::Offline(_) => Status::Offline,
            Step::BackingOff { after, .. } => Status::Retrying { after: *after },
            Step::Reading(_) | Step::Signing(..) | Step::Creating(_) => Status::Preparing,
            Step::InParts => self.status_of_parts(),
            Step::Sending(transfer) if transfer.is_sent() => Status::Finishing,
            Step::Sending(transfer) if transfer.sent() < self.sent => Status::Resending,
            Step::Sending(_) => Status::Uploading,
        }
    }

    /// What moves says more than what waits, and what waits for something more than what waits its turn.
    fn status_of_parts(&self) -> Status {
        let Some(multipart) = &self.multipart else { return Status::Queued };
        if multipart.transfers().next().is_some() {
            let is_behind = multipart.sent() < self.sent;
            return if is_behind { Status::Resending } else { Status::Uploading };
        }
        if !multipart.verification.is_over() {
            return Status::Verifying;
        }
        let steps = || multipart.underway().iter().map(|(_, run)| &run.step);
        let waits = |step: &&Step| matches!(step, Step::BackingOff { .. } | Step::Offline(_));
        match steps().find(waits).or_else(|| steps().next()) {
            Some(step) => self.status_of(step),
            None => Status::Queued,
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

    /// The way of the file itself, or of one of its parts.
    pub(super) fn run(&self, part: Option<PartNumber>) -> Option<&Run> {
        let Phase::Running(run) = &self.phase else { return None };
        match part {
            None => Some(run),
            Some(part) => self.multipart.as_ref()?.underway().get(&part),
        }
    }

    pub(super) fn run_mut(&mut self, part: Option<PartNumber>) -> Option<&mut Run> {
        let Phase::Running(run) = &mut self.phase else { return None };
        match part {
            None => Some(run),
            Some(part) => self.multipart.as_mut()?.run_mut(part),
        }
    }

    /// The file's own step.
    pub(super) fn step(&self) -> Option<&Step> {
        self.run(None).map(|run| &run.step)
    }

    /// The file itself and its parts, as far as they are on their way.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (Piece, &Step)> {
        let own = self.step().map(|step| (Piece::from(self.id), step));
        let parts = self.parts_underway().iter();
        own.into_iter().chain(parts.map(|(part, run)| (Piece { file: self.id, part: Some(*part) }, &run.step)))
    }

    pub(super) fn parts_underway(&self) -> &[(PartNumber, Run)] {
        match (&self.phase, &self.multipart) {
            (Phase::Running(_), Some(multipart)) => multipart.underway().as_slice(),
            _ => &[],
        }
    }

    /// Its requests in flight.
    pub(super) fn transfers(&self) -> impl Iterator<Item = &Transfer> {
        self.pieces().filter_map(|(_, step)| match step {
            Step::Sending(transfer) => Some(transfer),
            _ => None,
        })
    }

    pub(super) fn transfer(&self, part: Option<PartNumber>) -> Option<&Transfer> {
        match &self.run(part)?.step {
            Step::Sending(transfer) => Some(transfer),
            _ => None,
        }
    }

    /// Of a file in parts: how many are made ready or sent, and how many requests are in flight.
    pub(super) fn load(&self) -> (usize, usize) {
        let steps = || self.parts_underway().iter().map(|(_, run)| &run.step);
        let busy = steps().filter(|step| step.is_busy()).count();
        (busy, steps().filter(|step| matches!(step, Step::Sending(_))).count())
    }

    /// The file's bytes, or those of one of its parts.
    pub(super) fn range(&self, part: Option<PartNumber>) -> Option<Range<u64>> {
        match part {
            None => Some(0..self.info.size),
            Some(part) => self.multipart.as_ref()?.plan().range(part),
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
            _ => false,
        }
    }

    /// The token of an object that may be there though nobody has confirmed it.
    pub(super) fn unconfirmed(&self) -> Option<&UploadToken> {
        let in_parts = self.multipart.as_ref().map(|multipart| multipart.stage);
        let may_exist =
            self.may_be_stored || matches!(in_parts, Some(Stage::Unknown | Stage::Unlisted | Stage::Created));
        let may_exist = may_exist && !matches!(self.phase, Phase::Complete(_));
        self.token.as_ref().filter(|_| may_exist)
    }

    /// `sent` bytes of a request have left; returns how many more these are than before.
    pub(super) fn advance(&mut self, part: Option<PartNumber>, sent: u64, now: Instant) -> u64 {
        let Some(Run { step: Step::Sending(transfer), .. }) = self.run_mut(part) else { return 0 };
        let more = transfer.advance(sent, now);
        let is_whole = transfer.is_sent() && part.is_none();
        if let Some(multipart) = &mut self.multipart {
            multipart.record(more, now);
        }
        self.sent = self.sent.max(self.sent_now());
        self.may_be_stored |= is_whole;
        more
    }

    fn sent_now(&self) -> u64 {
        match &self.multipart {
            Some(multipart) => multipart.sent(),
            None => self.transfer(None).map_or(0, Transfer::sent),
        }
    }

    /// No byte of its request has left for a while: it has no speed.
    pub(super) fn stand_still(&mut self, part: Option<PartNumber>) {
        if let Some(Run { step: Step::Sending(transfer), .. }) = self.run_mut(part) {
            transfer.stand_still();
        }
        if let Some(multipart) = &mut self.multipart
            && multipart.transfers().all(|transfer| transfer.speed() <= 0.0)
        {
            multipart.stand_still();
        }
    }

    /// Sets a value of the app's own metadata, for whoever signs from now on.
    pub(super) fn set_meta(&mut self, name: &str, value: &str) {
        self.info.meta.insert(name, value);
        self.meta.insert(name, value);
    }

    /// A request starts. An empty body has left with that: no progress event will tell.
    pub(super) fn start(&mut self, part: Option<PartNumber>, transfer: Transfer) {
        self.may_be_stored |= transfer.size() == 0;
        self.set_step(part, Step::Sending(transfer));
    }

    pub(super) fn set_step(&mut self, part: Option<PartNumber>, step: Step) {
        if let Some(run) = self.run_mut(part) {
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

    /// The next signature is for another key: what the store has under this one is not used any more.
    pub(super) fn drop_token(&mut self) {
        self.token = None;
        self.may_be_stored = false;
        if let Some(multipart) = &mut self.multipart {
            **multipart = multipart.anew();
        }
        if matches!(self.resumed, Some(Resumed::GoesOn | Resumed::Differs | Resumed::Unproven)) {
            self.resumed = Some(Resumed::Lost);
        }
    }

    pub(super) fn complete(&mut self, key: String, uploaded: Uploaded) {
        self.meta.insert("key", key);
        self.phase = Phase::Complete(uploaded);
    }
}
