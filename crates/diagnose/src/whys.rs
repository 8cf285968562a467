//! The five whys: what users see, the component, the mechanism, the defect, the gate.

use std::collections::BTreeMap;

use assay_model::{
    AbsentGate, CauseClass, EvidenceRef, Refuted, ServiceName, Status, SymptomKind, Why,
};

use crate::gate;
use crate::refute;
use crate::signature::{At, fill};
use crate::story::Story;
use crate::words::{counted, excerpt, listed, span};

/// Pieces of evidence under one why; the symptoms hold the rest.
const CITED_MAX: usize = 6;

/// Kinds of failing answer that the first why names.
const ANSWERS_MAX: usize = 4;

/// Lines of a log that are quoted when no signature knows what they say: a traceback's end.
const LAST_LINES: usize = 5;

/// The chain as far as evidence carries it, the gate, and what is missing to go on.
pub(crate) struct Chain {
    pub(crate) whys: Vec<Why>,
    pub(crate) gate: Option<AbsentGate>,
    pub(crate) missing: Vec<String>,
}

/// Walks from what users see to the gate that was absent. Without evidence there is no why.
pub(crate) fn walk(story: &Story<'_>, class: CauseClass) -> Chain {
    let mut chain = Chain {
        whys: Vec::new(),
        gate: None,
        missing: Vec::new(),
    };
    let neighbour = refute::neighbour_class(story, class);
    let links = [
        users(story),
        component(story),
        mechanism(story, neighbour.clone()),
    ];
    for why in links {
        if why.evidence.is_empty() {
            chain.missing.push(format!("evidence for \"{}\"", why.text));
            return chain;
        }
        chain.whys.push(why);
    }
    chain.missing.extend(story.located.missing.iter().cloned());
    let Some(why) = defect(story) else {
        if chain.missing.is_empty() {
            chain.missing.push(deeper(story));
        }
        return chain;
    };
    chain.whys.push(why);
    match gate::absent(story) {
        Ok((gate, why)) => {
            if !why.evidence.is_empty() {
                chain.whys.push(why);
            }
            chain.gate = Some(gate);
        }
        Err(missing) => chain.missing.push(missing),
    }
    chain
}

fn users(story: &Story<'_>) -> Why {
    let answers: Vec<String> = story
        .explained(SymptomKind::Test)
        .map(|sign| format!("{} {}", sign.symptom.service, sign.label))
        .take(ANSWERS_MAX)
        .collect();
    let mut text = suffering(story).join(", ");
    if !answers.is_empty() {
        text = format!("{text}; {}", listed(&answers));
    }
    let kinds = [
        SymptomKind::Test,
        SymptomKind::Probe,
        SymptomKind::Rollout,
        SymptomKind::Exit,
    ];
    let mut evidence: Vec<EvidenceRef> = kinds
        .into_iter()
        .flat_map(|kind| story.explained(kind))
        .flat_map(|sign| sign.symptom.evidence.iter().take(2).cloned())
        .collect();
    evidence.dedup();
    evidence.truncate(CITED_MAX);
    let probe = story.health(story.node()).filter(|(health, kept)| {
        !answers.is_empty() && !health.status.serves() && !kept.is_empty()
    });
    let refuted = probe.map(|(health, kept)| Refuted {
        alternative: "the tests themselves are wrong".to_owned(),
        reason: format!(
            "the probe of {} finds it {} too",
            story.node(),
            health.status.word()
        ),
        evidence: kept.iter().take(1).cloned().collect(),
    });
    Why {
        question: "what do users see?".to_owned(),
        text,
        evidence,
        excerpt: first_message(story).map(excerpt),
        refuted,
    }
}

/// Failed tests, services that are unwell, roll-outs that were refused; ended processes where
/// there is nothing else to see.
fn suffering(story: &Story<'_>) -> Vec<String> {
    let observed = story.scene.observed;
    let mut parts = Vec::new();
    let failed = story.failed_tests();
    if let Some(execution) = observed.execution.as_ref().filter(|_| failed > 0) {
        parts.push(format!(
            "{failed} of {} tests failed",
            execution.tests.len()
        ));
    }
    parts.extend(unwell(story));
    for sign in story.explained(SymptomKind::Rollout) {
        let previous = observed.serving(&sign.symptom.service);
        let stay = previous.map_or(String::new(), |id| format!("; users stay on revision {id}"));
        parts.push(format!("{}{stay}", sign.symptom.text));
    }
    if parts.is_empty() {
        let exits = story.explained(SymptomKind::Exit);
        parts.extend(exits.map(|sign| sign.symptom.text.clone()).take(2));
    }
    parts
}

/// What the first failed test says.
fn first_message<'a>(story: &Story<'a>) -> Option<&'a str> {
    let execution = story.scene.observed.execution.as_ref()?;
    story
        .explained(SymptomKind::Test)
        .flat_map(|sign| &sign.tests)
        .find_map(|place| execution.tests.get(*place)?.message.as_deref())
}

/// `2 of 3 services unavailable (a and b)`, one part for each status, the worst first; stores
/// are named apart.
fn unwell(story: &Story<'_>) -> Vec<String> {
    let observed = story.scene.observed;
    let mut services: BTreeMap<Status, Vec<ServiceName>> = BTreeMap::new();
    let mut stores = Vec::new();
    for sign in story.explained(SymptomKind::Probe) {
        let name = &sign.symptom.service;
        let Some((health, _)) = observed.health.get(name) else {
            continue;
        };
        if observed.project.services.contains_key(name.as_str()) {
            services
                .entry(health.status)
                .or_default()
                .push(name.clone());
        } else {
            stores.push(format!("{name} {}", health.status.word()));
        }
    }
    let all = observed.project.services.len();
    let mut parts: Vec<String> = services
        .into_iter()
        .rev()
        .map(|(status, names)| {
            let names = story.by_distance(names.into_iter());
            let shown: Vec<String> = names.iter().map(ToString::to_string).collect();
            let n = names.len();
            format!(
                "{n} of {all} services {} ({})",
                status.word(),
                listed(&shown)
            )
        })
        .collect();
    parts.extend(stores);
    parts
}

