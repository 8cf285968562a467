//! The journal: an append-only, hash-chained log of events, and the vault of evidence beside it.
//!
//! A [`RunWriter`] redacts each [`Body`](assay_model::Body), turns it into JSON text and hands it
//! to the one thread that owns the database. That thread takes whatever waits, gives each event
//! its sequence number and the hash of the event before it, commits all of them in one
//! transaction, writes down the head of every run that it touched, and only then answers. Evidence
//! goes to the [`Vault`], redacted, under the name of its content, before any event refers to it.
//!
//! On the way back every event is hashed again: [`Journal::events`] refuses a damaged run,
//! [`Journal::verify`] names everything that is wrong with it, blobs included.
//!
//! Below the state folder:
//!
//! ```text
//! journal.db          every event of every run
//! heads/RUN           how far a run has come, so that a tail that was cut off shows
//! runs/RUN.lock       held by whoever writes the run
//! vault/ab/abcd….zst  evidence
//! ```
//!
//! Nothing here reads the clock, or knows what an event means.

mod chain;
mod commit;
mod head;
mod journal;
mod lock;
mod payload;
mod problem;
mod redact;
mod runs;
mod scan;
mod store;
mod vault;
mod verify;
mod writer;

pub use chain::Head;
pub use commit::AppendError;
pub use head::HeadError;
pub use journal::{Journal, ReadError, RunError};
pub use lock::LockError;
pub use payload::EncodeError;
pub use problem::Problem;
pub use redact::{Ignored, Redactor};
pub use runs::RunSummary;
pub use store::OpenError;
pub use vault::{Stored, Vault, VaultError};
pub use verify::Verification;
pub use writer::RunWriter;
