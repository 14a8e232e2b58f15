use std::ops::Range;

use super::meter::Meter;
use super::signature::Signature;
use super::{Instant, RequestId};

/// One data request: a byte range of a file on its way to the store, which is a part or the whole file.
#[derive(Clone, Debug)]
pub(super) struct Transfer {
    pub(super) request: RequestId,
    pub(super) signature: Signature,
    body: Range<u64>,
    /// `None` until the browser says the first word of it.
    sent: Option<u64>,
    meter: Meter,
}

impl Transfer {
    pub(super) fn new(request: RequestId, signature: Signature, body: Range<u64>) -> Self {
        Self { request, signature, body, sent: None, meter: Meter::default() }
    }

    pub(super) fn size(&self) -> u64 {
        self.body.end - self.body.start
    }

    /// Bytes that have left.
    pub(super) fn sent(&self) -> u64 {
        self.sent.unwrap_or(0)
    }

    /// Whether the last byte has left, and the response alone is missing.
    pub(super) fn is_sent(&self) -> bool {
        self.sent == Some(self.size())
    }

    /// Bytes a second.
    pub(super) fn speed(&self) -> f64 {
        if self.is_sent() { 0.0 } else { self.meter.speed() }
    }

    /// No byte has left for a while.
    pub(super) fn stand_still(&mut self) {
        self.meter = Meter::default();
    }

    /// `sent` bytes have left; returns how many more these are than before.
    pub(super) fn advance(&mut self, sent: u64, now: Instant) -> u64 {
        let before = self.sent();
        let sent = sent.clamp(before, self.size());
        self.sent = Some(sent);
        self.meter.record(sent - before, now);
        sent - before
    }
}
