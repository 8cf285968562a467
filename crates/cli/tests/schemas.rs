//! What commands print fits the published schemas, and the schemas are those in `docs/schemas`.
//!
//! `ASSAY_UPDATE=1` writes schemas and samples anew; read the difference before it is committed.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::path::PathBuf;

use serde_json::Value;
use support::{Scratch, assay, text};

fn docs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas")
}

fn updates() -> bool {
    std::env::var_os("ASSAY_UPDATE").is_some()
}

fn schema(name: &str) -> Value {
    let output = assay().args(["schema", name]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn names() -> Vec<String> {
    let output = assay()
        .args(["schema", "--format", "jsonl"])
        .output()
        .unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    lines
        .lines()
        .map(|line| {
            let row: Value = serde_json::from_str(line).unwrap();
            row["name"].as_str().unwrap().to_owned()
        })
        .collect()
}

/// Everything of `document` that does not fit the schema `name`.
fn misfits(name: &str, document: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(&schema(name)).unwrap();
    validator
        .iter_errors(document)
        .map(|error| format!("{name}{}: {error}", error.instance_path()))
        .collect()
}

#[test]
fn published_schemas_are_what_assay_prints() {
    let names = names();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        let path = docs().join(format!("{name}.schema.json"));
        let now = format!("{:#}\n", schema(&name));
        if updates() {
            std::fs::create_dir_all(docs()).unwrap();
            std::fs::write(&path, &now).unwrap();
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            published == now,
            "{} is stale: run with ASSAY_UPDATE=1",
            path.display()
        );
    }
}

/// Prints with `args`, holds it against the schema, and keeps it as the sample of that schema.
fn check(scratch: &Scratch, name: &str, args: &[&str], code: i32) {
    let output = scratch.run(&[args, &["--format", "json"]].concat());
    assert_eq!(output.status.code(), Some(code), "{}", text(&output));
    let document: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output)));
    keep(scratch, name, &document);
}

fn keep(scratch: &Scratch, name: &str, document: &Value) {
    assert_eq!(misfits(name, document), Vec::<String>::new());
    let path = docs().join(format!("samples/{name}.json"));
    if updates() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let folder = scratch.path().canonicalize().unwrap();
        let home = std::env::var("HOME").unwrap();
        let shown = format!("{document:#}\n")
            .replace(&*folder.to_string_lossy(), "/srv/shop")
            .replace(env!("CARGO_BIN_EXE_assay"), "/usr/local/bin/assay")
            .replace(&home, "~");
        std::fs::write(&path, shown).unwrap();
    }
    let sample = std::fs::read_to_string(&path).unwrap_or_default();
    let sample: Value =
        serde_json::from_str(&sample).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(misfits(name, &sample), Vec::<String>::new());
    assert_eq!(keys(&sample), keys(document), "{name}: the sample is stale");
}

fn keys(document: &Value) -> Vec<String> {
    let object = document.as_object().unwrap();
    object.keys().cloned().collect()
}

#[test]
fn every_output_fits_its_schema() {
    let scratch = Scratch::new();
    let output = scratch.demo(&[
        "--incident",
        "none",
        "--small",
        "--keep",
        "--format",
        "json",
    ]);
    assert!(output.status.success(), "{}", text(&output));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    keep(&scratch, "demo", &document);
    check(&scratch, "incidents", &["demo", "--list"], 0);
    check(&scratch, "check", &["check"], 0);
    check(&scratch, "doctor", &["doctor"], 0);
    check(&scratch, "ready", &["ready"], 0);
    check(&scratch, "observe", &["observe", "backend"], 0);
    check(&scratch, "execute", &["execute", "--suite", "sample"], 1);
    check(&scratch, "audit", &["audit"], 0);
    check(&scratch, "runs", &["runs"], 0);
    check(&scratch, "verify", &["verify"], 0);
    check(&scratch, "show", &["show"], 0);
    check(&scratch, "init", &["init", "--dry-run"], 3);
    check(&scratch, "deploy", &["deploy", "auth"], 0);
    check(&scratch, "run", &["run"], 0);

    // As lines, a run is its events, from the first to the last.
    let output = scratch.run(&["ready", "--format", "jsonl"]);
    let lines = String::from_utf8(output.stdout).unwrap();
    let events: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events[0]["body"]["kind"], "run_started");
    assert_eq!(events.last().unwrap()["body"]["kind"], "run_finished");
    for event in &events {
        assert_eq!(misfits("event", event), Vec::<String>::new());
    }
    keep(&scratch, "event", &events[0]);
    assert!(scratch.run(&["down"]).status.success());
}

#[test]
fn the_schema_of_the_configuration_takes_the_platform_s_own() {
    let scratch = Scratch::new();
    let output = scratch.demo(&["--prepare"]);
    assert!(output.status.success(), "{}", text(&output));
    let config = std::fs::read_to_string(scratch.path().join("assay.toml")).unwrap();
    let config: toml::Table = toml::from_str(&config).unwrap();
    let config = serde_json::to_value(config).unwrap();
    assert_eq!(misfits("config", &config), Vec::<String>::new());
}
