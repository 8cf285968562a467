//! Reads the events of a run in order and checks the chain on the way.

use std::ops::ControlFlow;
use std::path::Path;

use assay_model::RunId;
use blake3::Hash;
use rusqlite::Connection;

use crate::chain::{COLUMNS, Columns, Tip, hex};
use crate::problem::Problem;

/// Reads all events of `run` and gives each one to `visit`, together with what is wrong with it.
/// Returns the last event, and what is wrong with the database as a whole.
pub(crate) fn scan(
    connection: &Connection,
    path: &Path,
    run: &RunId,
    mut visit: impl FnMut(Option<&Columns<'_>>, Vec<Problem>) -> ControlFlow<()>,
) -> (Tip, Option<Problem>) {
    let mut tip = Tip::START;
    let damaged = |tip: &Tip, error: rusqlite::Error| {
        let (path, run) = (path.to_owned(), run.clone());
        Some(Problem::Database {
            path,
            run,
            after: tip.seq,
            detail: error.to_string(),
        })
    };
    let query = format!("SELECT {COLUMNS} FROM event WHERE run = ?1 ORDER BY seq");
    let mut statement = match connection.prepare(&query) {
        Ok(statement) => statement,
        Err(error) => return (tip, damaged(&tip, error)),
    };
    let mut rows = match statement.query([run.as_str()]) {
        Ok(rows) => rows,
        Err(error) => return (tip, damaged(&tip, error)),
    };
    // `None` after an event whose hash cannot be read.
    let mut before = Some(tip.hash);
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return (tip, None),
            Err(error) => return (tip, damaged(&tip, error)),
        };
        let flow = match Columns::of(row) {
            Ok(columns) => {
                let mut problems = Vec::new();
                let hash = link(run, tip.seq, before, &columns, &mut problems);
                tip.seq = u64::try_from(columns.seq).unwrap_or(tip.seq + 1);
                tip.hash = hash.unwrap_or(tip.hash);
                before = hash;
                visit(Some(&columns), problems)
            }
            Err(detail) => {
                tip.seq += 1;
                before = None;
                let problem = Problem::EventUnreadable {
                    run: run.clone(),
                    seq: tip.seq,
                    detail,
                };
                visit(None, vec![problem])
            }
        };
        if flow.is_break() {
            return (tip, None);
        }
    }
}

/// Checks one event against the one before it; returns its stored hash.
fn link(
    run: &RunId,
    last: u64,
    before: Option<Hash>,
    columns: &Columns<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Hash> {
    let expected = last + 1;
    let stored = Hash::from_slice(columns.hash).ok();
    let seq = u64::try_from(columns.seq).unwrap_or(0);
    if seq > expected {
        let (run, from, to) = (run.clone(), expected, seq - 1);
        problems.push(Problem::EventsMissing { run, from, to });
    } else if seq < expected {
        problems.push(Problem::EventChanged {
            run: run.clone(),
            seq: expected,
        });
    }
    let computed = columns.digest();
    if stored != Some(computed) {
        problems.push(Problem::EventChanged {
            run: run.clone(),
            seq: seq.max(1),
        });
    }
    if seq == expected
        && let Some(before) = before
        && columns.prev != before.as_bytes()
    {
        let (run, expected) = (run.clone(), hex(&before));
        problems.push(Problem::ChainBroken { run, seq, expected });
    }
    stored
}
