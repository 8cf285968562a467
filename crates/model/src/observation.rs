//! What was seen of a service from outside: starts, exits, logs.

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{EvidenceRef, RevisionId, ServiceName, Source, Window};

/// Everything observed of one service in one window of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceObservation {
    /// Who was observed.
    pub service: ServiceName,
    /// From when to when.
    pub window: Window,
    /// The revision that the front door sends traffic to.
    pub serving: Option<RevisionId>,
    /// Instances that lived in the window, in the order of their first start.
    pub instances: Vec<InstanceObservation>,
    /// Observers that could not look, and why. What they would have seen is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blind: Vec<Blind>,
}

/// An observer that could not look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Blind {
    /// Which: `docker`, `kubernetes`, ….
    pub observer: String,
    /// Why, in one line.
    pub reason: String,
    /// The way out, where one is known.
    pub hint: Option<String>,
}

/// One instance: one process, container or pod, through all its restarts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InstanceObservation {
    /// Its name with whoever runs it.
    pub id: String,
    /// Who saw it: `process`, `docker`, `kubernetes`, `file`, `journald`, `command`.
    #[serde(default = "process")]
    pub observer: String,
    /// Which revision it runs.
    pub revision: RevisionId,
    /// What it is doing now.
    pub state: InstanceState,
    /// How often it was started in the window.
    pub starts: u32,
    /// How its processes ended, oldest first.
    pub exits: Vec<Exit>,
    /// Its log in the window, one line each with a leading UTC timestamp.
    pub log: Option<EvidenceRef>,
    /// The list of exits as the supervisor wrote it.
    pub exits_evidence: Option<EvidenceRef>,
    /// What whoever runs it noted about it in the window, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<RuntimeEvent>,
}

/// Journals from before other observers existed hold only processes.
fn process() -> String {
    "process".to_owned()
}

/// Something that whoever runs an instance noted about it: an image pulled, a probe failed, a
/// limit reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuntimeEvent {
    /// When.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// Its kind in the words of whoever noted it: `oom`, `BackOff`, `health_status: unhealthy`.
    pub kind: String,
    /// The rest of it, in one line.
    pub message: String,
    /// Whether it tells of trouble.
    pub warning: bool,
}

/// What an instance is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InstanceState {
    /// A process runs.
    Running,
    /// It ended by itself and waits to be started again.
    BackingOff,
    /// It ended by itself and will not be started again.
    Exited,
    /// It was stopped on request.
    Stopped,
    /// It is held: a paused container.
    Paused,
    /// It has not started yet: an image is pulled, a place is looked for.
    Pending,
    /// Only its log can be seen.
    Unknown,
}

impl InstanceState {
    /// The word used in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::BackingOff => "backing off",
            Self::Exited => "exited",
            Self::Stopped => "stopped",
            Self::Paused => "paused",
            Self::Pending => "pending",
            Self::Unknown => "unknown",
        }
    }
}

/// How one process ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exit {
    /// When.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// Exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// How long it had run.
    pub uptime_ms: u64,
    /// Whether somebody asked for it: assay, or a person who stopped it.
    pub requested: bool,
    /// Whether it was ended because memory ran out, as whoever ran it noted.
    #[serde(default)]
    pub out_of_memory: bool,
}

impl Exit {
    /// `exit code 3`, `signal 9`.
    pub fn describe(&self) -> String {
        let how = match (self.code, self.signal) {
            (_, Some(signal)) => format!("signal {signal}"),
            (Some(code), None) => format!("exit code {code}"),
            (None, None) => "unknown exit".to_owned(),
        };
        if self.out_of_memory {
            format!("{how}, out of memory")
        } else {
            how
        }
    }
}

/// One instance as an observer saw it, with its log still in hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Everything but the log and the evidence of exits, which are `None`.
    pub instance: InstanceObservation,
    /// Whether its owner wants it to run: it serves, or it is to be started again.
    pub wanted: bool,
    /// Its log in the window: the source, and lines with a leading UTC timestamp where the
    /// observer knows it. The end of it, where it is longer than an observer keeps.
    pub log: Option<(Source, String)>,
    /// What the states, exits and events were read from, word for word.
    pub record: Option<(Source, Vec<u8>)>,
}

/// What all observers of one service saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sightings {
    /// The revision that gets the traffic, where an observer knows it.
    pub serving: Option<RevisionId>,
    /// In the order of the configuration, then of their first start.
    pub instances: Vec<Sighting>,
    /// Those that could not look.
    pub blind: Vec<Blind>,
}

/// How much an observer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// States, restarts and exits.
    State,
    /// Events and logs too.
    Everything,
}

/// The port through which rooms other than `observe` look at what runs a service.
#[async_trait]
pub trait Observer: Send + Sync {
    /// Looks at one service through everything that its configuration names, at once, within a
    /// deadline of its own. Changes nothing; may be repeated. Never fails: an observer that could
    /// not look is in [`Sightings::blind`]. Empty for a service that nothing watches.
    async fn observe(&self, service: &ServiceName, window: &Window, detail: Detail) -> Sightings;
}
