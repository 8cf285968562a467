//! Log files and the user's own programs, in a window of time.

use std::fs::{self, File};
use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use assay_model::{Detail, Observe, Sightings, Source};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::{Bench, at, check_blind, only_log, reasons};

const FROM: &str = "2026-11-23T10:00:00Z";
const TO: &str = "2026-11-23T11:00:00Z";

fn file() -> Observe {
    Observe::File {
        path: "var/api.log".to_owned(),
    }
}

fn command(words: &[&str]) -> Observe {
    Observe::Command {
        command: words.iter().map(|&word| word.to_owned()).collect(),
    }
}

/// Writes a file, last modified at this time.
fn write(bench: &Bench, name: &str, bytes: impl AsRef<[u8]>, modified: &str) {
    let path = bench.write(name, bytes);
    let file = File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::try_from(at(modified)).unwrap())
        .unwrap();
}

/// Looks at a log with this text.
async fn look(text: impl AsRef<[u8]>) -> Sightings {
    let bench = Bench::new();
    write(&bench, "var/api.log", text, TO);
    bench.look(file(), FROM, TO).await
}

/// What is shown of a log with this text.
async fn check(text: impl AsRef<[u8]>, expected: &str) {
    let seen = look(text).await;
    assert_eq!(only_log(&seen), expected);
    assert_eq!(reasons(&seen), [""; 0]);
}

#[tokio::test]
async fn lines_of_the_window() {
    check("", "").await;
    check(
        "2026-11-23T09:00:00Z early\n2026-11-23T10:30:00+00:00 in\n  more\n",
        "2026-11-23T10:30:00.000Z in\n2026-11-23T10:30:00.000Z   more\n",
    )
    .await;
    check(
        b"2026-11-23T10:30:00Z caf\xe9\n",
        "2026-11-23T10:30:00.000Z caf\u{fffd}\n",
    )
    .await;
    let access = r#"10.0.0.7 - - [23/Nov/2026:11:30:00 +0100] "GET / HTTP/1.1" 502 17"#;
    check(access, &format!("2026-11-23T10:30:00.000Z {access}\n")).await;
}

#[tokio::test]
async fn lines_are_numbered() {
    let seen =
        look("2026-11-23T09:00:00Z a\n2026-11-23T10:01:00Z b\n2026-11-23T10:02:00Z c\n").await;
    let (source, _) = seen.instances[0].log.as_ref().unwrap();
    assert_eq!(source.label(), "var/api.log:2-3");
    assert_eq!(seen.instances[0].instance.observer, "file");
}

#[tokio::test]
async fn a_log_without_times_gives_its_end_and_says_so() {
    let seen = look("up\ndown\n").await;
    assert_eq!(only_log(&seen), "up\ndown\n");
    check_blind(&seen, "no line of var/api.log says when it was written", "");
}

#[tokio::test]
async fn a_huge_file_is_read_from_its_end() {
    let bench = Bench::new();
    let path = bench.write("var/api.log", "");
    let mut log = File::options().append(true).open(&path).unwrap();
    // A hole of 4 GiB takes no room on the disk.
    log.set_len(4 << 30).unwrap();
    write!(
        log,
        "\n2026-11-23T09:00:00Z early\n2026-11-23T10:30:00Z in\n"
    )
    .unwrap();
    let begun = Instant::now();
    let seen = bench.look(file(), FROM, TO).await;
    assert_eq!(only_log(&seen), "2026-11-23T10:30:00.000Z in\n");
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    let (source, _) = seen.instances[0].log.as_ref().unwrap();
    assert_eq!(
        *source,
        Source::File {
            path: "var/api.log".to_owned(),
            line: None
        }
    );
}

#[tokio::test]
async fn a_window_before_what_is_read_is_told() {
    let bench = Bench::new();
    let line = format!("2026-11-23T12:00:00Z {}\n", "x".repeat(1_000));
    write(
        &bench,
        "var/api.log",
        line.repeat(70_000),
        "2026-11-23T12:00:00Z",
    );
    let seen = bench.look(file(), FROM, TO).await;
    check_blind(&seen, "only the last 64 MiB of var/api.log were read", "");
}

