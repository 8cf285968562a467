//! The whole run on one screen.

use assay_model::{Cause, DiagnosisVerdict, EndState, Health, Status};

use crate::page::Page;
use crate::story::{Look, Noted};
use crate::text::{bounded_prose, code, counted, len, sentence, utc, utc_range};
use crate::view::{Found, View, event, when};
use crate::worklog::readiness::{probed, statuses};
use crate::worklog::remains::remaining;
use crate::worklog::remediation::{mend_state, outcome, what};
use crate::worklog::results::{not_met, totals};

/// Characters of one line of the summary that come from one text.
const LINE_CHARS_MAX: usize = 240;

/// Causes in the summary; the section on whys has them all.
const CAUSES_MAX: usize = 8;

pub(super) fn write(view: &View<'_>, page: &mut Page) {
    page.heading(2, "Summary");
    page.para(&end(view));
    section(page, "What was broken", &broken(view));
    section(page, "Why", &why(view));
    section(page, "What was done", &done(view));
    let restored = matches!(
        view.facts.end,
        Some((
            EndState::Green | EndState::Repaired | EndState::Mitigated,
            _
        ))
    );
    section(
        page,
        if restored {
            "What proves it"
        } else {
            "What is known now"
        },
        &proofs(view),
    );
    section(page, "What remains", &remains(view));
}

fn section(page: &mut Page, title: &str, lines: &[String]) {
    page.para(&format!("**{title}**"));
    for line in lines {
        page.bullet(line);
    }
}

fn end(view: &View<'_>) -> String {
    let facts = view.facts;
    if let Some((end, reason)) = &facts.end {
        let seq = view.last_seq(|body| body.kind() == "run_finished");
        return format!("**{}**: {} {}", end.word(), sentence(reason), event(seq));
    }
    let at = match (&facts.step, view.events.last()) {
        (Some(step), Some(last)) => format!(
            "The step {} of cycle {} is in progress; the last event is of {}. {}",
            code(step.step.word()),
            step.cycle,
            utc(last.at),
            event(last.seq)
        ),
        (None, Some(last)) => format!(
            "No step is in progress; the last event is of {}. {}",
            utc(last.at),
            event(last.seq)
        ),
        (_, None) => "It has no event yet.".to_owned(),
    };
    format!("**This run has not ended.** {at}")
}

/// What was seen to be wrong when it was diagnosed, or the first time that anything was.
pub(crate) fn broken(view: &View<'_>) -> Vec<String> {
    let story = &view.story;
    let incident = view.facts.incident();
    let until = story
        .diagnoses
        .iter()
        .rfind(|noted| Some(noted.what) == incident);
    let look = match until {
        Some(noted) => story.looks.iter().rfind(|look| look_seq(look) < noted.seq),
        None => story.looks.iter().find(|look| !all_healthy(look)),
    };
    let execution = match until {
        Some(noted) => story
            .executions
            .iter()
            .rfind(|execution| execution.seq < noted.seq),
        None => story
            .executions
            .iter()
            .find(|execution| !execution.what.green),
    };
    let mut lines = Vec::new();
    if let Some(look) = look.filter(|look| !all_healthy(look)) {
        lines.push(sick(view, look));
    }
    if let Some(execution) = execution.filter(|execution| !execution.what.green) {
        lines.push(format!(
            "{} ({}, {}). {}",
            totals(execution.what),
            format_args!("cycle {}", execution.cycle),
            utc_range(execution.from, execution.at),
            event(execution.seq)
        ));
    }
    for noted in story
        .rollouts
        .iter()
        .filter(|noted| !noted.what.outcome.switched())
    {
        lines.push(format!(
            "The roll-out of {} to revision {} was {} ({}). {}",
            code(&noted.what.request.service),
            code(&noted.what.revision),
            noted.what.outcome.word(),
            when(noted.cycle, noted.what.finished),
            view.cite_all(&noted.what.evidence, noted.seq)
        ));
    }
    if lines.is_empty() {
        lines.push(match (story.looks.last(), story.executions.last()) {
            (None, None) => "Not known: no service was probed and no test was run.".to_owned(),
            _ => "Nothing that was looked at.".to_owned(),
        });
    }
    lines
}

