use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::store::{is_in_parts, key_of};
use crate::engine::{
    CallFailure, CallId, Engine, Event, FileId, Input, Instant, MAX_SIGN_BATCH, Output, Progress, RequestId,
    Restriction, Status, Totals, UploadError, UploadFile,
};
use crate::s3::UploadToken;

/// Watches one engine from outside, and panics with the name of the rule that it broke.
#[derive(Default)]
pub(super) struct Referee {
    files: BTreeMap<FileId, Record>,
    /// With where in its file each begins.
    in_flight: BTreeMap<RequestId, (FileId, u64)>,
    sign_calls: BTreeMap<CallId, Instant>,
    /// Until when a request may start on each signed URL.
    usable_until: BTreeMap<String, Instant>,
    ended: BTreeSet<FileId>,
    offline: bool,
    probes: Probes,
}

const PROBE_INTERVAL: Duration = Duration::from_secs(10);

/// What was started to try a network that is said not to be there.
#[derive(Default)]
struct Probes {
    last: Option<Instant>,
    calls: BTreeSet<CallId>,
    requests: BTreeSet<RequestId>,
}

/// What is known of a file of the list.
#[derive(Default)]
struct Record {
    size: u64,
    /// Between `UploadStart` and the end of the run, pauses included.
    is_running: bool,
    is_in_parts: bool,
    /// A request for the token's key had nothing left to send.
    may_be_stored: bool,
    view: View,
}

/// What an app can see of a file.
#[derive(Clone, Debug, Default, PartialEq)]
struct View {
    status: Option<Status>,
    sent: u64,
    token: Option<UploadToken>,
    key: Option<String>,
}

impl View {
    fn of(file: &UploadFile) -> Self {
        Self {
            status: Some(file.status()),
            sent: file.progress().sent,
            token: file.token().cloned(),
            key: file.key().map(str::to_owned),
        }
    }
}

impl Referee {
    /// Before an input reaches the engine.
    pub(super) fn hear(&mut self, input: &Input) {
        match input {
            Input::Offline => (self.offline, self.probes.last) = (true, None),
            Input::Online => self.offline = false,
            Input::Response { request, response } => {
                let was_probe = self.probes.requests.remove(request) && self.in_flight.contains_key(request);
                self.hear_of_probe(was_probe, response.status > 0);
                if matches!(response.status, 200..=299 | 412) {
                    self.sent(*request, u64::MAX);
                }
                self.in_flight.remove(request);
            }
            Input::RequestFailed { request, .. } => _ = self.in_flight.remove(request),
            Input::BodySent { request } => self.sent(*request, u64::MAX),
            Input::Progress { request, sent } => self.sent(*request, *sent),
            Input::Signed { call, results } => {
                let was_probe = self.probes.calls.remove(call);
                self.hear_of_probe(was_probe, results.iter().any(|result| result.as_ref().err().is_none_or(is_answer)));
                let Some(asked) = self.sign_calls.remove(call) else { return };
                for signed in results.iter().flatten() {
                    if let Some(ms) = signed.expires_in_ms {
                        let life = Duration::from_millis(ms);
                        let margin = (life / 4).min(Duration::from_secs(10));
                        let until = asked + life.checked_sub(margin).unwrap();
                        self.usable_until.insert(signed.parameters.url.clone(), until);
                    }
                }
            }
            Input::Read { .. } | Input::FileChanged { .. } => {}
            Input::Created { call, result } => self.hear_of_call(*call, result.as_ref().err()),
            Input::Listed { call, result } => self.hear_of_call(*call, result.as_ref().err()),
            Input::Confirmed { call, result } => self.hear_of_call(*call, result.as_ref().err()),
        }
    }

    /// After a call, with all that came of it.
    pub(super) fn judge(&mut self, engine: &Engine, outputs: &[Output], now: Instant) {
        for (index, output) in outputs.iter().enumerate() {
            match output {
                Output::Sign { call, files } => self.signing_is_just(engine, *call, files, now),
                Output::SignParts { call, parts, .. } => {
                    self.signing_starts(*call, parts.len(), now);
                    assert!(parts.is_sorted_by(|one, next| one.part < next.part), "in order, each once");
                }
                Output::Create { call, .. } | Output::List { call, .. } => self.call_starts(*call, now),
                Output::Send { request, file, parameters, body } => {
                    self.sending_is_just(engine, *request, (*file, body.start), &parameters.url, now);
                }
                Output::Cancel { request } => {
                    assert!(self.in_flight.remove(request).is_some(), "only what is in flight is cancelled");
                }
                Output::Confirm { call, token } | Output::Complete { call, token, .. } => {
                    self.confirming_is_just(engine, *call, token, now);
                }
                Output::Event(event) => self.event_is_just(engine, event, &outputs[..index]),
                _ => {}
            }
        }
        self.in_flight_means_sending(engine);
        self.discarded_is_what_was_removed(engine, outputs);
        self.views_change_as_they_may(engine, outputs);
        self.complete_is_not_overdue(engine);
        totals_are_the_sum(engine);
    }

