//! Appending to a run.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use assay_model::{Body, Event, RunId, Step, Timestamp};
use rustix::fs::{FlockOperation, flock};
use thiserror::Error;
use tokio::sync::oneshot;

use crate::chain::{self, Head};
use crate::head::HeadFile;
use crate::open::Journal;
use crate::redact::Redactor;
use crate::store::ReadError;
use crate::thread::{Committer, Request};

/// Events could not be made durable. None of them is in the journal.
#[derive(Debug, Error)]
pub enum AppendError {
    /// The database refused.
    #[error("write to {path}: {reason}", path = path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The thread that writes is gone.
    #[error("{path} is not open any more", path = path.display())]
    Gone {
        /// The file.
        path: PathBuf,
    },
    /// An earlier append failed, so the chain would have a gap.
    #[error("an earlier event could not be written to {path}", path = path.display())]
    Broken {
        /// The file.
        path: PathBuf,
    },
    /// An event cannot be written as JSON.
    #[error("write event {kind}")]
    Encode {
        /// Its kind.
        kind: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The run exists, or another assay writes it.
    #[error("run {run} {reason}")]
    Taken {
        /// The run.
        run: RunId,
        /// Why it cannot be written.
        reason: String,
    },
    /// A file beside the database cannot be written.
    #[error("write {path}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The run cannot be read back.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// The one writer of a run. While it lives, no other process can write that run.
#[derive(Debug)]
pub struct RunWriter {
    run: RunId,
    head: Head,
    head_file: Arc<HeadFile>,
    redactor: Arc<Redactor>,
    committer: Committer,
    broken: bool,
    /// An append whose caller went away before it was answered.
    pending: Option<(oneshot::Receiver<Result<(), AppendError>>, Head)>,
    _lock: File,
}

impl RunWriter {
    /// Appends events in their order; returns them as they were stored, once all are durable.
    /// Writers that wait at the same time share one transaction.
    ///
    /// # Errors
    /// When they could not be made durable; then none of them is there, and this writer refuses
    /// everything that comes later, since it would follow on a gap.
    pub async fn append(
        &mut self,
        at: Timestamp,
        step: Option<Step>,
        bodies: Vec<Body>,
    ) -> Result<Vec<Event>, AppendError> {
        self.settle().await?;
        if self.broken {
            return Err(AppendError::Broken {
                path: self.committer.path(),
            });
        }
        let mut head = self.head.clone();
        let mut rows = Vec::with_capacity(bodies.len());
        let mut events = Vec::with_capacity(bodies.len());
        for body in bodies {
            let kind = body.kind();
            let encode = |source| AppendError::Encode { kind, source };
            let mut payload = serde_json::to_value(&body).map_err(encode)?;
            // What is read back later must be what the run went on with.
            let body = if self.redactor.redact_json(&mut payload) {
                serde_json::from_value(payload.clone()).map_err(encode)?
            } else {
                body
            };
            let payload = serde_json::to_string(&payload).map_err(encode)?;
            let row = chain::link(&self.run, &mut head, at, step, kind, payload);
            events.push(Event {
                run: self.run.clone(),
                seq: head.seq,
                at,
                step,
                body,
                prev: row.prev.clone(),
                hash: row.hash.clone(),
            });
            rows.push(row);
        }
        if rows.is_empty() {
            return Ok(events);
        }
        let (done, written) = oneshot::channel();
        self.committer.send(Request {
            rows,
            run: self.run.clone(),
            head: head.clone(),
            head_file: self.head_file.clone(),
            done,
        })?;
        // The rows reach the disk even if the caller stops waiting here.
        self.pending = Some((written, head));
        self.settle().await?;
        Ok(events)
    }

    /// Waits for the answer to the last append, whoever made it.
    async fn settle(&mut self) -> Result<(), AppendError> {
        let Some((written, _)) = &mut self.pending else {
            return Ok(());
        };
        let answer = written.await;
        let head = self.pending.take().map(|(_, head)| head);
        match (answer, head) {
            (Ok(Ok(())), Some(head)) => {
                self.head = head;
                Ok(())
            }
            (Ok(Err(error)), _) => {
                self.broken = true;
                Err(error)
            }
            _ => {
                self.broken = true;
                Err(AppendError::Gone {
                    path: self.committer.path(),
                })
            }
        }
    }

    /// Where the chain ends.
    pub fn head(&self) -> &Head {
        &self.head
    }
}

impl Journal {
    /// Begins a new run.
    ///
    /// # Errors
    /// When the run exists already, or its files cannot be made.
    pub fn begin(&self, run: RunId) -> Result<RunWriter, AppendError> {
        let lock = lock(&self.state, &run)?;
        if !self.events(&run)?.is_empty() {
            return Err(AppendError::Taken {
                run,
                reason: "exists already".to_owned(),
            });
        }
        self.writer(run, Head::genesis(), lock)
    }

    /// Goes on with a run whose writer died, and gives what it had written.
    ///
    /// # Errors
    /// When another assay writes it, or its chain is not whole.
    pub fn reopen(&self, run: RunId) -> Result<(RunWriter, Vec<Event>), AppendError> {
        let lock = lock(&self.state, &run)?;
        let events = self.events(&run)?;
        let Some(last) = events.last() else {
            return Err(AppendError::Taken {
                run,
                reason: "has no events".to_owned(),
            });
        };
        let head = Head {
            seq: last.seq,
            hash: last.hash.clone(),
        };
        let writer = self.writer(run, head, lock)?;
        Ok((writer, events))
    }

    fn writer(&self, run: RunId, head: Head, lock: File) -> Result<RunWriter, AppendError> {
        let head_file = HeadFile::open(&self.state, &run).map_err(|source| AppendError::File {
            path: crate::head::path(&self.state, &run),
            source,
        })?;
        Ok(RunWriter {
            run,
            head,
            head_file: Arc::new(head_file),
            redactor: self.redactor.clone(),
            committer: self.committer.clone(),
            broken: false,
            pending: None,
            _lock: lock,
        })
    }
}

/// Takes the exclusive lock of a run. It goes with the process that holds it.
fn lock(state: &Path, run: &RunId) -> Result<File, AppendError> {
    let folder = state.join("runs");
    let path = folder.join(format!("{run}.lock"));
    let failed = |source| AppendError::File {
        path: path.clone(),
        source,
    };
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(failed)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| AppendError::Taken {
        run: run.clone(),
        reason: "is being written by another assay".to_owned(),
    })?;
    Ok(file)
}