fn look_seq(look: &Look<'_>) -> u64 {
    look.rows.last().map_or(0, |(seq, _, _)| *seq)
}

fn all_healthy(look: &Look<'_>) -> bool {
    look.rows
        .iter()
        .all(|(_, health, _)| health.status == Status::Healthy)
}

fn sick(view: &View<'_>, look: &Look<'_>) -> String {
    let sick: Vec<_> = look
        .rows
        .iter()
        .filter(|(_, health, _)| health.status != Status::Healthy)
        .collect();
    let names: Vec<&Health> = sick.iter().map(|(_, health, _)| *health).collect();
    let evidence = sick.iter().flat_map(|(_, _, evidence)| evidence.iter());
    format!(
        "Not healthy: {} of {}: {} ({}). {}",
        sick.len(),
        probed(look.rows.len()),
        statuses(&names),
        when(look.cycle, look.to),
        view.cite_all(evidence, look_seq(look))
    )
}

fn why(view: &View<'_>) -> Vec<String> {
    let causes = view.causes();
    let mut lines: Vec<String> = causes
        .iter()
        .take(CAUSES_MAX)
        .map(|found| cause_line(view, found))
        .collect();
    if causes.len() > CAUSES_MAX {
        lines.push(format!(
            "{} under Five whys.",
            counted(len(&causes[CAUSES_MAX..]), "more cause")
        ));
    }
    let Some(noted) = view.story.diagnoses.last() else {
        return vec![view.not_run(assay_model::Step::Why)];
    };
    if lines.is_empty() {
        lines.push(match noted.what.verdict {
            DiagnosisVerdict::Healthy => {
                format!("There was nothing to explain. {}", event(noted.seq))
            }
            _ => no_cause(noted),
        });
    } else if !noted.what.unexplained.is_empty() {
        lines.push(format!(
            "{} of {} remained without a cause in cycle {}. {}",
            noted.what.unexplained.len(),
            counted(len(&noted.what.symptoms), "symptom"),
            noted.cycle,
            event(noted.seq)
        ));
    }
    lines
}

fn no_cause(noted: &Noted<'_, assay_model::Diagnosis>) -> String {
    format!(
        "No cause was found for {} (cycle {}, {}). {}",
        counted(len(&noted.what.symptoms), "symptom"),
        noted.cycle,
        utc(noted.at),
        event(noted.seq)
    )
}

/// One line: what, of which kind, and where it must change.
pub(crate) fn cause_line(view: &View<'_>, found: &Found<'_>) -> String {
    let Cause {
        summary,
        service,
        class,
        defect,
        whys,
        ..
    } = found.cause;
    let place = defect.as_ref().map_or(String::new(), |defect| {
        format!(
            ", defect at {}",
            code(&format!("{}:{}", defect.file, defect.line))
        )
    });
    let evidence = whys
        .last()
        .map(|why| why.evidence.as_slice())
        .unwrap_or_default();
    format!(
        "{} (service {}, class {}{place}) {}",
        bounded_prose(summary, LINE_CHARS_MAX),
        code(service),
        class.word(),
        view.cite_all(evidence, found.seq)
    )
}

fn done(view: &View<'_>) -> Vec<String> {
    let facts = view.facts;
    let mut lines: Vec<String> = facts
        .remedies
        .iter()
        .map(|remedy| {
            let (outcome, cites) = outcome(view, remedy);
            format!("{}. {outcome} {cites}", what(&remedy.action))
        })
        .collect();
    if lines.is_empty() {
        let off = facts.plan.as_ref().is_some_and(|plan| !plan.remedy);
        lines.push(if off {
            format!(
                "Nothing: this run was not allowed to apply remedies. {}",
                event(1)
            )
        } else {
            match facts.end {
                Some(_) => "No remedy was planned.".to_owned(),
                None => "No remedy was planned so far.".to_owned(),
            }
        });
    }
    lines
}

