//! Group commit: one thread writes, and whatever waits shares one transaction.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use assay_model::{Event, RunId, Step, Timestamp};
use rusqlite::{
    Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params,
};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use crate::chain::{Columns, Tip, hex};
use crate::head::{HeadError, HeadFile};
use crate::lock::RunLock;
use crate::payload::{EncodeError, Encoded};

/// Requests that wait for the writer; an appender beyond them waits itself. More than any run
/// has tasks, so it only bounds memory when the disk stalls.
const QUEUE_REQUESTS_MAX: usize = 1024;

/// Events in one commit, unless a single request has more. Beyond this the cost of syncing is
/// long negligible, and the first one in should not wait for ever.
const COMMIT_EVENTS_MAX: usize = 4096;

/// Prepared statements that are kept: the insert and the look for a run's last event.
const STATEMENTS_MAX: usize = 4;

const INSERT: &str = "INSERT INTO event (run, seq, at, step, kind, payload, prev, hash)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

const LAST: &str = "SELECT seq, hash FROM event WHERE run = ?1 ORDER BY seq DESC LIMIT 1";

/// Events could not be appended.
#[derive(Clone, Debug, Error)]
pub enum AppendError {
    /// An event cannot be stored as it is; nothing of the request was.
    #[error("cannot store an event")]
    Encode(#[source] Arc<EncodeError>),
    /// The disk is full. Nothing of the request is in the journal; it can be tried again.
    #[error("cannot append to journal {}: its disk is full", path.display())]
    Full {
        /// The database.
        path: PathBuf,
        /// Why.
        source: Arc<rusqlite::Error>,
    },
    /// The database failed. Nothing of the request is in the journal; it can be tried again.
    #[error("cannot append to journal {}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// Why.
        source: Arc<rusqlite::Error>,
    },
    /// The events are in the journal, but its head record does not say so. The run takes no more
    /// events until it is resumed.
    #[error("journal {} and its head record have parted", path.display())]
    Head {
        /// The database.
        path: PathBuf,
        /// Why.
        source: Arc<HeadError>,
    },
    /// The thread that writes has died.
    #[error("the writer of journal {} is gone", path.display())]
    Gone {
        /// The database.
        path: PathBuf,
    },
}

impl AppendError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Full { .. } => Some("free space on that disk, then resume the run"),
            Self::Database { .. } | Self::Head { .. } => {
                Some("check the disk and the folder's permissions, then resume the run")
            }
            Self::Gone { .. } => Some("resume the run"),
            Self::Encode(_) => None,
        }
    }
}

/// The way to the writing thread.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    thread: Arc<Running>,
}

/// The writing thread, and what it is asked.
#[derive(Debug)]
struct Running {
    /// `None` once it is to end.
    requests: Option<mpsc::Sender<Request>>,
    /// `None` once it has ended.
    handle: Option<JoinHandle<()>>,
    path: PathBuf,
}

impl Drop for Running {
    /// The thread answers whatever waits and closes the database; whoever drops the last handle
    /// can rely on that.
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(handle) = self.handle.take() {
            drop(handle.join());
        }
    }
}

/// A run that is locked for writing.
#[derive(Debug)]
pub(crate) struct OpenRun {
    name: RunId,
    _lock: RunLock,
    head: HeadFile,
    state: Mutex<State>,
}

#[derive(Clone, Debug)]
struct State {
    tip: Tip,
    /// A commit failed, so the database knows better than `tip`.
    doubtful: bool,
    /// Why no further event is taken.
    parted: Option<AppendError>,
}

impl OpenRun {
    /// A run whose last event is `tip`.
    pub(crate) fn new(name: RunId, lock: RunLock, head: HeadFile, tip: Tip) -> Self {
        let state = Mutex::new(State {
            tip,
            doubtful: false,
            parted: None,
        });
        Self {
            name,
            _lock: lock,
            head,
            state,
        }
    }

    pub(crate) fn name(&self) -> &RunId {
        &self.name
    }

