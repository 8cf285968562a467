//! Whoever looks on while a run goes on.

use assay_model::{Event, Facts, Step};

/// Whoever watches a run: a terminal, a log, nobody. Nothing depends on it.
pub trait Watch: Send {
    /// An event has become durable. `facts` include it.
    fn event(&mut self, facts: &Facts, event: &Event);
    /// Something worth showing that is not kept.
    fn say(&mut self, step: Option<Step>, line: &str);
}
