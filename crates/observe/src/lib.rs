//! Looks at what runs a service, one file per runtime, and changes nothing.
//!
//! Data flows in one direction: [`Observers`] takes a service's name and a window of time, and
//! asks every adapter that the configuration names, at once and each within a deadline:
//! `process` (assay's own supervisor), `docker` (the Engine API), `kubernetes` (the user's own
//! `kubectl`), `file`, `journald` and `command`. Each gives sightings, with logs still in hand, or
//! says why it could not look. Logs pass through one bounded buffer that keeps their end, and
//! `log_time` finds the time in lines that others wrote. [`ObserveStage`] keeps all that as
//! evidence and records it; others use the [`Observer`](assay_model::Observer) port directly.

mod command;
mod docker;
mod file;
mod journald;
mod kubernetes;
mod log_time;
mod look;
mod observers;
mod process;
mod programs;
mod stage;
mod tail;

pub use observers::Observers;
pub use programs::Programs;
pub use stage::ObserveStage;
