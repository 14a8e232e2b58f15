use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// A directory's whole content: per path a file's content, or `None` for a directory.
pub(super) type Files = BTreeMap<PathBuf, Option<Content>>;

/// A place in [`Disk::contents`].
pub(super) type Content = usize;

/// A file or a directory, whatever it is called: an inode, but never used again for another.
type Node = usize;

const ROOT: Node = 0;

const EMPTY: Content = 0;

/// What a process did at once to names: a rename takes one away as it makes another, and no crash comes between them.
type Change = BTreeMap<(Node, String), Option<Node>>;

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crash {
    /// By `kill -9`: what was written is there.
    Killed,
    /// By a power loss, on a file system that keeps what was synced and nothing else.
    PowerLoss,
    /// By a power loss, on one that keeps all names, and of bytes only what was synced.
    NamesKept,
    /// As before, where files have their length already, and zeros for what was not synced.
    LengthsKept,
    /// By a power loss, on one that keeps all bytes, and of names only what was synced.
    BytesKept,
    /// By a power loss, on one that keeps the last change of names before earlier ones that were not synced either.
    LastNameKept,
}

#[derive(Clone, Default)]
struct Tree {
    dirs: BTreeMap<Node, BTreeMap<String, Node>>,
    files: BTreeMap<Node, Content>,
}

/// A directory as a process sees it, and what of it is synced.
pub(super) struct Disk {
    root: PathBuf,
    nodes: BTreeMap<u64, Node>,
    next_node: Node,
    /// Also those that are gone.
    directories: BTreeSet<Node>,
    pub(super) contents: Vec<Vec<u8>>,
    now: Tree,
    synced: Tree,
    /// Changes of names since the sync of a directory that has one of them.
    pending: Vec<Change>,
}

impl Disk {
    /// Of an empty directory.
    pub(super) fn new(root: &Path) -> Self {
        let tree = Tree { dirs: [(ROOT, BTreeMap::new())].into(), files: BTreeMap::new() };
        Self {
            root: root.to_owned(),
            nodes: BTreeMap::new(),
            next_node: ROOT + 1,
            directories: [ROOT].into(),
            contents: vec![Vec::new()],
            now: tree.clone(),
            synced: tree,
            pending: Vec::new(),
        }
    }

    /// After each call that changes something.
    pub(super) fn observe(&mut self, call: &str, path: &Path) {
        let before = std::mem::take(&mut self.now);
        let known = std::mem::take(&mut self.nodes);
        self.read(&self.root.clone(), ROOT, &known);
        let change = difference(&before, &self.now);
        if !change.is_empty() {
            self.pending.push(change);
        }
        if call == "syncfs" {
            self.pending.clear();
            self.synced.clone_from(&self.now);
        }
        if matches!(call, "fsync" | "fdatasync")
            && let Some(node) = self.find(path)
        {
            self.sync(node);
        }
    }

