//! Runs to look at.

use std::path::Path;

use assay_journal::{Journal, Redactor, RunWriter, Vault, Verification};
use assay_model::{Body, Event, EvidenceRef, RunId, Source, Step, Timestamp};
use serde_json::json;

pub(crate) fn open(dir: &Path) -> Journal {
    Journal::open(dir, Redactor::new(&[])).unwrap()
}

pub(crate) fn act(n: u64) -> Body {
    Body::ActFinished {
        key: format!("act-{n}"),
        result: json!({ "n": n, "text": "wörd \u{1F980}" }),
    }
}

pub(crate) fn observed(evidence: &EvidenceRef) -> Body {
    Body::ActFinished {
        key: "keep".to_owned(),
        result: json!([{ "at": "x", "kept": evidence }]),
    }
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(crate) fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

pub(crate) fn append(writer: &RunWriter, second: i64, bodies: Vec<Body>) -> Vec<Event> {
    block(writer.append(at(second), Some(Step::Ready), bodies)).unwrap()
}

pub(crate) fn keep(dir: &Path, bytes: &[u8]) -> EvidenceRef {
    let stored = Vault::open(dir, Redactor::new(&[])).put(bytes).unwrap();
    let source = Source::Derived {
        what: "test".to_owned(),
    };
    EvidenceRef {
        hash: stored.hash,
        bytes: stored.bytes,
        source,
        at: at(0),
    }
}

/// A run of five events and one blob.
pub(crate) fn sample() -> (tempfile::TempDir, RunId, EvidenceRef) {
    let dir = tempfile::tempdir().unwrap();
    let run = RunId::new("20261123-184455-7f3a");
    let journal = open(dir.path());
    let writer = journal.begin(&run).unwrap();
    let evidence = keep(dir.path(), b"exited with code 3");
    append(&writer, 1, vec![act(1), act(2)]);
    append(&writer, 2, vec![observed(&evidence), act(4), act(5)]);
    (dir, run, evidence)
}

pub(crate) fn verify(dir: &Path, run: &RunId) -> Verification {
    Journal::open_existing(dir)
        .unwrap()
        .verify(run, None)
        .unwrap()
}
