//! The platform as real processes on free ports, its suite against it, and its incidents.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod world;

use std::time::{Duration, Instant};

use golden_path::incidents;
use serde_json::json;
use world::{World, free_port, get, health, wait_for, write};

const SERVICES: [&str; 3] = ["auth", "backend", "frontend"];

#[test]
fn the_suite_is_green_and_every_test_reaches_what_it_covers() {
    let world = World::new();
    let _services = world.start_all();
    let listed = world
        .e2e(&["--list", "--format", "json"], None)
        .tests("discovered");
    let run = world.e2e(&["--format", "json", "--test-threads", "4"], None);
    assert_eq!(run.tests("failed"), Default::default());
    assert_eq!(run.code, Some(0));
    let passed = run.tests("ok");
    assert_eq!(passed.len(), listed.len());
    for (name, line) in passed {
        assert!(line["assertions"].as_u64().unwrap() > 0, "{name}");
        for service in listed[&name]["services"].as_array().unwrap() {
            let address = format!("127.0.0.1:{}", world.port(service.as_str().unwrap()));
            let connects = line["connects"].as_array().unwrap();
            assert!(connects.contains(&json!(address)), "{name}: {connects:?}");
        }
    }
    let last = run.lines.last().unwrap();
    assert_eq!(last["event"], "ok");
    assert_eq!(last["passed"], listed.len());
}

#[test]
fn every_test_notices_the_loss_of_a_service_that_it_covers() {
    let world = World::new();
    let _services = world.start_all();
    let listed = world
        .e2e(&["--list", "--format", "json"], None)
        .tests("discovered");
    for service in SERVICES {
        let run = world.e2e(&["--format", "json"], Some(service));
        assert_eq!(run.code, Some(101), "{service}");
        let failed = run.tests("failed");
        for (name, line) in &listed {
            let covers = line["services"]
                .as_array()
                .unwrap()
                .contains(&json!(service));
            assert_eq!(
                failed.contains_key(name),
                covers,
                "{name} without {service}"
            );
        }
        for (name, line) in failed {
            let message = line["message"].as_str().unwrap();
            assert!(
                message.ends_with(": connection refused"),
                "{name}: {message}"
            );
        }
    }
}

#[test]
fn the_samples_pass_and_prove_nothing() {
    let world = World::new();
    let _services = world.start_all();
    let args = ["--sample", "--format", "json"];
    let run = world.e2e(&args, None);
    let passed = run.tests("ok");
    assert_eq!(run.code, Some(0));
    assert_eq!(
        run.tests("ignored").keys().collect::<Vec<_>>(),
        ["sample::not_examined"]
    );
    assert_eq!(passed["sample::asserts_nothing"]["assertions"], 0);
    let frontend = json!([format!("127.0.0.1:{}", world.port("frontend"))]);
    assert_eq!(passed["sample::unreached"]["connects"], frontend);
    let dark = world.e2e(&args, Some("backend"));
    let passed: Vec<String> = dark.tests("ok").into_keys().collect();
    assert_eq!(passed, ["sample::unreached", "sample::vacuous"]);
}

#[test]
fn the_ordinary_formats_are_those_of_libtest() {
    let world = World::new();
    let _services = world.start_all();
    let list = world.e2e(&["--list", "--format", "terse"], None);
    assert!(
        list.stdout
            .lines()
            .any(|line| line == "chat::five_events_come_in_order: test")
    );
    let one = "frontend::page_carries_its_configuration";
    let passed = world.e2e(&["--exact", one, "--nocapture"], None);
    assert_eq!(passed.code, Some(0), "{}", passed.stdout);
    assert!(
        passed
            .stdout
            .contains("test result: ok. 1 passed; 0 failed;"),
        "{}",
        passed.stdout
    );
    let failed = world.e2e(&["--exact", one], Some("frontend"));
    assert_eq!(failed.code, Some(101));
    assert!(
        failed.stdout.contains("GET /: connection refused"),
        "{}",
        failed.stdout
    );
    let renamed = world.e2e(
        &[
            "--list",
            "--format",
            "json",
            "--rename",
            "frontend=web",
            one,
        ],
        None,
    );
    assert_eq!(renamed.tests("discovered")[one]["services"], json!(["web"]));
}

