//! One service of the platform as a process.
//!
//! [`run`] reads its settings from the environment, loads the bundle in the working directory
//! (`script`), which declares its routes through the host API (`host`), and serves them
//! (`serve`, `socket`, `health`) until it is told to stop.

mod crypto;
mod health;
mod host;
mod hub;
mod log;
mod reply;
mod role;
mod routes;
mod script;
mod serve;
mod service;
mod settings;
mod shell;
mod socket;
mod start;
mod store;
mod tokens;
mod trace;
mod upstream;

pub use role::{Role, UnknownRole};
pub use start::run;
