//! The journal: an append-only, hash-chained event log, and a vault of evidence.
//!
//! A [`RunWriter`] takes [`Body`](assay_model::Body) values, redacts their strings, links them to
//! the chain of their run and hands them to the one thread that owns the database. That thread
//! puts everything that waits into one transaction (group commit), and answers each writer once
//! the transaction is on disk. After it, the head record of each run beside the database is moved
//! on. [`Vault`] keeps evidence as compressed blobs named by their content. [`Journal::verify`]
//! recomputes all of it.

mod chain;
mod head;
mod open;
mod redact;
mod store;
mod thread;
mod vault;
mod verify;
mod writer;

pub use chain::Head;
pub use head::HeadError;
pub use open::{Journal, OpenError};
pub use redact::Redactor;
pub use store::{ReadError, RunSummary};
pub use vault::{BLOB_BYTES_MAX, Stored, Vault, VaultError};
pub use verify::{Problem, Verification};
pub use writer::{AppendError, RunWriter};
