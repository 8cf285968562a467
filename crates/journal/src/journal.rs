//! The journal of one project.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use assay_model::{Event, RunId};
use rusqlite::{Connection, OptionalExtension};
use thiserror::Error;

use crate::chain::{Head, Tip};
use crate::commit::{OpenRun, Queue};
use crate::head::{self, HeadError, HeadFile, Recorded};
use crate::lock::{LockError, RunLock};
use crate::problem::Problem;
use crate::redact::Redactor;
use crate::runs::{self, RunSummary};
use crate::scan::scan;
use crate::store::{self, OpenError};
use crate::vault::Vault;
use crate::verify::{Verification, verify};
use crate::writer::RunWriter;

/// Longest name of a run; it is also the name of a file.
const RUN_NAME_BYTES_MAX: usize = 100;

/// A run cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The journal cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database cannot be read.
    #[error("cannot read journal {}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// There is no such run.
    #[error("no run {run} in journal {}", path.display())]
    Unknown {
        /// What was asked for.
        run: RunId,
        /// The database.
        path: PathBuf,
    },
    /// The run is not as it was written.
    #[error("run {run} is damaged: {problem}")]
    Damaged {
        /// The run.
        run: RunId,
        /// The first thing that is wrong.
        problem: Problem,
    },
}

impl ReadError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Open(error) => error.hint(),
            Self::Unknown { .. } => Some("`assay runs` lists the runs"),
            Self::Damaged { .. } => Some("`assay verify` lists everything that is wrong with it"),
            Self::Database { .. } => None,
        }
    }
}

/// A run cannot be written.
#[derive(Debug, Error)]
pub enum RunError {
    /// Its name cannot be that of a file.
    #[error("{run:?} is not a name for a run")]
    BadName {
        /// The name.
        run: String,
    },
    /// There is one of that name.
    #[error("run {run} exists already")]
    Exists {
        /// The run.
        run: RunId,
    },
    /// The journal was opened for reading.
    #[error("journal {} is open for reading only", path.display())]
    ReadOnly {
        /// The database.
        path: PathBuf,
    },
    /// Somebody else writes it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Its head record cannot be written.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// What there is of it cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// The journal of one project.
#[derive(Debug)]
pub struct Journal {
    state_dir: PathBuf,
    path: PathBuf,
    writing: Option<(Queue, Redactor)>,
}

impl Journal {
    /// Opens the journal below `state_dir`, and creates it where there is none. Whatever is
    /// appended goes through `redactor`.
    ///
    /// # Errors
    /// Names the file, and what is wrong with it.
    pub fn open(state_dir: &Path, redactor: Redactor) -> Result<Self, OpenError> {
        Self::open_bounded(state_dir, redactor, None)
    }

    /// Opens a journal for reading; nothing is created or changed.
    ///
    /// # Errors
    /// Names the file, and what is wrong with it.
    pub fn open_existing(state_dir: &Path) -> Result<Self, OpenError> {
        store::open_existing(state_dir)?;
        let path = store::path(state_dir);
        Ok(Self {
            state_dir: state_dir.to_owned(),
            path,
            writing: None,
        })
    }

    /// Opens a journal whose database may have no more than so many pages.
    pub(crate) fn open_bounded(
        state_dir: &Path,
        redactor: Redactor,
        pages_max: Option<u32>,
    ) -> Result<Self, OpenError> {
        let connection = store::open(state_dir, pages_max)?;
        let path = store::path(state_dir);
        match Queue::start(connection, &path) {
            Ok(queue) => {
                let writing = Some((queue, redactor));
                Ok(Self {
                    state_dir: state_dir.to_owned(),
                    path,
                    writing,
                })
            }
            Err(source) => Err(OpenError::Thread { path, source }),
        }
    }

