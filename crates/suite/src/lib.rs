//! Steps 1 and 2 of the loop, and reproductions: which tests, what passes, and what each pass
//! is worth.
//!
//! [`SelectStage`] asks each suite's runner ([`libtest`]) what tests it has and lets the pure
//! [`select`] put them in order. [`ExecuteStage`] runs every test in a fresh gateway session of
//! its own ([`attempt`]); what the process printed and how it ended is reconciled into one
//! outcome by the runner's adapter. Where the first pass shows a working system, the pure
//! [`prove`] says which passes are put to the proof: once with a service blacked out, then once
//! more. The pure [`verdict`] judges the attempts of one test, and [`criteria`] counts. Every
//! attempt is an act of its own, so an interrupted execution repeats none that had finished.
//!
//! [`ReproduceStage`] runs the checks that the pure [`reproduce`] derives from a mend and its
//! cause, on the bad revision and on the mended one, aside from all traffic.

pub mod attempt;
pub mod connects;
pub mod criteria;
pub mod libtest;
pub mod prove;
pub mod reproduce;
pub mod select;
pub mod verdict;

mod environment;
mod execute;
mod list;
mod reproduction;

pub use environment::TemplateError;
pub use execute::ExecuteStage;
pub use list::SelectStage;
pub use reproduction::ReproduceStage;
