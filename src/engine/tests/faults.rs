use std::time::Duration;

use super::answers::Outcome;
use super::chance::Chance;
use super::world::unreachable_server;
use crate::engine::CallFailure;
use crate::s3::{PartNumber, Refusal};

/// How a store, or the way to it, fails a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    UploadGone,
    PartGone,
    Forbidden,
    Corrupted,
    AlreadyThere,
    Expired,
    SlowDown,
    InternalError,
    Nonsense,
    Forgotten,
    BadRequest,
    Blocked,
    Unreadable,
    ConnectionLost,
}

pub(super) const FAULTS: [Fault; 14] = [
    Fault::UploadGone,
    Fault::PartGone,
    Fault::Forbidden,
    Fault::Corrupted,
    Fault::AlreadyThere,
    Fault::Expired,
    Fault::SlowDown,
    Fault::InternalError,
    Fault::Nonsense,
    Fault::Forgotten,
    Fault::BadRequest,
    Fault::Blocked,
    Fault::Unreadable,
    Fault::ConnectionLost,
];

/// The faults of one life, each as often as its weight there: some never, some most of the time. What needs one kind of
/// fault many times in a row is met so.
pub(super) fn weighted_faults(chance: &mut Chance) -> Vec<Fault> {
    let faults = FAULTS.iter().flat_map(|fault| vec![*fault; *chance.pick(&[0, 0, 1, 1, 2, 12])]);
    let faults: Vec<_> = faults.collect();
    if faults.is_empty() { vec![Fault::ConnectionLost] } else { faults }
}

/// How a call to the signing server fails.
pub(super) fn call_failure(chance: &mut Chance) -> CallFailure {
    let reason = String::from("simulated");
    match chance.below(20) {
        0 => CallFailure::Invalid { reason },
        1 => CallFailure::Refused(Refusal::TypeNotAllowed { content_type: reason, allowed: vec![] }),
        2 | 3 => CallFailure::Refused(Refusal::TokenExpired),
        4 | 5 => CallFailure::Refused(Refusal::TokenInvalid),
        6..=9 => CallFailure::Refused(Refusal::StoreUnavailable { reason }),
        10 => {
            let retry_after = Some(Duration::from_secs(chance.below(1000)));
            CallFailure::Unreachable { reason, retry_after }
        }
        _ => unreachable_server(),
    }
}

/// How a call that asks for an object fails, and what came of it. Only what is not answered in time can have come to
/// anything that its failure does not tell.
pub(super) fn confirm_failure(chance: &mut Chance) -> (CallFailure, Outcome) {
    let missing = PartNumber::try_from(1 + u16::try_from(chance.below(4)).unwrap()).unwrap();
    let refused = |refusal, outcome| (CallFailure::Refused(refusal), outcome);
    match chance.below(10) {
        0 => refused(Refusal::ChecksumMismatch, Outcome::Object),
        1 => refused(Refusal::ObjectMissing, Outcome::Pending),
        2 | 3 => refused(Refusal::PartsMissing { parts: vec![missing] }, Outcome::Nothing),
        4 => refused(Refusal::PartsMissing { parts: vec![] }, Outcome::Nothing),
        5 => refused(Refusal::SizeMismatch { expected: 2, actual: 1 }, Outcome::Object),
        6 | 7 => {
            let outcome = *chance.pick(&[Outcome::Nothing, Outcome::Object, Outcome::Pending]);
            (unreachable_server(), outcome)
        }
        _ => (call_failure(chance), Outcome::Nothing),
    }
}