    /// Begins a run and locks it for writing.
    ///
    /// # Errors
    /// When there is a run of that name.
    pub fn begin(&self, run: &RunId) -> Result<RunWriter, RunError> {
        let (queue, redactor) = self.writing()?;
        check_name(run)?;
        let lock = RunLock::take(&self.state_dir, run)?;
        let connection = self.connection()?;
        let recorded = head::read(&self.state_dir, run);
        if self.last(&connection, run)?.is_some() || !matches!(recorded, Recorded::Missing) {
            return Err(RunError::Exists { run: run.clone() });
        }
        let head = HeadFile::create(&self.state_dir, run)?;
        Ok(RunWriter::new(
            OpenRun::new(run.clone(), lock, head, Tip::START),
            redactor,
            queue,
        ))
    }

    /// Locks a run for writing that somebody else has left; returns its events.
    ///
    /// # Errors
    /// When somebody still writes it, when there is no such run, or when it is damaged: events
    /// after a gap would hide it.
    pub fn reopen(&self, run: &RunId) -> Result<(RunWriter, Vec<Event>), RunError> {
        let (queue, redactor) = self.writing()?;
        check_name(run)?;
        if matches!(head::read(&self.state_dir, run), Recorded::Missing) {
            // Before the lock, which would leave a file behind for a run that never was.
            self.events(run)?;
        }
        let lock = RunLock::take(&self.state_dir, run)?;
        let (events, tip) = self.read(run)?;
        let head = HeadFile::open(&self.state_dir, run)?;
        // A crash between a commit and its head record leaves the record behind.
        head.write(&tip)?;
        Ok((
            RunWriter::new(OpenRun::new(run.clone(), lock, head, tip), redactor, queue),
            events,
        ))
    }

    /// Every event of a run, in order. The chain is checked on the way.
    ///
    /// # Errors
    /// When there is no such run, or when anything about its events is not as it was written.
    pub fn events(&self, run: &RunId) -> Result<Vec<Event>, ReadError> {
        self.read(run).map(|(events, _)| events)
    }

    /// Checks every event, the head record and every blob of a run. With `expected`, the hash of
    /// an event as a worklog names it or its first eight digits or more, the run must contain
    /// that event.
    ///
    /// # Errors
    /// When it cannot look: no journal, or no such run. What is wrong with a run is not an
    /// error but a [`Problem`].
    pub fn verify(&self, run: &RunId, expected: Option<&str>) -> Result<Verification, ReadError> {
        let vault = Vault::open_existing(&self.state_dir);
        let connection = self.connection()?;
        let unknown = check_name(run).is_err();
        let found = verify(
            &self.state_dir,
            &self.path,
            &connection,
            &vault,
            run,
            expected,
        );
        let nowhere = found.events == 0
            && found.problems.iter().all(|problem| {
                matches!(
                    problem,
                    Problem::HeadMissing { .. } | Problem::ExpectedMissing { .. }
                )
            })
            && matches!(head::read(&self.state_dir, run), Recorded::Missing);
        if unknown || nowhere {
            return Err(self.unknown(run));
        }
        Ok(found)
    }

    /// The last event of a run; `None` before the first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn head(&self, run: &RunId) -> Result<Option<Head>, ReadError> {
        let connection = self.connection()?;
        self.last(&connection, run)
    }

