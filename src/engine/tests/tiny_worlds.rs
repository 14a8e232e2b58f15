use std::time::Duration;

use super::answers::Outcome;
use super::trial::{PART_SIZE, Replay, Server, Trial};
use super::world::unreachable_server;
use crate::engine::{Engine, FileId, Instant, Options, RequestFailure, RetryPolicy, UploadFile};
use crate::s3::{ChecksumAlgorithm, Method};

/// One thing that may happen in a tiny world; `None` where it can't, or where nothing comes of it.
type Letter = fn(&mut Trial) -> Option<()>;

type Beginning = fn(&mut Trial);

const ALPHABET: &[Letter] = &[
    |trial| trial.act("upload", Engine::upload).then_some(()),
    |trial| trial.act("cancel all", Engine::cancel_all).then_some(()),
    |trial| first_file(trial, "pause", Engine::pause),
    |trial| first_file(trial, "resume", Engine::resume),
    |trial| first_file(trial, "retry", Engine::retry),
    |trial| first_file(trial, "remove", Engine::remove),
    |trial| (!trial.signs.is_empty()).then(|| trial.sign(0, Ok)),
    |trial| (!trial.signs.is_empty()).then(|| trial.sign(0, |_| Err(unreachable_server()))),
    |trial| (!trial.confirms.is_empty()).then(|| trial.confirm(0)),
    |trial| (!trial.confirms.is_empty()).then(|| trial.fail_to_confirm(0, Outcome::Nothing, unreachable_server())),
    |trial| (!trial.requests.is_empty()).then(|| trial.progress(0, 5)),
    |trial| (!trial.requests.is_empty()).then(|| trial.body_sent(0)),
    |trial| (!trial.requests.is_empty()).then(|| trial.accept(0)),
    |trial| (!trial.requests.is_empty()).then(|| trial.reject(0, 403, "AccessDenied", "Request has expired")),
    |trial| (!trial.requests.is_empty()).then(|| trial.reject(0, 503, "SlowDown", "Slow down.")),
    |trial| (!trial.requests.is_empty()).then(|| trial.fail(0, RequestFailure::Network)),
    |trial| (!trial.requests.is_empty()).then(|| trial.fail(0, RequestFailure::Unreadable)),
    |trial| trial.pass_to_deadline().then_some(()),
    |trial| trial.engine.poll_timeout().map(|_| trial.sleep(Duration::from_mins(10))),
    |trial| trial.go_offline(true),
    |trial| trial.go_offline(false),
];

/// What may happen besides to a file in parts that is read for its checksums.
const ALPHABET_IN_PARTS: &[Letter] = &[
    |trial| (!trial.reads.is_empty()).then(|| trial.read(0)),
    |trial| (!trial.creates.is_empty()).then(|| trial.create(0)),
    |trial| (!trial.creates.is_empty()).then(|| trial.fail_to_create(0, true, unreachable_server())),
    |trial| (!trial.lists.is_empty()).then(|| trial.list(0)),
    |trial| (!trial.lists.is_empty()).then(|| trial.fail_to_list(0, unreachable_server())),
    |trial| (!trial.confirms.is_empty()).then(|| trial.fail_to_confirm(0, Outcome::Object, unreachable_server())),
    |trial| (!trial.confirms.is_empty()).then(|| trial.fail_to_confirm(0, Outcome::Pending, unreachable_server())),
    |trial| (!trial.confirms.is_empty()).then(|| trial.begin_to_join(0)),
    |trial| trial.store.show_pending().then_some(()),
    |trial| {
        (!trial.requests.is_empty()).then(|| {
            trial.drop_upload_of(0);
            trial.accept(0);
        })
    },
    |trial| (!trial.requests.is_empty()).then(|| trial.reject(0, 400, "BadDigest", "No match.")),
    |trial| {
        (!trial.requests.is_empty()).then(|| {
            trial.body_sent(0);
            trial.land(&trial.requests[0].clone());
            trial.fail(0, RequestFailure::Network);
        })
    },
];

/// Lives up to some moment, from which all short sequences are tried.
const BEGINNINGS: &[Beginning] = &[
    |_| {},
    |trial| _ = trial.act("upload", Engine::upload),
    begin_sending,
    |trial| {
        begin_sending(trial);
        trial.body_sent(0);
    },
    |trial| {
        begin_sending(trial);
        trial.body_sent(0);
        trial.accept(0);
    },
    |trial| {
        begin_sending(trial);
        trial.fail(0, RequestFailure::Network);
    },
    |trial| {
        begin_sending(trial);
        trial.go_offline(true);
    },
];

