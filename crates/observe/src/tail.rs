//! The end of a log: lines with a leading UTC timestamp, in bounded memory.

use std::collections::VecDeque;

use assay_model::Timestamp;
use assay_world::clock::stamp;
use assay_world::supervisor::LINE_BYTES_MAX;

/// Largest part of one instance's log that is kept, in bytes: what a crash loop writes in some
/// minutes, and the end of it is what explains it.
pub(crate) const LOG_BYTES_MAX: usize = 512 * 1024;

/// Lines that are asked of a runtime for one log: at 64 bytes a line, which is short with its
/// timestamp, they fill what is kept.
pub(crate) const LOG_LINES_MAX: usize = LOG_BYTES_MAX / 64;

/// The last lines of a log. Older ones make room for newer ones.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    lines: VecDeque<String>,
    bytes: usize,
}

impl Tail {
    /// Adds the next line, written at `at`. A message of several lines has the time on each.
    pub(crate) fn push(&mut self, at: Timestamp, text: &str) {
        let at = stamp(at);
        for line in clean(text).split('\n') {
            self.add(format!("{at} {}\n", shortened(line.trim_end_matches('\r'))));
        }
    }

    /// Adds the next line, of which nobody knows when it was written.
    pub(crate) fn push_bare(&mut self, text: &str) {
        for line in clean(text).split('\n') {
            self.add(format!("{}\n", shortened(line.trim_end_matches('\r'))));
        }
    }

    fn add(&mut self, line: String) {
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.bytes > LOG_BYTES_MAX {
            let Some(oldest) = self.lines.pop_front() else {
                break;
            };
            self.bytes -= oldest.len();
        }
    }

    /// All of it; `None` without a line.
    pub(crate) fn into_text(self) -> Option<String> {
        (!self.lines.is_empty()).then(|| self.lines.into_iter().collect())
    }
}

/// Without the line's own end, and without the zeros that a file has where it was cut short
/// under its writer.
fn clean(text: &str) -> &str {
    text.trim_end_matches(['\n', '\r']).trim_start_matches('\0')
}

fn shortened(line: &str) -> String {
    if line.len() <= LINE_BYTES_MAX {
        return line.to_owned();
    }
    let end = line.floor_char_boundary(LINE_BYTES_MAX);
    format!("{} … {} bytes cut", &line[..end], line.len() - end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: &[&str], expected: Option<&str>) {
        let mut tail = Tail::default();
        for line in lines {
            tail.push(Timestamp::UNIX_EPOCH, line);
        }
        assert_eq!(tail.into_text().as_deref(), expected);
    }

    #[test]
    fn each_line_has_the_time_in_front() {
        check(&[], None);
        check(&["a\r\n"], Some("1970-01-01T00:00:00.000Z a\n"));
        check(
            &["a\n  at b\n", "\0\0c"],
            Some(
                "1970-01-01T00:00:00.000Z a\n\
                 1970-01-01T00:00:00.000Z   at b\n\
                 1970-01-01T00:00:00.000Z c\n",
            ),
        );
    }

    #[test]
    fn the_end_is_kept() {
        let mut tail = Tail::default();
        for n in 0..100_000 {
            tail.push_bare(&format!("line {n}"));
        }
        let text = tail.into_text().unwrap();
        assert!(text.len() <= LOG_BYTES_MAX && text.len() > LOG_BYTES_MAX - 20);
        assert!(text.starts_with("line ") && text.ends_with("line 99999\n"));
    }

    #[test]
    fn a_long_line_is_cut_and_says_so() {
        let mut tail = Tail::default();
        tail.push_bare(&"é".repeat(LINE_BYTES_MAX));
        let text = tail.into_text().unwrap();
        assert!(text.ends_with("é … 16384 bytes cut\n"), "{}", text.len());
    }
}
