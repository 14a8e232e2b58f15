//! The log is standard error. What a request can cause has a limit there: anybody can send requests that a store refuses, and
//! logs fill disks.

use std::{
    fmt::Display,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The most lines that requests may cause in a minute.
const MAX_LINES: u64 = 100;

const MINUTE: Duration = Duration::from_mins(1);

static LINES: Mutex<Lines> = Mutex::new(Lines { since: None, count: 0 });

/// The lines of the current minute.
struct Lines {
    since: Option<Instant>,
    count: u64,
}

/// Logs a line that a request caused, unless there are too many.
pub(super) fn log(line: impl Display) {
    let (left_out, is_logged) = LINES.lock().unwrap_or_else(PoisonError::into_inner).next(Instant::now());
    if left_out > 0 {
        eprintln!("{left_out} more lines were left out of the log.");
    }
    if is_logged {
        eprintln!("{line}");
    }
}

impl Lines {
    /// How many were left out in a minute that has ended, and whether there is room for one more.
    fn next(&mut self, now: Instant) -> (u64, bool) {
        let mut left_out = 0;
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= MINUTE) {
            left_out = self.count.saturating_sub(MAX_LINES);
            *self = Self { since: Some(now), count: 0 };
        }
        self.count += 1;
        (left_out, self.count <= MAX_LINES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_so_many_lines_and_the_next_one_says_how_many_were_left_out() {
        let (mut lines, start) = (Lines { since: None, count: 0 }, Instant::now());
        let logged = (0..1000).filter(|_| lines.next(start + MINUTE / 2).1).count();
        assert_eq!(logged as u64, MAX_LINES);
        assert_eq!(lines.next(start + MINUTE), (0, false));
        assert_eq!(lines.next(start + 2 * MINUTE), (901, true));
        assert_eq!(lines.next(start + 4 * MINUTE), (0, true));
    }
}
