//! What one process knows of its uploads that no token says: which are being completed, which it has confirmed, and which
//! it is deleting. Tokens hold the rest, so that any replica serves any call; nothing here outlives the process.
//!
//! Within the process this is exact: what was confirmed is not deleted, and what is being deleted is not confirmed. Other
//! replicas, and this one after a restart, go by the object's age instead: see `discard.rs`.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::OwnedMutexGuard;

use crate::s3::Key;

/// Confirmed keys that are remembered, 16 bytes each. They matter for as long as an object is young: this is some 500 a second.
const MAX_CONFIRMED: usize = 1 << 16;

#[derive(Debug, Default)]
pub(super) struct Outcomes(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    turns: HashMap<Key, Arc<Turns>>,
    /// How often each is being deleted at the same time.
    deleting: HashMap<Key, usize>,
    confirmed: Confirmed,
}

/// Whose turn it is with a key.
#[derive(Debug, Default)]
struct Turns {
    taken: Arc<tokio::sync::Mutex<()>>,
    is_cancelled: AtomicBool,
}

/// The newest confirmed keys, by their hashes. Two keys of one hash mean at worst that an object stays that could go.
#[derive(Debug, Default)]
struct Confirmed {
    hasher: RandomState,
    hashes: HashSet<u64>,
    oldest: VecDeque<u64>,
}

/// The only caller of this process that begins or completes an upload of its key.
#[derive(Debug)]
pub(super) struct Turn {
    outcomes: Arc<Outcomes>,
    key: Key,
    turns: Arc<Turns>,
    _taken: OwnedMutexGuard<()>,
}

/// What an owner's cancel meets.
#[derive(Debug)]
pub(super) enum Cancelled {
    /// Too late: the object was confirmed.
    Confirmed,
    /// The upload is being completed; whoever does that deletes the object.
    Completing,
    /// Nobody completes it. Until the guard is dropped, nobody confirms it either.
    Idle(Deleting),
}

/// An object that may be deleted: as long as this is there, it is not confirmed.
#[derive(Debug)]
pub(super) struct Deleting {
    outcomes: Arc<Outcomes>,
    key: Key,
}

impl Outcomes {
    /// Waits until nobody else has a turn with the key.
    pub(super) async fn turn(self: &Arc<Self>, key: &Key) -> Turn {
        let waiting = Waiting { outcomes: Arc::clone(self), key: key.clone(), turns: self.state().turns_of(key) };
        let taken = Arc::clone(&waiting.turns.taken).lock_owned().await;
        Turn { outcomes: Arc::clone(self), key: key.clone(), turns: Arc::clone(&waiting.turns), _taken: taken }
    }

    /// The store has shown the object that was wanted. False where its owner has just cancelled it: then it is not confirmed.
    pub(super) fn confirm(&self, key: &Key) -> bool {
        let mut state = self.state();
        let is_cancelled = state.turns.get(key).is_some_and(|turns| turns.is_cancelled.load(Ordering::Relaxed));
        if is_cancelled || state.deleting.contains_key(key) {
            return false;
        }
        state.confirmed.insert(key);
        true
    }

    /// The owner cancels the upload.
    pub(super) fn cancel(self: &Arc<Self>, key: &Key) -> Cancelled {
        let mut state = self.state();
        if state.confirmed.contains(key) {
            return Cancelled::Confirmed;
        }
        if let Some(turns) = state.turns.get(key) {
            turns.is_cancelled.store(true, Ordering::Relaxed);
            return Cancelled::Completing;
        }
        *state.deleting.entry(key.clone()).or_default() += 1;
        Cancelled::Idle(Deleting { outcomes: Arc::clone(self), key: key.clone() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn turns_of(&mut self, key: &Key) -> Arc<Turns> {
        Arc::clone(self.turns.entry(key.clone()).or_default())
    }

    /// Called by one of those that hold the turns: the last of them and the map. Nobody else gets hold of them without the
    /// state.
    fn leave(&mut self, key: &Key, turns: &Arc<Turns>) {
        if Arc::strong_count(turns) <= 2 {
            self.turns.remove(key);
        }
    }
}

/// A caller that waits for its turn, or is gone.
struct Waiting {
    outcomes: Arc<Outcomes>,
    key: Key,
    turns: Arc<Turns>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.outcomes.state().leave(&self.key, &self.turns);
    }
}

impl Turn {
    /// Whether the owner has cancelled the upload meanwhile.
    pub(super) fn is_cancelled(&self) -> bool {
        self.turns.is_cancelled.load(Ordering::Relaxed)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.outcomes.state().leave(&self.key, &self.turns);
    }
}

impl Drop for Deleting {
    fn drop(&mut self) {
        let mut state = self.outcomes.state();
        let Some(times) = state.deleting.get_mut(&self.key) else { return };
        *times -= 1;
        if *times == 0 {
            state.deleting.remove(&self.key);
        }
    }
}

impl Confirmed {
    fn contains(&self, key: &Key) -> bool {
        self.hashes.contains(&self.hasher.hash_one(key.as_str()))
    }

    fn insert(&mut self, key: &Key) {
        let hash = self.hasher.hash_one(key.as_str());
        if self.hashes.insert(hash) {
            self.oldest.push_back(hash);
        }
        if self.oldest.len() > MAX_CONFIRMED
            && let Some(oldest) = self.oldest.pop_front()
        {
            self.hashes.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn key(name: &str) -> Key {
        name.parse().unwrap()
    }

    #[test]
    fn what_was_confirmed_can_not_be_cancelled_and_what_is_being_deleted_can_not_be_confirmed() {
        let outcomes = Arc::new(Outcomes::default());
        assert!(outcomes.confirm(&key("a")));
        assert!(matches!(outcomes.cancel(&key("a")), Cancelled::Confirmed));
        let (one, other) = (outcomes.cancel(&key("b")), outcomes.cancel(&key("b")));
        assert!(!outcomes.confirm(&key("b")));
        drop(one);
        assert!(!outcomes.confirm(&key("b")), "it is deleted twice at the same time");
        drop(other);
        assert!(outcomes.confirm(&key("b")));
    }

    #[tokio::test]
    async fn turns_with_one_key_come_one_after_the_other_and_leave_nothing() {
        let outcomes = Arc::new(Outcomes::default());
        let a = key("a");
        let first = outcomes.turn(&a).await;
        let mut second = Box::pin(outcomes.turn(&a));
        assert!((&mut second).now_or_never().is_none());
        let mut gone = Box::pin(outcomes.turn(&a));
        assert!((&mut gone).now_or_never().is_none());
        drop(outcomes.turn(&key("b")).await);
        assert!(matches!(outcomes.cancel(&a), Cancelled::Completing));
        assert!(!outcomes.confirm(&a));
        drop((first, gone));
        let second = second.await;
        assert!(second.is_cancelled(), "they are calls about the same upload");
        drop(second);
        assert!(!outcomes.turn(&a).await.is_cancelled());
        assert!(outcomes.state().turns.is_empty());
    }

    #[test]
    fn the_oldest_confirmed_keys_are_forgotten() {
        let mut confirmed = Confirmed::default();
        for number in 0..=MAX_CONFIRMED {
            confirmed.insert(&key(&number.to_string()));
        }
        assert!(!confirmed.contains(&key("0")) && confirmed.contains(&key("1")));
        assert_eq!((confirmed.hashes.len(), confirmed.oldest.len()), (MAX_CONFIRMED, MAX_CONFIRMED));
    }
}
