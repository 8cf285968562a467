//! Tools that are there, and those that only look so.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use assay_doctor::{Checked, Machine, Status, Subject};

use crate::project::{self, look, program};

/// A machine whose `PATH` is `bin`, for a project beside it in `shop`.
fn machine(dir: &Path) -> Machine {
    let root = dir.join("shop");
    fs::create_dir(&root).unwrap();
    Machine {
        path: vec![dir.join("bin")],
        ..project::machine(&root)
    }
}

fn git() -> Subject {
    tool("git", None)
}

fn tool(id: &str, program: Option<&str>) -> Subject {
    Subject::Tool {
        id: id.to_owned(),
        program: program.map(str::to_owned),
        folders: vec!["web".to_owned(), ".".to_owned()],
    }
}

/// Makes `bin/git` and looks at it.
async fn check(make: impl FnOnce(&Path), status: Status, detail: &str) -> Checked {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("bin")).unwrap();
    make(&dir.path().join("bin/git"));
    let checked = look(git(), &machine(dir.path())).await;
    told(&checked, status, detail);
    checked
}

#[track_caller]
fn told(checked: &Checked, status: Status, detail: &str) {
    assert_eq!(checked.status, status, "{checked:?}");
    assert_eq!(checked.detail.as_deref().unwrap_or(""), detail);
    assert_eq!(
        checked.advice.is_empty(),
        status == Status::Ok,
        "{checked:?}"
    );
    assert_eq!(checked.blocking, status.is_problem());
}

fn script(body: &str) -> impl FnOnce(&Path) {
    move |path| program(path, &format!("#!/bin/sh\n{body}\n"))
}

#[tokio::test]
async fn a_tool_that_answers_is_there() {
    let checked = check(script("echo git version 2.47.3"), Status::Ok, "").await;
    assert_eq!(checked.found.as_deref(), Some("2.47.3"));
    assert!(checked.path.unwrap().ends_with("bin/git"));
    assert!(checked.required.unwrap().starts_with("2.32 or later: "));
    assert_eq!(checked.why, ["[suite.e2e] command"]);
    assert_eq!(checked.required_for, ["executing suite e2e"]);
    check(script("echo git version 2.40.0 >&2"), Status::Ok, "").await;
}

#[tokio::test]
async fn an_old_one_is_too_old() {
    let checked = check(
        script("echo git version 1.8.3"),
        Status::TooOld,
        "git 1.8.3 is before 2.32",
    )
    .await;
    assert_eq!(checked.found.as_deref(), Some("1.8.3"));
    assert_eq!(checked.advice[0], "sudo apt-get install -y git");
    assert!(checked.advice[1].contains("https://git-scm.com"));
}

#[tokio::test]
async fn one_that_is_not_there_is_missing() {
    let missing = "git is in no folder of PATH";
    let checked = check(|_| {}, Status::Missing, missing).await;
    assert_eq!(checked.advice, ["sudo apt-get install -y git"]);
}

#[tokio::test]
async fn what_is_no_program_is_named() {
    let plain = |path: &Path| fs::write(path, "x").unwrap();
    let not_executable = "is not executable for this user";
    let checked = check(plain, Status::NotPermitted, not_executable).await;
    let command = format!("chmod +x {}", checked.path.unwrap().display());
    assert_eq!(checked.advice[0], command);
    check(
        |path| fs::create_dir(path).unwrap(),
        Status::Broken,
        "is a folder",
    )
    .await;
    check(
        |path| symlink("/no/such", path).unwrap(),
        Status::Broken,
        "is a broken symbolic link to /no/such",
    )
    .await;
    check(
        |path| program(path, "#!/no/such\n"),
        Status::Broken,
        "is a script whose interpreter /no/such is missing",
    )
    .await;
    check(
        |path| program(path, "\u{1}\u{2}garbage"),
        Status::Broken,
        "is not a program that this system can run",
    )
    .await;
}

#[tokio::test]
async fn what_it_says_instead_of_a_version_is_told() {
    check(
        script("echo; printf 'it\\033[1m is\\t me\\n'; echo more"),
        Status::Unknown,
        "asked for its version, it says: it[1m is me",
    )
    .await;
    check(
        script("/usr/bin/head -c 1000 /dev/zero"),
        Status::Unknown,
        "asked for its version, it says nothing",
    )
    .await;
    check(
        script("exit 0"),
        Status::Unknown,
        "asked for its version, it says nothing",
    )
    .await;
    let long = "x".repeat(120);
    check(
        script(&format!("echo {long}y")),
        Status::Unknown,
        &format!("asked for its version, it says: {long}…"),
    )
    .await;
}

