//! The demo's incidents, each to its end, as a user runs them.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use support::{Essence, Scratch, bodies, text};

/// Runs one incident and checks its end, its exit code, the service at fault and the defect.
fn check(
    incident: &str,
    code: i32,
    end: &str,
    service: Option<&str>,
    defect: Option<(&str, &str)>,
) {
    let scratch = Scratch::new();
    let output = scratch.demo(&["--incident", incident]);
    assert_eq!(
        output.status.code(),
        Some(code),
        "{incident}: {}",
        text(&output)
    );
    let events = scratch.events();
    assert_eq!(Essence::of(&events).end, end, "{incident}");
    let diagnosed = bodies(&events, "diagnosed");
    let causes = diagnosed
        .first()
        .map(|body| body["diagnosis"]["causes"].as_array().unwrap());
    match (service, causes) {
        (None, causes) => assert!(causes.is_none_or(Vec::is_empty), "{incident}: {causes:?}"),
        (Some(service), Some(causes)) => {
            assert_eq!(causes.len(), 1, "{incident}: {causes:#?}");
            assert_eq!(causes[0]["service"], service, "{incident}");
            if let Some((file, line)) = defect {
                assert_eq!(causes[0]["defect"]["file"], file, "{incident}");
                let found = causes[0]["defect"]["text"].as_str().unwrap().trim();
                assert_eq!(found, line, "{incident}");
            }
        }
        (Some(_), None) => panic!("{incident}: nothing was diagnosed"),
    }
    let verified = scratch.run(&["verify"]);
    assert!(verified.status.success(), "{incident}: {}", text(&verified));
    scratch.expect_no_process();
}

#[test]
fn missing_module_is_repaired() {
    let defect = ("services/backend/.bundleignore", "monitoring/");
    check(
        "missing-module",
        0,
        "repaired",
        Some("backend"),
        Some(defect),
    );
}

#[test]
fn a_gate_stops_the_missing_module_and_it_is_repaired() {
    let defect = ("services/backend/.bundleignore", "monitoring/");
    check("gate-holds", 0, "repaired", Some("backend"), Some(defect));
}

#[test]
fn nothing_wrong_is_green() {
    check("none", 0, "green", None, None);
}

#[test]
fn a_killed_service_is_mitigated() {
    check("auth-down", 4, "mitigated", Some("auth"), None);
}

#[test]
fn a_slow_store_is_red() {
    check("slow-database", 1, "red", Some("database"), None);
}

#[test]
fn a_missing_method_is_repaired() {
    let defect = (
        "services/backend/websocket/chat.rhai",
        "supervisor::start_pipeline(run);",
    );
    check(
        "method-missing",
        0,
        "repaired",
        Some("backend"),
        Some(defect),
    );
}

#[test]
fn a_mend_that_does_not_hold_is_taken_back() {
    let scratch = Scratch::new();
    let output = scratch.demo(&["--incident", "half-renamed", "--small"]);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output));
    let events = scratch.events();
    assert_eq!(Essence::of(&events).end, "mitigated");
    let reverted = bodies(&events, "reverted");
    assert_eq!(reverted.len(), 1);
    let reason = reverted[0]["reason"].as_str().unwrap();
    assert!(reason.contains("reproduction did not flip"), "{reason}");
    // It is kept as evidence, and not proposed to anybody.
    assert!(bodies(&events, "published")[0]["publication"]["pull_request"].is_null());
    scratch.expect_no_process();
}

#[test]
fn the_last_words_of_a_process_are_told() {
    let scratch = Scratch::new();
    assert!(scratch.demo(&["--small", "--prepare"]).status.success());
    let path = scratch.path().join("assay.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    let command = r#"["{assay}", "platform", "auth"]"#;
    assert!(config.contains(command));
    let dies = r#"["sh", "-c", "echo boom-reason >&2; exit 7"]"#;
    std::fs::write(&path, config.replace(command, dies)).unwrap();
    let output = scratch.run(&["run", "--deploy", "auth", "--no-remedy"]);
    assert!(!output.status.success(), "{}", text(&output));
    let worklog = scratch.run(&["show", "--worklog"]);
    assert!(text(&worklog).contains("boom-reason"), "{}", text(&worklog));
    assert!(scratch.run(&["down"]).status.success());
    scratch.expect_no_process();
}

#[test]
fn a_list_names_every_incident_and_its_end() {
    let output = support::assay().args(["demo", "--list"]).output().unwrap();
    let list = String::from_utf8(output.stdout).unwrap();
    for (name, end) in [
        ("missing-module", "repaired"),
        ("gate-holds", "repaired"),
        ("method-missing", "repaired"),
        ("auth-down", "mitigated"),
        ("half-renamed", "mitigated"),
        ("slow-database", "red"),
        ("none", "green"),
    ] {
        let line = list.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line.contains(end), "{line}");
    }
}

