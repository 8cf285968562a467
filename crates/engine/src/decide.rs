//! The order of steps, as a pure function of the facts.

use assay_model::{
    Action, Diagnosis, DiagnosisVerdict, EndState, Facts, Gate, Limits, Mend, Remedy,
    RolloutOutcome, Step, Timestamp,
};

/// What happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Run this step.
    Step(Step),
    /// The run ends in this state, for this reason.
    End(EndState, String),
}

/// Says what happens next. The same facts and the same time give the same answer.
///
/// Every run ends: the loop is bounded by `limits`, and each round of it either records a remedy
/// (of which there are at most `limits.remedies_max`) or concludes.
pub fn decide(facts: &Facts, limits: &Limits, now: Timestamp) -> Next {
    if let Some((end, reason)) = &facts.end {
        return Next::End(*end, reason.clone());
    }
    if let Some((step, error)) = &facts.step_error {
        return could_not_look(facts, *step, error);
    }
    if let Some(only) = facts.plan.as_ref().and_then(|plan| plan.only) {
        return single(facts, only);
    }
    if !facts.pending().is_empty() || !facts.builds.is_empty() {
        return Next::Step(Step::Deploy);
    }
    if let Some(reason) = limit_reached(facts, limits, now) {
        return conclude(facts, EndState::Stopped, reason);
    }
    if let Some(next) = bring_mend_out(facts) {
        return next;
    }
    if let Some(step) = look(facts) {
        return Next::Step(step);
    }
    if facts.green() {
        when_green(facts, limits)
    } else {
        when_not_green(facts, limits)
    }
}

/// The steps that look at the environment, where the last look is stale.
fn look(facts: &Facts) -> Option<Step> {
    if facts.health.is_empty() {
        Some(Step::Ready)
    } else if facts.selection.is_none() {
        Some(Step::Select)
    } else if facts.execution.is_none() {
        Some(Step::Execute)
    } else {
        None
    }
}

/// A change of the source that was built and is not served yet: reproduce, then switch or revert.
fn bring_mend_out(facts: &Facts) -> Option<Next> {
    let mend = facts.mend()?;
    if facts.mend_serves(mend) {
        return None;
    }
    Some(Next::Step(if reproduced(facts, mend) {
        Step::Remedy
    } else {
        Step::Reproduce
    }))
}

/// The reproduction was run on the mended revision, and on the one that it mends.
fn reproduced(facts: &Facts, mend: &Mend) -> bool {
    let runs = facts
        .reproductions
        .iter()
        .filter(|run| run.check.cause == mend.remedy.cause);
    let revision = mend
        .service()
        .and_then(|service| facts.built(service, &mend.commit))
        .map(|revision| &revision.id);
    runs.clone().any(|run| run.check.must_fail)
        && runs
            .clone()
            .any(|run| !run.check.must_fail && Some(&run.check.revision) == revision)
}

fn when_green(facts: &Facts, limits: &Limits) -> Next {
    let Some(incident) = facts.incident() else {
        // The environment is well, but a gate had to refuse something: find out what.
        if !facts.refused_rollouts().is_empty() {
            return if facts.observations.is_empty() {
                Next::Step(Step::Observe)
            } else if facts.diagnosed {
                conclude(
                    facts,
                    EndState::Inconclusive,
                    "a roll-out was refused, and no cause was found".to_owned(),
                )
            } else {
                Next::Step(Step::Why)
            };
        }
        return match facts.audit {
            None => Next::Step(Step::Audit),
            Some(_) => conclude(facts, EndState::Green, green_reason(facts)),
        };
    };
    if let Some(mend) = facts.mend().filter(|mend| facts.mend_serves(mend)) {
        if facts.audit.is_none() {
            return Next::Step(Step::Audit);
        }
        if facts.stability.is_none() {
            return Next::Step(Step::Stability);
        }
        if !change_holds(facts) {
            return Next::Step(Step::Remedy);
        }
        if unmended(facts, incident).next().is_none() {
            let reason = format!(
                "{}; mended in {}; {}",
                summary_of(incident),
                mend.files.join(", "),
                green_reason(facts)
            );
            return conclude(facts, EndState::Repaired, reason);
        }
    }
    if let Some(advice) = waits_for_person(facts) {
        let reason = format!(
            "service restored; {} still waits: {advice}",
            summary_of(incident)
        );
        return conclude(facts, EndState::Mitigated, reason);
    }
    if let Some(reason) = may_not_act(facts) {
        return conclude(facts, EndState::Mitigated, reason);
    }
    if let Some(reason) = remedies_used_up(facts, limits) {
        return conclude(facts, EndState::Stopped, reason);
    }
    Next::Step(Step::Remedy)
}