    fn sent(&mut self, request: RequestId, sent: u64) {
        let file = self.in_flight.get(&request);
        if let Some(record) = file.and_then(|(file, _)| self.files.get_mut(file)) {
            record.may_be_stored |= sent >= record.size;
        }
    }

    /// Whether this start is a probe of a network that is said not to be there.
    fn start_is_just(&mut self, now: Instant) -> bool {
        if self.offline {
            assert!(self.probes.last.is_none_or(|last| now.since(last) >= PROBE_INTERVAL), "one try in a while");
            self.probes.last = Some(now);
        }
        self.offline
    }

    /// An answer to a probe proves the network.
    fn hear_of_probe(&mut self, was_probe: bool, is_answer: bool) {
        self.offline &= !(was_probe && is_answer);
    }

    fn hear_of_call(&mut self, call: CallId, failure: Option<&CallFailure>) {
        let was_probe = self.probes.calls.remove(&call);
        self.hear_of_probe(was_probe, failure.is_none_or(is_answer));
    }

    fn call_starts(&mut self, call: CallId, now: Instant) {
        if self.start_is_just(now) {
            self.probes.calls.insert(call);
        }
    }

    fn signing_starts(&mut self, call: CallId, pieces: usize, now: Instant) {
        assert!(!self.offline || pieces == 1, "one file or part tries the network");
        assert!((1..=MAX_SIGN_BATCH).contains(&pieces), "a signing call has 1 to {MAX_SIGN_BATCH} files or parts");
        self.call_starts(call, now);
        self.sign_calls.insert(call, now);
    }

    fn signing_is_just(&mut self, engine: &Engine, call: CallId, files: &[FileId], now: Instant) {
        self.signing_starts(call, files.len(), now);
        assert!(files.is_sorted() && BTreeSet::from_iter(files).len() == files.len(), "in order, each once");
        let status = |file: &FileId| engine.file(*file).map(UploadFile::status);
        assert!(files.iter().all(|file| status(file) == Some(Status::Preparing)), "only files that need it are signed");
    }

    fn sending_is_just(&mut self, engine: &Engine, request: RequestId, part: (FileId, u64), url: &str, now: Instant) {
        if self.start_is_just(now) {
            self.probes.requests.insert(request);
        }
        assert!(self.usable_until.get(url).is_none_or(|until| now < *until), "no request starts on an old signature");
        assert!(self.in_flight.values().all(|other| *other != part), "a file or part has one request at a time");
        assert!(self.in_flight.insert(request, part).is_none(), "a request starts once");
        let limit = engine.options().limit;
        assert!(limit == 0 || self.in_flight.len() <= limit, "no more requests than the limit");
        let of_file = self.in_flight.values().filter(|(file, _)| *file == part.0).count();
        assert!(of_file <= engine.options().max_part_requests, "no more parts of a file than its store takes");
        let record = self.files.get_mut(&part.0).unwrap();
        assert!(record.is_running, "only what was asked for is sent");
        record.may_be_stored |= record.size == 0;
    }

    fn confirming_is_just(&mut self, engine: &Engine, call: CallId, token: &UploadToken, now: Instant) {
        self.call_starts(call, now);
        let of_token = engine.files().find(|file| file.token() == Some(token)).unwrap();
        assert_eq!(of_token.status(), Status::Finishing, "only what was sent is confirmed");
        assert!(self.in_flight.values().all(|(file, _)| *file != of_token.id()), "a confirmed file holds no slot");
    }

    fn event_is_just(&mut self, engine: &Engine, event: &Event, before: &[Output]) {
        match event {
            Event::FileAdded(id) => {
                let file = engine.file(*id).unwrap();
                let (size, is_in_parts) = (file.info().size, file.part_size().is_some());
                self.files.insert(*id, Record { size, is_in_parts, ..Record::default() });
            }
            Event::UploadStart(files) => {
                for file in files {
                    let record = self.files.get_mut(file).unwrap();
                    assert!(!record.is_running, "a run starts once");
                    record.is_running = true;
                    self.ended.remove(file);
                }
            }
            Event::UploadProgress(file) | Event::UploadStalled(file) | Event::PartUploaded(file, _) => {
                assert!(self.files[file].is_running, "only what runs moves or stalls");
            }
            Event::UploadError(file) if is_restricted(engine, *file) => {
                assert_eq!(before.last(), Some(&Output::Event(Event::FileAdded(*file))), "turned away when added");
            }
            Event::UploadSuccess(file) | Event::UploadError(file) => {
                assert!(!self.offline || !is_silence(engine, *file), "without a network silence is no failure");
                let record = self.files.get_mut(file).unwrap();
                assert!(std::mem::take(&mut record.is_running), "a run ends once");
                self.ended.insert(*file);
            }
            Event::FileRemoved(file) => drop(self.ended.remove(file)),
            Event::CancelAll => {
                let stays = |status| matches!(status, Status::Complete | Status::Interrupted { .. });
                assert!(engine.files().all(|file| stays(file.status())), "all is cancelled");
            }
            Event::Complete { successful, failed } => {
                assert!(!engine.is_active(), "complete means that nothing is on its way");
                let all: BTreeSet<_> = successful.iter().chain(failed).copied().collect();
                assert_eq!(std::mem::take(&mut self.ended), all, "complete names what ended since the last");
                let status = |file: &FileId| engine.file(*file).unwrap().status();
                assert!(successful.iter().all(|file| status(file) == Status::Complete));
                assert!(failed.iter().all(|file| status(file) == Status::Failed));
            }
        }
    }

