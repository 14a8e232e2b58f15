use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

use crate::engine::verdict::Verdict;

/// What the random lives have reached: faults, and branches of the retry table.
static REACHED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Every branch that an answer of the store can take.
const VERDICTS: [Verdict; 9] = [
    Verdict::Stored,
    Verdict::AlreadyThere,
    Verdict::Refused,
    Verdict::Bad,
    Verdict::Corrupted,
    Verdict::Transient,
    Verdict::Overloaded,
    Verdict::Gone,
    Verdict::Final,
];

pub(super) fn reach(mark: impl Debug) {
    REACHED.lock().unwrap_or_else(PoisonError::into_inner).insert(format!("{mark:?}"));
}

/// An answer to a request in flight, of a part or of a file in one request.
pub(super) fn reach_verdict(verdict: Verdict, is_part: bool) {
    reach((verdict, is_part));
}

/// Fails with the names of what no life has reached: a fault that never happens tests nothing.
pub(super) fn assert_reached<T: Debug>(faults: impl IntoIterator<Item = T>) {
    let reached = REACHED.lock().unwrap_or_else(PoisonError::into_inner);
    let faults = faults.into_iter().map(|fault| format!("{fault:?}"));
    let verdicts = VERDICTS.iter().flat_map(|verdict| [(verdict, true), (verdict, false)]);
    // Only parts have an upload that can be gone.
    let verdicts = verdicts.filter(|(verdict, is_part)| *is_part || **verdict != Verdict::Gone);
    let expected = faults.chain(verdicts.map(|mark| format!("{mark:?}")));
    let missing: Vec<_> = expected.filter(|mark| !reached.contains(mark)).collect();
    assert!(missing.is_empty(), "never reached: {missing:?}");
}
