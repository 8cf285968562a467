//! The only place that reads the clock.

use std::time::{Duration, Instant};

use assay_model::Timestamp;

/// The time, cut to whole milliseconds, which is what logs and journals show.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// `2026-11-23T18:44:55.123Z`: always UTC, always three digits, so that lines stay aligned.
pub fn stamp(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// Measures how long something takes, untouched by changes of the wall clock.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts measuring.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// Whole milliseconds since the start.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(milliseconds: i64, expected: &str) {
        let at = Timestamp::from_millisecond(milliseconds).unwrap();
        assert_eq!(stamp(at), expected);
    }

    #[test]
    fn a_stamp_has_three_digits_and_a_zone() {
        check(0, "1970-01-01T00:00:00.000Z");
        check(1_795_459_495_120, "2026-11-23T18:44:55.120Z");
    }

    #[test]
    fn now_has_no_more_than_milliseconds() {
        assert_eq!(now().subsec_nanosecond() % 1_000_000, 0);
    }
}