#[test]
fn a_missing_module_ends_the_start_with_its_trace() {
    let world = World::new();
    world.inject(&incidents::get("missing-module").unwrap());
    let mut complete = world.spawn("backend", free_port());
    complete.ready();
    complete.child.kill().unwrap();
    std::fs::remove_dir_all(world.bundle("backend").join("monitoring")).unwrap();
    let mut service = world.spawn("backend", free_port());
    assert_eq!(service.exit_code(), Some(3));
    let truth = incidents::get("missing-module").unwrap().truth.unwrap();
    let line = service
        .line(&truth.signature)
        .unwrap_or_else(|| panic!("{}", service.log()));
    assert_eq!(line["level"], "error");
    assert_eq!(line["service"], "backend");
    assert_eq!(line["revision"], "r1");
    assert_eq!(
        line["trace"],
        json!(["main.rhai:4:8", "services/telemetry.rhai:2:8"])
    );
}

#[test]
fn what_does_not_load_says_where() {
    let check = |file: &str, text: &str, message: &str, trace: &[&str]| {
        let world = World::new();
        write(&world.bundle("frontend").join(file), text);
        let mut service = world.spawn("frontend", free_port());
        assert_eq!(service.exit_code(), Some(3), "{file}");
        let line = service
            .line(message)
            .unwrap_or_else(|| panic!("{}", service.log()));
        assert_eq!(line["trace"], json!(trace));
    };
    check(
        "pages/home.rhai",
        "fn show(request) {\n    let = 1;\n}\n",
        "start failed: syntax error in pages/home.rhai: ",
        &["main.rhai:2:8", "pages/home.rhai:2:9"],
    );
    check(
        "settings/client.rhai",
        "import \"pages/home\" as home;\n",
        "start failed: circular import: pages/home > settings/client > pages/home",
        &[
            "main.rhai:2:8",
            "pages/home.rhai:2:8",
            "settings/client.rhai:1:8",
        ],
    );
    check(
        "pages/config.rhai",
        "import \"../backend/main\" as other;\n",
        "start failed: module not found: ../backend/main",
        &["main.rhai:3:8", "pages/config.rhai:1:8"],
    );
    check(
        "main.rhai",
        "route(\"GET\", \"/\", Fn(\"nobody\"));\n",
        "start failed: handler not found: nobody (main.rhai)",
        &[],
    );
}

#[test]
fn a_start_that_cannot_be_says_why() {
    let world = World::new();
    let first = world.start("frontend");
    let mut second = world.spawn("frontend", first.port);
    assert_eq!(second.exit_code(), Some(4));
    let port = first.port;
    let message = format!("start failed: port in use: 127.0.0.1:{port}");
    // Both write to the log of this port.
    assert!(second.line(&message).is_some(), "{}", second.log());
    std::fs::remove_file(world.bundle("frontend").join("main.rhai")).unwrap();
    let mut empty = world.spawn("frontend", free_port());
    assert_eq!(empty.exit_code(), Some(3));
    assert!(
        empty
            .line("start failed: module not found: main.rhai")
            .is_some()
    );
    let told = std::process::Command::new(env!("CARGO_BIN_EXE_golden-path-host"))
        .args(["platform", "auth"])
        .env_clear()
        .env("PORT", "1")
        .output()
        .unwrap();
    assert_eq!(told.status.code(), Some(2));
    let said = String::from_utf8(told.stderr).unwrap();
    assert!(
        said.contains("missing environment variable: BACKEND_URL"),
        "{said}"
    );
}

#[test]
fn a_missing_method_fails_each_chat_and_nothing_else() {
    let world = World::new();
    let incident = incidents::get("method-missing").unwrap();
    world.inject(&incident);
    let services = world.start_all();
    for service in &services {
        assert_eq!(health(service.port).1["status"], "healthy");
    }
    let run = world.e2e(&["--format", "json"], None);
    let failed = run.tests("failed");
    let message = &failed["chat::five_events_come_in_order"]["message"];
    assert_eq!(message, "WS /ws: expected agent_started, got close 1011");
    assert!(
        failed.keys().all(|name| name.starts_with("chat::")),
        "{:?}",
        failed.keys()
    );
    let truth = incident.truth.unwrap();
    let line = services[1]
        .line(&truth.signature)
        .unwrap_or_else(|| panic!("{}", services[1].log()));
    let defect = truth.defect.unwrap();
    let text = std::fs::read_to_string(world.folder.path().join(&defect.file)).unwrap();
    let number = text
        .lines()
        .position(|line| line.trim() == defect.line)
        .unwrap()
        + 1;
    let last = line["trace"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        last.starts_with(&format!("websocket/chat.rhai:{number}:")),
        "{last}"
    );
}

