//! Signatures: recognisable failures, kept as data in `signatures/*.toml`.

use std::collections::BTreeMap;

use assay_model::{CauseClass, Exit};
use regex::Regex;
use serde::Deserialize;
use thiserror::Error;

use crate::log::Record;

/// Names that a pattern may capture.
const CAPTURES: [&str; 15] = [
    "module", "file", "line", "symbol", "object", "addr", "ms", "port", "variable", "upstream",
    "status", "user", "detail", "word", "signal",
];

/// Names that only the reasoning fills in.
const DERIVED: [&str; 4] = ["node", "importer", "limit", "code"];

/// When in the life of a service a failure shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// Before the process serves.
    Start,
    /// While it answers.
    Runtime,
    /// The process itself.
    Process,
    /// What it calls and does not own.
    Dependency,
    /// It only passes on the failure of another service.
    Consequence,
}

/// At which node of the service graph the failure lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum At {
    /// The service that shows it.
    #[default]
    Service,
    /// A backing store of that service.
    Dependency,
}

/// What may be done about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemedyKind {
    /// Serve an earlier revision again.
    Rollback,
    /// Start the serving revision again.
    Restart,
    /// Take one line out of an ignore file.
    Unignore,
    /// Put the changed lines back.
    RevertHunk,
    /// A person must act.
    Person,
}

impl RemedyKind {
    /// The word used in [`assay_model::Cause::remedies`].
    pub fn word(self) -> &'static str {
        match self {
            Self::Rollback => "rollback",
            Self::Restart => "restart",
            Self::Unignore => "unignore",
            Self::RevertHunk => "revert-hunk",
            Self::Person => "person",
        }
    }
}

/// The gate that would have caught a failure before it reached anyone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateAdvice {
    /// Its name.
    pub id: String,
    /// How to add it.
    pub advice: String,
}

/// One file of the catalogue, as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    title: String,
    class: CauseClass,
    layer: Layer,
    #[serde(default)]
    at: At,
    specificity: u8,
    #[serde(default)]
    intrinsic: bool,
    #[serde(default)]
    consequence: bool,
    component: String,
    explanation: String,
    defect: Option<String>,
    #[serde(default)]
    patterns: Vec<String>,
    #[serde(default)]
    exit_codes: Vec<i32>,
    #[serde(default)]
    exit_signals: Vec<i32>,
    #[serde(default)]
    any_exit_code: bool,
    #[serde(default)]
    reported: Vec<String>,
    #[serde(default)]
    remedies: Vec<RemedyKind>,
    gate: Option<GateAdvice>,
    #[serde(rename = "match")]
    matches: Vec<String>,
    nomatch: Vec<String>,
}

/// A recognisable failure.
#[derive(Debug)]
pub struct Signature {
    /// Its name, the stem of its file.
    pub id: String,
    /// For a person.
    pub title: String,
    /// What kind of thing is wrong, before the defect is looked up.
    pub class: CauseClass,
    /// When it shows.
    pub layer: Layer,
    /// Where it lives.
    pub at: At,
    /// How much it says, 1 to 100; of two that match, the higher one counts.
    pub specificity: u8,
    /// Its cause always lies in the service that shows it, never in one that it calls.
    pub intrinsic: bool,
    /// It explains nothing by itself and points to another node.
    pub consequence: bool,
    /// Template of the part that is at fault.
    pub component: String,
    /// Template of the mechanism.
    pub explanation: String,
    /// Template of the defect, where a source line can hold one.
    pub defect: Option<String>,
    /// Words by which a health document reports it of a dependency.
    pub reported: Vec<String>,
    /// What may be done, the best first.
    pub remedies: Vec<RemedyKind>,
    /// What would have caught it.
    pub gate: Option<GateAdvice>,
    /// Lines that must match.
    pub matches: Vec<String>,
    /// Lines that must not.
    pub nomatch: Vec<String>,
    patterns: Vec<Regex>,
    exit_codes: Vec<i32>,
    exit_signals: Vec<i32>,
    any_exit_code: bool,
}

/// What a signature found in a log record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The literal text that matched, its first line.
    pub text: String,
    /// Named captures that took part.
    pub captures: BTreeMap<String, String>,
}

impl Signature {
    pub(crate) fn checked(stem: &str, text: &str) -> Result<Self, SignatureError> {
        let wrong = |reason: String| SignatureError::Invalid {
            signature: stem.to_owned(),
            reason,
        };
        let written: Written = toml::from_str(text).map_err(|source| SignatureError::Toml {
            signature: stem.to_owned(),
            source: Box::new(source),
        })?;
        check_written(stem, &written).map_err(wrong)?;
        let mut patterns = Vec::new();
        for pattern in &written.patterns {
            patterns.push(
                Regex::new(pattern).map_err(|source| SignatureError::Pattern {
                    signature: stem.to_owned(),
                    source: Box::new(source),
                })?,
            );
        }
        let unknown = patterns
            .iter()
            .flat_map(|pattern| pattern.capture_names().flatten())
            .find(|name| !CAPTURES.contains(name));
        if let Some(name) = unknown {
            return Err(wrong(format!(
                "capture {name:?} is not one of {}",
                CAPTURES.join(", ")
            )));
        }
        Ok(Self {
            id: written.id,
            title: written.title,
            class: written.class,
            layer: written.layer,
            at: written.at,
            specificity: written.specificity,
            intrinsic: written.intrinsic,
            consequence: written.consequence,
            component: written.component,
            explanation: written.explanation,
            defect: written.defect,
            reported: written.reported,
            remedies: written.remedies,
            gate: written.gate,
            matches: written.matches,
            nomatch: written.nomatch,
            patterns,
            exit_codes: written.exit_codes,
            exit_signals: written.exit_signals,
            any_exit_code: written.any_exit_code,
        })
    }

