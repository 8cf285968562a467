//! The order of steps, told as stories: what is known so far, and what comes next.

use std::collections::BTreeMap;

use assay_engine::{Next, decide};
use assay_model::{
    Action, AuditReport, Body, Bundle, Cause, CauseClass, CauseId, Count, Diagnosis,
    DiagnosisVerdict, Edit, EndState, Event, EvidenceRef, Execution, Facts, Gate, Health, Limits,
    Prologue, Publication, Remedy, Reproduction, ReproductionCheck, ReproductionRun, Revision,
    RevisionId, Rollout, RolloutId, RolloutOutcome, RolloutRequest, RolloutSource, RunId, RunPlan,
    Selection, ServiceName, ServiceObservation, Source, StabilityReport, Status, Step, Strategy,
    Timestamp, Totals, Window,
};

/// A run that is being told.
struct Story {
    facts: Facts,
    limits: Limits,
    now: Timestamp,
}

impl Story {
    fn new(prologue: Vec<Prologue>) -> Self {
        Self::planned(RunPlan {
            prologue,
            only: None,
            suites: Vec::new(),
            remedy: true,
            approved: true,
            teardown: false,
        })
    }

    fn planned(plan: RunPlan) -> Self {
        let mut story = Self {
            facts: Facts::default(),
            limits: Limits::default(),
            now: Timestamp::UNIX_EPOCH,
        };
        story.tell(Body::RunStarted {
            project: "shop".into(),
            environment: "staging".into(),
            protected: true,
            version: "0".into(),
            plan,
            config: evidence(),
        });
        story
    }

    fn tell(&mut self, body: Body) {
        self.facts.apply(&Event {
            run: RunId::from("r"),
            seq: 0,
            at: Timestamp::UNIX_EPOCH,
            step: None,
            body,
            prev: String::new(),
            hash: String::new(),
        });
    }

    fn next(&self) -> Next {
        decide(&self.facts, &self.limits, self.now)
    }

    fn expect(&self, step: Step) {
        assert_eq!(self.next(), Next::Step(step));
    }

    fn expect_end(&self, end: EndState) {
        match self.next() {
            Next::End(found, _) => assert_eq!(found, end),
            Next::Step(step) => panic!("expected the end {end:?}, got step {step:?}"),
        }
    }

    fn do_step(&mut self, step: Step, bodies: Vec<Body>) {
        self.expect(step);
        let cycle = self.facts.cycle;
        self.tell(Body::StepStarted {
            step,
            cycle,
            attempt: 1,
        });
        bodies.into_iter().for_each(|body| self.tell(body));
        self.tell(Body::StepFinished {
            step,
            cycle,
            error: None,
        });
    }

    /// Ready, select where it was not done, execute.
    fn look(&mut self, status: Status, green: bool) {
        self.do_step(Step::Ready, vec![health("api", status)]);
        if self.facts.selection.is_none() {
            self.do_step(
                Step::Select,
                vec![Body::TestsSelected {
                    selection: Selection::default(),
                }],
            );
        }
        self.do_step(Step::Execute, vec![execution(green)]);
    }

    fn diagnose(&mut self, diagnosis: Diagnosis) {
        self.do_step(Step::Observe, vec![observed("api")]);
        self.do_step(Step::Why, vec![Body::Diagnosed { diagnosis }]);
    }

    fn close(&mut self, end: EndState) {
        if self.next() == Next::Step(Step::Audit) {
            self.do_step(Step::Audit, vec![audited(0)]);
        }
        self.do_step(Step::Publish, vec![published()]);
        self.expect_end(end);
    }
}

fn evidence() -> EvidenceRef {
    EvidenceRef {
        hash: "0".repeat(64),
        bytes: 0,
        source: Source::Derived {
            what: "test".into(),
        },
        at: Timestamp::UNIX_EPOCH,
    }
}

fn request(id: &str, source: RolloutSource) -> RolloutRequest {
    RolloutRequest {
        id: RolloutId::from(id),
        service: ServiceName::from("api"),
        source,
        gate: None,
        reason: String::new(),
    }
}

fn built(id: &str, commit: &str) -> Body {
    Body::RevisionBuilt {
        revision: Revision {
            id: RevisionId::from(id),
            service: ServiceName::from("api"),
            bundle: Bundle {
                hash: id.into(),
                path: id.into(),
            },
            commit: Some(commit.into()),
            files: 1,
            manifest: evidence(),
            change: None,
            built: Timestamp::UNIX_EPOCH,
        },
    }
}

