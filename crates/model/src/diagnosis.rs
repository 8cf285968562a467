//! Symptoms, causes and whys.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CauseId, EvidenceRef, Place, RevisionId, ServiceName, TestId, Window};

/// A figure that says what it counts and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Count {
    /// How many.
    pub n: u64,
    /// Of what: `exits`, `log lines`.
    pub unit: String,
    /// In which time.
    pub window: Window,
}

/// One observed anomaly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Symptom {
    /// What kind it is.
    pub kind: SymptomKind,
    /// Where it was seen.
    pub service: ServiceName,
    /// One line for a person.
    pub text: String,
    /// When it was first seen, where that is known.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub first_seen: Option<Timestamp>,
    /// The bytes behind it.
    pub evidence: Vec<EvidenceRef>,
}

/// Kinds of symptom.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SymptomKind {
    /// A probe did not find the service healthy.
    Probe,
    /// A test failed.
    Test,
    /// A process ended by itself.
    Exit,
    /// A known failure in a log.
    Log,
    /// A roll-out was refused by its gate.
    Rollout,
}

/// What kind of thing is wrong, so that nobody repairs code for an outage of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the field's own terms")]
pub enum CauseClass {
    Code,
    Test,
    Configuration,
    Packaging,
    Deployment,
    Infrastructure,
    External,
}

impl CauseClass {
    /// The word used in tables and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Test => "test",
            Self::Configuration => "configuration",
            Self::Packaging => "packaging",
            Self::Deployment => "deployment",
            Self::Infrastructure => "infrastructure",
            Self::External => "external",
        }
    }
}

/// The place that must change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Defect {
    /// Path relative to the project's root.
    pub file: String,
    /// 1-based.
    pub line: u64,
    /// The literal line.
    pub text: String,
}

/// An explanation that was considered and does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refuted {
    /// What else it could have been.
    pub alternative: String,
    /// Why it is not.
    pub reason: String,
    /// What shows it.
    #[serde(default)]
    pub evidence: Vec<EvidenceRef>,
}

/// One step from what users see to what must change. Without evidence there is no why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Why {
    /// The question that this step answers.
    pub question: String,
    /// The answer.
    pub text: String,
    /// What shows it; never empty.
    pub evidence: Vec<EvidenceRef>,
    /// A literal excerpt of the evidence.
    pub excerpt: Option<String>,
    /// The alternative that was refuted.
    pub refuted: Option<Refuted>,
}

/// What explains symptoms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// Its name within the run.
    pub id: CauseId,
    /// The service or dependency that is at fault.
    pub service: ServiceName,
    /// The part of it: a module, a file, `process`.
    pub component: String,
    /// The signature that recognised it.
    pub signature: String,
    /// What kind of thing is wrong.
    pub class: CauseClass,
    /// The revision in which it lives, where it came with one.
    pub revision: Option<RevisionId>,
    /// The last revision of that service that was seen to serve.
    pub last_good: Option<RevisionId>,
    /// The place that must change, where it was found.
    pub defect: Option<Defect>,
    /// One sentence.
    pub summary: String,
    /// Share of the weighed evidence that speaks for it, 0 to 1.
    pub confidence: f64,
    /// When it was first seen.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub first_seen: Timestamp,
    /// When it was last seen.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub last_seen: Timestamp,
    /// How often, of what, in which window.
    pub count: Count,
    /// Places in [`Diagnosis::symptoms`] that it explains.
    pub symptoms: Vec<usize>,
    /// From what users see to the gate that was absent.
    pub whys: Vec<Why>,
    /// What else it could have been.
    pub refuted: Vec<Refuted>,
    /// The gate that would have caught it, where configuration was searched.
    pub gate: Option<AbsentGate>,
    /// Kinds of remedy that fit, the best first: `rollback`, `restart`, `unignore`, `revert-hunk`.
    pub remedies: Vec<String>,
    /// Tests that fail because of it, the most important first.
    #[serde(default)]
    pub failing_tests: Vec<TestId>,
    /// What would show the cause again.
    pub log_pattern: Option<String>,
}

/// A gate that would have caught a cause and was not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AbsentGate {
    /// Its name.
    pub gate: String,
    /// How to add it.
    pub advice: String,
    /// Files in which it was looked for.
    pub searched: Vec<String>,
    /// The line that switches it off, where there is one.
    pub at: Option<Place>,
}

/// Something loud that explains nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decoy {
    /// What was seen.
    pub text: String,
    /// Why it is not a cause.
    pub reason: String,
}

/// How far the causes reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiagnosisVerdict {
    /// Every symptom is explained.
    Explained,
    /// Some are.
    Partly,
    /// None is.
    Inconclusive,
    /// There was nothing to explain.
    Healthy,
}

/// The answer of step 3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// How far the causes reach.
    pub verdict: DiagnosisVerdict,
    /// Everything that asked for an explanation.
    pub symptoms: Vec<Symptom>,
    /// The fewest that explain the most, the surest first.
    pub causes: Vec<Cause>,
    /// Places in `symptoms` that no cause explains.
    pub unexplained: Vec<usize>,
    /// Places in `symptoms` that were there before the first roll-out of this run.
    pub pre_existing: Vec<usize>,
    /// Loud and harmless.
    pub decoys: Vec<Decoy>,
    /// What would have to be known to go on.
    pub missing_evidence: Vec<String>,
}
