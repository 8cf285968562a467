//! JSON log lines on standard error.

use std::io::Write;

use serde::Serialize;
use serde_json::{Map, Value};

/// A longer message is cut, in bytes, so that one failure cannot flood the log.
const MESSAGE_BYTES_MAX: usize = 8 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Info,
    Warn,
    Error,
}

/// Writes the lines of one service.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    service: String,
    revision: String,
}

#[derive(Serialize)]
struct Line<'a> {
    ts: String,
    level: Level,
    service: &'a str,
    revision: &'a str,
    msg: &'a str,
    #[serde(flatten)]
    fields: &'a Map<String, Value>,
}

impl Log {
    pub(crate) fn new(service: &str, revision: &str) -> Self {
        Self {
            service: service.to_owned(),
            revision: revision.to_owned(),
        }
    }

    pub(crate) fn info(&self, msg: &str, fields: Value) {
        self.write(Level::Info, msg, fields);
    }

    pub(crate) fn warn(&self, msg: &str, fields: Value) {
        self.write(Level::Warn, msg, fields);
    }

    pub(crate) fn error(&self, msg: &str, fields: Value) {
        self.write(Level::Error, msg, fields);
    }

    /// Fields that are no object are left out; those of the line itself cannot be overridden.
    pub(crate) fn write(&self, level: Level, msg: &str, fields: Value) {
        let line = self.line(&now_text(), level, msg, fields);
        // A service whose log is gone has nowhere to say so.
        drop(std::io::stderr().lock().write_all(line.as_bytes()));
    }

    fn line(&self, ts: &str, level: Level, msg: &str, fields: Value) -> String {
        let mut fields = match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        for own in ["ts", "level", "service", "revision", "msg"] {
            fields.remove(own);
        }
        let line = Line {
            ts: ts.to_owned(),
            level,
            service: &self.service,
            revision: &self.revision,
            msg: cut(msg, MESSAGE_BYTES_MAX),
            fields: &fields,
        };
        serde_json::to_string(&line).unwrap_or_default() + "\n"
    }
}

/// RFC 3339, UTC, milliseconds.
fn now_text() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
        .to_string()
}

/// Milliseconds since 1970, UTC.
pub(crate) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// The longest start of `text` that is no longer than `bytes_max` and ends at a character.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(msg: &str, fields: Value, expected: &str) {
        let log = Log::new("api", "r7");
        let line = log.line("2026-01-02T03:04:05.006Z", Level::Warn, msg, fields);
        assert_eq!(line, expected.to_owned() + "\n");
    }

    #[test]
    fn the_fixed_fields_stand_first() {
        check(
            "slow",
            json!({"ms": 7, "at": "x"}),
            r#"{"ts":"2026-01-02T03:04:05.006Z","level":"warn","service":"api","revision":"r7","msg":"slow","at":"x","ms":7}"#,
        );
    }

    #[test]
    fn fields_cannot_pose_as_the_line() {
        check(
            "slow",
            json!({"service": "other"}),
            r#"{"ts":"2026-01-02T03:04:05.006Z","level":"warn","service":"api","revision":"r7","msg":"slow"}"#,
        );
    }

    #[test]
    fn time_is_utc_with_milliseconds() {
        let text = now_text();
        assert_eq!(text.len(), "2026-01-02T03:04:05.006Z".len(), "{text}");
        assert!(text.ends_with('Z'), "{text}");
    }

    #[test]
    fn a_cut_respects_characters() {
        assert_eq!(cut("aäb", 2), "a");
        assert_eq!(cut("ab", 9), "ab");
    }
}