    /// All runs, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn runs(&self) -> Result<Vec<RunSummary>, ReadError> {
        runs::list(&self.connection()?).map_err(|source| self.failed(source))
    }

    /// The database's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn read(&self, run: &RunId) -> Result<(Vec<Event>, Tip), ReadError> {
        check_name(run).map_err(|_| self.unknown(run))?;
        let damaged = |problem| ReadError::Damaged {
            run: run.clone(),
            problem,
        };
        let connection = self.connection()?;
        let recorded = head::read(&self.state_dir, run);
        let mut events = Vec::new();
        let mut first = None;
        let (tip, damage) = scan(&connection, &self.path, run, |columns, problems| {
            first = problems.into_iter().next();
            if let Some(columns) = columns
                && first.is_none()
            {
                match columns.event() {
                    Ok(event) => events.push(event),
                    Err(detail) => {
                        let (run, seq) = (run.clone(), events.len() as u64 + 1);
                        first = Some(Problem::EventUnreadable { run, seq, detail });
                    }
                }
            }
            if first.is_some() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        if let Some(problem) = first.or(damage) {
            return Err(damaged(problem));
        }
        let path = head::path(&self.state_dir, run);
        let run = run.clone();
        match recorded {
            Recorded::Tip(recorded) if recorded.seq > tip.seq => {
                Err(damaged(Problem::EventsMissing {
                    run,
                    from: tip.seq + 1,
                    to: recorded.seq,
                }))
            }
            Recorded::Tip(_) => Ok((events, tip)),
            Recorded::Missing if events.is_empty() => Err(self.unknown(&run)),
            Recorded::Missing => Err(damaged(Problem::HeadMissing { run, path })),
            Recorded::Unreadable(detail) => {
                Err(damaged(Problem::HeadUnreadable { run, path, detail }))
            }
        }
    }

    fn last(&self, connection: &Connection, run: &RunId) -> Result<Option<Head>, ReadError> {
        let query = "SELECT seq, hash FROM event WHERE run = ?1 ORDER BY seq DESC LIMIT 1";
        connection
            .query_row(query, [run.as_str()], |row| {
                let seq: i64 = row.get(0)?;
                let hash: [u8; 32] = row.get(1)?;
                Ok(Tip {
                    seq: seq.unsigned_abs(),
                    hash: hash.into(),
                }
                .head())
            })
            .optional()
            .map_err(|source| self.failed(source))
    }

    fn connection(&self) -> Result<Connection, ReadError> {
        Ok(store::open_existing(&self.state_dir)?)
    }

    fn writing(&self) -> Result<(Queue, Redactor), RunError> {
        self.writing.clone().ok_or_else(|| RunError::ReadOnly {
            path: self.path.clone(),
        })
    }

    fn unknown(&self, run: &RunId) -> ReadError {
        ReadError::Unknown {
            run: run.clone(),
            path: self.path.clone(),
        }
    }

    fn failed(&self, source: rusqlite::Error) -> ReadError {
        ReadError::Database {
            path: self.path.clone(),
            source,
        }
    }
}

/// A run's name is also the name of files.
fn check_name(run: &RunId) -> Result<(), RunError> {
    let fits = !run.is_empty() && run.len() <= RUN_NAME_BYTES_MAX && !run.starts_with('.');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if fits && run.bytes().all(plain) {
        Ok(())
    } else {
        Err(RunError::BadName {
            run: run.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use assay_model::{Body, EndState, Timestamp};

    use super::*;
    use crate::commit::AppendError;

    fn end(reason: String) -> Vec<Body> {
        vec![Body::RunFinished {
            end: EndState::Red,
            reason,
        }]
    }

    #[tokio::test]
    async fn a_full_disk_is_named_and_what_was_acknowledged_stays() {
        let dir = tempfile::tempdir().unwrap();
        let redactor = Redactor::new(&[]);
        let journal = Journal::open_bounded(dir.path(), redactor, Some(30)).unwrap();
        let run = RunId::new("a");
        let writer = journal.begin(&run).unwrap();
        let mut acknowledged = Vec::new();
        let error = loop {
            assert!(acknowledged.len() < 1000, "the disk never fills");
            let bodies = end(".".repeat(5000));
            match writer.append(Timestamp::UNIX_EPOCH, None, bodies).await {
                Ok(events) => acknowledged.extend(events),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, AppendError::Full { .. }), "{error:?}");
        assert!(error.to_string().contains("journal.db"), "{error}");
        assert!(error.hint().is_some());
        assert_eq!(journal.events(&run).unwrap(), acknowledged);
        assert!(journal.verify(&run, None).unwrap().ok());
        // Something small still fits, and follows what is there.
        let small = writer
            .append(Timestamp::UNIX_EPOCH, None, end(String::new()))
            .await;
        acknowledged.extend(small.unwrap());
        assert_eq!(journal.events(&run).unwrap(), acknowledged);
        assert!(journal.verify(&run, None).unwrap().ok());
    }
}