/// The same for a file in two parts.
const BEGINNINGS_IN_PARTS: &[Beginning] = &[
    |trial| {
        trial.act("upload", Engine::upload);
        trial.sign(0, Ok);
    },
    begin_sending_parts,
    |trial| {
        begin_sending_parts(trial);
        trial.accept(0);
        trial.read(0);
        trial.sign(0, Ok);
    },
    |trial| {
        begin_sending_parts(trial);
        trial.body_sent(0);
        trial.fail(0, RequestFailure::Network);
    },
    |trial| {
        begin_sending_parts(trial);
        trial.go_offline(true);
        trial.fail(0, RequestFailure::Network);
    },
    |trial| {
        begin_sending_parts(trial);
        trial.accept(0);
        trial.read(0);
        trial.sign(0, Ok);
        trial.accept(0);
    },
];

#[test]
fn every_short_life_of_one_file_keeps_the_rules() {
    for size in [0, 10] {
        try_all(&[size], Kind::Confirmed, 3);
    }
}

#[test]
fn every_short_life_of_two_files_and_one_slot_keeps_the_rules() {
    try_all(&[10, 10], Kind::Confirmed, 3);
}

#[test]
fn every_short_life_without_tokens_keeps_the_rules() {
    try_all(&[10, 10], Kind::Unconfirmed, 3);
}

#[test]
fn every_short_life_of_a_file_in_two_parts_and_one_slot_keeps_the_rules() {
    try_all(&[PART_SIZE + 10], Kind::InParts, 3);
}

/// What the files of a world are like.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Confirmed,
    Unconfirmed,
    /// Confirmed, and with checksums.
    InParts,
}

impl Kind {
    fn beginnings(self) -> &'static [Beginning] {
        if self == Self::InParts { BEGINNINGS_IN_PARTS } else { BEGINNINGS }
    }

    fn letters(self) -> usize {
        if self == Self::InParts { ALPHABET.len() + ALPHABET_IN_PARTS.len() } else { ALPHABET.len() }
    }
}

fn try_all(sizes: &[u64], kind: Kind, depth: usize) {
    for beginning in 0..kind.beginnings().len() {
        let mut word = vec![0; depth];
        while {
            let end = live(sizes, kind, beginning, &word);
            advance(&mut word, end, kind.letters())
        } {}
    }
}

/// Lives one life; the position of its first letter that can't happen, or of its last.
fn live(sizes: &[u64], kind: Kind, beginning: usize, word: &[usize]) -> usize {
    let _replay = Replay(format!("sizes {sizes:?}, {kind:?}, beginning {beginning}, letters {word:?}"));
    let retry = RetryPolicy { max_retries: 1, ..RetryPolicy::default() };
    let checksum = (kind == Kind::InParts).then_some(ChecksumAlgorithm::Sha256);
    let server = Server {
        confirms: kind != Kind::Unconfirmed,
        signature_life: Some(Duration::from_mins(5)),
        method: Method::Put,
    };
    let mut trial = Trial::new(Options { limit: 1, retry, checksum, ..Options::default() }, server);
    for size in sizes {
        if kind == Kind::InParts { trial.add_in_parts(*size) } else { trial.add(*size) }
    }
    kind.beginnings()[beginning](&mut trial);
    let letter = |letter: &usize| ALPHABET.iter().chain(ALPHABET_IN_PARTS).nth(*letter).unwrap();
    let impossible = word.iter().position(|index| letter(index)(&mut trial).is_none());
    impossible.unwrap_or(word.len() - 1)
}

/// The next word that differs at `position` or before it; false after the last.
fn advance(word: &mut [usize], position: usize, letters: usize) -> bool {
    word[position + 1..].fill(0);
    for letter in word[..=position].iter_mut().rev() {
        *letter += 1;
        if *letter < letters {
            return true;
        }
        *letter = 0;
    }
    false
}

fn begin_sending(trial: &mut Trial) {
    trial.act("upload", Engine::upload);
    trial.sign(0, Ok);
}

fn begin_sending_parts(trial: &mut Trial) {
    trial.act("upload", Engine::upload);
    trial.sign(0, Ok);
    trial.create(0);
    trial.read(0);
    trial.sign(0, Ok);
}

fn first_file(trial: &mut Trial, name: &str, verb: fn(&mut Engine, FileId, Instant)) -> Option<()> {
    let file = trial.engine.files().map(UploadFile::id).next()?;
    trial.act(name, |engine, now| verb(engine, file, now)).then_some(())
}
