//! Log text → records: JSON lines and plain text, tracebacks joined, call frames read.

use std::sync::LazyLock;

use jiff::Timestamp;
use regex::Regex;
use serde_json::Value;

/// Lines joined into one record; a longer traceback repeats itself.
const JOIN_LINES_MAX: usize = 400;

/// How loud a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Anything below a warning.
    Quiet,
    /// The line does not say.
    Unknown,
    /// A warning.
    Warning,
    /// An error, or worse.
    Error,
}

/// One place of a call chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// As the log names it.
    pub file: String,
    /// 1-based.
    pub line: u64,
}

/// One entry of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When, where the line says.
    pub at: Option<Timestamp>,
    /// How loud.
    pub level: Level,
    /// The message alone, for a person.
    pub message: String,
    /// Everything that patterns look at: the message with its traceback.
    pub body: String,
    /// The call chain, the innermost place last.
    pub frames: Vec<Frame>,
    /// First physical line in the file, 1-based.
    pub from_line: u64,
    /// Last physical line.
    pub to_line: u64,
    /// The literal lines.
    pub raw: String,
}

/// Reads a log whose first line is line `first_line` of its file.
pub fn read(text: &str, first_line: u64) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    let mut joining = Joining::default();
    for (number, raw) in (first_line..).zip(text.lines()) {
        let (at, rest) = split_stamp(raw);
        if let Some(mut record) = json_record(rest) {
            record.at = at.or(record.at);
            record.from_line = number;
            record.to_line = number;
            record.raw = raw.to_owned();
            records.push(record);
            joining = Joining::default();
            continue;
        }
        let continues = joining.takes(rest);
        match records.last_mut().filter(|_| continues) {
            Some(record) => {
                record.body.push('\n');
                record.body.push_str(rest);
                record.raw.push('\n');
                record.raw.push_str(raw);
                record.to_line = number;
            }
            None => {
                joining = Joining::open(rest);
                records.push(Record {
                    at,
                    level: plain_level(rest),
                    message: rest.trim().to_owned(),
                    body: rest.to_owned(),
                    frames: Vec::new(),
                    from_line: number,
                    to_line: number,
                    raw: raw.to_owned(),
                });
            }
        }
    }
    for record in records.iter_mut().filter(|record| record.frames.is_empty()) {
        finish_plain(record);
    }
    records
}

/// Whether the next plain line still belongs to the record before it.
#[derive(Default)]
struct Joining {
    lines: usize,
    traceback: bool,
    panic: bool,
}

impl Joining {
    fn open(first: &str) -> Self {
        Self {
            lines: 1,
            traceback: first.starts_with("Traceback (most recent call last)"),
            panic: first.starts_with("thread '") && first.contains("panicked at"),
        }
    }

    fn takes(&mut self, line: &str) -> bool {
        if self.lines == 0 || self.lines >= JOIN_LINES_MAX {
            return false;
        }
        let indented = line.starts_with([' ', '\t']) && !line.trim().is_empty();
        let follows = [
            "Caused by:",
            "Require stack:",
            "- /",
            "}",
            "note: run with",
            "SyntaxError",
        ]
        .iter()
        .any(|start| line.starts_with(start));
        let joins = if indented || follows {
            true
        } else {
            // The line that ends a traceback, or the message under a panic's place.
            std::mem::take(&mut self.traceback) || std::mem::take(&mut self.panic)
        };
        self.lines = if joins { self.lines + 1 } else { 0 };
        joins
    }
}

/// `2026-11-23T18:44:55.123Z rest`.
fn split_stamp(line: &str) -> (Option<Timestamp>, &str) {
    let Some((stamp, rest)) = line.split_once(' ') else {
        return (None, line);
    };
    match stamp.parse() {
        Ok(at) => (Some(at), rest),
        Err(_) => (None, line),
    }
}

fn json_record(line: &str) -> Option<Record> {
    let trimmed = line.trim_start();
    if !trimmed.starts_with('{') {
        return None;
    }
    let Ok(Value::Object(fields)) = serde_json::from_str(trimmed) else {
        return None;
    };
    let text = |names: &[&str]| names.iter().find_map(|name| fields.get(*name)?.as_str());
    let message = text(&["msg", "message", "error"])?.to_owned();
    let mut body = message.clone();
    let mut traces = Vec::new();
    for name in [
        "error",
        "exception",
        "trace",
        "stack",
        "stacktrace",
        "traceback",
        "exc_info",
    ] {
        match fields.get(name) {
            Some(Value::String(text)) if *text != message => {
                traces.extend(text.lines().map(str::to_owned));
            }
            Some(Value::Array(lines)) => {
                traces.extend(lines.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            _ => {}
        }
    }
    for line in &traces {
        body.push('\n');
        body.push_str(line);
    }
    Some(Record {
        at: text(&["ts", "time", "timestamp"]).and_then(|stamp| stamp.parse().ok()),
        level: text(&["level", "severity"]).map_or(Level::Unknown, level_word),
        frames: frames(traces.iter().map(String::as_str)),
        message,
        body,
        from_line: 0,
        to_line: 0,
        raw: String::new(),
    })
}

fn level_word(word: &str) -> Level {
    match word.to_ascii_lowercase().as_str() {
        "error" | "err" | "fatal" | "critical" | "alert" | "emergency" | "emerg" | "panic" => {
            Level::Error
        }
        "warn" | "warning" => Level::Warning,
        _ => Level::Quiet,
    }
}

fn plain_level(line: &str) -> Level {
    static WORD: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"\b(ERROR|FATAL|CRITICAL|PANIC|WARNING|WARN|INFO|DEBUG|TRACE|NOTICE|emerg|alert|crit|error|warn)\b")
            .ok()
    });
    let start = line
        .char_indices()
        .nth(LEVEL_WITHIN)
        .map_or(line, |(end, _)| &line[..end]);
    WORD.as_ref()
        .and_then(|word| word.find(start))
        .map_or(Level::Unknown, |found| {
            level_word(match found.as_str() {
                "crit" => "critical",
                word => word,
            })
        })
}

