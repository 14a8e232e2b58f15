use std::sync::Arc;

use super::meter::Meter;
use super::phase::{Run, Step};
use super::resume::Interrupted;
use super::signature::Destination;
use super::sorted::{SortedMap, SortedSet};
use super::transfer::Transfer;
use super::{CallId, Instant};
use crate::s3::{Checksum, ChecksumAlgorithm, Part, PartNumber, PartPlan};

/// An upload in parts: what is there, what is on its way, and what is left.
#[derive(Clone, Debug)]
pub(super) struct Multipart {
    plan: PartPlan,
    pub(super) stage: Stage,
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
    /// What the bytes are of parts that may be there, where that is known.
    unheard: SortedMap<PartNumber, Checksum>,
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

impl Multipart {
    pub(super) fn new(plan: PartPlan) -> Self {
        Self {
            plan,
            stage: Stage::Planned,
            algorithm: None,
            destination: None,
            left: plan.numbers().collect(),
            underway: SortedMap::default(),
            done: Arc::default(),
            done_bytes: 0,
            unheard: SortedMap::default(),
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
            let Some(checksum) = run.step.may_be_stored() else { continue };
            self.stage = Stage::Unlisted;
            if let Some(checksum) = checksum {
                self.unheard.insert(*part, checksum.clone());
            }
        }
    }

    /// Goes on with an upload that the store knows.
    pub(super) fn resume(&mut self, upload: Interrupted) {
        self.stage = Stage::Unlisted;
        self.algorithm = upload.algorithm;
        self.destination = Some(Destination { key: upload.key, location: upload.location });
        for (part, checksum) in upload.checksums {
            self.unheard.insert(part, checksum);
        }
    }

    /// The store has these parts, and no others: those that are what the file has there are done.
    pub(super) fn take_stock(&mut self, parts: &[Part]) {
        let there: SortedSet<_> = parts.iter().map(|part| part.number).collect();
        let lost: Vec<_> = self.done.iter().map(|(part, _)| *part).filter(|part| !there.contains(part)).collect();
        for part in lost {
            self.lose(part);
        }
        for part in parts {
            if !self.done.contains_key(&part.number) && self.is_ours(part) {
                let checksum = self.unheard.remove(&part.number).or_else(|| part.checksum.clone());
                self.finish(part.number, checksum);
            }
        }
        self.unheard = SortedMap::default();
        self.stage = Stage::Created;
    }

    /// Whether a part of the store is what was sent. What the store calls an MD5 may be something else.
    fn is_ours(&self, part: &Part) -> bool {
        let is_whole = self.plan.range(part.number).is_some_and(|body| body.end - body.start == part.size);
        is_whole
            && match (self.unheard.get(&part.number), &part.checksum) {
                (Some(ours), Some(theirs)) => ours == theirs,
                (Some(_), None) => true,
                (None, Some(theirs)) => theirs.algorithm == ChecksumAlgorithm::Sha256,
                (None, None) => self.algorithm.is_none(),
            }
    }

    /// The store has a part.
    pub(super) fn finish(&mut self, part: PartNumber, checksum: Option<Checksum>) {
        self.left.remove(&part);
        self.underway.remove(&part);
        if Arc::make_mut(&mut self.done).insert(part, checksum).is_none() {
            self.done_bytes += self.size_of(part);
        }
    }

    /// The store does not have a part that it was thought to have.
    pub(super) fn lose(&mut self, part: PartNumber) {
        if Arc::make_mut(&mut self.done).remove(&part).is_some() {
            self.done_bytes -= self.size_of(part);
            self.left.insert(part);
        }
    }

    pub(super) fn has_left(&self) -> bool {
        !self.left.is_empty()
    }

    pub(super) fn is_done(&self) -> bool {
        self.left.is_empty() && self.underway.is_empty()
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

    /// Bytes that the store has, and those that have left towards it.
    pub(super) fn sent(&self) -> u64 {
        self.done_bytes + self.transfers().map(Transfer::sent).sum::<u64>()
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
