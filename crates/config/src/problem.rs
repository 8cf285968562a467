//! What is wrong with a configuration, and where.

use std::fmt;
use std::ops::Range;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It cannot work like this.
    Error,
    /// It can work, and probably does not mean what it says.
    Warning,
}

impl Severity {
    /// The word used in lists and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, naming the key.
    pub message: String,
    /// What belongs at the place that is shown.
    pub label: String,
    /// Bytes of the text that it is about.
    pub span: Range<usize>,
    /// The way out, where one is known.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.hint
            .as_ref()
            .map(|hint| Box::new(hint) as Box<dyn fmt::Display>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = LabeledSpan::new_with_span(Some(self.label.clone()), self.span.clone());
        Some(Box::new(std::iter::once(label)))
    }
}

/// Everything that is wrong with one file, in the order of its lines; never empty.
///
/// As a [`Diagnostic`] it shows each problem with its line and a caret. Its `Display` is one
/// line, the headline of that; [`Problems::plain`] is the whole list without any drawing.
#[derive(Debug)]
pub struct Problems {
    file: String,
    text: NamedSource<String>,
    list: Vec<Problem>,
}

impl Problems {
    /// Sorts `list` by place. The caller has checked that it is not empty.
    pub(crate) fn new(file: &str, text: &str, mut list: Vec<Problem>) -> Self {
        debug_assert!(!list.is_empty(), "problems without a problem");
        list.sort_by_key(|problem| (problem.span.start, problem.span.end));
        list.dedup();
        let text = NamedSource::new(file, text.to_owned()).with_language("toml");
        Self {
            file: file.to_owned(),
            text,
            list,
        }
    }

    /// In the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    /// Whether one of them is an error.
    pub fn has_errors(&self) -> bool {
        self.list
            .iter()
            .any(|problem| problem.severity == Severity::Error)
    }

    /// The file's name, relative to the project's root.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// 1-based line and column of a problem of this list.
    pub fn position(&self, problem: &Problem) -> (usize, usize) {
        position(self.text.inner(), problem.span.start)
    }

    /// One `FILE:LINE:COLUMN: severity: message (label)` line per problem, its hint on a line of its own.
    pub fn plain(&self) -> String {
        let mut out = String::new();
        for problem in &self.list {
            let (line, column) = position(self.text.inner(), problem.span.start);
            let Problem { message, label, .. } = problem;
            let severity = problem.severity.word();
            out.push_str(&format!(
                "{}:{line}:{column}: {severity}: {message} ({label})\n",
                self.file
            ));
            if let Some(hint) = &problem.hint {
                out.push_str(&format!("  hint: {hint}\n"));
            }
        }
        out
    }

    fn only(&self) -> Option<&Problem> {
        match self.list.as_slice() {
            [problem] => Some(problem),
            _ => None,
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.only() {
            Some(problem) => problem.fmt(out),
            None => write!(out, "{}: {} problems", self.file, self.list.len()),
        }
    }
}

impl std::error::Error for Problems {}

impl Diagnostic for Problems {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.text)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.only().and_then(Diagnostic::help)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.only().and_then(Diagnostic::labels)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        match self.only() {
            Some(_) => None,
            None => Some(Box::new(
                self.list.iter().map(|problem| problem as &dyn Diagnostic),
            )),
        }
    }
}

/// 1-based line and column (in characters) of a byte offset.
pub(crate) fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, offset: usize, expected: (usize, usize)) {
        assert_eq!(position(text, offset), expected, "{offset} in {text:?}");
    }

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        check("", 0, (1, 1));
        check("ab\ncd", 1, (1, 2));
        check("ab\ncd", 3, (2, 1));
        check("é = 1", 3, (1, 3));
        check("ab", 99, (1, 3));
    }
}
