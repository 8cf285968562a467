//! The adapter against Rust's own harness (this very program) and against programs that
//! misbehave.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use assay_model::{Outcome, Suite};
use assay_suite::libtest::{Format, Libtest, RawAttempt};
use support::{TESTBED, suite};

/// What the real harness is asked to run. They do nothing when this program runs by itself.
mod sample {
    fn asked(what: &str) -> bool {
        std::env::var("SAMPLE").is_ok_and(|sample| sample == what)
    }

    #[test]
    #[expect(clippy::exit, reason = "ending without a result is what is shown here")]
    fn reacts() {
        println!("a line of its own");
        print!("half a line");
        assert!(!asked("fails"), "it was asked to fail");
        if asked("dies") {
            std::process::abort();
        }
        if asked("exits") {
            std::process::exit(0);
        }
        if asked("hangs") {
            std::thread::park_timeout(std::time::Duration::from_secs(120));
        }
    }

    #[test]
    #[should_panic(expected = "on purpose")]
    fn panics_on_purpose() {
        panic!("on purpose");
    }

    #[test]
    #[ignore = "never"]
    fn is_ignored() {}
}

fn this_program() -> Suite {
    let program = std::env::current_exe().unwrap();
    suite("own", &[program.to_str().unwrap()])
}

async fn run_own(name: &str, sample: &str, timeout: Duration) -> RawAttempt {
    let (runner, _) = Libtest::open(&this_program(), Path::new("/"))
        .await
        .unwrap();
    let env = BTreeMap::from([("SAMPLE".to_owned(), sample.to_owned())]);
    runner.run(name, &env, timeout).await.unwrap()
}

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn the_real_harness_is_listed() {
    let (runner, cases) = Libtest::open(&this_program(), Path::new("/"))
        .await
        .unwrap();
    assert_eq!(runner.format(), Format::Plain);
    let case = |name: &str| cases.iter().find(|case| case.name == name).unwrap();
    assert!(!case("sample::reacts").ignored);
    assert!(case("sample::is_ignored").ignored);
    assert_eq!(case("sample::reacts").id.as_str(), "own/sample::reacts");
    assert_eq!(case("sample::reacts").priority.level(), 3);
    assert_eq!(case("sample::reacts").services, ["api".into()]);
}

async fn check_own(name: &str, sample: &str, outcome: Outcome, message: Option<&str>) {
    let attempt = run_own(name, sample, LONG).await;
    let output = String::from_utf8_lossy(&attempt.output).into_owned();
    assert_eq!(attempt.outcome, outcome, "{output}");
    assert_eq!(attempt.message.as_deref(), message, "{output}");
    assert_eq!((attempt.assertions, attempt.connects), (None, None));
}

#[tokio::test]
async fn the_real_harness_is_understood() {
    check_own("sample::reacts", "", Outcome::Passed, None).await;
    check_own("sample::panics_on_purpose", "", Outcome::Passed, None).await;
    let message = Some("it was asked to fail");
    check_own("sample::reacts", "fails", Outcome::Failed, message).await;
    check_own("sample::is_ignored", "", Outcome::Skipped, None).await;
    let message = Some("no test ran; the runner ended with exit code 0");
    check_own("sample::rea", "", Outcome::NotRun, message).await;
    let message = Some("the runner ended with signal 6 before the test had finished");
    check_own("sample::reacts", "dies", Outcome::NotRun, message).await;
    let message = Some("the runner ended with exit code 0 before the test had finished");
    check_own("sample::reacts", "exits", Outcome::NotRun, message).await;
}

#[tokio::test]
async fn a_test_that_hangs_is_timed_out() {
    let attempt = run_own("sample::reacts", "hangs", Duration::from_millis(300)).await;
    assert_eq!(attempt.outcome, Outcome::TimedOut);
    assert_eq!(attempt.message.as_deref(), Some("did not end in time"));
    assert!(attempt.duration_ms >= 300 && attempt.duration_ms < 20_000);
    assert!(String::from_utf8_lossy(&attempt.output).contains("a line of its own"));
}

async fn hostile(name: &str, timeout: Duration, runs: &Path) -> RawAttempt {
    let suite = suite("hostile", &[TESTBED, "hostile"]);
    let (runner, cases) = Libtest::open(&suite, Path::new("/")).await.unwrap();
    assert_eq!((runner.format(), cases.len()), (Format::Json, 9));
    let env = BTreeMap::from([("RUNS_FILE".to_owned(), runs.display().to_string())]);
    runner.run(name, &env, timeout).await.unwrap()
}

async fn check_hostile(name: &str, outcome: Outcome) {
    let dir = tempfile::tempdir().unwrap();
    let attempt = hostile(name, LONG, &dir.path().join("runs")).await;
    assert_eq!(attempt.outcome, outcome, "{name}: {:?}", attempt.message);
    assert_eq!(attempt.message.is_none(), outcome == Outcome::Passed);
    assert!(
        attempt.output.len() < 3 * 1024 * 1024,
        "{name}: {} bytes",
        attempt.output.len()
    );
}

#[tokio::test]
async fn hostile_programs_never_pass_by_accident() {
    check_hostile("dies_early", Outcome::NotRun).await;
    check_hostile("dies_midway", Outcome::NotRun).await;
    check_hostile("runs_nothing", Outcome::NotRun).await;
    check_hostile("lies_about_counts", Outcome::Errored).await;
    check_hostile("lies_about_the_code", Outcome::Errored).await;
    check_hostile("floods", Outcome::Passed).await;
    check_hostile("invalid_utf8", Outcome::Passed).await;
}

#[tokio::test]
async fn a_hostile_program_is_killed_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let attempt = hostile(
        "hangs",
        Duration::from_millis(300),
        &dir.path().join("runs"),
    )
    .await;
    assert_eq!(attempt.outcome, Outcome::TimedOut);
    assert!(attempt.duration_ms < 20_000);
}

#[tokio::test]
async fn what_a_test_leaves_behind_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("runs");
    let attempt = hostile("leaves_a_child", LONG, &file).await;
    assert_eq!(attempt.outcome, Outcome::Passed, "{:?}", attempt.message);
    let pid = std::fs::read_to_string(file)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let watch = assay_world::clock::Stopwatch::start();
    while assay_world::identity(pid).is_some() {
        assert!(watch.elapsed() < LONG, "process {pid} is still there");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
