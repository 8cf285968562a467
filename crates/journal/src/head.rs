//! The head record of a run: a few bytes beside the database that say how far the run has come.
//!
//! It is written after the commit, so a crash leaves it behind the database or level with it,
//! never ahead. A database that ends before its head has lost events.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use assay_model::RunId;
use blake3::{Hash, Hasher};
use tempfile::NamedTempFile;
use thiserror::Error;

use crate::chain::Tip;

/// Name and version of the record.
const MAGIC: [u8; 8] = *b"ASSAYHD\x01";

/// Magic, sequence number, hash, checksum; well inside one disk sector, which is what makes
/// overwriting it in place safe.
const RECORD_BYTES: usize = 8 + 8 + 32 + 16;

/// Reads of a record that somebody else may be writing at this moment. A second read sees it
/// whole; the rest is caution.
const READS_MAX: u32 = 8;

/// A head record cannot be written.
#[derive(Debug, Error)]
#[error("cannot write head record {}", path.display())]
pub struct HeadError {
    /// The record.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// What stands in the place of a head record.
#[derive(Debug)]
pub(crate) enum Recorded {
    Tip(Tip),
    Missing,
    Unreadable(String),
}

/// The head record of one run, open for writing.
#[derive(Debug)]
pub(crate) struct HeadFile {
    run: RunId,
    path: PathBuf,
    file: File,
}

impl HeadFile {
    /// Creates the record of a new run; it appears complete or not at all.
    pub(crate) fn create(state_dir: &Path, run: &RunId) -> Result<Self, HeadError> {
        let path = path(state_dir, run);
        let failed = |source| HeadError {
            path: path.clone(),
            source,
        };
        let folder = state_dir.join("heads");
        let create = || -> io::Result<()> {
            fs::create_dir_all(&folder)?;
            let mut temporary = NamedTempFile::new_in(&folder)?;
            temporary.write_all(&encode(run, &Tip::START))?;
            temporary.as_file().sync_all()?;
            temporary
                .persist_noclobber(&path)
                .map_err(|error| error.error)?;
            File::open(&folder)?.sync_all()
        };
        create().map_err(failed)?;
        Self::open(state_dir, run)
    }

    /// Opens the record of a run that exists.
    pub(crate) fn open(state_dir: &Path, run: &RunId) -> Result<Self, HeadError> {
        let path = path(state_dir, run);
        match OpenOptions::new().write(true).open(&path) {
            Ok(file) => Ok(Self {
                run: run.clone(),
                path,
                file,
            }),
            Err(source) => Err(HeadError { path, source }),
        }
    }

    pub(crate) fn write(&self, tip: &Tip) -> Result<(), HeadError> {
        self.file
            .write_all_at(&encode(&self.run, tip), 0)
            .map_err(|source| HeadError {
                path: self.path.clone(),
                source,
            })
    }
}

/// Where the record of a run stands.
pub(crate) fn path(state_dir: &Path, run: &RunId) -> PathBuf {
    state_dir.join("heads").join(run.as_str())
}

/// Reads the record of a run that may be being written.
pub(crate) fn read(state_dir: &Path, run: &RunId) -> Recorded {
    let path = path(state_dir, run);
    let mut reason = String::new();
    for _ in 0..READS_MAX {
        let mut bytes = Vec::with_capacity(RECORD_BYTES + 1);
        let read = File::open(&path)
            .and_then(|file| file.take(RECORD_BYTES as u64 + 1).read_to_end(&mut bytes));
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Recorded::Missing,
            Err(error) => reason = error.to_string(),
            Ok(_) => match decode(run, &bytes) {
                Ok(tip) => return Recorded::Tip(tip),
                Err(why) => reason = why.to_owned(),
            },
        }
        std::thread::yield_now();
    }
    Recorded::Unreadable(reason)
}

fn encode(run: &RunId, tip: &Tip) -> Vec<u8> {
    let mut record = Vec::with_capacity(RECORD_BYTES);
    record.extend_from_slice(&MAGIC);
    record.extend_from_slice(&tip.seq.to_le_bytes());
    record.extend_from_slice(tip.hash.as_bytes());
    let checksum = checksum(run, &record);
    record.extend_from_slice(&checksum);
    record
}

fn decode(run: &RunId, record: &[u8]) -> Result<Tip, &'static str> {
    if record.len() != RECORD_BYTES {
        return Err("it has another length than a head record");
    }
    let (content, sum) = record.split_at(RECORD_BYTES - 16);
    if checksum(run, content) != sum {
        return Err("its checksum does not match");
    }
    let (magic, content) = content.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err("it is of another format");
    }
    let (seq, hash) = content.split_at(8);
    let seq = seq
        .try_into()
        .map(u64::from_le_bytes)
        .map_err(|_| "its number is cut off")?;
    let hash = Hash::from_slice(hash).map_err(|_| "its hash is cut off")?;
    Ok(Tip { seq, hash })
}

/// Half a BLAKE3. The run is part of it, so that one run's record cannot stand in for another's.
fn checksum(run: &RunId, content: &[u8]) -> [u8; 16] {
    let mut hasher = Hasher::new();
    hasher.update(content);
    hasher.update(run.as_bytes());
    let mut sum = [0; 16];
    sum.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_and_any_changed_byte_shows() {
        let run = RunId::new("a");
        let tip = Tip {
            seq: 7,
            hash: blake3::hash(b"x"),
        };
        let record = encode(&run, &tip);
        assert_eq!(decode(&run, &record), Ok(tip));
        assert!(decode(&RunId::new("b"), &record).is_err());
        assert!(decode(&run, &record[..RECORD_BYTES - 1]).is_err());
        for at in 0..RECORD_BYTES {
            let mut changed = record.clone();
            changed[at] ^= 0x10;
            assert!(decode(&run, &changed).is_err(), "byte {at}");
        }
    }
}