#[tokio::test]
async fn rotated_files_go_on_where_the_log_begins() {
    let bench = Bench::new();
    write(
        &bench,
        "var/api.log",
        "2026-11-23T10:50:00Z four\n",
        "2026-11-23T10:50:00Z",
    );
    write(
        &bench,
        "var/api.log.1",
        "2026-11-23T10:30:00Z three\n",
        "2026-11-23T10:30:00Z",
    );
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed
        .write_all(b"2026-11-23T09:00:00Z one\n2026-11-23T10:10:00Z two\n")
        .unwrap();
    let packed = packed.finish().unwrap();
    write(&bench, "var/api.log.2.gz", packed, "2026-11-23T10:10:00Z");
    write(
        &bench,
        "var/api.log.3",
        "2026-11-23T10:05:00Z never read\n",
        "2026-11-23T08:00:00Z",
    );
    let seen = bench.look(file(), FROM, TO).await;
    assert_eq!(
        only_log(&seen),
        "2026-11-23T10:10:00.000Z two\n\
         2026-11-23T10:30:00.000Z three\n\
         2026-11-23T10:50:00.000Z four\n"
    );
    let (source, _) = seen.instances[0].log.as_ref().unwrap();
    assert_eq!(
        source.label(),
        "lines of var/api.log.2.gz, var/api.log.1, var/api.log"
    );

    write(
        &bench,
        "var/api.log.2.gz",
        "not gzip",
        "2026-11-23T10:10:00Z",
    );
    write(&bench, "var/api.log.4.zst", "zstd", "2026-11-23T10:05:00Z");
    let seen = bench.look(file(), FROM, TO).await;
    let reasons = reasons(&seen);
    assert!(
        reasons[0].contains("var/api.log.2.gz, rotated, was not read"),
        "{reasons:?}"
    );
    assert!(
        reasons[1].contains("only gzip is unpacked here"),
        "{reasons:?}"
    );
}

#[tokio::test]
async fn a_log_that_was_just_rotated_away() {
    let bench = Bench::new();
    write(&bench, "var/api.log.1", "2026-11-23T10:30:00Z in\n", TO);
    let seen = bench.look(file(), FROM, TO).await;
    assert_eq!(only_log(&seen), "2026-11-23T10:30:00.000Z in\n");
}

#[tokio::test]
async fn what_is_no_readable_file_is_named() {
    let bench = Bench::new();
    let seen = bench.look(file(), FROM, TO).await;
    check_blind(&seen, "no log file var/api.log", "assay.toml");
    let seen = bench.look_for(file(), FROM, TO, Detail::State).await;
    check_blind(&seen, "no log file var/api.log", "assay.toml");

    fs::create_dir_all(bench.root().join("var")).unwrap();
    let pipe = bench.root().join("var/api.log");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let seen = bench.look(file(), FROM, TO).await;
    check_blind(&seen, "var/api.log is not a file", "writes to");
}

#[tokio::test]
async fn a_program_prints_the_log() {
    let bench = Bench::new();
    bench.write("here", "");
    let script = "ls here; echo from:$0,to:$1; echo 2026-11-23T09:00:00Z early; echo 2026-11-23T10:30:00Z in";
    let seen = bench
        .look(
            command(&["sh", "-c", script, "{since}", "{until}"]),
            FROM,
            TO,
        )
        .await;
    assert_eq!(
        only_log(&seen),
        "here\nfrom:2026-11-23T10:00:00.000Z,to:2026-11-23T11:00:00.000Z\n\
         2026-11-23T10:30:00.000Z in\n"
    );
    assert_eq!(seen.instances[0].instance.observer, "command");
}

#[tokio::test]
async fn a_program_is_not_run_for_a_look_at_states() {
    let bench = Bench::new();
    let touch = command(&["touch", "ran"]);
    let seen = bench.look_for(touch, FROM, TO, Detail::State).await;
    assert!(seen.instances.is_empty() && !bench.root().join("ran").exists());
}

#[tokio::test]
async fn programs_that_fail_are_named() {
    let bench = Bench::new();
    let fails = command(&["sh", "-c", "echo some; echo not logged in >&2; exit 7"]);
    let seen = bench.look(fails, FROM, TO).await;
    check_blind(&seen, "exit code 7: not logged in", "");
    assert!(seen.instances.is_empty());
    let seen = bench
        .look(command(&["no-such-program-here"]), FROM, TO)
        .await;
    check_blind(
        &seen,
        "cannot find the program no-such-program-here",
        "PATH",
    );
    let seen = bench.look(command(&["echo", "{from}"]), FROM, TO).await;
    check_blind(&seen, "unknown placeholder {from}", "{since} and {until}");
    let seen = bench.look(command(&[]), FROM, TO).await;
    check_blind(&seen, "the command is empty", "program");
}

#[tokio::test]
async fn a_program_that_hangs_is_ended_with_all_its_children() {
    let bench = Bench::new();
    let hangs = command(&["sh", "-c", "sleep 600 & echo $! > child; wait"]);
    let begun = Instant::now();
    let seen = bench.look(hangs, FROM, TO).await;
    assert!(
        begun.elapsed() < Duration::from_secs(6),
        "{:?}",
        begun.elapsed()
    );
    check_blind(&seen, "gave no answer within 44", "see what it waits for");
    let child = fs::read_to_string(bench.root().join("child")).unwrap();
    let child: u32 = child.trim().parse().unwrap();
    while assay_world::identity(child).is_some() {
        assert!(begun.elapsed() < Duration::from_secs(15), "it lives");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_flood_is_bounded() {
    let bench = Bench::new();
    let flood = command(&[
        "sh",
        "-c",
        "yes 0123456789 | head -c 50000000; echo; echo last",
    ]);
    let seen = bench.look(flood, FROM, TO).await;
    let log = only_log(&seen);
    assert!(
        log.len() <= 512 * 1024 && log.ends_with("\nlast\n"),
        "{}",
        log.len()
    );
}