/// A plain line names its level near its start; further on the word is part of a sentence.
const LEVEL_WITHIN: usize = 60;

fn finish_plain(record: &mut Record) {
    if record.raw.is_empty() || record.raw.trim_start().starts_with('{') {
        return;
    }
    record.frames = frames(record.body.lines());
    if record.body.starts_with("Traceback") {
        if let Some(last) = record.body.lines().last() {
            record.message = last.trim().to_owned();
        }
        record.level = Level::Error;
    }
}

/// The call frames in `lines`, the innermost last.
fn frames<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Frame> {
    static PYTHON: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"File "([^"]+)", line (\d+)"#).ok());
    static OTHERS: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"([\w./@\\-]+\.[A-Za-z]\w*):(\d+)(?::\d+)?\b").ok());
    let mut frames = Vec::new();
    let mut innermost_first = false;
    for line in lines {
        let found = PYTHON
            .as_ref()
            .and_then(|python| python.captures(line))
            .or_else(|| OTHERS.as_ref().and_then(|others| others.captures(line)));
        let Some(found) = found else { continue };
        let Ok(number) = found[2].parse() else {
            continue;
        };
        innermost_first |= line.trim_start().starts_with("at ");
        frames.push(Frame {
            file: found[1].to_owned(),
            line: number,
        });
    }
    if innermost_first {
        frames.reverse();
    }
    frames
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `level message | frames | lines` of each record, for comparison.
    fn check(text: &str, expected: &[&str]) {
        let shown: Vec<String> = read(text, 1)
            .iter()
            .map(|record| {
                let frames: Vec<_> = record
                    .frames
                    .iter()
                    .map(|f| format!("{}:{}", f.file, f.line))
                    .collect();
                format!(
                    "{:?} {} | {} | {}-{}",
                    record.level,
                    record.message,
                    frames.join(" "),
                    record.from_line,
                    record.to_line
                )
            })
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn json_lines_are_parsed() {
        check(
            r#"2026-11-23T18:44:55.123Z {"level":"error","msg":"no","trace":["a.x:4:1","b/c.x:2:1"]}"#,
            &["Error no | a.x:4 b/c.x:2 | 1-1"],
        );
        check(
            r#"{"severity":"WARNING","message":"slow"}"#,
            &["Warning slow |  | 1-1"],
        );
        check(r#"{"broken": "#, &[r#"Unknown {"broken": |  | 1-1"#]);
    }

    #[test]
    fn python_tracebacks_are_joined_under_stamps() {
        let z = "2026-11-23T18:44:55.123Z";
        check(
            &format!(
                "{z} Traceback (most recent call last):\n{z}   File \"/app/m.py\", line 7, in f\n{z}     g()\n{z} ValueError: no\n{z} next"
            ),
            &[
                "Error ValueError: no | /app/m.py:7 | 1-4",
                "Unknown next |  | 5-5",
            ],
        );
    }

    #[test]
    fn other_stacks_are_turned_round() {
        check(
            "Error: Cannot find module './x'\nRequire stack:\n- /app/i.js\n    at a (/app/deep.js:3:1)\n    at b (/app/i.js:1:9)\ndone",
            &[
                "Unknown Error: Cannot find module './x' | /app/i.js:1 /app/deep.js:3 | 1-5",
                "Unknown done |  | 6-6",
            ],
        );
        check(
            "thread 'main' (1) panicked at src/main.rs:1:84:\nno luck\nnote: run with `RUST_BACKTRACE=1`",
            &["Unknown thread 'main' (1) panicked at src/main.rs:1:84: | src/main.rs:1 | 1-3"],
        );
    }

    #[test]
    fn levels_of_plain_lines() {
        for (line, level) in [
            ("[2026] [ERROR] no", Level::Error),
            ("WARNING: no", Level::Warning),
            ("INFO: an ERROR page was sent", Level::Quiet),
            ("all is well", Level::Unknown),
        ] {
            assert_eq!(plain_level(line), level, "{line}");
        }
    }

    proptest! {
        #[test]
        fn every_line_belongs_to_one_record(text in "(?s).{0,400}") {
            let records = read(&text, 5);
            let raw: Vec<&str> = records.iter().flat_map(|r| r.raw.lines()).collect();
            let mut next = 5;
            for record in &records {
                prop_assert_eq!(record.from_line, next);
                next = record.to_line + 1;
            }
            prop_assert_eq!(next - 5, text.lines().count() as u64);
            prop_assert!(raw.len() <= text.lines().count());
        }
    }
}
