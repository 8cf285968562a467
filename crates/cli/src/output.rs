//! How a command prints: for a person, as one document, or as a stream of objects.

use serde::Serialize;

use crate::args::{Format, OutputArgs};
use crate::terminal;

/// How much a command says beside its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// Errors.
    Quiet,
    /// Each step and what it found.
    Usual,
    /// What each step is doing, too.
    Verbose,
}

/// How a command prints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) format: Format,
    pub(crate) verbosity: Verbosity,
}

impl Output {
    pub(crate) fn new(args: OutputArgs) -> Self {
        let verbosity = match (args.quiet, args.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, true) => Verbosity::Verbose,
            (false, false) => Verbosity::Usual,
        };
        Self {
            format: args.format,
            verbosity,
        }
    }

    /// Whether the result is for a person.
    pub(crate) fn is_text(self) -> bool {
        self.format == Format::Text
    }

    /// Whether the result may be coloured.
    pub(crate) fn colour(self) -> bool {
        self.is_text() && terminal::wants_colour(&std::io::stdout())
    }

    /// Prints the result: `text` for a person, else the document, on one line where lines are
    /// asked for.
    pub(crate) fn result(self, document: &impl Serialize, text: impl FnOnce() -> String) {
        match self.format {
            Format::Text => terminal::print(text().trim_end()),
            Format::Json => terminal::print(&pretty(document)),
            Format::Jsonl => terminal::print(&line(document)),
        }
    }

    /// Prints a list: as [`Output::result`], but as one line for each item where lines are asked
    /// for.
    pub(crate) fn list<I: Serialize>(
        self,
        document: &impl Serialize,
        items: &[I],
        text: impl FnOnce() -> String,
    ) {
        match self.format {
            Format::Jsonl => items.iter().for_each(|item| terminal::print(&line(item))),
            _ => self.result(document, text),
        }
    }

    /// Something that a person should know and no program reads.
    pub(crate) fn note(self, text: &str) {
        if self.verbosity != Verbosity::Quiet && self.is_text() {
            terminal::complain(text);
        }
    }
}

/// One object on one line.
pub(crate) fn line(document: &impl Serialize) -> String {
    value(document).to_string()
}

fn pretty(document: &impl Serialize) -> String {
    format!("{:#}", value(document))
}

/// What cannot be said in JSON, such as a path that is no text, is named instead of lost.
fn value(document: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(document)
        .unwrap_or_else(|error| serde_json::json!({ "error": error.to_string() }))
}
