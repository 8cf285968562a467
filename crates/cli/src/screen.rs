//! The one screen at the end of a run: what was broken, why, what was done, what proves it.

use std::collections::BTreeSet;
use std::path::Path;

use assay_engine::Ended;
use assay_model::{
    Action, Body, EndState, Event, Facts, Outcome, Reproduction, RunId, Status, Verdict,
};

use crate::args::Format;
use crate::document::RunDocument;
use crate::failure::Failure;
use crate::live::Live;
use crate::narration::counted;
use crate::palette::{Meaning, paint};
use crate::session::Session;
use crate::terminal::{self, COLUMNS, fold};

/// Columns before the text.
const INDENT: usize = 10;

/// Prints the closing screen of a run and gives its exit code.
pub(crate) fn finish(
    session: &Session,
    run: &RunId,
    ended: Ended,
    live: &Live,
) -> Result<u8, Failure> {
    live.close();
    if let Some(error) = ended.error {
        return Err(error.into());
    }
    let events = session
        .journal
        .events(run)
        .map_err(|error| Failure::cannot_look("read the journal").because(error))?;
    let output = live.output();
    if output.format != Format::Jsonl {
        let (facts, root) = (&ended.facts, &session.project.root);
        let document = RunDocument::new(facts, ended.end);
        output.result(&document, || render(facts, &events, root, output.colour()));
    }
    Ok(ended.end.exit_code())
}

/// Renders the screen from the events of a run that ended.
pub(crate) fn render(facts: &Facts, events: &[Event], root: &Path, colour: bool) -> String {
    let Some((end, reason)) = &facts.end else {
        return String::new();
    };
    let mut out = String::new();
    let mut row = |label: &str, text: String| {
        if text.is_empty() {
            return;
        }
        let label = paint(Meaning::Label, &format!("{label:<INDENT$}"), colour);
        out.push_str(&format!("{label}{}\n", fold(&text, INDENT, COLUMNS)));
    };
    for text in broken(events) {
        row("broken", text);
    }
    for cause in facts
        .incident()
        .into_iter()
        .flat_map(|incident| &incident.causes)
    {
        for (place, why) in cause.whys.iter().enumerate() {
            row(&format!("why {}", place + 1), why.text.clone());
        }
    }
    for text in done(facts) {
        row("done", text);
    }
    for text in proof(facts) {
        row("proof", text);
    }
    for text in unproven(facts) {
        row("unproven", text);
    }
    for text in remains(facts) {
        row("remains", text);
    }
    if let Some(publication) = &facts.publication {
        row(
            "worklog",
            root.join(&publication.worklog).display().to_string(),
        );
        if let Some(pull_request) = &publication.pull_request {
            row("pull req.", root.join(pull_request).display().to_string());
        }
    }
    // Commands are not folded: they are there to be copied.
    if let Some(run) = &facts.run {
        let label = paint(Meaning::Label, &format!("{:<INDENT$}", "check"), colour);
        out.push_str(&format!(
            "{label}{} verify {run}\n",
            terminal::this_assay(root)
        ));
    }
    let meaning = match end {
        EndState::Green | EndState::Repaired => Meaning::Good,
        EndState::Mitigated | EndState::Stopped | EndState::Inconclusive => Meaning::Warning,
        EndState::Red => Meaning::Bad,
    };
    let took = facts.started.zip(facts.last).map_or(0.0, |(from, to)| {
        std::time::Duration::from_millis(
            u64::try_from(to.as_millisecond() - from.as_millisecond()).unwrap_or(0),
        )
        .as_secs_f64()
    });
    let title = paint(meaning, &format!("{} in {took:.1} s", end.word()), colour);
    format!("\n{title}\n{}\n\n{out}", fold(reason, 0, COLUMNS))
}

/// What users saw at the worst moment: the first look that was not well.
fn broken(events: &[Event]) -> Vec<String> {
    let mut facts = Facts::default();
    for event in events {
        facts.apply(event);
        let Body::ExecutionJudged { execution } = &event.body else {
            continue;
        };
        let down: Vec<String> = facts
            .health
            .values()
            .filter(|(health, _)| health.status != Status::Healthy)
            .map(|(health, _)| format!("{} {}", health.service, health.status.word()))
            .collect();
        let failed = execution
            .tests
            .iter()
            .filter(|test| test.outcome != Outcome::Passed)
            .count();
        if failed == 0 && down.is_empty() {
            continue;
        }
        let mut parts = Vec::new();
        if !down.is_empty() {
            parts.push(format!(
                "{} (of {} probed)",
                down.join(", "),
                facts.health.len()
            ));
        }
        parts.push(format!(
            "{failed} of {} tests did not pass",
            execution.totals.planned
        ));
        return vec![parts.join("; ")];
    }
    facts
        .rollouts
        .iter()
        .filter(|rollout| !rollout.outcome.switched())
        .map(|rollout| {
            format!(
                "roll-out of {} {}: {}",
                rollout.request.service,
                rollout.outcome.word(),
                rollout.detail
            )
        })
        .collect()
}