fn component(story: &Story<'_>) -> Why {
    let node = story.node();
    let candidate = story.candidate;
    let health = story.health(node);
    let mut evidence = Vec::new();
    let text = if candidate.signature.at == At::Dependency && !candidate.reports.is_empty() {
        let caller = &candidate.seen_at;
        evidence.extend(candidate.reports.iter().take(2).cloned());
        let word = candidate
            .captures
            .get("word")
            .map_or("in trouble", String::as_str);
        let late = candidate
            .captures
            .get("ms")
            .map_or(String::new(), |ms| format!(" ({ms} ms)"));
        format!("{caller} needs {node} and reports it {word}{late}")
    } else if let (Some(first), Some(last)) = (candidate.exits.first(), candidate.exits.last()) {
        evidence.extend(candidate.exits_evidence.iter().cloned());
        let n = candidate.exits.len() as u64;
        let ends = format!(
            "its process ends by itself with {}, {}",
            first.describe(),
            counted(n, span(first.at, last.at))
        );
        let refused = candidate.revision.as_ref().filter(|_| story.gate_held());
        match (refused, health) {
            (Some(revision), _) => {
                format!("revision {revision} of {node} never gets to answer: {ends}")
            }
            (None, Some((health, kept))) if !health.status.serves() => {
                evidence.extend(kept.iter().take(1).cloned());
                format!(
                    "{node} is {}{} because {ends}",
                    health.status.word(),
                    http(health)
                )
            }
            (None, _) => format!("{node} fails because {ends}"),
        }
    } else {
        evidence.extend(candidate.sightings.iter().map(|seen| seen.evidence.clone()));
        let logged = candidate
            .sightings
            .first()
            .map_or("", |seen| seen.text.as_str());
        let runs = health
            .filter(|(health, _)| health.status.serves())
            .map_or("", |(_, kept)| {
                evidence.extend(kept.iter().take(1).cloned());
                "answers its probe and "
            });
        format!(
            "{node} {runs}fails while it works: it logged \"{logged}\", {}",
            candidate.often()
        )
    };
    evidence.truncate(CITED_MAX);
    let last_words = last_words(story);
    evidence.extend(last_words.iter().map(|(log, _)| log.clone()));
    Why {
        question: "which component fails?".to_owned(),
        text,
        evidence,
        excerpt: last_words.map(|(_, lines)| lines),
        refuted: refute::services(story).into_iter().next(),
    }
}

/// The last lines of a process that ended without a failure that a signature knows: whoever reads
/// them may know it.
fn last_words(story: &Story<'_>) -> Option<(EvidenceRef, String)> {
    let candidate = story.candidate;
    if candidate.exits.is_empty() || !candidate.sightings.is_empty() {
        return None;
    }
    let observed = story.scene.observed;
    let seen = observed.observations.get(story.node())?;
    let instance = seen
        .instances
        .iter()
        .rev()
        .find(|instance| Some(&instance.revision) == candidate.revision.as_ref())?;
    let log = instance.log.as_ref()?;
    let lines: Vec<&str> = observed.text(log)?.lines().collect();
    let first = lines.len().saturating_sub(LAST_LINES);
    Some((log.clone(), lines[first..].join("\n")))
}

fn http(health: &assay_model::Health) -> String {
    health
        .http_status
        .map_or(String::new(), |status| format!(" (HTTP {status})"))
}

fn mechanism(story: &Story<'_>, refuted: Option<Refuted>) -> Why {
    let candidate = story.candidate;
    let logged = candidate.sightings.iter().map(|seen| seen.evidence.clone());
    let mut evidence: Vec<EvidenceRef> = logged.collect();
    if evidence.is_empty() {
        evidence.extend(candidate.exits_evidence.iter().cloned());
        evidence.extend(candidate.reports.iter().cloned());
    }
    evidence.truncate(CITED_MAX);
    Why {
        question: "by what mechanism?".to_owned(),
        text: fill(&candidate.signature.explanation, &story.values),
        evidence,
        excerpt: candidate.sightings.first().map(|seen| excerpt(&seen.raw)),
        refuted,
    }
}

fn defect(story: &Story<'_>) -> Option<Why> {
    let located = &story.located;
    if located.text.is_empty() || located.evidence.is_empty() {
        return None;
    }
    Some(Why {
        question: "which defect makes that happen?".to_owned(),
        text: located.text.clone(),
        evidence: located.evidence.iter().take(CITED_MAX).cloned().collect(),
        excerpt: located.defect.as_ref().map(|defect| excerpt(&defect.text)),
        refuted: story
            .last_good
            .filter(|_| located.in_change)
            .map(|good| Refuted {
                alternative: "it has always been so".to_owned(),
                reason: format!("the change since revision {} brought it", good.revision),
                evidence: good.evidence.iter().take(1).cloned().collect(),
            }),
    })
}

/// What would have to be looked at to get past the mechanism.
fn deeper(story: &Story<'_>) -> String {
    match story.candidate.signature.at {
        At::Dependency => format!(
            "the log, figures or settings of {} itself; only what its callers say was observed",
            story.node()
        ),
        At::Service if last_words(story).is_some() => {
            format!(
                "what the last words of {} mean: no signature knows them",
                story.node()
            )
        }
        At::Service => format!("what lies behind the failure of {}", story.node()),
    }
}
