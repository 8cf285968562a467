//! The database file: how it is opened, created and recognised.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use assay_model::FORMAT_VERSION;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use thiserror::Error;

/// `ASSY`, in SQLite's field for the program that a database belongs to.
const APPLICATION_ID: i32 = 0x4153_5359;

/// How long one assay waits for another that is committing. A commit takes milliseconds; a
/// checkpoint on a slow disk, seconds.
const BUSY_TIMEOUT_MS: u64 = 10_000;

/// Pages of 4 KiB in the write-ahead log before it is folded into the database: 16 MiB, so that
/// a burst of events pays for that rarely.
const CHECKPOINT_PAGES: u32 = 4096;

/// Rows lie in the order of (run, seq), once; there is no index beside them that could disagree.
const SCHEMA: &str = "CREATE TABLE event (
    run TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at TEXT NOT NULL,
    step TEXT,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    prev BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID";

/// The journal cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// There is none.
    #[error("no journal at {}", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A folder cannot be created.
    #[error("cannot create folder {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is something else.
    #[error("{} is not a journal: {found}", path.display())]
    NotAJournal {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// The file was written by a newer assay.
    #[error("journal {} has format {found}; this assay reads formats up to {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format that is understood.
        known: u32,
    },
    /// SQLite cannot open it, or not in the way that is needed.
    #[error("cannot open journal {}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The writer's thread cannot be started.
    #[error("cannot start a thread for journal {}", path.display())]
    Thread {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl OpenError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotAJournal { .. } => Some("move that file away, and run again"),
            Self::Newer { .. } => Some("use the assay that wrote it, or a newer one"),
            Self::Missing { .. } => Some("run assay in the folder of the project"),
            Self::Folder { .. } => Some("check the folder's permissions and the space on its disk"),
            Self::Database { .. } | Self::Thread { .. } => None,
        }
    }
}

/// The database below a state folder.
pub(crate) fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("journal.db")
}

/// Opens for writing; creates what is missing. `pages_max` bounds the file.
pub(crate) fn open(state_dir: &Path, pages_max: Option<u32>) -> Result<Connection, OpenError> {
    fs::create_dir_all(state_dir).map_err(|source| OpenError::Folder {
        path: state_dir.to_owned(),
        source,
    })?;
    let path = path(state_dir);
    let failed = |source| refusal(&path, source);
    let mut connection = Connection::open_with_flags(
        &path,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(failed)?;
    connection
        .busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))
        .map_err(failed)?;
    // What the file is must be known before anything about it is changed.
    let empty = recognise(&connection, &path)?;
    let mode: String = connection
        .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
        .map_err(failed)?;
    if mode != "wal" {
        let found = "its file system does not support a write-ahead log";
        return Err(OpenError::NotAJournal { path, found });
    }
    connection
        .pragma_update(None, "synchronous", "FULL")
        .map_err(failed)?;
    connection
        .pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)
        .map_err(failed)?;
    if let Some(pages) = pages_max {
        connection
            .pragma_update(None, "max_page_count", pages)
            .map_err(failed)?;
    }
    if empty {
        create(&mut connection, &path)?;
    }
    Ok(connection)
}

/// Opens for reading.
pub(crate) fn open_existing(state_dir: &Path) -> Result<Connection, OpenError> {
    let path = path(state_dir);
    if !path.exists() {
        return Err(OpenError::Missing { path });
    }
    let failed = |source| refusal(&path, source);
    let connection = Connection::open_with_flags(
        &path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(failed)?;
    connection
        .busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))
        .map_err(failed)?;
    connection
        .pragma_update(None, "cell_size_check", true)
        .map_err(failed)?;
    if recognise(&connection, &path)? {
        return Err(OpenError::NotAJournal {
            path,
            found: "it is empty",
        });
    }
    Ok(connection)
}

/// Whether the database is still empty; an error when it is not ours, or too new.
fn recognise(connection: &Connection, path: &Path) -> Result<bool, OpenError> {
    let failed = |source| refusal(path, source);
    let number = |pragma: &str| -> Result<i64, OpenError> {
        connection
            .query_row(pragma, [], |row| row.get(0))
            .map_err(failed)
    };
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let application = number("PRAGMA application_id")?;
    let version = number("PRAGMA user_version")?;
    if application == 0 && version == 0 && tables == 0 {
        return Ok(true);
    }
    if application != i64::from(APPLICATION_ID) {
        let found = "it is the database of another program";
        return Err(OpenError::NotAJournal {
            path: path.to_owned(),
            found,
        });
    }
    if version > i64::from(FORMAT_VERSION) {
        let path = path.to_owned();
        return Err(OpenError::Newer {
            path,
            found: version,
            known: FORMAT_VERSION,
        });
    }
    if version < 1 {
        let found = "its format number is missing";
        return Err(OpenError::NotAJournal {
            path: path.to_owned(),
            found,
        });
    }
    Ok(false)
}

/// Creates the table, unless somebody else has just done so.
fn create(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |source| refusal(path, source);
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    if recognise(&transaction, path)? {
        transaction.execute_batch(SCHEMA).map_err(failed)?;
        transaction
            .pragma_update(None, "application_id", APPLICATION_ID)
            .map_err(failed)?;
        transaction
            .pragma_update(None, "user_version", FORMAT_VERSION)
            .map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

fn refusal(path: &Path, source: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotAJournal {
            path,
            found: "it is not a database",
        },
        _ => OpenError::Database { path, source },
    }
}