fn when_not_green(facts: &Facts, limits: &Limits) -> Next {
    if facts.observations.is_empty() {
        return Next::Step(Step::Observe);
    }
    let Some(diagnosis) = facts.diagnosis() else {
        return Next::Step(Step::Why);
    };
    // A change that did not make it green is taken back before anything else is tried.
    if facts.mend().is_some_and(|mend| facts.mend_serves(mend)) {
        return Next::Step(Step::Remedy);
    }
    match diagnosis.verdict {
        DiagnosisVerdict::Healthy => {
            return conclude(facts, EndState::Red, unmet_criteria(facts));
        }
        DiagnosisVerdict::Inconclusive => {
            let missing = diagnosis.missing_evidence.join("; ");
            return conclude(
                facts,
                EndState::Inconclusive,
                format!("no cause found; missing: {missing}"),
            );
        }
        DiagnosisVerdict::Explained | DiagnosisVerdict::Partly => {}
    }
    if let Some(cause) = came_back(facts, diagnosis) {
        let reason = format!("the same cause again after a remedy: {cause}");
        return conclude(facts, EndState::Stopped, reason);
    }
    if let Some(advice) = waits_for_person(facts) {
        let reason = format!("{}; {advice}", summary_of(diagnosis));
        return conclude(facts, EndState::Red, reason);
    }
    if let Some(reason) = may_not_act(facts) {
        let end = if facts.protected {
            EndState::Stopped
        } else {
            EndState::Red
        };
        return conclude(facts, end, reason);
    }
    if let Some(reason) = remedies_used_up(facts, limits) {
        return conclude(facts, EndState::Stopped, reason);
    }
    Next::Step(Step::Remedy)
}

/// Audit and stability found nothing that the change made worse.
fn change_holds(facts: &Facts) -> bool {
    facts.audit.as_ref().is_some_and(|report| report.new == 0)
        && facts.stability.as_ref().is_some_and(|report| report.stable)
}

/// Causes of the incident with a defect in the source that no change has mended.
fn unmended<'a>(facts: &'a Facts, incident: &'a Diagnosis) -> impl Iterator<Item = &'a str> {
    incident
        .causes
        .iter()
        .map(|cause| cause.id.as_str())
        .filter(|cause| {
            !facts.mends.iter().any(|mend| {
                mend.reverted.is_none()
                    && mend.remedy.cause.as_str() == *cause
                    && facts.mend_serves(mend)
            })
        })
}

/// The last word of the remedy step was that a person must act.
fn waits_for_person(facts: &Facts) -> Option<&str> {
    match &facts.remedies.last()?.action {
        Action::Person { advice } => Some(advice),
        _ => None,
    }
}

fn may_not_act(facts: &Facts) -> Option<String> {
    let plan = facts.plan.as_ref()?;
    if !plan.remedy {
        return Some("remedies were switched off for this run".to_owned());
    }
    (facts.protected && !plan.approved).then(|| {
        format!(
            "environment {} is protected: --approve allows a remedy",
            facts.environment
        )
    })
}

/// A cause that a restoring remedy was already applied to.
fn came_back(facts: &Facts, diagnosis: &Diagnosis) -> Option<String> {
    let restored = |id: &str| {
        facts.remedies.iter().any(|remedy| {
            remedy.cause.as_str() == id
                && matches!(
                    remedy.action,
                    Action::Rollback { .. } | Action::Restart { .. }
                )
        })
    };
    let cause = diagnosis.causes.iter().find(|cause| restored(&cause.id))?;
    Some(cause.summary.clone())
}

/// The run may take one more remedy, or why not.
fn remedies_used_up(facts: &Facts, limits: &Limits) -> Option<String> {
    let person = |remedy: &&Remedy| matches!(remedy.action, Action::Person { .. });
    let acted = facts
        .remedies
        .iter()
        .filter(|remedy| !person(remedy))
        .count();
    (acted >= limits.remedies_max as usize)
        .then(|| format!("limit of {} remedies reached", limits.remedies_max))
}

fn limit_reached(facts: &Facts, limits: &Limits, now: Timestamp) -> Option<String> {
    if facts.cycle > limits.cycles_max {
        return Some(format!("limit of {} cycles reached", limits.cycles_max));
    }
    let elapsed_ms = facts.started.map_or(0, |started| {
        now.as_millisecond() - started.as_millisecond() - facts.away_ms
    });
    let limit_ms = i64::try_from(limits.run_timeout_s.saturating_mul(1_000)).unwrap_or(i64::MAX);
    (elapsed_ms > limit_ms).then(|| format!("limit of {} s reached", limits.run_timeout_s))
}

