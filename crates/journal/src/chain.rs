//! The hash chain: what an event's hash covers.

use assay_model::{RunId, Step, Timestamp};

/// `prev` of the first event of a run.
pub(crate) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Hashed first, so that a hash of another encoding can never be taken for one of this.
const DOMAIN: &[u8] = b"assay event 1";

/// One event as it is stored: text, so that the hash is over the very bytes in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) run: String,
    pub(crate) seq: i64,
    pub(crate) at: String,
    pub(crate) step: String,
    pub(crate) kind: String,
    pub(crate) payload: String,
    pub(crate) prev: String,
    pub(crate) hash: String,
}

impl Row {
    /// BLAKE3 over every column but the hash itself, each with its length before it.
    pub(crate) fn compute_hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(DOMAIN);
        hasher.update(&self.seq.to_le_bytes());
        for column in [
            &self.run,
            &self.at,
            &self.step,
            &self.kind,
            &self.payload,
            &self.prev,
        ] {
            hasher.update(&(column.len() as u64).to_le_bytes());
            hasher.update(column.as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }
}

/// The stored form of a step.
pub(crate) fn step_column(step: Option<Step>) -> &'static str {
    step.map_or("", Step::word)
}

/// The end of a run's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Sequence of the last event, 0 before the first.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

impl Head {
    /// The head of a run without events.
    pub(crate) fn genesis() -> Self {
        Self {
            seq: 0,
            hash: GENESIS.to_owned(),
        }
    }
}

/// Makes the next row of a chain and moves its head.
pub(crate) fn link(
    run: &RunId,
    head: &mut Head,
    at: Timestamp,
    step: Option<Step>,
    kind: &str,
    payload: String,
) -> Row {
    let mut row = Row {
        run: run.to_string(),
        seq: i64::try_from(head.seq + 1).unwrap_or(i64::MAX),
        at: at.to_string(),
        step: step_column(step).to_owned(),
        kind: kind.to_owned(),
        payload,
        prev: std::mem::take(&mut head.hash),
        hash: String::new(),
    };
    row.hash = row.compute_hash();
    *head = Head {
        seq: head.seq + 1,
        hash: row.hash.clone(),
    };
    row
}
