//! Drives the binary as a user would, and reads what it left behind.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "it only helps tests")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The binary under test.
pub(crate) fn assay() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
    command.env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// A folder for one project, and the promise that nothing of it runs any more when it is gone.
pub(crate) struct Scratch {
    folder: tempfile::TempDir,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::Builder::new()
                .prefix("assay-test-")
                .tempdir()
                .unwrap(),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("p")
    }

    /// `assay -C FOLDER ARGS…`, run to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        assay()
            .arg("-C")
            .arg(self.path())
            .args(args)
            .output()
            .unwrap()
    }

    /// `assay -C FOLDER ARGS…`, started.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        assay()
            .arg("-C")
            .arg(self.path())
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// The demo, run to its end.
    pub(crate) fn demo(&self, args: &[&str]) -> Output {
        self.demo_command(args).output().unwrap()
    }

    /// The demo, started.
    pub(crate) fn start_demo(&self, args: &[&str]) -> Child {
        self.demo_command(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn demo_command(&self, args: &[&str]) -> Command {
        let mut command = assay();
        // An empty folder far from the checkout.
        command.current_dir(self.folder.path());
        command.arg("demo").arg("--dir").arg(self.path()).args(args);
        command
    }

    /// Events of the last run, as `assay show` gives them.
    pub(crate) fn events(&self) -> Vec<Value> {
        let output = self.run(&["show", "--format", "jsonl"]);
        assert!(output.status.success(), "{}", text(&output));
        let lines = String::from_utf8(output.stdout).unwrap();
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Rows in the journal, 0 while there is none.
    pub(crate) fn journal_rows(&self) -> u64 {
        let path = self.path().join(".assay/journal.db");
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let Ok(db) = rusqlite::Connection::open_with_flags(path, flags) else {
            return 0;
        };
        // Between the file and its first table there is a moment in which reading fails.
        let rows: i64 = db
            .query_row("select count(*) from event", [], |row| row.get(0))
            .unwrap_or(0);
        u64::try_from(rows).unwrap()
    }

    /// Waits until the journal holds `rows`, while `child` still runs.
    pub(crate) fn wait_for_rows(&self, child: &mut Child, rows: u64) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.journal_rows() < rows {
            assert!(
                child.try_wait().unwrap().is_none(),
                "ended before {rows} events"
            );
            assert!(
                Instant::now() < deadline,
                "no {rows} events within a minute"
            );
            std::thread::yield_now();
        }
    }

    /// Renames in every file of the project, in contents and in paths.
    pub(crate) fn rewrite(&self, rename: &dyn Fn(&str) -> String) {
        let root = self.path();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                if entry.file_name() == ".git" || entry.file_name() == ".assay" {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let relative = path
                    .strip_prefix(&root)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned();
                let text = std::fs::read_to_string(&path).unwrap();
                std::fs::remove_file(&path).unwrap();
                let to = root.join(rename(&relative));
                std::fs::create_dir_all(to.parent().unwrap()).unwrap();
                std::fs::write(to, rename(&text)).unwrap();
            }
        }
    }

    /// Command lines of live processes that run in, or on behalf of, this folder.
    pub(crate) fn processes(&self) -> Vec<String> {
        let folder = self.folder.path().canonicalize().unwrap();
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let process = entry.path();
            let Ok(line) = std::fs::read(process.join("cmdline")) else {
                continue;
            };
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            let inside =
                std::fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(&folder));
            if !line.is_empty() && (inside || line.contains(&*folder.to_string_lossy())) {
                found.push(line);
            }
        }
        found
    }

    /// Waits until nothing runs for this folder any more; names what does if it takes too long.
    pub(crate) fn expect_no_process(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !self.processes().is_empty() {
            assert!(
                Instant::now() < deadline,
                "still running: {:#?}",
                self.processes()
            );
            std::thread::yield_now();
        }
    }
}

impl Drop for Scratch {
    /// A test that failed half-way must not leave a platform behind.
    fn drop(&mut self) {
        if self.path().join("assay.toml").exists() {
            drop(self.run(&["down"]));
        }
    }
}

/// A port that nobody's outgoing connection takes in the meantime: below the range from which
/// Linux takes those.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + u16::try_from(std::process::id() % 20_000).unwrap();
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Everything that a command printed, for messages.
pub(crate) fn text(output: &Output) -> String {
    format!(
        "{}\n--- stdout\n{}\n--- stderr\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Bodies of one kind, in order.
pub(crate) fn bodies<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events
        .iter()
        .map(|event| &event["body"])
        .filter(|body| body["kind"] == kind)
        .collect()
}

/// What a run found and did, without times, counts and names that chance decides.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Essence {
    pub(crate) end: String,
    pub(crate) rollouts: Vec<String>,
    pub(crate) serving: BTreeMap<String, String>,
    /// Per judgement: test → outcome and verdict.
    pub(crate) judgements: Vec<BTreeMap<String, String>>,
    pub(crate) causes: Vec<String>,
    pub(crate) remedies: Vec<String>,
    pub(crate) reproductions: Vec<String>,
    pub(crate) stable: Vec<String>,
}

impl Essence {
    pub(crate) fn of(events: &[Value]) -> Self {
        let mut serving = BTreeMap::new();
        let mut rollouts = Vec::new();
        for body in bodies(events, "rollout_finished") {
            let rollout = &body["rollout"];
            let service = rollout["request"]["service"].as_str().unwrap().to_owned();
            let revision = rollout["revision"].as_str().unwrap().to_owned();
            rollouts.push(format!("{service} {revision} {}", rollout["outcome"]));
            if rollout["outcome"] == "succeeded" || rollout["outcome"] == "unverified" {
                serving.insert(service, revision);
            }
        }
        let mut causes: Vec<String> = bodies(events, "diagnosed")
            .iter()
            .flat_map(|body| body["diagnosis"]["causes"].as_array().unwrap())
            .map(|cause| format!("{} {} {}", cause["id"], cause["class"], cause["defect"]))
            .collect();
        causes.dedup();
        Self {
            end: bodies(events, "run_finished")
                .first()
                .map(|body| body["end"].as_str().unwrap().to_owned())
                .unwrap_or_default(),
            rollouts,
            serving,
            judgements: bodies(events, "execution_judged")
                .iter()
                .map(|body| judgement(body))
                .collect(),
            causes,
            remedies: bodies(events, "remedy_planned")
                .iter()
                .map(|body| body["remedy"]["action"]["action"].to_string())
                .collect(),
            reproductions: bodies(events, "reproduced")
                .iter()
                .map(|body| {
                    format!(
                        "{} {}",
                        body["run"]["check"]["revision"], body["run"]["failed"]
                    )
                })
                .collect(),
            stable: bodies(events, "stability_judged")
                .iter()
                .map(|body| body["report"]["stable"].to_string())
                .collect(),
        }
    }
}

fn judgement(body: &Value) -> BTreeMap<String, String> {
    let tests = body["execution"]["tests"].as_array().unwrap();
    tests
        .iter()
        .map(|test| {
            let name = test["test"].as_str().unwrap().to_owned();
            (name, format!("{} {}", test["outcome"], test["verdict"]))
        })
        .collect()
}
