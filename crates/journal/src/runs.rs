//! The list of runs.

use assay_model::{Body, EndState, RunId, Timestamp};
use rusqlite::{Connection, OptionalExtension};

use crate::chain::{COLUMNS, Columns};

/// One line of the list of runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSummary {
    /// The run.
    pub run: RunId,
    /// First event; `None` when it cannot be read.
    pub started: Option<Timestamp>,
    /// Last event; `None` when it cannot be read.
    pub last: Option<Timestamp>,
    /// How many events there are.
    pub events: u64,
    /// How it ended; `None` while it goes on, or after it died.
    pub end: Option<EndState>,
}

/// All runs, by name.
pub(crate) fn list(connection: &Connection) -> rusqlite::Result<Vec<RunSummary>> {
    // Each look goes straight to the next run, past all events of the last one.
    let mut next =
        connection.prepare("SELECT run FROM event WHERE run > ?1 ORDER BY run LIMIT 1")?;
    let mut runs = Vec::new();
    let mut name = String::new();
    while let Some(found) = next.query_row([&name], |row| row.get(0)).optional()? {
        name = found;
        runs.push(summary(connection, RunId::new(name.as_str()))?);
    }
    Ok(runs)
}

/// What the first and the last event of a run say.
fn summary(connection: &Connection, run: RunId) -> rusqlite::Result<RunSummary> {
    let read = |order: &str| {
        let query =
            format!("SELECT {COLUMNS} FROM event WHERE run = ?1 ORDER BY seq {order} LIMIT 1");
        connection.query_row(&query, [run.as_str()], |row| {
            let event = Columns::of(row).and_then(|columns| columns.event()).ok();
            Ok((row.get::<_, i64>(1).unwrap_or(0), event))
        })
    };
    let (_, first) = read("ASC")?;
    let (events, last) = read("DESC")?;
    let end = match last.as_ref().map(|event| &event.body) {
        Some(Body::RunFinished { end, .. }) => Some(*end),
        _ => None,
    };
    Ok(RunSummary {
        run,
        started: first.map(|event| event.at),
        last: last.map(|event| event.at),
        events: events.unsigned_abs(),
        end,
    })
}