fn rolled(request: RolloutRequest, revision: &str, outcome: RolloutOutcome) -> Body {
    Body::RolloutFinished {
        rollout: Rollout {
            request,
            revision: RevisionId::from(revision),
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

fn health(service: &str, status: Status) -> Body {
    Body::HealthObserved {
        health: Health {
            service: ServiceName::from(service),
            kind: "http".into(),
            target: String::new(),
            status,
            latency_ms: 1,
            http_status: None,
            revision: None,
            detail: String::new(),
            reported: BTreeMap::new(),
            samples: None,
            certificate: None,
            runtime: None,
        },
        evidence: Vec::new(),
    }
}

fn execution(green: bool) -> Body {
    Body::ExecutionJudged {
        execution: Execution {
            tests: Vec::new(),
            totals: Totals::default(),
            criteria: Vec::new(),
            proved: green,
            green,
        },
    }
}

fn observed(service: &str) -> Body {
    Body::ServiceObserved {
        observation: ServiceObservation {
            service: ServiceName::from(service),
            window: Window {
                from: Timestamp::UNIX_EPOCH,
                to: Timestamp::UNIX_EPOCH,
            },
            serving: None,
            instances: Vec::new(),
            blind: Vec::new(),
        },
    }
}

fn cause(id: &str) -> Cause {
    Cause {
        id: CauseId::from(id),
        service: ServiceName::from("api"),
        component: "m".into(),
        signature: "s".into(),
        class: CauseClass::Packaging,
        revision: Some(RevisionId::from("r2")),
        last_good: Some(RevisionId::from("r1")),
        defect: None,
        summary: format!("{id} is broken"),
        confidence: 1.0,
        first_seen: Timestamp::UNIX_EPOCH,
        last_seen: Timestamp::UNIX_EPOCH,
        count: Count {
            n: 1,
            unit: "exits".into(),
            window: Window {
                from: Timestamp::UNIX_EPOCH,
                to: Timestamp::UNIX_EPOCH,
            },
        },
        symptoms: Vec::new(),
        whys: Vec::new(),
        refuted: Vec::new(),
        gate: None,
        remedies: Vec::new(),
        failing_tests: Vec::new(),
        log_pattern: None,
    }
}

fn diagnosis(verdict: DiagnosisVerdict, causes: Vec<Cause>) -> Diagnosis {
    Diagnosis {
        verdict,
        symptoms: Vec::new(),
        causes,
        unexplained: Vec::new(),
        pre_existing: Vec::new(),
        decoys: Vec::new(),
        missing_evidence: Vec::new(),
    }
}

fn explained() -> Diagnosis {
    diagnosis(DiagnosisVerdict::Explained, vec![cause("c")])
}

fn remedy(action: Action) -> Remedy {
    Remedy {
        cause: CauseId::from("c"),
        action,
        reason: String::new(),
        precondition: String::new(),
        postcondition: String::new(),
        undo: String::new(),
    }
}

fn rollback() -> Body {
    Body::RemedyPlanned {
        remedy: remedy(Action::Rollback {
            service: ServiceName::from("api"),
            from: RevisionId::from("r2"),
            to: RevisionId::from("r1"),
        }),
    }
}

fn person() -> Body {
    Body::RemedyPlanned {
        remedy: remedy(Action::Person {
            advice: "look".into(),
        }),
    }
}

fn mend() -> Remedy {
    remedy(Action::Mend {
        service: ServiceName::from("api"),
        edit: Edit::Unignore {
            file: "f".into(),
            line: 1,
            text: "x".into(),
        },
    })
}

fn mended() -> Vec<Body> {
    vec![
        Body::RemedyPlanned { remedy: mend() },
        Body::Mended {
            remedy: mend(),
            branch: "b".into(),
            commit: "fixed".into(),
            base: "bad".into(),
            files: vec!["f".into()],
            diff: evidence(),
        },
        Body::BuildRequested {
            service: ServiceName::from("api"),
            commit: "fixed".into(),
        },
    ]
}

fn reproduced(revision: &str, must_fail: bool) -> Body {
    let reproduction = Reproduction::Start {
        service: ServiceName::from("api"),
        signature: "x".into(),
    };
    Body::Reproduced {
        run: ReproductionRun {
            check: ReproductionCheck {
                cause: CauseId::from("c"),
                reproduction,
                revision: RevisionId::from(revision),
                must_fail,
            },
            failed: must_fail,
            signature_seen: must_fail,
            detail: String::new(),
            evidence: Vec::new(),
        },
    }
}

fn audited(new: u32) -> Body {
    Body::Audited {
        report: AuditReport {
            scopes: Vec::new(),
            findings: Vec::new(),
            not_examined: Vec::new(),
            tree: String::new(),
            new,
            evidence: Vec::new(),
        },
    }
}

fn stability(stable: bool) -> Body {
    Body::StabilityJudged {
        report: StabilityReport {
            base: "r1".into(),
            head: "r3".into(),
            changes: Vec::new(),
            rows: Vec::new(),
            stable,
            evidence: Vec::new(),
        },
    }
}

fn published() -> Body {
    Body::Published {
        publication: Publication {
            worklog: "w".into(),
            branch: None,
            commit: None,
            pull_request: None,
        },
    }
}

fn good() -> RolloutRequest {
    request("1", RolloutSource::Commit("good".into()))
}

fn bad() -> RolloutRequest {
    request("2", RolloutSource::Commit("bad".into()))
}

/// A good revision, then a bad one, as the prologue of a run, both switched to.
fn broken() -> Story {
    let mut story = Story::new(vec![Prologue::Rollout(good()), Prologue::Rollout(bad())]);
    story.do_step(
        Step::Deploy,
        vec![
            built("r1", "good"),
            rolled(good(), "r1", RolloutOutcome::Succeeded),
            built("r2", "bad"),
            rolled(bad(), "r2", RolloutOutcome::Unverified),
        ],
    );
    story
}

/// The bad revision was found out and rolled back; the environment is green again.
fn rolled_back() -> Story {
    let mut story = broken();
    story.look(Status::Unavailable, false);
    story.diagnose(explained());
    let back = request("3", RolloutSource::Revision(RevisionId::from("r1")));
    story.do_step(
        Step::Remedy,
        vec![
            rollback(),
            Body::RolloutRequested {
                request: back.clone(),
            },
        ],
    );
    story.do_step(
        Step::Deploy,
        vec![rolled(back, "r1", RolloutOutcome::Succeeded)],
    );
    story.look(Status::Healthy, true);
    story
}

/// The source was changed, built, and the reproduction was run on both revisions.
fn mend_built() -> Story {
    let mut story = rolled_back();
    story.do_step(Step::Remedy, mended());
    story.do_step(Step::Deploy, vec![built("r3", "fixed")]);
    story.do_step(
        Step::Reproduce,
        vec![reproduced("r2", true), reproduced("r3", false)],
    );
    story
}

fn promoted() -> Story {
    let mut story = mend_built();
    let out = request("4", RolloutSource::Commit("fixed".into()));
    story.do_step(
        Step::Remedy,
        vec![Body::RolloutRequested {
            request: out.clone(),
        }],
    );
    story.do_step(
        Step::Deploy,
        vec![rolled(out, "r3", RolloutOutcome::Succeeded)],
    );
    story
}

#[test]
fn nothing_wrong_ends_green() {
    let mut story = Story::new(vec![]);
    story.look(Status::Healthy, true);
    story.close(EndState::Green);
}

#[test]
fn a_mended_defect_ends_repaired() {
    let mut story = promoted();
    story.look(Status::Healthy, true);
    story.do_step(Step::Audit, vec![audited(0)]);
    story.do_step(Step::Stability, vec![stability(true)]);
    story.close(EndState::Repaired);
}

#[test]
fn a_green_suite_after_a_rollback_is_only_mitigated() {
    let mut story = rolled_back();
    story.do_step(Step::Remedy, vec![person()]);
    story.close(EndState::Mitigated);
}

#[test]
fn a_change_that_makes_the_audit_worse_is_taken_back() {
    let mut story = promoted();
    story.look(Status::Healthy, true);
    story.do_step(Step::Audit, vec![audited(1)]);
    story.do_step(Step::Stability, vec![stability(true)]);
    let back = request("5", RolloutSource::Revision(RevisionId::from("r1")));
    let reverted = Body::Reverted {
        branch: "b".into(),
        reason: String::new(),
    };
    story.do_step(
        Step::Remedy,
        vec![
            reverted,
            Body::RolloutRequested {
                request: back.clone(),
            },
        ],
    );
    story.do_step(
        Step::Deploy,
        vec![rolled(back, "r1", RolloutOutcome::Succeeded)],
    );
    story.look(Status::Healthy, true);
    story.do_step(Step::Remedy, vec![person()]);
    story.close(EndState::Mitigated);
}

#[test]
fn a_change_that_breaks_a_contract_is_taken_back() {
    let mut story = promoted();
    story.look(Status::Healthy, true);
    story.do_step(Step::Audit, vec![audited(0)]);
    story.do_step(Step::Stability, vec![stability(false)]);
    story.expect(Step::Remedy);
}

#[test]
fn a_change_that_does_not_turn_it_green_is_taken_back() {
    let mut story = promoted();
    story.look(Status::Unavailable, false);
    story.diagnose(explained());
    story.expect(Step::Remedy);
}

#[test]
fn a_roll_out_that_its_gate_refused_is_followed_to_its_cause() {
    let mut story = Story::new(vec![Prologue::Rollout(good()), Prologue::Rollout(bad())]);
    story.do_step(
        Step::Deploy,
        vec![
            built("r1", "good"),
            rolled(good(), "r1", RolloutOutcome::Succeeded),
            built("r2", "bad"),
            rolled(bad(), "r2", RolloutOutcome::RolledBack),
        ],
    );
    story.look(Status::Healthy, true);
    story.diagnose(explained());
    story.expect(Step::Remedy);
}

#[test]
fn without_a_cause_it_is_inconclusive() {
    let mut story = broken();
    story.look(Status::Unavailable, false);
    story.diagnose(diagnosis(DiagnosisVerdict::Inconclusive, vec![]));
    story.close(EndState::Inconclusive);
}

#[test]
fn a_cause_that_nobody_can_remedy_ends_red() {
    let mut story = broken();
    story.look(Status::Degraded, true);
    story.diagnose(explained());
    story.do_step(Step::Remedy, vec![person()]);
    story.close(EndState::Red);
}

#[test]
fn passes_that_prove_nothing_end_red() {
    let mut story = Story::new(vec![]);
    story.look(Status::Healthy, false);
    story.diagnose(diagnosis(DiagnosisVerdict::Healthy, vec![]));
    story.close(EndState::Red);
}

#[test]
fn the_same_cause_after_a_remedy_stops_the_run() {
    let mut story = broken();
    story.look(Status::Unavailable, false);
    story.diagnose(explained());
    let back = request("3", RolloutSource::Revision(RevisionId::from("r1")));
    story.do_step(
        Step::Remedy,
        vec![
            rollback(),
            Body::RolloutRequested {
                request: back.clone(),
            },
        ],
    );
    story.do_step(
        Step::Deploy,
        vec![rolled(back, "r1", RolloutOutcome::Succeeded)],
    );
    story.look(Status::Unavailable, false);
    story.diagnose(explained());
    story.close(EndState::Stopped);
}

#[test]
fn a_protected_environment_is_not_touched_without_approval() {
    let plan = RunPlan {
        prologue: vec![],
        only: None,
        suites: vec![],
        remedy: true,
        approved: false,
        teardown: false,
    };
    let mut story = Story::planned(plan);
    story.look(Status::Unavailable, false);
    story.diagnose(explained());
    story.close(EndState::Stopped);
}

#[test]
fn limits_stop_the_run() {
    let mut story = Story::new(vec![]);
    story.limits.run_timeout_s = 10;
    story.look(Status::Unavailable, false);
    story.now = Timestamp::from_second(11).unwrap();
    story.close(EndState::Stopped);

    let mut story = Story::new(vec![]);
    story.limits.remedies_max = 0;
    story.look(Status::Unavailable, false);
    story.diagnose(explained());
    story.close(EndState::Stopped);

    let mut story = rolled_back();
    story.limits.remedies_max = 1;
    story.close(EndState::Stopped);

    let mut story = rolled_back();
    story.limits.remedies_max = 2;
    story.expect(Step::Remedy);

    let mut story = Story::new(vec![]);
    story.limits.cycles_max = 1;
    story.look(Status::Unavailable, false);
    story.diagnose(explained());
    story.do_step(Step::Remedy, vec![rollback()]);
    story.close(EndState::Stopped);
}

#[test]
fn a_step_that_cannot_look_ends_the_run_after_publishing() {
    let mut story = Story::new(vec![]);
    story.do_step(Step::Ready, vec![health("api", Status::Healthy)]);
    story.expect(Step::Select);
    story.tell(Body::StepStarted {
        step: Step::Select,
        cycle: 1,
        attempt: 1,
    });
    story.tell(Body::StepFinished {
        step: Step::Select,
        cycle: 1,
        error: Some("no tests".into()),
    });
    story.do_step(Step::Publish, vec![published()]);
    story.expect_end(EndState::Inconclusive);
}

#[test]
fn a_step_alone_brings_only_what_it_needs() {
    let alone = |step| {
        Story::planned(RunPlan {
            prologue: vec![],
            only: Some(step),
            suites: vec![],
            remedy: false,
            approved: false,
            teardown: false,
        })
    };
    let mut story = alone(Step::Ready);
    story.do_step(Step::Ready, vec![health("api", Status::Refused)]);
    story.expect_end(EndState::Red);

    let mut story = alone(Step::Execute);
    story.do_step(
        Step::Select,
        vec![Body::TestsSelected {
            selection: Selection::default(),
        }],
    );
    story.do_step(Step::Execute, vec![execution(true)]);
    story.expect_end(EndState::Green);
}
