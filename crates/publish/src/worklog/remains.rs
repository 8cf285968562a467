//! What the run leaves to do, to know, or to decide.

use assay_model::{Outcome, Prologue, Status, Symptom, Verdict};

use crate::page::Page;
use crate::text::{code, counted, len, listed, prose, sentence};
use crate::view::{View, event};
use crate::worklog::readiness::statuses;
use crate::worklog::results::not_met;
use crate::worklog::rollouts::short;
use crate::worklog::whys::absent;

/// Items of one group; more are counted.
const ITEMS_MAX: usize = 20;

/// Tests that are named in one item.
const NAMES_MAX: usize = 6;

/// Things of one kind that remain.
#[derive(Debug)]
pub(crate) struct Group {
    /// What kind.
    pub(crate) title: &'static str,
    /// Each with what shows it.
    pub(crate) items: Vec<String>,
    /// Nothing that anybody has to act on.
    pub(crate) quiet: bool,
}

pub(super) fn write(view: &View<'_>, page: &mut Page) {
    page.heading(2, "What remains");
    let groups = remaining(view);
    if groups.is_empty() {
        page.para("Nothing that this run knows of.");
    }
    for group in groups {
        page.para(&format!("**{}**", group.title));
        for item in group.items.iter().take(ITEMS_MAX) {
            page.bullet(item);
        }
        if group.items.len() > ITEMS_MAX {
            page.bullet(&format!(
                "{} more items are in the journal.",
                group.items.len() - ITEMS_MAX
            ));
        }
    }
}

/// Everything that remains, what is pressing first.
pub(crate) fn remaining(view: &View<'_>) -> Vec<Group> {
    let loud = |title, items| Group {
        title,
        items,
        quiet: false,
    };
    let mut groups = vec![
        loud("Not healthy", not_healthy(view)),
        loud("Tests not proven", not_proven(view)),
        loud("Causes without a mend", waiting(view)),
        loud(
            "Reproductions that did not show what they had to",
            not_shown(view),
        ),
        loud("Refused roll-outs", refused(view)),
        loud("To merge", to_merge(view)),
        loud("Gate to add", gates(view)),
    ];
    groups.extend(diagnosed(view));
    groups.push(loud("Findings", findings(view)));
    groups.push(loud("Not looked at", not_looked(view)));
    groups.retain(|group| !group.items.is_empty());
    groups
}

fn not_healthy(view: &View<'_>) -> Vec<String> {
    let sick: Vec<_> = view
        .facts
        .health
        .values()
        .filter(|(health, _)| health.status != Status::Healthy)
        .collect();
    if sick.is_empty() {
        return Vec::new();
    }
    let healths: Vec<_> = sick.iter().map(|(health, _)| health).collect();
    let seq = view.last_seq(|body| body.kind() == "health_observed");
    let evidence = sick.iter().flat_map(|(_, evidence)| evidence);
    vec![format!(
        "{} of {} services and dependencies at the last probe: {}. {}",
        sick.len(),
        view.facts.health.len(),
        statuses(&healths),
        view.cite_all(evidence, seq)
    )]
}

fn not_proven(view: &View<'_>) -> Vec<String> {
    let Some(noted) = view
        .story
        .executions
        .last()
        .filter(|_| view.facts.execution.is_some())
    else {
        return Vec::new();
    };
    let tests: Vec<_> = noted
        .what
        .tests
        .iter()
        .filter(|test| {
            test.outcome != Outcome::Passed
                || !matches!(test.verdict, Some(Verdict::Proven | Verdict::NotApplicable))
        })
        .collect();
    if tests.is_empty() && not_met(noted.what) == 0 {
        return Vec::new();
    }
    let mut names: Vec<String> = tests
        .iter()
        .take(NAMES_MAX)
        .map(|test| {
            let word = test.verdict.map_or(test.outcome.word(), Verdict::word);
            format!("{} ({word})", code(&test.test))
        })
        .collect();
    if tests.len() > NAMES_MAX {
        names.push(format!("{} more", tests.len() - NAMES_MAX));
    }
    vec![format!(
        "{} of {} at the last execution, {} of {} not met: {}. {}",
        tests.len(),
        counted(len(&noted.what.tests), "test"),
        not_met(noted.what),
        match noted.what.criteria.len() {
            1 => "1 criterion".to_owned(),
            n => format!("{n} criteria"),
        },
        listed(&names),
        event(noted.seq)
    )]
}

fn waiting(view: &View<'_>) -> Vec<String> {
    let mended = |cause: &assay_model::CauseId| {
        view.facts
            .mends
            .iter()
            .any(|mend| mend.reverted.is_none() && mend.remedy.cause == *cause)
    };
    view.causes()
        .iter()
        .filter(|found| !mended(&found.cause.id))
        .map(|found| {
            format!(
                "{}: no change of the source that holds was made for it. {}",
                code(&found.cause.id),
                event(found.seq)
            )
        })
        .collect()
}

fn not_shown(view: &View<'_>) -> Vec<String> {
    let seq = view.last_seq(|body| body.kind() == "reproduced");
    let runs = view
        .facts
        .reproductions
        .iter()
        .filter(|run| !run.as_expected());
    runs.map(|run| {
        format!(
            "{} on revision {}: {} {}",
            code(&run.check.cause),
            code(&run.check.revision),
            prose(&run.detail),
            view.cite_all(&run.evidence, seq)
        )
    })
    .collect()
}

