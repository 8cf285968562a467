//! What to do next about the causes of an incident: pure.

use assay_model::{
    Action, Cause, CauseId, Diagnosis, Edit, Facts, Gate, Mend, Remedy, RevisionId, RolloutId,
    RolloutRequest, RolloutSource, ServiceName,
};

/// What the remedy step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// A new remedy.
    Act(Remedy),
    /// Switch to the mended revision: its reproduction has flipped.
    Promote(RolloutRequest),
    /// Take a change back.
    Revert {
        /// Its branch, which is kept as evidence.
        branch: String,
        /// Why.
        reason: String,
        /// Serve the revision from before again, where the change already serves.
        rollback: Option<RolloutRequest>,
    },
}

/// Says what to do next. The same facts give the same plan.
///
/// Service is restored first, by the remedy with the smallest reach; only then is the source
/// changed, one cause at a time.
pub fn plan(facts: &Facts) -> Plan {
    if let Some(mend) = facts.mend()
        && let Some(plan) = judge_mend(facts, mend)
    {
        return plan;
    }
    let Some(incident) = facts.incident() else {
        return Plan::Act(person(
            CauseId::from("unknown"),
            "no cause was found".to_owned(),
        ));
    };
    let restore = || {
        incident
            .causes
            .iter()
            .find_map(|cause| restore(facts, cause))
    };
    let mend = || incident.causes.iter().find_map(|cause| mend(facts, cause));
    let act = if facts.green() {
        mend()
    } else {
        restore().or_else(mend)
    };
    Plan::Act(act.unwrap_or_else(|| ask(incident)))
}

/// Name of the next roll-out of this run: it follows from how many were asked for before.
pub(crate) fn next_rollout(facts: &Facts, service: &ServiceName) -> RolloutId {
    let prologue = facts.plan.iter().flat_map(|plan| &plan.prologue).count();
    let later = facts.rollouts.len().max(prologue) + facts.requested.len();
    let run = facts.run.as_deref().unwrap_or("run");
    RolloutId::new(format!("{run}.{}-{service}", later + 1))
}

fn request(
    facts: &Facts,
    service: &ServiceName,
    source: RolloutSource,
    reason: String,
) -> RolloutRequest {
    RolloutRequest {
        id: next_rollout(facts, service),
        service: service.clone(),
        source,
        gate: Some(Gate::Probe),
        reason,
    }
}

/// The roll-out that carries out a restoring remedy.
pub(crate) fn restoring_rollout(facts: &Facts, remedy: &Remedy) -> Option<RolloutRequest> {
    match &remedy.action {
        Action::Rollback { service, to, .. } => {
            let source = RolloutSource::Revision(to.clone());
            Some(request(facts, service, source, remedy.reason.clone()))
        }
        Action::Restart { service } => Some(request(
            facts,
            service,
            RolloutSource::Restart,
            remedy.reason.clone(),
        )),
        Action::Mend { .. } | Action::Person { .. } => None,
    }
}

/// What to do about a change that was made: bring it out, take it back, or leave it be.
fn judge_mend(facts: &Facts, mend: &Mend) -> Option<Plan> {
    let service = mend.service()?;
    if facts.mend_serves(mend) {
        let reason = if !facts.green() {
            "the environment is not green with it".to_owned()
        } else if let Some(report) = facts.audit.as_ref().filter(|report| report.new > 0) {
            format!("the audit got worse: {} new findings", report.new)
        } else if facts
            .stability
            .as_ref()
            .is_some_and(|report| !report.stable)
        {
            "it breaks a contract or weakens a test".to_owned()
        } else {
            return None;
        };
        let rollback = revision_before(facts, service).map(|to| {
            let source = RolloutSource::Revision(to);
            request(
                facts,
                service,
                source,
                format!("taking {} back: {reason}", mend.branch),
            )
        });
        return Some(Plan::Revert {
            branch: mend.branch.clone(),
            reason,
            rollback,
        });
    }
    let mended = facts
        .built(service, &mend.commit)
        .map(|revision| &revision.id);
    let refused = facts.rollouts.iter().find(|rollout| {
        Some(&rollout.revision) == mended
            && rollout.request.source == RolloutSource::Commit(mend.commit.clone())
            && !rollout.outcome.switched()
    });
    if let Some(refused) = refused {
        let reason = format!("its roll-out was refused: {}", refused.detail);
        return Some(Plan::Revert {
            branch: mend.branch.clone(),
            reason,
            rollback: None,
        });
    }
    let runs = facts
        .reproductions
        .iter()
        .filter(|run| run.check.cause == mend.remedy.cause);
    if let Some(run) = runs.clone().find(|run| {
        !run.as_expected() && (run.check.must_fail || Some(&run.check.revision) == mended)
    }) {
        let reason = format!("its reproduction did not flip: {}", run.detail);
        return Some(Plan::Revert {
            branch: mend.branch.clone(),
            reason,
            rollback: None,
        });
    }
    let source = RolloutSource::Commit(mend.commit.clone());
    let reason = format!(
        "reproduction flipped; {} mends {}",
        mend.branch, mend.remedy.cause
    );
    Some(Plan::Promote(request(facts, service, source, reason)))
}

