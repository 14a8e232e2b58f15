use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// What a client has to send or to read, on the average. Six parts at one time on a line of 3 KiB/s have as much each.
const MIN_BYTES_PER_SEC: u64 = 512;

/// How slow a client may be: it may keep the server waiting for so long in all, and every 512 bytes give back a second of it.
/// One that sends or reads a byte a minute would hold a connection, and in the embedded store a file, for years.
///
/// Only waiting counts: how long the server takes for what has come is not the client's fault.
#[derive(Debug)]
pub(super) struct Pace {
    /// How long a client may stand still.
    max_stall: Duration,
    /// What is left of it.
    left: Duration,
    /// Since when the client is waited for, and until when.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Pace {
    pub(super) fn new(max_stall: Duration) -> Self {
        Self { max_stall, left: max_stall, waiting: None }
    }

    /// The client has moved so many bytes.
    pub(super) fn moved(&mut self, bytes: usize) {
        if let Some((since, _)) = self.waiting.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        let earned = Duration::from_nanos((bytes as u64).saturating_mul(1_000_000_000 / MIN_BYTES_PER_SEC));
        self.left = (self.left + earned).min(self.max_stall);
    }

    /// The client is waited for. Resolves when it was too slow.
    pub(super) fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let left = self.left;
        let (_, end) = self.waiting.get_or_insert_with(|| {
            let now = Instant::now();
            (now, Box::pin(sleep_until(now + left)))
        });
        end.as_mut().poll(cx)
    }
}
