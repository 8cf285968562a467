//! What was seen of a service from outside: starts, exits, logs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{EvidenceRef, RevisionId, ServiceName, Window};

/// Everything observed of one service in one window of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceObservation {
    /// Who was observed.
    pub service: ServiceName,
    /// From when to when.
    pub window: Window,
    /// The revision that the front door sends traffic to.
    pub serving: Option<RevisionId>,
    /// Instances that lived in the window, in the order of their first start.
    pub instances: Vec<InstanceObservation>,
}

/// One instance: one revision under supervision, through all its restarts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceObservation {
    /// Its name with the supervisor.
    pub id: String,
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
}

/// What an instance is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// How one process ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// When.
    pub at: Timestamp,
    /// Exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// How long it had run.
    pub uptime_ms: u64,
    /// Whether assay asked for it.
    pub requested: bool,
}

impl Exit {
    /// `exit code 3`, `signal 9`.
    pub fn describe(&self) -> String {
        match (self.code, self.signal) {
            (_, Some(signal)) => format!("signal {signal}"),
            (Some(code), None) => format!("exit code {code}"),
            (None, None) => "unknown exit".to_owned(),
        }
    }
}
