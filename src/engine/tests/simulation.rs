use std::time::Duration;

use super::answers::Outcome;
use super::chance::Chance;
use super::faults::{FAULTS, Fault, call_failure, confirm_failure, weighted_faults};
use super::marks;
use super::store::Tells;
use super::trial::{PART_SIZE, Replay, Server, Trial};
use super::world::unreachable_server;
use crate::engine::{
    CallFailure, Engine, FileId, Input, Instant, Options, RequestFailure, RequestId, Response, Restrictions,
    RetryPolicy, Status, UploadFile,
};
use crate::s3::{ChecksumAlgorithm, Method, Refusal};

type Verb = fn(&mut Engine, Instant);
type FileVerb = fn(&mut Engine, FileId, Instant);

pub(super) const LIVES: u64 = 10_000;

/// Calls in which faults may happen: one of these. Then as many as it may take without.
const WILD_STEPS: [usize; 4] = [30, 60, 90, 120];
const CALM_STEPS: usize = 2_000;

const MAX_FILE_SIZE: u64 = 4 * PART_SIZE;

/// Of most files.
const SMALL: u64 = 1_000_000;

/// `SEED=123 cargo test simulation -- --nocapture` lives one life again and tells it. `SIMULATE_FOREVER=1` lives new
/// lives until one breaks a rule, which prints its seed: from seed 1 on, or whatever number is given; with any other
/// word, from a seed that the clock chooses.
#[test]
fn random_lives_keep_the_rules_and_end_well() {
    if let Ok(seed) = std::env::var("SEED") {
        return Life::new(seed.parse().unwrap(), true).live();
    }
    if let Ok(first) = std::env::var("SIMULATE_FOREVER") {
        simulate_forever(first.parse().unwrap_or_else(|_| seed_of_the_clock()));
    }
    (0..LIVES).for_each(|seed| Life::new(seed, false).live());
    marks::assert_reached(FAULTS);
}

fn simulate_forever(first: u64) {
    for lives in 1..=u64::MAX {
        Life::new(first + lives - 1, false).live();
        if lives.is_multiple_of(LIVES) {
            println!("{lives} lives from seed {first} on have ended well");
        }
    }
}

fn seed_of_the_clock() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() * LIVES
}

/// One seed's life: files, faults, sleep and visitors with a will of their own.
pub(super) struct Life {
    pub(super) chance: Chance,
    pub(super) trial: Trial,
    /// Of this life: how likely what can go wrong does, in percent.
    faults: u64,
    store_faults: Vec<Fault>,
    is_timed: bool,
    _replay: Replay,
}

impl Life {
    pub(super) fn new(seed: u64, is_loud: bool) -> Self {
        let mut chance = Chance::new(seed);
        let timeout = Duration::from_secs(*chance.pick(&[0, 5, 30, 30, 30]));
        let options = Options {
            timeout,
            limit: *chance.pick(&[0, 1, 1, 2, 3, 6]),
            max_part_requests: *chance.pick(&[1, 2, 16]),
            retry: RetryPolicy { max_retries: *chance.pick(&[0, 1, 3, 8]), ..RetryPolicy::default() },
            checksum: *chance.pick(&[None, Some(ChecksumAlgorithm::Sha256), Some(ChecksumAlgorithm::Md5)]),
            restrictions: Restrictions { max_file_size: Some(MAX_FILE_SIZE), ..Restrictions::default() },
            seed,
        };
        let lives = [None, Some(20), Some(60), Some(900)].map(|life| life.map(Duration::from_secs));
        let method = *chance.pick(&[Method::Put, Method::Put, Method::Post]);
        let server = Server { confirms: chance.percent(75), signature_life: *chance.pick(&lives), method };
        let faults = *chance.pick(&[2, 10, 40]);
        let mut trial = Trial::new(options, server);
        trial.is_loud = is_loud;
        trial.store.tells = *chance.pick(&[Tells::Checksums, Tells::Checksums, Tells::Etags, Tells::Nothing]);
        let replay = Replay(format!("SEED={seed} cargo test simulation -- --nocapture"));
        let store_faults = weighted_faults(&mut chance);
        Self { chance, trial, faults, store_faults, is_timed: !timeout.is_zero(), _replay: replay }
    }

