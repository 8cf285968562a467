//! Revisions and roll-outs: from a source folder to traffic, and back.
//!
//! [`Builder`] turns a source (working tree, commit) into a bundle on disk and a
//! [`Revision`](assay_model::Revision) whose manifest is evidence. [`DeployStage`] brings every
//! pending roll-out to its end through the [`process`] driver: start beside or instead of the old
//! revision, ask its gate, switch the front door, retire the old one; or put the old one back.
//! [`ProcessSandbox`] runs a revision aside from all traffic, for reproductions.
//!
//! Every act has a name that follows from the request, so that after a crash the same act is
//! found again with the supervisor instead of being done twice.

mod build;
mod gate;
pub mod process;
mod sandbox;
mod stage;

pub use build::{BuildError, Builder, export_folder};
pub use process::{Driver, DriverError};
pub use sandbox::ProcessSandbox;
pub use stage::DeployStage;
