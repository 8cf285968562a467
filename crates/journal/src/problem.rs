//! What can be wrong with a stored run.

use std::path::PathBuf;

use assay_model::RunId;
use thiserror::Error;

/// Something about a run is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the messages say what each field is")]
pub enum Problem {
    /// The event does not match its own hash.
    #[error("event {seq} of run {run} was changed: it does not match its hash")]
    EventChanged { run: RunId, seq: u64 },
    /// The event does not name the one before it.
    #[error("event {seq} of run {run} does not follow the event before it, {expected}")]
    ChainBroken {
        run: RunId,
        seq: u64,
        expected: String,
    },
    /// Events are not there.
    #[error("events {from} to {to} of run {run} are missing")]
    EventsMissing { run: RunId, from: u64, to: u64 },
    /// The event is there and cannot be read.
    #[error("event {seq} of run {run} cannot be read: {detail}")]
    EventUnreadable {
        run: RunId,
        seq: u64,
        detail: String,
    },
    /// The head record is gone.
    #[error("the head record of run {run} is missing: {}", path.display())]
    HeadMissing { run: RunId, path: PathBuf },
    /// The head record is damaged.
    #[error("the head record of run {run} cannot be trusted: {}: {detail}", path.display())]
    HeadUnreadable {
        run: RunId,
        path: PathBuf,
        detail: String,
    },
    /// The head record names another event.
    #[error("event {seq} of run {run} is not the one in its head record, {recorded}")]
    HeadDiffers {
        run: RunId,
        seq: u64,
        recorded: String,
    },
    /// The run does not contain the event that somebody else wrote down.
    #[error("run {run} has no event with hash {expected}")]
    ExpectedMissing { run: RunId, expected: String },
    /// The database itself is damaged.
    #[error("journal {} cannot be read after event {after} of run {run}: {detail}", path.display())]
    Database {
        path: PathBuf,
        run: RunId,
        after: u64,
        detail: String,
    },
    /// Evidence is gone.
    #[error("blob {hash}, evidence of event {seq} of run {run}, is missing")]
    BlobMissing { run: RunId, seq: u64, hash: String },
    /// Evidence is not what was stored.
    #[error("blob {hash}, evidence of event {seq} of run {run}, was changed: {detail}")]
    BlobChanged {
        run: RunId,
        seq: u64,
        hash: String,
        detail: String,
    },
}