    fn live(mut self) {
        for _ in 0..=self.chance.below(5) {
            self.add();
        }
        self.trial.act("upload", Engine::upload);
        for _ in 0..*self.chance.pick(&WILD_STEPS) {
            self.wild_step();
        }
        self.heal();
    }

    fn wild_step(&mut self) {
        match self.chance.below(100) {
            0..=24 => self.server_speaks(),
            25..=64 => self.store_speaks(),
            65..=76 => self.time_passes(),
            77..=79 => self.network_changes(),
            80..=83 => self.something_stray_comes(),
            84..=89 => _ = self.trial.pass_to_deadline(),
            _ => self.visitor_acts(),
        }
    }

    fn add(&mut self) {
        if self.trial.server.confirms && self.chance.percent(50) {
            let any = self.chance.below(MAX_FILE_SIZE);
            let size = *self.chance.pick(&[0, 1, PART_SIZE, PART_SIZE + 1, 2 * PART_SIZE, any, any, MAX_FILE_SIZE]);
            return self.trial.add_in_parts(size);
        }
        let any = self.chance.below(SMALL);
        let size = *self.chance.pick(&[0, 1, 100, any, SMALL, MAX_FILE_SIZE + 1]);
        self.trial.add(size);
    }

    pub(super) fn server_speaks(&mut self) {
        let trial = &self.trial;
        let open = [
            (trial.reads.len(), Self::read as fn(&mut Self, usize)),
            (trial.signs.len(), Self::sign),
            (trial.creates.len(), Self::create),
            (trial.lists.len(), Self::list),
            (trial.confirms.len(), Self::confirm),
        ];
        let open: Vec<_> = open.into_iter().filter(|(calls, _)| *calls > 0).collect();
        if !open.is_empty() {
            let (calls, answer) = *self.chance.pick(&open);
            let index = self.chance.index(calls);
            answer(self, index);
        }
    }

    fn read(&mut self, index: usize) {
        if self.chance.percent(self.faults / 8) { self.trial.fail_to_read(index) } else { self.trial.read(index) }
    }

    fn sign(&mut self, index: usize) {
        if !self.chance.percent(self.faults) {
            return self.trial.sign(index, Ok);
        }
        let failures: Vec<_> =
            (0..8).map(|_| self.chance.percent(50).then(|| call_failure(&mut self.chance))).collect();
        let mut failures = failures.into_iter();
        self.trial.sign(index, |signed| failures.next().flatten().map_or(Ok(signed), Err));
    }

    fn create(&mut self, index: usize) {
        if !self.chance.percent(self.faults) {
            return self.trial.create(index);
        }
        let (has_begun, failure) = (self.chance.percent(50), call_failure(&mut self.chance));
        self.trial.fail_to_create(index, has_begun, failure);
    }

    fn list(&mut self, index: usize) {
        if !self.chance.percent(self.faults) {
            return self.trial.list(index);
        }
        let failure = call_failure(&mut self.chance);
        self.trial.fail_to_list(index, failure);
    }

    fn confirm(&mut self, index: usize) {
        if self.chance.percent(30) {
            return self.trial.begin_to_join(index);
        }
        if !self.chance.percent(self.faults) {
            return self.trial.confirm(index);
        }
        let (failure, outcome) = confirm_failure(&mut self.chance);
        // What the store has begun to complete is answered by nobody but the store.
        let is_joining = self.trial.confirms[index].joining.is_some();
        let (failure, outcome) = if is_joining { (unreachable_server(), Outcome::Pending) } else { (failure, outcome) };
        self.trial.fail_to_confirm(index, outcome, failure);
    }

    pub(super) fn store_speaks(&mut self) {
        if self.trial.requests.is_empty() {
            return;
        }
        let index = self.chance.index(self.trial.requests.len());
        if self.chance.percent(self.faults) {
            return self.store_fails(index);
        }
        let request = self.trial.requests[index].clone();
        match self.chance.below(5) {
            0 => self.trial.body_sent(index),
            1 => self.trial.accept(index),
            _ => {
                let more = self.chance.below(request.size / 2 + 2);
                self.trial.progress(index, request.sent + more);
            }
        }
    }

