//! Live progress on stderr, data on stdout, and one table from meaning to colour.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use assay_engine::Watch;
use assay_model::{
    Action, Body, Event, Execution, Facts, Health, Rollout, RolloutOutcome, Status, Step, Timestamp,
};
use indicatif::{ProgressBar, ProgressStyle};

/// Columns of a line of progress before its text.
const INDENT: usize = 18;

/// Longest line that is printed, in columns.
const COLUMNS: usize = 80;

/// What a piece of text means; [`paint`] alone knows its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Good,
    Warning,
    Bad,
    Label,
    Faint,
}

/// Colours `text`, where stderr is a terminal that wants colour.
pub(crate) fn paint(meaning: Meaning, text: &str, colour: bool) -> String {
    if !colour {
        return text.to_owned();
    }
    let code = match meaning {
        Meaning::Good => "32",
        Meaning::Warning => "33",
        Meaning::Bad => "31",
        Meaning::Label => "1",
        Meaning::Faint => "2",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// Whether `stream` is a terminal that wants colour (see no-color.org).
pub(crate) fn wants_colour(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Data for stdout. A closed pipe is not an error: whoever read has seen enough.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    drop(
        out.write_all(text.as_bytes())
            .and_then(|()| out.write_all(b"\n"))
            .and_then(|()| out.flush()),
    );
}

/// A message for stderr.
pub(crate) fn complain(text: &str) {
    let mut out = std::io::stderr().lock();
    drop(
        out.write_all(text.as_bytes())
            .and_then(|()| out.write_all(b"\n")),
    );
}

/// Folds `text` into lines of at most `columns`, each after the first behind `indent` spaces.
pub(crate) fn fold(text: &str, indent: usize, columns: usize) -> String {
    let mut out = String::new();
    let mut used = indent;
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if used > indent && used + 1 + width > columns {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            used = indent;
        } else if used > indent {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += width;
    }
    out
}

/// Prints each step of a run as it happens.
pub(crate) struct Live {
    bar: Option<ProgressBar>,
    colour: bool,
    started: Option<Timestamp>,
    quiet: bool,
}

impl Live {
    /// Watches on stderr: with a spinner on a terminal, plain lines elsewhere.
    pub(crate) fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = terminal.then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self {
            bar,
            colour: wants_colour(&std::io::stderr()),
            started: None,
            quiet: false,
        }
    }

    /// Watches in silence.
    pub(crate) fn silent() -> Self {
        Self {
            bar: None,
            colour: false,
            started: None,
            quiet: true,
        }
    }

    /// Takes the spinner away.
    pub(crate) fn close(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, at: Timestamp, step: &str, meaning: Meaning, text: &str) {
        if self.quiet {
            return;
        }
        let seconds = self.started.map_or(0.0, |started| {
            let elapsed = at.as_millisecond() - started.as_millisecond();
            Duration::from_millis(u64::try_from(elapsed).unwrap_or(0)).as_secs_f64()
        });
        let clock = paint(Meaning::Faint, &format!("{seconds:>5.1}s"), self.colour);
        let step = paint(Meaning::Label, &format!("{step:<9}"), self.colour);
        let text = paint(meaning, &fold(text, INDENT, COLUMNS), self.colour);
        let line = format!("{clock}  {step} {text}");
        match &self.bar {
            Some(bar) => bar.suspend(|| complain(&line)),
            None => complain(&line),
        }
    }
}

impl Watch for Live {
    fn event(&mut self, facts: &Facts, event: &Event) {
        if self.started.is_none() {
            self.started = facts.started;
        }
        if let (Body::StepStarted { step, .. }, Some(bar)) = (&event.body, &self.bar) {
            bar.set_message(format!("{} …", step.word()));
        }
        let step = event.step.map_or("run", Step::word);
        for (meaning, text) in lines(facts, event) {
            self.line(event.at, step, meaning, &text);
        }
    }

    fn say(&mut self, step: Option<Step>, line: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{}: {line}", step.map_or("run", Step::word)));
        }
    }
}

/// What an event says to a person, if anything.
fn lines(facts: &Facts, event: &Event) -> Vec<(Meaning, String)> {
    match &event.body {
        Body::RunStarted {
            project,
            environment,
            ..
        } => {
            vec![(
                Meaning::Label,
                format!("{}: {project}, environment {environment}", event.run),
            )]
        }
        Body::RunResumed { found } => {
            vec![(Meaning::Warning, format!("goes on after {found} events"))]
        }
        Body::RolloutFinished { rollout } => vec![rollout_line(rollout)],
        Body::Disturbed { .. } => {
            vec![(
                Meaning::Warning,
                "the environment was disturbed on purpose".to_owned(),
            )]
        }
        Body::StepFinished {
            step,
            error: Some(error),
            ..
        } => {
            vec![(
                Meaning::Bad,
                format!("{} could not look: {error}", step.word()),
            )]
        }
        Body::StepFinished {
            step: Step::Ready, ..
        } => health_lines(facts),
        Body::TestsSelected { selection } => {
            let text = format!("{} of {} tests", selection.tests.len(), selection.listed);
            vec![(Meaning::Faint, text)]
        }
        Body::ExecutionJudged { execution } => vec![execution_line(execution)],
        Body::ServiceObserved { observation } => {
            let exits: usize = observation
                .instances
                .iter()
                .map(|instance| instance.exits.iter().filter(|exit| !exit.requested).count())
                .sum();
            let text = format!(
                "{}: {exits} exits by itself since the run began",
                observation.service
            );
            if exits == 0 {
                Vec::new()
            } else {
                vec![(Meaning::Warning, text)]
            }
        }
        Body::Diagnosed { diagnosis } => diagnosis
            .causes
            .iter()
            .map(|cause| {
                (
                    Meaning::Bad,
                    format!("{} ({})", cause.summary, cause.class.word()),
                )
            })
            .chain(
                diagnosis
                    .missing_evidence
                    .iter()
                    .map(|text| (Meaning::Faint, format!("missing: {text}"))),
            )
            .collect(),
        _ => late_lines(event),
    }
}