#[test]
fn a_dead_backend_fails_the_login_in_cascade() {
    let world = World::new();
    let mut services = world.start_all();
    services[1].child.kill().unwrap();
    services[1].child.wait().unwrap();
    let run = world.e2e(&["--format", "json", "auth::login", "frontend::"], None);
    let failed = run.tests("failed");
    assert_eq!(
        failed.keys().collect::<Vec<_>>(),
        ["auth::login_returns_tokens"]
    );
    let message = &failed["auth::login_returns_tokens"]["message"];
    assert_eq!(message, "POST /token: expected 200, got 502");
    let line = services[0]
        .line("login failed: upstream backend: GET /internal/profiles/")
        .unwrap();
    assert_eq!(line["status"], 0);
    assert!(
        services[0]
            .line("request failed: POST /token: 502")
            .is_some()
    );
    for service in [&services[0], &services[2]] {
        let (status, body, _) = health(service.port);
        assert_eq!((status, &body["status"]), (200, &json!("healthy")));
        assert_eq!(body["dependencies"]["backend"]["status"], "unavailable");
    }
}

#[test]
fn a_dead_auth_closes_the_backend_to_everyone() {
    let world = World::new();
    let mut services = world.start_all();
    services[0].child.kill().unwrap();
    services[0].child.wait().unwrap();
    let run = world.e2e(
        &["--format", "json", "tokens::garbage", "chat::bad_token"],
        None,
    );
    let failed = run.tests("failed");
    let message = &failed["tokens::garbage_token_is_refused"]["message"];
    assert_eq!(message, "GET /api/me: expected 401, got 503");
    let message = &failed["chat::bad_token_closes_with_4401"]["message"];
    assert_eq!(message, "WS /ws: expected Closed(4401), got Closed(1011)");
    assert!(
        services[1]
            .line("authorisation failed: upstream auth")
            .is_some()
    );
    assert_eq!(health(services[1].port).0, 200);
}

#[test]
fn a_slow_store_makes_its_service_degraded() {
    let world = World::new();
    let service = world.start("backend");
    let (_, body, _) = health(service.port);
    assert_eq!(body["status"], "healthy");
    assert_eq!(body["dependencies"]["auth"]["status"], "unavailable");
    write(
        &world.folder.path().join(".assay/data/backend/throttle_ms"),
        "900",
    );
    let (status, body, took) = health(service.port);
    assert_eq!((status, &body["status"]), (200, &json!("degraded")));
    assert_eq!(body["dependencies"]["database"]["status"], "degraded");
    assert!(took >= Duration::from_millis(900));
    let line = service
        .line("slow query: 9")
        .unwrap_or_else(|| panic!("{}", service.log()));
    assert_eq!(line["level"], "warn");
    assert!(line["msg"].as_str().unwrap().ends_with(" ms: SELECT 1"));
}

#[test]
fn two_revisions_share_their_data_and_each_stops_when_told() {
    let world = World::new();
    let mut services = world.start_all();
    let beside = world.spawn("auth", free_port());
    beside.ready();
    let jwks = |port: u16| get(port, "/.well-known/jwks").unwrap();
    assert_eq!(jwks(services[0].port), jwks(beside.port));
    for service in &mut services {
        let pid = rustix::process::Pid::from_child(&service.child);
        let start = Instant::now();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert_eq!(service.exit_code(), Some(0), "{}", service.log());
        assert!(start.elapsed() < Duration::from_secs(4));
        assert!(service.line("stopped").is_some());
    }
}

#[test]
fn a_service_listens_soon() {
    let world = World::new();
    let service = world.start("backend");
    let line = wait_for("listening", || service.line("listening on 127.0.0.1:"));
    let start_ms = line["start_ms"].as_u64().unwrap();
    // The budget is 100 ms; ten times that is a defect on any machine.
    assert!(start_ms < 1_000, "{start_ms} ms");
}