fn done(facts: &Facts) -> Vec<String> {
    let remedies = facts
        .remedies
        .iter()
        .filter_map(|remedy| match &remedy.action {
            Action::Rollback { service, from, to } => {
                Some(format!("rolled {service} back from {from} to {to}"))
            }
            Action::Restart { service } => Some(format!("restarted {service}")),
            Action::Mend { .. } | Action::Person { .. } => None,
        });
    let mends = facts.mends.iter().map(|mend| {
        let files = mend.files.join(", ");
        match &mend.reverted {
            Some(reason) => format!(
                "changed {files} on {}, and took it back: {reason}",
                mend.branch
            ),
            None => format!("mended {files} on {}, {}", mend.branch, mend.remedy.reason),
        }
    });
    let served = facts
        .mend()
        .filter(|mend| facts.mend_serves(mend))
        .and_then(|mend| {
            let service = mend.service()?;
            Some(format!(
                "rolled {service} out as {}",
                facts.serving.get(service)?
            ))
        });
    remedies.chain(mends).chain(served).collect()
}

fn proof(facts: &Facts) -> Vec<String> {
    let mut out = Vec::new();
    for run in facts.reproductions.iter().filter(|run| run.as_expected()) {
        let what = match &run.check.reproduction {
            Reproduction::Start { service, .. } => format!("starting {service}"),
            Reproduction::Test { test, .. } => test.to_string(),
        };
        let word = if run.check.must_fail {
            "fails"
        } else {
            "passes"
        };
        out.push(format!(
            "{what} {word} with revision {}, run aside from all traffic",
            run.check.revision
        ));
    }
    if let Some(execution) = facts
        .execution
        .as_ref()
        .filter(|execution| execution.proved)
    {
        let totals = &execution.totals;
        if totals.proven > 0 {
            out.push(format!(
                "{} of {} tests proven: each failed while its service was blacked out",
                totals.proven, totals.planned
            ));
        }
    }
    if let (Some(report), Some(_)) = (&facts.audit, facts.mend()) {
        out.push(format!(
            "audit: {} in {} checks",
            counted(report.new as usize, "new finding"),
            report.overall().checks
        ));
    }
    if let Some(report) = &facts.stability {
        let listed = report
            .rows
            .iter()
            .any(|row| row.what == "tests listed" && row.before != "not listed");
        let word = match (report.stable, listed) {
            (true, true) => "nothing breaks, no test is weakened",
            (true, false) => "nothing breaks; tests were not compared",
            (false, _) => "not stable",
        };
        out.push(format!(
            "stability {} → {}: {word}",
            report.base, report.head
        ));
    }
    out
}

/// Passes that prove nothing, and why.
fn unproven(facts: &Facts) -> Vec<String> {
    let judged = facts.execution.iter().filter(|execution| execution.proved);
    let passes = judged.flat_map(|execution| &execution.tests);
    passes
        .filter_map(|test| {
            let verdict = test.verdict.filter(|verdict| *verdict != Verdict::Proven)?;
            let reason = test.reasons.first().map_or("", String::as_str);
            Some(format!("{} is {}: {reason}", test.test, verdict.word()))
        })
        .collect()
}

fn remains(facts: &Facts) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(mend) = facts.mend().filter(|mend| facts.mend_serves(mend)) {
        out.push(format!(
            "merge {}: what serves now stands only there",
            mend.branch
        ));
    }
    for left_out in facts.audit.iter().flat_map(|report| &report.not_examined) {
        out.push(format!("not audited: {left_out}"));
    }
    if let Some(Action::Person { advice }) = facts.remedies.last().map(|remedy| &remedy.action) {
        out.push(advice.clone());
    }
    if let Some(incident) = facts.incident() {
        let gates = incident
            .causes
            .iter()
            .filter_map(|cause| cause.gate.as_ref());
        out.extend(gates.map(|gate| gate.advice.clone()));
        let missing = incident.missing_evidence.iter();
        out.extend(missing.map(|text| format!("not known: {text}")));
    }
    let mut seen = BTreeSet::new();
    out.retain(|text| seen.insert(text.clone()));
    out
}
