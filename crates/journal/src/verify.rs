//! Proves that a run is as it was written, or names what is not.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use assay_model::{EvidenceRef, RunId};
use rusqlite::Connection;
use serde_json::Value;

use crate::chain::{Columns, Head, Tip, hex};
use crate::head::{self, Recorded};
use crate::problem::Problem;
use crate::scan::scan;
use crate::vault::{Vault, VaultError};

/// Problems that are listed; the rest are counted. A person reads the first few, and every
/// further event of a run that was rewritten is one more.
const PROBLEMS_MAX: usize = 1000;

/// Digits of a hash that name an event well enough; a worklog may print no more.
const EXPECTED_DIGITS_MIN: usize = 8;

/// What verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The run.
    pub run: RunId,
    /// Events that were read.
    pub events: u64,
    /// Blobs that the events refer to; each was read.
    pub blobs: u64,
    /// The last event that was read; `None` when there is none.
    pub head: Option<Head>,
    /// What is wrong, in the order of the run.
    pub problems: Vec<Problem>,
    /// How many more problems there are.
    pub unlisted: u64,
}

impl Verification {
    /// Whether the run is as it was written.
    pub fn ok(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Verifies one run. `expected` is the hash of an event as somebody else wrote it down, or its
/// first digits.
pub(crate) fn verify(
    state_dir: &Path,
    path: &Path,
    connection: &Connection,
    vault: &Vault,
    run: &RunId,
    expected: Option<&str>,
) -> Verification {
    // Before the events: a run that is being written only ever moves ahead of its record.
    let recorded = head::read(state_dir, run);
    let mut check = Check {
        run,
        recorded: match &recorded {
            Recorded::Tip(tip) => Some(*tip),
            Recorded::Missing | Recorded::Unreadable(_) => None,
        },
        expected: expected.map(str::to_owned),
        events: 0,
        references: BTreeMap::new(),
        problems: Vec::new(),
        unlisted: 0,
    };
    let (tip, damage) = scan(connection, path, run, |columns, problems| {
        check.event(columns, problems);
        ControlFlow::Continue(())
    });
    check.add(damage);
    check.head(state_dir, recorded, &tip);
    if let Some(expected) = check.expected.take() {
        check.add([Problem::ExpectedMissing {
            run: run.clone(),
            expected,
        }]);
    }
    check.blobs(vault);
    Verification {
        run: run.clone(),
        events: check.events,
        blobs: check.references.len() as u64,
        head: (check.events > 0).then(|| tip.head()),
        problems: check.problems,
        unlisted: check.unlisted,
    }
}

/// Verification under way.
struct Check<'a> {
    run: &'a RunId,
    recorded: Option<Tip>,
    expected: Option<String>,
    events: u64,
    /// By hash: the length that is expected, and the first event that refers to it.
    references: BTreeMap<String, (u64, u64)>,
    problems: Vec<Problem>,
    unlisted: u64,
}

impl Check<'_> {
    fn add(&mut self, problems: impl IntoIterator<Item = Problem>) {
        for problem in problems {
            if self.problems.len() < PROBLEMS_MAX {
                self.problems.push(problem);
            } else {
                self.unlisted += 1;
            }
        }
    }

    fn is_expected(&self, hash: &str) -> bool {
        let digits = self.expected.as_deref().unwrap_or_default();
        digits.len() >= EXPECTED_DIGITS_MIN && hash.starts_with(digits)
    }

    fn event(&mut self, columns: Option<&Columns<'_>>, problems: Vec<Problem>) {
        let intact = problems.is_empty();
        self.events += 1;
        self.add(problems);
        let Some(columns) = columns else { return };
        let run = self.run.clone();
        let seq = u64::try_from(columns.seq).unwrap_or(0);
        if let Some(recorded) = self.recorded
            && recorded.seq == seq
            && columns.hash != recorded.hash.as_bytes()
        {
            self.add([Problem::HeadDiffers {
                run: run.clone(),
                seq,
                recorded: hex(&recorded.hash),
            }]);
        }
        let stored = blake3::Hash::from_slice(columns.hash).map(|hash| hex(&hash));
        if stored.is_ok_and(|hash| self.is_expected(&hash)) {
            self.expected = None;
        }
        match columns.event() {
            Ok(event) if intact && event.body.kind().as_bytes() != columns.kind => {
                let detail = "its kind is not that of its payload".to_owned();
                self.add([Problem::EventUnreadable { run, seq, detail }]);
            }
            Err(detail) if intact => self.add([Problem::EventUnreadable { run, seq, detail }]),
            _ => {}
        }
        if let Ok(payload) = serde_json::from_slice(columns.payload) {
            references(&payload, &mut |evidence| {
                self.references
                    .entry(evidence.hash)
                    .or_insert((evidence.bytes, seq));
            });
        }
    }

    fn head(&mut self, state_dir: &Path, recorded: Recorded, tip: &Tip) {
        let run = self.run.clone();
        let path = || head::path(state_dir, self.run);
        match recorded {
            Recorded::Tip(recorded) if recorded.seq > tip.seq => {
                self.add([Problem::EventsMissing {
                    run,
                    from: tip.seq + 1,
                    to: recorded.seq,
                }]);
            }
            Recorded::Tip(_) => {}
            Recorded::Missing => {
                let path = path();
                self.add([Problem::HeadMissing { run, path }]);
            }
            Recorded::Unreadable(detail) => {
                let path = path();
                self.add([Problem::HeadUnreadable { run, path, detail }]);
            }
        }
    }

    fn blobs(&mut self, vault: &Vault) {
        for (hash, (bytes, seq)) in self.references.clone() {
            let run = self.run.clone();
            match vault.get(&hash) {
                Ok(content) if content.len() as u64 == bytes => {}
                Ok(content) => {
                    let detail = format!("it has {} bytes, not {bytes}", content.len());
                    self.add([Problem::BlobChanged {
                        run,
                        seq,
                        hash,
                        detail,
                    }]);
                }
                Err(VaultError::Missing { .. }) => {
                    self.add([Problem::BlobMissing { run, seq, hash }]);
                }
                Err(error) => {
                    let detail = error.detail();
                    self.add([Problem::BlobChanged {
                        run,
                        seq,
                        hash,
                        detail,
                    }]);
                }
            }
        }
    }
}

/// Every pointer to evidence in a payload, wherever it stands.
fn references(value: &Value, found: &mut impl FnMut(EvidenceRef)) {
    match value {
        Value::Object(fields) => {
            if ["hash", "bytes", "source", "at"]
                .iter()
                .all(|key| fields.contains_key(*key))
                && let Ok(evidence) = serde_json::from_value(value.clone())
            {
                found(evidence);
                return;
            }
            for value in fields.values() {
                references(value, found);
            }
        }
        Value::Array(values) => {
            for value in values {
                references(value, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
