//! Selecting and executing for real: services, a gateway and a test program.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::path::Path;

use assay_model::{
    Attempt, Body, Execution, Facts, Health, Outcome, Project, Purpose, Stage, StageError, Status,
    SuiteKind,
};
use assay_suite::{ExecuteStage, SelectStage};
use support::{Journal, TESTBED, facts, project, server, suite};

/// What one execution left.
struct Done {
    journal: Journal,
    facts: Facts,
}

impl Done {
    fn execution(&self) -> &Execution {
        self.facts.execution.as_ref().unwrap()
    }

    fn attempts(&self) -> Vec<&Attempt> {
        self.facts.attempts.values().collect()
    }

    fn verdict(&self, name: &str) -> String {
        let id = format!("e2e/{name}");
        let result = self
            .execution()
            .tests
            .iter()
            .find(|result| *result.test == *id)
            .unwrap();
        match result.verdict {
            Some(verdict) => verdict.word().to_owned(),
            None => result.outcome.word().to_owned(),
        }
    }
}

async fn selected(project: &Project) -> Result<Journal, StageError> {
    let mut journal = Journal::default();
    SelectStage::new(project.clone())
        .run(&Facts::default(), &mut journal)
        .await?;
    Ok(journal)
}

async fn executed(project: &Project) -> Done {
    let mut journal = selected(project).await.unwrap();
    let before = facts(&journal.bodies);
    ExecuteStage::new(project.clone())
        .run(&before, &mut journal)
        .await
        .unwrap();
    let facts = facts(&journal.bodies);
    Done { journal, facts }
}

fn testbed(root: &Path, mode: &str, only: &[&str]) -> Project {
    let mut suite = suite("e2e", &[TESTBED, mode]);
    suite.only = only.iter().map(|name| format!("e2e/{name}")).collect();
    suite.env.insert(
        "RUNS_FILE".to_owned(),
        root.join("runs").display().to_string(),
    );
    suite.env.insert("OTHER_URL".to_owned(), server());
    let mut project = project(root, suite);
    let direct = project.services["api"].url.clone();
    project.suites[0]
        .env
        .insert("DIRECT_URL".to_owned(), direct);
    project
}

