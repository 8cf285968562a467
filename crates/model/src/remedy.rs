//! Remedies: what may be done about a cause.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CauseId, EvidenceRef, RevisionId, ServiceName, TestId};

/// An action with a precondition, a postcondition and an undo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Remedy {
    /// The cause it is for.
    pub cause: CauseId,
    /// What is done.
    pub action: Action,
    /// Why this one, and why nothing smaller.
    pub reason: String,
    /// What must hold before.
    pub precondition: String,
    /// What must hold after.
    pub postcondition: String,
    /// How it is taken back.
    pub undo: String,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum Action {
    /// Serve an earlier revision again.
    Rollback {
        /// Which service.
        service: ServiceName,
        /// From which revision.
        from: RevisionId,
        /// To which revision.
        to: RevisionId,
    },
    /// Start the serving revision again.
    Restart {
        /// Which service.
        service: ServiceName,
    },
    /// Change the source.
    Mend {
        /// The service whose source changes.
        service: ServiceName,
        /// The change.
        edit: Edit,
    },
    /// Nothing that assay may do; a person must act.
    Person {
        /// What they should look at.
        advice: String,
    },
}

impl Action {
    /// The word used in tables and JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Rollback { .. } => "rollback",
            Self::Restart { .. } => "restart",
            Self::Mend { .. } => "mend",
            Self::Person { .. } => "person",
        }
    }
}

/// A mechanical change of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "edit")]
pub enum Edit {
    /// Take one line out of an ignore file.
    Unignore {
        /// The ignore file, relative to the project's root.
        file: String,
        /// 1-based.
        line: u64,
        /// The literal line, which must still stand there.
        text: String,
    },
    /// Put the lines around one place back as they were in an earlier commit.
    RevertHunk {
        /// Relative to the project's root.
        file: String,
        /// 1-based line in the file as it is now.
        line: u64,
        /// The commit whose lines are good.
        good: String,
    },
}

/// What shows a defect: it fails on the bad revision and passes on the good one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Reproduction {
    /// Start the revision aside from all traffic; it must answer its probe.
    Start {
        /// Which service.
        service: ServiceName,
        /// Text that its log must hold when it fails.
        signature: String,
    },
    /// Run one test against the revision, aside from all other traffic.
    Test {
        /// Which service is replaced.
        service: ServiceName,
        /// Which test.
        test: TestId,
        /// Text that the revision's log must hold when the test fails.
        signature: String,
    },
}

impl Reproduction {
    /// The service that is started aside.
    pub fn service(&self) -> &ServiceName {
        match self {
            Self::Start { service, .. } | Self::Test { service, .. } => service,
        }
    }

    /// The text that the log must hold when it fails.
    pub fn signature(&self) -> &str {
        match self {
            Self::Start { signature, .. } | Self::Test { signature, .. } => signature,
        }
    }
}

/// A reproduction to be run, and what it must show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReproductionCheck {
    /// The cause it shows.
    pub cause: CauseId,
    /// What is run.
    pub reproduction: Reproduction,
    /// On which revision.
    pub revision: RevisionId,
    /// Whether it must fail with the signature (a bad revision), or pass (a good one).
    pub must_fail: bool,
}

/// A reproduction that was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReproductionRun {
    /// What was to be shown.
    pub check: ReproductionCheck,
    /// It failed.
    pub failed: bool,
    /// The signature was in the log.
    pub signature_seen: bool,
    /// One line: what was seen.
    pub detail: String,
    /// The log, and the test's output.
    pub evidence: Vec<EvidenceRef>,
}

impl ReproductionRun {
    /// What was seen is what had to be seen.
    pub fn as_expected(&self) -> bool {
        if self.check.must_fail {
            self.failed && self.signature_seen
        } else {
            !self.failed && !self.signature_seen
        }
    }
}
