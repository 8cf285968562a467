//! One outcome out of everything that a test program tells: what it announced, what it says of
//! the test, its summary and how it ended. Accounts that disagree are never a pass.

use assay_model::Outcome;
use assay_world::process::Ended;
use serde::Deserialize;

use super::format::Format;

/// What the program told, one way or another.
pub(super) struct Told<'a> {
    /// The test that it was asked to run.
    pub(super) name: &'a str,
    /// How its process ended.
    pub(super) ended: Ended,
    pub(super) stdout: &'a str,
    pub(super) stderr: &'a str,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) outcome: Outcome,
    pub(super) assertions: Option<u32>,
    pub(super) connects: Option<Vec<String>>,
    pub(super) message: Option<String>,
}

/// The accounts, in the terms of neither format.
#[derive(Default)]
struct Accounts {
    /// Tests that were announced to run.
    planned: Option<u64>,
    started: usize,
    /// Results for the test that was asked for.
    results: Vec<Said>,
    /// Results for others.
    others: usize,
    summaries: Vec<Summary>,
    assertions: Option<u32>,
    connects: Option<Vec<String>>,
    message: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Ok,
    Failed,
    Ignored,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Summary {
    ok: bool,
    passed: u64,
    failed: u64,
    ignored: u64,
}

pub(super) fn reconcile(format: Format, told: &Told<'_>) -> Found {
    let accounts = match format {
        Format::Json => json(told),
        Format::Plain => plain(told),
    };
    let (outcome, doubt) = match judge(&accounts, told.ended) {
        Ok(outcome) => (outcome, None),
        Err((outcome, doubt)) => (outcome, Some(doubt)),
    };
    let message = match outcome {
        Outcome::Passed => None,
        Outcome::Skipped => accounts.message,
        // What the test itself says comes first, unless it is what is in doubt.
        Outcome::Failed | Outcome::TimedOut => accounts.message.or(doubt),
        Outcome::Errored | Outcome::NotRun => doubt.or(accounts.message),
    };
    Found {
        outcome,
        assertions: accounts.assertions,
        connects: accounts.connects,
        message,
    }
}

type Doubt = (Outcome, String);

fn judge(accounts: &Accounts, ended: Ended) -> Result<Outcome, Doubt> {
    if ended == Ended::TimedOut {
        return Err((Outcome::TimedOut, "did not end in time".to_owned()));
    }
    let results = accounts.results.len() + accounts.others;
    if results == 0 && matches!(accounts.planned, None | Some(0)) {
        return Err((
            Outcome::NotRun,
            format!("no test ran; the runner ended with {ended}"),
        ));
    }
    let errored = |doubt: String| Err((Outcome::Errored, doubt));
    if accounts.planned.is_some_and(|planned| planned > 1) || accounts.others > 0 {
        return errored("the runner ran other tests than the one it was asked for".to_owned());
    }
    let said = match accounts.results[..] {
        [said] => said,
        [] => {
            let doubt = format!("the runner ended with {ended} before the test had finished");
            return Err((Outcome::NotRun, doubt));
        }
        _ => return errored("the runner gave more than one result for it".to_owned()),
    };
    if accounts.planned != Some(1) || accounts.started != 1 {
        return errored("the runner gave a result for a test that it had not begun".to_owned());
    }
    let summary = match accounts.summaries[..] {
        [summary] => summary,
        [] => return errored(format!("the runner ended with {ended} before its summary")),
        _ => return errored("the runner gave more than one summary".to_owned()),
    };
    let counts = (summary.ok, summary.passed, summary.failed, summary.ignored);
    match (said, counts, ended) {
        (Said::Ok, (true, 1, 0, 0), Ended::Exited(0)) => Ok(Outcome::Passed),
        (Said::Ignored, (true, 0, 0, 1), Ended::Exited(0)) => Ok(Outcome::Skipped),
        (Said::Failed, (false, 0, 1, 0), Ended::Exited(code)) if code != 0 => Ok(Outcome::Failed),
        _ => errored(format!(
            "the accounts disagree: the test {}, the summary has {} passed, {} failed, {} \
             ignored, the runner ended with {ended}",
            said.word(),
            summary.passed,
            summary.failed,
            summary.ignored
        )),
    }
}

impl Said {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "passed",
            Self::Failed => "failed",
            Self::Ignored => "was ignored",
        }
    }
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    event: String,
    name: Option<String>,
    test_count: Option<u64>,
    passed: Option<u64>,
    failed: Option<u64>,
    ignored: Option<u64>,
    assertions: Option<u32>,
    connects: Option<Vec<String>>,
    message: Option<String>,
    stdout: Option<String>,
}

