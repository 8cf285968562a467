//! Wrong, missing and hostile input: a message that names the thing, the documented exit code,
//! and nothing half-written.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::net::TcpListener;
use std::process::Output;

use support::{Scratch, free_port, text};

/// A project of one service that is a shell command.
fn project(url: &str, command: &str, suite: &str) -> Scratch {
    let scratch = Scratch::new();
    let folder = scratch.path();
    std::fs::create_dir_all(folder.join("src")).unwrap();
    std::fs::write(folder.join("src/main.rhai"), "let x = 1;\n").unwrap();
    let config = format!(
        r#"
[project]
name = "small"
[environment.test]
protected = false
[service.api]
url = "{url}"
probe = {{ http = "/health", expect = 200, timeout_ms = 1000 }}
source = ["src"]
[service.api.deploy]
driver = "process"
command = {command}
entry = "main.rhai"
gate = "probe"
bake_s = 0.1
start_timeout_s = 2
restart = "never"
{suite}
"#
    );
    std::fs::write(folder.join("assay.toml"), config).unwrap();
    scratch
}

fn expect(output: &Output, code: i32, words: &[&str]) {
    assert_eq!(output.status.code(), Some(code), "{}", text(output));
    let said = String::from_utf8_lossy(&output.stderr).replace('\n', " ");
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in words {
        assert!(said.contains(word), "no {word:?} in: {}", text(output));
    }
}

#[test]
fn no_configuration() {
    let scratch = Scratch::new();
    std::fs::create_dir_all(scratch.path()).unwrap();
    expect(&scratch.run(&["ready"]), 2, &["assay.toml", "assay demo"]);
    expect(&scratch.run(&["runs"]), 2, &["assay.toml"]);
    assert!(
        !scratch.path().join(".assay").exists(),
        "nothing is made where there is no project"
    );
}

#[test]
fn no_such_folder() {
    let scratch = Scratch::new();
    expect(&scratch.run(&["ready"]), 2, &["no folder"]);
}

