//! The health table for a person.

use assay_model::{InstanceState, Runtime, Status};

use crate::document::ReadyRow;
use crate::narration::counted;
use crate::palette::{Meaning, paint};
use crate::terminal::{COLUMNS, fold};

/// Widest name and revision that are not cut.
const NAME_COLUMNS_MAX: usize = 24;

/// Columns of a status: the longest is `unreachable` and `auth-failed`.
const STATUS_COLUMNS: usize = 12;

/// Columns of a latency.
const LATENCY_COLUMNS: usize = 9;

/// Columns before what is said below a row.
const INDENT: usize = 4;

/// One line for each, and below it what a person must know: why it is not well, what it costs,
/// what changed.
pub(crate) fn render(rows: &[ReadyRow], colour: bool, verbose: bool) -> String {
    let widest = |texts: Vec<usize>| texts.into_iter().max().unwrap_or(0).min(NAME_COLUMNS_MAX);
    let name = widest(rows.iter().map(|row| row.name.chars().count()).collect()).max(7);
    let kind = widest(rows.iter().map(|row| row.kind.len()).collect()).max(5);
    let mut out = format!(
        "{:<name$}  {:<kind$} {:<STATUS_COLUMNS$}{:>LATENCY_COLUMNS$}  REVISION\n",
        "SERVICE", "PROBE", "STATUS", "LATENCY"
    );
    // What needs a person first.
    let mut sorted: Vec<&ReadyRow> = rows.iter().collect();
    sorted.sort_by_key(|row| (row.status.serves(), row.status == Status::Healthy));
    for row in sorted {
        let status = format!("{:<STATUS_COLUMNS$}", row.status.word());
        let status = paint(meaning(row.status), &status, colour);
        let latency = format!("{} ms", row.latency_ms);
        let service = cut(&row.name, name);
        let revision = row.revision.as_ref().map_or("", |id| id.as_str());
        let room = COLUMNS.saturating_sub(name + kind + STATUS_COLUMNS + LATENCY_COLUMNS + 5);
        let line = format!(
            "{service:<name$}  {:<kind$} {status}{latency:>LATENCY_COLUMNS$}  {}",
            row.kind,
            cut(revision, room)
        );
        out.push_str(line.trim_end());
        out.push('\n');
        for (meaning, text) in below(row, verbose) {
            let text = fold(&text, INDENT, COLUMNS);
            let text = paint(meaning, &text, colour);
            out.push_str(&format!("{:INDENT$}{text}\n", ""));
        }
    }
    out.push_str(&format!("\n{}\n", summary(rows)));
    out
}

/// What is said below a row.
fn below(row: &ReadyRow, verbose: bool) -> Vec<(Meaning, String)> {
    let mut lines = Vec::new();
    let well = row.status == Status::Healthy;
    if !well || verbose {
        lines.push((Meaning::Label, row.detail.clone()));
        lines.push((Meaning::Faint, format!("asked: {}", row.target)));
    }
    if let Some(samples) = &row.samples {
        let text = format!(
            "{} samples: p50 {} ms, p95 {} ms, slowest {} ms, {} failed",
            samples.count, samples.p50_ms, samples.p95_ms, samples.max_ms, samples.failed
        );
        lines.push((Meaning::Faint, text));
    }
    for (name, reported) in &row.reported {
        let good = ["healthy", "ok", "up", "pass"];
        let is_good = good
            .iter()
            .any(|word| reported.status.eq_ignore_ascii_case(word));
        if !is_good || verbose {
            let took = reported.latency_ms.map(|ms| format!(" ({ms} ms)"));
            let text = format!(
                "says: {name} {}{}",
                reported.status,
                took.unwrap_or_default()
            );
            lines.push((Meaning::Faint, text));
        }
    }
    if let Some(runtime) = &row.runtime {
        if runtime.state.is_some() && (!well || verbose || runtime.restarts > 0) {
            lines.push((Meaning::Faint, runtime_text(runtime)));
        }
        for blind in &runtime.blind {
            let text = format!("{} could not look: {}", blind.observer, blind.reason);
            lines.push((Meaning::Warning, text));
        }
    }
    if let Some(certificate) = &row.certificate
        && (!well || verbose)
    {
        let text = format!(
            "certificate for {}, {} days left",
            certificate.names.join(", "),
            certificate.days_left
        );
        lines.push((Meaning::Faint, text));
    }
    if let Some(changed) = &row.changed {
        let status = changed
            .status
            .map(|status| format!("was {}", status.word()));
        let revision = changed
            .revision
            .as_ref()
            .map(|id| format!("was revision {id}"));
        let parts: Vec<String> = status.into_iter().chain(revision).collect();
        let text = format!("changed: {} in run {}", parts.join(", "), changed.run);
        lines.push((Meaning::Warning, text));
    }
    if let Some(risk) = row.risk.as_ref().filter(|_| !row.status.serves()) {
        lines.push((Meaning::Bad, format!("risk: {risk}")));
    }
    lines
}

fn runtime_text(runtime: &Runtime) -> String {
    let mut text = format!(
        "{}: {} of {} running",
        runtime.observer, runtime.running, runtime.instances
    );
    if let Some(state) = runtime
        .state
        .filter(|state| *state != InstanceState::Running)
    {
        text.push_str(&format!(", {}", state.word()));
    }
    if runtime.restarts > 0 {
        text.push_str(&format!(
            ", {}",
            counted(runtime.restarts as usize, "restart")
        ));
    }
    if let Some(exit) = &runtime.last_exit {
        text.push_str(&format!(", last exit: {}", exit.describe()));
    }
    text
}

fn summary(rows: &[ReadyRow]) -> String {
    let count =
        |wanted: &dyn Fn(Status) -> bool| rows.iter().filter(|row| wanted(row.status)).count();
    let healthy = count(&|status| status == Status::Healthy);
    let degraded = count(&|status| status == Status::Degraded);
    let down = count(&|status| !status.serves());
    let mut text = format!("{healthy} of {} healthy", rows.len());
    if degraded > 0 {
        text.push_str(&format!(", {degraded} degraded"));
    }
    if down > 0 {
        text.push_str(&format!(", {down} not serving"));
    }
    text
}

/// One line about a row whose status is another one than before.
pub(crate) fn change(row: &ReadyRow) -> String {
    let at = assay_world::clock::stamp(assay_world::clock::now());
    format!("{at} {} {}: {}", row.name, row.status.word(), row.detail)
}

fn meaning(status: Status) -> Meaning {
    match status {
        Status::Healthy => Meaning::Good,
        Status::Degraded => Meaning::Warning,
        _ => Meaning::Bad,
    }
}

/// The first `columns` characters, the last of them a sign that there were more.
fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    let kept: String = text.chars().take(columns.saturating_sub(1)).collect();
    format!("{kept}…")
}
