//! A project as `assay.toml` describes it, checked and with defaults filled in.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Observe, Priority, Probe, ServiceName};

/// The whole checked configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Project {
    /// `[project] name`.
    pub name: String,
    /// Folder of `assay.toml`; every relative path starts here.
    pub root: PathBuf,
    /// The configuration file, relative to `root`.
    pub config_file: String,
    /// In the order of the file; the first one is the default.
    pub environments: Vec<Environment>,
    /// By name.
    pub services: BTreeMap<ServiceName, Service>,
    /// Backing stores, by name.
    pub dependencies: BTreeMap<ServiceName, Dependency>,
    /// In the order of the file.
    pub suites: Vec<Suite>,
    /// Share of tests that may be other than proven, by priority. A priority without an entry
    /// allows none.
    pub criteria: BTreeMap<Priority, f64>,
    /// `[audit]`.
    pub audit: AuditRules,
    /// `[publish]`.
    pub publish: PublishTo,
    /// Values that must never be stored.
    pub secrets: Vec<Secret>,
    /// `[limits]`.
    pub limits: Limits,
}

/// One named set of services and dependencies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Whether a change needs a person's yes. True unless the file says otherwise.
    pub protected: bool,
}

/// A place in the configuration, for evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// Path relative to the project's root.
    pub file: String,
    /// 1-based.
    pub line: u64,
    /// The literal line.
    pub text: String,
}

/// A deployable unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Service {
    /// Its name.
    pub name: ServiceName,
    /// Where it is reached; empty for one that nothing but its observers can see.
    pub url: String,
    /// How to ask whether it is ready.
    pub probe: Probe,
    /// Names of the services and dependencies that it calls.
    pub depends_on: Vec<ServiceName>,
    /// Folders of its source, the first being the root of its bundle.
    pub source: Vec<String>,
    /// What it costs when it is down.
    pub risk: Option<Risk>,
    /// How its image is built.
    pub container: Option<Container>,
    /// How it is rolled out; `None` where assay only watches.
    pub deploy: Option<DeployPlan>,
    /// Where it can be watched from outside, beside the process driver.
    pub observe: Vec<Observe>,
}

/// A backing store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Dependency {
    /// Its name.
    pub name: ServiceName,
    /// Where it is reached; `None` for one embedded in a service.
    pub url: Option<String>,
    /// How to ask whether it is ready.
    pub probe: Probe,
    /// Where it can be watched from outside.
    pub observe: Vec<Observe>,
}

/// What an outage costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Risk {
    /// In the unit of the user's own currency.
    pub money_per_hour: Option<f64>,
    /// One sentence.
    pub impact: Option<String>,
}

/// How an image is built; read by the container context check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Container {
    /// Path of the Dockerfile.
    pub dockerfile: String,
    /// Build context.
    pub context: String,
    /// Entry module or file.
    pub entry: Option<String>,
}

/// `[service.NAME] deploy`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeployPlan {
    /// Program and arguments. `{assay}` is this binary, `{port}` the instance's port.
    pub command: Vec<String>,
    /// Environment of the process, over a small inherited base.
    pub env: BTreeMap<String, String>,
    /// The module that starts first, relative to the bundle.
    pub entry: Option<String>,
    /// What must hold before a roll-out is called a success.
    pub gate: Gate,
    /// Where the configuration sets the gate; `None` when the default applies.
    pub gate_at: Option<Place>,
    /// How long the new revision must keep answering.
    pub bake_ms: u64,
    /// How long a gated roll-out waits for the first good answer.
    pub start_timeout_ms: u64,
    /// How the new revision takes over.
    pub strategy: Strategy,
    /// What happens when the process ends.
    pub restart: RestartPolicy,
}

/// What must hold before a roll-out is called a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// The new revision itself answers its probe for its bake time.
    Probe,
    /// Nothing: traffic is switched blindly.
    None,
}

/// How the new revision takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Stop the old one, then start the new one.
    Recreate,
    /// Start the new one beside the old one, switch, then stop the old one.
    BlueGreen,
}

/// What the supervisor does when a process ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RestartPolicy {
    /// Start it again, waiting twice as long each time.
    Always,
    /// Leave it.
    Never,
}

/// What kind of tests a suite holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuiteKind {
    /// Over the network, against the environment.
    E2e,
    /// Against parts of it.
    Integration,
    /// In-process: outside the count of proofs.
    Unit,
}

/// A set of tests under one runner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// The runner's name: `libtest`.
    pub runner: String,
    /// Program and arguments that run it. `{assay}` is this binary.
    pub command: Vec<String>,
    /// Test files or folders, for `git diff` and for integrity checks.
    pub paths: Vec<String>,
    /// What its tests are.
    pub kind: SuiteKind,
    /// Variables for the test process. `{service.NAME.url}` becomes the gateway's address.
    pub env: BTreeMap<String, String>,
    /// Services covered by tests that do not say.
    pub covers: Vec<ServiceName>,
    /// Whether it is part of every run, or only of one that names it.
    pub default: bool,
    /// How many tests run at once.
    pub workers: usize,
    /// A test that takes longer is timed out.
    pub timeout_ms: u64,
    /// Only tests whose id contains one of these; empty means all.
    pub only: Vec<String>,
}

/// `[audit]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditRules {
    /// Globs that are left out.
    pub exclude: Vec<String>,
    /// `[[audit.boundary]]`.
    pub boundaries: Vec<Boundary>,
}

/// One rule about who may import whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Boundary {
    /// What it protects, for a person.
    pub name: String,
    /// Folders that may not import each other.
    pub independent: Vec<String>,
    /// The folder that is restricted, with `forbid`.
    pub from: Option<String>,
    /// Globs that `from` may not import.
    pub forbid: Vec<String>,
    /// Where the rule stands.
    pub at: Place,
}

/// `[publish]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublishTo {
    /// `local`: a branch and a description on this machine.
    pub forge: String,
    /// The branch that a repair is proposed to; the checked-out one if not set.
    pub base: Option<String>,
}

/// A value that must never be stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Secret {
    /// The variable or key that holds it.
    pub name: String,
    /// The value itself; never serialized.
    #[serde(skip)]
    pub value: String,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Secret({})", self.name)
    }
}

/// `[limits]`: when the loop gives up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// Remedies in one run.
    pub remedies_max: u32,
    /// Cycles in one run.
    pub cycles_max: u32,
    /// Wall time of one run.
    pub run_timeout_s: u64,
}

impl Default for Limits {
    /// Two causes with a restoring and a mending remedy each, and room for one more of either;
    /// a cycle follows each; half an hour is past what a person waits for.
    fn default() -> Self {
        Self {
            remedies_max: 6,
            cycles_max: 8,
            run_timeout_s: 1_800,
        }
    }
}

impl Project {
    /// What `name` calls, as the configuration says; empty for dependencies and unknown names.
    pub fn depends_on(&self, name: &str) -> &[ServiceName] {
        self.services
            .get(name)
            .map_or(&[], |service| &service.depends_on)
    }
}
