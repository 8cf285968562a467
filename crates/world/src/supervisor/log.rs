//! The log of an instance: what it prints, line by line, with the time in front.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::oneshot;

use crate::clock;

/// Of one line; the rest of a longer one is cut, and the line says so.
pub const LINE_BYTES_MAX: usize = 16 * 1024;

/// Of one log file. When it is full it moves to `NAME.1`, in place of the one before, so that
/// the latest lines are always there and a flood cannot fill the disk.
pub const LOG_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// One read from the pipe; what a pipe holds on Linux.
const CHUNK_BYTES: usize = 64 * 1024;

/// Cuts a stream of bytes into lines of bounded length.
#[derive(Default)]
pub(super) struct Lines {
    partial: Vec<u8>,
    cut: u64,
}

impl Lines {
    pub(super) fn push(&mut self, bytes: &[u8], mut line: impl FnMut(&[u8])) {
        let mut pieces = bytes.split(|&byte| byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            let room = LINE_BYTES_MAX
                .saturating_sub(self.partial.len())
                .min(piece.len());
            self.partial.extend_from_slice(&piece[..room]);
            self.cut += (piece.len() - room) as u64;
            if pieces.peek().is_some() {
                self.emit(&mut line);
            }
        }
    }

    /// The last line, when it had no end.
    pub(super) fn finish(mut self, mut line: impl FnMut(&[u8])) {
        if !self.partial.is_empty() {
            self.emit(&mut line);
        }
    }

    fn emit(&mut self, line: &mut impl FnMut(&[u8])) {
        if self.partial.last() == Some(&b'\r') {
            self.partial.pop();
        }
        if self.cut > 0 {
            self.partial
                .extend_from_slice(format!(" … {} bytes cut", self.cut).as_bytes());
        }
        line(&self.partial);
        self.partial.clear();
        self.cut = 0;
    }
}

/// An append-only file of stamped lines.
pub(super) struct Log {
    path: PathBuf,
    file: File,
    bytes: u64,
    bytes_max: u64,
}

impl Log {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Self::open_capped(path, LOG_BYTES_MAX)
    }

    fn open_capped(path: &Path, bytes_max: u64) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = append_lines(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self {
            path: path.to_owned(),
            file,
            bytes,
            bytes_max,
        })
    }

    /// Writes what is in `text`, which ends with a whole line.
    fn append(&mut self, text: &[u8]) -> io::Result<()> {
        if self.bytes + text.len() as u64 > self.bytes_max && self.bytes > 0 {
            let mut older = self.path.clone().into_os_string();
            older.push(".1");
            fs::rename(&self.path, &older)?;
            self.file = File::options().create(true).append(true).open(&self.path)?;
            let note = stamped(b"assay: log cap reached, older lines are in the file .1");
            self.file.write_all(&note)?;
            self.bytes = note.len() as u64;
        }
        self.bytes += text.len() as u64;
        self.file.write_all(text)
    }

    pub(super) fn line(&mut self, line: &str) -> io::Result<()> {
        self.append(&stamped(line.as_bytes()))
    }
}

/// Opens a file of lines for appending. A last line that a crash cut short is closed first, so
/// that it does not swallow the next one.
pub(super) fn append_lines(path: &Path) -> io::Result<File> {
    let mut file = File::options()
        .create(true)
        .read(true)
        .append(true)
        .open(path)?;
    if file.metadata()?.len() > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

fn stamped(line: &[u8]) -> Vec<u8> {
    let mut text = clock::stamp(clock::now()).into_bytes();
    text.push(b' ');
    text.extend_from_slice(String::from_utf8_lossy(line).as_bytes());
    text.push(b'\n');
    text
}

/// Copies a service's output to its log until it ends, or until somebody says `enough`. A log that cannot be written is given up, and the output still taken, so that a
/// full disk never blocks a service.
pub(super) async fn pump(
    mut from: impl AsyncRead + Unpin,
    log: io::Result<Log>,
    mut enough: oneshot::Receiver<()>,
) {
    let mut log = log.ok();
    let mut lines = Lines::default();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut text = Vec::new();
    loop {
        let n = tokio::select! {
            biased;
            _ = &mut enough => break,
            n = from.read(&mut chunk) => match n {
                Ok(n @ 1..) => n,
                Ok(0) | Err(_) => break,
            },
        };
        lines.push(&chunk[..n], |line| text.extend_from_slice(&stamped(line)));
        write(&mut log, &mut text);
        // A flooding service is always ready to be read; others want their turn too.
        tokio::task::yield_now().await;
    }
    lines.finish(|line| text.extend_from_slice(&stamped(line)));
    write(&mut log, &mut text);
}

fn write(log: &mut Option<Log>, text: &mut Vec<u8>) {
    if let Some(open) = log
        && !text.is_empty()
        && open.append(text).is_err()
    {
        *log = None;
    }
    text.clear();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let mut lines = Lines::default();
        let mut seen = Vec::new();
        let mut keep = |line: &[u8]| seen.push(String::from_utf8_lossy(line).into_owned());
        for chunk in chunks {
            lines.push(chunk, &mut keep);
        }
        lines.finish(&mut keep);
        seen
    }

    #[track_caller]
    fn check(chunks: &[&str], expected: &[&str]) {
        assert_eq!(cut(chunks.iter().map(|chunk| chunk.as_bytes())), expected);
    }

    #[test]
    fn lines_are_cut_at_their_ends() {
        check(&[], &[]);
        check(&["one\ntwo\n"], &["one", "two"]);
        check(&["o", "ne\r\nt", "wo"], &["one", "two"]);
        check(&["\n\n"], &["", ""]);
    }

    #[test]
    fn a_long_line_is_cut_and_says_so() {
        let long = "x".repeat(LINE_BYTES_MAX + 7);
        let expected = format!("{} … 7 bytes cut", "x".repeat(LINE_BYTES_MAX));
        check(
            &[&long[..100], &long[100..], "\nnext\n"],
            &[&expected, "next"],
        );
    }

    proptest! {
        #[test]
        fn how_the_bytes_arrive_does_not_matter(
            text in "[a-c\n\r]{0,60}",
            at in 0usize..60,
        ) {
            let (head, tail) = text.as_bytes().split_at(at.min(text.len()));
            prop_assert_eq!(cut([head, tail]), cut([text.as_bytes()]));
        }
    }

    #[test]
    fn a_full_log_moves_aside_and_keeps_the_latest_lines() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("var/api.log");
        let mut log = Log::open_capped(&path, 400).unwrap();
        for n in 0..50 {
            log.line(&format!("line {n}")).unwrap();
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.lines().next().unwrap().contains("log cap reached"),
            "{text}"
        );
        assert!(text.ends_with(" line 49\n"), "{text}");
        assert!(text.len() <= 500);
        assert!(
            fs::metadata(dir.path().join("var/api.log.1"))
                .unwrap()
                .len()
                <= 500
        );
    }

    #[test]
    fn a_torn_line_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        fs::write(&path, "torn").unwrap();
        Log::open(&path).unwrap().line("whole").unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.starts_with("torn\n") && text.ends_with(" whole\n"),
            "{text}"
        );
    }
}