#[test]
fn a_misspelt_key_is_shown_in_its_place() {
    let scratch = project("http://127.0.0.1:1", r#"["true"]"#, "");
    let path = scratch.path().join("assay.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, config.replace("restart =", "restrat =")).unwrap();
    expect(
        &scratch.run(&["ready"]),
        2,
        &["assay.toml:", "restrat", "restart"],
    );
    std::fs::write(&path, "[project\nname = 1").unwrap();
    expect(&scratch.run(&["ready"]), 2, &["assay.toml:"]);
}

#[test]
fn a_port_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", taken.local_addr().unwrap());
    let scratch = project(&url, r#"["true"]"#, "");
    let port = taken.local_addr().unwrap().port().to_string();
    expect(&scratch.run(&["deploy"]), 3, &[&port, "in use", "hint:"]);
}

#[test]
fn a_program_that_does_not_start() {
    let url = format!("http://127.0.0.1:{}", free_port());
    let scratch = project(&url, r#"["/no/such/program"]"#, "");
    expect(&scratch.run(&["deploy"]), 1, &["api", "exit code 127"]);

    let url = format!("http://127.0.0.1:{}", free_port());
    let scratch = project(&url, r#"["sh", "-c", "exit 7"]"#, "");
    expect(&scratch.run(&["deploy"]), 1, &["api", "exit code 7"]);
}

#[test]
fn a_suite_without_tests() {
    let suite = r#"
[suite.empty]
runner = "libtest"
command = ["sh", "-c", "true"]
kind = "e2e"
"#;
    let scratch = project("http://127.0.0.1:1", r#"["true"]"#, suite);
    expect(&scratch.run(&["execute"]), 3, &["empty"]);
    let missing = suite.replace(r#"["sh", "-c", "true"]"#, r#"["/no/such/harness"]"#);
    let scratch = project("http://127.0.0.1:1", r#"["true"]"#, &missing);
    expect(&scratch.run(&["execute"]), 3, &["/no/such/harness"]);
    expect(
        &scratch.run(&["execute", "--suite", "emtpy"]),
        2,
        &["emtpy", "empty"],
    );
}

#[test]
fn names_that_are_not_there() {
    let scratch = project("http://127.0.0.1:1", r#"["true"]"#, "");
    expect(&scratch.run(&["deploy", "apo"]), 2, &["apo", "api"]);
    expect(&scratch.run(&["runs"]), 3, &["no run"]);
    expect(&scratch.run(&["verify"]), 3, &["no run"]);
    expect(&scratch.run(&["resume"]), 3, &["no unfinished run"]);
    expect(
        &scratch.run(&["show", "20260101-000000-0000"]),
        2,
        &["20260101-000000-0000"],
    );
    let output = support::assay()
        .args(["demo", "--incident", "nope"])
        .output()
        .unwrap();
    expect(&output, 2, &["nope", "missing-module"]);
    let output = support::assay().arg("demmo").output().unwrap();
    expect(&output, 2, &["demmo", "demo"]);
}

#[test]
fn a_full_disk_under_the_journal() {
    let scratch = project("http://127.0.0.1:1", r#"["true"]"#, "");
    assert_eq!(scratch.run(&["ready"]).status.code(), Some(1));
    // The file size limit of this shell stands for the end of the disk; the signal that comes
    // with it is ignored, so that the write itself fails.
    let script = format!(
        "trap '' XFSZ; ulimit -f 8; exec {} -C {} ready",
        env!("CARGO_BIN_EXE_assay"),
        scratch.path().display()
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .output()
        .unwrap();
    expect(&output, 3, &["journal"]);
    // What was there before is whole, and assay goes on working.
    assert!(scratch.run(&["runs"]).status.success());
    assert_eq!(scratch.run(&["ready"]).status.code(), Some(1));
    assert!(scratch.run(&["verify"]).status.success());
}

#[test]
fn a_changed_journal_is_found_out() {
    let scratch = project("http://127.0.0.1:1", r#"["true"]"#, "");
    assert_eq!(scratch.run(&["ready"]).status.code(), Some(1));
    assert!(scratch.run(&["verify"]).status.success());
    let state = scratch.path().join(".assay");
    let open = || rusqlite::Connection::open(state.join("journal.db")).unwrap();

    open()
        .execute(
            "update event set payload = replace(payload, 'refused', 'healthy')",
            [],
        )
        .unwrap();
    let output = scratch.run(&["verify"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    open()
        .execute(
            "update event set payload = replace(payload, 'healthy', 'refused')",
            [],
        )
        .unwrap();
    assert!(scratch.run(&["verify"]).status.success());

    open()
        .execute(
            "delete from event where seq = (select max(seq) from event)",
            [],
        )
        .unwrap();
    let output = scratch.run(&["verify"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("missing"), "{}", text(&output));
}

#[test]
fn a_deleted_run_is_found_out() {
    let scratch = project("http://127.0.0.1:1", r#"["true"]"#, "");
    assert_eq!(scratch.run(&["ready"]).status.code(), Some(1));
    let run = scratch.events()[0]["run"].as_str().unwrap().to_owned();
    let db = rusqlite::Connection::open(scratch.path().join(".assay/journal.db")).unwrap();
    db.execute("delete from event", []).unwrap();
    drop(db);
    let output = scratch.run(&["verify", &run]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("missing"), "{}", text(&output));
}

#[test]
fn a_changed_blob_is_found_out() {
    let scratch = project("http://127.0.0.1:1", r#"["true"]"#, "");
    assert_eq!(scratch.run(&["ready"]).status.code(), Some(1));
    let vault = scratch.path().join(".assay/vault");
    let folder = std::fs::read_dir(vault)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let blob = std::fs::read_dir(folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let name = blob.file_stem().unwrap().to_string_lossy().into_owned();
    let bytes = std::fs::read(&blob).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        std::fs::write(&blob, changed).unwrap();
        let output = scratch.run(&["verify"]);
        assert_eq!(
            output.status.code(),
            Some(1),
            "byte {at}: {}",
            text(&output)
        );
        assert!(
            text(&output).contains(&name),
            "byte {at}: {}",
            text(&output)
        );
    }
    std::fs::write(&blob, bytes).unwrap();
    assert!(scratch.run(&["verify"]).status.success());
}
