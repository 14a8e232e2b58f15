use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Stands for the whole upload among part numbers, which begin at 1.
const ALL: i32 = 0;

/// Which slots of which uploads are being written. A slot has one writer at a time, and none while its file becomes the
/// object: what is written late would change an object that was confirmed.
///
/// This server is the only one that uses the directory, so it is enough to know it here.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots(Arc<Mutex<BTreeSet<(String, i32)>>>);

/// The right to write a slot, or that nobody writes any of an upload's; until it is dropped.
#[derive(Debug)]
pub(in super::super) struct Claim {
    slots: Slots,
    of: (String, i32),
}

impl Slots {
    /// `None` while another request writes the slot, or the upload is being completed.
    pub(super) fn claim(&self, id: &str, part: i32) -> Option<Claim> {
        let mut taken = self.lock();
        let of = (id.to_owned(), part);
        let is_free = !taken.contains(&(id.to_owned(), ALL)) && taken.insert(of.clone());
        is_free.then(|| Claim { slots: self.clone(), of })
    }

    /// `None` while any slot of the upload is being written.
    pub(super) fn claim_all(&self, id: &str) -> Option<Claim> {
        let mut taken = self.lock();
        let of = (id.to_owned(), ALL);
        let is_free = taken.range(of.clone()..).next().is_none_or(|(other, _)| other != id);
        is_free.then(|| {
            taken.insert(of.clone());
            Claim { slots: self.clone(), of }
        })
    }

    /// A set is whole between any two of its methods, whoever panicked.
    fn lock(&self) -> MutexGuard<'_, BTreeSet<(String, i32)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.slots.lock().remove(&self.of);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_has_one_writer() {
        let slots = Slots::default();
        let first = slots.claim("a", 1);
        assert!(first.is_some() && slots.claim("a", 1).is_none());
        assert!(slots.claim("a", 2).is_some() && slots.claim("b", 1).is_some());
        drop(first);
        assert!(slots.claim("a", 1).is_some());
    }

    #[test]
    fn an_upload_is_completed_in_place_only_while_nobody_writes_it() {
        let slots = Slots::default();
        let (writer, other) = (slots.claim("b", 7), slots.claim("c", 1));
        assert!(slots.claim_all("b").is_none());
        drop(writer);
        let completing = slots.claim_all("b");
        assert!(completing.is_some() && other.is_some());
        assert!(slots.claim("b", 7).is_none() && slots.claim_all("b").is_none());
        drop(completing);
        assert!(slots.claim("b", 7).is_some());
    }
}
