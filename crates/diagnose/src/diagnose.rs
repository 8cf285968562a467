//! The reasoning: symptoms and candidates in, the fewest causes that explain the most out.

use std::collections::BTreeSet;

use assay_model::{Diagnosis, DiagnosisVerdict, Refuted, Symptom, SymptomKind};

use crate::candidate::{Candidate, Candidates};
use crate::catalogue::Catalogue;
use crate::cover::{Choice, fewest};
use crate::observed::Observed;
use crate::scene::{Scene, Standing, may_precede};
use crate::story::{Story, is_pre_existing};
use crate::symptom::{self, Sign};
use crate::{cause, decoy};

/// Finds the fewest independent causes that explain what was observed.
///
/// The same observations give the same answer.
pub fn diagnose(observed: &Observed, catalogue: &Catalogue) -> Diagnosis {
    let scene = Scene::new(observed, catalogue);
    let candidates = Candidates::collect(&scene);
    let all = &candidates.all;
    let mut signs = symptom::collect(&scene, all);
    drop_idle_failures(&scene, all, &mut signs);
    let weighed = weigh(&scene, all, &signs);
    let chosen = choose(all, &weighed);

    let mut missing = Vec::new();
    let mut causes = Vec::new();
    let at_fault: Vec<_> = chosen
        .iter()
        .map(|place| all[*place].node.clone())
        .collect();
    for (place, explained) in chosen
        .iter()
        .zip(attribute(&scene, all, &weighed, &chosen, &signs))
    {
        let passed = &candidates.passed;
        let story = Story::new(&scene, &all[*place], &signs, explained, passed, &at_fault);
        let others = dominated(all, &weighed, &chosen, *place);
        let (cause, open) = cause::build(&story, others);
        missing.extend(open);
        causes.push(cause);
    }
    causes.sort_by(|a, b| {
        b.confidence
            .total_cmp(&a.confidence)
            .then_with(|| (a.first_seen, &a.id).cmp(&(b.first_seen, &b.id)))
    });
    let explained: BTreeSet<usize> = causes
        .iter()
        .flat_map(|cause| cause.symptoms.iter().copied())
        .collect();
    let pre_existing = pre_existing(&scene, all, &weighed, &chosen, &signs);
    let unexplained: Vec<usize> = (0..signs.len())
        .filter(|place| !explained.contains(place) && !pre_existing.contains(place))
        .collect();
    missing.extend(missing_for(&scene, &signs, &unexplained));
    let mut seen = BTreeSet::new();
    missing.retain(|text| seen.insert(text.clone()));
    let verdict = match (signs.is_empty(), causes.is_empty(), unexplained.is_empty()) {
        (true, _, _) => DiagnosisVerdict::Healthy,
        (_, true, _) => DiagnosisVerdict::Inconclusive,
        (_, _, true) => DiagnosisVerdict::Explained,
        (_, _, false) => DiagnosisVerdict::Partly,
    };
    Diagnosis {
        verdict,
        decoys: decoy::collect(&scene, &idle(all, &weighed)),
        symptoms: signs
            .into_iter()
            .map(|sign| sign.symptom)
            .collect::<Vec<Symptom>>(),
        causes,
        unexplained,
        pre_existing,
        missing_evidence: missing,
    }
}

/// What one candidate can explain, and whether time forbade more.
#[derive(Default)]
struct Weighed {
    explains: BTreeSet<usize>,
    late: bool,
}

fn weigh(scene: &Scene<'_>, all: &[Candidate<'_>], signs: &[Sign]) -> Vec<Weighed> {
    let mut weighed = Vec::new();
    for (place, candidate) in all.iter().enumerate() {
        let reach = scene.graph.reach(&candidate.node);
        let mut own = Weighed::default();
        for (number, sign) in signs.iter().enumerate() {
            let reached = sign.places.iter().any(|name| reach.contains_key(name));
            if !reached || !may_explain(place, candidate, sign) {
                continue;
            }
            if in_time(scene, candidate, sign) {
                own.explains.insert(number);
            } else {
                own.late = true;
            }
        }
        // What nobody suffers from is no cause, however bad it reads.
        if own
            .explains
            .iter()
            .all(|number| signs[*number].symptom.kind == SymptomKind::Log)
        {
            own.explains.clear();
        }
        weighed.push(own);
    }
    weighed
}

fn may_explain(place: usize, candidate: &Candidate<'_>, sign: &Sign) -> bool {
    let own_node = sign.symptom.service == candidate.node;
    let of_revision = matches!(
        sign.symptom.kind,
        SymptomKind::Exit | SymptomKind::Log | SymptomKind::Rollout
    );
    let other_revision = own_node
        && of_revision
        && candidate.revision.is_some()
        && sign.revision.is_some()
        && candidate.revision != sign.revision;
    if other_revision || sign.only.is_some_and(|only| only != place) {
        return false;
    }
    match candidate.standing {
        Standing::Past => false,
        Standing::Refused => own_node && of_revision,
        Standing::Serving => own_node || !sign.intrinsic,
    }
}

/// A cause cannot follow its effect, unless nothing was recorded before it.
fn in_time(scene: &Scene<'_>, candidate: &Candidate<'_>, sign: &Sign) -> bool {
    let Some(effect) = sign.symptom.first_seen else {
        return true;
    };
    may_precede(candidate.since(), effect)
        || scene
            .blind_before(&candidate.seen_at, candidate.revision.as_ref())
            .is_some_and(|from| from > effect)
}

