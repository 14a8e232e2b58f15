use super::UploadFile;
use crate::engine::multipart::{Completion, Multipart, Stage};
use crate::engine::phase::{Phase, Step};
use crate::engine::signature::Destination;
use crate::engine::verification::Comparison;
use crate::engine::{CallId, Instant, Interrupted, Resumed};
use crate::s3::{Checksum, ChecksumAlgorithm, FileInfo, Part, PartNumber, UploadToken};

/// What only files in parts have.
impl UploadFile {
    pub(in crate::engine) fn multipart(&self) -> Option<&Multipart> {
        self.multipart.as_deref()
    }

    pub(in crate::engine) fn has_parts_left(&self) -> bool {
        self.multipart.as_ref().is_some_and(|multipart| multipart.has_left())
    }

    /// Whether parts have to be sent, or to be compared with what the store has.
    pub(in crate::engine) fn has_parts_to_do(&self) -> bool {
        self.multipart.as_ref().is_some_and(|multipart| !multipart.is_done())
    }

    pub(in crate::engine) fn set_stage(&mut self, stage: Stage) {
        if let Some(multipart) = &mut self.multipart {
            multipart.stage = stage;
        }
    }

    pub(in crate::engine) fn set_algorithm(&mut self, algorithm: Option<ChecksumAlgorithm>) {
        if let Some(multipart) = &mut self.multipart {
            multipart.algorithm = algorithm;
        }
    }

    pub(in crate::engine) fn set_destination(&mut self, destination: Destination) {
        if let Some(multipart) = &mut self.multipart {
            multipart.destination = Some(destination);
        }
    }

    /// The store knows the upload: the token names it from now on.
    pub(in crate::engine) fn created(&mut self, token: UploadToken, expires: Option<Instant>) {
        self.token = Some(token);
        self.set_stage(Stage::Created);
        if let Some(completion) = self.completion_mut() {
            completion.token_expires = expires;
        }
    }

    pub(in crate::engine) fn completion_mut(&mut self) -> Option<&mut Completion> {
        self.multipart.as_mut().map(|multipart| &mut multipart.completion)
    }

    /// Whether `CompleteMultipartUpload` was asked for, and nobody knows what came of it.
    pub(in crate::engine) fn may_be_completed(&self) -> bool {
        self.multipart.as_ref().is_some_and(|multipart| multipart.completion.is_unknown)
    }

    /// What a later page needs to know to go on with this upload in parts; the parts that are there come with
    /// `Output::RememberPart`.
    #[must_use]
    pub fn interrupted(&self) -> Option<Interrupted> {
        let multipart = self.multipart.as_ref()?;
        let Destination { key, location } = multipart.destination.clone()?;
        let token = self.token.clone()?;
        Some(Interrupted { token, key, location, algorithm: multipart.algorithm, checksums: Vec::new(), parts: 0 })
    }

    /// Goes on with what an earlier page began.
    pub(in crate::engine) fn resume(&mut self, upload: Interrupted) {
        self.meta.insert("key", upload.key.as_str());
        self.token = Some(upload.token.clone());
        if let Some(multipart) = &mut self.multipart {
            let plan = multipart.plan();
            self.sent = plan.size().min(plan.part_size() * u64::from(upload.parts));
            multipart.resume(upload);
        }
    }

    pub(in crate::engine) fn reopen(&mut self, info: FileInfo) {
        for (name, value) in info.meta.iter() {
            self.meta.insert(name, value);
        }
        self.info = info;
        self.resumed = Some(Resumed::GoesOn);
        self.phase = Phase::Paused { asked: false };
    }

    pub(in crate::engine) fn set_resumed(&mut self, resumed: Resumed) {
        self.resumed = Some(resumed);
    }

    /// The store has these parts.
    pub(in crate::engine) fn reconcile(&mut self, parts: &[Part]) {
        if let Some(multipart) = &mut self.multipart {
            multipart.reconcile(parts);
            if multipart.verification.is_incomplete() {
                self.resumed = self.resumed.map(|resumed| resumed.with(Resumed::Unproven));
            }
        }
        self.sent = self.sent.max(self.sent_now());
    }

    pub(in crate::engine) fn start_verifying(&mut self, call: CallId) -> Option<(PartNumber, ChecksumAlgorithm)> {
        self.multipart.as_mut()?.verification.start_reading(call)
    }

    /// Whether this part is read in this call, to compare it with the store.
    pub(in crate::engine) fn is_verifying(&self, part: PartNumber, call: CallId) -> bool {
        self.multipart.as_ref().is_some_and(|multipart| multipart.verification.is_reading(part, call))
    }

    /// Whether there are parts to read and compare with an object that the store may have.
    pub(in crate::engine) fn expect_object(&mut self) -> bool {
        self.multipart.as_mut().is_some_and(|multipart| multipart.expect_object())
    }

    /// A part was read in this call; `None` if nobody waits for it any more.
    pub(in crate::engine) fn verify_part(
        &mut self,
        part: PartNumber,
        call: CallId,
        read: &Checksum,
    ) -> Option<Comparison> {
        let comparison = self.multipart.as_mut()?.verify(part, call, read)?;
        if comparison == Comparison::Different {
            self.resumed = self.resumed.map(|resumed| resumed.with(Resumed::Differs));
        }
        Some(comparison)
    }

    pub(in crate::engine) fn start_next_part(&mut self, step: Step) -> Option<PartNumber> {
        self.multipart.as_mut()?.start_next(step)
    }

    pub(in crate::engine) fn finish_part(&mut self, part: PartNumber, checksum: Option<Checksum>) {
        if let Some(multipart) = &mut self.multipart {
            multipart.finish(part, checksum);
        }
        self.sent = self.sent.max(self.sent_now());
    }

    pub(in crate::engine) fn lose_parts(&mut self, parts: &[PartNumber]) {
        if let Some(multipart) = &mut self.multipart {
            for part in parts {
                multipart.lose(*part);
            }
        }
    }

    /// All parts on their way begin again.
    pub(in crate::engine) fn give_back_parts(&mut self) {
        if let Some(multipart) = &mut self.multipart {
            multipart.give_back_all();
        }
    }
}
