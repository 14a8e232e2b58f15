use std::time::Duration;

use super::Instant;

/// Requests at first: what browsers open to one host over HTTP/1.1.
const START: usize = 6;

/// How long throughput is measured before a change.
const ROUND: Duration = Duration::from_millis(250);

/// Growth stops where one more request brought less than this share of what it should have.
const WORTHWHILE: f64 = 0.25;

/// After this many rounds without growth the line may have changed: one more request is tried.
const TRY_AGAIN_AFTER: u32 = 40;

/// How many data requests may run at one time, within `limit`: additive increase while throughput grows, halved when the
/// store or the line says that it is too much (AIMD, as TCP does it with its window).
#[derive(Clone, Debug)]
pub(super) struct Concurrency {
    slots: usize,
    round: Option<Round>,
    /// Throughput before the last slot was added, and the slots then.
    before: Option<(f64, usize)>,
    rounds_without_growth: u32,
    /// No second halving for what was sent before the first, and no growth.
    calm_until: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Round {
    since: Instant,
    bytes: u64,
}

impl Default for Concurrency {
    fn default() -> Self {
        Self { slots: START, round: None, before: None, rounds_without_growth: 0, calm_until: Instant::default() }
    }
}

impl Concurrency {
    /// Requests that may run at one time; `limit` zero is no limit of the page's, and then only trouble sets one.
    pub(super) fn slots(&self, limit: usize) -> usize {
        match limit {
            0 if self.calm_until == Instant::default() => usize::MAX,
            0 => self.slots,
            limit => self.slots.min(limit),
        }
    }

    /// `bytes` have left while `in_flight` requests run.
    pub(super) fn record(&mut self, bytes: u64, in_flight: usize, now: Instant) {
        // Nobody knows how long the first bytes took.
        let Some(round) = &mut self.round else {
            self.round = Some(Round { since: now, bytes: 0 });
            return;
        };
        round.bytes += bytes;
        let time = now.since(round.since);
        if time < ROUND {
            return;
        }
        let throughput = rate(round.bytes, time);
        self.round = Some(Round { since: now, bytes: 0 });
        if in_flight >= self.slots && now >= self.calm_until {
            self.judge(throughput);
        }
    }

    /// A request was answered as it should be.
    pub(super) fn succeeded(&mut self, in_flight: usize, now: Instant) {
        // Small files are over before a round is: what limits them is the round trip, which more requests share.
        if self.before.is_none() && in_flight >= self.slots && now >= self.calm_until {
            self.slots += 1;
        }
    }

    /// The store or the line could not cope with `in_flight` requests.
    pub(super) fn congested(&mut self, in_flight: usize, now: Instant) {
        if now < self.calm_until {
            return;
        }
        self.slots = (self.slots.min(in_flight.max(1)) / 2).max(1);
        self.before = None;
        self.round = None;
        self.rounds_without_growth = 0;
        self.calm_until = now + Duration::from_secs(1);
    }

