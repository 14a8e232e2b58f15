use std::collections::BTreeMap;
use std::ops::Range;

use super::chance::Chance;
use super::trial::PART_SIZE;
use crate::engine::FileId;

/// A number for each [`PART_SIZE`] of a file, the last perhaps shorter: other bytes, another number.
pub(super) type Content = Vec<u64>;

/// What the files of the visitor's disk contain, and contained before; the newest comes last.
#[derive(Default)]
pub(super) struct Contents {
    versions: BTreeMap<FileId, Vec<Content>>,
    newest: u64,
}

impl Contents {
    /// A file joins the list, with bytes of its own.
    pub(super) fn add(&mut self, file: FileId, size: u64) {
        if !self.versions.contains_key(&file) {
            let content = (0..size.div_ceil(PART_SIZE).max(1)).map(|_| self.other()).collect();
            self.versions.insert(file, vec![content]);
        }
    }

    /// Bytes of a file as it is now.
    pub(super) fn read(&self, file: FileId, bytes: &Range<u64>) -> Content {
        let content = self.versions[&file].last().unwrap();
        let blocks = bytes.start / PART_SIZE..bytes.end.div_ceil(PART_SIZE).max(bytes.start / PART_SIZE + 1);
        content[usize::try_from(blocks.start).unwrap()..usize::try_from(blocks.end).unwrap()].to_vec()
    }

    pub(super) fn is_newest(&self, file: FileId, content: &Content) -> bool {
        self.versions[&file].last() == Some(content)
    }

    /// Whether the file was like this at some time.
    pub(super) fn is_version(&self, file: FileId, content: &Content) -> bool {
        self.versions[&file].contains(content)
    }

    /// The versions of a file that another page lists under another id.
    pub(super) fn take_over(&mut self, file: FileId, earlier: &Self, id: FileId) {
        self.newest = self.newest.max(earlier.newest);
        self.versions.insert(file, earlier.versions[&id].clone());
    }

    /// Changes a file, or restores what it was before.
    pub(super) fn change(&mut self, file: FileId, chance: &mut Chance) {
        let versions = &self.versions[&file];
        let mut content = versions.last().unwrap().clone();
        if chance.percent(40) {
            content.clone_from(chance.pick(versions));
        } else {
            for block in &mut content {
                if chance.percent(50) {
                    self.newest += 1;
                    *block = self.newest;
                }
            }
        }
        self.versions.get_mut(&file).unwrap().push(content);
    }

    fn other(&mut self) -> u64 {
        self.newest += 1;
        self.newest
    }
}

/// The checksum of bytes.
pub(super) fn checksum_of(bytes: &Range<u64>, content: &[u64]) -> String {
    let content: Vec<_> = content.iter().map(u64::to_string).collect();
    format!("{}-{}:{}", bytes.start, bytes.end, content.join("."))
}
