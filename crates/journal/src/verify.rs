//! Recomputing a run: chain, head, blobs.

use std::collections::BTreeSet;

use assay_model::{EvidenceRef, RunId};
use rusqlite::types::ValueRef;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::chain::{GENESIS, Head, Row};
use crate::head::{self, HeadError};
use crate::open::Journal;
use crate::redact::Redactor;
use crate::store::{self, ReadError, SELECT};
use crate::vault::{Vault, VaultError};

/// Problems that are listed. One change breaks two links of the chain at most; whoever sees this
/// many need not see more.
const PROBLEMS_MAX: usize = 100;

/// Something in a run is not as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    /// A row is not text and numbers any more.
    #[error("event {seq}: cannot be read: {reason}")]
    Unreadable {
        /// Its place, as far as it can be told.
        seq: i64,
        /// Why.
        reason: String,
    },
    /// A row's content does not give its hash.
    #[error("event {seq} ({kind}): its content was changed")]
    Changed {
        /// Its place.
        seq: i64,
        /// Its kind, as it now stands.
        kind: String,
    },
    /// A row does not follow on the one before it.
    #[error("event {seq}: does not follow on the event before it")]
    Unlinked {
        /// Its place.
        seq: i64,
    },
    /// Rows are missing.
    #[error("events {from} to {to} are missing")]
    Gap {
        /// First missing.
        from: i64,
        /// Last missing.
        to: i64,
    },
    /// The head record is further than the database.
    #[error(
        "the tail was cut off: the head record knows event {expected}, the journal ends at {found}"
    )]
    CutOff {
        /// Last event that the record knows.
        expected: u64,
        /// Last event that there is.
        found: u64,
    },
    /// The head record names another event.
    #[error("event {seq}: the head record knows another one")]
    OtherHead {
        /// Its place.
        seq: u64,
    },
    /// The head that the caller knows is not in the chain.
    #[error("no event has the given head hash {hash}")]
    UnknownHead {
        /// What was given.
        hash: String,
    },
    /// The head record itself is damaged.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// A blob is missing or was changed.
    #[error("{reason} (evidence of event {seq})")]
    Blob {
        /// The first event that refers to it.
        seq: i64,
        /// Its name.
        hash: String,
        /// What is wrong.
        reason: String,
    },
}

/// What was recomputed, and what did not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// Events read.
    pub events: u64,
    /// Blobs read.
    pub blobs: u64,
    /// Hash of the last event.
    pub head: String,
    /// What is not as it was recorded; empty when all is well.
    pub problems: Vec<Problem>,
}

impl Journal {
    /// Recomputes the chain and every blob of a run. `expected_head`, from a worklog say, must be
    /// the hash of one of its events, in full or its first digits.
    ///
    /// # Errors
    /// When the database cannot be read at all.
    pub fn verify(
        &self,
        run: &RunId,
        expected_head: Option<&str>,
    ) -> Result<Verification, ReadError> {
        let rows = self.raw_rows(run)?;
        let mut problems = Vec::new();
        let mut evidence: Vec<(i64, String)> = Vec::new();
        let mut seen = BTreeSet::new();
        let mut hashes = vec![GENESIS.to_owned()];
        let (mut next, mut prev) = (1, GENESIS.to_owned());
        for row in &rows {
            let row = match row {
                Ok(row) => row,
                Err((seq, reason)) => {
                    problems.push(Problem::Unreadable {
                        seq: *seq,
                        reason: reason.clone(),
                    });
                    next = seq + 1;
                    continue;
                }
            };
            check_row(row, next, &prev, &mut problems);
            next = row.seq + 1;
            prev.clone_from(&row.hash);
            hashes.push(row.hash.clone());
            if let Ok(payload) = serde_json::from_str(&row.payload) {
                collect(&payload, &mut |hash| {
                    if seen.insert(hash.to_owned()) {
                        evidence.push((row.seq, hash.to_owned()));
                    }
                });
            }
        }
        self.check_head(run, &rows, &mut problems);
        if let Some(expected) = expected_head
            && !hashes
                .iter()
                .any(|hash| expected.len() >= 8 && hash.starts_with(expected))
        {
            problems.push(Problem::UnknownHead {
                hash: expected.to_owned(),
            });
        }
        // Reading back needs no secrets: what is stored was redacted.
        let vault = Vault::new(&self.state, Redactor::default().into());
        for (seq, hash) in &evidence {
            if let Err(error) = vault.get(hash) {
                problems.push(blob_problem(*seq, hash, &error));
            }
        }
        problems.truncate(PROBLEMS_MAX);
        Ok(Verification {
            events: rows.len() as u64,
            blobs: evidence.len() as u64,
            head: prev,
            problems,
        })
    }

