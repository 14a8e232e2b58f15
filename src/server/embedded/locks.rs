use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// One lock a key, for as long as somebody wants it: an object is named, replaced or removed by one call at a time, and calls
/// for other keys never wait for it.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyLocks(Arc<Mutex<BTreeMap<String, Wanted>>>);

#[derive(Debug, Default)]
struct Wanted {
    lock: Arc<AsyncMutex<()>>,
    by: usize,
}

/// The right to change a key's object, until it is dropped.
#[derive(Debug)]
pub(super) struct KeyLock {
    _held: OwnedMutexGuard<()>,
    _wish: Wish,
}

/// Somebody wants a key's lock, or has it.
#[derive(Debug)]
struct Wish {
    locks: KeyLocks,
    key: String,
}

impl KeyLocks {
    /// Waits until nobody else has the key.
    pub(super) async fn lock(&self, key: &str) -> KeyLock {
        let lock = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let wanted = all.entry(key.to_owned()).or_default();
            wanted.by += 1;
            Arc::clone(&wanted.lock)
        };
        let wish = Wish { locks: self.clone(), key: key.to_owned() };
        KeyLock { _held: lock.lock_owned().await, _wish: wish }
    }
}

impl Drop for Wish {
    fn drop(&mut self) {
        let mut all = self.locks.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wanted) = all.get_mut(&self.key) {
            wanted.by -= 1;
            if wanted.by == 0 {
                all.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_key_has_one_holder_and_other_keys_do_not_wait_for_it() {
        let locks = KeyLocks::default();
        let held = locks.lock("a").await;
        let mut second = Box::pin(locks.lock("a"));
        assert!(second.as_mut().now_or_never().is_none());
        for key in 0..100 {
            assert!(locks.lock(&key.to_string()).now_or_never().is_some(), "{key}");
        }
        drop(held);
        drop(second.await);
        assert!(locks.0.lock().unwrap().is_empty(), "nothing stays of a key that nobody wants");
    }

    #[tokio::test]
    async fn a_wish_that_is_given_up_leaves_nothing() {
        let locks = KeyLocks::default();
        let held = locks.lock("a").await;
        assert!(locks.lock("a").now_or_never().is_none());
        drop(held);
        assert!(locks.0.lock().unwrap().is_empty());
    }
}
