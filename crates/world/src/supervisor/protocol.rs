//! What goes over the control socket: one JSON line each way.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use assay_model::{Exit, InstanceState, RestartPolicy, RevisionId, ServiceName};
use serde::{Deserialize, Serialize};

use crate::doors::{Door, Upstream};

/// Version of these messages. A client refuses a supervisor that speaks another one.
pub const PROTOCOL: u32 = 1;

/// How long a supervisor lives without any request, unless its owner says otherwise.
pub const LEASE_S: u64 = 60;

/// A week: past any pause of an owner that still means to come back.
pub(super) const LEASE_S_MAX: u64 = 7 * 24 * 3_600;

/// Instances of one supervisor, dead ones included: far past any run, and small in memory.
pub const INSTANCES_MAX: usize = 512;

/// The longest a service may take to end after it was asked to.
pub const GRACE_MS_MAX: u64 = 60_000;

/// Exits that a status shows for one instance. All of them are in the file.
pub(super) const EXITS_SHOWN_MAX: usize = 1_000;

/// A whole request. A specification is a command and an environment, which the system itself
/// keeps below this.
pub(super) const REQUEST_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A whole answer: every instance with all the exits that it may show.
pub(super) const RESPONSE_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// One instance to supervise: one revision of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSpec {
    /// Its name. The same name is never started twice.
    pub id: String,
    /// Whose instance it is.
    pub service: ServiceName,
    /// What it runs.
    pub revision: RevisionId,
    /// Program and arguments. A relative program is looked up from `cwd`.
    pub command: Vec<String>,
    /// Where it runs.
    pub cwd: PathBuf,
    /// Its environment, over [`crate::process::BASE_ENV`].
    pub env: BTreeMap<String, String>,
    /// The port that it listens on, for whoever asks.
    pub port: Option<u16>,
    /// Where its output goes, one line each with a leading timestamp.
    pub log_path: PathBuf,
    /// What happens when it ends by itself.
    pub restart: RestartPolicy,
}

/// One instance as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceStatus {
    /// Its name.
    pub id: String,
    /// Whose instance it is.
    pub service: ServiceName,
    /// What it runs.
    pub revision: RevisionId,
    /// What it is doing.
    pub state: InstanceState,
    /// Pid of its process, which leads a process group; only while it runs.
    pub pid: Option<u32>,
    /// The port that it was given.
    pub port: Option<u16>,
    /// How often a process was started.
    pub starts: u32,
    /// How often that was after an exit.
    pub restarts: u32,
    /// How its processes ended, oldest first, the latest thousand.
    pub exits: Vec<Exit>,
    /// Where its output goes.
    pub log_path: PathBuf,
}

/// Whom a signal is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// One instance.
    Instance(String),
    /// Every instance of a service.
    Service(ServiceName),
}

/// What a client may ask. Every request renews the lease, and may be repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "request")]
pub enum Request {
    /// Are you there?
    Ping,
    /// Live this long without any request.
    Lease {
        /// At least 1, at most a week.
        seconds: u64,
    },
    /// Start an instance, unless its name is known.
    Start {
        /// What to start.
        spec: InstanceSpec,
    },
    /// End an instance for good.
    Stop {
        /// Its name.
        id: String,
        /// From asking to killing.
        grace_ms: u64,
    },
    /// Send a signal, as an outsider would: what then happens counts as happening by itself.
    Kill {
        /// To whom.
        target: Target,
        /// Its number.
        signal: i32,
    },
    /// How do they stand?
    Status,
    /// Listen for a service.
    OpenDoor {
        /// Which.
        service: ServiceName,
        /// Where.
        addr: SocketAddr,
    },
    /// Send a service's traffic somewhere.
    Route {
        /// Which.
        service: ServiceName,
        /// Where to; `None` for nowhere.
        upstream: Option<Upstream>,
    },
    /// Which doors are there?
    Doors,
    /// Stop everything, and yourself.
    Shutdown,
}

/// What the supervisor answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "response")]
pub enum Response {
    /// It is so now.
    Done,
    /// One instance; `None` when the name is unknown.
    Instance {
        /// How it stands.
        status: Option<InstanceStatus>,
    },
    /// All instances, by name.
    Instances {
        /// How they stand.
        instances: Vec<InstanceStatus>,
    },
    /// A signal was sent.
    Signalled {
        /// To how many instances.
        instances: u32,
    },
    /// One door.
    Door {
        /// As it stands.
        door: Door,
    },
    /// All doors.
    Doors {
        /// As they stand.
        doors: Vec<Door>,
    },
    /// It cannot be done.
    Refused {
        /// Why, naming the thing.
        message: String,
        /// The way out.
        hint: Option<String>,
    },
}
