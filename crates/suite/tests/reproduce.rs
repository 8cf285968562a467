//! Reproductions for real: instances are processes, tests run through a gateway.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};

use assay_model::{
    Action, Aside, Body, Bundle, Cause, CauseClass, Count, Diagnosis, DiagnosisVerdict, Edit,
    EvidenceRef, Facts, Health, ProbeTarget, Prober, Project, Remedy, ReproductionRun, Revision,
    Sandbox, SandboxError, ServiceName, Source, Stage, Status, Step, Symptom, SymptomKind,
    Timestamp, Window,
};
use assay_suite::{ReproduceStage, SelectStage};
use async_trait::async_trait;
use support::{Journal, TESTBED, facts, project, suite};

/// Runs revisions as processes of the test program: the id of a revision says how it behaves.
struct Processes {
    dir: PathBuf,
    running: Mutex<BTreeMap<String, Child>>,
    started: Mutex<Vec<String>>,
}

impl Processes {
    fn log(&self, instance: &str) -> PathBuf {
        self.dir.join(format!("{instance}.log"))
    }
}

#[async_trait]
impl Sandbox for Processes {
    async fn start(&self, revision: &Revision, key: &str) -> Result<Aside, SandboxError> {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let child = Command::new(TESTBED)
            .args(["serve", &revision.id])
            .env("PORT", port.to_string())
            .stderr(File::create(self.log(key)).unwrap())
            .spawn()
            .unwrap();
        self.running.lock().unwrap().insert(key.to_owned(), child);
        self.started.lock().unwrap().push(key.to_owned());
        Ok(Aside {
            instance: key.to_owned(),
            url: format!("http://127.0.0.1:{port}"),
        })
    }

    async fn ended(&self, aside: &Aside) -> Result<Option<String>, SandboxError> {
        let mut running = self.running.lock().unwrap();
        let status = running
            .get_mut(&aside.instance)
            .unwrap()
            .try_wait()
            .unwrap();
        Ok(status.map(|status| format!("exit code {}", status.code().unwrap_or(-1))))
    }

