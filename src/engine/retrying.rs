use std::time::Duration;

use super::id::Piece;
use super::meter::seconds;
use super::phase::{Next, Phase, Run, Step, Task};
use super::{CallFailure, Engine, Event, FileId, Instant, RetryPolicy, UploadError};
use crate::s3::Refusal;

/// No `Retry-After` holds a file back for longer.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(10);

/// A file that can't be read is read again this often: it may be locked, or on a network drive that is away for a moment.
const MAX_READ_RETRIES: u32 = 3;

/// How often one file is sent again from its first byte before it fails.
const MAX_START_OVERS: u32 = 3;

/// `CompleteMultipartUpload` may run for minutes; who waits for it does not ask more often than it takes, nor less often.
const MAX_COMPLETE_DELAY: Duration = Duration::from_mins(5);

impl Engine {
    /// One more failure of a file's or part's `task`: `next` follows after a while, or the file fails with `error` once its
    /// retries are spent. What fails without an answer while there is no network does not count.
    pub(super) fn try_again(
        &mut self,
        piece: Piece,
        task: Task,
        next: Next,
        error: UploadError,
        retry_after: Option<Duration>,
    ) {
        if !self.network.is_online() && error.is_silence() {
            return self.proceed(piece, next);
        }
        match self.count_failure(piece, task) {
            Ok(failures) => {
                let delay = self.delay(failures, retry_after);
                self.back_off(piece, next, delay);
            }
            Err(tries) => self.fail(piece.file, error.after(tries)),
        }
    }

    /// The same for a call to the server that failed, where its failure means nothing special to the caller.
    pub(super) fn call_failed(&mut self, piece: Piece, task: Task, next: Next, failure: CallFailure) {
        match failure.into_fate() {
            Fate::Again { error, retry_after } => self.try_again(piece, task, next, error, retry_after),
            Fate::Over(error) => self.fail(piece.file, error),
        }
    }

    /// The browser could not read a file's or part's bytes: it may in a while, or the file fails.
    pub(super) fn unreadable(&mut self, piece: Piece) {
        self.try_again(piece, Task::Read, Next::Prepare, UploadError::Unreadable, None);
    }

    /// Asks once more what came of `CompleteMultipartUpload`, after a while. Without a budget: to ask is not to redo, and the
    /// file's bytes are in the store.
    pub(super) fn ask_again(&mut self, piece: Piece, next: Next, is_silence: bool, retry_after: Option<Duration>) {
        if !self.network.is_online() && is_silence {
            return self.proceed(piece, next);
        }
        let failures = self.run_mut(piece).map_or(0, |run| run.failures.count(Task::Complete));
        let policy =
            RetryPolicy { max_delay: self.options.retry.max_delay.max(MAX_COMPLETE_DELAY), ..self.options.retry };
        let delay = policy.delay(failures, self.jitter.unit());
        self.back_off(piece, next, delay.max(retry_after.unwrap_or_default().min(MAX_RETRY_AFTER)));
    }

    /// One more failure of `task`: how many there are now, as an error when that is more than are tried again.
    pub(super) fn count_failure(&mut self, piece: Piece, task: Task) -> Result<u32, u32> {
        let failures = self.run_mut(piece).map_or(u32::MAX, |run| run.failures.count(task));
        if failures <= self.budget(task) { Ok(failures) } else { Err(failures) }
    }

    fn budget(&self, task: Task) -> u32 {
        let max_retries = self.options.retry.max_retries;
        match task {
            Task::Read => max_retries.min(MAX_READ_RETRIES),
            Task::StartOver => max_retries.min(MAX_START_OVERS),
            _ => max_retries,
        }
    }

    /// How long to wait after so many failures in a row.
    pub(super) fn delay(&mut self, failures: u32, retry_after: Option<Duration>) -> Duration {
        let delay = self.options.retry.delay(failures, self.jitter.unit());
        delay.max(retry_after.unwrap_or_default().min(MAX_RETRY_AFTER))
    }

    pub(super) fn back_off(&mut self, piece: Piece, next: Next, after: Duration) {
        self.set_step(piece, Step::BackingOff { until: self.now + after, after, next });
    }

    pub(super) fn end_back_offs(&mut self, now: Instant) {
        for piece in self.queues.back_off_over(now) {
            if let Some(Step::BackingOff { next, .. }) = self.step(piece) {
                let next = next.clone();
                self.proceed(piece, next);
            }
        }
    }

    pub(super) fn forgive(&mut self, piece: Piece, task: Task) {
        if let Some(run) = self.run_mut(piece) {
            run.failures.forgive(task);
        }
    }

    pub(super) fn run_mut(&mut self, piece: Piece) -> Option<&mut Run> {
        self.files.get_mut(&piece.file).and_then(|file| file.run_mut(piece.part))
    }

    pub(super) fn fail(&mut self, id: FileId, error: UploadError) {
        self.halt(id);
        self.update(id, |file| file.set_phase(Phase::Failed(error)));
        self.ended.insert(id);
        self.outbox.event(Event::UploadError(id));
    }
}

/// What a failed call means for whatever asked for it.
pub(super) enum Fate {
    /// The same may succeed later.
    Again { error: UploadError, retry_after: Option<Duration> },
    /// Another try would end the same way.
    Over(UploadError),
}

impl CallFailure {
    pub(super) fn into_fate(self) -> Fate {
        match self {
            Self::Refused(refusal @ Refusal::StoreUnavailable { .. }) => {
                Fate::Again { error: refusal.into(), retry_after: None }
            }
            Self::Unreachable { reason, retry_after } => {
                Fate::Again { error: UploadError::ServerUnreachable { reason }, retry_after }
            }
            Self::Refused(refusal) => Fate::Over(refusal.into()),
            Self::Invalid { reason } => Fate::Over(UploadError::Invalid { reason }),
        }
    }
}

impl RetryPolicy {
    /// The delay after so many failures in a row, for a random number in `[0, 1)`.
    fn delay(&self, failures: u32, random: f64) -> Duration {
        let ceiling = self.min_delay.saturating_mul(2_u32.saturating_pow(failures)).min(self.max_delay);
        self.min_delay + seconds(ceiling.saturating_sub(self.min_delay).as_secs_f64() * random)
    }
}

impl UploadError {
    /// Whether nobody answered, as happens when there is no network.
    pub(super) fn is_silence(&self) -> bool {
        matches!(self, Self::Network { .. } | Self::Stalled { .. } | Self::ServerUnreachable { .. })
    }

    pub(super) fn after(self, tries: u32) -> Self {
        match self {
            Self::Network { .. } => Self::Network { tries },
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_never_fall_below_the_shortest() {
        let policy = RetryPolicy::default();
        let delays = |random| [1, 2, 3, 7, 40].map(|failures| policy.delay(failures, random).as_millis());
        assert_eq!(delays(0.0), [500; 5]);
        assert_eq!(delays(0.5), [750, 1250, 2250, 15_250, 15_250]);
        assert!(policy.delay(u32::MAX, 0.999) < policy.max_delay);
    }
}
