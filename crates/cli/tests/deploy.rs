//! Roll-outs from the command line: what a gate refuses never stays, also when assay is killed.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use rustix::process::{Pid, Signal, kill_process};
use support::{Scratch, bodies, text};

/// A project whose good revision serves and whose checked-out one cannot start; the old process is
/// stopped before the new one is started.
fn recreated() -> Scratch {
    let scratch = Scratch::new();
    let output = scratch.demo(&["--incident", "gate-holds", "--small", "--prepare"]);
    assert!(output.status.success(), "{}", text(&output));
    let path = scratch.path().join("assay.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, config.replace("blue-green", "recreate")).unwrap();
    let output = scratch.run(&["deploy", "--commit", "HEAD~1"]);
    assert!(output.status.success(), "{}", text(&output));
    scratch
}

fn expect_old_revision(scratch: &Scratch) {
    let rollouts = scratch.events();
    let rollout = bodies(&rollouts, "rollout_finished")[0]["rollout"].clone();
    assert_eq!(rollout["outcome"], "rolled_back", "{rollout:#}");
    let output = scratch.run(&["ready", "--format", "json"]);
    assert!(output.status.success(), "{}", text(&output));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let services = found["services"].as_array().unwrap();
    let backend = services
        .iter()
        .find(|health| health["name"] == "backend")
        .unwrap();
    assert_eq!(backend["revision"], rollout["previous"]);
    assert!(scratch.run(&["down"]).status.success());
    scratch.expect_no_process();
}

#[test]
fn a_refused_revision_gives_way_to_the_old_one() {
    let scratch = recreated();
    let output = scratch.run(&["deploy", "backend"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("exit code 3"), "{}", text(&output));
    expect_old_revision(&scratch);
}

#[test]
fn killed_at_its_gate_it_still_gives_way() {
    let scratch = recreated();
    let before = scratch.journal_rows();
    let mut deploy = scratch.start(&["deploy", "backend"]);
    // Start, history, step, two events of the build, intent of the roll-out.
    scratch.wait_for_rows(&mut deploy, before + 7);
    kill_process(Pid::from_child(&deploy), Signal::KILL).unwrap();
    deploy.wait().unwrap();
    let output = scratch.run(&["resume"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    expect_old_revision(&scratch);
}

#[test]
fn a_lost_supervisor_is_made_up_for() {
    let scratch = Scratch::new();
    let mut demo = scratch.start_demo(&["--small"]);
    scratch.wait_for_rows(&mut demo, 60);
    kill_process(Pid::from_child(&demo), Signal::KILL).unwrap();
    demo.wait().unwrap();
    // Nothing of the platform is left when its supervisor goes.
    assert!(scratch.run(&["down"]).status.success());
    scratch.expect_no_process();
    let output = scratch.run(&["resume"]);
    assert!(output.status.success(), "{}", text(&output));
    scratch.expect_no_process();
}

#[test]
fn one_run_at_a_time_acts() {
    let scratch = Scratch::new();
    let mut demo = scratch.start_demo(&["--small"]);
    scratch.wait_for_rows(&mut demo, 10);
    let output = scratch.run(&["deploy", "backend"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(text(&output).contains("another assay"), "{}", text(&output));
    assert!(demo.wait().unwrap().success());
}

#[test]
fn an_unknown_commit_is_wrong_usage() {
    let scratch = Scratch::new();
    assert!(scratch.demo(&["--prepare"]).status.success());
    let output = scratch.run(&["deploy", "--commit", "nosuch"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("nosuch"), "{}", text(&output));
}
