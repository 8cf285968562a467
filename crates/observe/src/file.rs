//! `file`: a log file, and those that it was rotated to, in a window of time.
//!
//! Files are read from their end, and only as far back as the window, or what is kept of a log,
//! reaches. Lines without a time belong to the line before them.

mod backwards;
mod rotated;
mod slice;

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

use assay_model::{Blind, Sighting, Source, Timestamp, Window};
use flate2::read::MultiGzDecoder;
use thiserror::Error;

use self::rotated::{Packed, Rotated, rotated};
use self::slice::{End, Slice};
use crate::look::{CannotSee, Look, Seen, log_only, off_thread};
use crate::tail::Tail;

const NAME: &str = "file";

/// Of one file, from its end: hours of a busy log, read in a fraction of the deadline.
const READ_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Of a packed file once unpacked, in memory: a packed log's end can only be reached through its
/// beginning.
const UNPACKED_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// The file could not be read.
#[derive(Debug, Error)]
pub(crate) enum LogFileError {
    /// There is no such file, nor one that it was rotated to.
    #[error("no log file {path}")]
    Missing { path: String },
    /// A folder, a pipe, a device.
    #[error("{path} is not a file")]
    NotAFile { path: String },
    /// It is there, and cannot be read.
    #[error("read log file {path}")]
    Read {
        path: String,
        #[source]
        source: io::Error,
    },
}

impl CannotSee for LogFileError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } => {
                Some("paths start at the folder of assay.toml; has the service run yet?".to_owned())
            }
            Self::NotAFile { .. } => Some("name the file that the service writes to".to_owned()),
            Self::Read { path, source } => (source.kind() == io::ErrorKind::PermissionDenied)
                .then(|| format!("let this user read it: ls -l {path}")),
        }
    }
}

/// Reads the file's part of the window. Without a wish for logs it only looks whether it is there.
pub(crate) async fn look(path: &str, root: &Path, look: &Look) -> Result<Seen, LogFileError> {
    let reader = Reader {
        path: root.join(path),
        label: path.to_owned(),
        window: look.window.clone(),
    };
    let label = path.to_owned();
    let everything = look.wants_everything();
    off_thread(move || {
        if everything {
            reader.read()
        } else {
            reader.current().map(|_| Seen::default())
        }
    })
    .await
    .map_err(|source| LogFileError::Read {
        path: label,
        source,
    })?
}

struct Reader {
    path: PathBuf,
    label: String,
    window: Window,
}

/// What was gathered from one file.
struct Part {
    name: String,
    slice: Slice,
    /// Length of the current file when it was read; it grows meanwhile.
    len: Option<u64>,
}

impl Reader {
    fn read(&self) -> Result<Seen, LogFileError> {
        let mut parts = Vec::new();
        let mut notes = Vec::new();
        let mut goes_on = true;
        if let Some((file, modified)) = self.current()? {
            let len = file.metadata().map_err(|error| self.failed(error))?.len();
            let slice = Slice::of(file, len, READ_BYTES_MAX, &self.window, modified)
                .map_err(|error| self.failed(error))?;
            goes_on = self.judge(&self.label, &slice, &mut notes);
            parts.push(Part {
                name: self.label.clone(),
                slice,
                len: Some(len),
            });
        }
        if goes_on {
            self.older(&mut parts, &mut notes)?;
        }
        let log = self.joined(parts)?;
        Ok(Seen {
            instances: vec![Sighting {
                instance: log_only(NAME, &self.label),
                wanted: false,
                log,
                record: None,
            }],
            blind: notes,
            ..Seen::default()
        })
    }

