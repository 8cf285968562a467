//! What all readers of one text share: the text, the environment, and what was found.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;

use assay_model::{Place, Secret};

use crate::claim::{Claim, ClaimKind, Text};
use crate::problem::{Problem, Severity, position};

/// A known key counts as meant when it is at least this similar (Jaro-Winkler, 0 to 1). Below
/// that, suggestions were wrong more often than right on the keys of this file.
const SIMILARITY_MIN: f64 = 0.75;

/// What all readers together found.
pub(crate) struct Findings {
    pub(crate) problems: Vec<Problem>,
    /// What must be kept secret.
    pub(crate) secrets: Vec<Secret>,
    /// What can be looked at outside the file.
    pub(crate) claims: Vec<Claim>,
}

/// One parse of one text.
pub(crate) struct Reader<'a> {
    text: &'a str,
    file: &'a str,
    env: &'a dyn Fn(&str) -> Option<String>,
    services: BTreeSet<String>,
    dependencies: BTreeSet<String>,
    problems: RefCell<Vec<Problem>>,
    secrets: RefCell<Vec<Secret>>,
    claims: RefCell<Vec<Claim>>,
}

impl<'a> Reader<'a> {
    /// `services` and `dependencies` are the names that references may use.
    pub(crate) fn new(
        text: &'a str,
        file: &'a str,
        env: &'a dyn Fn(&str) -> Option<String>,
        services: BTreeSet<String>,
        dependencies: BTreeSet<String>,
    ) -> Self {
        Self {
            text,
            file,
            env,
            services,
            dependencies,
            problems: RefCell::default(),
            secrets: RefCell::default(),
            claims: RefCell::default(),
        }
    }

    /// What was found.
    pub(crate) fn into_findings(self) -> Findings {
        Findings {
            problems: self.problems.into_inner(),
            secrets: self.secrets.into_inner(),
            claims: self.claims.into_inner(),
        }
    }

    /// Notes something to be looked at outside the file.
    pub(crate) fn claim(&self, kind: ClaimKind, key: &str, text: &Text) {
        self.claims.borrow_mut().push(Claim {
            kind,
            key: key.to_owned(),
            value: text.value.clone(),
            hidden: text.variable.is_some(),
            span: text.span.clone(),
        });
    }

    pub(crate) fn services(&self) -> impl Iterator<Item = &str> {
        self.services.iter().map(String::as_str)
    }

    pub(crate) fn dependencies(&self) -> impl Iterator<Item = &str> {
        self.dependencies.iter().map(String::as_str)
    }

    /// The name of the file, relative to the project's root.
    pub(crate) fn file(&self) -> &'a str {
        self.file
    }

    pub(crate) fn problem(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        hint: Option<String>,
    ) {
        let (message, label) = (message.into(), label.into());
        self.problems.borrow_mut().push(Problem {
            severity: Severity::Error,
            message,
            label,
            span,
            hint,
        });
    }

    /// The environment's answer; an unset or empty name is a problem at `span`.
    pub(crate) fn variable(&self, name: &str, span: &Range<usize>) -> Option<String> {
        let value = (self.env)(name);
        if value.is_none() {
            self.problem(
                span.clone(),
                format!("environment variable `{name}` is not set"),
                "its value is needed here",
                Some(format!(
                    "set `{name}` before running assay, or write the value here"
                )),
            );
        }
        value
    }

    /// The environment's answer, where a missing one is no problem.
    pub(crate) fn variable_if_set(&self, name: &str) -> Option<String> {
        (self.env)(name)
    }

    pub(crate) fn add_secret(&self, secret: Secret) {
        let mut secrets = self.secrets.borrow_mut();
        if !secrets.contains(&secret) {
            secrets.push(secret);
        }
    }

    /// The line in which `span` begins.
    pub(crate) fn place(&self, span: &Range<usize>) -> Place {
        let (line, _) = position(self.text, span.start);
        let text = self
            .text
            .lines()
            .nth(line - 1)
            .unwrap_or_default()
            .trim_end();
        Place {
            file: self.file.to_owned(),
            line: line as u64,
            text: text.to_owned(),
        }
    }
}

/// The known word that was probably meant.
pub(crate) fn nearest<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    known
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
thread_local! {
    static KNOWN_KEYS: RefCell<Vec<(String, Vec<String>)>> = const { RefCell::new(Vec::new()) };
}

/// Tells that these keys of a table are known, so that the schema can be held against them.
#[cfg(test)]
pub(crate) fn note_known_keys(path: &str, keys: &[&'static str]) {
    let keys = keys.iter().map(|&key| key.to_owned()).collect();
    KNOWN_KEYS.with_borrow_mut(|known| known.push((path.to_owned(), keys)));
}

/// What was told since the last call, on this thread.
#[cfg(test)]
pub(crate) fn known_keys() -> Vec<(String, Vec<String>)> {
    KNOWN_KEYS.take()
}
