//! What an event says to a person, in a line or two.

use assay_model::{
    Action, Body, Disturbance, Event, Execution, Facts, Health, Remedy, Reproduction,
    ReproductionRun, Rollout, RolloutOutcome, ServiceObservation, Status, Step,
};

use crate::palette::Meaning;

/// A line, and what it means.
pub(crate) type Line = (Meaning, String);

/// What an event says, if anything.
pub(crate) fn lines(facts: &Facts, event: &Event) -> Vec<Line> {
    match &event.body {
        Body::RunStarted {
            project,
            environment,
            ..
        } => {
            vec![(
                Meaning::Label,
                format!("{}: {project}, environment {environment}", event.run),
            )]
        }
        Body::RunResumed { found } => {
            vec![(Meaning::Warning, format!("goes on after {found} events"))]
        }
        Body::RunFinished { end, reason } => {
            vec![(Meaning::Label, format!("{}: {reason}", end.word()))]
        }
        Body::StepFinished {
            step,
            error: Some(error),
            ..
        } => {
            vec![(
                Meaning::Bad,
                format!("{} could not look: {error}", step.word()),
            )]
        }
        Body::StepFinished {
            step: Step::Ready, ..
        } => facts
            .health
            .values()
            .map(|(health, _)| health_line(health))
            .collect(),
        Body::RolloutFinished { rollout } => vec![rollout_line(rollout)],
        Body::Disturbed { disturbance } => vec![(Meaning::Warning, disturbance_text(disturbance))],
        Body::TestsSelected { selection } => {
            let text = format!("{} of {} tests", selection.tests.len(), selection.listed);
            vec![(Meaning::Faint, text)]
        }
        Body::ExecutionJudged { execution } => vec![execution_line(execution)],
        Body::ServiceObserved { observation } => exits_line(observation).into_iter().collect(),
        body => findings(body),
    }
}

/// What the steps found that judge and act.
fn findings(body: &Body) -> Vec<Line> {
    match body {
        Body::Diagnosed { diagnosis } => {
            let causes = diagnosis.causes.iter();
            let causes = causes.map(|cause| {
                (
                    Meaning::Bad,
                    format!("{} ({})", cause.summary, cause.class.word()),
                )
            });
            let missing = diagnosis.missing_evidence.iter();
            let missing = missing.map(|text| (Meaning::Faint, format!("not known: {text}")));
            causes.chain(missing).collect()
        }
        Body::RemedyPlanned { remedy } => vec![remedy_line(remedy)],
        Body::Mended { branch, files, .. } => {
            vec![(
                Meaning::Label,
                format!("{} changed on {branch}", files.join(", ")),
            )]
        }
        Body::Reproduced { run } => vec![reproduction_line(run)],
        Body::Reverted { branch, reason } => {
            vec![(Meaning::Warning, format!("{branch} taken back: {reason}"))]
        }
        Body::Audited { report } => {
            let checks = report.overall().checks;
            let findings = counted(report.findings.len(), "finding");
            let text = format!("{findings}, {} new, in {checks} checks", report.new);
            let good = report.new == 0 && report.findings.is_empty();
            vec![(
                if good {
                    Meaning::Good
                } else {
                    Meaning::Warning
                },
                text,
            )]
        }
        Body::StabilityJudged { report } if report.stable => {
            let text = format!("nothing breaks between {} and {}", report.base, report.head);
            vec![(Meaning::Good, text)]
        }
        Body::StabilityJudged { report } => {
            let changes = counted(report.changes.len(), "change");
            vec![(
                Meaning::Bad,
                format!(
                    "not stable: {changes} between {} and {}",
                    report.base, report.head
                ),
            )]
        }
        Body::Published { publication } => vec![(Meaning::Faint, publication.worklog.clone())],
        _ => Vec::new(),
    }
}

/// `1 exit`, `3 exits`.
pub(crate) fn counted(n: usize, unit: &str) -> String {
    format!("{n} {unit}{}", if n == 1 { "" } else { "s" })
}

fn disturbance_text(disturbance: &Disturbance) -> String {
    match disturbance {
        Disturbance::Kill { service, signal } => {
            format!("disturbed on purpose: signal {signal} sent to {service}")
        }
        Disturbance::Write { file, .. } => format!("disturbed on purpose: {file} written"),
    }
}

fn rollout_line(rollout: &Rollout) -> Line {
    let meaning = match rollout.outcome {
        RolloutOutcome::Succeeded => Meaning::Good,
        RolloutOutcome::Unverified => Meaning::Warning,
        RolloutOutcome::RolledBack | RolloutOutcome::Failed => Meaning::Bad,
    };
    let what = &rollout.request.service;
    (
        meaning,
        format!(
            "{what} {} {}: {}",
            rollout.revision,
            rollout.outcome.word(),
            rollout.detail
        ),
    )
}

fn health_line(health: &Health) -> Line {
    let meaning = match health.status {
        Status::Healthy => Meaning::Good,
        Status::Degraded => Meaning::Warning,
        _ => Meaning::Bad,
    };
    let detail = match health.status {
        Status::Healthy => format!("{} ms", health.latency_ms),
        _ => health.detail.clone(),
    };
    let revision = health.revision.as_ref();
    let revision = revision.map_or_else(String::new, |revision| format!(" {revision}"));
    (
        meaning,
        format!(
            "{}{revision} {}: {detail}",
            health.service,
            health.status.word()
        ),
    )
}

fn execution_line(execution: &Execution) -> Line {
    let totals = &execution.totals;
    let mut text = format!("{} of {} tests passed", totals.passed, totals.planned);
    if execution.proved {
        text.push_str(&format!(", {} proven by blackout", totals.proven));
    } else {
        text.push_str(", not put to the proof while this is broken");
    }
    let meaning = if execution.green {
        Meaning::Good
    } else if totals.planned == totals.passed {
        Meaning::Warning
    } else {
        Meaning::Bad
    };
    (meaning, text)
}

fn exits_line(observation: &ServiceObservation) -> Option<Line> {
    let exits = observation
        .instances
        .iter()
        .flat_map(|instance| &instance.exits);
    let by_itself = exits.filter(|exit| !exit.requested).count();
    let exits = counted(by_itself, "exit");
    let text = format!(
        "{}: {exits} that nobody asked for, since the run began",
        observation.service
    );
    (by_itself > 0).then_some((Meaning::Warning, text))
}

fn remedy_line(remedy: &Remedy) -> Line {
    match &remedy.action {
        Action::Person { advice } => (Meaning::Warning, format!("needs a person: {advice}")),
        action => (
            Meaning::Label,
            format!("{}: {}", action.word(), remedy.reason),
        ),
    }
}

fn reproduction_line(run: &ReproductionRun) -> Line {
    let meaning = if run.as_expected() {
        Meaning::Good
    } else {
        Meaning::Bad
    };
    let wanted = if run.check.must_fail {
        "must fail"
    } else {
        "must pass"
    };
    let what = match &run.check.reproduction {
        Reproduction::Start { .. } => "starting it".to_owned(),
        Reproduction::Test { test, .. } => test.to_string(),
    };
    let found = if run.failed { "fails" } else { "passes" };
    (
        meaning,
        format!("{} {wanted}: {what} {found}", run.check.revision),
    )
}
