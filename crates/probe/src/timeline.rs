//! How far an exchange came, and when.

use std::time::Instant;

use assay_model::Status;

use crate::failure::{self, Failure};

/// The marks of one exchange. What was waited for last is what a passed deadline names.
#[derive(Debug)]
pub(crate) struct Timeline {
    started: Instant,
    marks: Vec<(&'static str, u64)>,
    missing: &'static str,
}

impl Timeline {
    /// Starts the clock; `missing` says what has not happened yet, as `no address`.
    pub(crate) fn start(missing: &'static str) -> Self {
        Self {
            started: Instant::now(),
            marks: Vec::new(),
            missing,
        }
    }

    /// Sets a mark, and says what has not happened yet from here on.
    pub(crate) fn reached(&mut self, mark: &'static str, missing: &'static str) {
        self.marks.push((mark, self.elapsed_ms()));
        self.missing = missing;
    }

    /// Milliseconds since the start.
    pub(crate) fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The deadline passed, while the last thing was waited for.
    pub(crate) fn timed_out(&self, timeout_ms: u64) -> Failure {
        failure::timed_out(self.missing, timeout_ms)
    }

    /// `[resolved after 1 ms, connected after 3 ms]`, for the evidence.
    pub(crate) fn render(&self) -> String {
        let marks: Vec<_> = self
            .marks
            .iter()
            .map(|(mark, ms)| format!("{mark} after {ms} ms"))
            .collect();
        format!("[{}]\n", marks.join(", "))
    }
}

/// An answer as expected, judged by its time: `answered 200 in 34 ms`.
pub(crate) fn judge_pace(what: &str, took_ms: u64, degraded_ms: u64) -> (Status, String) {
    if took_ms > degraded_ms {
        let detail = format!("{what} in {took_ms} ms, slower than {degraded_ms} ms");
        (Status::Degraded, detail)
    } else {
        (Status::Healthy, format!("{what} in {took_ms} ms"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(took_ms: u64, expected: (Status, &str)) {
        let (status, detail) = judge_pace("answered", took_ms, 100);
        assert_eq!((status, &*detail), expected);
    }

    #[test]
    fn slow_is_degraded() {
        check(100, (Status::Healthy, "answered in 100 ms"));
        check(
            101,
            (Status::Degraded, "answered in 101 ms, slower than 100 ms"),
        );
    }

    #[test]
    fn a_passed_deadline_names_what_was_waited_for_last() {
        let mut timeline = Timeline::start("no address");
        assert_eq!(timeline.timed_out(5).1, "no address within 5 ms");
        timeline.reached("resolved", "not accepted");
        assert_eq!(timeline.timed_out(5).1, "not accepted within 5 ms");
        assert!(timeline.render().starts_with("[resolved after "));
    }
}
