use assay_model::{
    Action, Body, CauseClass, Count, Diagnosis, DiagnosisVerdict, Edit, Event, EvidenceRef, Gate,
    Priority, Remedy, Revision, Rollout, RolloutRequest, RolloutSource, RunId, Selected, Selection,
    Source, Strategy, Symptom, TestCase, Timestamp, Window,
};

use super::*;

/// What varies between the runs of these tests.
#[derive(Clone)]
struct Run {
    symptom: SymptomKind,
    /// The bad revision once answered behind a gate.
    verified: bool,
    failing: &'static [&'static str],
    pattern: Option<&'static str>,
    bad: bool,
    built: bool,
    cause: &'static str,
    reverted: bool,
}

const RUN: Run = Run {
    symptom: SymptomKind::Exit,
    verified: false,
    failing: &["e2e/web_only", "e2e/chat"],
    pattern: Some("part is missing"),
    bad: true,
    built: true,
    cause: "api:part:missing",
    reverted: false,
};

fn evidence() -> EvidenceRef {
    EvidenceRef {
        hash: String::new(),
        bytes: 0,
        source: Source::Derived {
            what: "it".to_owned(),
        },
        at: Timestamp::UNIX_EPOCH,
    }
}

fn revision(id: &str, commit: &str) -> Body {
    Body::RevisionBuilt {
        revision: Revision {
            id: id.into(),
            service: "api".into(),
            bundle: assay_model::Bundle {
                hash: String::new(),
                path: String::new(),
            },
            commit: Some(commit.to_owned()),
            files: 1,
            manifest: evidence(),
            change: None,
            built: Timestamp::UNIX_EPOCH,
        },
    }
}

fn rollout(outcome: RolloutOutcome) -> Body {
    Body::RolloutFinished {
        rollout: Rollout {
            request: RolloutRequest {
                id: "r".into(),
                service: "api".into(),
                source: RolloutSource::WorkingTree,
                gate: None,
                reason: String::new(),
            },
            revision: "bad".into(),
            previous: None,
            gate: Gate::Probe,
            strategy: Strategy::Recreate,
            outcome,
            detail: String::new(),
            started: Timestamp::UNIX_EPOCH,
            finished: Timestamp::UNIX_EPOCH,
            evidence: Vec::new(),
        },
    }
}

fn selection() -> Body {
    let selected = |name: &str, service: &str| Selected {
        case: TestCase {
            id: TestId::new(format!("e2e/{name}")),
            suite: "e2e".to_owned(),
            name: name.to_owned(),
            category: None,
            priority: Priority::P1,
            services: vec![service.into()],
            risk: None,
            ignored: false,
        },
        place: 1,
        reason: String::new(),
    };
    let tests = vec![selected("web_only", "web"), selected("chat", "api")];
    Body::TestsSelected {
        selection: Selection {
            tests,
            ..Selection::default()
        },
    }
}

fn diagnosed(run: &Run) -> Body {
    let at = Timestamp::UNIX_EPOCH;
    let cause = Cause {
        id: "api:part:missing".into(),
        service: "api".into(),
        component: "part".to_owned(),
        signature: "missing".to_owned(),
        class: CauseClass::Code,
        revision: run.bad.then(|| "bad".into()),
        last_good: None,
        defect: None,
        summary: String::new(),
        confidence: 1.0,
        first_seen: at,
        last_seen: at,
        count: Count {
            n: 1,
            unit: "exits".to_owned(),
            window: Window { from: at, to: at },
        },
        symptoms: vec![0],
        whys: Vec::new(),
        refuted: Vec::new(),
        gate: None,
        remedies: Vec::new(),
        failing_tests: run.failing.iter().map(|name| TestId::from(*name)).collect(),
        log_pattern: run.pattern.map(str::to_owned),
    };
    let symptom = Symptom {
        kind: run.symptom,
        service: "api".into(),
        text: String::new(),
        first_seen: None,
        evidence: Vec::new(),
    };
    Body::Diagnosed {
        diagnosis: Diagnosis {
            verdict: DiagnosisVerdict::Explained,
            symptoms: vec![symptom],
            causes: vec![cause],
            unexplained: Vec::new(),
            pre_existing: Vec::new(),
            decoys: Vec::new(),
            missing_evidence: Vec::new(),
        },
    }
}

