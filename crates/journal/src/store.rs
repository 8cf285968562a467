//! Reading events back.

use std::path::PathBuf;

use assay_model::{Body, EndState, Event, RunId, Step, Timestamp};
use rusqlite::{Connection, Row as SqlRow};
use thiserror::Error;

use crate::chain::Row;
use crate::open::{Journal, database};

/// The journal cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The database fails.
    #[error("read {path}", path = path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// An event is not what this assay writes.
    #[error("event {seq} of run {run} cannot be understood: {reason}")]
    Event {
        /// Its run.
        run: String,
        /// Its place.
        seq: i64,
        /// Why.
        reason: String,
    },
}

/// One run in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSummary {
    /// The run.
    pub run: RunId,
    /// Its first event.
    pub first: Timestamp,
    /// Its last event.
    pub last: Timestamp,
    /// How many it has.
    pub events: u64,
    /// How it ended; `None` while it has not.
    pub end: Option<EndState>,
}

/// The columns of one row, as they are stored.
pub(crate) fn columns(row: &SqlRow<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        run: row.get(0)?,
        seq: row.get(1)?,
        at: row.get(2)?,
        step: row.get(3)?,
        kind: row.get(4)?,
        payload: row.get(5)?,
        prev: row.get(6)?,
        hash: row.get(7)?,
    })
}

pub(crate) const SELECT: &str =
    "select run, seq, at, step, kind, payload, prev, hash from events where run = ?1 order by seq";

/// An event out of a stored row.
pub(crate) fn event(row: Row) -> Result<Event, ReadError> {
    let wrong = |reason: String| ReadError::Event {
        run: row.run.clone(),
        seq: row.seq,
        reason,
    };
    let body: Body =
        serde_json::from_str(&row.payload).map_err(|error| wrong(error.to_string()))?;
    if body.kind() != row.kind {
        return Err(wrong(format!(
            "its kind is {}, its content {}",
            row.kind,
            body.kind()
        )));
    }
    let at: Timestamp = row
        .at
        .parse()
        .map_err(|_| wrong(format!("its time is {:?}", row.at)))?;
    let step: Option<Step> = match row.step.as_str() {
        "" => None,
        word => Some(
            serde_json::from_value(word.into())
                .map_err(|_| wrong(format!("its step is {word:?}")))?,
        ),
    };
    let seq = u64::try_from(row.seq).map_err(|_| wrong("its place is negative".to_owned()))?;
    Ok(Event {
        run: RunId::new(row.run),
        seq,
        at,
        step,
        body,
        prev: row.prev,
        hash: row.hash,
    })
}

impl Journal {
    /// The events of a run, in order; none when there is no such run.
    ///
    /// # Errors
    /// When the database cannot be read, or holds something that is no event.
    pub fn events(&self, run: &RunId) -> Result<Vec<Event>, ReadError> {
        let reader = self.reader();
        let failed = self.read_failed();
        let mut select = reader.prepare_cached(SELECT).map_err(&failed)?;
        let rows = select.query_map([run.as_str()], columns).map_err(&failed)?;
        rows.map(|row| event(row.map_err(&failed)?)).collect()
    }

    /// Every run, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn runs(&self) -> Result<Vec<RunSummary>, ReadError> {
        let reader = self.reader();
        let failed = self.read_failed();
        let names = names(&reader).map_err(&failed)?;
        names
            .into_iter()
            .map(|run| self.summary(&reader, run))
            .collect()
    }

    fn summary(&self, reader: &Connection, run: String) -> Result<RunSummary, ReadError> {
        let failed = self.read_failed();
        let (first, last, events): (i64, i64, i64) = reader
            .prepare_cached("select min(seq), max(seq), count(*) from events where run = ?1")
            .and_then(|mut s| {
                s.query_row([&run], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            })
            .map_err(&failed)?;
        let one = |seq: i64| -> Result<Event, ReadError> {
            let row = reader
                .prepare_cached(
                    "select run, seq, at, step, kind, payload, prev, hash from events
                     where run = ?1 and seq = ?2",
                )
                .and_then(|mut select| select.query_row((&run, seq), columns))
                .map_err(&failed)?;
            event(row)
        };
        let (first, last) = (one(first)?, one(last)?);
        let end = match last.body {
            Body::RunFinished { end, .. } => Some(end),
            _ => None,
        };
        Ok(RunSummary {
            first: first.at,
            last: last.at,
            events: u64::try_from(events).unwrap_or_default(),
            end,
            run: RunId::new(run),
        })
    }

    pub(crate) fn read_failed(&self) -> impl Fn(rusqlite::Error) -> ReadError {
        let path = database(&self.state);
        move |source| ReadError::Database {
            path: path.clone(),
            source,
        }
    }
}

fn names(reader: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut select = reader.prepare_cached("select distinct run from events order by run")?;
    let rows = select.query_map([], |row| row.get(0))?;
    rows.collect()
}
