//! The servers are there while somebody wants them, and gone when nobody does.

#![expect(clippy::unwrap_used, reason = "a test program fails loudly")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// How long all servers may take to end.
const END_MAX: Duration = Duration::from_secs(30);

/// `xtask servers`, and where its servers have their files.
struct Started {
    xtask: Child,
    folder: PathBuf,
    /// Kept open, so that a later word of the guard does not fail.
    output: BufReader<ChildStdout>,
}

fn start() -> Started {
    let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .arg("servers")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(xtask.stdout.take().unwrap());
    let mut said = String::new();
    while !said.ends_with("# ready\n") {
        assert!(output.read_line(&mut said).unwrap() > 0, "{said}");
    }
    assert!(!said.contains("# failed"), "{said}");
    let authority = said
        .lines()
        .find_map(|line| line.strip_prefix("export ASSAY_TEST_TLS_CA='"))
        .unwrap();
    let file = Path::new(authority.trim_end_matches('\''));
    assert!(file.is_file(), "{said}");
    let folder = file.parent().and_then(Path::parent).unwrap().to_owned();
    Started {
        xtask,
        folder,
        output,
    }
}

/// Waits until nothing of the servers is left.
fn check_gone(started: Started) {
    let Started {
        mut xtask,
        folder,
        output,
    } = started;
    let since = Instant::now();
    while folder.exists() || !processes_in(&folder).is_empty() {
        let left = processes_in(&folder);
        assert!(
            since.elapsed() < END_MAX,
            "{} has {left:?}",
            folder.display()
        );
        std::thread::yield_now();
    }
    xtask.wait().unwrap();
    drop(output);
}

/// Command lines that name the folder.
fn processes_in(folder: &Path) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let command_lines = processes.filter_map(|process| {
        let arguments = std::fs::read(process.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&arguments).replace('\0', " "))
    });
    let folder = folder.display().to_string();
    command_lines
        .filter(|line| line.contains(&format!("{folder}/")))
        .collect()
}

#[test]
fn real_servers_end_when_standard_input_closes() {
    let mut started = start();
    assert!(!processes_in(&started.folder).is_empty());
    drop(started.xtask.stdin.take());
    check_gone(started);
}

#[test]
fn real_servers_end_when_their_owner_is_killed() {
    let mut started = start();
    started.xtask.kill().unwrap();
    check_gone(started);
}