/// The revision that served before the one that serves now.
fn revision_before(facts: &Facts, service: &ServiceName) -> Option<RevisionId> {
    facts
        .rollouts
        .iter()
        .rev()
        .find(|rollout| rollout.request.service == *service && rollout.outcome.switched())
        .and_then(|rollout| rollout.previous.clone())
}

/// Brings service back without touching the source.
fn restore(facts: &Facts, cause: &Cause) -> Option<Remedy> {
    let tried = |word: &str| {
        facts
            .remedies
            .iter()
            .any(|remedy| remedy.cause == cause.id && remedy.action.word() == word)
    };
    cause.remedies.iter().find_map(|kind| match kind.as_str() {
        "rollback" if !tried("rollback") => rollback(facts, cause),
        "restart" if !tried("restart") => restart(facts, cause),
        _ => None,
    })
}

fn rollback(facts: &Facts, cause: &Cause) -> Option<Remedy> {
    let (from, to) = (cause.revision.clone()?, cause.last_good.clone()?);
    if facts.serving.get(&cause.service) != Some(&from) || !facts.revisions.contains_key(&to) {
        return None;
    }
    Some(Remedy {
        cause: cause.id.clone(),
        reason: format!(
            "revision {from} of {} brought it; {to} served before",
            cause.service
        ),
        precondition: format!(
            "{} serves {from}, and the bundle of {to} is kept",
            cause.service
        ),
        postcondition: format!("{} answers its probe as {to}", cause.service),
        undo: format!("roll {} out as {from} again", cause.service),
        action: Action::Rollback {
            service: cause.service.clone(),
            from,
            to,
        },
    })
}

fn restart(facts: &Facts, cause: &Cause) -> Option<Remedy> {
    let serving = facts.serving.get(&cause.service)?;
    Some(Remedy {
        cause: cause.id.clone(),
        reason: format!(
            "the process of {} is gone, and nothing seen speaks against its revision {serving}",
            cause.service
        ),
        precondition: format!("{} is to serve {serving}", cause.service),
        postcondition: format!("{} answers its probe as {serving}", cause.service),
        undo: "none is needed: the same revision runs as before".to_owned(),
        action: Action::Restart {
            service: cause.service.clone(),
        },
    })
}

/// Changes the source where the defect was found, by an edit that has not failed before.
fn mend(facts: &Facts, cause: &Cause) -> Option<Remedy> {
    let bad = facts.revisions.get(cause.revision.as_ref()?)?;
    bad.commit.as_ref()?;
    let defect = cause.defect.as_ref()?;
    let tried = |edit: &Edit| {
        facts.mends.iter().any(
            |mend| matches!(&mend.remedy.action, Action::Mend { edit: made, .. } if made == edit),
        )
    };
    let edit = cause
        .remedies
        .iter()
        .filter_map(|kind| match kind.as_str() {
            "unignore" => Some(Edit::Unignore {
                file: defect.file.clone(),
                line: defect.line,
                text: defect.text.clone(),
            }),
            "revert-hunk" => {
                let good = facts
                    .revisions
                    .get(cause.last_good.as_ref()?)?
                    .commit
                    .clone()?;
                Some(Edit::RevertHunk {
                    file: defect.file.clone(),
                    line: defect.line,
                    good,
                })
            }
            _ => None,
        })
        .find(|edit| !tried(edit))?;
    let what = match &edit {
        Edit::Unignore { file, line, text } => format!("take `{text}` out of {file}:{line}"),
        Edit::RevertHunk { file, line, good } => {
            format!(
                "put the lines around {file}:{line} back as in {}",
                short(good)
            )
        }
    };
    Some(Remedy {
        cause: cause.id.clone(),
        reason: what,
        precondition: format!("{}:{} reads as it was diagnosed", defect.file, defect.line),
        postcondition: "the reproduction fails without the change and passes with it".to_owned(),
        undo: "the change stands on a branch of its own; roll back and drop the branch".to_owned(),
        action: Action::Mend {
            service: cause.service.clone(),
            edit,
        },
    })
}

/// First digits of a commit, for a person.
pub(crate) fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}

/// Nothing is left that assay may do.
fn ask(incident: &Diagnosis) -> Remedy {
    let advice: Vec<String> = incident
        .causes
        .iter()
        .map(|cause| match (&cause.defect, &cause.gate) {
            (Some(defect), _) => {
                format!(
                    "mend {}:{} `{}`",
                    defect.file,
                    defect.line,
                    defect.text.trim()
                )
            }
            (None, Some(gate)) => gate.advice.clone(),
            (None, None) => format!("look at {}", cause.service),
        })
        .collect();
    let cause = incident
        .causes
        .first()
        .map_or_else(|| CauseId::from("unknown"), |c| c.id.clone());
    person(
        cause,
        if advice.is_empty() {
            "no cause was found".to_owned()
        } else {
            advice.join("; ")
        },
    )
}

fn person(cause: CauseId, advice: String) -> Remedy {
    Remedy {
        cause,
        reason: "nothing is left that assay may do by itself".to_owned(),
        precondition: "none".to_owned(),
        postcondition: "a person has acted".to_owned(),
        undo: "none is needed".to_owned(),
        action: Action::Person { advice },
    }
}
