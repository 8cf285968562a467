//! Audit, stability, publication and the end of a run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::EvidenceRef;

/// How bad a finding is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Severity {
    Warning,
    Error,
}

/// One audit result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Rule id, such as `unresolved-import`.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// Path relative to the project's root.
    pub file: String,
    /// 1-based.
    pub line: u64,
    /// What is wrong.
    pub message: String,
    /// The name it is about.
    pub symbol: Option<String>,
    /// BLAKE3 over rule, file, symbol and message: stable when lines move.
    pub fingerprint: String,
}

/// What was examined, in one scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditScope {
    /// Its name.
    pub name: String,
    /// Files examined.
    pub files: u32,
    /// Checks made.
    pub checks: u32,
    /// Checks passed.
    pub passed: u32,
    /// `passed / checks`; `None` when nothing was examined.
    pub score: Option<f64>,
}

/// The answer of step 4.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditReport {
    /// What was examined.
    pub scopes: Vec<AuditScope>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What could not be looked at, and why.
    pub not_examined: Vec<String>,
    /// The commit or tree that was audited.
    pub tree: String,
    /// Findings that the tree before did not have.
    pub new: u32,
    /// The whole report as it was printed.
    pub evidence: Vec<EvidenceRef>,
}

impl AuditReport {
    /// Everything that was examined, each file once: the scope `overall`, or the sum of all
    /// scopes where there is none.
    pub fn overall(&self) -> AuditScope {
        if let Some(overall) = self.scopes.iter().find(|scope| scope.name == "overall") {
            return overall.clone();
        }
        let sum = |of: fn(&AuditScope) -> u32| self.scopes.iter().map(of).sum();
        let (files, checks, passed) = (
            sum(|scope| scope.files),
            sum(|scope| scope.checks),
            sum(|scope| scope.passed),
        );
        let score = (checks > 0).then(|| f64::from(passed) / f64::from(checks));
        AuditScope {
            name: "overall".to_owned(),
            files,
            checks,
            passed,
            score,
        }
    }
}

/// What a contract difference means to those who depend on it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Something new.
    Additive,
    /// Something that others may use is gone or different.
    Breaking,
    /// A test was removed, or asserts less.
    TestWeakened,
}

/// One contract difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// What it means.
    pub kind: ChangeKind,
    /// `export`, `route`, `test`.
    pub what: String,
    /// The name: `agents/triage::classify/1`, `GET /api/me`.
    pub name: String,
    /// Path relative to the project's root.
    pub file: String,
    /// 1-based, in the tree that has it.
    pub line: u64,
    /// One line for a person.
    pub message: String,
}

/// One row of the table before/after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StabilityRow {
    /// What was measured.
    pub what: String,
    /// In the tree before.
    pub before: String,
    /// In the tree after.
    pub after: String,
}

/// The answer of step 5.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StabilityReport {
    /// The tree before.
    pub base: String,
    /// The tree after.
    pub head: String,
    /// Differences.
    pub changes: Vec<Change>,
    /// Before and after.
    pub rows: Vec<StabilityRow>,
    /// Nothing breaks and no test is weakened.
    pub stable: bool,
    /// The difference as it was read.
    pub evidence: Vec<EvidenceRef>,
}

/// What was handed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Publication {
    /// Path of the worklog.
    pub worklog: String,
    /// Branch with the repair.
    pub branch: Option<String>,
    /// Its head.
    pub commit: Option<String>,
    /// Path of the pull request's description.
    pub pull_request: Option<String>,
}

/// The one state in which a loop ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndState {
    /// Nothing was wrong, proven.
    Green,
    /// A cause was found, its defect mended, proven.
    Repaired,
    /// Service restored, the defect still waits.
    Mitigated,
    /// Found, not restored.
    Red,
    /// A limit was reached.
    Stopped,
    /// Not enough evidence for a cause.
    Inconclusive,
}

impl EndState {
    /// The word used in tables and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Repaired => "repaired",
            Self::Mitigated => "mitigated",
            Self::Red => "red",
            Self::Stopped => "stopped",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// The documented exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Green | Self::Repaired => 0,
            Self::Red => 1,
            Self::Mitigated | Self::Stopped | Self::Inconclusive => 4,
        }
    }
}
