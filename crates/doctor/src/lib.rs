//! What this machine lacks for a project, and how to get it.
//!
//! [`needs`] reads a project and says, without looking at anything, what it takes: tools and
//! programs that its commands name, runtimes to watch it through, ports to serve it on, servers
//! to ask, and what assay itself stands on. Each [`Need`] knows which parts of the configuration
//! ask for it. [`examine`] then looks at a [`Machine`], all needs at once and each within a
//! deadline, and gives one [`Checked`] for each: what was found, what was required, and the
//! commands that close the gap on this system.
//!
//! What is known of tools and servers is data: one file each in `tools/` and `servers/`, with
//! samples. Of the project nothing is run; a tool is asked for its version and nothing else, and
//! only the project's own addresses are connected to.

mod address;
mod catalogue;
mod check;
mod checked;
mod command;
mod examine;
mod find;
mod get;
mod machine;
mod need;
mod needs;
mod server;
mod tool;
mod version;

pub use checked::{Checked, Status};
pub use examine::examine;
pub use get::Manager;
pub use machine::Machine;
pub use need::{Need, Reason, Subject};
pub use needs::needs;
pub use version::Version;
