//! Data on stdout, everything else on stderr.

use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Longest line that is printed, in columns.
pub(crate) const COLUMNS: usize = 80;

/// Whether `stream` is a terminal that wants colour (see no-color.org).
pub(crate) fn wants_colour(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether data for stdout was lost.
static OUTPUT_LOST: AtomicBool = AtomicBool::new(false);

/// Data for stdout. A closed pipe is not an error: whoever read has seen enough.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let written = out
        .write_all(text.as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush());
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
        && !OUTPUT_LOST.swap(true, Ordering::Relaxed)
    {
        complain(&format!(
            "error: cannot write to stdout\n  because: {error}"
        ));
    }
}

/// Whether stdout is a terminal that a picture can be drawn on again and again.
pub(crate) fn is_screen() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    std::io::stdout().is_terminal() && !dumb
}

/// Draws `text` in the place of what was drawn before, from the top of the screen.
pub(crate) fn redraw(text: &str) {
    // To the first cell, then each line clears what was left of the last picture.
    let lines = text.replace('\n', "\u{1b}[K\n");
    print(&format!("\u{1b}[H{lines}\u{1b}[J"));
}

/// Whether whoever read stdout has gone: what only writes now and then would not notice.
pub(crate) fn nobody_reads() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let out = std::io::stdout();
    let mut streams = [PollFd::new(&out, PollFlags::empty())];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut streams, Some(&now)).is_ok_and(|ready| ready > 0)
        && streams[0].revents().contains(PollFlags::ERR)
}

/// Data for stdout was lost, so the command has not done what was asked.
pub(crate) fn output_lost() -> bool {
    OUTPUT_LOST.load(Ordering::Relaxed)
}

/// A message for stderr.
pub(crate) fn complain(text: &str) {
    let mut out = std::io::stderr().lock();
    drop(
        out.write_all(text.as_bytes())
            .and_then(|()| out.write_all(b"\n")),
    );
}

/// `text` without the control characters by which a log could take over the terminal that shows
/// it; a tab stays.
pub(crate) fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' => c,
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// How this program is called for the project in `root`, ready to be copied into a shell.
pub(crate) fn this_assay(root: &Path) -> String {
    let program = std::env::args()
        .next()
        .unwrap_or_else(|| "assay".to_owned());
    format!(
        "{} -C {}",
        quoted(&program),
        quoted(&root.display().to_string())
    )
}

/// `word` as one word of a POSIX shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Folds `text` into lines of at most `columns`, each after the first behind `indent` spaces.
pub(crate) fn fold(text: &str, indent: usize, columns: usize) -> String {
    let mut out = String::new();
    let mut used = indent;
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if used > indent && used + 1 + width > columns {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            used = indent;
        } else if used > indent {
            out.push(' ');
            used += 1;
        }
        out.push_str(&harmless(word));
        used += width;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::fold;

    fn check(text: &str, expected: &str) {
        assert_eq!(fold(text, 2, 10), expected);
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(super::quoted("/tmp/a-b_c"), "/tmp/a-b_c");
        assert_eq!(super::quoted("/tmp/a b"), "'/tmp/a b'");
        assert_eq!(super::quoted("it's"), r"'it'\''s'");
        assert_eq!(super::quoted(""), "''");
    }

    #[test]
    fn lines_are_folded_at_words() {
        check("", "");
        check("one", "one");
        check("one two three", "one two\n  three");
        check("incomprehensible one", "incomprehensible\n  one");
        check("a  b\nc", "a b c");
    }
}
