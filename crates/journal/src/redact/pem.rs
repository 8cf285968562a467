//! Private keys in PEM.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::span::{Kind, Span, pattern};

/// Bytes within which the end of a key must follow its beginning. An RSA key of 16384 bits takes
/// 13 KiB; the rest is for what a log puts before each line.
const KEY_BYTES_MAX: usize = 32 * 1024;

/// Characters of base64 in a row that make a line look like a part of a key.
const RUN_MIN: usize = 16;

static BEGIN: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"));
static END: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"));
static HEADER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:Proc-Type|DEK-Info|Version|Comment):"));

/// Whole keys, and keys whose end is missing.
pub(super) fn spans(text: &[u8], spans: &mut Vec<Span>) {
    let mut from = 0;
    let mut end = None;
    while let Some(begin) = BEGIN.find_at(text, from) {
        // Looked for again only once it has been passed, so that the search stays linear.
        if end.is_none_or(|end| end < begin.end()) {
            end = Some(
                END.find_at(text, begin.end())
                    .map_or(usize::MAX, |found| found.end()),
            );
        }
        let stop = match end {
            Some(end) if end <= begin.end().saturating_add(KEY_BYTES_MAX) => end,
            _ => cut_off(text, begin.end()),
        };
        spans.push(Span {
            range: begin.start()..stop,
            kind: Kind::PrivateKey,
        });
        from = stop;
    }
}

/// Where a key that lacks its end stops: after the last line that looks like a part of it.
fn cut_off(text: &[u8], from: usize) -> usize {
    let mut stop = from;
    let mut at = from;
    while at < text.len() && at < from + KEY_BYTES_MAX {
        let (line, next) = line_at(text, at);
        let last = next == text.len();
        let words = &text[line.clone()];
        if words.trim_ascii().is_empty() {
            at = next;
            continue;
        }
        if !(is_part(words) || HEADER.is_match(words) || (last && is_base64(words.trim_ascii()))) {
            break;
        }
        stop = line.end;
        at = next;
    }
    stop
}

/// The line that begins at `at`, and where the next one begins. `\n` ends a line also where it is
/// written as two characters.
fn line_at(text: &[u8], at: usize) -> (std::ops::Range<usize>, usize) {
    let mut end = at;
    while end < text.len() {
        if text[end] == b'\n' {
            return (at..end, end + 1);
        }
        if text[end..].starts_with(b"\\n") {
            return (at..end, end + 2);
        }
        end += 1;
    }
    (at..end, end)
}

fn is_part(line: &[u8]) -> bool {
    line.split(|byte| !is_base64(&[*byte]))
        .any(|run| run.len() >= RUN_MIN)
}

fn is_base64(text: &[u8]) -> bool {
    text.iter()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
}
