//! The demo's incidents, each to its end, as a user runs them.

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