#[tokio::test]
async fn one_that_fails_is_broken_even_with_a_version() {
    check(
        script("echo git version 2.47.3; echo at line 3 >&2; echo no disk >&2; exit 3"),
        Status::Broken,
        "asked for its version, it ends with exit code 3: git version 2.47.3",
    )
    .await;
    check(
        script("echo first >&2; echo last >&2; exit 1"),
        Status::Broken,
        "asked for its version, it ends with exit code 1: last",
    )
    .await;
    check(
        script("kill -11 $$"),
        Status::Broken,
        "asked for its version, it ends with signal 11",
    )
    .await;
}

#[tokio::test]
async fn one_that_hangs_is_cut_off_with_its_children() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    program(
        &dir.path().join("bin/git"),
        &format!(
            "#!/bin/sh\n/bin/sleep 600 & echo $! > {}\nwait\n",
            pid.display()
        ),
    );
    let mut machine = machine(dir.path());
    machine.deadline = Duration::from_millis(500);
    let checked = look(git(), &machine).await;
    let late = "asked for its version, it does not answer within 0.5 s";
    told(&checked, Status::Broken, late);
    let pid: u32 = fs::read_to_string(pid).unwrap().trim().parse().unwrap();
    tokio::time::timeout(Duration::from_secs(10), async {
        while assay_world::identity(pid).is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("the child of a tool that hangs is killed");
}

#[tokio::test]
async fn many_that_hang_cost_one_deadline() {
    let dir = tempfile::tempdir().unwrap();
    let ids = ["git", "docker", "node", "npm", "cargo", "go"];
    for id in ids {
        let path = dir.path().join("bin").join(id);
        program(&path, "#!/bin/sh\nexec /bin/sleep 600\n");
    }
    let mut machine = machine(dir.path());
    machine.deadline = Duration::from_secs(1);
    let started = std::time::Instant::now();
    let all = ids.map(|id| look(tool(id, None), &machine));
    for checked in futures_util::future::join_all(all).await {
        assert_eq!(checked.status, Status::Broken, "{checked:?}");
    }
    assert!(started.elapsed() < Duration::from_secs(4));
}

/// A Python that answers both questions; without `pytest` where `version` is `None`.
fn python(path: &Path, version: Option<&str>) {
    let pytest = match version {
        Some(version) => format!("echo pytest {version}"),
        None => "echo \"ModuleNotFoundError: No module named 'pytest'\" >&2; exit 1".to_owned(),
    };
    let text =
        format!("#!/bin/sh\ncase $1 in --version) echo Python 3.11.2;; -c) {pytest};; esac\n");
    program(path, &text);
}

fn does_not_have_it(dir: &tempfile::TempDir, program: &str) -> String {
    let path = dir.path().join("bin").join(program);
    format!("{} does not have it", path.display())
}

#[tokio::test]
async fn an_environment_beside_the_project_is_preferred() {
    let dir = tempfile::tempdir().unwrap();
    let machine = machine(dir.path());
    python(&dir.path().join("bin/python3"), Some("8.0.0"));
    python(&machine.root.join(".venv/bin/python3"), Some("7.4.4"));
    let checked = look(tool("pytest", None), &machine).await;
    assert_eq!(checked.found.as_deref(), Some("7.4.4"));
    assert!(checked.path.unwrap().ends_with(".venv/bin/python3"));
    // One nearer to the tests wins.
    python(&machine.root.join("web/venv/bin/python"), Some("7.0.0"));
    let checked = look(tool("pytest", None), &machine).await;
    assert_eq!(checked.found.as_deref(), Some("7.0.0"));
    // The configuration has the last word.
    let checked = look(tool("pytest", Some("python3")), &machine).await;
    assert_eq!(checked.found.as_deref(), Some("8.0.0"));
}

#[tokio::test]
async fn an_environment_without_the_module_says_how_to_get_it_there() {
    let dir = tempfile::tempdir().unwrap();
    let machine = machine(dir.path());
    python(&machine.root.join(".venv/bin/python3"), None);
    python(&dir.path().join("bin/python3"), None);
    let checked = look(tool("pytest", None), &machine).await;
    told(
        &checked,
        Status::Missing,
        ".venv/bin/python3 does not have it",
    );
    let command = ".venv/bin/python3 -m pip install 'pytest>=6.2.5'";
    assert_eq!(checked.advice, [command]);
    let checked = look(tool("pytest", Some("python3")), &machine).await;
    told(
        &checked,
        Status::Missing,
        &does_not_have_it(&dir, "python3"),
    );
    assert_eq!(
        checked.advice[0],
        "name .venv/bin/python3 instead of python3 in the command"
    );
}

#[tokio::test]
async fn an_environment_whose_python_is_gone_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let machine = machine(dir.path());
    fs::create_dir_all(machine.root.join(".venv/bin")).unwrap();
    symlink("/no/such/python3.8", machine.root.join(".venv/bin/python3")).unwrap();
    python(&dir.path().join("bin/python3"), None);
    let checked = look(tool("python3", None), &machine).await;
    let broken = "is a broken symbolic link to /no/such/python3.8";
    told(&checked, Status::Broken, broken);
    let again = "python3 -m venv --clear .venv".to_owned();
    assert!(checked.advice.contains(&again), "{:?}", checked.advice);
}

