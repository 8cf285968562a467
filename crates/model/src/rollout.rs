//! Revisions and roll-outs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{EvidenceRef, Gate, RevisionId, RolloutId, ServiceName, Strategy};

/// What a build shipped, and what it left out and why. Kept as evidence of every revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    /// Folder that was built, relative to the project's root.
    pub root: String,
    /// The ignore file that was read, relative to `root`.
    pub ignore_file: Option<String>,
    /// Path relative to `root` → BLAKE3 of the content.
    pub files: BTreeMap<String, String>,
    /// Files of the source that were left out, by path relative to `root`.
    pub excluded: BTreeMap<String, Excluded>,
}

/// Why a file was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Excluded {
    /// The ignore file, relative to the manifest's root.
    pub file: String,
    /// 1-based line that decided.
    pub line: u64,
    /// The literal line.
    pub pattern: String,
}

/// A bundle on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bundle {
    /// BLAKE3 over the sorted (path, content hash) pairs, 64 hexadecimal digits.
    pub hash: String,
    /// Folder, relative to the project's state folder.
    pub path: String,
}

/// One deployed version of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Revision {
    /// Its identity.
    pub id: RevisionId,
    /// Whose revision it is.
    pub service: ServiceName,
    /// What it is made of.
    pub bundle: Bundle,
    /// Commit of the source, where it is under git.
    pub commit: Option<String>,
    /// Files shipped.
    pub files: u32,
    /// [`Manifest`] as JSON.
    pub manifest: EvidenceRef,
    /// Unified diff of the source since the revision that served before, where both are known.
    pub change: Option<EvidenceRef>,
    /// When it was built.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub built: Timestamp,
}

/// Where the new revision comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RolloutSource {
    /// Build from the project's checked-out source.
    WorkingTree,
    /// Build from this commit, checked out afresh.
    Commit(String),
    /// Start a revision that was built before.
    Revision(RevisionId),
    /// Start the serving revision again.
    Restart,
}

/// A roll-out that somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RolloutRequest {
    /// Its name within the run.
    pub id: RolloutId,
    /// Which service.
    pub service: ServiceName,
    /// Which revision.
    pub source: RolloutSource,
    /// Overrides the configured gate. A remedy is always gated.
    pub gate: Option<Gate>,
    /// Why, for the worklog.
    pub reason: String,
}

/// How a roll-out ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RolloutOutcome {
    /// The new revision itself answered its probe for its bake time.
    Succeeded,
    /// Switched without asking: `gate = "none"`.
    Unverified,
    /// The gate refused; the revision before serves again.
    RolledBack,
    /// The gate refused, and there was nothing to go back to.
    Failed,
}

impl RolloutOutcome {
    /// The word used in tables and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Unverified => "switched blindly",
            Self::RolledBack => "refused by its gate, rolled back",
            Self::Failed => "failed",
        }
    }

    /// The new revision takes the traffic.
    pub fn switched(self) -> bool {
        matches!(self, Self::Succeeded | Self::Unverified)
    }
}

/// A roll-out that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rollout {
    /// What was asked for.
    pub request: RolloutRequest,
    /// The revision that was rolled out.
    pub revision: RevisionId,
    /// The revision that served before.
    pub previous: Option<RevisionId>,
    /// The gate that applied.
    pub gate: Gate,
    /// The strategy that applied.
    pub strategy: Strategy,
    /// How it ended.
    pub outcome: RolloutOutcome,
    /// One line: what the gate saw.
    pub detail: String,
    /// When it began.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started: Timestamp,
    /// When it ended.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub finished: Timestamp,
    /// The gate's last probe, say.
    pub evidence: Vec<EvidenceRef>,
}
