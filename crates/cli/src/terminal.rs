//! Live progress on stderr, data on stdout, and one table from meaning to colour.

use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use assay_engine::Watch;
use assay_model::{Body, Event, Facts, Step, Timestamp};
use indicatif::{ProgressBar, ProgressStyle};

use crate::narration;
use crate::palette::{Meaning, paint};

/// Columns of a line of progress before its text.
const INDENT: usize = 18;

/// Longest line that is printed, in columns.
const COLUMNS: usize = 80;

/// Whether `stream` is a terminal that wants colour (see no-color.org).
pub(crate) fn wants_colour(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether data for stdout was lost.
static OUTPUT_LOST: AtomicBool = AtomicBool::new(false);

/// Data for stdout. A closed pipe is not an error: whoever read has seen enough.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let written = out
        .write_all(text.as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush());
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
        && !OUTPUT_LOST.swap(true, Ordering::Relaxed)
    {
        complain(&format!(
            "error: cannot write to stdout\n  because: {error}"
        ));
    }
}

/// Data for stdout was lost, so the command has not done what was asked.
pub(crate) fn output_lost() -> bool {
    OUTPUT_LOST.load(Ordering::Relaxed)
}

/// A message for stderr.
pub(crate) fn complain(text: &str) {
    let mut out = std::io::stderr().lock();
    drop(
        out.write_all(text.as_bytes())
            .and_then(|()| out.write_all(b"\n")),
    );
}

/// How this program is called for the project in `root`, ready to be copied into a shell.
pub(crate) fn this_assay(root: &Path) -> String {
    let program = std::env::args()
        .next()
        .unwrap_or_else(|| "assay".to_owned());
    format!(
        "{} -C {}",
        quoted(&program),
        quoted(&root.display().to_string())
    )
}

/// `word` as one word of a POSIX shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
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
        for (meaning, text) in narration::lines(facts, event) {
            self.line(event.at, step, meaning, &text);
        }
    }

    fn say(&mut self, step: Option<Step>, line: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{}: {line}", step.map_or("run", Step::word)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fold;

    fn check(text: &str, expected: &str) {
        assert_eq!(fold(text, 2, 10), expected);
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(super::quoted("/tmp/a-b_c"), "/tmp/a-b_c");
        assert_eq!(super::quoted("/tmp/a b"), "'/tmp/a b'");
        assert_eq!(super::quoted("it's"), r"'it'\''s'");
        assert_eq!(super::quoted(""), "''");
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
