//! The reference platform: real enough to deploy and to break.
//!
//! How data flows: [`tree`] holds the deployable source (bundles of Rhai modules and static
//! files) and writes it into a project. [`platform`] runs one service of it as a process: it loads
//! the bundle in its working directory, serves the routes that the bundle declares over HTTP and
//! WebSocket, and logs JSON lines. [`e2e`] is the suite that proves the platform over the network
//! alone. [`incidents`] says how the platform can be broken, which symptoms to expect, and what
//! the true root cause is.

pub mod e2e;
pub mod incidents;
pub mod platform;
pub mod tree;