/// The same for the events of the second half of the loop.
fn late_lines(event: &Event) -> Vec<(Meaning, String)> {
    match &event.body {
        Body::RemedyPlanned { remedy } => match &remedy.action {
            Action::Person { advice } => {
                vec![(Meaning::Warning, format!("needs a person: {advice}"))]
            }
            action => vec![(
                Meaning::Label,
                format!("{}: {}", action.word(), remedy.reason),
            )],
        },
        Body::Mended { branch, files, .. } => {
            vec![(
                Meaning::Label,
                format!("{} changed on {branch}", files.join(", ")),
            )]
        }
        Body::Reproduced { run } => {
            let meaning = if run.as_expected() {
                Meaning::Good
            } else {
                Meaning::Bad
            };
            let wanted = if run.check.must_fail {
                "must fail"
            } else {
                "must pass"
            };
            vec![(
                meaning,
                format!("{} {wanted}: {}", run.check.revision, run.detail),
            )]
        }
        Body::Reverted { branch, reason } => {
            vec![(Meaning::Warning, format!("{branch} taken back: {reason}"))]
        }
        Body::Audited { report } => {
            let checks: u32 = report.scopes.iter().map(|scope| scope.checks).sum();
            let text = format!(
                "{} findings, {} new, in {checks} checks",
                report.findings.len(),
                report.new
            );
            let meaning = if report.new == 0 {
                Meaning::Good
            } else {
                Meaning::Bad
            };
            vec![(meaning, text)]
        }
        Body::StabilityJudged { report } => {
            let text = if report.stable {
                format!("nothing breaks between {} and {}", report.base, report.head)
            } else {
                format!("{} changes that break or weaken", report.changes.len())
            };
            vec![(
                if report.stable {
                    Meaning::Good
                } else {
                    Meaning::Bad
                },
                text,
            )]
        }
        Body::Published { publication } => {
            vec![(Meaning::Faint, publication.worklog.clone())]
        }
        Body::RunFinished { end, reason } => {
            vec![(Meaning::Label, format!("{}: {reason}", end.word()))]
        }
        _ => Vec::new(),
    }
}

fn rollout_line(rollout: &Rollout) -> (Meaning, String) {
    let meaning = match rollout.outcome {
        RolloutOutcome::Succeeded => Meaning::Good,
        RolloutOutcome::Unverified => Meaning::Warning,
        RolloutOutcome::RolledBack | RolloutOutcome::Failed => Meaning::Bad,
    };
    let what = &rollout.request.service;
    let text = format!(
        "{what} {} {}: {}",
        rollout.revision,
        rollout.outcome.word(),
        rollout.detail
    );
    (meaning, text)
}

fn health_lines(facts: &Facts) -> Vec<(Meaning, String)> {
    let one = |health: &Health| {
        let meaning = match health.status {
            Status::Healthy => Meaning::Good,
            Status::Degraded => Meaning::Warning,
            Status::Unavailable | Status::Refused | Status::Unreachable => Meaning::Bad,
        };
        let detail = match health.status {
            Status::Healthy => format!("{} ms", health.latency_ms),
            _ => health.detail.clone(),
        };
        (
            meaning,
            format!("{} {}: {detail}", health.service, health.status.word()),
        )
    };
    facts
        .health
        .values()
        .map(|(health, _)| one(health))
        .collect()
}

fn execution_line(execution: &Execution) -> (Meaning, String) {
    let totals = &execution.totals;
    let not_passed = totals.planned - totals.passed;
    let mut text = format!("{} of {} tests passed", totals.passed, totals.planned);
    if execution.proved {
        text.push_str(&format!(", {} proven by blackout", totals.proven));
    } else {
        text.push_str(", not put to the proof while this is broken");
    }
    let meaning = if execution.green {
        Meaning::Good
    } else if not_passed == 0 {
        Meaning::Warning
    } else {
        Meaning::Bad
    };
    (meaning, text)
}

#[cfg(test)]
mod tests {
    use super::fold;

    fn check(text: &str, expected: &str) {
        assert_eq!(fold(text, 2, 10), expected);
    }

    #[test]
    fn lines_are_folded_at_words() {
        check("", "");
        check("one", "one");
        check("one two three", "one two\n  three");
        check("incomprehensible one", "incomprehensible\n  one");
        check("a  b\nc", "a b c");
    }
}
