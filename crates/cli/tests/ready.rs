//! `assay ready` and `assay observe` from the command line, against sockets that behave and ones
//! that do not.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::{Scratch, assay, free_port, text};

/// Serves every connection with `answer`, in a thread of its own, until the test ends.
fn serve(answer: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || answer(stream));
        }
    });
    port
}

fn read_request(stream: &mut TcpStream) {
    let mut buffer = [0; 4096];
    drop(stream.read(&mut buffer));
}

fn http(status: &'static str, headers: &'static str, body: &'static str) -> u16 {
    serve(move |mut stream| {
        read_request(&mut stream);
        let length = body.len();
        drop(write!(
            stream,
            "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}"
        ));
    })
}

fn project(tables: &str) -> Scratch {
    let scratch = Scratch::new();
    std::fs::create_dir_all(scratch.path()).unwrap();
    let config = format!("[project]\nname = \"small\"\n{tables}");
    std::fs::write(scratch.path().join("assay.toml"), config).unwrap();
    scratch
}

fn service(name: &str, port: u16, probe: &str) -> String {
    format!("[service.{name}]\nurl = \"http://127.0.0.1:{port}\"\nprobe = {{ {probe} }}\n")
}

fn ready(scratch: &Scratch, args: &[&str]) -> (Option<i32>, Value) {
    let output = scratch.run(&[&["ready", "--format", "json"], args].concat());
    let document = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output)));
    (output.status.code(), document)
}

/// Each service by name: its status and its detail.
fn found(document: &Value, name: &str) -> (String, String) {
    let rows = document["services"].as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == name).unwrap();
    let word = |key: &str| row[key].as_str().unwrap().to_owned();
    (word("status"), word("detail"))
}

/// A port for each way to misbehave, and one that does not.
struct Town {
    hangs: u16,
    drips: u16,
    garbage: u16,
    circle: u16,
    liar: u16,
    locked: u16,
    broken: u16,
    good: u16,
}