    /// The last event that is durable.
    pub(crate) fn tip(&self) -> Tip {
        self.state().tip
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is replaced as a whole, so it is sound even if its last holder panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Events that are to be appended together.
#[derive(Debug)]
struct Request {
    run: Arc<OpenRun>,
    at: Timestamp,
    step: Option<Step>,
    bodies: Vec<Encoded>,
    reply: oneshot::Sender<Result<Vec<Event>, AppendError>>,
}

impl Request {
    /// Answers, unless whoever asked has gone away.
    fn answer(self, result: Result<Vec<Event>, AppendError>) {
        // First, so that the run is free once whoever hears the answer lets go of it.
        drop(self.run);
        drop(self.reply.send(result));
    }
}

impl Queue {
    /// Starts the thread that owns the database. It ends when every handle to it is gone.
    pub(crate) fn start(connection: Connection, path: &Path) -> std::io::Result<Self> {
        let (requests, waiting) = mpsc::channel(QUEUE_REQUESTS_MAX);
        let path = path.to_owned();
        let writer = Writer {
            connection,
            path: path.clone(),
        };
        let handle = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.serve(waiting))?;
        let running = Running {
            requests: Some(requests),
            handle: Some(handle),
            path,
        };
        Ok(Self {
            thread: Arc::new(running),
        })
    }

    /// Appends events to a run, and waits until they are durable.
    pub(crate) async fn append(
        &self,
        run: Arc<OpenRun>,
        at: Timestamp,
        step: Option<Step>,
        bodies: Vec<Encoded>,
    ) -> Result<Vec<Event>, AppendError> {
        let (reply, answer) = oneshot::channel();
        let request = Request {
            run,
            at,
            step,
            bodies,
            reply,
        };
        let gone = || AppendError::Gone {
            path: self.thread.path.clone(),
        };
        let requests = self.thread.requests.as_ref().ok_or_else(gone)?;
        requests.send(request).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// The one that writes.
struct Writer {
    connection: Connection,
    path: PathBuf,
}

/// Runs that one commit touches, and how far it takes each.
type Tips = HashMap<RunId, (Arc<OpenRun>, Tip)>;

impl Writer {
    fn serve(mut self, mut waiting: mpsc::Receiver<Request>) {
        self.connection
            .set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        while let Some(first) = waiting.blocking_recv() {
            let mut events = first.bodies.len();
            let mut batch = vec![first];
            while events < COMMIT_EVENTS_MAX
                && let Ok(next) = waiting.try_recv()
            {
                events += next.bodies.len();
                batch.push(next);
            }
            self.append(batch);
        }
    }

    /// Appends a batch and answers everyone in it.
    fn append(&mut self, batch: Vec<Request>) {
        let mut open = Vec::with_capacity(batch.len());
        for request in batch {
            let parted = request.run.state().parted.clone();
            match parted {
                Some(error) => request.answer(Err(error)),
                None => open.push(request),
            }
        }
        if open.is_empty() {
            return;
        }
        match self.commit(&mut open) {
            Ok((appended, tips)) => {
                let parted = self.record_heads(tips);
                for (request, events) in open.into_iter().zip(appended) {
                    let result = parted
                        .get(&request.run.name)
                        .cloned()
                        .map_or(Ok(events), Err);
                    request.answer(result);
                }
            }
            Err(error) => {
                let error = self.failure(error);
                for request in open {
                    request.run.state().doubtful = true;
                    request.answer(Err(error.clone()));
                }
            }
        }
    }

    /// One transaction for all of them; the events of each, and the new last event of each run.
    fn commit(&mut self, batch: &mut [Request]) -> rusqlite::Result<(Vec<Vec<Event>>, Tips)> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut tips = Tips::new();
        let mut appended = Vec::with_capacity(batch.len());
        for request in batch {
            let name = &request.run.name;
            if !tips.contains_key(name) {
                let tip = start(&transaction, &request.run)?;
                tips.insert(name.clone(), (Arc::clone(&request.run), tip));
            }
            let Some((_, tip)) = tips.get_mut(name) else {
                continue;
            };
            appended.push(insert(&transaction, request, tip)?);
        }
        transaction.commit()?;
        Ok((appended, tips))
    }

    /// Writes down how far each run has come; the runs for which that failed.
    fn record_heads(&self, tips: Tips) -> HashMap<RunId, AppendError> {
        let mut parted = HashMap::new();
        for (name, (run, tip)) in tips {
            let failed = run.head.write(&tip).err().map(|source| AppendError::Head {
                path: self.path.clone(),
                source: Arc::new(source),
            });
            *run.state() = State {
                tip,
                doubtful: false,
                parted: failed.clone(),
            };
            if let Some(error) = failed {
                parted.insert(name, error);
            }
        }
        parted
    }

    fn failure(&self, error: rusqlite::Error) -> AppendError {
        let path = self.path.clone();
        let full = error.sqlite_error_code() == Some(ErrorCode::DiskFull);
        let source = Arc::new(error);
        if full {
            AppendError::Full { path, source }
        } else {
            AppendError::Database { path, source }
        }
    }
}

/// The event that the next one follows.
fn start(transaction: &Transaction<'_>, run: &OpenRun) -> rusqlite::Result<Tip> {
    let State { tip, doubtful, .. } = run.state().clone();
    if !doubtful {
        return Ok(tip);
    }
    let last = transaction
        .prepare_cached(LAST)?
        .query_row([run.name.as_str()], |row| {
            Ok((row.get::<_, i64>(0)?, row.get(1)?))
        })
        .optional()?;
    Ok(last.map_or(Tip::START, |(seq, hash): (i64, [u8; 32])| Tip {
        seq: seq.unsigned_abs(),
        hash: hash.into(),
    }))
}

/// Inserts the events of one request after `tip`, and moves it.
fn insert(
    transaction: &Transaction<'_>,
    request: &mut Request,
    tip: &mut Tip,
) -> rusqlite::Result<Vec<Event>> {
    let mut statement = transaction.prepare_cached(INSERT)?;
    let at = request.at.to_string();
    let run = &request.run.name;
    let step = request.step.map(Step::word);
    let mut events = Vec::with_capacity(request.bodies.len());
    for Encoded { body, payload } in request.bodies.drain(..) {
        let prev = tip.hash;
        let kind = body.kind();
        let mut columns = Columns {
            run: run.as_bytes(),
            seq: tip.seq as i64 + 1,
            at: at.as_bytes(),
            step: step.map(str::as_bytes),
            kind: kind.as_bytes(),
            payload: payload.as_bytes(),
            prev: prev.as_bytes(),
            hash: &[],
        };
        let hash = columns.digest();
        columns.hash = hash.as_bytes();
        let seq = columns.seq;
        statement.execute(params![
            run.as_str(),
            seq,
            at,
            step,
            kind,
            payload,
            columns.prev,
            columns.hash
        ])?;
        *tip = Tip {
            seq: tip.seq + 1,
            hash,
        };
        events.push(Event {
            run: run.clone(),
            seq: tip.seq,
            at: request.at,
            step: request.step,
            body,
            prev: hex(&prev),
            hash: hex(&hash),
        });
    }
    Ok(events)
}
