//! Secrets that are known by their shape or by the name before them.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex::bytes::{Captures, Regex};

use super::pem;
use super::span::{Kind, Span, pattern};

/// Shortest bearer token that is recognised without the name of its header. `Bearer` and `basic`
/// are also words of English.
const BEARER_CHARS_MIN: usize = 16;

/// Names of fields whose value is a secret; they may be the end of a longer name.
const KEYS: &str = r"(?:pass(?:word|wd|phrase)|(?:access|refresh|id|auth|session)[_-]?token|(?:client|consumer)[_-]?secret|api[_-]?key|secret[_-]?(?:access[_-]?)?key|secret|token)";

/// Whether any of the patterns below can match; one pass where there is nothing to hide.
static TRIGGER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"-----BEGIN |eyJ|://|bearer|basic|authorization|{KEYS}"
    ))
});

static KEY: LazyLock<Regex> = LazyLock::new(|| pattern(&format!("{KEYS}$")));

/// Three parts in base64url, the first one a JSON object; an encrypted one has five.
static JWT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?-i:eyJ)[a-z0-9_-]{6,}\.[a-z0-9_-]{2,}\.[a-z0-9_-]*(?:\.[a-z0-9_-]+){0,2}")
});

/// The header of HTTP, in any notation.
static AUTHORIZATION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"authorization\\*["']?[ \t]*[:=,]?[ \t]*\\*["']?(?:bearer|basic|token|negotiate)(?:[ \t+]|%20)+([^\s"'\\,;<>]+)"#,
    )
});

/// The scheme alone; what follows is looked at more closely.
static SCHEME: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:(bearer)|basic)(?:[ \t+]|%20)+([a-z0-9._~+/=-]+)"));

/// `scheme://user:PASSWORD@host`.
static URL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"://[^\s/?#@:"'<>\\]*:([^\s/?#"'<>\\]+)@"#));

/// A key, a separator, and a value: in double quotes, in single quotes, in escaped quotes, bare.
static PAIR: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r#"{KEYS}(\\*["'])?(\s*)(=>|:=|=|:)(\s*)(?:"((?:[^"\\\n]|\\[^\n])+)|'((?:[^'\\\n]|\\[^\n])+)|\\+["']((?:[^"'\\\n]|\\+[^"'\\\n])+)|([^\s"'&,;<>\\=:][^\s"'&,;<>\\]*))"#
    ))
});

/// `--password VALUE` on a command line.
static FLAG: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r#"--[a-z-]*{KEYS}[ \t]+([^\s"'<\[\\-][^\s"'\\]*)"#
    ))
});

/// Values that hide nothing.
const PLAIN: [&str; 6] = ["null", "none", "nil", "true", "false", "undefined"];

pub(super) fn spans(text: &[u8], spans: &mut Vec<Span>) {
    if !TRIGGER.is_match(text) {
        return;
    }
    pem::spans(text, spans);
    let mut add = |range, kind| spans.push(Span { range, kind });
    for found in JWT.find_iter(text) {
        add(found.range(), Kind::Jwt);
    }
    for found in AUTHORIZATION.captures_iter(text) {
        if let Some(value) = found.get(1) {
            add(value.range(), Kind::Authorization);
        }
    }
    for found in SCHEME.captures_iter(text) {
        let Some(value) = found.get(2) else { continue };
        let bearer = found.get(1).is_some();
        if if bearer {
            is_bearer(value.as_bytes())
        } else {
            is_basic(value.as_bytes())
        } {
            add(value.range(), Kind::Authorization);
        }
    }
    for found in URL.captures_iter(text) {
        if let Some(value) = found.get(1) {
            add(value.range(), Kind::UrlPassword);
        }
    }
    for found in PAIR.captures_iter(text) {
        if let Some(range) = pair_value(text, &found) {
            add(range, Kind::Password);
        }
    }
    for found in FLAG.captures_iter(text) {
        if let Some(value) = found.get(1) {
            add(value.range(), Kind::Password);
        }
    }
}

/// Whether a field of this name holds a secret.
pub(super) fn is_secret_key(key: &str) -> bool {
    KEY.is_match(key.as_bytes())
}

fn is_bearer(value: &[u8]) -> bool {
    value.len() >= BEARER_CHARS_MIN && value.iter().any(u8::is_ascii_digit)
}

/// Whether it is `user:password` in base64.
fn is_basic(value: &[u8]) -> bool {
    STANDARD
        .decode(value)
        .is_ok_and(|decoded| decoded.contains(&b':'))
}

/// Where the value of a pair stands, unless it is prose or code.
fn pair_value(text: &[u8], pair: &Captures<'_>) -> Option<std::ops::Range<usize>> {
    if let Some(quoted) = pair.get(5).or_else(|| pair.get(6)).or_else(|| pair.get(7)) {
        return Some(quoted.range());
    }
    let value = pair.get(8)?;
    let bytes = value.as_bytes();
    if PLAIN
        .iter()
        .any(|plain| bytes.eq_ignore_ascii_case(plain.as_bytes()))
    {
        return None;
    }
    let spaces = |group: usize| pair.get(group).map_or(&b""[..], |spaces| spaces.as_bytes());
    let across_lines = spaces(2).contains(&b'\n') || spaces(4).contains(&b'\n');
    if across_lines {
        return None;
    }
    let spaced = !spaces(4).is_empty();
    let colon = pair
        .get(3)
        .is_some_and(|separator| separator.as_bytes() == b":");
    // "invalid token: try again" is prose, "token: abc" alone at the end of its line is not.
    let ends_line = matches!(text.get(value.end()), None | Some(b'\n' | b'\r' | b'\\'));
    if spaced && colon && pair.get(1).is_none() && !ends_line {
        return None;
    }
    // `let token = mint(user)` is code.
    if spaced && !colon && bytes.contains(&b'(') {
        return None;
    }
    let closers = bytes
        .iter()
        .rev()
        .take_while(|byte| matches!(byte, b')' | b']' | b'}'))
        .count();
    Some(value.start()..value.end() - closers).filter(|range| !range.is_empty())
}
