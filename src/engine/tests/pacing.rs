use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::engine::verifying::MAX_VERIFYING_READS;
use crate::engine::{
    CallId, Engine, Event, FileId, Input, Instant, Output, RequestFailure, RequestId, Response, UploadFile,
};

/// The longest `Retry-After` that the engine honours.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(10);

/// Reads at one time where `limit` says nothing.
const UNLIMITED_READS: usize = 6;

/// Bytes of a file: the file, and where they begin.
type Place = (FileId, u64);

/// Watches when requests start: never above the retry budget, never before `Retry-After`, always when they may.
#[derive(Default)]
pub(super) struct Pacing {
    in_flight: BTreeMap<RequestId, Request>,
    reads: BTreeSet<CallId>,
    /// Twice the highest limit there was.
    read_bound: usize,
    /// Failures since the last success or the visitor's last word, of those that always count.
    failures: BTreeMap<Place, u32>,
    not_before: BTreeMap<Place, Instant>,
    is_offline: bool,
}

#[derive(Clone, Copy)]
struct Request {
    place: Place,
    /// Nothing is left of such a body as soon as it is heard of.
    is_empty: bool,
    has_sent: bool,
}

impl Pacing {
    /// The visitor or the app calls: budgets begin anew, and nobody waits any more.
    pub(super) fn hear_visitor(&mut self) {
        self.failures.clear();
        self.not_before.clear();
    }

    /// Before an input reaches the engine.
    pub(super) fn hear(&mut self, input: &Input, now: Instant) {
        match input {
            Input::Offline => self.is_offline = true,
            Input::Online => self.is_offline = false,
            Input::Progress { request, sent } => self.sent(*request, *sent > 0),
            Input::BodySent { request } => self.sent(*request, true),
            Input::Response { request, response } => {
                if let Some(Request { place, .. }) = self.in_flight.remove(request) {
                    self.answered(place, response, now);
                }
            }
            Input::RequestFailed { request, failure } => {
                // What had left in part may have left in full, and the server is asked; offline nothing counts.
                let counts = *failure == RequestFailure::Network && !self.is_offline;
                if let Some(Request { place, .. }) = self.in_flight.remove(request).filter(|request| !request.has_sent)
                    && counts
                {
                    *self.failures.entry(place).or_default() += 1;
                }
            }
            Input::Read { call, .. } => _ = self.reads.remove(call),
            _ => {}
        }
    }

    fn sent(&mut self, request: RequestId, has_sent: bool) {
        if let Some(request) = self.in_flight.get_mut(&request) {
            request.has_sent |= has_sent || request.is_empty;
        }
    }

    fn answered(&mut self, place: Place, response: &Response, now: Instant) {
        match response.status {
            200..=299 => _ = self.failures.remove(&place),
            503 => {
                *self.failures.entry(place).or_default() += 1;
                let wait = response.retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
                self.not_before.insert(place, now + wait);
            }
            _ => {}
        }
    }

    /// After a call, with all that the engine wanted done.
    pub(super) fn judge(&mut self, engine: &Engine, outputs: &[Output], now: Instant) {
        for output in outputs {
            match output {
                Output::Send { request, file, body, .. } => {
                    self.starts(engine, *request, (*file, body.start), now);
                    self.in_flight.entry(*request).and_modify(|request| request.is_empty = body.is_empty());
                }
                Output::Read { call, .. } => _ = self.reads.insert(*call),
                // What was said of an upload's parts counts no more once that is gone, or is asked for.
                Output::Complete { token, .. } => {
                    let file = engine.files().find(|file| file.token() == Some(token)).map(UploadFile::id);
                    if let Some(file) = file {
                        self.begin_anew(file);
                    }
                }
                Output::Create { file, .. } => self.begin_anew(*file),
                Output::Cancel { request } => _ = self.in_flight.remove(request),
                Output::Event(Event::PartUploaded(file, _) | Event::UploadSuccess(file)) => {
                    self.failures.retain(|(other, _), _| other != file);
                }
                _ => {}
            }
        }
        self.slots_are_used(engine, now);
        self.reads_are_bounded(engine);
    }

    fn begin_anew(&mut self, file: FileId) {
        self.failures.retain(|(other, _), _| *other != file);
        self.not_before.retain(|(other, _), _| *other != file);
    }

    fn starts(&mut self, engine: &Engine, request: RequestId, place: Place, now: Instant) {
        let failures = self.failures.get(&place).copied().unwrap_or_default();
        assert!(failures <= engine.options().retry.max_retries, "no attempt above the retry budget");
        let due = self.not_before.remove(&place);
        assert!(due.is_none_or(|due| due <= now), "nothing is sent before `Retry-After`");
        self.in_flight.insert(request, Request { place, is_empty: false, has_sent: false });
    }

    fn slots_are_used(&self, engine: &Engine, now: Instant) {
        let slots = engine.concurrency.slots(engine.options().limit);
        let is_ready = engine.network.is_online() && engine.queues.to_send().is_some();
        assert!(!is_ready || self.in_flight.len() >= slots, "a free slot and a ready piece make a request at {now:?}");
    }

    /// A read that nobody waits for any more still takes its memory until it is answered: twice the bytes of a limit's
    /// requests at the most.
    fn reads_are_bounded(&mut self, engine: &Engine) {
        let limit = engine.options().limit;
        self.read_bound = self.read_bound.max(2 * if limit == 0 { UNLIMITED_READS } else { limit });
        assert!(self.reads.len() <= self.read_bound + MAX_VERIFYING_READS, "{} reads at one time", self.reads.len());
    }
}
