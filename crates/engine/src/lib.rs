//! What happens next, and the only hand that writes the journal.
//!
//! [`decide`] looks at the facts of a run and says which step comes next, or how the run ends. It
//! is pure, and the only place that knows the order of steps. [`Engine`] runs that step, gives it
//! a recorder that makes every event durable before it returns, folds the events into new facts,
//! and asks again. Started from the journal of a run that died, it goes on where that run was.

mod decide;
mod executor;
mod scribe;
mod watch;

pub use decide::{Next, decide};
pub use executor::{Ended, Engine, EngineError, Origin};
pub use watch::Watch;
