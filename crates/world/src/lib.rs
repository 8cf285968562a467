//! The outside world: the clock, files, processes and their supervisor, git.
//!
//! Everything that depends on what this machine is doing right now enters assay here. Short
//! commands go through [`process`]: they are run to their end in a group of their own, and
//! nothing of them is left behind. Services outlive the command that started them, so they
//! belong to a [`supervisor`], a small process of its own: a [`supervisor::Client`] sends it
//! requests over a socket, it starts, restarts and stops, and what its services print and how
//! they end goes to files that anybody can read afterwards. Traffic reaches services through
//! [`FrontDoors`], which the supervisor holds and another crate implements.

pub mod clock;
mod doors;
pub mod files;
pub mod git;
mod identity;
pub mod process;
pub mod supervisor;

pub use doors::{Door, DoorError, FrontDoors, NoDoors, Upstream};
pub use identity::{ProcessIdentity, alive, identity};