/// What holds now, as it was last looked at.
pub(crate) fn proofs(view: &View<'_>) -> Vec<String> {
    let facts = view.facts;
    let mut lines = Vec::new();
    if let Some(mend) = facts.mend() {
        lines.extend(flipped(view, mend));
        lines.push(format!(
            "{} {}",
            mend_state(view, mend),
            event(
                view.last_seq(|body| body.kind() == "rollout_finished")
                    .max(view.mend_seq(mend))
            )
        ));
    }
    if let Some(execution) = view
        .story
        .executions
        .last()
        .filter(|_| facts.execution.is_some())
    {
        let met = match not_met(execution.what) {
            0 => "every criterion is met",
            _ => "not every criterion is met",
        };
        lines.push(format!(
            "{}; {met} (cycle {}, {}). {}",
            totals(execution.what),
            execution.cycle,
            utc_range(execution.from, execution.at),
            event(execution.seq)
        ));
    }
    lines.extend(health_now(view));
    lines.extend(checks(view));
    if lines.is_empty() {
        lines.push("Nothing: no result is younger than the last change.".to_owned());
    }
    lines
}

fn flipped(view: &View<'_>, mend: &assay_model::Mend) -> Vec<String> {
    let runs: Vec<_> = view
        .facts
        .reproductions
        .iter()
        .filter(|run| run.check.cause == mend.remedy.cause)
        .collect();
    let (bad, good): (Vec<_>, Vec<_>) = runs.iter().partition(|run| run.check.must_fail);
    let as_expected = |runs: &[&&assay_model::ReproductionRun]| {
        runs.iter().filter(|run| run.as_expected()).count()
    };
    if runs.is_empty() {
        return Vec::new();
    }
    let seq = view.last_seq(|body| body.kind() == "reproduced");
    vec![format!(
        "The reproduction failed with its signature on {} of {} and passed on {} of {}. {}",
        as_expected(&bad),
        counted(len(&bad), "bad revision"),
        as_expected(&good),
        counted(len(&good), "good revision"),
        view.cite_all(runs.iter().flat_map(|run| &run.evidence), seq)
    )]
}

fn health_now(view: &View<'_>) -> Option<String> {
    let health = &view.facts.health;
    let look = view.story.looks.last().filter(|_| !health.is_empty())?;
    let healthy = health
        .values()
        .filter(|(health, _)| health.status == Status::Healthy)
        .count();
    let evidence = health.values().flat_map(|(_, evidence)| evidence);
    Some(format!(
        "Healthy: {healthy} of {} ({}). {}",
        probed(health.len()),
        when(look.cycle, look.to),
        view.cite_all(evidence, look_seq(look))
    ))
}

fn checks(view: &View<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(report) = &view.facts.audit {
        let seq = view.last_seq(|body| body.kind() == "audited");
        lines.push(format!(
            "Audit: {} ({} new), {}. {}",
            counted(len(&report.findings), "finding"),
            report.new,
            super::audit::examined(report),
            view.cite_all(&report.evidence, seq)
        ));
    }
    if let Some(report) = &view.facts.stability {
        let seq = view.last_seq(|body| body.kind() == "stability_judged");
        lines.push(format!(
            "Stability: {}. {}",
            super::stability::verdict(report),
            view.cite_all(&report.evidence, seq)
        ));
    }
    lines
}

fn remains(view: &View<'_>) -> Vec<String> {
    let groups: Vec<_> = remaining(view)
        .into_iter()
        .filter(|group| !group.quiet)
        .collect();
    if groups.is_empty() {
        return vec!["Nothing that this run knows of.".to_owned()];
    }
    groups
        .iter()
        .map(|group| match group.items.as_slice() {
            [one] => format!("{}: {one}", group.title),
            [first, more @ ..] => format!(
                "{}: {first} ({} under [What remains](#what-remains))",
                group.title,
                counted(len(more), "more item")
            ),
            [] => group.title.to_owned(),
        })
        .collect()
}
