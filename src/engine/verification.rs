use std::sync::Arc;

use super::CallId;
use super::sorted::{SortedMap, SortedSet};
use crate::s3::{Checksum, ChecksumAlgorithm, Part, PartNumber};

/// Parts that the store lists and that this page has not read: an earlier page sent them, perhaps of other bytes.
///
/// Such a part counts as stored only after the file's own bytes were read and their checksum is that of the store, or of
/// the journal where the store gives none.
#[derive(Clone, Debug, Default)]
pub(super) struct Verification {
    /// An earlier page began the upload.
    is_resumed: bool,
    /// Checksums that earlier pages noted.
    ///
    /// Shared with copies of the file, as are parts that are done.
    journal: Arc<SortedMap<PartNumber, Checksum>>,
    unverified: Arc<SortedMap<PartNumber, Unverified>>,
    /// Bytes of all of these.
    pub(super) bytes: u64,
    /// Parts whose reading was started so far.
    started: usize,
    /// Parts that the store has, or had, with other bytes: of these a size proves nothing.
    doubted: SortedSet<PartNumber>,
    /// There were parts with nothing to compare them with.
    is_incomplete: bool,
}

/// A part that waits to be compared.
#[derive(Clone, Debug)]
struct Unverified {
    algorithm: ChecksumAlgorithm,
    /// `None` of an object, which is compared as a whole.
    expected: Option<Checksum>,
    /// Its bytes are being read.
    call: Option<CallId>,
}

/// What came of reading a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// The store has these bytes.
    Equal {
        /// An earlier page has noted that.
        is_noted: bool,
    },
    /// The store has other bytes.
    Different,
    /// It was only read: the object is compared later.
    Read,
}

impl Verification {
    pub(super) fn of_earlier_page(journal: Vec<(PartNumber, Checksum)>) -> Self {
        let mut known = SortedMap::default();
        for (part, checksum) in journal {
            known.insert(part, checksum);
        }
        Self { is_resumed: true, journal: Arc::new(known), ..Self::default() }
    }

    pub(super) fn is_resumed(&self) -> bool {
        self.is_resumed
    }

    /// Whether nothing is left to compare.
    pub(super) fn is_over(&self) -> bool {
        self.unverified.is_empty()
    }

    /// Whether some parts of an earlier page could not be compared, and are sent again.
    pub(super) fn is_incomplete(&self) -> bool {
        self.is_incomplete
    }

    /// How many parts were read so far, while there is one whose reading can start.
    pub(super) fn turn(&self) -> Option<usize> {
        self.next().map(|_| self.started)
    }

    fn next(&self) -> Option<PartNumber> {
        self.unverified.iter().find(|(_, part)| part.call.is_none()).map(|(number, _)| *number)
    }

    /// Whether the store's part is what this page has sent, whose checksum is `ours`. Without checksums its size tells,
    /// where nobody else can have sent it.
    pub(super) fn is_same(&self, ours: Option<&Checksum>, part: &Part) -> bool {
        match (ours, &part.checksum) {
            (Some(ours), Some(theirs)) if ours.algorithm == theirs.algorithm => ours == theirs,
            _ => self.is_ours(part.number),
        }
    }

    /// Whether only this page can have sent a part.
    pub(super) fn is_ours(&self, part: PartNumber) -> bool {
        !self.is_resumed && !self.doubted.contains(&part)
    }

    /// Has a part of the store compared, if there is something to compare it with. Whether there is.
    pub(super) fn expect(&mut self, part: &Part, algorithm: Option<ChecksumAlgorithm>) -> bool {
        let fits = |checksum: &Checksum| algorithm.is_none_or(|algorithm| algorithm == checksum.algorithm);
        let stored = part.checksum.clone().filter(fits);
        let Some(expected) = stored.or_else(|| self.journal.get(&part.number).cloned()) else {
            self.is_incomplete |= self.is_resumed;
            return false;
        };
        let algorithm = expected.algorithm;
        self.read(part.number, Unverified { algorithm, expected: Some(expected), call: None });
        true
    }

    /// Has parts read of which the store has made an object already, perhaps.
    pub(super) fn expect_object(&mut self, parts: impl Iterator<Item = PartNumber>, algorithm: ChecksumAlgorithm) {
        for part in parts {
            self.read(part, Unverified { algorithm, expected: None, call: None });
        }
    }

    fn read(&mut self, number: PartNumber, part: Unverified) {
        Arc::make_mut(&mut self.unverified).insert(number, part);
    }

    pub(super) fn start_reading(&mut self, call: CallId) -> Option<(PartNumber, ChecksumAlgorithm)> {
        let number = self.next()?;
        let part = Arc::make_mut(&mut self.unverified).get_mut(&number)?;
        part.call = Some(call);
        self.started += 1;
        Some((number, part.algorithm))
    }

    /// What is being read will have to be read again.
    pub(super) fn stop_reading(&mut self) {
        let reading = self.unverified.iter().filter(|(_, part)| part.call.is_some());
        let reading: Vec<_> = reading.map(|(number, _)| *number).collect();
        for number in reading {
            if let Some(part) = Arc::make_mut(&mut self.unverified).get_mut(&number) {
                part.call = None;
            }
        }
    }

    pub(super) fn is_reading(&self, part: PartNumber, call: CallId) -> bool {
        self.unverified.get(&part).is_some_and(|part| part.call == Some(call))
    }

    /// What a part was read for in this call; `None` if nobody waits for it any more.
    pub(super) fn compare(&mut self, number: PartNumber, call: CallId, read: &Checksum) -> Option<Comparison> {
        let part = self.unverified.get(&number).filter(|part| part.call == Some(call))?;
        let comparison = match &part.expected {
            None => Comparison::Read,
            Some(expected) if expected != read => Comparison::Different,
            Some(_) if self.journal.get(&number) == Some(read) => Comparison::Equal { is_noted: true },
            Some(_) => Comparison::Equal { is_noted: false },
        };
        self.remove(number);
        if comparison == Comparison::Different {
            self.doubt(number);
        }
        Some(comparison)
    }

    /// A part need not be compared any more; whether its bytes count as stored.
    pub(super) fn remove(&mut self, part: PartNumber) -> Option<bool> {
        Arc::make_mut(&mut self.unverified).remove(&part).map(|part| part.expected.is_some())
    }

    /// All parts that were not compared yet, which nobody compares any more.
    pub(super) fn take_unverified(&mut self) -> Vec<PartNumber> {
        self.bytes = 0;
        std::mem::take(&mut self.unverified).iter().map(|(number, _)| *number).collect()
    }

    /// The store may have other bytes of this part.
    pub(super) fn doubt(&mut self, part: PartNumber) {
        self.doubted.insert(part);
        if self.journal.contains_key(&part) {
            Arc::make_mut(&mut self.journal).remove(&part);
        }
    }
}
