//! A bundle whose ignore file drops a module, deployed blindly: rolled back, mended, proven.

use assay_model::{
    AbsentGate, Action, AuditReport, AuditScope, Body, Bundle, Cause, CauseClass, Change,
    ChangeKind, Count, Decoy, Defect, Diagnosis, DiagnosisVerdict, Edit, EndState, EvidenceRef,
    Outcome, Place, Priority, Prologue, Publication, Refuted, Remedy, Reproduction,
    ReproductionCheck, ReproductionRun, Revision, RolloutOutcome, RolloutSource, Selected,
    Selection, Source, StabilityReport, StabilityRow, Status, Step, Symptom, SymptomKind, TestCase,
    TestResult, Verdict, Why, Window,
};

use super::{Story, execution, plan, request};

pub(crate) const GOOD: &str = "1a1a1a1a1a1a";
pub(crate) const BAD: &str = "2b2b2b2b2b2b";
pub(crate) const MENDED: &str = "3c3c3c3c3c3c";
pub(crate) const BASE: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
pub(crate) const FIX: &str = "cccccccccccccccccccccccccccccccccccccccc";
pub(crate) const BRANCH: &str = "assay/repair-20261123-184455-7f3a-1";
const CAUSE: &str = "backend:monitoring/metrics:module-missing";
const PATTERN: &str = "module not found: monitoring/metrics";
const TESTS: usize = 34;
const FAILING: usize = 23;

