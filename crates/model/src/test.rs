//! Tests: what was chosen, what ran, and what each pass is worth.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{EvidenceRef, Priority, Risk, ServiceName, TestId};

/// One test as its runner lists it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TestCase {
    /// `SUITE/ID`.
    pub id: TestId,
    /// Suite it belongs to.
    pub suite: String,
    /// The runner's own id.
    pub name: String,
    /// What it is about: `auth`, `chat`.
    pub category: Option<String>,
    /// How much it matters; P3 where nobody said.
    pub priority: Priority,
    /// Services it says it covers.
    pub services: Vec<ServiceName>,
    /// What breaks for users when it fails.
    pub risk: Option<Risk>,
    /// It says of itself that it is not to be run.
    pub ignored: bool,
}

/// A test that was chosen, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Selected {
    /// The test.
    pub case: TestCase,
    /// 1-based place in the order.
    pub place: u32,
    /// Why it was chosen and why it stands there.
    pub reason: String,
}

/// The outcome of selecting.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Selection {
    /// In the order in which they run.
    pub tests: Vec<Selected>,
    /// How many tests the runners listed.
    pub listed: u32,
    /// Tests left out, with the reason.
    pub left_out: Vec<(TestId, String)>,
}

/// How one attempt ended.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The runner says so.
    Passed,
    /// An assertion did not hold.
    Failed,
    /// It could not be run to an assertion.
    Errored,
    /// It was not meant to run.
    Skipped,
    /// It did not end in time.
    TimedOut,
    /// It was planned and never started or never finished.
    NotRun,
}

impl Outcome {
    /// The word used in tables and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Errored => "errored",
            Self::Skipped => "skipped",
            Self::TimedOut => "timed out",
            Self::NotRun => "not run",
        }
    }
}

/// What a pass is worth; see DESIGN, "Authenticity". Ordered from best to worst.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Pass, then fail under blackout because of the refused connection, then pass again.
    Proven,
    /// Its suite is declared `unit`.
    NotApplicable,
    /// Its traffic could not be observed, or the proof was not stable.
    Inconclusive,
    /// Still passed with the service blacked out.
    Vacuous,
    /// No request of it reached a service that it says it covers.
    Unreached,
    /// Skipped, never ran, or asserted nothing.
    NotExamined,
    /// Its traffic went to something other than the environment under test.
    WrongTarget,
}

impl Verdict {
    /// The word used in tables and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::NotApplicable => "not-applicable",
            Self::Inconclusive => "inconclusive",
            Self::Vacuous => "vacuous",
            Self::Unreached => "unreached",
            Self::NotExamined => "not-examined",
            Self::WrongTarget => "wrong-target",
        }
    }
}

/// Why a test was run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To see whether it passes.
    First,
    /// To see whether it notices that this service is gone.
    Blackout(ServiceName),
    /// To see that it passes again after the blackout.
    Confirm,
}

/// One HTTP request that the gateway saw, or one WebSocket session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exchange {
    /// The service that was asked.
    pub service: ServiceName,
    /// `GET`, or `WS` for a WebSocket session.
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// HTTP status, the WebSocket close code, or 0 when the connection was refused or cut.
    pub status: u16,
    /// From the first byte of the request to the last byte of the answer.
    pub duration_ms: u64,
    /// The revision that answered, as the front door says.
    pub revision: Option<String>,
}

/// One execution of one test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// Which test.
    pub test: TestId,
    /// Why it ran.
    pub purpose: Purpose,
    /// How it ended.
    pub outcome: Outcome,
    /// Wall time of the test process.
    pub duration_ms: u64,
    /// How many assertions held, where the runner counts them.
    pub assertions: Option<u32>,
    /// What the gateway saw.
    pub exchanges: Vec<Exchange>,
    /// Every address it connected to, where its connections could be observed.
    pub connects: Option<Vec<String>>,
    /// First line of the failure.
    pub message: Option<String>,
    /// Whether the failure is a refused connection to the blacked-out address.
    pub refused: bool,
    /// Whether the blackout itself was seen to work; `None` for other purposes.
    pub control: Option<bool>,
    /// Everything that the test printed.
    pub output: Option<EvidenceRef>,
}

/// A test after judgement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TestResult {
    /// Which test.
    pub test: TestId,
    /// Its priority.
    pub priority: Priority,
    /// Services it covers.
    pub services: Vec<ServiceName>,
    /// How its first attempt ended.
    pub outcome: Outcome,
    /// What its pass is worth; `None` when it did not pass.
    pub verdict: Option<Verdict>,
    /// Wall time of the first attempt.
    pub duration_ms: u64,
    /// Why this verdict, one clause each.
    pub reasons: Vec<String>,
    /// First line of the failure.
    pub message: Option<String>,
    /// Requests of the first attempt that were answered with 5xx or not at all.
    pub failing: Vec<Exchange>,
    /// Output of the attempts that decided.
    pub evidence: Vec<EvidenceRef>,
}

/// Counts over one execution; each test is in exactly one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "each field is the outcome of its name")]
pub struct Totals {
    pub planned: u32,
    pub passed: u32,
    pub failed: u32,
    pub errored: u32,
    pub skipped: u32,
    pub timed_out: u32,
    pub not_run: u32,
    /// Of those that passed.
    pub proven: u32,
}

/// One line of the success criteria.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Criterion {
    /// The priority it is about.
    pub priority: Priority,
    /// Tests of that priority that count.
    pub tests: u32,
    /// Share of them that may be other than proven.
    pub limit: f64,
    /// Share of them that is other than proven.
    pub share: f64,
    /// `share <= limit`.
    pub met: bool,
}

/// The judgement over one execution of the suites.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Execution {
    /// In the order of selection.
    pub tests: Vec<TestResult>,
    /// Counts.
    pub totals: Totals,
    /// By priority.
    pub criteria: Vec<Criterion>,
    /// Whether every pass was put to the proof, or only looked at.
    pub proved: bool,
    /// Every criterion met, and something was examined.
    pub green: bool,
}