/// Takes out failures in logs from which no probe, test, exit or roll-out suffers.
fn drop_idle_failures(scene: &Scene<'_>, all: &[Candidate<'_>], signs: &mut Vec<Sign>) {
    let weighed = weigh(scene, all, signs);
    let explained: BTreeSet<usize> = weighed
        .iter()
        .flat_map(|own| own.explains.iter().copied())
        .collect();
    let mut number = 0;
    signs.retain(|sign| {
        let keep = sign.symptom.kind != SymptomKind::Log || explained.contains(&number);
        number += 1;
        keep
    });
}

fn choose(all: &[Candidate<'_>], weighed: &[Weighed]) -> Vec<usize> {
    let choices: Vec<Choice> = all
        .iter()
        .zip(weighed)
        .map(|(candidate, own)| Choice {
            explains: own.explains.clone(),
            specificity: u32::from(candidate.signature.specificity),
            first_seen: candidate.since(),
            name: format!("{}:{}", candidate.node, candidate.signature.id),
        })
        .collect();
    fewest(&choices)
}

/// The symptoms of each chosen candidate: one that several could explain belongs to the nearest
/// of them, so that no figure is claimed twice without need.
fn attribute(
    scene: &Scene<'_>,
    all: &[Candidate<'_>],
    weighed: &[Weighed],
    chosen: &[usize],
    signs: &[Sign],
) -> Vec<Vec<usize>> {
    let reaches: Vec<_> = chosen
        .iter()
        .map(|place| scene.graph.reach(&all[*place].node))
        .collect();
    let distance = |cause: usize, number: usize| {
        let explains = weighed[chosen[cause]].explains.contains(&number);
        let steps = signs[number]
            .places
            .iter()
            .filter_map(|name| reaches[cause].get(name));
        steps.min().copied().filter(|_| explains)
    };
    let mut shares = vec![Vec::new(); chosen.len()];
    for number in 0..signs.len() {
        let nearest = (0..chosen.len())
            .filter_map(|cause| distance(cause, number))
            .min();
        for (cause, share) in shares.iter_mut().enumerate() {
            if nearest.is_some() && distance(cause, number) == nearest {
                share.push(number);
            }
        }
    }
    shares
}

/// Candidates that could explain some of what a chosen one explains, and were not needed.
fn dominated(
    all: &[Candidate<'_>],
    weighed: &[Weighed],
    chosen: &[usize],
    place: usize,
) -> Vec<Refuted> {
    let left_out = (0..all.len()).filter(|other| {
        !chosen.contains(other)
            && !weighed[*other]
                .explains
                .is_disjoint(&weighed[place].explains)
    });
    left_out
        .map(|other| Refuted {
            alternative: decoy::describe(&all[other]),
            reason: "everything that it could explain is explained without it".to_owned(),
            evidence: all[other]
                .sightings
                .iter()
                .map(|seen| seen.evidence.clone())
                .chain(all[other].exits_evidence.iter().cloned())
                .chain(all[other].reports.iter().cloned())
                .take(1)
                .collect(),
        })
        .collect()
}

/// Candidates that explain nothing, each with the reason.
fn idle<'a, 'b>(all: &'a [Candidate<'b>], weighed: &[Weighed]) -> Vec<(&'a Candidate<'b>, String)> {
    all.iter()
        .zip(weighed)
        .filter(|(_, own)| own.explains.is_empty())
        .filter_map(|(candidate, own)| {
            let reason = match (candidate.standing, &candidate.revision) {
                (Standing::Past, revision) => {
                    let shown_now = all
                        .iter()
                        .any(|other| other.standing != Standing::Past && other.is_twin(candidate));
                    if shown_now {
                        return None;
                    }
                    match revision {
                        Some(revision) => format!("revision {revision} no longer serves"),
                        None => "it was seen only while an earlier revision served".to_owned(),
                    }
                }
                _ if own.late => format!(
                    "it was first seen at {}, after what it would have to explain",
                    candidate.since()
                ),
                _ => "no probe, test, exit or roll-out suffers from it".to_owned(),
            };
            Some((candidate, reason))
        })
        .collect()
}

fn pre_existing(
    scene: &Scene<'_>,
    all: &[Candidate<'_>],
    weighed: &[Weighed],
    chosen: &[usize],
    signs: &[Sign],
) -> Vec<usize> {
    let Some(rollout) = scene.observed.first_rollout() else {
        return Vec::new();
    };
    let older = |number: &usize| {
        let seen = signs[*number].symptom.first_seen;
        if seen.is_some_and(|seen| !may_precede(rollout.started, seen)) {
            return true;
        }
        let mut causes = chosen
            .iter()
            .filter(|place| weighed[**place].explains.contains(number))
            .peekable();
        causes.peek().is_some() && causes.all(|place| is_pre_existing(scene, &all[*place]))
    };
    (0..signs.len()).filter(older).collect()
}

/// What would help to explain the symptoms that no cause explains.
fn missing_for(scene: &Scene<'_>, signs: &[Sign], unexplained: &[usize]) -> Vec<String> {
    let mut missing = Vec::new();
    for sign in unexplained.iter().map(|number| &signs[*number]) {
        for name in &sign.places {
            if scene.is_dependency(name) {
                missing.push(format!("the log or state of {name} itself"));
                continue;
            }
            let seen = scene.observed.observations.get(name);
            let logs: Vec<_> = scene
                .logs
                .iter()
                .filter(|log| log.service == name)
                .collect();
            let lines: usize = logs.iter().map(|log| log.records.len()).sum();
            missing.push(match (seen, lines) {
                (None, _) => format!("the log, exits and restarts of {name}: it was not observed"),
                (Some(_), 0) => format!("the log of {name}: nothing of it was kept"),
                (Some(_), lines) => format!(
                    "a known failure in the log of {name} (records read: {lines}): a signature \
                     for what it says, or a log that says more"
                ),
            });
        }
    }
    missing
}
