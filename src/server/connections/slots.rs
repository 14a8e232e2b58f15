use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// While every slot is taken by a connection that is answered, this often one that has become idle is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The connections that a port may have at one time.
///
/// Where all are taken, the one that has been idle longest makes room: else whoever opens that many and says nothing would
/// keep all others out. Connections that are answered are left alone.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    free: Arc<Semaphore>,
    idle: Arc<Mutex<Idle>>,
}

/// Who waits for a head, the longest first.
#[derive(Debug, Default)]
struct Idle {
    next: u64,
    since: BTreeMap<u64, Arc<Notify>>,
}

/// One connection's place among the others, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    _permit: OwnedSemaphorePermit,
    idle: Arc<Mutex<Idle>>,
    evict: Arc<Notify>,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There was no request yet.
    New { since: u64 },
    /// A request is being answered.
    Busy,
    /// The next request is waited for.
    Idle { since: u64 },
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Busy(Arc<Slot>);

impl Slots {
    pub(super) fn new(connections: usize) -> Self {
        let free = Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS)));
        Self { free, idle: Arc::default() }
    }

    /// A slot for a new connection, which is idle until its first head is there.
    pub(super) async fn take(&self) -> Slot {
        let permit = loop {
            if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
                break permit;
            }
            let longest = lock(&self.idle).since.pop_first();
            if let Some((_, evict)) = longest {
                evict.notify_one();
            }
            if let Ok(Ok(permit)) = timeout(LOOK_AGAIN, Arc::clone(&self.free).acquire_owned()).await {
                break permit;
            }
        };
        let evict = Arc::default();
        let since = lock(&self.idle).add(&evict);
        let state = Mutex::new(State::New { since });
        Slot { _permit: permit, idle: Arc::clone(&self.idle), evict, state }
    }
}

impl Idle {
    fn add(&mut self, evict: &Arc<Notify>) -> u64 {
        let since = self.next;
        self.next += 1;
        self.since.insert(since, Arc::clone(evict));
        since
    }
}

impl Slot {
    /// A request has come.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.change(|_| State::Busy);
        Busy(Arc::clone(self))
    }

    /// Whether there was no request yet.
    pub(super) fn is_new(&self) -> bool {
        matches!(*lock(&self.state), State::New { .. })
    }

    /// Whether a request is being answered.
    pub(super) fn is_busy(&self) -> bool {
        *lock(&self.state) == State::Busy
    }

    /// Resolves when the connection has to make room for another.
    pub(super) async fn evicted(&self) {
        self.evict.notified().await;
    }

    fn change(&self, next: impl FnOnce(&mut Idle) -> State) {
        let (mut idle, mut state) = (lock(&self.idle), lock(&self.state));
        if let State::New { since } | State::Idle { since } = *state {
            idle.since.remove(&since);
        }
        *state = next(&mut idle);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.change(|_| State::Busy);
    }
}

impl Busy {
    /// The answer's body, which keeps its connection busy until the last of it is on its way.
    pub(super) fn until_sent(self, body: Body) -> impl HttpBody<Data = Bytes, Error = axum::Error> {
        Answer { body, _busy: self }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.change(|idle| State::Idle { since: idle.add(&self.0.evict) });
    }
}

struct Answer {
    body: Body,
    _busy: Busy,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
