//! One writer per run: an advisory lock that the kernel lets go of when its holder dies.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use assay_model::RunId;
use rustix::fs::{FlockOperation, flock};
use thiserror::Error;

/// A run cannot be locked.
#[derive(Debug, Error)]
pub enum LockError {
    /// Somebody else is writing it.
    #[error("run {run} is being written by another assay (it holds {})", path.display())]
    Held {
        /// The run.
        run: RunId,
        /// The lock.
        path: PathBuf,
    },
    /// The lock's file cannot be opened or locked.
    #[error("cannot lock {}", path.display())]
    Io {
        /// The lock.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Held as long as it lives.
#[derive(Debug)]
pub(crate) struct RunLock {
    _file: File,
}

impl RunLock {
    /// Takes the lock at once or not at all.
    pub(crate) fn take(state_dir: &Path, run: &RunId) -> Result<Self, LockError> {
        let folder = state_dir.join("runs");
        let path = folder.join(format!("{run}.lock"));
        let opened = fs::create_dir_all(&folder).and_then(|()| {
            OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
        });
        let file = match opened {
            Ok(file) => file,
            Err(source) => return Err(LockError::Io { path, source }),
        };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(LockError::Held {
                run: run.clone(),
                path,
            }),
            Err(errno) => Err(LockError::Io {
                path,
                source: errno.into(),
            }),
        }
    }
}