fn mended(run: &Run) -> Body {
    let edit = Edit::Unignore {
        file: ".ignore".to_owned(),
        line: 1,
        text: "x".to_owned(),
    };
    Body::Mended {
        remedy: Remedy {
            cause: run.cause.into(),
            action: Action::Mend {
                service: "api".into(),
                edit,
            },
            reason: String::new(),
            precondition: String::new(),
            postcondition: String::new(),
            undo: String::new(),
        },
        branch: "mend".to_owned(),
        commit: "c2".to_owned(),
        base: "c1".to_owned(),
        files: Vec::new(),
        diff: evidence(),
    }
}

fn facts(run: &Run) -> Facts {
    let mut bodies = vec![selection(), revision("bad", "c1")];
    if run.verified {
        bodies.push(rollout(RolloutOutcome::Succeeded));
    } else {
        bodies.push(rollout(RolloutOutcome::Unverified));
    }
    bodies.extend([diagnosed(run), mended(run)]);
    if run.built {
        bodies.push(revision("good", "c2"));
    }
    if run.reverted {
        bodies.push(Body::Reverted {
            branch: "mend".to_owned(),
            reason: String::new(),
        });
    }
    let mut facts = Facts::default();
    for (seq, body) in (1..).zip(bodies) {
        let run = RunId::from("run");
        let (prev, hash) = (String::new(), String::new());
        facts.apply(&Event {
            run,
            seq,
            at: Timestamp::UNIX_EPOCH,
            step: None,
            body,
            prev,
            hash,
        });
    }
    facts
}

#[track_caller]
fn check(run: Run, expected: &str) {
    let found = match checks(&facts(&run)) {
        Err(error) => error.to_string(),
        Ok(checks) => checks
            .iter()
            .map(|check| {
                let what = match &check.reproduction {
                    Reproduction::Start { .. } => "start",
                    Reproduction::Test { test, .. } => test,
                };
                format!(
                    "{what} on {} {}",
                    check.revision,
                    if check.must_fail { "fails" } else { "passes" }
                )
            })
            .collect::<Vec<_>>()
            .join(", "),
    };
    assert_eq!(found, expected);
}

#[test]
fn a_revision_that_never_answered_is_only_started() {
    check(RUN, "start on bad fails, start on good passes");
    check(
        Run {
            symptom: SymptomKind::Rollout,
            ..RUN
        },
        "start on bad fails, start on good passes",
    );
}

#[test]
fn one_that_answered_is_put_to_a_test() {
    check(
        Run {
            symptom: SymptomKind::Log,
            verified: true,
            ..RUN
        },
        "e2e/chat on bad fails, e2e/chat on good passes",
    );
    check(
        Run {
            verified: true,
            ..RUN
        },
        "e2e/chat on bad fails, e2e/chat on good passes",
    );
    check(
        Run {
            verified: true,
            failing: &["e2e/web_only"],
            ..RUN
        },
        "e2e/web_only on bad fails, e2e/web_only on good passes",
    );
}

#[test]
fn nothing_to_check() {
    check(
        Run {
            reverted: true,
            ..RUN
        },
        "",
    );
    assert_eq!(checks(&Facts::default()), Ok(Vec::new()));
}

#[test]
fn a_mend_that_cannot_be_checked_says_why() {
    check(
        Run {
            cause: "web:x:y",
            ..RUN
        },
        "branch mend mends cause web:x:y, which no diagnosis of this run has",
    );
    check(
        Run { bad: false, ..RUN },
        "cause api:part:missing is not tied to a revision of api",
    );
    check(
        Run {
            built: false,
            ..RUN
        },
        "no revision of api is built from c2",
    );
    check(
        Run {
            pattern: None,
            ..RUN
        },
        "cause api:part:missing has no text that shows it in a log",
    );
    check(
        Run {
            pattern: Some(""),
            ..RUN
        },
        "cause api:part:missing has no text that shows it in a log",
    );
    check(
        Run {
            verified: true,
            failing: &[],
            ..RUN
        },
        "cause api:part:missing lets api start, and no test is known to fail because of it",
    );
}
