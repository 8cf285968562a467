//! Step 5: did the change break anything?
//!
//! [`StabilityStage`] reads two checkouts of a project into two [`Tree`]s. [`compare`] is pure
//! from there on: for each service it sets what ships of one tree against what ships of the
//! other, contract by contract (modules, exported functions, routes, imports), then the tests.
//! What does not ship does not exist for others: an export that an ignore file drops is gone.

mod compare;
mod contract;
mod stage;
mod tests_kept;
mod tree;

pub use compare::compare;
pub use stage::{Compared, Side, StabilityStage};
pub use tree::{ServiceTree, Tree, gather};