    fn store_fails(&mut self, index: usize) {
        let request = self.trial.requests[index].clone();
        if self.chance.percent(30) {
            self.trial.land(&request);
        }
        let fault = *self.chance.pick(&self.store_faults);
        marks::reach(fault);
        match fault {
            Fault::UploadGone => {
                self.trial.drop_upload_of(index);
                self.trial.accept(index);
            }
            Fault::PartGone => self.trial.drop_part_of(index),
            Fault::Forbidden => self.trial.reject(index, 403, "AccessDenied", "Access Denied"),
            Fault::Corrupted => self.trial.reject(index, 400, "BadDigest", "The checksum did not match."),
            Fault::AlreadyThere => self.trial.reject(index, 412, "PreconditionFailed", "A condition did not hold."),
            Fault::Expired => self.trial.reject(index, 400, "ExpiredToken", ""),
            Fault::SlowDown => {
                let wait = *self.chance.pick(&[None, None, Some(1), Some(20), Some(2_000)]);
                self.trial.slow_down(index, wait.map(Duration::from_secs));
            }
            Fault::InternalError => self.trial.reject(index, 500, "InternalError", "Try again."),
            Fault::Nonsense => self.trial.reject(index, 0, "", ""),
            Fault::Unreadable => self.trial.fail(index, RequestFailure::Unreadable),
            Fault::Forgotten => {
                self.trial.drop_upload_of(index);
                self.trial.reject(index, 404, "NoSuchKey", "");
            }
            Fault::BadRequest => self.trial.reject(index, 400, "InvalidArgument", "Not so."),
            Fault::Blocked => self.trial.fail(index, RequestFailure::Blocked),
            Fault::ConnectionLost => self.trial.fail(index, RequestFailure::Network),
        }
    }

    fn time_passes(&mut self) {
        let seconds = *self.chance.pick(&[0, 0, 1, 1, 5, 20, 40, 70, 600]);
        self.trial.pass(Duration::from_secs(seconds) + Duration::from_millis(self.chance.below(1000)));
        if self.chance.percent(30) {
            self.trial.store.show_pending();
        }
        if self.chance.percent(70) {
            self.trial.timeout();
        }
    }

    fn network_changes(&mut self) {
        let is_offline = self.chance.percent(40);
        self.trial.go_offline(is_offline);
    }

    /// Words on what is over: late, twice, or after an abort.
    fn something_stray_comes(&mut self) {
        if !self.trial.answered.is_empty() && self.chance.percent(20) {
            let call = *self.chance.pick(&self.trial.answered);
            self.trial.input(Input::Signed { call, results: vec![] });
            let failure = CallFailure::Refused(Refusal::ObjectMissing);
            self.trial.input(Input::Confirmed { call, result: Err(failure.clone()) });
            self.trial.input(Input::Created { call, result: Err(failure.clone()) });
            self.trial.input(Input::Listed { call, result: Err(failure) });
            self.trial.input(Input::Read { call, result: Err(()) });
        }
        if self.trial.over.is_empty() {
            return self.trial.timeout();
        }
        let index = self.chance.index(self.trial.over.len());
        let request = self.trial.over[index].clone();
        let id = request.id;
        match self.chance.below(5) {
            0 => self.trial.land(&request),
            1 => self.trial.input(Input::Progress { request: id, sent: request.size }),
            2 => self.trial.input(Input::BodySent { request: id }),
            3 => self.trial.input(Input::RequestFailed { request: id, failure: RequestFailure::Network }),
            _ => {
                let response = Response { status: *self.chance.pick(&[200, 403, 503]), ..Response::default() };
                self.trial.input(Input::Response { request: id, response });
            }
        }
    }

