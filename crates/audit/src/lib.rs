//! Step 4: does the code keep its own architecture, and will it start where it is deployed?
//!
//! [`AuditStage`] reads the source folders of a project into an [`AuditInput`]: what ships, and
//! the facts of the code. [`audit`] is pure from there on: every [`Rule`] (one file each under
//! `rules/`, with a failing and a passing sample) looks at the files that it is about and gives
//! findings; a check is one file under one rule, and the score of a scope is the share of its
//! checks that passed. A scope in which nothing could be checked has no score.

mod input;
mod report;
mod rule;
mod rules;
mod stage;

pub use input::{AuditInput, ServiceInput, SharedInput, gather};
pub use report::audit;
pub use rule::{Rule, Sample, SampleBoundary};
pub use rules::RULES;
pub use stage::{AuditStage, Audited, AuditedRoot};
