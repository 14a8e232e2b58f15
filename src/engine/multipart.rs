use std::sync::Arc;

use super::meter::Meter;
use super::phase::{Run, Step};
use super::signature::Destination;
use super::sorted::{SortedMap, SortedSet};
use super::transfer::Transfer;
use super::{CallId, Instant};
use crate::s3::{Checksum, ChecksumAlgorithm, PartNumber, PartPlan};

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

    /// All parts that were on their way have to begin again.
    pub(super) fn give_back_all(&mut self) {
        for (part, _) in std::mem::take(&mut self.underway).iter() {
            self.left.insert(*part);
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
