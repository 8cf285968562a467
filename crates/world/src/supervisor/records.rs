//! What a supervisor leaves in files: starts, exits, logs. Readable while it runs, after it has
//! ended, and after it was killed in the middle of a line.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use assay_model::{Exit, RevisionId, ServiceName, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::log::append_lines;
use crate::files::FileError;

/// The part of a file of starts or exits that is read, from its end: months of restarts.
const RECORDS_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// A process that was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartRecord {
    /// The instance's name.
    pub instance: String,
    /// Whose instance it is.
    pub service: ServiceName,
    /// What it runs.
    pub revision: RevisionId,
    /// When.
    pub at: Timestamp,
    /// Its pid.
    pub pid: u32,
    /// The port that it was given.
    pub port: Option<u16>,
}

/// A process that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitRecord {
    /// The instance's name.
    pub instance: String,
    /// Whose instance it is.
    pub service: ServiceName,
    /// What it ran.
    pub revision: RevisionId,
    /// How, and when.
    #[serde(flatten)]
    pub exit: Exit,
}

/// A range of a log by time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogWindow {
    /// Whole lines.
    pub text: String,
    /// 1-based line of the file; 0 when there is no line.
    pub from_line: u64,
    /// 1-based, and part of the window.
    pub to_line: u64,
    /// Earlier lines of the window are missing here, because there are too many or because they
    /// moved to the file `.1`.
    pub truncated: bool,
}

/// The path of the list of exits, for whoever keeps it as evidence.
pub fn exits_path(dir: &Path) -> PathBuf {
    dir.join("exits.jsonl")
}

/// The path of the list of starts.
pub fn starts_path(dir: &Path) -> PathBuf {
    dir.join("starts.jsonl")
}

/// Every exit that supervisors of this folder recorded, oldest first.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn read_exits(dir: &Path) -> Result<Vec<ExitRecord>, FileError> {
    read_records(&exits_path(dir))
}

/// Every start that supervisors of this folder recorded, oldest first.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn read_starts(dir: &Path) -> Result<Vec<StartRecord>, FileError> {
    read_records(&starts_path(dir))
}

/// The lines of an instance's log between two moments, both included, and at most `bytes_max` of
/// them, the latest. A log that is not there has no lines.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn read_log_window(
    path: &Path,
    from: Timestamp,
    to: Timestamp,
    bytes_max: usize,
) -> Result<LogWindow, FileError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(LogWindow::default()),
        Err(error) => return Err(FileError::of("read", path)(error)),
    };
    Ok(window(
        &String::from_utf8_lossy(&bytes),
        from,
        to,
        bytes_max,
    ))
}

fn window(text: &str, from: Timestamp, to: Timestamp, bytes_max: usize) -> LogWindow {
    // The last line counts only when its end was written.
    let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    let mut found = LogWindow::default();
    let (mut start, mut end, mut offset, mut inside) = (0, 0, 0, false);
    for (n, line) in whole.split_inclusive('\n').enumerate() {
        // A line without a time of its own was torn by a crash; it belongs to the one before.
        if let Some(at) = line
            .split(' ')
            .next()
            .and_then(|at| at.parse::<Timestamp>().ok())
        {
            inside = from <= at && at <= to;
            found.truncated |= n == 0 && from < at && line.contains("log cap reached");
        }
        if inside {
            if found.from_line == 0 {
                (found.from_line, start) = (n as u64 + 1, offset);
            }
            (found.to_line, end) = (n as u64 + 1, offset + line.len());
        }
        offset += line.len();
    }
    // Clocks may step back, so the range is cut only once it is whole.
    while end - start > bytes_max {
        let first = whole[start..end]
            .find('\n')
            .map_or(end - start, |at| at + 1);
        start += first;
        found.from_line += 1;
        found.truncated = true;
    }
    if start == end {
        (found.from_line, found.to_line) = (0, 0);
    }
    whole[start..end].clone_into(&mut found.text);
    found
}

fn read_records<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, FileError> {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let skip = file.metadata()?.len().saturating_sub(RECORDS_BYTES_MAX);
        file.seek(SeekFrom::Start(skip))?;
        let mut bytes = Vec::new();
        file.take(RECORDS_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        // Lines that a crash tore, or that the limit cut, are no records.
        Ok(bytes) => Ok(bytes
            .split(|&byte| byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(FileError::of("read", path)(error)),
    }
}

/// Appends records. They are in the file, though perhaps not on the disk, before anybody is told
/// of them: a killed supervisor loses none.
pub(super) struct Records {
    starts: Mutex<File>,
    exits: Mutex<File>,
}

impl Records {
    pub(super) fn open(dir: &Path) -> Result<Self, FileError> {
        let open = |path: PathBuf| {
            append_lines(&path)
                .map(Mutex::new)
                .map_err(FileError::of("open", &path))
        };
        Ok(Self {
            starts: open(starts_path(dir))?,
            exits: open(exits_path(dir))?,
        })
    }

    pub(super) fn start(&self, record: &StartRecord) -> io::Result<()> {
        append(&self.starts, record)
    }

    pub(super) fn exit(&self, record: &ExitRecord) -> io::Result<()> {
        append(&self.exits, record)
    }
}

fn append(file: &Mutex<File>, record: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    file.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .write_all(&line)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "2026-01-01T00:00:01.000Z one\n\
                       2026-01-01T00:00:02.000Z two\n\
                       torn\n\
                       2026-01-01T00:00:03.000Z three\n\
                       2026-01-01T00:00:04.000Z no end";

    #[track_caller]
    fn check(from: &str, to: &str, bytes_max: usize, lines: (u64, u64), words: &str) {
        let at = |second: &str| format!("2026-01-01T00:00:{second}Z").parse().unwrap();
        let found = window(LOG, at(from), at(to), bytes_max);
        let seen: Vec<_> = found
            .text
            .lines()
            .map(|line| line.rsplit(' ').next().unwrap())
            .collect();
        assert_eq!(
            ((found.from_line, found.to_line), seen.join(" ")),
            (lines, words.to_owned())
        );
    }

    #[test]
    fn a_window_holds_both_ends() {
        check("00.5", "09", 1000, (1, 4), "one two torn three");
        check("01", "01", 1000, (1, 1), "one");
        check("02", "03", 1000, (2, 4), "two torn three");
        check("03.001", "09", 1000, (0, 0), "");
    }

    #[test]
    fn a_bounded_window_holds_the_latest_lines() {
        check("00", "09", 70, (2, 4), "two torn three");
        check("00", "09", 35, (4, 4), "three");
        check("00", "09", 5, (0, 0), "");
    }

    #[test]
    fn torn_records_are_skipped() {
        let dir = tempfile::tempdir().unwrap();
        let record = StartRecord {
            instance: "api-1".to_owned(),
            service: "api".into(),
            revision: "r1".into(),
            at: Timestamp::UNIX_EPOCH,
            pid: 7,
            port: None,
        };
        Records::open(dir.path()).unwrap().start(&record).unwrap();
        let path = starts_path(dir.path());
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend_from_within(..bytes.len() / 2);
        fs::write(&path, bytes).unwrap();
        Records::open(dir.path()).unwrap().start(&record).unwrap();
        assert_eq!(read_starts(dir.path()).unwrap(), [record.clone(), record]);
        assert_eq!(read_exits(&dir.path().join("none")).unwrap(), []);
    }
}
