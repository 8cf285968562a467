//! The embedded store of one service: a SQLite file that several processes may share, as two
//! revisions do during a roll-out.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use serde_json::json;
use tokio::runtime::Handle;

use super::log::{Log, cut};

/// A query that takes longer is logged, in milliseconds.
const SLOW_QUERY_MS: u128 = 500;
/// The longest wait that a throttle file may ask for, in milliseconds.
const THROTTLE_MS_MAX: u64 = 10_000;
/// How much of a statement a log line shows, in bytes.
const SQL_BYTES_SHOWN: usize = 200;
/// How long a writer waits for the writer of another process, in milliseconds.
const BUSY_MS: u64 = 5_000;
/// More rows than this are an error, so that one query cannot eat the memory.
const ROWS_MAX: usize = 10_000;

#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("cannot create the data folder {}", .0.display())]
    Folder(PathBuf, #[source] std::io::Error),
    #[error("cannot open the store {}", .0.display())]
    Open(PathBuf, #[source] rusqlite::Error),
    #[error("store: {1}: {0}")]
    Query(String, #[source] rusqlite::Error),
    #[error("store: more than {ROWS_MAX} rows: {0}")]
    TooMany(String),
}

/// Column names with their values.
pub(crate) type Row = Vec<(String, Value)>;

pub(crate) struct Store {
    connection: Mutex<Connection>,
    throttle: PathBuf,
    runtime: Handle,
    log: Arc<Log>,
}

impl Store {
    pub(crate) fn open(dir: &Path, runtime: Handle, log: Arc<Log>) -> Result<Self, StoreError> {
        std::fs::create_dir_all(dir).map_err(|error| StoreError::Folder(dir.to_owned(), error))?;
        let file = dir.join("store.db");
        let open = || {
            let connection = Connection::open(&file)?;
            connection.busy_timeout(Duration::from_millis(BUSY_MS))?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            Ok(connection)
        };
        let connection = open().map_err(|error| StoreError::Open(file.clone(), error))?;
        Ok(Self {
            connection: Mutex::new(connection),
            throttle: dir.join("throttle_ms"),
            runtime,
            log,
        })
    }

    /// Runs one statement that answers rows. Blocks: call it on the blocking pool.
    pub(crate) fn query(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        self.timed(sql, |connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let names: Vec<String> = statement
                .column_names()
                .into_iter()
                .map(str::to_owned)
                .collect();
            let mut rows = statement.query(params_from_iter(params))?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let mut cells = Vec::with_capacity(names.len());
                for (place, name) in names.iter().enumerate() {
                    cells.push((name.clone(), row.get(place)?));
                }
                found.push(cells);
                if found.len() > ROWS_MAX {
                    break;
                }
            }
            Ok(found)
        })
        .and_then(|rows| {
            if rows.len() > ROWS_MAX {
                return Err(StoreError::TooMany(shown(sql)));
            }
            Ok(rows)
        })
    }

    /// Runs one statement and says how many rows it changed. Blocks.
    pub(crate) fn execute(&self, sql: &str, params: Vec<Value>) -> Result<usize, StoreError> {
        self.timed(sql, |connection| {
            connection
                .prepare_cached(sql)?
                .execute(params_from_iter(params))
        })
    }

    /// Runs several statements without parameters as one transaction. Blocks.
    pub(crate) fn batch(&self, sql: &str) -> Result<(), StoreError> {
        self.timed(sql, |connection| {
            connection.execute_batch(&format!("BEGIN IMMEDIATE; {sql}; COMMIT;"))
        })
    }

    fn timed<T>(
        &self,
        sql: &str,
        act: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let start = Instant::now();
        let wait = throttle_ms(&self.throttle);
        if wait > 0 {
            let wait = Duration::from_millis(wait);
            self.runtime
                .block_on(async move { tokio::time::sleep(wait).await });
        }
        let result = {
            let connection = self
                .connection
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            act(&connection)
        };
        let took = start.elapsed().as_millis();
        if took > SLOW_QUERY_MS {
            let message = format!("slow query: {took} ms: {}", shown(sql));
            self.log.warn(
                &message,
                json!({"component": "database", "ms": took as u64}),
            );
        }
        result.map_err(|error| StoreError::Query(shown(sql), error))
    }
}

/// How slow the store has been told to be; a file that is absent or holds no number means not.
fn throttle_ms(file: &Path) -> u64 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.trim().parse().unwrap_or(0).min(THROTTLE_MS_MAX)
}

fn shown(sql: &str) -> String {
    let words: Vec<&str> = sql.split_whitespace().collect();
    cut(&words.join(" "), SQL_BYTES_SHOWN).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_store(act: impl FnOnce(&Store, &Path)) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let log = Arc::new(Log::new("test", "r"));
        let dir = folder.path().join("deep/data");
        let store = Store::open(&dir, runtime.handle().clone(), log).unwrap();
        act(&store, &dir);
    }

    #[test]
    fn what_is_written_is_read() {
        with_store(|store, _| {
            store.batch("CREATE TABLE t (a INTEGER, b TEXT)").unwrap();
            let row = vec![Value::Integer(7), Value::Text("x".into())];
            assert_eq!(
                store
                    .execute("INSERT INTO t VALUES (?, ?)", row.clone())
                    .unwrap(),
                1
            );
            let rows = store.query("SELECT a, b FROM t", vec![]).unwrap();
            let expected = vec![
                ("a".to_owned(), row[0].clone()),
                ("b".to_owned(), row[1].clone()),
            ];
            assert_eq!(rows, vec![expected]);
        });
    }

    #[test]
    fn the_throttle_file_slows_every_query() {
        with_store(|store, dir| {
            std::fs::write(dir.join("throttle_ms"), "60\n").unwrap();
            let start = Instant::now();
            store.query("SELECT 1", vec![]).unwrap();
            assert!(start.elapsed() >= Duration::from_millis(60));
        });
    }

    #[test]
    fn a_throttle_is_a_bounded_number() {
        let check = |text: &str, expected: u64| {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            assert_eq!(throttle_ms(file.path()), expected, "{text:?}");
        };
        check("5000", 5000);
        check(" 12\n", 12);
        check("999999", THROTTLE_MS_MAX);
        check("soon", 0);
        check("", 0);
        assert_eq!(throttle_ms(Path::new("/nowhere/throttle_ms")), 0);
    }

    #[test]
    fn an_error_names_the_statement() {
        with_store(|store, _| {
            let error = store
                .query("SELECT  nothing\nFROM nowhere", vec![])
                .unwrap_err();
            assert!(
                error.to_string().contains("SELECT nothing FROM nowhere"),
                "{error}"
            );
        });
    }
}