    fn read(&mut self, dir: &Path, node: Node, known: &BTreeMap<u64, Node>) {
        self.now.dirs.insert(node, BTreeMap::new());
        for entry in fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            let child = known.get(&metadata.ino()).copied().unwrap_or(self.next_node);
            self.next_node = self.next_node.max(child + 1);
            self.nodes.insert(metadata.ino(), child);
            let name = entry.file_name().into_string().unwrap();
            self.now.dirs.get_mut(&node).unwrap().insert(name, child);
            if metadata.is_dir() {
                self.directories.insert(child);
                self.read(&entry.path(), child, known);
            } else {
                let content = self.content(fs::read(entry.path()).unwrap());
                self.now.files.insert(child, content);
            }
        }
    }

    fn content(&mut self, bytes: Vec<u8>) -> Content {
        self.contents.iter().position(|known| *known == bytes).unwrap_or_else(|| {
            self.contents.push(bytes);
            self.contents.len() - 1
        })
    }

    fn find(&self, path: &Path) -> Option<Node> {
        let mut names = path.strip_prefix(&self.root).ok()?.iter();
        names.try_fold(ROOT, |node, name| self.now.dirs.get(&node)?.get(name.to_str()?).copied())
    }

    fn sync(&mut self, node: Node) {
        if let Some(content) = self.now.files.get(&node) {
            self.synced.files.insert(node, *content);
            return;
        }
        let (kept, pending) =
            split(std::mem::take(&mut self.pending), |change| change.keys().any(|name| name.0 == node));
        self.pending = pending;
        apply(&mut self.synced, kept);
    }

    /// What a crash leaves at this moment.
    pub(super) fn after(&mut self, crash: Crash) -> Files {
        let mut last = Tree::default();
        let (names, bytes) = match crash {
            Crash::Killed => (&self.now, self.now.files.clone()),
            Crash::PowerLoss => (&self.synced, self.synced.files.clone()),
            Crash::NamesKept => (&self.now, self.synced.files.clone()),
            Crash::LastNameKept => {
                last.clone_from(&self.synced);
                let is_last = |change: &Change| self.pending.last() == Some(change);
                apply(&mut last, split(self.pending.clone(), is_last).0);
                (&last, self.synced.files.clone())
            }
            Crash::BytesKept => {
                // What has no name any more has the bytes it was synced with.
                let mut bytes = self.synced.files.clone();
                bytes.extend(&self.now.files);
                (&self.synced, bytes)
            }
            Crash::LengthsKept => {
                let files = self.now.files.clone().into_iter();
                let bytes = files.map(|(node, content)| (node, self.with_zeros(node, content))).collect();
                (&self.now, bytes)
            }
        };
        let mut files = Files::new();
        let mut open = vec![(PathBuf::new(), ROOT)];
        while let Some((path, dir)) = open.pop() {
            for (name, node) in names.dirs.get(&dir).into_iter().flatten() {
                let path = path.join(name);
                if self.directories.contains(node) {
                    files.insert(path.clone(), None);
                    open.push((path, *node));
                } else {
                    files.insert(path, Some(bytes.get(node).copied().unwrap_or(EMPTY)));
                }
            }
        }
        files
    }

    fn with_zeros(&mut self, node: Node, content: Content) -> Content {
        let synced = self.synced.files.get(&node).copied().unwrap_or(EMPTY);
        let mut bytes = self.contents[synced].clone();
        bytes.resize(self.contents[content].len(), 0);
        self.content(bytes)
    }
}

/// The changes that are kept, with those before them of the same names, which they need; and the others.
fn split(changes: Vec<Change>, is_kept: impl Fn(&Change) -> bool) -> (Vec<Change>, Vec<Change>) {
    let mut needed = BTreeSet::new();
    let (mut kept, mut others) = (Vec::new(), Vec::new());
    for change in changes.into_iter().rev() {
        if is_kept(&change) || change.keys().any(|name| needed.contains(name)) {
            needed.extend(change.keys().cloned());
            kept.insert(0, change);
        } else {
            others.insert(0, change);
        }
    }
    (kept, others)
}

fn apply(tree: &mut Tree, changes: Vec<Change>) {
    for ((dir, name), child) in changes.into_iter().flatten() {
        let names = tree.dirs.entry(dir).or_default();
        match child {
            Some(child) => names.insert(name, child),
            None => names.remove(&name),
        };
    }
}

/// The names that differ, and what they stand for now.
fn difference(before: &Tree, now: &Tree) -> Change {
    let names = |tree: &Tree| -> BTreeMap<(Node, String), Node> {
        let dirs = tree.dirs.iter();
        dirs.flat_map(|(dir, names)| names.iter().map(|(name, node)| ((*dir, name.clone()), *node))).collect()
    };
    let (before, now) = (names(before), names(now));
    let all: BTreeSet<_> = before.keys().chain(now.keys()).collect();
    let changed = all.into_iter().filter(|name| before.get(*name) != now.get(*name));
    changed.map(|name| (name.clone(), now.get(name).copied())).collect()
}