const LOG: &str = "\
2026-11-23T18:44:57.020Z {\"level\":\"info\",\"msg\":\"starting\"}
2026-11-23T18:44:57.031Z {\"level\":\"error\",\"msg\":\"start failed: module not found: monitoring/metrics\"}
";

pub(crate) const DIFF: &str = "\
diff --git a/services/backend/.bundleignore b/services/backend/.bundleignore
--- a/services/backend/.bundleignore
+++ b/services/backend/.bundleignore
@@ -5,4 +5,3 @@
 *.tmp
 # local dashboards
-monitoring/
 .cache/
";

/// The whole story.
pub(crate) fn repaired() -> Story {
    let mut story = until_diagnosed();
    roll_back(&mut story);
    mend(&mut story);
    check(&mut story);
    story.step(Step::Deploy, 3, |story| {
        let wanted = request("r4", RolloutSource::Commit(FIX.into()), "the mend holds");
        story.rollout(wanted, MENDED, Some(GOOD), RolloutOutcome::Succeeded, 1_900);
    });
    look(&mut story, 3, Status::Healthy, Some(MENDED));
    execute(&mut story, 3, 0, true);
    story.step(Step::Publish, 3, |story| {
        story.push(Body::Published {
            publication: Publication {
                worklog: ".assay/worklogs/20261123-184455-7f3a.md".into(),
                branch: Some(BRANCH.into()),
                commit: Some(FIX.into()),
                pull_request: Some(".assay/pull-requests/20261123-184455-7f3a.md".into()),
            },
        });
    });
    story.push(Body::RunFinished {
        end: EndState::Repaired,
        reason: "one cause was found, its defect mended, and the suite proven".into(),
    });
    story
}

/// Deployed, looked at, tested and explained; nothing done yet.
pub(crate) fn until_diagnosed() -> Story {
    let good = request("r1", RolloutSource::WorkingTree, "the demo's good revision");
    let bad = request(
        "r2",
        RolloutSource::WorkingTree,
        "a change that is to go out",
    );
    let prologue = vec![
        Prologue::Rollout(good.clone()),
        Prologue::Rollout(bad.clone()),
    ];
    let mut story = Story::new(plan(prologue));
    story.step(Step::Deploy, 1, |story| {
        built(story, GOOD, None);
        story.rollout(good, GOOD, None, RolloutOutcome::Succeeded, 1_200);
    });
    story.step(Step::Deploy, 1, |story| {
        built(story, BAD, None);
        story.rollout(bad, BAD, Some(GOOD), RolloutOutcome::Unverified, 80);
    });
    look(&mut story, 1, Status::Unavailable, None);
    story.step(Step::Select, 1, |story| {
        let selection = selection();
        story.push(Body::TestsSelected { selection });
    });
    execute(&mut story, 1, FAILING, false);
    story.step(Step::Why, 1, |story| {
        let diagnosis = diagnosis(story);
        story.push(Body::Diagnosed { diagnosis });
    });
    story
}

fn built(story: &mut Story, id: &str, commit: Option<&str>) {
    let source = Source::Derived {
        what: format!("manifest of {id}"),
    };
    let manifest = story.keep(source, &format!("{{\"of\":\"{id}\"}}"));
    let built = story.now();
    story.push(Body::RevisionBuilt {
        revision: Revision {
            id: id.into(),
            service: "backend".into(),
            bundle: Bundle {
                hash: id.repeat(5),
                path: format!("bundles/{id}"),
            },
            commit: commit.map(Into::into),
            files: 31,
            manifest,
            change: None,
            built,
        },
    });
}

fn look(story: &mut Story, cycle: u32, backend: Status, revision: Option<&str>) {
    story.step(Step::Ready, cycle, |story| {
        story.probe("auth", Status::Healthy, 12, Some("aaaa00001111"));
        story.probe("backend", backend, 3, revision);
        story.probe("frontend", Status::Healthy, 7, Some("ffff00001111"));
    });
}

fn selection() -> Selection {
    let tests = (0..TESTS).map(|n| Selected {
        case: TestCase {
            id: format!("e2e/{}", name(n)).as_str().into(),
            suite: "e2e".into(),
            name: name(n),
            category: Some("chat".into()),
            priority: Priority::new(priority(n)).unwrap(),
            services: vec!["backend".into()],
            risk: None,
            ignored: false,
        },
        place: u32::try_from(n + 1).unwrap(),
        reason: format!("P{}, covers backend, which is unavailable", priority(n)),
    });
    Selection {
        tests: tests.collect(),
        listed: 36,
        left_out: vec![("e2e/slow_export".into(), "ignored by itself".into())],
    }
}

fn name(n: usize) -> String {
    format!("chat_{n:02}")
}

fn priority(n: usize) -> u8 {
    if n < 10 { 1 } else { 2 }
}

/// `failing` of the tests fail; a few for another reason than the rest.
fn execute(story: &mut Story, cycle: u32, failing: usize, proved: bool) {
    story.step(Step::Execute, cycle, |story| {
        story.wait(4_200);
        let verdict = if proved {
            Verdict::Proven
        } else {
            Verdict::Inconclusive
        };
        let tests: Vec<TestResult> = (0..TESTS)
            .map(|n| {
                if n < failing {
                    let message = "assertion failed: expected 200, got 503 from POST /api/orders";
                    let failed = Outcome::Failed;
                    let mut test = story.result(&name(n), priority(n), failed, None, Some(message));
                    if n < 2 {
                        test.failing.clear();
                        test.message = Some(format!("login took {n}7 ms and gave no profile"));
                    }
                    test
                } else {
                    story.result(&name(n), priority(n), Outcome::Passed, Some(verdict), None)
                }
            })
            .collect();
        story.push(Body::ExecutionJudged {
            execution: execution(tests, proved),
        });
    });
}

fn diagnosis(story: &mut Story) -> Diagnosis {
    let path = "var/backend.log".to_owned();
    let log = story.keep(
        Source::Log {
            path,
            from_line: 1,
            to_line: 2,
        },
        LOG,
    );
    let ignore_path = "services/backend/.bundleignore".to_owned();
    let ignore = story.keep(
        Source::File {
            path: ignore_path,
            line: Some(7),
        },
        "node_modules/\n*.log\n*.bak\n.env\n*.tmp\n# local dashboards\nmonitoring/\n.cache/\n",
    );
    let window = Window {
        from: "2026-11-23T18:44:57Z".parse().unwrap(),
        to: "2026-11-23T18:45:00.4Z".parse().unwrap(),
    };
    let symptom = |kind, text: &str, evidence: &EvidenceRef| Symptom {
        kind,
        service: "backend".into(),
        text: text.into(),
        first_seen: Some(window.from),
        evidence: vec![evidence.clone()],
    };
    Diagnosis {
        verdict: DiagnosisVerdict::Explained,
        symptoms: vec![
            symptom(SymptomKind::Probe, "backend is unavailable", &log),
            symptom(
                SymptomKind::Log,
                "the log names a module that is missing",
                &log,
            ),
        ],
        causes: vec![cause(&log, &ignore, &window)],
        unexplained: Vec::new(),
        pre_existing: Vec::new(),
        decoys: vec![Decoy {
            text: "41 warnings of a deprecated option in the log of auth".into(),
            reason: "they were there before the roll-out, and auth is healthy".into(),
        }],
        missing_evidence: Vec::new(),
    }
}

fn cause(log: &EvidenceRef, ignore: &EvidenceRef, window: &Window) -> Cause {
    Cause {
        id: CAUSE.into(),
        service: "backend".into(),
        component: "monitoring/metrics".into(),
        signature: "module-missing".into(),
        class: CauseClass::Packaging,
        revision: Some(BAD.into()),
        last_good: Some(GOOD.into()),
        defect: Some(Defect {
            file: "services/backend/.bundleignore".into(),
            line: 7,
            text: "monitoring/".into(),
        }),
        summary: "the bundle of backend lacks `monitoring/metrics`, which its entry imports".into(),
        confidence: 0.923,
        first_seen: window.from,
        last_seen: window.to,
        count: Count {
            n: 9,
            unit: "exits".into(),
            window: window.clone(),
        },
        symptoms: vec![0, 1],
        whys: whys(log, ignore),
        refuted: vec![Refuted {
            alternative: "auth is down".into(),
            reason: "its probe is healthy".into(),
            evidence: Vec::new(),
        }],
        gate: Some(AbsentGate {
            gate: "a probe before the switch".into(),
            advice: "set `gate = \"probe\"` for service.backend".into(),
            searched: vec!["assay.toml".into()],
            at: Some(Place {
                file: "assay.toml".into(),
                line: 14,
                text: "deploy = { driver = \"process\", gate = \"none\" }".into(),
            }),
        }),
        remedies: vec!["rollback".into(), "unignore".into()],
        failing_tests: (0..FAILING)
            .map(|n| format!("e2e/{}", name(n)).as_str().into())
            .collect(),
        log_pattern: Some(PATTERN.into()),
    }
}

fn whys(log: &EvidenceRef, ignore: &EvidenceRef) -> Vec<Why> {
    let why = |question: &str, text: &str, evidence: &EvidenceRef, excerpt: Option<&str>| Why {
        question: question.into(),
        text: text.into(),
        evidence: vec![evidence.clone()],
        excerpt: excerpt.map(Into::into),
        refuted: None,
    };
    let mut whys = vec![
        why(
            "What do users see?",
            "23 of 34 tests failed, 1 of 3 services unavailable.",
            log,
            None,
        ),
        why(
            "Why does backend answer 503?",
            "Its process ends with exit code 3, 9 times in 3.4 s, so its front door has nobody.",
            log,
            LOG.lines().next(),
        ),
        why(
            "Why does it end?",
            "Its entry imports `monitoring/metrics`, which is not there.",
            log,
            LOG.lines().last(),
        ),
        why(
            "Why is the module not there?",
            "`services/backend/.bundleignore:7` leaves it out of the bundle.",
            ignore,
            Some("monitoring/"),
        ),
        why(
            "Why did that reach users?",
            "It was rolled out with `gate = \"none\"`: nobody asked the new revision.",
            ignore,
            None,
        ),
    ];
    whys[2].refuted = Some(Refuted {
        alternative: "the module never existed".into(),
        reason: "it stands in the source tree".into(),
        evidence: Vec::new(),
    });
    whys
}

fn remedy(action: Action, reason: &str) -> Remedy {
    Remedy {
        cause: CAUSE.into(),
        action,
        reason: reason.into(),
        precondition: "the revision or line named is still what it was".into(),
        postcondition: "backend answers its probe for its bake time".into(),
        undo: "roll out the revision that serves now".into(),
    }
}

fn roll_back(story: &mut Story) {
    let (service, from, to) = ("backend".into(), BAD.into(), GOOD.into());
    story.step(Step::Remedy, 1, |story| {
        let action = Action::Rollback { service, from, to };
        let remedy = remedy(action, "it served before, and nothing smaller restores it");
        story.push(Body::RemedyPlanned { remedy });
    });
    story.step(Step::Deploy, 2, |story| {
        let wanted = request("r3", RolloutSource::Revision(GOOD.into()), "rollback");
        story.rollout(wanted, GOOD, Some(BAD), RolloutOutcome::Succeeded, 1_100);
    });
    look(story, 2, Status::Healthy, Some(GOOD));
    execute(story, 2, 0, false);
}

fn mend(story: &mut Story) {
    let file = "services/backend/.bundleignore".to_owned();
    story.step(Step::Remedy, 2, |story| {
        let edit = Edit::Unignore {
            file: file.clone(),
            line: 7,
            text: "monitoring/".into(),
        };
        let action = Action::Mend {
            service: "backend".into(),
            edit,
        };
        let remedy = remedy(action, "one line is the defect");
        story.push(Body::RemedyPlanned {
            remedy: remedy.clone(),
        });
        let command = format!("git diff {BASE} {FIX}");
        let diff = story.keep(Source::Command { command }, DIFF);
        story.push(Body::Mended {
            remedy,
            branch: BRANCH.into(),
            commit: FIX.into(),
            base: BASE.into(),
            files: vec![file],
            diff,
        });
    });
    story.step(Step::Deploy, 3, |story| built(story, MENDED, Some(FIX)));
}

fn check(story: &mut Story) {
    story.step(Step::Reproduce, 3, |story| {
        for (revision, must_fail) in [(BAD, true), (MENDED, false)] {
            reproduce(story, revision, must_fail);
        }
    });
    story.step(Step::Audit, 3, |story| {
        let source = Source::Command {
            command: format!("assay audit {FIX}"),
        };
        let evidence = vec![story.keep(source, "120 checks, 0 findings")];
        let scope = |name: &str, files, checks| AuditScope {
            name: name.into(),
            files,
            checks,
            passed: checks,
            score: Some(1.0),
        };
        let report = AuditReport {
            scopes: vec![scope("production", 31, 98), scope("tests", 4, 22)],
            findings: Vec::new(),
            not_examined: vec!["services/frontend/vendor: excluded by configuration".into()],
            tree: FIX.into(),
            new: 0,
            evidence,
        };
        story.push(Body::Audited { report });
    });
    story.step(Step::Stability, 3, |story| {
        let source = Source::Command {
            command: "git diff --stat".into(),
        };
        let evidence = vec![story.keep(source, DIFF)];
        let row = |what: &str, before: &str, after: &str| StabilityRow {
            what: what.into(),
            before: before.into(),
            after: after.into(),
        };
        let report = StabilityReport {
            base: BASE.into(),
            head: FIX.into(),
            changes: vec![Change {
                kind: ChangeKind::Additive,
                what: "export".into(),
                name: "monitoring/metrics::count/1".into(),
                file: "services/backend/monitoring/metrics.rhai".into(),
                line: 3,
                message: "exported now".into(),
            }],
            rows: vec![
                row("exported names", "41 names", "42 names"),
                row("tests", "34 tests", "34 tests"),
            ],
            stable: true,
            evidence,
        };
        story.push(Body::StabilityJudged { report });
    });
}

fn reproduce(story: &mut Story, revision: &str, must_fail: bool) {
    story.wait(700);
    let path = format!("var/aside-{revision}.log");
    let text = if must_fail {
        LOG.to_owned()
    } else {
        format!("{} ready\n", story.now())
    };
    let evidence = vec![story.keep(
        Source::Log {
            path,
            from_line: 1,
            to_line: 2,
        },
        &text,
    )];
    let reproduction = Reproduction::Start {
        service: "backend".into(),
        signature: PATTERN.into(),
    };
    let check = ReproductionCheck {
        cause: CAUSE.into(),
        reproduction,
        revision: revision.into(),
        must_fail,
    };
    let run = ReproductionRun {
        check,
        failed: must_fail,
        signature_seen: must_fail,
        detail: if must_fail {
            "exit code 3"
        } else {
            "answered its probe in 210 ms"
        }
        .into(),
        evidence,
    };
    story.push(Body::Reproduced { run });
}