fn json(told: &Told<'_>) -> Accounts {
    let mut accounts = Accounts::default();
    for event in told.stdout.lines().filter_map(event) {
        match (event.kind.as_str(), event.event.as_str()) {
            ("suite", "started") => accounts.planned = event.test_count,
            ("suite", "ok" | "failed") => {
                accounts.summaries.push(Summary {
                    ok: event.event == "ok",
                    passed: event.passed.unwrap_or_default(),
                    failed: event.failed.unwrap_or_default(),
                    ignored: event.ignored.unwrap_or_default(),
                });
            }
            ("test", "started") => accounts.started += 1,
            ("test", said) => {
                let said = match said {
                    "ok" => Said::Ok,
                    "failed" => Said::Failed,
                    "ignored" => Said::Ignored,
                    _ => continue,
                };
                if event.name.as_deref() != Some(told.name) {
                    accounts.others += 1;
                    continue;
                }
                accounts.results.push(said);
                accounts.assertions = event.assertions;
                accounts.connects = event.connects;
                accounts.message = event
                    .message
                    .as_deref()
                    .and_then(first_line)
                    .or_else(|| event.stdout.as_deref().and_then(panic_message))
                    .or_else(|| panic_message(told.stderr));
            }
            _ => {}
        }
    }
    accounts
}

/// Places in a line at which an event may begin; a test that prints more braces than this before
/// it, without ending the line, hides it.
const BEGINNINGS_MAX: usize = 64;

/// An event, also where the test printed something before it without ending the line.
fn event(line: &str) -> Option<Event> {
    let line = line.trim_end();
    line.match_indices('{')
        .take(BEGINNINGS_MAX)
        .find_map(|(at, _)| serde_json::from_str(&line[at..]).ok())
}

fn plain(told: &Told<'_>) -> Accounts {
    let mut accounts = Accounts::default();
    for line in told.stdout.lines().map(str::trim_end) {
        if let Some(count) = line.strip_prefix("running ").and_then(planned) {
            accounts.planned = Some(count);
        } else if let Some(at) = line.find("test result: ") {
            accounts.summaries.extend(summary(&line[at..]));
        } else if let Some(said) = result_of(line, told.name) {
            accounts.started += 1;
            accounts.results.push(said);
        }
    }
    accounts.message = panic_message(told.stderr).or_else(|| panic_message(told.stdout));
    accounts
}

fn planned(rest: &str) -> Option<u64> {
    let (count, tests) = rest.split_once(' ')?;
    matches!(tests, "test" | "tests").then(|| count.parse().ok())?
}

/// `test NAME ... ok`, `test NAME - should panic ... ok`, `test NAME ... ignored, reason`.
fn result_of(line: &str, name: &str) -> Option<Said> {
    let start = format!("test {name}");
    let rest = &line[line.find(&start)? + start.len()..];
    let said = rest
        .strip_prefix(" - should panic")
        .unwrap_or(rest)
        .strip_prefix(" ... ")?;
    match said.split(',').next()? {
        "ok" => Some(Said::Ok),
        "FAILED" => Some(Said::Failed),
        "ignored" => Some(Said::Ignored),
        _ => None,
    }
}

/// `test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in …`
fn summary(line: &str) -> Option<Summary> {
    let (word, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |what: &str| {
        counts
            .split("; ")
            .find_map(|part| part.strip_suffix(what)?.trim_end().parse().ok())
    };
    Some(Summary {
        ok: word == "ok",
        passed: count("passed")?,
        failed: count("failed")?,
        ignored: count("ignored")?,
    })
}

/// The first line of what a panicking thread, or a test that returned an error, said.
fn panic_message(text: &str) -> Option<String> {
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("thread '") && line.contains("panicked at ") {
            return lines
                .next()
                .and_then(first_line)
                .or_else(|| first_line(line));
        }
        if let Some(error) = line.strip_prefix("Error: ") {
            return first_line(error);
        }
    }
    None
}

/// A message is shown in tables, so one that never ends is cut.
const MESSAGE_CHARS_MAX: usize = 500;

fn first_line(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().take(MESSAGE_CHARS_MAX).collect())
}

#[cfg(test)]
mod tests;
