//! A run as it happens: a line for what each step found, and how far the step has come.

mod progress;

use std::io::IsTerminal;
use std::time::Duration;

use assay_engine::Watch;
use assay_model::{Body, Event, Facts, Step, Timestamp};
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::Format;
use crate::narration;
use crate::output::{self, Output, Verbosity};
use crate::palette::{Meaning, paint};
use crate::terminal::{COLUMNS, complain, fold, print, wants_colour};

use progress::Progress;
pub(crate) use progress::Usual;

/// Columns of a line before its text.
const INDENT: usize = 18;

/// Between two pictures of the spinner: fast enough to look alive.
const TICK: Duration = Duration::from_millis(100);

/// Prints each step of a run as it happens: lines on stderr for a person, with a moving one at
/// the end on a terminal; events on stdout where lines of JSON are asked for.
pub(crate) struct Live {
    bar: Option<ProgressBar>,
    colour: bool,
    started: Option<Timestamp>,
    output: Output,
    progress: Progress,
    narrates: bool,
}

impl Live {
    /// For a command whose result is what the run left behind: nothing is told twice.
    pub(crate) fn without_lines(output: Output) -> Self {
        Self {
            narrates: output.is_text() && output.verbosity == Verbosity::Verbose,
            ..Self::new(output)
        }
    }

    pub(crate) fn new(output: Output) -> Self {
        let narrates = output.is_text() && output.verbosity != Verbosity::Quiet;
        let bar = (narrates && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(TICK);
            bar
        });
        Self {
            bar,
            colour: wants_colour(&std::io::stderr()),
            started: None,
            output,
            progress: Progress::default(),
            narrates,
        }
    }

    /// As [`Live::new`], and tells the time left by how long each step took the last time.
    pub(crate) fn expecting(output: Output, usual: impl FnOnce() -> Usual) -> Self {
        let mut live = Self::new(output);
        if live.bar.is_some() {
            live.progress = Progress::new(usual());
        }
        live
    }

    /// Takes the spinner away.
    pub(crate) fn close(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    pub(crate) fn output(&self) -> Output {
        self.output
    }

    fn line(&self, at: Timestamp, step: &str, meaning: Meaning, text: &str) {
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
        if self.output.format == Format::Jsonl {
            print(&output::line(event));
        }
        if self.started.is_none() {
            self.started = facts.started;
        }
        self.progress.event(event);
        if let Some(bar) = &self.bar {
            bar.set_message(self.progress.line());
        }
        if !self.narrates {
            return;
        }
        let step = event.step.map_or("run", Step::word);
        for (meaning, text) in narration::lines(facts, event) {
            self.line(event.at, step, meaning, &text);
        }
        let begins = matches!(event.body, Body::StepStarted { .. });
        if begins && self.output.verbosity == Verbosity::Verbose {
            self.line(event.at, step, Meaning::Faint, "begins");
        }
    }

    fn say(&mut self, step: Option<Step>, line: &str) {
        self.progress.say(line);
        if let Some(bar) = &self.bar {
            bar.set_message(self.progress.line());
        }
        if self.narrates && self.output.verbosity == Verbosity::Verbose {
            let at = assay_world::clock::now();
            self.line(at, step.map_or("run", Step::word), Meaning::Faint, line);
        }
    }
}
