//! The lines of one file that belong to a window.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use assay_model::{Timestamp, Window};

use super::backwards::Backwards;
use crate::log_time::{Times, find};
use crate::look::holds;
use crate::tail::LOG_BYTES_MAX;

/// How far out of order lines may stand, in seconds: writers that share a file take turns.
const DISORDER_S: i64 = 60;

/// One read while counting lines.
const CHUNK_BYTES: usize = 64 * 1024;

/// Lines of one file, oldest first.
pub(super) struct Slice {
    /// Each with its time, or with that of the line that it belongs to.
    pub(super) lines: VecDeque<(Option<Timestamp>, String)>,
    /// How many lines there are from the first of them to the end of the file, it included.
    pub(super) first: u64,
    last: u64,
    /// Why there are no earlier ones.
    pub(super) end: End,
}

/// Where reading back ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// At a line from before the window.
    Reached,
    /// At the start of the file.
    Start,
    /// As much as is kept was found.
    Full,
    /// No line has a time.
    Timeless,
    /// The file was cut short meanwhile.
    Truncated,
    /// The bound on reading.
    Budget,
}

impl Slice {
    /// Reads `file` from its end; it was last written at `modified`.
    pub(super) fn of(
        file: impl Read + Seek,
        len: u64,
        budget: u64,
        window: &Window,
        modified: Timestamp,
    ) -> io::Result<Self> {
        let mut back = Backwards::new(file, len, budget)?;
        let mut gather = Gather::new(window, modified);
        let mut ended = None;
        while let Some(line) = back.previous()? {
            ended = gather.line(&String::from_utf8_lossy(&line));
            if ended.is_some() {
                break;
            }
        }
        let end = ended.unwrap_or(if back.was_truncated() {
            End::Truncated
        } else if back.is_whole() {
            End::Start
        } else {
            End::Budget
        });
        Ok(gather.finish(end))
    }

    /// How many lines there are from the last of them to the end of the file, it included.
    pub(super) fn last(&self) -> u64 {
        self.last
    }
}

/// Gathers lines that come latest first.
struct Gather<'a> {
    window: &'a Window,
    modified: Timestamp,
    /// Known from the first line that has a time.
    times: Option<Times>,
    /// Lines without a time that belong to one still to come, latest first.
    pending: Vec<(u64, String)>,
    pending_bytes: usize,
    /// Of the earliest line with a time.
    earliest: Option<Timestamp>,
    lines: VecDeque<(Option<Timestamp>, String)>,
    bytes: usize,
    count: u64,
    first: u64,
    last: u64,
}

impl<'a> Gather<'a> {
    fn new(window: &'a Window, modified: Timestamp) -> Self {
        Self {
            window,
            modified,
            times: None,
            pending: Vec::new(),
            pending_bytes: 0,
            earliest: None,
            lines: VecDeque::new(),
            bytes: 0,
            count: 0,
            first: 0,
            last: 0,
        }
    }

    /// Takes the next earlier line; says when enough was seen.
    fn line(&mut self, line: &str) -> Option<End> {
        self.count += 1;
        let found = find(line);
        let at = found.and_then(|found| {
            let calibrate = || Times::calibrated(found.time, self.modified);
            self.times.get_or_insert_with(calibrate).resolve(found.time)
        });
        let (Some(found), Some(at)) = (found, at) else {
            // An empty line costs room, too.
            self.pending_bytes += line.len() + size_of::<(u64, String)>();
            self.pending.push((self.count, line.to_owned()));
            let full = self.pending_bytes > LOG_BYTES_MAX;
            return full.then_some(match self.earliest {
                None => End::Timeless,
                Some(_) => End::Full,
            });
        };
        self.earliest = Some(at);
        if holds(self.window, at) {
            self.take_pending(Some(at));
            self.take(self.count, Some(at), found.rest(line).to_owned());
            return (self.bytes > LOG_BYTES_MAX).then_some(End::Full);
        }
        self.pending.clear();
        self.pending_bytes = 0;
        let reached = at.as_second() + DISORDER_S < self.window.from.as_second();
        reached.then_some(End::Reached)
    }

    fn take_pending(&mut self, at: Option<Timestamp>) {
        self.pending_bytes = 0;
        for (number, line) in std::mem::take(&mut self.pending) {
            self.take(number, at, line);
        }
    }

    fn take(&mut self, number: u64, at: Option<Timestamp>, line: String) {
        if self.lines.is_empty() {
            self.last = number;
        }
        self.first = number;
        self.bytes += line.len();
        self.lines.push_front((at, line));
    }