fn runs(root: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(root.join("runs")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_verdict_is_shown_for_real() {
    let root = tempfile::tempdir().unwrap();
    // `fails` is of priority P2, so it does not keep the others from their proof.
    let done = executed(&testbed(root.path(), "json", &[])).await;
    let check = |name: &str, expected: &str| {
        assert_eq!(
            done.verdict(name),
            expected,
            "{name}: {:#?}",
            done.execution()
        );
    };
    check("proven", "proven");
    check("proven_twice", "proven");
    check("vacuous", "vacuous");
    check("unreached", "unreached");
    check("asserts_nothing", "not-examined");
    check("wrong_target", "wrong-target");
    check("past_gateway", "inconclusive");
    check("flaky", "inconclusive");
    check("fails", "failed");
    let execution = done.execution();
    assert!(execution.proved && !execution.green);
    assert_eq!((execution.totals.planned, execution.totals.passed), (9, 8));
    assert_eq!((execution.totals.failed, execution.totals.proven), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suite_that_is_all_proof_is_green() {
    let root = tempfile::tempdir().unwrap();
    let done = executed(&testbed(root.path(), "json", &["proven"])).await;
    assert!(done.execution().green, "{:#?}", done.execution());
    let attempts = done.attempts();
    let blackouts: Vec<_> = attempts
        .iter()
        .filter(|each| matches!(each.purpose, Purpose::Blackout(_)))
        .collect();
    assert_eq!(
        blackouts.len(),
        3,
        "proven has one service and proven_twice has two"
    );
    for blackout in blackouts {
        assert_eq!(blackout.outcome, Outcome::Failed);
        assert_eq!(blackout.control, Some(true));
        assert!(blackout.refused);
        let output = blackout.output.as_ref().unwrap();
        let text = String::from_utf8_lossy(&done.journal.blobs[&output.hash]).to_lowercase();
        assert!(text.contains("refused"), "{text}");
    }
    let first = attempts
        .iter()
        .find(|each| each.purpose == Purpose::First)
        .unwrap();
    assert_eq!(
        first.connects.as_deref(),
        Some(&["gateway:api".to_owned()][..])
    );
    assert_eq!(first.exchanges.len(), 1);
    assert_eq!(
        (first.exchanges[0].status, &*first.exchanges[0].path),
        (200, "/thing")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_observed_is_never_unreached() {
    let root = tempfile::tempdir().unwrap();
    let done = executed(&testbed(root.path(), "plain", &[])).await;
    assert_eq!(done.verdict("proven"), "proven", "{:#?}", done.execution());
    assert_eq!(done.verdict("vacuous"), "vacuous");
    assert_eq!(done.verdict("unreached"), "inconclusive");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_system_is_not_put_to_the_proof() {
    let root = tempfile::tempdir().unwrap();
    let project = testbed(root.path(), "json", &["proven", "unreached"]);
    let mut journal = selected(&project).await.unwrap();
    let health = Health {
        service: "web".into(),
        kind: "http".to_owned(),
        target: String::new(),
        status: Status::Unavailable,
        latency_ms: 1,
        http_status: Some(503),
        revision: None,
        detail: String::new(),
        reported: Default::default(),
        samples: None,
        certificate: None,
        runtime: None,
    };
    journal.bodies.push(Body::HealthObserved {
        health,
        evidence: Vec::new(),
    });
    let before = facts(&journal.bodies);
    ExecuteStage::new(project)
        .run(&before, &mut journal)
        .await
        .unwrap();
    let done = Done {
        facts: facts(&journal.bodies),
        journal,
    };
    assert!(!done.execution().proved && !done.execution().green);
    assert_eq!(done.verdict("proven"), "inconclusive");
    assert_eq!(done.verdict("unreached"), "unreached");
    assert!(runs(root.path()).len() == 3, "{:?}", runs(root.path()));
    assert!(
        done.journal
            .said
            .iter()
            .any(|line| line.contains("web is unavailable"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unit_tests_are_not_put_to_the_proof() {
    let root = tempfile::tempdir().unwrap();
    let mut project = testbed(root.path(), "json", &["proven"]);
    project.suites[0].kind = SuiteKind::Unit;
    let done = executed(&project).await;
    assert_eq!(done.verdict("proven"), "not-applicable");
    assert_eq!(runs(root.path()).len(), 2);
    assert!(!done.execution().green, "nothing was examined");
}

#[tokio::test(flavor = "multi_thread")]
async fn finished_acts_are_not_repeated() {
    let root = tempfile::tempdir().unwrap();
    let mut project = testbed(root.path(), "json", &["proven", "vacuous"]);
    project.suites[0].workers = 1;
    let mut journal = selected(&project).await.unwrap();
    let before = facts(&journal.bodies);
    let stage = ExecuteStage::new(project);
    // The disk is full after the fourth act: three first attempts and one blackout.
    journal.room = Some(4);
    let error = stage.run(&before, &mut journal).await.unwrap_err();
    assert!(matches!(error, StageError::Record(_)), "{error:?}");
    let ran = runs(root.path());
    assert_eq!(
        ran.len(),
        5,
        "the one that could not be recorded ran, too: {ran:?}"
    );

    journal.room = None;
    stage.run(&before, &mut journal).await.unwrap();
    let facts = facts(&journal.bodies);
    let execution = facts.execution.unwrap();
    assert_eq!(execution.totals.proven, 2, "{execution:#?}");
    // In all: three first, four blackouts (one service each, two for one), two confirming;
    // the one in doubt is run again.
    let ran = runs(root.path());
    assert_eq!(ran.len(), 3 + 4 + 2 + 1, "{ran:?}");
    assert_eq!(facts.attempts.len(), 9);

    // A third time nothing is left to do.
    stage.run(&before, &mut journal).await.unwrap();
    assert_eq!(runs(root.path()), ran);
}

#[tokio::test(flavor = "multi_thread")]
async fn selection_is_ordered_and_explained() {
    let root = tempfile::tempdir().unwrap();
    let project = testbed(root.path(), "json", &[]);
    let journal = selected(&project).await.unwrap();
    let selection = facts(&journal.bodies).selection.unwrap();
    let names: Vec<_> = selection
        .tests
        .iter()
        .map(|test| test.case.name.as_str())
        .collect();
    assert_eq!(names.last(), Some(&"fails"), "P2 comes last: {names:?}");
    assert_eq!(selection.listed, 10);
    assert_eq!(selection.left_out[0].0.as_str(), "e2e/ignored");
    assert_eq!(selection.tests[0].reason, "P1, covers api");
}

async fn refused(change: impl FnOnce(&mut Project)) -> (u8, String) {
    let root = tempfile::tempdir().unwrap();
    let mut project = testbed(root.path(), "json", &[]);
    change(&mut project);
    let error = selected(&project).await.err().unwrap();
    (error.exit_code(), error.to_string())
}

#[tokio::test]
async fn what_cannot_be_selected_is_named() {
    let (code, text) = refused(|project| project.suites[0].command[1] = "empty".to_owned()).await;
    assert_eq!(code, 3);
    assert!(
        text.starts_with("suite e2e: `") && text.ends_with("lists no tests"),
        "{text}"
    );

    let (code, text) =
        refused(|project| project.suites[0].command = vec!["no-such-program".to_owned()]).await;
    assert_eq!(
        (code, text.as_str()),
        (3, "suite e2e: cannot start no-such-program")
    );

    let (code, text) = refused(|project| project.suites[0].command[1] = "broken".to_owned()).await;
    assert_eq!(code, 3);
    assert!(
        text.ends_with("listed nothing: error: cannot load the tests"),
        "{text}"
    );

    let (code, text) = refused(|project| project.suites[0].runner = "pytest".to_owned()).await;
    assert_eq!(
        (code, text.as_str()),
        (2, "suite e2e: there is no runner \"pytest\"")
    );

    let (code, text) = refused(|project| project.suites[0].default = false).await;
    assert_eq!((code, text.as_str()), (2, "no suite is part of every run"));

    let (code, text) = refused(|project| project.suites[0].only = vec!["nowhere".to_owned()]).await;
    assert_eq!(
        (code, text.as_str()),
        (3, "none of 10 listed tests is left to run")
    );
}

#[tokio::test]
async fn an_unknown_service_in_a_variable_is_a_wrong_configuration() {
    let root = tempfile::tempdir().unwrap();
    let mut project = testbed(root.path(), "json", &["proven"]);
    let mut journal = selected(&project).await.unwrap();
    project.suites[0]
        .env
        .insert("DB_URL".to_owned(), "{service.db.url}".to_owned());
    let before = facts(&journal.bodies);
    let error = ExecuteStage::new(project)
        .run(&before, &mut journal)
        .await
        .unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("DB_URL"), "{error}");
    assert!(runs(root.path()).is_empty());
}
