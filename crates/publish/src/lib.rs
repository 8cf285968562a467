//! Step 6: who needs to know? The worklog and the pull request of a run.
//!
//! Data flows in one direction: the events of a run, and the facts that they fold to, become a
//! [`View`](view::View), which knows every event by its number and remembers every piece of
//! evidence that was cited. Each section of the worklog reads the view and writes to a
//! [`Page`](page::Page), which owns the Markdown: wrapping, tables, fences. All text that came
//! from outside passes through [`text`] on its way there, which bounds and defuses it.
//!
//! Nothing is remembered between two calls: [`worklog()`] and [`pull_request()`] are pure
//! projections, so they can be called at any moment of a run, and again later, with the same
//! answer. Only [`PublishStage`] and [`write_worklog`] touch files and the branch.

mod page;
mod pull_request;
mod stage;
mod story;
mod text;
mod view;
mod worklog;
mod write;

pub use pull_request::{PullRequest, pull_request};
pub use stage::{EventSource, PublishStage};
pub use worklog::{wanted, worklog};
pub use write::{pull_request_path, worklog_path, write_worklog};