fn town() -> Town {
    let hangs = serve(|stream| {
        let mut stream = stream;
        // Until the other side gives up.
        drop(std::io::copy(&mut stream, &mut std::io::sink()));
    });
    let drips = serve(|mut stream| {
        read_request(&mut stream);
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n";
        let pace = Some(Duration::from_millis(100));
        stream.set_read_timeout(pace).unwrap();
        let mut written = stream.write_all(head);
        while written.is_ok() {
            // Nothing comes: this only waits.
            drop(stream.read(&mut [0]));
            written = stream.write_all(b"x");
        }
    });
    let garbage = serve(|mut stream| drop(stream.write_all(b"\x00\xff\xfenonsense\r\n\r\n")));
    let circle = serve(|mut stream| {
        let mut line = String::new();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        drop(reader.read_line(&mut line));
        let to = if line.contains("/a") { "/b" } else { "/a" };
        drop(write!(
            stream,
            "HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n"
        ));
    });
    let liar = http("200 OK", "", r#"{"status":"error"}"#);
    let locked = http("401 Unauthorized", "", "who are you?");
    let broken = http("503 Service Unavailable", "", "busy");
    let good = http(
        "200 OK",
        "x-assay-revision: r7\r\n",
        r#"{"status":"healthy"}"#,
    );
    Town {
        hangs,
        drips,
        garbage,
        circle,
        liar,
        locked,
        broken,
        good,
    }
}

#[test]
fn every_misbehaviour_has_its_name_and_ends_in_time() {
    let town = town();
    let quick = "http = \"/a\", timeout_ms = 800, degraded_ms = 700";
    let tables = [
        service("hangs", town.hangs, quick),
        service("drips", town.drips, quick),
        service("garbage", town.garbage, quick),
        service("circle", town.circle, &format!("{quick}, redirects = 5")),
        service("liar", town.liar, quick),
        service("locked", town.locked, quick),
        service("broken", town.broken, quick),
        service("nobody", free_port(), quick),
        service("good", town.good, quick),
    ];
    let scratch = project(&tables.concat());
    let started = Instant::now();
    let (code, document) = ready(&scratch, &[]);
    assert_eq!(code, Some(1));
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    for (name, status, part) in [
        ("hangs", "unreachable", "800 ms"),
        ("drips", "unreachable", "800 ms"),
        ("garbage", "unavailable", "not HTTP"),
        ("circle", "unavailable", "circle"),
        ("liar", "unavailable", "error"),
        ("locked", "auth-failed", "401"),
        ("broken", "unavailable", "503"),
        ("nobody", "refused", "refused"),
        ("good", "healthy", "200"),
    ] {
        let (got, detail) = found(&document, name);
        assert_eq!(got, status, "{name}: {detail}");
        assert!(detail.contains(part), "{name}: {detail}");
    }
    let rows = document["services"].as_array().unwrap();
    let good = rows.iter().find(|row| row["name"] == "good").unwrap();
    assert_eq!(good["revision"], "r7");

    // The evidence of each is kept under the hash that is printed.
    let hash = good["evidence"][0].as_str().unwrap();
    let output = scratch.run(&["show", "--evidence", hash]);
    assert!(text(&output).contains("HTTP/1.1 200"), "{}", text(&output));

    // For a person, in 80 columns, and with the run to look it up in.
    let output = scratch.run(&["ready"]);
    let table = String::from_utf8(output.stdout.clone()).unwrap();
    for line in table.lines().filter(|line| !line.contains("recorded: ")) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(table.contains("1 of 9 healthy, 8 not serving"), "{table}");
}

#[test]
fn what_changed_is_told() {
    let healthy = Arc::new(AtomicBool::new(true));
    let answer = Arc::clone(&healthy);
    let port = serve(move |mut stream| {
        read_request(&mut stream);
        let (status, revision) = match answer.load(Ordering::Relaxed) {
            true => ("200 OK", "r1"),
            false => ("500 Oops", "r2"),
        };
        drop(write!(
            stream,
            "HTTP/1.1 {status}\r\nx-assay-revision: {revision}\r\ncontent-length: 0\r\n\r\n"
        ));
    });
    let scratch = project(&service("api", port, "http = \"/\""));
    let (_, first) = ready(&scratch, &[]);
    assert_eq!(first["services"][0].get("changed"), None, "{first:#}");
    let (_, second) = ready(&scratch, &[]);
    assert_eq!(second["services"][0].get("changed"), None, "{second:#}");
    healthy.store(false, Ordering::Relaxed);
    let (code, third) = ready(&scratch, &[]);
    assert_eq!(code, Some(1));
    let changed = &third["services"][0]["changed"];
    assert_eq!(changed["status"], "healthy", "{third:#}");
    assert_eq!(changed["revision"], "r1", "{third:#}");
    assert_eq!(changed["run"], second["run"], "{third:#}");
}

#[test]
fn samples_give_percentiles() {
    let port = http("200 OK", "", "");
    let scratch = project(&service("api", port, "http = \"/\""));
    let (code, document) = ready(&scratch, &["--samples", "7"]);
    assert_eq!(code, Some(0), "{document:#}");
    let samples = &document["services"][0]["samples"];
    assert_eq!(samples["count"], 7, "{document:#}");
    assert_eq!(samples["failed"], 0, "{document:#}");
    assert!(
        samples["p50_ms"].as_u64() <= samples["p95_ms"].as_u64(),
        "{document:#}"
    );
}

#[test]
fn waiting_ends_when_all_serve_or_the_time_is_over() {
    let port = free_port();
    let scratch = project(&service("api", port, "http = \"/\""));
    let started = Instant::now();
    let output = scratch.run(&["ready", "--wait", "1s", "--interval", "100ms"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert!(
        text(&output).contains("waiting for api refused"),
        "{}",
        text(&output)
    );

    let mut child = assay()
        .arg("-C")
        .arg(scratch.path())
        .args(["ready", "--wait", "30s", "--interval", "50ms"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It waits before anybody listens.
    let mut said = String::new();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    lines.read_line(&mut said).unwrap();
    assert!(said.contains("waiting for api"), "{said}");
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            read_request(&mut stream);
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
        }
    });
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn watching_tells_each_change_once_and_records_nothing() {
    let port = free_port();
    let scratch = project(&service("api", port, "http = \"/\", timeout_ms = 500"));
    let mut child = assay()
        .arg("-C")
        .arg(scratch.path())
        .args(["ready", "--watch", "--interval", "50ms"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut next = || {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        line
    };
    assert!(next().contains("api refused"));
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            read_request(&mut stream);
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
        }
    });
    assert!(next().contains("api healthy"));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(scratch.journal_rows(), 0);
}

#[test]
fn a_log_file_is_observed_in_its_window() {
    let scratch = project(
        "[service.api]\nurl = \"tcp://127.0.0.1:9\"\nlogs = { file = \"api.log\" }\n[service.bare]\nurl = \"tcp://127.0.0.1:9\"\n",
    );
    let log = "2026-11-23T09:00:00Z early\n2026-11-23T10:00:01Z inside\n  and more of it\n2026-11-23T11:00:00Z late\n";
    std::fs::write(scratch.path().join("api.log"), log).unwrap();
    let window = [
        "--since",
        "2026-11-23T10:00:00Z",
        "--until",
        "2026-11-23T10:30:00Z",
    ];
    let output = scratch.run(&[&["observe", "api"], &window[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let said = text(&output);
    assert!(
        said.contains("inside") && said.contains("and more of it"),
        "{said}"
    );
    assert!(!said.contains("early") && !said.contains("late"), "{said}");

    let output = scratch.run(&["observe", "bare"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(
        text(&output).contains("nothing watches bare"),
        "{}",
        text(&output)
    );
    std::fs::remove_file(scratch.path().join("api.log")).unwrap();
    let output = scratch.run(&["observe", "api"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(text(&output).contains("api.log"), "{}", text(&output));
}

#[test]
fn quiet_prints_the_result_and_nothing_else() {
    let port = http("200 OK", "", "");
    let scratch = project(&service("api", port, "http = \"/\""));
    let output = scratch.run(&["ready", "--quiet"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(output.stderr.is_empty(), "{}", text(&output));
    let output = scratch.run(&["ready", "--verbose"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("begins") && said.contains("api"), "{said}");
}
