//! What came of looking.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use crate::need::{Need, Reason, Subject};

/// One need, looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Checked {
    /// What was looked at.
    pub subject: Subject,
    /// Its name for a table.
    pub name: String,
    /// Which parts of the configuration need it: `[suite.e2e] command`.
    pub why: Vec<String>,
    /// What cannot be done without it: `executing suite e2e`.
    pub required_for: Vec<String>,
    /// How it is.
    pub status: Status,
    /// What there is: a version, an amount, `answers`.
    pub found: Option<String>,
    /// Where it is, if it is a file or a folder.
    pub path: Option<PathBuf>,
    /// What there should be, and the reason: `3.8 or later: …`.
    pub required: Option<String>,
    /// What is wrong, in one line; or what is worth knowing of one that is in order.
    pub detail: Option<String>,
    /// Commands and sentences that close the gap on this system, the best first.
    pub advice: Vec<String>,
    /// Whether something in `required_for` cannot be done as things are.
    pub blocking: bool,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// There, and good enough.
    Ok,
    /// Not there.
    Missing,
    /// There in a version before the required one.
    TooOld,
    /// There, and less than it takes.
    TooLittle,
    /// There, and this user may not.
    NotPermitted,
    /// There, and does not work.
    Broken,
    /// Taken by somebody else.
    InUse,
    /// The machine answers; nothing listens at that port.
    Refused,
    /// No answer, or no way to it.
    Unreachable,
    /// It could not be told.
    Unknown,
}

impl Status {
    /// The word used in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::TooOld => "too old",
            Self::TooLittle => "too little",
            Self::NotPermitted => "not permitted",
            Self::Broken => "broken",
            Self::InUse => "in use",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Unknown => "unknown",
        }
    }

    /// Whether something is known to be wrong.
    pub fn is_problem(self) -> bool {
        !matches!(self, Self::Ok | Self::Unknown)
    }
}

/// What a check saw, before it is put together with the need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) status: Status,
    pub(crate) found: Option<String>,
    pub(crate) path: Option<PathBuf>,
    pub(crate) required: Option<String>,
    pub(crate) detail: Option<String>,
    pub(crate) advice: Vec<String>,
}

impl Seen {
    pub(crate) fn new(status: Status) -> Self {
        Self {
            status,
            found: None,
            path: None,
            required: None,
            detail: None,
            advice: Vec::new(),
        }
    }

    /// Something wrong, or unknown, in one line.
    pub(crate) fn wrong(status: Status, detail: impl Into<String>) -> Self {
        Self::new(status).detail(detail)
    }

    pub(crate) fn found(mut self, found: impl Into<String>) -> Self {
        self.found = Some(found.into());
        self
    }

    pub(crate) fn at(mut self, path: impl Into<PathBuf>) -> Self {
        self.path = Some(path.into());
        self
    }

    pub(crate) fn required(mut self, required: impl Into<String>) -> Self {
        self.required = Some(required.into());
        self
    }

    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub(crate) fn advise(mut self, advice: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.advice.extend(advice.into_iter().map(Into::into));
        self
    }

    /// Together with what it was a check of.
    pub(crate) fn of(self, need: &Need) -> Checked {
        let each = |part: fn(&Reason) -> &String| {
            let mut parts: Vec<String> = Vec::new();
            for reason in &need.reasons {
                if !parts.contains(part(reason)) {
                    parts.push(part(reason).clone());
                }
            }
            parts
        };
        Checked {
            subject: need.subject.clone(),
            name: need.subject.to_string(),
            why: each(|reason| &reason.place),
            required_for: each(|reason| &reason.required_for),
            status: self.status,
            found: self.found,
            path: self.path,
            required: self.required,
            detail: self.detail,
            advice: self.advice,
            blocking: self.status.is_problem() && need.reasons.iter().any(|reason| reason.blocking),
        }
    }
}