    /// The file itself; `None` when it is not there but was rotated.
    fn current(&self) -> Result<Option<(File, Timestamp)>, LogFileError> {
        let seen = match std::fs::metadata(&self.path) {
            Ok(seen) => seen,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let older = rotated(&self.path, Timestamp::MIN).unwrap_or_default();
                if older.is_empty() {
                    let path = self.label.clone();
                    return Err(LogFileError::Missing { path });
                }
                return Ok(None);
            }
            Err(error) => return Err(self.failed(error)),
        };
        // Opening a pipe would wait for somebody to write to it.
        if !seen.is_file() {
            let path = self.label.clone();
            return Err(LogFileError::NotAFile { path });
        }
        let file = File::open(&self.path).map_err(|error| self.failed(error))?;
        let modified = seen.modified().map_err(|error| self.failed(error))?;
        let modified = Timestamp::try_from(modified).unwrap_or(self.window.to);
        Ok(Some((file, modified)))
    }

    /// Adds what rotated files have of the window, going back in time.
    fn older(&self, parts: &mut Vec<Part>, notes: &mut Vec<Blind>) -> Result<(), LogFileError> {
        let older = rotated(&self.path, self.window.from).map_err(|error| self.failed(error))?;
        for file in older {
            let name = file.path.file_name().unwrap_or_default().to_string_lossy();
            let name = match self.label.rsplit_once('/') {
                Some((folder, _)) => format!("{folder}/{name}"),
                None => name.into_owned(),
            };
            match self.one_older(&file) {
                Ok(slice) => {
                    let goes_on = self.judge(&name, &slice, notes);
                    parts.push(Part {
                        name,
                        slice,
                        len: None,
                    });
                    if !goes_on {
                        break;
                    }
                }
                Err(error) => notes.push(note(format!("{name}, rotated, was not read: {error}"))),
            }
        }
        Ok(())
    }

    fn one_older(&self, file: &Rotated) -> io::Result<Slice> {
        let open = File::open(&file.path)?;
        match file.packed {
            Packed::Not => {
                let len = open.metadata()?.len();
                Slice::of(open, len, READ_BYTES_MAX, &self.window, file.modified)
            }
            Packed::Gzip => {
                let mut bytes = Vec::new();
                let unpacked = MultiGzDecoder::new(open);
                unpacked
                    .take(UNPACKED_BYTES_MAX + 1)
                    .read_to_end(&mut bytes)?;
                let len = bytes.len() as u64;
                if len > UNPACKED_BYTES_MAX {
                    let mib = UNPACKED_BYTES_MAX / 1024 / 1024;
                    return Err(io::Error::other(format!(
                        "it is larger than {mib} MiB unpacked"
                    )));
                }
                Slice::of(Cursor::new(bytes), len, len, &self.window, file.modified)
            }
            Packed::Otherwise => Err(io::Error::other("only gzip is unpacked here")),
        }
    }

    /// Notes what a slice could not show, and says whether older files may have more.
    fn judge(&self, name: &str, slice: &Slice, notes: &mut Vec<Blind>) -> bool {
        match slice.end {
            End::Reached | End::Full => false,
            End::Start => true,
            End::Timeless => {
                notes.push(note(format!(
                    "no line of {name} says when it was written; its end is shown, whenever that was"
                )));
                false
            }
            End::Truncated => {
                notes.push(note(format!(
                    "{name} was cut short while it was read; what was cut is not known"
                )));
                true
            }
            End::Budget => {
                let mib = READ_BYTES_MAX / 1024 / 1024;
                notes.push(note(format!(
                    "only the last {mib} MiB of {name} were read; the window begins before them"
                )));
                false
            }
        }
    }

    /// One log out of parts, of which the latest comes first.
    fn joined(&self, parts: Vec<Part>) -> Result<Option<(Source, String)>, LogFileError> {
        let mut names = Vec::new();
        let mut only = None;
        let mut tail = Tail::default();
        for part in parts.into_iter().rev() {
            if part.slice.lines.is_empty() {
                continue;
            }
            only = Some((part.slice.first, part.slice.last(), part.len));
            names.push(part.name);
            for (at, line) in part.slice.lines {
                match at {
                    Some(at) => tail.push(at, &line),
                    None => tail.push_bare(&line),
                }
            }
        }
        let Some(text) = tail.into_text() else {
            return Ok(None);
        };
        let source = match (names.as_slice(), only) {
            ([name], Some((first, last, len))) => self.lines_of(name, first, last, len)?,
            _ => Source::Derived {
                what: format!("lines of {}", names.join(", ")),
            },
        };
        Ok(Some((source, text)))
    }

    /// Where lines stand in a file, given how many lines there are from each to its end; without
    /// numbers for a rotated file, and for one too large to count its lines.
    fn lines_of(
        &self,
        name: &str,
        first: u64,
        last: u64,
        len: Option<u64>,
    ) -> Result<Source, LogFileError> {
        let path = name.to_owned();
        let Some(len) = len.filter(|len| *len <= READ_BYTES_MAX) else {
            return Ok(Source::File { path, line: None });
        };
        let total = slice::count_lines(&self.path, len).map_err(|error| self.failed(error))?;
        Ok(Source::Log {
            path,
            from_line: (total + 1).saturating_sub(first).max(1),
            to_line: (total + 1).saturating_sub(last).max(1),
        })
    }

    fn failed(&self, source: io::Error) -> LogFileError {
        LogFileError::Read {
            path: self.label.clone(),
            source,
        }
    }
}

fn note(reason: String) -> Blind {
    Blind {
        observer: NAME.to_owned(),
        reason,
        hint: None,
    }
}