    fn in_flight_means_sending(&self, engine: &Engine) {
        let sending = |status| matches!(status, Status::Uploading | Status::Resending | Status::Finishing);
        for (file, _) in self.in_flight.values() {
            let status = engine.file(*file).map(UploadFile::status);
            assert!(status.is_some_and(sending), "no request outlives its purpose: {status:?}");
        }
        let moving = engine.files().filter(|file| matches!(file.status(), Status::Uploading | Status::Resending));
        for file in moving {
            assert!(self.in_flight.values().any(|(sent, _)| *sent == file.id()), "what uploads has a request");
        }
    }

    /// Of files in one request; what is in parts is looked for in the store. Runs before the views are brought up to
    /// date: they still say how the removed files were.
    fn discarded_is_what_was_removed(&mut self, engine: &Engine, outputs: &[Output]) {
        let is_given_up = |token: &UploadToken| {
            let was_its_token = |(_, record): &(_, &Record)| record.view.token.as_ref() == Some(token);
            let owner = self.files.iter().find(was_its_token).and_then(|(id, _)| engine.file(*id));
            owner.is_some_and(|file| file.token() != Some(token))
        };
        let discarded = outputs.iter().filter_map(|output| match output {
            Output::Discard { token } if !is_in_parts(key_of(token)) && !is_given_up(token) => Some(token.as_str()),
            _ => None,
        });
        let discarded: BTreeSet<_> = discarded.collect();
        let mut due = BTreeSet::new();
        for output in outputs {
            if let Output::Event(Event::FileRemoved(file)) = output {
                let record = self.files.remove(file).unwrap();
                let Record { may_be_stored, is_in_parts, view: View { status, token, .. }, .. } = record;
                if may_be_stored && !is_in_parts && status != Some(Status::Complete) {
                    due.extend(token.map(|token| token.as_str().to_owned()));
                }
            }
        }
        assert_eq!(discarded, due.iter().map(String::as_str).collect(), "discarded is what may be stored, and no more");
    }

    fn views_change_as_they_may(&mut self, engine: &Engine, outputs: &[Output]) {
        for file in engine.files() {
            let view = View::of(file);
            let record = self.files.get_mut(&file.id()).unwrap();
            if view == record.view {
                continue;
            }
            assert!(outputs.contains(&Output::Changed(file.id())), "changes are told");
            let size = file.info().size;
            assert!(view.sent >= record.view.sent, "progress never goes back");
            assert!(view.sent < size || size == 0 || file.status() == Status::Complete, "all sent means success");
            assert!(
                file.status() != Status::Complete || (view.sent == size && view.key.is_some()),
                "success has a key"
            );
            record.may_be_stored &= view.token.is_some() || record.view.token.is_none();
            record.view = view;
        }
        assert_eq!(self.files.len(), engine.files().count(), "what was removed is gone");
    }

    fn complete_is_not_overdue(&self, engine: &Engine) {
        assert!(engine.is_active() || self.ended.is_empty(), "the last end completes");
    }
}

fn is_answer(failure: &CallFailure) -> bool {
    !matches!(failure, CallFailure::Unreachable { .. })
}

fn is_restricted(engine: &Engine, file: FileId) -> bool {
    matches!(engine.file(file).and_then(UploadFile::error), Some(UploadError::Restricted(Restriction::TooLarge { .. })))
}

fn is_silence(engine: &Engine, file: FileId) -> bool {
    let error = engine.file(file).and_then(UploadFile::error);
    error.is_some_and(|error| {
        matches!(
            error,
            UploadError::Network { .. } | UploadError::Stalled { .. } | UploadError::ServerUnreachable { .. }
        )
    })
}

fn totals_are_the_sum(engine: &Engine) {
    let totals = engine.totals();
    let mut sum = Totals { progress: Progress { sent: 0, size: 0, ..totals.progress }, ..Totals::default() };
    for file in engine.files() {
        let (status, progress) = (file.status(), file.progress());
        sum.files += 1;
        sum.active += usize::from(status.is_active());
        sum.paused += usize::from(status == Status::Paused);
        sum.interrupted += usize::from(matches!(status, Status::Interrupted { .. }));
        sum.complete += usize::from(status == Status::Complete);
        sum.failed += usize::from(status == Status::Failed);
        sum.restricted += usize::from(matches!(file.error(), Some(UploadError::Restricted(_))));
        if !matches!(status, Status::Failed | Status::Interrupted { .. }) {
            sum.progress.sent += progress.sent;
            sum.progress.size += progress.size;
        }
    }
    assert_eq!(totals, sum, "totals are the sum");
}
