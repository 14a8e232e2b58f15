use std::time::Duration;

use super::trial::{Replay, Server, Trial};
use super::world::unreachable_server;
use crate::engine::{Engine, FileId, Instant, Options, RequestFailure, RetryPolicy, UploadFile};

/// One thing that may happen in a tiny world; `None` where it can't, or where nothing comes of it.
type Letter = fn(&mut Trial) -> Option<()>;

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
    |trial| (!trial.confirms.is_empty()).then(|| trial.fail_to_confirm(0, unreachable_server())),
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

/// Lives up to some moment, from which all short sequences are tried.
const BEGINNINGS: &[fn(&mut Trial)] = &[
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

#[test]
fn every_short_life_of_one_file_keeps_the_rules() {
    for size in [0, 10] {
        try_all(&[size], true, 3);
    }
}

#[test]
fn every_short_life_of_two_files_and_one_slot_keeps_the_rules() {
    try_all(&[10, 10], true, 3);
}

#[test]
fn every_short_life_without_tokens_keeps_the_rules() {
    try_all(&[10, 10], false, 3);
}

fn try_all(sizes: &[u64], confirms: bool, depth: usize) {
    for beginning in 0..BEGINNINGS.len() {
        let mut word = vec![0; depth];
        while {
            let end = live(sizes, confirms, beginning, &word);
            advance(&mut word, end)
        } {}
    }
}

/// Lives one life; the position of its first letter that can't happen, or of its last.
fn live(sizes: &[u64], confirms: bool, beginning: usize, word: &[usize]) -> usize {
    let _replay = Replay(format!("sizes {sizes:?}, confirms {confirms}, beginning {beginning}, letters {word:?}"));
    let retry = RetryPolicy { max_retries: 1, ..RetryPolicy::default() };
    let server = Server { confirms, signature_life: Some(Duration::from_mins(5)) };
    let mut trial = Trial::new(Options { limit: 1, retry, ..Options::default() }, server);
    for size in sizes {
        trial.add(*size);
    }
    BEGINNINGS[beginning](&mut trial);
    let impossible = word.iter().position(|letter| ALPHABET[*letter](&mut trial).is_none());
    impossible.unwrap_or(word.len() - 1)
}

/// The next word that differs at `position` or before it; false after the last.
fn advance(word: &mut [usize], position: usize) -> bool {
    word[position + 1..].fill(0);
    for letter in word[..=position].iter_mut().rev() {
        *letter += 1;
        if *letter < ALPHABET.len() {
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

fn first_file(trial: &mut Trial, name: &str, verb: fn(&mut Engine, FileId, Instant)) -> Option<()> {
    let file = trial.engine.files().map(UploadFile::id).next()?;
    trial.act(name, |engine, now| verb(engine, file, now)).then_some(())
}
