use std::time::Duration;

use super::Instant;

/// How long a change of speed takes to show: after this time 63 % of it.
const TIME_CONSTANT: Duration = Duration::from_secs(3);

/// Without a byte for this long, nothing moves.
pub(super) const STILL_AFTER: Duration = Duration::from_secs(5);

/// The speed of what it records, as an exponentially weighted moving average.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter {
    last: Option<Instant>,
    /// Bytes recorded at the moment `last`, whose time is not known yet.
    pending: u64,
    /// The average with a start of zero, and the share of it that was measured: their quotient does
    /// not need to creep up from zero.
    average: f64,
    measured: f64,
}

impl Meter {
    /// `bytes` have left since the last call. What comes first only starts the clock: nobody knows
    /// how long it took.
    pub(super) fn record(&mut self, bytes: u64, now: Instant) {
        let Some(last) = self.last.filter(|last| now.since(*last) < STILL_AFTER) else {
            *self = Self { last: Some(now), ..Self::default() };
            return;
        };
        self.pending += bytes;
        let seconds = now.since(last).as_secs_f64();
        if seconds > 0.0 {
            let kept = (-seconds / TIME_CONSTANT.as_secs_f64()).exp();
            self.average = self.average * kept + as_f64(self.pending) / seconds * (1.0 - kept);
            self.measured = self.measured * kept + (1.0 - kept);
            (self.last, self.pending) = (Some(now), 0);
        }
    }

    /// Bytes a second, as of the last record.
    pub(super) fn speed(&self) -> f64 {
        if self.measured > 0.0 { self.average / self.measured } else { 0.0 }
    }

    /// Bytes a second; zero when nothing was recorded for some seconds.
    pub(super) fn speed_at(&self, now: Instant) -> f64 {
        let moves = self.last.is_some_and(|last| now.since(last) < STILL_AFTER);
        if moves { self.speed() } else { 0.0 }
    }
}

/// How long `bytes` take; `None` while nothing moves.
pub(super) fn time_left(bytes: u64, speed: f64) -> Option<Duration> {
    if speed > 0.0 { Some(seconds(as_f64(bytes) / speed)) } else { None }
}

/// To the millisecond, which is all that an `Instant` has. The standard library's own is exact, and 0.4 kB more of the page.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates, and none are negative")]
pub(super) fn seconds(seconds: f64) -> Duration {
    Duration::from_millis((seconds * 1000.0) as u64)
}

#[expect(clippy::cast_precision_loss, reason = "a speed needs no 53 bits")]
fn as_f64(bytes: u64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    /// Records `bytes` each 100 ms in `from..to`.
    fn run(meter: &mut Meter, bytes: u64, from: u64, to: u64) {
        (from..to).step_by(100).for_each(|ms| meter.record(bytes, at(ms)));
    }

    #[test]
    fn a_steady_flow_has_its_speed_from_the_start() {
        let mut meter = Meter::default();
        run(&mut meter, 1000, 0, 300);
        assert!((meter.speed() - 10_000.0).abs() < 1.0);
    }

    #[test]
    fn a_change_shows_within_seconds() {
        let mut meter = Meter::default();
        run(&mut meter, 1000, 0, 10_000);
        run(&mut meter, 100, 10_000, 20_000);
        assert!((meter.speed() - 1000.0).abs() < 500.0, "{}", meter.speed());
    }

    #[test]
    fn of_a_change_63_percent_show_after_three_seconds() {
        let mut meter = Meter::default();
        run(&mut meter, 1000, 0, 60_000);
        run(&mut meter, 0, 60_000, 63_000);
        assert!((meter.speed() - 3679.0).abs() < 100.0, "{}", meter.speed());
    }

    #[test]
    fn after_five_seconds_of_silence_the_speed_is_measured_anew() {
        let mut meter = Meter::default();
        run(&mut meter, 1000, 0, 1001);
        meter.record(1000, at(6000));
        assert_eq!(meter.speed().to_bits(), 0.0_f64.to_bits());
        let mut meter = Meter::default();
        run(&mut meter, 1000, 0, 1001);
        meter.record(1000, at(5999));
        assert!(meter.speed() > 0.0);
    }

    #[test]
    fn nothing_moves_when_nothing_was_recorded_for_a_while() {
        let mut meter = Meter::default();
        run(&mut meter, 1000, 0, 1000);
        assert!(meter.speed_at(at(2000)) > 0.0 && meter.speed_at(at(5899)) > 0.0);
        assert_eq!(meter.speed_at(at(5900)).to_bits(), 0.0_f64.to_bits());
        assert_eq!(meter.speed_at(at(6000)).to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn a_pause_does_not_count_as_slow() {
        let mut meter = Meter::default();
        run(&mut meter, 1000, 0, 1000);
        run(&mut meter, 1000, 60_000, 61_000);
        assert!((meter.speed() - 10_000.0).abs() < 1.0);
    }

    #[test]
    fn records_of_one_moment_count_together() {
        let mut meter = Meter::default();
        meter.record(0, at(0));
        meter.record(500, at(100));
        meter.record(500, at(100));
        meter.record(500, at(200));
        assert!(meter.speed() > 5000.0);
    }

    #[test]
    fn time_left_is_bytes_by_speed() {
        assert_eq!(time_left(3000, 1000.0), Some(Duration::from_secs(3)));
        assert_eq!(time_left(3000, 0.0), None);
    }
}