/// Everything that is left to do before the run ends in `end`.
fn conclude(facts: &Facts, end: EndState, reason: String) -> Next {
    if end != EndState::Stopped && facts.audit.is_none() && !facts.done.contains_key(&Step::Audit) {
        return Next::Step(Step::Audit);
    }
    if facts.publication.is_none() {
        Next::Step(Step::Publish)
    } else {
        Next::End(end, reason)
    }
}

fn could_not_look(facts: &Facts, step: Step, error: &str) -> Next {
    let reason = format!("{} could not look: {error}", step.word());
    let alone = facts.plan.as_ref().is_some_and(|plan| plan.only.is_some());
    if alone || step == Step::Publish || facts.publication.is_some() {
        return Next::End(EndState::Inconclusive, reason);
    }
    Next::Step(Step::Publish)
}

/// One step alone, with the steps that it cannot do without.
fn single(facts: &Facts, only: Step) -> Next {
    if only == Step::Deploy {
        return if facts.pending().is_empty() && facts.builds.is_empty() {
            deploy_end(facts)
        } else {
            Next::Step(Step::Deploy)
        };
    }
    let chain: &[Step] = match only {
        Step::Execute => &[Step::Select, Step::Execute],
        _ => &[only],
    };
    let missing = chain.iter().find(|step| !facts.done.contains_key(step));
    missing.map_or_else(|| single_end(facts, only), |step| Next::Step(*step))
}

fn deploy_end(facts: &Facts) -> Next {
    match facts
        .rollouts
        .iter()
        .find(|rollout| !rollout.outcome.switched())
    {
        Some(refused) => Next::End(
            EndState::Red,
            format!(
                "roll-out of {} {}: {}",
                refused.request.service,
                refused.outcome.word(),
                refused.detail
            ),
        ),
        None if facts
            .rollouts
            .iter()
            .any(|rollout| rollout.gate == Gate::None) =>
        {
            Next::End(
                EndState::Green,
                "rolled out; some without a gate, so nothing is proven of them".to_owned(),
            )
        }
        None => {
            debug_assert!(
                facts
                    .rollouts
                    .iter()
                    .all(|r| r.outcome == RolloutOutcome::Succeeded)
            );
            Next::End(EndState::Green, "every roll-out passed its gate".to_owned())
        }
    }
}

fn single_end(facts: &Facts, only: Step) -> Next {
    let problems = match only {
        Step::Ready => facts
            .health
            .values()
            .filter(|(health, _)| health.status != assay_model::Status::Healthy)
            .map(|(health, _)| format!("{} {}", health.service, health.status.word()))
            .collect(),
        Step::Execute
            if facts
                .execution
                .as_ref()
                .is_some_and(|execution| execution.green) =>
        {
            Vec::new()
        }
        Step::Execute => vec![unmet_criteria(facts)],
        Step::Audit => facts
            .audit
            .iter()
            .flat_map(|report| &report.findings)
            .map(|finding| finding.message.clone())
            .collect(),
        _ => Vec::new(),
    };
    if problems.is_empty() {
        Next::End(
            EndState::Green,
            format!("{}: nothing wrong was found", only.word()),
        )
    } else {
        Next::End(EndState::Red, problems.join("; "))
    }
}

fn summary_of(diagnosis: &Diagnosis) -> String {
    diagnosis
        .causes
        .iter()
        .map(|cause| cause.summary.as_str())
        .collect::<Vec<_>>()
        .join("; ")
}

fn green_reason(facts: &Facts) -> String {
    facts
        .execution
        .as_ref()
        .map_or_else(String::new, |execution| {
            format!(
                "{} of {} tests proven",
                execution.totals.proven, execution.totals.planned
            )
        })
}

fn unmet_criteria(facts: &Facts) -> String {
    let Some(execution) = &facts.execution else {
        return "no test was executed".to_owned();
    };
    let unmet: Vec<String> = execution
        .criteria
        .iter()
        .filter(|criterion| !criterion.met)
        .map(|criterion| {
            format!(
                "{}: {:.0} % of {} tests are not proven, {:.0} % allowed",
                criterion.priority,
                criterion.share * 100.0,
                criterion.tests,
                criterion.limit * 100.0
            )
        })
        .collect();
    if unmet.is_empty() {
        "nothing was examined".to_owned()
    } else {
        unmet.join("; ")
    }
}
