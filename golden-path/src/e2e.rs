//! The end-to-end suite: over the network alone, on a libtest-compatible harness.
//!
//! How data flows: [`main`] reads the arguments (`args`), chooses among the cases (`case`,
//! `cases`), and either lists them, hands them to libtest-mimic for the ordinary formats, or runs
//! them itself and prints one JSON object a line (`json`). A case is an async function over a
//! `Test` (`context`), which counts its assertions and notes every exchange; `client` and `socket`
//! speak HTTP and WebSocket and note every address that they connect to.

mod args;
mod case;
mod cases;
mod client;
mod context;
mod json;
mod run;
mod socket;
mod user;

pub use run::main;
