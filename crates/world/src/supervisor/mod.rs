//! The supervisor: a small process of its own that owns the services.
//!
//! [`serve`] is that process. It listens on a control socket in its state folder, and ends when
//! nobody has asked anything for the length of its lease. [`Client`] is everybody else's side: it
//! finds a supervisor by what `supervisor.json` says, or starts one, and sends [`Request`]s, each
//! of which may be repeated. A service is started through [`launch`], so that it dies with its
//! supervisor; a `Warden` process ends what is left of its group. What services print, and how
//! they start and end, goes to files that [`records`] reads, supervisor or not.
//!
//! ```text
//! client ─ socket ─ server ─ instance (one task each) ─ launch → the service
//!                      │            └─ output → log file, exits.jsonl, starts.jsonl
//!                      └─ front doors
//! ```

mod client;
mod instance;
mod launch;
mod log;
mod place;
mod protocol;
pub mod records;
mod serve;

pub use client::{Client, ClientError, Heartbeat};
pub use launch::{LaunchError, launch};
pub use log::{LINE_BYTES_MAX, LOG_BYTES_MAX};
pub use place::ServeInfo;
pub use protocol::{
    GRACE_MS_MAX, INSTANCES_MAX, InstanceSpec, InstanceStatus, LEASE_S, PROTOCOL, Request,
    Response, Target,
};
pub use serve::{ServeError, serve};
