//! What was rolled out, and what was disturbed on purpose.

use assay_model::{Disturbance, Gate, Prologue, RolloutSource, Step, Strategy};

use crate::page::Page;
use crate::text::{between_ms, bounded_sentence, code, duration, utc, utc_range};
use crate::view::{View, event};

/// Rows of the table: far more than the limits of a run allow.
const ROWS_MAX: usize = 60;

/// Characters of what a gate saw.
const DETAIL_CHARS_MAX: usize = 160;

pub(super) fn write(view: &View<'_>, page: &mut Page) {
    page.heading(2, "Roll-outs");
    let rollouts = &view.story.rollouts;
    if rollouts.is_empty() {
        page.para(&none(view));
    } else {
        let rows: Vec<Vec<String>> = rollouts
            .iter()
            .take(ROWS_MAX)
            .map(|noted| {
                let rollout = noted.what;
                vec![
                    code(&rollout.request.service),
                    code(&rollout.revision),
                    rollout
                        .previous
                        .as_ref()
                        .map_or_else(|| "none".to_owned(), |id| code(id)),
                    gate(rollout.gate).to_owned(),
                    strategy(rollout.strategy).to_owned(),
                    rollout.outcome.word().to_owned(),
                    format!(
                        "{} ({})",
                        utc_range(rollout.started, rollout.finished),
                        duration(between_ms(rollout.started, rollout.finished))
                    ),
                    view.cite_all(&rollout.evidence, noted.seq),
                ]
            })
            .collect();
        page.table(
            &[
                "service",
                "revision",
                "previous",
                "gate",
                "strategy",
                "outcome",
                "from – to",
                "evidence",
            ],
            &rows,
        );
        for noted in rollouts.iter().take(ROWS_MAX) {
            let rollout = noted.what;
            page.bullet(&format!(
                "{} to {}, {}, because: {} Seen: {} {}",
                code(&rollout.request.service),
                code(&rollout.revision),
                source(&rollout.request.source),
                bounded_sentence(&rollout.request.reason, DETAIL_CHARS_MAX),
                bounded_sentence(&rollout.detail, DETAIL_CHARS_MAX),
                event(noted.seq)
            ));
        }
        if rollouts.len() > ROWS_MAX {
            page.para(&format!(
                "{} later roll-outs are in the journal.",
                rollouts.len() - ROWS_MAX
            ));
        }
    }
    for noted in view.story.disturbed.iter().take(ROWS_MAX) {
        page.bullet(&format!(
            "Disturbed on purpose at {}: {} {}",
            utc(noted.at),
            disturbance(noted.what),
            event(noted.seq)
        ));
    }
}

fn none(view: &View<'_>) -> String {
    if view.facts.plan.is_none() {
        return view.not_run(Step::Deploy);
    }
    let asked = view.facts.plan.iter().flat_map(|plan| &plan.prologue);
    if asked
        .filter(|item| matches!(item, Prologue::Rollout(_)))
        .count()
        == 0
        && view.facts.requested.is_empty()
        && !view.story.errors.contains_key(&Step::Deploy)
    {
        return format!("Not run: no roll-out was asked for. {}", event(1));
    }
    view.not_run(Step::Deploy)
}

fn gate(gate: Gate) -> &'static str {
    match gate {
        Gate::Probe => "probe",
        Gate::None => "none",
    }
}

fn strategy(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::Recreate => "recreate",
        Strategy::BlueGreen => "blue-green",
    }
}

fn source(source: &RolloutSource) -> String {
    match source {
        RolloutSource::WorkingTree => "built from the working tree".to_owned(),
        RolloutSource::Commit(commit) => format!("built from commit {}", code(short(commit))),
        RolloutSource::Revision(_) => "built before".to_owned(),
        RolloutSource::Restart => "started again".to_owned(),
    }
}

fn disturbance(disturbance: &Disturbance) -> String {
    match disturbance {
        Disturbance::Kill { service, signal } => {
            format!(
                "signal {signal} was sent to the instance that serves {}.",
                code(service)
            )
        }
        Disturbance::Write { file, text } => {
            format!(
                "{} was written, {} bytes.",
                code(file),
                crate::text::grouped(u64::try_from(text.len()).unwrap_or(u64::MAX))
            )
        }
    }
}

/// A commit as git shortens it.
pub(crate) fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}
