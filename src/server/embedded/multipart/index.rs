use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
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

    /// The keys of uploads that begin so, with the uploads' ids, in order; of these the first `max` that come after `after`.
    pub(super) fn page(&self, prefix: &str, after: Option<(String, String)>, max: usize) -> Vec<(String, String)> {
        let first = (prefix.to_owned(), String::new());
        let from = after.filter(|after| *after >= first).map_or(Bound::Included(first), Bound::Excluded);
        let entries = self.lock();
        let from = entries.by_key.range((from, Bound::Unbounded));
        from.take_while(|(key, _)| key.starts_with(prefix)).take(max).cloned().collect()
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
        assert_eq!(ids(&index, "b/", None, 9), ["y", "z", "w"]);
        index.remove("z");
        index.remove("unknown");
        assert_eq!(ids(&index, "", None, 9), ["x", "y", "w", "v"]);
        assert_eq!(ids(&index, "b/1/", None, 9), [""; 0]);
    }

    #[test]
    fn a_page_has_no_more_than_is_asked_for_and_begins_after_the_one_before() {
        let index = Index::default();
        for (key, id) in [("a", "x"), ("b/1", "y"), ("b/1", "z"), ("b/2", "w"), ("c", "v")] {
            index.add(key.into(), id.into());
        }
        assert_eq!(ids(&index, "b/", None, 2), ["y", "z"]);
        assert_eq!(ids(&index, "b/", Some(("b/1", "y")), 2), ["z", "w"]);
        assert_eq!(ids(&index, "b/", Some(("a", "x")), 2), ["y", "z"], "before the prefix");
        assert_eq!(ids(&index, "b/", Some(("c", "v")), 2), [""; 0]);
        assert_eq!(ids(&index, "", None, 0), [""; 0]);
    }

    fn ids(index: &Index, prefix: &str, after: Option<(&str, &str)>, max: usize) -> Vec<String> {
        let after = after.map(|(key, id)| (key.to_owned(), id.to_owned()));
        index.page(prefix, after, max).into_iter().map(|(_, id)| id).collect()
    }
}