    fn judge(&mut self, throughput: f64) {
        let grows = self.before.is_none_or(|(before, slots)| {
            let expected = before / as_f64(slots);
            throughput >= before + expected * WORTHWHILE
        });
        self.rounds_without_growth = if grows { 0 } else { self.rounds_without_growth + 1 };
        if grows || self.rounds_without_growth >= TRY_AGAIN_AFTER {
            self.before = Some((throughput, self.slots));
            self.rounds_without_growth = 0;
            self.slots += 1;
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no 53 bits")]
fn rate(bytes: u64, time: Duration) -> f64 {
    bytes as f64 / time.as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "slots are few")]
fn as_f64(slots: usize) -> f64 {
    slots as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of so many bytes a second in all and per request, for `seconds`; the slots at the end.
    fn run(concurrency: &mut Concurrency, limit: usize, each: f64, all: f64, seconds: u64) -> usize {
        for tick in 0..seconds * 20 {
            let slots = concurrency.slots(limit);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let bytes = ((each * as_f64(slots)).min(all) / 20.0) as u64;
            concurrency.record(bytes, slots, Instant::from_millis(1000 + tick * 50));
        }
        concurrency.slots(limit)
    }

    #[test]
    fn it_starts_low_and_grows_while_throughput_does() {
        let mut concurrency = Concurrency::default();
        assert_eq!(concurrency.slots(12), START);
        assert_eq!(run(&mut concurrency, 12, 1e6, 12e6, 3), 12, "within three seconds");
    }

    #[test]
    fn it_never_goes_beyond_the_limit() {
        assert_eq!(Concurrency::default().slots(2), 2);
        assert_eq!(run(&mut Concurrency::default(), 5, 1e6, 1e9, 60), 5);
    }

    #[test]
    fn it_stops_where_one_more_request_brings_nothing() {
        let slots = run(&mut Concurrency::default(), 100, 2.5e6, 12.5e6, 8);
        assert!((5..=7).contains(&slots), "{slots}");
    }

    #[test]
    fn trouble_halves_it_once_for_all_that_was_in_flight() {
        let mut concurrency = Concurrency::default();
        let now = Instant::from_millis(5000);
        concurrency.congested(4, now);
        concurrency.congested(3, now);
        assert_eq!(concurrency.slots(6), 2);
        concurrency.congested(2, now + Duration::from_secs(2));
        concurrency.congested(1, now + Duration::from_secs(4));
        assert_eq!(concurrency.slots(6), 1, "one request always may run");
    }

    #[test]
    fn what_succeeds_beside_trouble_is_no_reason_to_grow() {
        let mut concurrency = Concurrency::default();
        let now = Instant::from_millis(500);
        concurrency.congested(4, now);
        concurrency.succeeded(3, now);
        assert_eq!(concurrency.slots(6), 2);
        concurrency.succeeded(2, now + Duration::from_secs(1));
        assert_eq!(concurrency.slots(6), 3);
    }

    #[test]
    fn it_grows_again_after_trouble() {
        let mut concurrency = Concurrency::default();
        concurrency.congested(4, Instant::from_millis(500));
        assert_eq!(run(&mut concurrency, 6, 2.5e6, 12.5e6, 3), 6);
    }

    #[test]
    fn without_a_limit_only_trouble_sets_one() {
        let mut concurrency = Concurrency::default();
        assert_eq!(concurrency.slots(0), usize::MAX);
        concurrency.congested(4, Instant::from_millis(500));
        assert_eq!(concurrency.slots(0), 2);
    }

    #[test]
    fn small_files_are_sent_side_by_side_before_a_round_is_over() {
        let mut concurrency = Concurrency::default();
        concurrency.succeeded(6, Instant::from_millis(500));
        concurrency.succeeded(7, Instant::from_millis(500));
        assert_eq!(concurrency.slots(8), 8);
    }

    /// Rounds with these bytes, each measured with all slots in use; the slots afterwards.
    fn slots_after(rounds: &[(u64, u64)]) -> usize {
        let mut concurrency = Concurrency::default();
        let mut now = Instant::from_millis(1000);
        concurrency.record(0, START, now);
        for (bytes, ms) in rounds {
            now = now + Duration::from_millis(*ms);
            concurrency.record(*bytes, concurrency.slots, now);
        }
        concurrency.slots
    }

    #[test]
    fn a_slot_has_to_bring_a_quarter_of_what_the_others_do() {
        assert_eq!(slots_after(&[(1_500_000, 250)]), 7, "nothing to compare with");
        assert_eq!(slots_after(&[(1_500_000, 250), (1_563_000, 250)]), 8, "6 MB/s, then 6.252");
        assert_eq!(slots_after(&[(1_500_000, 250), (1_562_000, 250)]), 7, "6 MB/s, then 6.248");
    }

    #[test]
    fn bytes_count_by_the_time_they_took() {
        assert_eq!(slots_after(&[(1_500_000, 250), (3_000_000, 500)]), 7, "the same speed");
        assert_eq!(slots_after(&[(3_000_000, 500), (1_600_000, 250)]), 8, "6 MB/s, then 6.4");
    }

    #[test]
    fn nothing_is_judged_before_a_round_is_over() {
        assert_eq!(slots_after(&[(1_500_000, 249)]), START);
    }

    #[test]
    fn slots_that_nobody_uses_are_no_reason_for_more() {
        let mut concurrency = Concurrency::default();
        for tick in 0..100 {
            concurrency.record(1_000_000 * tick, START - 1, Instant::from_millis(1000 + tick * 250));
            concurrency.succeeded(START - 1, Instant::from_millis(1000 + tick * 250));
        }
        assert_eq!(concurrency.slots, START);
    }

    #[test]
    fn nothing_grows_for_a_second_after_trouble_and_then_trouble_halves_again() {
        let mut concurrency = Concurrency::default();
        let trouble = Instant::from_millis(5000);
        concurrency.congested(6, trouble);
        for ms in [0, 250, 500, 750, 999] {
            concurrency.record(1_000_000 * ms, 3, trouble + Duration::from_millis(ms));
        }
        assert_eq!(concurrency.slots, 3);
        concurrency.congested(3, trouble + Duration::from_millis(999));
        assert_eq!(concurrency.slots, 3);
        concurrency.congested(3, trouble + Duration::from_millis(1000));
        assert_eq!(concurrency.slots, 1);
    }

    #[test]
    fn after_ten_seconds_without_growth_one_more_is_tried() {
        let rounds = |flat: usize| [vec![(1_500_000, 250)], vec![(1_500_000, 250); flat]].concat();
        assert_eq!(slots_after(&rounds(39)), 7);
        assert_eq!(slots_after(&rounds(40)), 8);
    }
}
