//! Events: what a run is made of.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Attempt, AuditReport, Diagnosis, EndState, EvidenceRef, Execution, Health, Publication, Remedy,
    ReproductionRun, Revision, Rollout, RolloutRequest, RunId, Selection, ServiceName,
    ServiceObservation, StabilityReport, Step,
};

/// Version of the stored form of [`Body`]. An older assay refuses a newer journal.
pub const FORMAT_VERSION: u32 = 1;

/// One entry of a run's journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// The run it belongs to.
    pub run: RunId,
    /// 1-based place in the run, without gaps.
    pub seq: u64,
    /// When it was recorded.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// The step that was going on; `None` for events of the run itself.
    pub step: Option<Step>,
    /// What happened.
    pub body: Body,
    /// BLAKE3 of the event before it, 64 hexadecimal digits; zeros for the first.
    pub prev: String,
    /// BLAKE3 of this event, `prev` included.
    pub hash: String,
}

/// What a run is asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunPlan {
    /// What comes first, in this order.
    pub prologue: Vec<Prologue>,
    /// The step that is run alone; `None` for the whole loop.
    pub only: Option<Step>,
    /// Suites by name; empty for those that are part of every run.
    pub suites: Vec<String>,
    /// Whether remedies may be applied.
    pub remedy: bool,
    /// Whether a person has approved changes to a protected environment.
    pub approved: bool,
    /// Whether everything that was started is stopped when the run ends.
    pub teardown: bool,
}

/// Something that is done before the loop looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Prologue {
    /// Roll something out.
    Rollout(RolloutRequest),
    /// Disturb the environment on purpose, as on a game day.
    Disturb(Disturbance),
}

/// A disturbance of the environment. Diagnosis never gets to see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Disturbance {
    /// Send a signal to the serving instance of a service.
    Kill {
        /// Which service.
        service: ServiceName,
        /// Signal number.
        signal: i32,
    },
    /// Write a file of the environment.
    Write {
        /// Path relative to the project's root.
        file: String,
        /// Its new content.
        text: String,
    },
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Body {
    /// The first event of a run.
    RunStarted {
        /// Name of the project.
        project: String,
        /// The environment under test.
        environment: String,
        /// Whether changes to it need a person's yes.
        protected: bool,
        /// Version of assay.
        version: String,
        /// What it was asked to do.
        plan: RunPlan,
        /// The configuration as it was read.
        config: EvidenceRef,
    },
    /// An assay took over from one that had died.
    RunResumed {
        /// Events that it found.
        found: u64,
    },
    /// A step begins.
    StepStarted {
        /// Which.
        step: Step,
        /// Counts from 1; a new cycle begins with every remedy.
        cycle: u32,
        /// 1, and one more for every resume inside it.
        attempt: u32,
    },
    /// A step ended.
    StepFinished {
        /// Which.
        step: Step,
        /// The same as in its start.
        cycle: u32,
        /// Why it could not look; `None` when it did.
        error: Option<String>,
    },
    /// An act is about to happen.
    ActStarted {
        /// Its name.
        key: String,
        /// For a person.
        what: String,
    },
    /// An act has happened.
    ActFinished {
        /// Its name.
        key: String,
        /// What it gave.
        result: serde_json::Value,
    },
    /// Somebody asked for a roll-out.
    RolloutRequested {
        /// What was asked for.
        request: RolloutRequest,
    },
    /// A bundle was built.
    RevisionBuilt {
        /// The new revision.
        revision: Revision,
    },
    /// A roll-out ended.
    RolloutFinished {
        /// How.
        rollout: Rollout,
    },
    /// What earlier runs know of this environment.
    HistorySeen {
        /// Revisions that were built.
        revisions: Vec<Revision>,
        /// The last roll-outs of each service, oldest first.
        rollouts: Vec<Rollout>,
    },
    /// A mended commit is to be built, before anything is switched to it.
    BuildRequested {
        /// Which service.
        service: ServiceName,
        /// The commit.
        commit: String,
    },
    /// The environment was disturbed on purpose.
    Disturbed {
        /// How.
        disturbance: Disturbance,
    },
    /// A probe was answered, or not.
    HealthObserved {
        /// What it found.
        health: Health,
        /// The literal exchange.
        evidence: Vec<EvidenceRef>,
    },
    /// Tests were chosen.
    TestsSelected {
        /// Which, and why.
        selection: Selection,
    },
    /// A test ran once.
    AttemptFinished {
        /// What came of it.
        attempt: Attempt,
    },
    /// The suites were judged.
    ExecutionJudged {
        /// The judgement.
        execution: Execution,
    },
    /// A service was observed from outside.
    ServiceObserved {
        /// What was seen.
        observation: ServiceObservation,
    },
    /// Symptoms were explained, or not.
    Diagnosed {
        /// The answer.
        diagnosis: Diagnosis,
    },
    /// A remedy was chosen.
    RemedyPlanned {
        /// Which.
        remedy: Remedy,
    },
    /// The source was changed in a worktree and committed to a branch.
    Mended {
        /// The remedy that was applied.
        remedy: Remedy,
        /// The branch.
        branch: String,
        /// Its head.
        commit: String,
        /// The commit that it was made on.
        base: String,
        /// Files that changed.
        files: Vec<String>,
        /// The unified diff.
        diff: EvidenceRef,
    },
    /// A reproduction was run.
    Reproduced {
        /// What it showed.
        run: ReproductionRun,
    },
    /// A mend was taken back because it did not hold.
    Reverted {
        /// The branch that is kept as evidence.
        branch: String,
        /// Why.
        reason: String,
    },
    /// Step 4 is done.
    Audited {
        /// The answer.
        report: AuditReport,
    },
    /// Step 5 is done.
    StabilityJudged {
        /// The answer.
        report: StabilityReport,
    },
    /// The results were handed over.
    Published {
        /// Where to.
        publication: Publication,
    },
    /// The last event of a run.
    RunFinished {
        /// How it ended.
        end: EndState,
        /// One sentence.
        reason: String,
    },
}

impl Body {
    /// The stored name of the variant.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RunStarted { .. } => "run_started",
            Self::RunResumed { .. } => "run_resumed",
            Self::StepStarted { .. } => "step_started",
            Self::StepFinished { .. } => "step_finished",
            Self::ActStarted { .. } => "act_started",
            Self::ActFinished { .. } => "act_finished",
            Self::RolloutRequested { .. } => "rollout_requested",
            Self::RevisionBuilt { .. } => "revision_built",
            Self::RolloutFinished { .. } => "rollout_finished",
            Self::HistorySeen { .. } => "history_seen",
            Self::BuildRequested { .. } => "build_requested",
            Self::Disturbed { .. } => "disturbed",
            Self::HealthObserved { .. } => "health_observed",
            Self::TestsSelected { .. } => "tests_selected",
            Self::AttemptFinished { .. } => "attempt_finished",
            Self::ExecutionJudged { .. } => "execution_judged",
            Self::ServiceObserved { .. } => "service_observed",
            Self::Diagnosed { .. } => "diagnosed",
            Self::RemedyPlanned { .. } => "remedy_planned",
            Self::Mended { .. } => "mended",
            Self::Reproduced { .. } => "reproduced",
            Self::Reverted { .. } => "reverted",
            Self::Audited { .. } => "audited",
            Self::StabilityJudged { .. } => "stability_judged",
            Self::Published { .. } => "published",
            Self::RunFinished { .. } => "run_finished",
        }
    }
}