#[test]
fn a_kept_platform_stays_up_until_it_is_taken_down() {
    let scratch = Scratch::new();
    let output = scratch.demo(&["--incident", "none", "--small", "--keep"]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(
        text(&output).contains("http://127.0.0.1:"),
        "{}",
        text(&output)
    );
    assert!(scratch.run(&["ready"]).status.success());

    // A second run on the same platform rolls out again, under names of its own.
    let output = scratch.run(&["run", "--deploy", "backend"]);
    assert!(output.status.success(), "{}", text(&output));

    assert!(scratch.run(&["down"]).status.success());
    scratch.expect_no_process();
    assert_eq!(scratch.run(&["ready"]).status.code(), Some(1));
}

#[test]
fn tests_that_prove_nothing_are_told_apart() {
    let scratch = Scratch::new();
    let output = scratch.demo(&["--incident", "none", "--small", "--keep"]);
    assert!(output.status.success(), "{}", text(&output));
    let output = scratch.run(&["execute", "--suite", "sample", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let verdicts: Vec<&str> = found["tests"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|test| test["verdict"].as_str())
        .collect();
    for verdict in ["vacuous", "unreached", "not-examined"] {
        assert!(verdicts.contains(&verdict), "no {verdict} in {verdicts:?}");
    }
    assert!(!verdicts.contains(&"proven"), "{verdicts:?}");
    assert!(scratch.run(&["down"]).status.success());
}

/// Services, folders, modules and scripts by other names give the same diagnosis in those names.
#[test]
fn other_names_change_no_diagnosis() {
    let scratch = Scratch::new();
    let output = scratch.demo(&["--small", "--keep"]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(scratch.run(&["down"]).status.success());
    let plain = bodies(&scratch.events(), "diagnosed")[0]["diagnosis"]["causes"][0].clone();

    let renames = [
        ("services/backend", "parts/kx7"),
        ("[service.backend", "[service.kx7"),
        (
            "\"{assay}\", \"e2e\"",
            "\"{assay}\", \"e2e\", \"--rename\", \"backend=kx7\"",
        ),
        ("service.backend.", "service.kx7."),
        ("\"backend\", \"database\"", "\"kx7\", \"store9\""),
        ("\"auth\", \"database\"", "\"auth\", \"store9\""),
        ("[dependency.database]", "[dependency.store9]"),
        ("monitoring", "w4tch"),
        ("metrics", "g4uge"),
        ("telemetry", "s3nse"),
    ];
    let rename = |text: &str| {
        renames
            .iter()
            .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    };
    let renamed = Scratch::new();
    let output = renamed.demo(&["--small", "--prepare"]);
    assert!(output.status.success(), "{}", text(&output));
    renamed.rewrite(&rename);
    // The roles keep their names on the command line; everything that assay sees has others.
    let output = renamed.run(&["run", "--deploy", "auth", "--deploy", "kx7", "--no-remedy"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let found = bodies(&renamed.events(), "diagnosed")[0]["diagnosis"]["causes"][0].clone();
    for field in ["class", "signature"] {
        assert_eq!(found[field], plain[field]);
    }
    assert_eq!(found["service"], "kx7");
    assert_eq!(found["defect"]["file"], "parts/kx7/.bundleignore");
    assert_eq!(found["defect"]["text"], "w4tch/");
    assert_eq!(
        found["whys"].as_array().unwrap().len(),
        plain["whys"].as_array().unwrap().len()
    );
    assert!(renamed.run(&["down"]).status.success());
}
