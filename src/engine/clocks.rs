use std::time::Duration;

use super::id::Piece;
use super::meter::STILL_AFTER;
use super::sorted::{SortedMap, SortedSet};
use super::{Instant, Options, RequestId};

/// A deadline met later than this was not waited for: the machine slept, or the tab was throttled.
pub(super) const GAP: Duration = Duration::from_secs(5);

/// How long the response may take after the last byte: never less than this.
const MIN_RESPONSE_WAIT: Duration = Duration::from_mins(1);

/// The same, where `timeout` is disabled.
const UNTIMED_RESPONSE_WAIT: Duration = Duration::from_mins(5);

/// How long requests may keep silent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// With bytes left to send; `None` is for ever.
    idle: Option<Duration>,
    /// With the response missing.
    response: Duration,
}

impl Patience {
    pub(super) fn of(options: &Options) -> Self {
        let timeout = options.timeout;
        if timeout.is_zero() {
            return Self { idle: None, response: UNTIMED_RESPONSE_WAIT };
        }
        Self { idle: Some(timeout), response: timeout.saturating_mul(4).max(MIN_RESPONSE_WAIT) }
    }
}

/// The clocks of all data requests in flight. Each request has one at a time, by what is due from it:
///
/// - its first byte: the browser may hold it back while its connections are taken, so the clock only
///   runs while no request shows any activity, and not while one waits for its response;
/// - more bytes: the clock restarts with each;
/// - the response: a longer wait, for the store may have all it needs.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    requests: SortedMap<RequestId, Clock>,
    unstarted: SortedSet<(Instant, RequestId)>,
    moving: SortedSet<(Instant, RequestId)>,
    awaiting: SortedSet<(Instant, RequestId)>,
    /// Requests in `moving` whose speed is shown; it ends before they count as stalled.
    shown_moving: SortedSet<(Instant, RequestId)>,
    /// When a request last moved, or gave its connection back.
    last_activity: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Clock {
    piece: Piece,
    due: Due,
    since: Instant,
    /// Restarted once because of a gap, and nothing was heard of the request since.
    excused: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    FirstByte,
    MoreBytes,
    Response,
}

impl Clocks {
    /// Requests in flight.
    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whose request it is, while it is in flight.
    pub(super) fn piece(&self, request: RequestId) -> Option<Piece> {
        self.requests.get(&request).map(|clock| clock.piece)
    }

    pub(super) fn start(&mut self, request: RequestId, piece: Piece, now: Instant) {
        self.set(request, Clock { piece, due: Due::FirstByte, since: now, excused: false });
    }

    /// A request made itself heard, with more bytes or just for the first time.
    pub(super) fn progress(&mut self, request: RequestId, is_more: bool, now: Instant) {
        let Some(clock) = self.requests.get(&request).copied() else { return };
        if clock.due == Due::FirstByte || (clock.due == Due::MoreBytes && is_more) {
            self.restart(request, clock.piece, Due::MoreBytes, now);
        }
    }

    /// A request's last byte has left.
    pub(super) fn sent(&mut self, request: RequestId, now: Instant) {
        let Some(clock) = self.requests.get(&request).copied() else { return };
        if clock.due != Due::Response {
            self.restart(request, clock.piece, Due::Response, now);
        }
    }

    /// A request is over, and its connection free.
    pub(super) fn end(&mut self, request: RequestId, now: Instant) {
        if self.forget(request).is_some() {
            self.last_activity = now;
        }
    }

    /// The next moment at which a clock may run out.
    pub(super) fn next_deadline(&self, patience: Patience) -> Option<Instant> {
        let moving = self.moving.first().zip(patience.idle).map(|((since, _), idle)| *since + idle);
        let awaiting = self.awaiting.first().map(|(since, _)| *since + patience.response);
        let unstarted = patience.idle.and_then(|idle| self.start_deadline(idle));
        let still = self.shown_moving.first().map(|(since, _)| *since + STILL_AFTER);
        [moving, awaiting, unstarted, still].into_iter().flatten().min()
    }

    /// Whose requests have just come to a standstill, though not for so long that it is a stall.
    pub(super) fn take_still(&mut self, now: Instant) -> Vec<Piece> {
        let is_still = |(since, _): &&(Instant, RequestId)| *since + STILL_AFTER <= now;
        let still: Vec<_> = self.shown_moving.iter().take_while(is_still).copied().collect();
        for entry in &still {
            self.shown_moving.remove(entry);
        }
        still.into_iter().filter_map(|(_, request)| self.piece(request)).collect()
    }

    /// Ends the requests that owed bytes for too long, and returns them.
    pub(super) fn take_stalled(&mut self, patience: Patience, now: Instant) -> Vec<(RequestId, Piece)> {
        let Some(idle) = patience.idle else { return Vec::new() };
        let mut stalled = self.take_due(Due::MoreBytes, idle, now);
        if self.start_deadline(idle).is_some_and(|deadline| deadline <= now) {
            stalled.extend(self.take_due(Due::FirstByte, idle, now));
        }
        stalled
    }

    /// Ends the requests that owed a response for too long, and returns them.
    pub(super) fn take_unanswered(&mut self, patience: Patience, now: Instant) -> Vec<(RequestId, Piece)> {
        self.take_due(Due::Response, patience.response, now)
    }

    /// Time has passed that the requests did not have: their clocks start anew. Not for ever: a clock
    /// that was excused and has heard nothing since goes on, or a tab whose timers always come late
    /// would never find a stall.
    pub(super) fn excuse(&mut self, now: Instant) {
        let clocks: Vec<_> = self.requests.iter().map(|(request, clock)| (*request, *clock)).collect();
        for (request, clock) in clocks.into_iter().filter(|(_, clock)| !clock.excused) {
            self.set(request, Clock { since: now, excused: true, ..clock });
        }
    }

    fn start_deadline(&self, idle: Duration) -> Option<Instant> {
        let (since, _) = self.unstarted.first().filter(|_| self.awaiting.is_empty())?;
        Some((*since).max(self.last_activity) + idle)
    }

    fn take_due(&mut self, due: Due, patience: Duration, now: Instant) -> Vec<(RequestId, Piece)> {
        let is_over = |(since, _): &&(Instant, RequestId)| *since + patience <= now;
        let over: Vec<_> = self.queue(due).iter().take_while(is_over).map(|(_, request)| *request).collect();
        if !over.is_empty() && due != Due::FirstByte {
            self.last_activity = now;
        }
        over.into_iter().filter_map(|request| Some((request, self.forget(request)?.piece))).collect()
    }

    fn restart(&mut self, request: RequestId, piece: Piece, due: Due, now: Instant) {
        self.last_activity = now;
        self.set(request, Clock { piece, due, since: now, excused: false });
    }

    fn set(&mut self, request: RequestId, clock: Clock) {
        self.forget(request);
        self.queue(clock.due).insert((clock.since, request));
        if clock.due == Due::MoreBytes {
            self.shown_moving.insert((clock.since, request));
        }
        self.requests.insert(request, clock);
    }

    fn forget(&mut self, request: RequestId) -> Option<Clock> {
        let clock = self.requests.remove(&request)?;
        self.queue(clock.due).remove(&(clock.since, request));
        self.shown_moving.remove(&(clock.since, request));
        Some(clock)
    }

    fn queue(&mut self, due: Due) -> &mut SortedSet<(Instant, RequestId)> {
        match due {
            Due::FirstByte => &mut self.unstarted,
            Due::MoreBytes => &mut self.moving,
            Due::Response => &mut self.awaiting,
        }
    }
}