#[tokio::test]
async fn the_real_python_tells_whether_it_has_pytest() {
    let dir = tempfile::tempdir().unwrap();
    // Neither of these may be taken for pytest, or run.
    fs::write(dir.path().join("pytest.py"), "__version__ = '99.0.0'").unwrap();
    fs::write(dir.path().join("conftest.py"), "open('ran', 'w')").unwrap();
    let machine = Machine::here(dir.path(), &dir.path().join(".assay"));
    let python = look(tool("python3", None), &machine).await;
    assert_eq!(python.status, Status::Ok, "{python:?}");
    let pytest = look(tool("pytest", None), &machine).await;
    assert!(
        matches!(pytest.status, Status::Ok | Status::Missing),
        "{pytest:?}"
    );
    assert_ne!(pytest.found.as_deref(), Some("99.0.0"));
    assert!(!dir.path().join("ran").exists());
}

#[tokio::test]
async fn programs_of_the_project_are_never_run() {
    let dir = tempfile::tempdir().unwrap();
    let machine = machine(dir.path());
    let ran = dir.path().join("ran");
    let text = format!("#!/bin/sh\necho > {}\n", ran.display());
    program(&machine.root.join("tools/git"), &text);
    program(&machine.root.join("tools/e2e"), &text);
    let checked = look(tool("git", Some("./tools/git")), &machine).await;
    let own = "the project's own, so not asked for its version";
    told(&checked, Status::Ok, own);
    let it = |program: &str| Subject::Program {
        program: program.to_owned(),
    };
    told(&look(it("./tools/e2e"), &machine).await, Status::Ok, "");
    assert!(!ran.exists());
    told(
        &look(it("./tools/none"), &machine).await,
        Status::Missing,
        "there is no such file",
    );
    told(
        &look(it("none"), &machine).await,
        Status::Missing,
        "it is in no folder of PATH",
    );
    let path = machine.root.join("tools/e2e");
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    let checked = look(it("./tools/e2e"), &machine).await;
    told(
        &checked,
        Status::NotPermitted,
        "is not executable for this user",
    );
    assert_eq!(checked.advice, ["chmod +x tools/e2e"]);
}

#[tokio::test]
async fn playwright_is_asked_where_it_lies() {
    let dir = tempfile::tempdir().unwrap();
    let machine = machine(dir.path());
    let npx = "#!/bin/sh\necho 'npm error npx canceled due to missing packages' >&2; exit 1\n";
    program(&dir.path().join("bin/npx"), npx);
    let checked = look(tool("playwright", None), &machine).await;
    told(&checked, Status::Missing, &does_not_have_it(&dir, "npx"));
    program(
        &machine.root.join("web/node_modules/.bin/playwright"),
        "#!/bin/sh\necho Version 1.49.1\n",
    );
    let checked = look(tool("playwright", None), &machine).await;
    told(&checked, Status::Ok, "");
    assert_eq!(checked.found.as_deref(), Some("1.49.1"));
    let checked = look(tool("playwright", Some("npx")), &machine).await;
    told(&checked, Status::Missing, &does_not_have_it(&dir, "npx"));
    assert_eq!(
        checked.advice[0],
        "name web/node_modules/.bin/playwright instead of npx in the command"
    );
}