    /// Where the chain of a run ends, as the database has it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn head(&self, run: &RunId) -> Result<Option<Head>, ReadError> {
        let rows = self.raw_rows(run)?;
        Ok(rows.into_iter().rev().find_map(Result::ok).map(|row| Head {
            seq: u64::try_from(row.seq).unwrap_or_default(),
            hash: row.hash,
        }))
    }

    /// Rows as they are stored; a row with a column of another type is an error of its own.
    #[expect(
        clippy::type_complexity,
        reason = "a row, or where and why there is none"
    )]
    fn raw_rows(&self, run: &RunId) -> Result<Vec<Result<Row, (i64, String)>>, ReadError> {
        let reader = self.reader();
        let failed = self.read_failed();
        let mut select = reader.prepare_cached(SELECT).map_err(&failed)?;
        let mut found = Vec::new();
        let mut rows = select.query([run.as_str()]).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            found.push(store::columns(row).map_err(|error| {
                let seq = match row.get_ref(1) {
                    Ok(ValueRef::Integer(seq)) => seq,
                    _ => 0,
                };
                (seq, error.to_string())
            }));
        }
        Ok(found)
    }

    fn check_head(
        &self,
        run: &RunId,
        rows: &[Result<Row, (i64, String)>],
        problems: &mut Vec<Problem>,
    ) {
        let record = match head::read(&self.state, run) {
            Ok(record) => record,
            Err(error) => {
                problems.push(error.into());
                return;
            }
        };
        let at = rows
            .iter()
            .filter_map(|row| row.as_ref().ok())
            .find(|row| u64::try_from(row.seq) == Ok(record.seq));
        match at {
            Some(row) if row.hash == record.hash => {}
            Some(_) => problems.push(Problem::OtherHead { seq: record.seq }),
            None => {
                let last = rows
                    .iter()
                    .filter_map(|row| row.as_ref().ok())
                    .map(|row| row.seq)
                    .max();
                let found = last
                    .and_then(|seq| u64::try_from(seq).ok())
                    .unwrap_or_default();
                problems.push(Problem::CutOff {
                    expected: record.seq,
                    found,
                });
            }
        }
    }
}

fn check_row(row: &Row, next: i64, prev: &str, problems: &mut Vec<Problem>) {
    if row.seq > next {
        problems.push(Problem::Gap {
            from: next,
            to: row.seq - 1,
        });
    }
    if row.compute_hash() != row.hash {
        problems.push(Problem::Changed {
            seq: row.seq,
            kind: row.kind.clone(),
        });
    }
    if row.prev != prev {
        problems.push(Problem::Unlinked { seq: row.seq });
    }
    if let Err(error) = store::event(row.clone()) {
        problems.push(Problem::Unreadable {
            seq: row.seq,
            reason: error.to_string(),
        });
    }
}

fn blob_problem(seq: i64, hash: &str, error: &VaultError) -> Problem {
    Problem::Blob {
        seq,
        hash: hash.to_owned(),
        reason: error.to_string(),
    }
}

/// Every evidence reference below `value`.
fn collect(value: &Value, found: &mut impl FnMut(&str)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(fields) => {
            if fields.contains_key("hash")
                && let Ok(evidence) = EvidenceRef::deserialize(value)
            {
                found(&evidence.hash);
            }
            fields.values().for_each(|item| collect(item, found));
        }
        _ => {}
    }
}
