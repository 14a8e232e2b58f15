use std::sync::Arc;

use super::meter::Meter;
use super::phase::{Run, Step};
use super::resume::Interrupted;
use super::signature::Destination;
use super::sorted::{SortedMap, SortedSet};
use super::transfer::Transfer;
use super::verification::{Comparison, Verification};
use super::{CallId, Instant};
use crate::s3::{Checksum, ChecksumAlgorithm, Part, PartNumber, PartPlan};

/// An upload in parts: what is there, what is on its way, and what is left.
#[derive(Clone, Debug)]
pub(super) struct Multipart {
    plan: PartPlan,
    pub(super) stage: Stage,
    pub(super) completion: Completion,
    /// What its parts are signed with: all of them, once the store was told so.
    pub(super) algorithm: Option<ChecksumAlgorithm>,
    /// Where the object will be, from the reservation on.
    pub(super) destination: Option<Destination>,
    left: SortedSet<PartNumber>,
    underway: SortedMap<PartNumber, Run>,
    /// Parts that the store has, with what their bytes are.
    ///
    /// Shared with the copies that pages are shown many times a second: it grows with the file, and changes only with a part.
    done: Arc<SortedMap<PartNumber, Option<Checksum>>>,
    done_bytes: u64,
    /// Parts of which this page has sent all bytes without hearing of it, with their checksums where they have one.
    unheard: SortedMap<PartNumber, Option<Checksum>>,
    pub(super) verification: Verification,
    meter: Meter,
}

/// How much of an upload in parts there is in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing.
    Planned,
    /// Its beginning was asked for in this call, which was not answered yet.
    Asked(CallId),
    /// Its beginning was asked for, and the answer was lost: there may be one.
    Unknown,
    /// The store knows it, and may have parts of which nobody heard.
    Unlisted,
    /// The store knows it.
    Created,
}

/// What is known of `CompleteMultipartUpload`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Completion {
    /// It was asked for with all parts in the store, and no answer said what came of it: it may be running, or the object
    /// may be there. That both are absent for now is then no evidence that they stay so.
    pub(super) is_unknown: bool,
    /// When the server does not know the token any more, as far as it said so.
    pub(super) token_expires: Option<Instant>,
    /// Since when the store has neither the upload nor the object, although they may be there.
    pub(super) absent_since: Option<Instant>,
}

impl Multipart {
    pub(super) fn new(plan: PartPlan) -> Self {
        Self {
            plan,
            stage: Stage::Planned,
            completion: Completion::default(),
            algorithm: None,
            destination: None,
            left: plan.numbers().collect(),
            underway: SortedMap::default(),
            done: Arc::default(),
            done_bytes: 0,
            unheard: SortedMap::default(),
            verification: Verification::default(),
            meter: Meter::default(),
        }
    }

    /// The same plan, from the start.
    pub(super) fn anew(&self) -> Self {
        Self::new(self.plan)
    }

    pub(super) fn plan(&self) -> &PartPlan {
        &self.plan
    }

    /// Takes the next part on its way.
    pub(super) fn start_next(&mut self, step: Step) -> Option<PartNumber> {
        let part = *self.left.first()?;
        self.left.remove(&part);
        self.underway.insert(part, Run::new(step));
        Some(part)
    }

    /// All parts that were on their way have to begin again, unless the store turns out to have them.
    pub(super) fn give_back_all(&mut self) {
        for (part, run) in std::mem::take(&mut self.underway).iter() {
            self.left.insert(*part);
            if let Some(checksum) = run.step.may_be_stored() {
                self.stage = Stage::Unlisted;
                self.unheard.insert(*part, checksum.cloned());
            }
        }
        self.verification.stop_reading();
    }

    /// Resumes an upload that the store knows, and that an earlier page began.
    pub(super) fn resume(&mut self, upload: Interrupted) {
        self.stage = Stage::Unlisted;
        // With all of its parts stored, the earlier page has asked, or was about to.
        self.completion.is_unknown = upload.parts >= self.plan.parts();
        self.algorithm = upload.algorithm;
        self.destination = Some(Destination { key: upload.key, location: upload.location });
        self.verification = Verification::of_earlier_page(upload.checksums);
    }

    /// The store has these parts, and no others. What this page has sent is done; what it has not is read and compared
    /// first, and sent again where there is nothing to compare it with.
    pub(super) fn reconcile(&mut self, parts: &[Part]) {
        let listed: SortedSet<_> = parts.iter().map(|part| part.number).collect();
        let lost: Vec<_> = self.done.iter().map(|(part, _)| *part).filter(|part| !listed.contains(part)).collect();
        for part in lost {
            self.lose(part);
        }
        for part in self.verification.take_unverified() {
            self.left.insert(part);
        }
        for part in parts {
            let is_whole = self.plan.range(part.number).is_some_and(|body| body.end - body.start == part.size);
            if is_whole && self.left.contains(&part.number) {
                self.reconcile_part(part);
            }
        }
        self.unheard = SortedMap::default();
        self.stage = Stage::Created;
    }

