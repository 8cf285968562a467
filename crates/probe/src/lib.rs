//! Step 0, readiness: what is up, how fast, and which revision answers?
//!
//! [`ReadyStage`] turns a project into targets and asks all of them at once through the model's
//! `Prober` port; every answer becomes an event with the literal exchange as its evidence.
//! [`NetworkProber`] is that port over real sockets, with one file per protocol. A protocol's
//! file does the asking and sorts failures; `answer` judges what an HTTP service said.

mod answer;
mod failure;
mod http;
mod json_path;
mod prober;
mod stage;
mod tcp;

pub use prober::NetworkProber;
pub use stage::ReadyStage;
