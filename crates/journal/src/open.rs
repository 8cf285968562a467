//! Opening a journal.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use thiserror::Error;

use crate::redact::Redactor;
use crate::thread::Committer;

/// Version of the database's layout, in `PRAGMA user_version`.
const FORMAT: i64 = 1;

/// `PRAGMA application_id`: "assy" in ASCII, so that another program's database is told apart.
const APPLICATION: i64 = 0x6173_7379;

/// How long a reader waits for a writer of another process, in ms: a commit takes some ms, a disk
/// that is busy some hundred.
const BUSY_MS: u64 = 10_000;

const SCHEMA: &str = "
create table if not exists events (
    run text not null,
    seq integer not null,
    at text not null,
    step text not null,
    kind text not null,
    payload text not null,
    prev text not null,
    hash text not null,
    primary key (run, seq)
) without rowid;
";

/// A journal cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The folder cannot be made.
    #[error("make {path}", path = path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is no journal.
    #[error("{path} is not a journal of assay", path = path.display())]
    NotAJournal {
        /// The file.
        path: PathBuf,
    },
    /// It was written by a newer assay.
    #[error("{path} has format {found}, this assay knows {FORMAT}", path = path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
    },
    /// The database fails.
    #[error("open {path}", path = path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
}

impl OpenError {
    /// The way out, where one is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Newer { .. } => Some("use the assay that wrote it, or a newer one"),
            Self::NotAJournal { .. } => Some("move the file away; assay makes a new journal"),
            Self::Folder { .. } | Self::Database { .. } => None,
        }
    }
}

/// The journal of one project.
#[derive(Debug)]
pub struct Journal {
    pub(crate) state: PathBuf,
    pub(crate) redactor: Arc<Redactor>,
    pub(crate) committer: Committer,
    reader: Mutex<Connection>,
}

impl Journal {
    /// Opens the journal in a state folder, and makes it when there is none. Values that
    /// `redactor` knows never reach it.
    ///
    /// # Errors
    /// When the file is not a journal, is newer than this assay, or cannot be written.
    pub fn open(state: &Path, redactor: Arc<Redactor>) -> Result<Self, OpenError> {
        std::fs::create_dir_all(state).map_err(|source| OpenError::Folder {
            path: state.to_owned(),
            source,
        })?;
        let path = database(state);
        let writer = connect(&path)?;
        prepare(&path, &writer)?;
        let reader = connect(&path)?;
        Ok(Self {
            state: state.to_owned(),
            redactor,
            committer: Committer::start(path, writer),
            reader: Mutex::new(reader),
        })
    }

    /// The state folder.
    pub fn state(&self) -> &Path {
        &self.state
    }

    pub(crate) fn reader(&self) -> MutexGuard<'_, Connection> {
        // A reader that panicked has left nothing half-done: it only reads.
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The database of a state folder.
pub(crate) fn database(state: &Path) -> PathBuf {
    state.join("journal.db")
}

fn connect(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let failed = failed(path);
    let connection = Connection::open_with_flags(path, flags).map_err(&failed)?;
    connection
        .busy_timeout(Duration::from_millis(BUSY_MS))
        .map_err(&failed)?;
    connection.set_prepared_statement_cache_capacity(16);
    Ok(connection)
}

/// Checks whose file it is, then turns on the write-ahead log with a full sync of each commit.
fn prepare(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let failed = failed(path);
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let tables: i64 = connection
        .query_row("select count(*) from sqlite_master", [], |row| row.get(0))
        .map_err(&failed)?;
    let (application, version) = (
        pragma("application_id").map_err(&failed)?,
        pragma("user_version").map_err(&failed)?,
    );
    if application == 0 && version == 0 && tables == 0 {
        connection
            .pragma_update(None, "application_id", APPLICATION)
            .map_err(&failed)?;
        connection
            .pragma_update(None, "user_version", FORMAT)
            .map_err(&failed)?;
    } else if application != APPLICATION {
        return Err(OpenError::NotAJournal {
            path: path.to_owned(),
        });
    } else if version > FORMAT {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found: version,
        });
    }
    connection
        .pragma_update(None, "journal_mode", "wal")
        .map_err(&failed)?;
    connection
        .pragma_update(None, "synchronous", "full")
        .map_err(&failed)?;
    connection.execute_batch(SCHEMA).map_err(&failed)
}

fn failed(path: &Path) -> impl Fn(rusqlite::Error) -> OpenError {
    move |source| {
        if source.sqlite_error_code() == Some(ErrorCode::NotADatabase) {
            OpenError::NotAJournal {
                path: path.to_owned(),
            }
        } else {
            OpenError::Database {
                path: path.to_owned(),
                source,
            }
        }
    }
}
