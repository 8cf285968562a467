//! `assay runs`, `show` and `verify`: projections of the journal.

use std::path::Path;

use assay_model::{Event, RunId};
use assay_world::clock;
use serde_json::json;

use crate::args::{ShowArgs, VerifyArgs};
use crate::document::{RunRow, RunsDocument, ShowDocument, VerifyDocument};
use crate::failure::Failure;
use crate::output::Output;
use crate::session::{Session, journal_failed};
use crate::terminal;

pub(crate) fn list(folder: &Path, output: Output) -> Result<u8, Failure> {
    let session = Session::open(folder)?;
    let mut runs = session
        .journal
        .runs()
        .map_err(journal_failed(&session.state))?;
    runs.sort_by(|a, b| (b.started, &b.run).cmp(&(a.started, &a.run)));
    if runs.is_empty() {
        return Err(
            Failure::cannot_look("no run in this project yet").hint("start one with `assay run`")
        );
    }
    let rows: Vec<RunRow> = runs
        .into_iter()
        .map(|run| RunRow {
            run: run.run,
            started: run.started,
            last: run.last,
            events: run.events,
            end: run.end,
        })
        .collect();
    let document = RunsDocument { runs: rows };
    output.list(&document, &document.runs, || table(&document.runs));
    Ok(0)
}

fn table(runs: &[RunRow]) -> String {
    let mut table = format!(
        "{:<22}{:<26}{:>7}  {}\n",
        "RUN", "STARTED (UTC)", "EVENTS", "END"
    );
    for run in runs {
        let end = run.end.map_or("unfinished", |end| end.word());
        let started = run
            .started
            .map_or_else(|| "unreadable".to_owned(), clock::stamp);
        table.push_str(&format!(
            "{:<22}{started:<26}{:>7}  {end}\n",
            run.run, run.events
        ));
    }
    table
}

pub(crate) fn show(folder: &Path, args: &ShowArgs, output: Output) -> Result<u8, Failure> {
    let session = Session::open(folder)?;
    let run = pick(&session, args.run.as_deref())?;
    if let Some(prefix) = &args.evidence {
        // As the worklog prints it, too.
        let prefix = prefix.strip_prefix("e:").unwrap_or(prefix);
        return evidence(&session, &run, prefix);
    }
    if args.worklog {
        terminal::print(session.worklog(&run)?.trim_end());
        return Ok(0);
    }
    let events = session
        .journal
        .events(&run)
        .map_err(journal_failed(&session.state))?;
    let document = ShowDocument { run, events };
    output.list(&document, &document.events, || {
        let lines = document.events.iter().map(|event| line(event) + "\n");
        lines.collect()
    });
    Ok(0)
}

fn line(event: &Event) -> String {
    let step = event.step.map_or("", |step| step.word());
    let at = clock::stamp(event.at);
    let mut body = json!(event.body);
    if let Some(fields) = body.as_object_mut() {
        fields.remove("kind");
    }
    let body: String = body.to_string().chars().take(BODY_CHARS_MAX).collect();
    format!(
        "{:>5}  {at}  {step:<10}{:<18} {body}",
        event.seq,
        event.body.kind()
    )
}

/// Characters of an event's content in the text listing; `--format json` has the whole.
const BODY_CHARS_MAX: usize = 160;

fn evidence(session: &Session, run: &RunId, prefix: &str) -> Result<u8, Failure> {
    let events = session
        .journal
        .events(run)
        .map_err(journal_failed(&session.state))?;
    let mut hashes = std::collections::BTreeSet::new();
    for event in &events {
        collect_hashes(&json!(event.body), prefix, &mut hashes);
    }
    let mut found = hashes.iter();
    let Some(hash) = found.next() else {
        return Err(
            Failure::usage(format!("run {run} has no evidence {prefix}…"))
                .hint("the index at the end of the worklog lists all of it"),
        );
    };
    if found.next().is_some() {
        return Err(Failure::usage(format!(
            "{} pieces of evidence start with {prefix}",
            hashes.len()
        ))
        .hint("give more digits"));
    }
    let bytes = session
        .vault
        .get(hash)
        .map_err(journal_failed(&session.state))?;
    terminal::print(&String::from_utf8_lossy(&bytes));
    Ok(0)
}

/// Every `hash` of an evidence reference below `value` that starts with `prefix`.
fn collect_hashes(
    value: &serde_json::Value,
    prefix: &str,
    found: &mut std::collections::BTreeSet<String>,
) {
    match value {
        serde_json::Value::Array(items) => {
            items
                .iter()
                .for_each(|item| collect_hashes(item, prefix, found));
        }
        serde_json::Value::Object(fields) => {
            if let (Some(hash), Some(_)) = (
                fields.get("hash").and_then(|h| h.as_str()),
                fields.get("source"),
            ) && hash.starts_with(prefix)
            {
                found.insert(hash.to_owned());
            }
            fields
                .values()
                .for_each(|item| collect_hashes(item, prefix, found));
        }
        _ => {}
    }
}

pub(crate) fn verify(folder: &Path, args: &VerifyArgs, output: Output) -> Result<u8, Failure> {
    let session = Session::open(folder)?;
    let run = match &args.run {
        // A run whose every event was deleted is known by its head record alone.
        Some(name) if session.state.join("heads").join(name).is_file() => RunId::new(name),
        name => pick(&session, name.as_deref())?,
    };
    let found = session
        .journal
        .verify(&run, args.head.as_deref())
        .map_err(journal_failed(&session.state))?;
    let document = VerifyDocument {
        run,
        events: found.events,
        blobs: found.blobs,
        problems: found.problems.iter().map(ToString::to_string).collect(),
    };
    let VerifyDocument { run, problems, .. } = &document;
    output.result(&document, || {
        if problems.is_empty() {
            let head = found
                .head
                .as_ref()
                .map_or("none", |head| head.hash.as_str());
            return format!(
                "run {run}: {} events and {} blobs are as they were recorded\nhead {head}",
                found.events, found.blobs,
            );
        }
        let lines = problems
            .iter()
            .map(|problem| format!("run {run}: {problem}\n"));
        lines.collect()
    });
    Ok(u8::from(!found.problems.is_empty()))
}

/// The run of that name, or the last one.
fn pick(session: &Session, name: Option<&str>) -> Result<RunId, Failure> {
    let runs = session
        .journal
        .runs()
        .map_err(journal_failed(&session.state))?;
    match name {
        Some(name) => runs
            .iter()
            .map(|run| &run.run)
            .find(|run| run.as_str() == name)
            .cloned()
            .ok_or_else(|| {
                Failure::usage(format!("no run {name} in this project"))
                    .hint("list them with `assay runs`")
            }),
        None => runs
            .iter()
            .max_by_key(|run| (run.started, &run.run))
            .map(|run| run.run.clone())
            .ok_or_else(|| {
                Failure::cannot_look("no run in this project yet")
                    .hint("start one with `assay run`")
            }),
    }
}
