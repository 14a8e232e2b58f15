use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The keys of unfinished uploads, so that a listing of one key reads nothing of the others. This server is the only one that
/// uses the directory, so it is enough to know them here.
#[derive(Clone, Debug, Default)]
pub(super) struct Index(Arc<Mutex<Entries>>);

#[derive(Debug, Default)]
struct Entries {
    /// Keys with their uploads' ids, in order.
    by_key: BTreeSet<(String, String)>,
    keys: BTreeMap<String, String>,
}

impl Index {
    pub(super) fn add(&self, key: String, id: String) {
        let mut entries = self.lock();
        entries.keys.insert(id.clone(), key.clone());
        entries.by_key.insert((key, id));
    }

    pub(super) fn remove(&self, id: &str) {
        let mut entries = self.lock();
        if let Some(key) = entries.keys.remove(id) {
            entries.by_key.remove(&(key, id.to_owned()));
        }
    }

    /// The ids of uploads with keys that begin so, in the order of their keys.
    pub(super) fn with_prefix(&self, prefix: &str) -> Vec<String> {
        let entries = self.lock();
        let from = entries.by_key.range((prefix.to_owned(), String::new())..);
        from.take_while(|(key, _)| key.starts_with(prefix)).map(|(_, id)| id.clone()).collect()
    }

    /// Both are changed together, between which nothing panics.
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_finds_its_keys_alone_and_in_order() {
        let index = Index::default();
        for (key, id) in [("b/2", "w"), ("a", "x"), ("b/1", "z"), ("b/1", "y"), ("c", "v")] {
            index.add(key.into(), id.into());
        }
        assert_eq!(index.with_prefix("b/"), ["y", "z", "w"]);
        index.remove("z");
        index.remove("unknown");
        assert_eq!(index.with_prefix(""), ["x", "y", "w", "v"]);
        assert_eq!(index.with_prefix("b/1/"), Vec::<String>::new());
    }
}
