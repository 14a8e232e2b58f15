use super::UploadFile;
use crate::engine::multipart::{Multipart, Stage};
use crate::engine::phase::Step;
use crate::engine::signature::Destination;
use crate::s3::{Checksum, ChecksumAlgorithm, PartNumber, UploadToken};

/// What only files in parts have.
impl UploadFile {
    pub(in crate::engine) fn multipart(&self) -> Option<&Multipart> {
        self.multipart.as_deref()
    }

    pub(in crate::engine) fn has_parts_left(&self) -> bool {
        self.multipart.as_ref().is_some_and(|multipart| multipart.has_left())
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
    pub(in crate::engine) fn created(&mut self, token: UploadToken) {
        self.token = Some(token);
        self.set_stage(Stage::Created);
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
