//! Head records: where each run's chain ends, beside the database, so that a tail cut off the
//! database shows.
//!
//! A record is one line of fixed length: `assay-head 1 SEQ HASH CHECK`, where SEQ has twenty
//! digits and CHECK is the BLAKE3 of what comes before it. It is written after the commit, so a
//! crash leaves it behind the database or level with it, never ahead.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use assay_model::RunId;
use thiserror::Error;

use crate::chain::Head;

const MAGIC: &str = "assay-head 1";

/// A head record does not say where the chain ends.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HeadError {
    /// It is not there.
    #[error("head record {path} is missing")]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("head record {path} cannot be read: {reason}")]
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Its bytes are not those that were written.
    #[error("head record {path} was changed")]
    Changed {
        /// Where it is.
        path: PathBuf,
    },
}

/// Where the record of a run lies.
pub(crate) fn path(state: &Path, run: &RunId) -> PathBuf {
    state.join("heads").join(run.as_str())
}

fn render(head: &Head) -> String {
    let text = format!("{MAGIC} {:020} {}", head.seq, head.hash);
    let check = blake3::hash(text.as_bytes()).to_hex();
    format!("{text} {check}\n")
}

/// The open record of one run.
#[derive(Debug)]
pub(crate) struct HeadFile(File);

impl HeadFile {
    /// Opens the record of a run; a new one starts empty.
    pub(crate) fn open(state: &Path, run: &RunId) -> io::Result<Self> {
        let path = path(state, run);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map(Self)
    }

    /// Overwrites the record. It is not synced: after a power cut it may be older than the
    /// database, which is allowed.
    pub(crate) fn write(&self, head: &Head) -> io::Result<()> {
        self.0.write_all_at(render(head).as_bytes(), 0)
    }
}

/// What the record of a run says.
pub(crate) fn read(state: &Path, run: &RunId) -> Result<Head, HeadError> {
    let path = path(state, run);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            HeadError::Missing { path: path.clone() }
        } else {
            HeadError::Unreadable {
                path: path.clone(),
                reason: error.to_string(),
            }
        }
    })?;
    let parsed = text.strip_prefix(MAGIC).and_then(|rest| {
        let mut fields = rest.split_whitespace();
        let seq = fields.next()?.parse().ok()?;
        Some(Head {
            seq,
            hash: fields.next()?.to_owned(),
        })
    });
    // Rendering what was read must give the same bytes back, the checksum included.
    parsed
        .filter(|head| render(head) == text)
        .ok_or(HeadError::Changed { path })
}
