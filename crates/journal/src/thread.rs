//! The one thread that writes the database: group commit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use assay_model::RunId;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::chain::{Head, Row};
use crate::head::HeadFile;
use crate::writer::AppendError;

/// Appends that may wait for the thread. A waiting append is a writer that is blocked, and there
/// are as many of those as there are tasks that record.
const QUEUE_MAX: usize = 1_024;

/// Rows of one transaction: large enough that the sync is shared by many, small enough that
/// nobody waits for others' rows longer than for the sync itself.
const BATCH_ROWS_MAX: usize = 4_096;

/// What one writer wants on disk.
pub(crate) struct Request {
    pub(crate) rows: Vec<Row>,
    pub(crate) run: RunId,
    pub(crate) head: Head,
    pub(crate) head_file: Arc<HeadFile>,
    pub(crate) done: oneshot::Sender<Result<(), AppendError>>,
}

/// The way to the thread. It ends when the last of these is dropped and all is written.
#[derive(Clone, Debug)]
pub(crate) struct Committer {
    queue: SyncSender<Request>,
    path: Arc<PathBuf>,
}

impl Committer {
    pub(crate) fn start(path: PathBuf, connection: Connection) -> Self {
        let (queue, requests) = sync_channel(QUEUE_MAX);
        let path = Arc::new(path);
        let thread_path = path.clone();
        std::thread::spawn(move || serve(&requests, connection, &thread_path));
        Self { queue, path }
    }

    /// Hands a request over; blocks while the queue is full.
    pub(crate) fn send(&self, request: Request) -> Result<(), AppendError> {
        self.queue.send(request).map_err(|_| AppendError::Gone {
            path: self.path.to_path_buf(),
        })
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.path.to_path_buf()
    }
}

fn serve(requests: &Receiver<Request>, mut connection: Connection, path: &Path) {
    while let Ok(first) = requests.recv() {
        let mut rows = first.rows.len();
        let mut batch = vec![first];
        while rows < BATCH_ROWS_MAX {
            let Ok(next) = requests.try_recv() else { break };
            rows += next.rows.len();
            batch.push(next);
        }
        let outcome = commit(&mut connection, &batch);
        if outcome.is_ok() {
            move_heads(&batch);
        }
        let failure = outcome.err().map(|error| error.to_string());
        for request in batch {
            let answer = match &failure {
                None => Ok(()),
                Some(reason) => Err(AppendError::Database {
                    path: path.to_owned(),
                    reason: reason.clone(),
                }),
            };
            // A writer that went away does not need to know.
            drop(request.done.send(answer));
        }
    }
}

/// One transaction for all: either every row of the batch is on disk, or none is.
fn commit(connection: &mut Connection, batch: &[Request]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    {
        let mut insert =
            transaction.prepare_cached("insert into events values (?1,?2,?3,?4,?5,?6,?7,?8)")?;
        for row in batch.iter().flat_map(|request| &request.rows) {
            insert.execute((
                &row.run,
                row.seq,
                &row.at,
                &row.step,
                &row.kind,
                &row.payload,
                &row.prev,
                &row.hash,
            ))?;
        }
    }
    transaction.commit()
}

/// Each run's head once, however often it was appended to.
fn move_heads(batch: &[Request]) {
    let mut last: BTreeMap<&RunId, &Request> = BTreeMap::new();
    for request in batch {
        last.insert(&request.run, request);
    }
    for request in last.values() {
        // The rows are durable already. A head that stays behind is noticed by nobody but a
        // verifier, for whom behind is allowed.
        drop(request.head_file.write(&request.head));
    }
}
