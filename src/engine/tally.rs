use super::meter::{Meter, time_left};
use super::phase::Phase;
use super::restriction::Admitted;
use super::{Instant, Progress, Status, Totals, UploadError, UploadFile};

/// Sums over all files, kept up with every change so that nobody has to look at all files.
///
/// Every change of what a file contributes happens between `leave` and `enter`.
#[derive(Debug, Default)]
pub(super) struct Tally {
    totals: Totals,
    admitted: Admitted,
    meter: Meter,
}

impl Tally {
    pub(super) fn enter(&mut self, file: &UploadFile) {
        self.place(file, true);
    }

    pub(super) fn leave(&mut self, file: &UploadFile) {
        self.place(file, false);
    }

    fn place(&mut self, file: &UploadFile, is_in: bool) {
        let change = |count: &mut usize| *count = if is_in { *count + 1 } else { *count - 1 };
        let add = |sum: &mut u64, bytes| *sum = if is_in { *sum + bytes } else { *sum - bytes };
        change(&mut self.totals.files);
        if let Some(count) = self.count(file.status()) {
            change(count);
        }
        if !matches!(file.status(), Status::Failed | Status::Interrupted { .. }) {
            let progress = file.progress();
            add(&mut self.totals.progress.sent, progress.sent);
            add(&mut self.totals.progress.size, progress.size);
        }
        if matches!(file.phase(), Phase::Failed(UploadError::Restricted(_))) {
            change(&mut self.totals.restricted);
        } else {
            change(&mut self.admitted.files);
            add(&mut self.admitted.bytes, file.info().size);
        }
    }

    /// `bytes` more have left.
    pub(super) fn record(&mut self, bytes: u64, now: Instant) {
        self.meter.record(bytes, now);
    }

    pub(super) fn totals(&self, now: Instant) -> Totals {
        let Progress { sent, size, .. } = self.totals.progress;
        let speed = if self.totals.active > 0 { self.meter.speed_at(now) } else { 0.0 };
        let progress = Progress { sent, size, speed, time_left: time_left(size - sent, speed) };
        Totals { progress, ..self.totals }
    }

    /// Files on their way.
    pub(super) fn active(&self) -> usize {
        self.totals.active
    }

    /// What counts for the restrictions.
    pub(super) fn admitted(&self) -> Admitted {
        self.admitted
    }

    fn count(&mut self, status: Status) -> Option<&mut usize> {
        match status {
            Status::Paused => Some(&mut self.totals.paused),
            Status::Interrupted { .. } => Some(&mut self.totals.interrupted),
            Status::Complete => Some(&mut self.totals.complete),
            Status::Failed => Some(&mut self.totals.failed),
            status if status.is_active() => Some(&mut self.totals.active),
            _ => None,
        }
    }
}
