//! The lines of a file from its end.

use std::io::{self, Read, Seek, SeekFrom};

/// One read.
const CHUNK_BYTES: usize = 64 * 1024;

/// Of one line; a longer one, which no person wrote, comes in pieces.
const LINE_BYTES_MAX: usize = 1024 * 1024;

/// Lines from the end of a file to its start, or to where a bound ends it.
pub(super) struct Backwards<R> {
    file: R,
    /// Where in the file `buffer` begins.
    at: u64,
    buffer: Vec<u8>,
    /// May still be read.
    budget: u64,
    is_over: bool,
    was_truncated: bool,
}

impl<R: Read + Seek> Backwards<R> {
    /// Reads the first `len` bytes of `file`, at most `budget` of them, the last ones.
    pub(super) fn new(file: R, len: u64, budget: u64) -> io::Result<Self> {
        let mut lines = Self {
            file,
            at: len,
            buffer: Vec::new(),
            budget,
            is_over: len == 0,
            was_truncated: false,
        };
        if lines.more()? && lines.buffer.last() == Some(&b'\n') {
            lines.buffer.pop();
        }
        Ok(lines)
    }

    /// The file became shorter while it was read: what stood there is gone.
    pub(super) fn was_truncated(&self) -> bool {
        self.was_truncated
    }

    /// Every line of it was given.
    pub(super) fn is_whole(&self) -> bool {
        self.is_over && self.at == 0 && !self.was_truncated
    }

    /// The line before the last one, without its end.
    pub(super) fn previous(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.is_over {
            return Ok(None);
        }
        // What was searched already is not searched again.
        let mut searched = 0;
        loop {
            let unsearched = self.buffer.len() - searched;
            let found = self.buffer[..unsearched].iter().rposition(|b| *b == b'\n');
            if let Some(end) = found {
                let line = self.buffer.split_off(end + 1);
                self.buffer.pop();
                return Ok(Some(line));
            }
            searched = self.buffer.len();
            if searched > LINE_BYTES_MAX {
                return Ok(Some(std::mem::take(&mut self.buffer)));
            }
            if !self.more()? {
                self.is_over = true;
                // Where a bound ended it, the piece of a line that is left is no line.
                let whole = self.at == 0 && !self.was_truncated;
                return Ok(whole.then(|| std::mem::take(&mut self.buffer)));
            }
        }
    }

    /// Puts the chunk before the buffer in front of it, if there is one.
    fn more(&mut self) -> io::Result<bool> {
        let size = self.at.min(self.budget).min(CHUNK_BYTES as u64);
        if size == 0 || self.was_truncated {
            return Ok(false);
        }
        self.at -= size;
        self.budget -= size;
        self.file.seek(SeekFrom::Start(self.at))?;
        let mut chunk = vec![0; usize::try_from(size).unwrap_or(CHUNK_BYTES)];
        match self.file.read_exact(&mut chunk) {
            Ok(()) => {
                chunk.append(&mut self.buffer);
                self.buffer = chunk;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.was_truncated = true;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8], len: u64, budget: u64) -> (Vec<String>, bool, bool) {
        let mut lines = Backwards::new(Cursor::new(bytes), len, budget).unwrap();
        let mut found = Vec::new();
        while let Some(line) = lines.previous().unwrap() {
            found.push(String::from_utf8_lossy(&line).into_owned());
        }
        (found, lines.is_whole(), lines.was_truncated())
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let (found, whole, _) = read(text.as_bytes(), text.len() as u64, u64::MAX);
        assert_eq!(
            (found, whole),
            (expected.iter().map(|&line| line.to_owned()).collect(), true)
        );
    }

    #[test]
    fn lines_come_from_the_end() {
        check("", &[]);
        check("\n", &[""]);
        check("a", &["a"]);
        check("a\n", &["a"]);
        check("a\nb", &["b", "a"]);
        check("\n\nb\n\n", &["", "b", "", ""]);
    }

    #[test]
    fn a_budget_ends_it_without_a_torn_line() {
        let text = b"one\ntwo\nthree\n";
        assert_eq!(read(text, 14, 8), (vec!["three".to_owned()], false, false));
        assert_eq!(read(text, 14, 3), (vec![], false, false));
    }

    #[test]
    fn a_file_that_shrinks_is_told() {
        let long = "x\n".repeat(CHUNK_BYTES);
        let (found, whole, truncated) = read(&long.as_bytes()[..10], long.len() as u64, u64::MAX);
        assert_eq!((found.len(), whole, truncated), (0, false, true));
    }

    #[test]
    fn a_line_without_end_comes_in_pieces() {
        let long = "x".repeat(3 * LINE_BYTES_MAX);
        let (found, whole, _) = read(long.as_bytes(), long.len() as u64, u64::MAX);
        assert!(whole && found.len() > 1 && found.concat() == long);
    }

    proptest! {
        #[test]
        fn it_is_lines_reversed(text in "[ab\n]{0,300}", repeat in 1_usize..2_000) {
            let text = text.repeat(repeat);
            let (mut found, whole, _) = read(text.as_bytes(), text.len() as u64, u64::MAX);
            found.reverse();
            prop_assert!(whole);
            prop_assert_eq!(found, text.lines().map(str::to_owned).collect::<Vec<_>>());
        }
    }
}
