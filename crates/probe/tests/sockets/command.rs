//! Programs as probes.

use std::path::Path;
use std::time::{Duration, Instant};

use assay_model::{CommandProbe, Health, ProbeKind, Status};
use tempfile::TempDir;

use crate::support::{SHORT_MS, ask, expect, target};

/// A project with one script, `check.sh`, and a shell of its own: a file that was only just
/// written cannot be executed while another test forks.
fn project(script: &str) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("check.sh"), script).unwrap();
    std::os::unix::fs::symlink("/bin/sh", root.path().join("sh")).unwrap();
    root
}

async fn run(root: &Path, command: &[&str], timeout_ms: u64) -> (Health, String) {
    let kind = ProbeKind::Command(CommandProbe {
        command: command.iter().map(|&word| word.to_owned()).collect(),
        exit: 0,
        degraded_exit: Some(3),
    });
    let mut target = target("", kind, timeout_ms);
    target.probe.degraded_ms = timeout_ms;
    ask(&target, root).await
}

async fn check(script: &str, status: Status, detail: &str) -> String {
    let root = project(script);
    let (health, exchange) = run(root.path(), &["./sh", "check.sh", "a b"], 5000).await;
    assert_eq!(health.status, status, "{health:?}\n{exchange}");
    expect(&health, status, detail);
    exchange
}

#[tokio::test]
async fn exits_are_told_apart() {
    use Status::{Degraded, Healthy, Unavailable, Unreachable};
    let exchange = check("echo \"<$1>\"; pwd", Healthy, "exit code 0 in").await;
    assert!(exchange.contains("<a b>"), "{exchange}");
    check("test -f check.sh", Healthy, "exit code 0").await;
    let detail = "exit code 3 means degraded: slow";
    check("echo slow; exit 3", Degraded, detail).await;
    let detail = "exit code 7, expected 0: it broke";
    let script = "echo fine; echo it broke >&2; exit 7";
    check(script, Unavailable, detail).await;
    check("kill -9 $$", Unavailable, "ended by signal 9").await;
    let root = project("");
    let (health, _) = run(root.path(), &["no-such-program"], 5000).await;
    expect(&health, Unreachable, "no such program `no-such-program`");
    let (health, _) = run(root.path(), &["./none.sh"], 5000).await;
    expect(&health, Unreachable, "no such program `./none.sh`");
    std::fs::write(root.path().join("plain"), "").unwrap();
    let (health, _) = run(root.path(), &["./plain"], 5000).await;
    expect(&health, Unreachable, "`./plain` may not be executed");
    let (health, _) = run(root.path(), &[], 5000).await;
    expect(&health, Unreachable, "the command is empty");
}

/// Whether a process with this id still runs; a zombie does not.
fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

async fn wait_for_end(pid: &str) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while runs(pid) {
        assert!(Instant::now() < deadline, "{pid} still runs");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn the_whole_group_ends_at_the_deadline() {
    let root = project("sleep 60 & echo $! > child; echo working; wait");
    let (health, exchange) = run(root.path(), &["./sh", "check.sh"], SHORT_MS).await;
    expect(&health, Status::Unreachable, "did not end within 300 ms");
    assert!(health.latency_ms < 5000, "{health:?}");
    assert!(exchange.contains("working"), "{exchange}");
    let child = std::fs::read_to_string(root.path().join("child")).unwrap();
    wait_for_end(&child).await;
}

#[tokio::test]
async fn what_a_program_leaves_behind_does_not_hold_it_up() {
    let root = project("sleep 60 & echo $! > child; echo done");
    let (health, _) = run(root.path(), &["./sh", "check.sh"], 5000).await;
    expect(&health, Status::Healthy, "exit code 0");
    let child = std::fs::read_to_string(root.path().join("child")).unwrap();
    wait_for_end(&child).await;
}

#[tokio::test]
async fn a_torrent_of_output_is_cut_and_does_not_block() {
    let script = "head -c 3000000 /dev/zero; echo >&2; exit 1";
    let exchange = check(script, Status::Unavailable, "exit code 1").await;
    assert!(exchange.len() < 80_000 && exchange.contains("[cut at 65536 bytes]"));
}