    fn reconcile_part(&mut self, part: &Part) {
        if let Some(ours) = self.unheard.remove(&part.number)
            && self.verification.is_same(ours.as_ref(), part)
        {
            return self.finish(part.number, ours);
        }
        if self.verification.expect(part, self.algorithm) {
            let bytes = self.size_of(part.number);
            self.left.remove(&part.number);
            self.verification.bytes += bytes;
        } else if self.algorithm.is_none() && self.verification.is_ours(part.number) {
            self.finish(part.number, None);
        }
    }

    /// The store does not know the upload that an earlier page began: has what is not done read, to compare it with the
    /// object that it may be. Whether there is anything to read.
    pub(super) fn expect_object(&mut self) -> bool {
        let Some(algorithm) = self.algorithm.filter(|_| self.verification.is_resumed()) else { return false };
        for part in self.verification.take_unverified() {
            self.left.insert(part);
        }
        self.verification.expect_object(std::mem::take(&mut self.left).iter().copied(), algorithm);
        self.stage = Stage::Created;
        !self.verification.is_over()
    }

    /// A part was read in this call; `None` if nobody waits for it any more.
    pub(super) fn verify(&mut self, part: PartNumber, call: CallId, read: &Checksum) -> Option<Comparison> {
        let comparison = self.verification.compare(part, call, read)?;
        if comparison != Comparison::Read {
            self.verification.bytes -= self.size_of(part);
        }
        if comparison == Comparison::Different {
            self.left.insert(part);
        } else {
            // A store is given those checksums alone that its parts were signed for.
            self.finish(part, Some(read.clone()).filter(|read| Some(read.algorithm) == self.algorithm));
        }
        Some(comparison)
    }

    /// The store has a part.
    pub(super) fn finish(&mut self, part: PartNumber, checksum: Option<Checksum>) {
        self.left.remove(&part);
        self.underway.remove(&part);
        if Arc::make_mut(&mut self.done).insert(part, checksum).is_none() {
            self.done_bytes += self.size_of(part);
        }
    }

    /// The store does not have a part that it was thought to have, or has other bytes.
    pub(super) fn lose(&mut self, part: PartNumber) {
        let bytes = self.size_of(part);
        if Arc::make_mut(&mut self.done).remove(&part).is_some() {
            self.done_bytes -= bytes;
            self.left.insert(part);
        } else if let Some(counts) = self.verification.remove(part) {
            self.verification.bytes -= if counts { bytes } else { 0 };
            self.left.insert(part);
        }
        self.verification.doubt(part);
    }

    pub(super) fn has_left(&self) -> bool {
        !self.left.is_empty()
    }

    pub(super) fn is_done(&self) -> bool {
        self.left.is_empty() && self.underway.is_empty() && self.verification.is_over()
    }

    /// Each part's checksum, in order; nothing unless every part is there and has one.
    pub(super) fn checksums(&self) -> Vec<Checksum> {
        if !self.is_done() {
            return Vec::new();
        }
        let all: Option<Vec<_>> = self.done.iter().map(|(_, checksum)| checksum.clone()).collect();
        all.unwrap_or_default()
    }

    pub(super) fn underway(&self) -> &SortedMap<PartNumber, Run> {
        &self.underway
    }

    pub(super) fn run_mut(&mut self, part: PartNumber) -> Option<&mut Run> {
        self.underway.get_mut(&part)
    }

    pub(super) fn transfers(&self) -> impl Iterator<Item = &Transfer> {
        self.underway.iter().filter_map(|(_, run)| match &run.step {
            Step::Sending(transfer) => Some(transfer),
            _ => None,
        })
    }

    /// Bytes that the store has, those that it lists and that are not compared yet, and those that have left towards it.
    pub(super) fn sent(&self) -> u64 {
        self.done_bytes + self.verification.bytes + self.transfers().map(Transfer::sent).sum::<u64>()
    }

    pub(super) fn record(&mut self, bytes: u64, now: Instant) {
        self.meter.record(bytes, now);
    }

    pub(super) fn stand_still(&mut self) {
        self.meter = Meter::default();
    }

    /// Bytes a second.
    pub(super) fn speed(&self) -> f64 {
        if self.transfers().any(|transfer| !transfer.is_sent()) { self.meter.speed() } else { 0.0 }
    }

    fn size_of(&self, part: PartNumber) -> u64 {
        self.plan.range(part).map_or(0, |range| range.end - range.start)
    }
}
