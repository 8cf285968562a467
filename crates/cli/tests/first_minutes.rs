//! The first five minutes: the example of the README, from an empty configuration to a health
//! table, and what `init` says of folders that hold nothing or something broken.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::{Scratch, free_port, text};

/// The example, on ports of its own, in a git repository.
fn shop() -> Scratch {
    let scratch = Scratch::new();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/shop");
    copy(&example, &scratch.path());
    scratch
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Gives each service a port that is free here.
fn move_ports(scratch: &Scratch) {
    let path = scratch.path().join("assay.toml");
    let mut config = fs::read_to_string(&path).unwrap();
    for url in ["http://127.0.0.1:5000", "http://127.0.0.1:5100"] {
        assert!(config.contains(url), "no {url} in\n{config}");
        config = config.replace(url, &format!("http://127.0.0.1:{}", free_port()));
    }
    fs::write(&path, config).unwrap();
}

#[test]
fn five_minutes_with_the_example() {
    let scratch = shop();
    let output = scratch.run(&["init"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let config = fs::read_to_string(scratch.path().join("assay.toml")).unwrap();
    for expected in [
        "[service.web]",
        "[service.api]",
        "Procfile:1",
        "/healthz",
        "[suite.",
    ] {
        assert!(config.contains(expected), "no {expected} in\n{config}");
    }

    // A second one changes nothing unless it is asked to add, and then there is nothing to add.
    let output = scratch.run(&["init"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    let output = scratch.run(&["init", "--merge"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let merged = fs::read_to_string(scratch.path().join("assay.toml")).unwrap();
    assert_eq!(merged, config);

    move_ports(&scratch);
    let output = scratch.run(&["check"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let output = scratch.run(&["doctor", "--format", "json"]);
    let doctor: Value = serde_json::from_slice(&output.stdout).unwrap();
    let python = doctor["checks"].as_array().unwrap().iter();
    assert!(
        python
            .clone()
            .any(|check| check["name"].as_str().unwrap().contains("python")),
        "{doctor:#}"
    );

    // Nothing runs yet, and that is what is said.
    let output = scratch.run(&["ready"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("refused"), "{}", text(&output));

    let output = scratch.run(&["deploy", "--approve"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let output = scratch.run(&["ready", "--wait", "20s", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let ready: Value = serde_json::from_slice(&output.stdout).unwrap();
    let services = ready["services"].as_array().unwrap();
    assert_eq!(services.len(), 2, "{ready:#}");
    for service in services {
        assert_eq!(service["status"], "healthy", "{ready:#}");
        assert_eq!(service["changed"]["status"], "refused", "{ready:#}");
        assert!(service["revision"].is_string(), "{ready:#}");
        assert_eq!(service["runtime"]["running"], 1, "{ready:#}");
    }
    let output = scratch.run(&["observe", "api"]);
    assert!(
        text(&output).contains("api listens on"),
        "{}",
        text(&output)
    );
    assert!(scratch.run(&["down"]).status.success());
    scratch.expect_no_process();
}

fn empty() -> Scratch {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path()).unwrap();
    scratch
}

#[test]
fn a_folder_without_services_gives_a_start_and_says_so() {
    let scratch = empty();
    fs::write(scratch.path().join("README.md"), "nothing here\n").unwrap();
    let output = scratch.run(&["init"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    // What was written reads well, and describes nothing.
    let output = scratch.run(&["check"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(
        text(&output).contains("names no service"),
        "{}",
        text(&output)
    );
}

#[test]
fn broken_files_are_named_and_the_others_are_read() {
    let scratch = empty();
    let folder = scratch.path();
    fs::create_dir_all(folder.join("broken")).unwrap();
    fs::write(folder.join("broken/compose.yml"), "services:\n  a: [\n").unwrap();
    fs::write(
        folder.join("compose.yml"),
        "services:\n  api:\n    image: shop/api\n    ports: [\"8000:80\"]\n",
    )
    .unwrap();
    let output = scratch.run(&["init"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(
        text(&output).contains("broken/compose.yml"),
        "{}",
        text(&output)
    );
    let config = fs::read_to_string(folder.join("assay.toml")).unwrap();
    assert!(config.contains("http://127.0.0.1:8000"), "{config}");
    assert!(config.contains("compose.yml:2"), "{config}");
}

#[test]
fn what_a_person_wrote_stays() {
    let scratch = empty();
    let folder = scratch.path();
    fs::write(
        folder.join("compose.yml"),
        "services:\n  api:\n    image: shop/api\n    ports: [\"8000:80\"]\n  db:\n    image: postgres:16\n    ports: [\"5432:5432\"]\n",
    )
    .unwrap();
    let mine = "# mine\n[project]\nname = \"shop\"   # by hand\n\n[service.api]\nurl = \"http://127.0.0.1:9999\" # not 8000\n";
    fs::write(folder.join("assay.toml"), mine).unwrap();
    let output = scratch.run(&["init", "--merge"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let merged = fs::read_to_string(folder.join("assay.toml")).unwrap();
    for line in mine.lines() {
        assert!(
            merged.lines().any(|kept| kept == line),
            "{line} is gone:\n{merged}"
        );
    }
    assert!(merged.contains("[dependency.db]"), "{merged}");
    assert!(!merged.contains("http://127.0.0.1:8000"), "{merged}");
}

#[test]
fn a_mistyped_command_or_name_gets_the_nearest() {
    let scratch = shop();
    assert_eq!(scratch.run(&["init"]).status.code(), Some(0));
    for (args, meant) in [
        (&["raedy"][..], "ready"),
        (&["ready", "--wach"], "--watch"),
        (&["ready", "wev"], "`web`"),
        (&["observe", "appi"], "`api`"),
        (&["deploy", "webb", "--approve"], "`web`"),
        (&["schema", "redy"], "`ready`"),
        (&["demo", "--incident", "auth-dwn"], "`auth-down`"),
    ] {
        let output = scratch.run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", text(&output));
        assert!(text(&output).contains(meant), "{args:?}: {}", text(&output));
    }
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    let scratch = empty();
    for shell in ["bash", "zsh", "fish"] {
        let output = scratch.run(&["completions", shell]);
        assert!(output.status.success(), "{}", text(&output));
        let script = String::from_utf8(output.stdout).unwrap();
        for command in ["init", "ready", "observe", "doctor"] {
            assert!(script.contains(command), "{shell}: no {command}");
        }
    }
    let output = scratch.run(&["man", "--dir", scratch.path().join("man").to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output));
    let page = fs::read_to_string(scratch.path().join("man/assay-ready.1")).unwrap();
    assert!(
        page.contains("assay\\-ready") && page.contains("wait"),
        "{page}"
    );
    assert!(!scratch.path().join("man/assay-supervise.1").exists());
}
