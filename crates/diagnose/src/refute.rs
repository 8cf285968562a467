//! What else it could have been, and what shows that it is not.

use assay_model::{CauseClass, EvidenceRef, Refuted, ServiceName, Status};

use crate::signature::Layer;
use crate::story::Story;

/// Alternatives that stand with one cause.
const REFUTED_MAX: usize = 8;

/// The neighbouring class first, then the services around, then what else was weighed.
pub(crate) fn refuted(story: &Story<'_>, class: CauseClass, weighed: Vec<Refuted>) -> Vec<Refuted> {
    let mut all: Vec<Refuted> = neighbour_class(story, class).into_iter().collect();
    all.extend(timing(story));
    all.extend(services(story));
    all.extend(stores(story));
    all.extend(weighed);
    all.truncate(REFUTED_MAX);
    all
}

/// What keeps anybody from repairing the wrong kind of thing.
pub(crate) fn neighbour_class(story: &Story<'_>, class: CauseClass) -> Option<Refuted> {
    let node = story.node();
    let good = story.last_good.map(|rollout| {
        (
            format!("revision {} of {node} passed its gate", rollout.revision),
            &rollout.evidence,
        )
    });
    match class {
        CauseClass::Packaging => {
            let path = story.located.ignored.as_ref()?;
            let mut reason = format!("{path} stands in the source tree");
            let mut evidence: Vec<EvidenceRef> =
                story.located.evidence.iter().take(1).cloned().collect();
            if let Some((text, kept)) = good {
                reason = format!("{reason}, and {text}");
                evidence.extend(kept.iter().take(1).cloned());
            }
            Some(Refuted {
                alternative: format!("the code of {node} is broken"),
                reason,
                evidence,
            })
        }
        CauseClass::Code | CauseClass::Configuration => {
            let (text, kept) = good?;
            Some(Refuted {
                alternative: format!("the environment of {node} is at fault"),
                reason: format!("{text} in the same environment"),
                evidence: kept.iter().take(1).cloned().collect(),
            })
        }
        _ if story.candidate.signature.layer == Layer::Process => {
            let exit = story.candidate.exits.first()?;
            let verified = story.verified()?;
            let uptime = std::time::Duration::from_millis(exit.uptime_ms).as_secs_f64();
            let gate = verified.evidence.iter().take(1).cloned();
            Some(Refuted {
                alternative: format!("the code of {node} cannot start"),
                reason: format!(
                    "its revision {} passed its gate, and its process had run for {uptime:.1} s",
                    verified.revision
                ),
                evidence: gate
                    .chain(story.candidate.exits_evidence.iter().cloned())
                    .collect(),
            })
        }
        _ => {
            let caller = &story.candidate.seen_at;
            let observed = story.scene.observed;
            let rollout = observed.rollout_of(caller, observed.serving(caller)?)?;
            (rollout.outcome == assay_model::RolloutOutcome::Succeeded
                && rollout.finished < story.candidate.since())
            .then(|| Refuted {
                alternative: format!("the code of {caller} is at fault"),
                reason: format!(
                    "its revision {} passed its gate before the trouble began and has not \
                     changed since",
                    rollout.revision
                ),
                evidence: rollout.evidence.iter().take(1).cloned().collect(),
            })
        }
    }
}

fn timing(story: &Story<'_>) -> Option<Refuted> {
    let rollout = story
        .scene
        .observed
        .first_rollout()
        .filter(|_| story.pre_existing)?;
    Some(Refuted {
        alternative: format!(
            "the roll-out of revision {} to {} brought it",
            rollout.revision, rollout.request.service
        ),
        reason: format!(
            "it was first seen at {}, before that roll-out began at {}",
            story.candidate.since(),
            rollout.started
        ),
        evidence: story
            .candidate
            .sightings
            .iter()
            .map(|seen| seen.evidence.clone())
            .collect(),
    })
}

/// Services that suffer too, or that the node calls, and that are well themselves.
pub(crate) fn services(story: &Story<'_>) -> Vec<Refuted> {
    let suffering = story
        .explained
        .iter()
        .flat_map(|place| &story.signs[*place].places)
        .chain(story.scene.observed.project.depends_on(story.node()))
        .filter(|name| *name != story.node() && !story.at_fault.contains(name))
        .filter(|name| {
            story
                .scene
                .observed
                .project
                .services
                .contains_key(name.as_str())
        })
        .cloned();
    let names = story.by_distance(suffering);
    names
        .iter()
        .filter_map(|name| cleared(story, name))
        .collect()
}

fn cleared(story: &Story<'_>, name: &ServiceName) -> Option<Refuted> {
    let alternative = format!("{name} is down or broken itself");
    let passed = story
        .passed
        .iter()
        .find(|passed| passed.service == *name && passed.upstream == *story.node());
    let healthy = story
        .health(name)
        .filter(|(health, kept)| health.status == Status::Healthy && !kept.is_empty());
    match (healthy, passed) {
        (Some((_, kept)), None) => Some(Refuted {
            alternative,
            reason: "its probe is healthy".to_owned(),
            evidence: kept.iter().take(1).cloned().collect(),
        }),
        (Some((_, kept)), Some(passed)) => Some(Refuted {
            alternative,
            reason: format!(
                "its probe is healthy, and its log says that {} failed",
                passed.upstream
            ),
            evidence: kept
                .iter()
                .take(1)
                .cloned()
                .chain([passed.sighting.evidence.clone()])
                .collect(),
        }),
        (None, Some(passed)) => Some(Refuted {
            alternative,
            reason: format!("its log says that {} failed", passed.upstream),
            evidence: vec![passed.sighting.evidence.clone()],
        }),
        (None, None) => None,
    }
}

/// Backing stores of which the node itself says that they are well.
fn stores(story: &Story<'_>) -> Vec<Refuted> {
    let Some((health, kept)) = story
        .health(story.node())
        .filter(|(_, kept)| !kept.is_empty())
    else {
        return Vec::new();
    };
    health
        .reported
        .iter()
        .filter(|(name, reported)| {
            reported.status == Status::Healthy.word() && story.scene.is_dependency(name)
        })
        .map(|(name, _)| Refuted {
            alternative: format!("{name} is at fault"),
            reason: format!("{} reports it healthy", story.node()),
            evidence: kept.iter().take(1).cloned().collect(),
        })
        .collect()
}
