//! How far a step has come, and how long it will take: from what is known of this run, else from
//! how long the step took the last time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use assay_model::{Body, Event, Purpose, Step};

/// How long each step took the last time that it was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usual(BTreeMap<Step, Duration>);

impl Usual {
    /// What the events of one run say; the last of several goes of a step counts.
    pub(crate) fn of(events: &[Event]) -> Self {
        let mut begun = BTreeMap::new();
        let mut took = BTreeMap::new();
        for event in events {
            match &event.body {
                Body::StepStarted { step, .. } => {
                    begun.insert(*step, event.at);
                }
                Body::StepFinished {
                    step, error: None, ..
                } => {
                    if let Some(from) = begun.remove(step) {
                        let millis = event.at.as_millisecond() - from.as_millisecond();
                        let millis = u64::try_from(millis).unwrap_or(0);
                        took.insert(*step, Duration::from_millis(millis));
                    }
                }
                _ => {}
            }
        }
        Self(took)
    }

    /// Fills in what is not known yet.
    pub(crate) fn or(mut self, other: Self) -> Self {
        for (step, took) in other.0 {
            self.0.entry(step).or_insert(took);
        }
        self
    }
}

/// How far the step that goes on has come.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    usual: Usual,
    step: Option<(Step, Instant)>,
    doing: String,
    tests: usize,
    first_runs: usize,
}

impl Progress {
    pub(crate) fn new(usual: Usual) -> Self {
        Self {
            usual,
            ..Self::default()
        }
    }

    pub(crate) fn event(&mut self, event: &Event) {
        match &event.body {
            Body::StepStarted { step, .. } => {
                self.step = Some((*step, Instant::now()));
                self.doing.clear();
                self.first_runs = 0;
            }
            Body::TestsSelected { selection } => self.tests = selection.tests.len(),
            Body::AttemptFinished { attempt } if attempt.purpose == Purpose::First => {
                self.first_runs += 1;
            }
            _ => {}
        }
    }

    pub(crate) fn say(&mut self, line: &str) {
        self.doing = line.to_owned();
    }

    /// One line about the step that goes on.
    pub(crate) fn line(&self) -> String {
        let Some((step, since)) = &self.step else {
            return self.doing.clone();
        };
        self.line_at(*step, since.elapsed())
    }

    fn line_at(&self, step: Step, elapsed: Duration) -> String {
        let mut line = step.word().to_owned();
        let counts = step == Step::Execute && self.tests > 0;
        if counts {
            line.push_str(&format!(" {}/{} tests", self.first_runs, self.tests));
        }
        let left = self
            .usual
            .0
            .get(&step)
            .and_then(|usual| usual.checked_sub(elapsed));
        if let Some(left) = left.filter(|left| *left >= Duration::from_secs(1)) {
            line.push_str(&format!(", about {} s left", left.as_secs()));
        }
        if self.doing.is_empty() {
            line.push_str(" …");
        } else {
            line.push_str(": ");
            line.push_str(&self.doing);
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(usual_s: Option<u64>, elapsed_s: u64, doing: &str, expected: &str) {
        let usual = usual_s.map(|seconds| (Step::Deploy, Duration::from_secs(seconds)));
        let mut progress = Progress::new(Usual(usual.into_iter().collect()));
        progress.say(doing);
        let line = progress.line_at(Step::Deploy, Duration::from_secs(elapsed_s));
        assert_eq!(line, expected);
    }

    #[test]
    fn the_time_left_is_that_of_the_last_time() {
        check(None, 3, "", "deploy …");
        check(Some(10), 3, "", "deploy, about 7 s left …");
        check(Some(10), 3, "api", "deploy, about 7 s left: api");
        check(Some(10), 12, "api", "deploy: api");
    }

    #[test]
    fn tests_are_counted() {
        let progress = Progress {
            tests: 43,
            first_runs: 12,
            ..Progress::default()
        };
        let line = progress.line_at(Step::Execute, Duration::ZERO);
        assert_eq!(line, "execute 12/43 tests …");
    }
}