    fn finish(mut self, end: End) -> Slice {
        let end = match self.earliest {
            None if !self.pending.is_empty() => End::Timeless,
            _ => end,
        };
        match (end, self.earliest) {
            (End::Timeless, _) => self.take_pending(None),
            // A greeting at the head of the file, before its first line with a time.
            (End::Start, Some(at)) if holds(self.window, at) => self.take_pending(Some(at)),
            // The rest of a line whose head is not known to belong to the window.
            _ => {}
        }
        Slice {
            lines: self.lines,
            first: self.first,
            last: self.last,
            end,
        }
    }
}

/// How many lines the first `len` bytes of a file have.
pub(super) fn count_lines(path: &Path, len: u64) -> io::Result<u64> {
    let mut file = File::open(path)?.take(len);
    let mut chunk = vec![0; CHUNK_BYTES];
    let (mut lines, mut last) = (0, b'\n');
    loop {
        let n = file.read(&mut chunk)?;
        if n == 0 {
            return Ok(lines + u64::from(last != b'\n'));
        }
        let ends = chunk[..n].iter().filter(|byte| **byte == b'\n').count();
        lines += ends as u64;
        last = chunk[n - 1];
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// Lines of ten minutes from ten o'clock, in UTC, of a file last written at 10:10:00.
    #[track_caller]
    fn check(text: &str, expected: &[&str], end: End) {
        let window = Window {
            from: "2026-11-23T10:00:00Z".parse().unwrap(),
            to: "2026-11-23T10:10:00Z".parse().unwrap(),
        };
        let file = Cursor::new(text.as_bytes());
        let len = text.len() as u64;
        let slice = Slice::of(file, len, len, &window, window.to).unwrap();
        let shown = |(at, line): &(Option<Timestamp>, String)| {
            let at = at.map_or("?".to_owned(), |at| at.to_string()[11..19].to_owned());
            format!("{at} {line}")
        };
        let lines: Vec<String> = slice.lines.iter().map(shown).collect();
        assert_eq!(
            (lines, slice.end),
            (expected.iter().map(|&it| it.to_owned()).collect(), end)
        );
    }

    #[test]
    fn lines_without_a_time_belong_to_the_one_before() {
        check(
            "2026-11-23T09:59:59Z early\n  of early\n2026-11-23T10:01:00Z in\n  of in\n\n2026-11-23T10:11:00Z late\n  of late\n",
            &["10:01:00 in", "10:01:00   of in", "10:01:00 "],
            End::Start,
        );
    }

    #[test]
    fn it_reads_no_further_than_it_must() {
        check(
            "2026-11-23T10:05:00Z out of order by far\n2026-11-23T09:00:00Z early\n2026-11-23T10:01:00Z in\n",
            &["10:01:00 in"],
            End::Reached,
        );
        check(
            "2026-11-23T10:00:01Z one\n2026-11-23T09:59:58Z other\n2026-11-23T10:00:02Z two\n",
            &["10:00:01 one", "10:00:02 two"],
            End::Start,
        );
    }

    #[test]
    fn the_zone_of_the_writer_is_found() {
        check(
            "2026-11-23 11:59:00 early\n2026-11-23 12:01:00 in\n2026-11-23 12:10:00 last\n",
            &[
                "10:01:00 2026-11-23 12:01:00 in",
                "10:10:00 2026-11-23 12:10:00 last",
            ],
            End::Start,
        );
    }

    #[test]
    fn a_log_without_times_gives_its_end() {
        check("one\ntwo\n", &["? one", "? two"], End::Timeless);
        check("", &[], End::Start);
    }

    #[test]
    fn a_greeting_belongs_to_the_first_line() {
        check(
            "WELCOME\n2026-11-23T10:01:00Z up\n",
            &["10:01:00 WELCOME", "10:01:00 up"],
            End::Start,
        );
        check("WELCOME\n2026-11-23T09:59:30Z up\n", &[], End::Start);
    }

    #[test]
    fn as_much_as_is_kept_is_enough() {
        let line = format!("2026-11-23T10:01:00Z {}\n", "x".repeat(1_000));
        let text = line.repeat(2 * LOG_BYTES_MAX / 1_000);
        let window = Window {
            from: Timestamp::UNIX_EPOCH,
            to: "2026-11-24T00:00:00Z".parse().unwrap(),
        };
        let len = text.len() as u64;
        let slice = Slice::of(Cursor::new(text), len, len, &window, window.to).unwrap();
        assert_eq!(slice.end, End::Full);
        assert_eq!(slice.lines.len(), LOG_BYTES_MAX / 1_000 + 1);
    }

    #[test]
    fn lines_are_counted_with_an_unfinished_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        for (text, expected) in [("", 0), ("a", 1), ("a\n", 1), ("a\nb", 2), ("\n\n", 2)] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(count_lines(&path, 100).unwrap(), expected, "{text:?}");
        }
        assert_eq!(count_lines(&path, 1).unwrap(), 1, "what was there");
    }
}
