//! The journal, read by the real `journalctl` from a file that journald wrote, and by programs
//! that fail in its ways.

use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use assay_model::{Detail, InstanceState, Observe, Sightings};
use flate2::read::GzDecoder;

use crate::support::{Bench, check_blind, log, only_log, reasons};

const FROM: &str = "2026-11-23T22:00:00Z";
const TO: &str = "2026-11-23T23:00:00Z";

fn unit() -> Observe {
    Observe::Journald {
        unit: "api.service".to_owned(),
        user: false,
    }
}

/// A bench whose `journalctl` is the real one, on the recorded file.
fn recorded() -> Bench {
    let mut bench = Bench::new();
    let packed = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/journal/api.journal.gz");
    let journal = bench.root().join("api.journal");
    io::copy(
        &mut GzDecoder::new(File::open(packed).unwrap()),
        &mut File::create(&journal).unwrap(),
    )
    .unwrap();
    let line = format!("exec journalctl --file='{}' \"$@\"", journal.display());
    bench.programs.journalctl = bench.script("bin/journalctl", &line);
    bench
}

fn systemctl(bench: &mut Bench, shown: &str) {
    let line = format!("[ \"$1\" = show ] || exit 64\nprintf '{shown}'");
    bench.programs.systemctl = bench.script("bin/systemctl", &line);
}

fn exits(seen: &Sightings) -> Vec<String> {
    let exits = seen.instances[0].instance.exits.iter();
    exits
        .map(|exit| {
            let asked = if exit.requested { ", on request" } else { "" };
            format!("{}{asked}", exit.describe())
        })
        .collect()
}

#[tokio::test]
async fn a_recorded_journal_tells_the_story_of_its_unit() {
    let mut bench = recorded();
    systemctl(
        &mut bench,
        "LoadState=loaded\\nActiveState=inactive\\nSubState=dead\\n",
    );
    let seen = bench.look(unit(), FROM, TO).await;
    assert_eq!(reasons(&seen), [""; 0]);
    let instance = &seen.instances[0].instance;
    assert_eq!(
        (
            instance.id.as_str(),
            instance.observer.as_str(),
            instance.state,
            instance.starts
        ),
        ("api.service", "journald", InstanceState::Stopped, 3)
    );
    assert_eq!(
        exits(&seen),
        [
            "exit code 3",
            "signal 9, out of memory",
            "signal 15, on request"
        ]
    );
    assert_eq!(instance.exits[0].uptime_ms, 1_065);
    let kinds: Vec<_> = instance
        .events
        .iter()
        .map(|event| event.kind.as_str())
        .collect();
    assert!(
        kinds.contains(&"oom") && kinds.contains(&"restart scheduled"),
        "{kinds:?}"
    );
    let log = only_log(&seen);
    assert!(
        log.contains(
            "\n2026-11-23T22:28:26.715Z Traceback (most recent call last):\n\
             2026-11-23T22:28:26.715Z   File \"main.py\", line 3\n\
             2026-11-23T22:28:26.715Z KeyError: 'DATABASE_URL'\n"
        ),
        "{log}"
    );
    assert!(log.contains("caf\u{fffd} \u{1} is not UTF-8"), "{log}");
    let record = &seen.instances[0].record.as_ref().unwrap().1;
    let record = String::from_utf8_lossy(record);
    assert!(record.contains("ActiveState=inactive"), "{record}");
    assert!(record.contains("status=3/NOTIMPLEMENTED"), "{record}");
}

#[tokio::test]
async fn the_window_is_kept() {
    let mut bench = recorded();
    systemctl(&mut bench, "ActiveState=active\\nSubState=running\\n");
    let seen = bench
        .look(
            unit(),
            "2026-11-23T22:28:27.300Z",
            "2026-11-23T22:28:27.390Z",
        )
        .await;
    assert_eq!(exits(&seen), ["exit code 3"]);
    assert_eq!(only_log(&seen).lines().count(), 4);
    let state = bench.look_for(unit(), FROM, TO, Detail::State).await;
    assert_eq!(state.instances[0].log, None);
    assert_eq!(exits(&state).len(), 3);
}

#[tokio::test]
async fn without_systemd_the_journal_still_speaks() {
    let mut bench = recorded();
    bench.programs.systemctl = bench.script(
        "bin/systemctl",
        "echo 'System has not been booted with systemd as init system (PID 1).' >&2; exit 1",
    );
    let seen = bench.look(unit(), FROM, TO).await;
    assert_eq!(seen.instances[0].instance.state, InstanceState::Unknown);
    assert_eq!(exits(&seen).len(), 3);
    check_blind(&seen, "has not been booted", "systemd does not run here");
}

#[tokio::test]
async fn programs_that_fail_are_named() {
    let mut bench = Bench::new();
    let seen = bench.look(unit(), FROM, TO).await;
    check_blind(
        &seen,
        "cannot find the program no-such-program-here",
        "PATH",
    );

    let said = "No journal files were opened due to insufficient permissions.";
    bench.programs.journalctl =
        bench.script("bin/journalctl", &format!("echo '{said}' >&2; exit 1"));
    systemctl(&mut bench, "ActiveState=active\\n");
    let seen = bench.look(unit(), FROM, TO).await;
    check_blind(&seen, said, "systemd-journal");

    bench.programs.journalctl = bench.script("bin/journalctl", "exit 0");
    systemctl(&mut bench, "LoadState=not-found\\nActiveState=inactive\\n");
    let seen = bench.look(unit(), FROM, TO).await;
    check_blind(&seen, "no unit api.service", "list-units");
}

#[tokio::test]
async fn a_program_that_hangs_is_cut_off_and_named() {
    let mut bench = Bench::new();
    bench.programs.journalctl = bench.script("bin/journalctl", "sleep 600 & wait");
    systemctl(&mut bench, "ActiveState=active\\n");
    let begun = Instant::now();
    let seen = bench.look(unit(), FROM, TO).await;
    assert!(
        begun.elapsed() < Duration::from_secs(6),
        "{:?}",
        begun.elapsed()
    );
    check_blind(&seen, "gave no answer within 44", "journalctl");
}

#[tokio::test]
async fn what_is_no_message_is_no_harm() {
    let mut bench = Bench::new();
    let lines = [
        r#"{"__REALTIME_TIMESTAMP":"1795473000000001","MESSAGE":null}"#,
        r#"{"__REALTIME_TIMESTAMP":"1795473000000000","MESSAGE":["a","b"]}"#,
        r#"{"__REALTIME_TIMESTAMP":"never","MESSAGE":"x"}"#,
        "torn {",
    ];
    let answer = bench.write("answer.json", lines.join("\n"));
    bench.programs.journalctl =
        bench.script("bin/journalctl", &format!("cat '{}'", answer.display()));
    systemctl(&mut bench, "ActiveState=active\\nSubState=running\\n");
    let seen = bench.look(unit(), FROM, TO).await;
    assert_eq!(
        log(&seen.instances[0]),
        "2026-11-23T22:30:00.000Z a\n2026-11-23T22:30:00.000Z b\n2026-11-23T22:30:00.000Z \n"
    );
}