    async fn stop(&self, aside: &Aside) -> Result<(String, Vec<u8>), SandboxError> {
        if let Some(mut child) = self.running.lock().unwrap().remove(&aside.instance) {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let path = self.log(&aside.instance);
        Ok((path.display().to_string(), std::fs::read(path).unwrap()))
    }

    fn serving_url(&self, _service: &ServiceName) -> Option<String> {
        None
    }
}

/// Healthy is who accepts a connection.
struct Connects;

#[async_trait]
impl Prober for Connects {
    async fn probe(&self, target: &ProbeTarget) -> (Health, Vec<u8>) {
        let address = target.url.trim_start_matches("http://").to_owned();
        let connected = tokio::net::TcpStream::connect(&address).await;
        let health = Health {
            service: target.service.clone(),
            kind: "tcp".to_owned(),
            target: target.url.clone(),
            status: if connected.is_ok() {
                Status::Healthy
            } else {
                Status::Refused
            },
            latency_ms: 0,
            http_status: None,
            revision: None,
            detail: format!("{:?}", connected.map(drop)),
            reported: BTreeMap::new(),
            samples: None,
            certificate: None,
            runtime: None,
        };
        (health, b"connect".to_vec())
    }
}

fn evidence() -> EvidenceRef {
    let source = Source::Derived {
        what: "it".to_owned(),
    };
    EvidenceRef {
        hash: String::new(),
        bytes: 0,
        source,
        at: Timestamp::UNIX_EPOCH,
    }
}

fn revision(id: &str, commit: &str) -> Body {
    Body::RevisionBuilt {
        revision: Revision {
            id: id.into(),
            service: "api".into(),
            bundle: Bundle {
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

fn diagnosed(bad: &str, kind: SymptomKind) -> Body {
    let at = Timestamp::UNIX_EPOCH;
    let cause = Cause {
        id: "api:part:missing".into(),
        service: "api".into(),
        component: "part".to_owned(),
        signature: "missing".to_owned(),
        class: CauseClass::Code,
        revision: Some(bad.into()),
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
        failing_tests: vec!["e2e/proven".into()],
        log_pattern: Some("part is missing".to_owned()),
    };
    let symptom = Symptom {
        kind,
        service: "api".into(),
        text: String::new(),
        first_seen: None,
        evidence: Vec::new(),
    };
    let diagnosis = Diagnosis {
        verdict: DiagnosisVerdict::Explained,
        symptoms: vec![symptom],
        causes: vec![cause],
        unexplained: Vec::new(),
        pre_existing: Vec::new(),
        decoys: Vec::new(),
        missing_evidence: Vec::new(),
    };
    Body::Diagnosed { diagnosis }
}

/// A run in which revision `bad` was diagnosed and mended as `good`.
fn run(bad: &str, good: &str, kind: SymptomKind) -> Vec<Body> {
    let edit = Edit::Unignore {
        file: ".ignore".to_owned(),
        line: 1,
        text: "x".to_owned(),
    };
    let remedy = Remedy {
        cause: "api:part:missing".into(),
        action: Action::Mend {
            service: "api".into(),
            edit,
        },
        reason: String::new(),
        precondition: String::new(),
        postcondition: String::new(),
        undo: String::new(),
    };
    let mended = Body::Mended {
        remedy,
        branch: "mend".to_owned(),
        commit: "c2".to_owned(),
        base: "c1".to_owned(),
        files: Vec::new(),
        diff: evidence(),
    };
    vec![
        revision(bad, "c1"),
        diagnosed(bad, kind),
        mended,
        revision(good, "c2"),
    ]
}

struct Bench {
    _root: tempfile::TempDir,
    sandbox: Arc<Processes>,
    stage: ReproduceStage,
    journal: Journal,
}

impl Bench {
    async fn new(bodies: Vec<Body>) -> Self {
        let root = tempfile::tempdir().unwrap();
        let project = only_api(root.path());
        let sandbox = Arc::new(Processes {
            dir: root.path().to_owned(),
            running: Mutex::default(),
            started: Mutex::default(),
        });
        let mut journal = Journal::default();
        SelectStage::new(project.clone())
            .run(&Facts::default(), &mut journal)
            .await
            .unwrap();
        journal.bodies.extend(bodies);
        let stage = ReproduceStage::new(project, sandbox.clone(), Arc::new(Connects));
        Self {
            _root: root,
            sandbox,
            stage,
            journal,
        }
    }

    async fn reproduce(&mut self) -> Vec<ReproductionRun> {
        let before = facts(&self.journal.bodies);
        self.stage.run(&before, &mut self.journal).await.unwrap();
        assert!(
            self.sandbox.running.lock().unwrap().is_empty(),
            "an instance is left"
        );
        facts(&self.journal.bodies).reproductions
    }
}

fn only_api(root: &Path) -> Project {
    project(root, suite("e2e", &[TESTBED, "json"]))
}

async fn check(bad: &str, good: &str, kind: SymptomKind, expected: [(bool, bool); 2]) {
    let mut bench = Bench::new(run(bad, good, kind)).await;
    let runs = bench.reproduce().await;
    let found: Vec<_> = runs
        .iter()
        .map(|run| (run.failed, run.as_expected()))
        .collect();
    assert_eq!(found, expected, "{runs:#?}");
    assert!(runs.iter().all(|run| !run.evidence.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_fails_on_the_bad_revision_and_passes_on_the_mended_one() {
    check(
        "dies",
        "good",
        SymptomKind::Exit,
        [(true, true), (false, true)],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_fails_on_the_bad_revision_and_passes_on_the_mended_one() {
    check(
        "bad",
        "good",
        SymptomKind::Log,
        [(true, true), (false, true)],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mend_that_does_not_hold_is_seen() {
    check(
        "dies",
        "dies-2",
        SymptomKind::Exit,
        [(true, true), (true, false)],
    )
    .await;
    check(
        "bad",
        "bad-2",
        SymptomKind::Log,
        [(true, true), (true, false)],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reproduction_that_does_not_show_the_failure_is_seen() {
    check(
        "good",
        "good-2",
        SymptomKind::Exit,
        [(false, false), (false, true)],
    )
    .await;
    check(
        "good",
        "good-2",
        SymptomKind::Log,
        [(false, false), (false, true)],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn finished_reproductions_are_not_repeated() {
    let mut bench = Bench::new(run("dies", "good", SymptomKind::Exit)).await;
    // The journal fails at the second act.
    bench.journal.room = Some(1);
    let before = facts(&bench.journal.bodies);
    bench
        .stage
        .run(&before, &mut bench.journal)
        .await
        .unwrap_err();
    bench.journal.room = None;
    assert_eq!(bench.reproduce().await.len(), 2);
    let started = bench.sandbox.started.lock().unwrap().clone();
    let of = |revision: &str| {
        started
            .iter()
            .filter(|name| name.contains(revision))
            .count()
    };
    assert_eq!((of("-dies-"), of("-good-")), (1, 2), "{started:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_try_left_is_ended() {
    let begun = |attempt| Body::StepStarted {
        step: Step::Reproduce,
        cycle: 2,
        attempt,
    };
    let mut bodies = run("dies", "good", SymptomKind::Exit);
    bodies.push(begun(1));
    let mut bench = Bench::new(bodies).await;
    bench.journal.room = Some(1);
    let before = facts(&bench.journal.bodies);
    let failed = bench.stage.run(&before, &mut bench.journal).await;
    failed.unwrap_err();
    bench.journal.room = None;
    bench.journal.bodies.push(begun(2));
    assert_eq!(bench.reproduce().await.len(), 2);
    let started = bench.sandbox.started.lock().unwrap().clone();
    assert_eq!(
        started,
        [
            "run.reproduce-api-dies-start-c2-t1",
            "run.reproduce-api-good-start-c2-t1",
            // Begun again only to be ended, because nobody knows whether it still runs.
            "run.reproduce-api-good-start-c2-t1",
            "run.reproduce-api-good-start-c2-t2",
        ]
    );
}
