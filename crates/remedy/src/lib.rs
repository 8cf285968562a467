//! Remedies: the smallest safe action about a cause, and the only hand that writes user code.
//!
//! [`plan`] is pure: it looks at the facts and says what to do next: restore service (roll back,
//! restart), change the source, bring a change out once its reproduction has flipped, take it
//! back when it did not hold, or ask a person. [`RemedyStage`] carries that out: roll-outs are
//! only requested here, and edits are made in a git worktree of their own, never in the
//! checked-out tree. [`edit`] holds the edits themselves, from text to text.

pub mod edit;
mod plan;
mod stage;

pub use plan::{Plan, plan};
pub use stage::RemedyStage;