    /// Looks for this failure in a log record.
    pub fn find(&self, record: &Record) -> Option<Hit> {
        self.patterns.iter().find_map(|pattern| {
            let found = pattern.captures(&record.body)?;
            let captures = pattern
                .capture_names()
                .flatten()
                .filter_map(|name| {
                    Some((
                        name.to_owned(),
                        found.name(name)?.as_str().trim().to_owned(),
                    ))
                })
                .collect();
            let whole = found.get(0)?.as_str().trim();
            Some(Hit {
                text: telling_line(whole).to_owned(),
                captures,
            })
        })
    }

    /// The way a process ended is all there is to recognise it by.
    pub fn is_exit(&self, exit: &Exit) -> bool {
        self.patterns.is_empty() && self.reported.is_empty() && self.goes_with(exit)
    }

    /// A process that failed in this way ends like this.
    pub fn goes_with(&self, exit: &Exit) -> bool {
        match (exit.code, exit.signal) {
            (_, Some(signal)) => self.exit_signals.contains(&signal),
            (Some(code), None) => self.any_exit_code || self.exit_codes.contains(&code),
            (None, None) => false,
        }
    }
}

/// The line of a match that says most: the last one of a traceback, else the first.
fn telling_line(text: &str) -> &str {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or(text);
    let opens = first.starts_with("Traceback") || first.starts_with("in __getitem__");
    let line = if opens {
        lines.next_back().unwrap_or(first)
    } else {
        first
    };
    line.trim()
}

fn check_written(stem: &str, written: &Written) -> Result<(), String> {
    if written.id != stem {
        return Err(format!("id {:?} differs from the file's name", written.id));
    }
    if !(1..=100).contains(&written.specificity) {
        return Err(format!(
            "specificity {} is outside 1 to 100",
            written.specificity
        ));
    }
    let exits =
        written.any_exit_code || !written.exit_codes.is_empty() || !written.exit_signals.is_empty();
    if written.patterns.is_empty() && written.reported.is_empty() && !exits {
        return Err("it has nothing to recognise a failure by".to_owned());
    }
    if written.matches.is_empty() || written.nomatch.is_empty() {
        return Err("it lacks samples that must match, or samples that must not".to_owned());
    }
    if written.consequence != (written.layer == Layer::Consequence) {
        return Err("consequence and layer disagree".to_owned());
    }
    if !written.consequence && (written.gate.is_none() || written.remedies.is_empty()) {
        return Err("it lacks a gate or remedies".to_owned());
    }
    let templates = [
        Some(&written.component),
        Some(&written.explanation),
        written.defect.as_ref(),
    ];
    for name in templates
        .into_iter()
        .flatten()
        .flat_map(|template| placeholders(template))
    {
        if !CAPTURES.contains(&name) && !DERIVED.contains(&name) {
            return Err(format!("placeholder {{{name}}} is not known"));
        }
    }
    Ok(())
}

fn placeholders(template: &str) -> impl Iterator<Item = &str> {
    template
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next())
}

/// Fills a template: `{name}` becomes its value; a `[…]` part without a value for each of its
/// names is left out.
pub(crate) fn fill(template: &str, values: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    for (place, part) in template.split(['[', ']']).enumerate() {
        let optional = place % 2 == 1;
        if optional && placeholders(part).any(|name| !values.contains_key(name)) {
            continue;
        }
        let mut rest = part;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let (name, tail) = after.split_once('}').unwrap_or((after, ""));
            out.push_str(values.get(name).map_or("something unnamed", String::as_str));
            rest = tail;
        }
        out.push_str(rest);
    }
    out
}

/// A file is not a valid signature.
#[derive(Debug, Error)]
pub enum SignatureError {
    /// Not the expected TOML.
    #[error("signature {signature}: not as a signature is written")]
    Toml {
        /// Stem of its file.
        signature: String,
        /// Why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A pattern is not a regular expression.
    #[error("signature {signature}: invalid pattern")]
    Pattern {
        /// Stem of its file.
        signature: String,
        /// Why.
        #[source]
        source: Box<regex::Error>,
    },
    /// It contradicts itself.
    #[error("signature {signature}: {reason}")]
    Invalid {
        /// Stem of its file.
        signature: String,
        /// What is wrong.
        reason: String,
    },
}