fn refused(view: &View<'_>) -> Vec<String> {
    let seq = view.last_seq(|body| body.kind() == "rollout_finished");
    view.facts
        .refused_rollouts()
        .iter()
        .map(|rollout| {
            format!(
                "{} of {} was {}: {} {}",
                code(&rollout.revision),
                code(&rollout.request.service),
                rollout.outcome.word(),
                prose(&rollout.detail),
                view.cite_all(&rollout.evidence, seq)
            )
        })
        .collect()
}

fn to_merge(view: &View<'_>) -> Vec<String> {
    let mut items = Vec::new();
    for mend in &view.facts.mends {
        let (branch, commit) = (code(&mend.branch), code(short(&mend.commit)));
        let seq = event(view.mend_seq(mend));
        items.push(match &mend.reverted {
            None => format!("Branch {branch} at commit {commit} waits to be merged; assay merges nothing by itself. {seq}"),
            Some(_) => format!("Branch {branch} did not hold; it is kept as evidence. {seq}"),
        });
    }
    items
}

fn gates(view: &View<'_>) -> Vec<String> {
    let causes = view.causes();
    let gates = causes
        .iter()
        .filter_map(|found| Some((found.cause.gate.as_ref()?, found.seq)));
    let mut items: Vec<String> = Vec::new();
    for (gate, seq) in gates {
        let item = format!("{} {}", absent(gate), event(seq));
        if !items.contains(&item) {
            items.push(item);
        }
    }
    items
}

fn diagnosed(view: &View<'_>) -> Vec<Group> {
    let incident = view.facts.incident();
    let noted = view.story.diagnoses.iter().rfind(|noted| match incident {
        Some(incident) => noted.what == incident,
        None => true,
    });
    let Some(noted) = noted else {
        return Vec::new();
    };
    let diagnosis = noted.what;
    let cycle = format!("cycle {}", noted.cycle);
    let symptoms = |places: &[usize]| -> Vec<String> {
        let found = places
            .iter()
            .filter_map(|place| diagnosis.symptoms.get(*place));
        found
            .map(
                |Symptom {
                     service,
                     text,
                     evidence,
                     ..
                 }| {
                    let cites = view.cite_all(evidence, noted.seq);
                    format!("{}: {} ({cycle}) {cites}", code(service), prose(text))
                },
            )
            .collect()
    };
    let decoys = diagnosis.decoys.iter().map(|decoy| {
        format!(
            "{}: {} ({cycle}) {}",
            prose(&decoy.text),
            prose(&decoy.reason),
            event(noted.seq)
        )
    });
    let missing = diagnosis
        .missing_evidence
        .iter()
        .map(|item| format!("{} ({cycle}) {}", prose(item), event(noted.seq)));
    vec![
        Group {
            title: "Unexplained symptoms",
            items: symptoms(&diagnosis.unexplained),
            quiet: false,
        },
        Group {
            title: "Missing evidence",
            items: missing.collect(),
            quiet: false,
        },
        Group {
            title: "Symptoms from before the first roll-out of this run",
            items: symptoms(&diagnosis.pre_existing),
            quiet: false,
        },
        Group {
            title: "Loud, but no cause",
            items: decoys.collect(),
            quiet: true,
        },
    ]
}

fn findings(view: &View<'_>) -> Vec<String> {
    let mut items = Vec::new();
    if let Some(report) = view
        .facts
        .audit
        .as_ref()
        .filter(|report| !report.findings.is_empty())
    {
        let seq = view.last_seq(|body| body.kind() == "audited");
        items.push(format!(
            "Audit: {}, {} new. {}",
            counted(len(&report.findings), "finding"),
            report.new,
            view.cite_all(&report.evidence, seq)
        ));
    }
    if let Some(report) = view
        .facts
        .stability
        .as_ref()
        .filter(|report| !report.stable)
    {
        let seq = view.last_seq(|body| body.kind() == "stability_judged");
        items.push(format!(
            "Stability: {}. {}",
            super::stability::verdict(report),
            view.cite_all(&report.evidence, seq)
        ));
    }
    items
}

fn not_looked(view: &View<'_>) -> Vec<String> {
    let mut items: Vec<String> = view
        .story
        .errors
        .iter()
        .map(|(step, (seq, error))| {
            format!(
                "Step {} could not look: {} {}",
                code(step.word()),
                sentence(error),
                event(*seq)
            )
        })
        .collect();
    if let Some(report) = &view.facts.audit {
        let seq = view.last_seq(|body| body.kind() == "audited");
        let cites = view.cite_all(&report.evidence, seq);
        let unseen = report.not_examined.iter();
        items.extend(unseen.map(|item| format!("Audit: {} {cites}", sentence(item))));
    }
    for pending in view.facts.pending() {
        items.push(match pending {
            Prologue::Rollout(request) => format!(
                "The roll-out {} of {} was asked for and has not ended. {}",
                code(&request.id),
                code(&request.service),
                event(1)
            ),
            Prologue::Disturb(_) => {
                format!(
                    "A disturbance was asked for and has not happened. {}",
                    event(1)
                )
            }
        });
    }
    items
}