    fn visitor_acts(&mut self) {
        let files: Vec<_> = self.trial.engine.files().map(UploadFile::id).collect();
        let all: &[(&str, Verb)] = &[
            ("upload", Engine::upload),
            ("upload", Engine::upload),
            ("pause all", Engine::pause_all),
            ("resume all", Engine::resume_all),
            ("resume all", Engine::resume_all),
            ("retry all", Engine::retry_all),
            ("retry all", Engine::retry_all),
        ];
        let one: &[(&str, FileVerb)] = &[
            ("pause", Engine::pause),
            ("resume", Engine::resume),
            ("retry", Engine::retry),
            ("remove", Engine::remove),
            ("lose sight of", |engine, file, _| engine.lose_sight(file)),
        ];
        match self.chance.below(100) {
            0..=1 => _ = self.trial.act("cancel all", Engine::cancel_all),
            2..=3 => self.reload(),
            4..=14 => self.add(),
            15..=24 => self.change_limit(),
            25..=34 => _ = self.reopen_one(),
            35..=49 => {
                let (name, verb) = self.chance.pick(all);
                self.trial.act(name, verb);
            }
            _ if !files.is_empty() => {
                let (name, verb) = self.chance.pick(one);
                let file = *self.chance.pick(&files);
                self.trial.act(&format!("{name} {file}"), |engine, now| verb(engine, file, now));
            }
            _ => {}
        }
    }

    pub(super) fn reload(&mut self) {
        self.trial.reload(&mut self.chance);
    }

    fn change_limit(&mut self) {
        let limit = *self.chance.pick(&[0, 1, 2, 3]);
        let options = Options { limit, ..self.trial.engine.options().clone() };
        self.trial.act(&format!("limit {limit}"), |engine, now| engine.set_options(options, now));
    }
}

/// From here on nothing goes wrong any more, and all must come to an end.
impl Life {
    pub(super) fn heal(mut self) {
        self.trial.go_offline(false);
        self.trial.store.show_pending();
        // Connections of before may hang for ever: finding that out is the clocks' work, where there are any.
        let hanging = if self.is_timed { self.trial.requests.len() } else { 0 };
        let hanging: Vec<_> = self.trial.requests[..hanging].iter().map(|request| request.id).collect();
        for _ in 0..CALM_STEPS {
            if !self.calm_step(&hanging) && !self.start_what_stands_still() {
                return self.all_is_well();
            }
        }
        panic!("the files do not come to an end");
    }

    /// Lets the first thing happen that can; false when nothing can.
    fn calm_step(&mut self, hanging: &[RequestId]) -> bool {
        let served = self.trial.requests.iter().position(|request| !hanging.contains(&request.id));
        if !self.trial.reads.is_empty() {
            self.trial.read(0);
        } else if !self.trial.signs.is_empty() {
            self.trial.sign(0, Ok);
        } else if !self.trial.creates.is_empty() {
            self.trial.create(0);
        } else if !self.trial.lists.is_empty() {
            self.trial.list(0);
        } else if !self.trial.confirms.is_empty() {
            self.trial.confirm(0);
        } else if let Some(index) = served {
            self.trial.body_sent(index);
            self.trial.accept(index);
        } else {
            return self.trial.pass_to_deadline();
        }
        true
    }

    pub(super) fn reopen_one(&mut self) -> bool {
        let is_interrupted = |file: &&UploadFile| matches!(file.status(), Status::Interrupted { .. });
        let file = self.trial.engine.files().find(is_interrupted).map(UploadFile::id);
        file.map(|file| self.trial.reopen(file)).is_some()
    }

    fn start_what_stands_still(&mut self) -> bool {
        if self.reopen_one() {
            return true;
        }
        let verbs: [(&str, Verb); 3] =
            [("upload", Engine::upload), ("resume all", Engine::resume_all), ("retry all", Engine::retry_all)];
        verbs.into_iter().any(|(name, verb)| self.trial.act(name, verb))
    }

    fn all_is_well(&self) {
        let engine = &self.trial.engine;
        let is_well = |file: &UploadFile| file.status() == Status::Complete || file.info().size > MAX_FILE_SIZE;
        assert!(engine.files().all(is_well), "every file ends in the bucket once the world is well");
        assert!(!engine.is_active() && engine.poll_timeout().is_none(), "nothing is left to do");
        assert!(self.trial.requests.is_empty(), "no request is left in flight");
    }
}
