//! `kill -9` at any moment, then `assay resume`: the run comes to the same end as if nothing had
//! happened, no roll-out is done twice, and nothing is left running.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use support::{Essence, Scratch, bodies, text};

/// Points of each scenario at which the resumed run is killed too, the last ones.
const TWICE: u64 = 4;

/// Runs at the same time: more would only wait for each other on two cores.
const LANES: usize = 2;

/// A run that takes longer than this hangs.
const DEADLINE: Duration = Duration::from_secs(120);

/// A small generator with a seed of its own (SplitMix64), so that every run kills at the same
/// places.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// Kills `child` once the journal holds `rows`, or says that it ended before.
fn kill_at(scratch: &Scratch, child: &mut std::process::Child, rows: u64) -> bool {
    let deadline = Instant::now() + DEADLINE;
    while scratch.journal_rows() < rows {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(
            Instant::now() < deadline,
            "no {rows} events within {DEADLINE:?}"
        );
        std::thread::yield_now();
    }
    let pid = Pid::from_child(child);
    // It may have ended in this very moment.
    let sent = kill_process(pid, Signal::KILL).is_ok();
    let status = child.wait().unwrap();
    sent && status.signal() == Some(9)
}

/// What is killed, and how it ends undisturbed.
struct Scenario {
    args: &'static [&'static str],
    code: i32,
    end: &'static str,
    points: usize,
}

/// Together they hold every kind of event: a repair, a mend that does not hold, and an environment
/// that was disturbed on purpose.
const SCENARIOS: &[Scenario] = &[
    Scenario {
        args: &["--small"],
        code: 0,
        end: "repaired",
        points: 34,
    },
    Scenario {
        args: &["--small", "--incident", "half-renamed"],
        code: 4,
        end: "mitigated",
        points: 8,
    },
    Scenario {
        args: &["--small", "--incident", "auth-down"],
        code: 4,
        end: "mitigated",
        points: 6,
    },
];

/// One point: killed at `rows` events, and again `again` events later if given. Says whether the
/// run was still alive when it was to be killed.
fn check(scenario: &Scenario, rows: u64, again: Option<u64>, expected: &Essence) -> bool {
    let scratch = Scratch::new();
    let mut demo = scratch.start_demo(scenario.args);
    let killed = kill_at(&scratch, &mut demo, rows);
    if let Some(again) = again.filter(|_| killed) {
        let mut resumed = support::assay()
            .arg("-C")
            .arg(scratch.path())
            .arg("resume")
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        kill_at(&scratch, &mut resumed, rows + again);
    }
    let ended = bodies(&scratch.events(), "run_finished").len() == 1;
    if !ended {
        let output = scratch.run(&["resume"]);
        let code = output.status.code();
        assert_eq!(
            code,
            Some(scenario.code),
            "killed at {rows}: {}",
            text(&output)
        );
    }
    let events = scratch.events();
    let found = Essence::of(&events);
    assert_eq!(
        &found, expected,
        "{:?} killed at {rows}, again {again:?}",
        scenario.args
    );
    let verified = scratch.run(&["verify"]);
    assert!(
        verified.status.success(),
        "killed at {rows}: {}",
        text(&verified)
    );

    // Every act has one result, and every roll-out one end.
    let mut finished: BTreeMap<String, usize> = BTreeMap::new();
    for body in bodies(&events, "rollout_finished") {
        let id = body["rollout"]["request"]["id"].to_string();
        *finished.entry(id).or_default() += 1;
    }
    assert!(
        finished.values().all(|n| *n == 1),
        "killed at {rows}: {finished:?}"
    );
    if ended {
        // Killed between its last event and stopping what it had started.
        assert!(scratch.run(&["down"]).status.success());
    }
    scratch.expect_no_process();
    killed
}

/// Kills one scenario at its points; gives how many runs were alive then, and which kinds of event
/// the undisturbed run has.
fn sweep(scenario: &Scenario, seed: u64) -> (usize, BTreeSet<String>) {
    let undisturbed = Scratch::new();
    let output = undisturbed.demo(scenario.args);
    assert_eq!(
        output.status.code(),
        Some(scenario.code),
        "{}",
        text(&output)
    );
    let events = undisturbed.events();
    let expected = Essence::of(&events);
    assert_eq!(expected.end, scenario.end);
    undisturbed.expect_no_process();

    let (total, parts) = (events.len() as u64, scenario.points as u64);
    let mut seeded = Seeded(seed);
    let points: Vec<(u64, Option<u64>)> = (0..parts)
        .map(|n| {
            // Spread over the whole run, each somewhere in a stretch of its own.
            let stretch = total / parts;
            let rows = 1 + n * stretch + seeded.next() % stretch.max(1);
            let again = (n >= parts.saturating_sub(TWICE)).then(|| 2 + seeded.next() % 20);
            (rows.min(total), again)
        })
        .collect();

    let (next, killed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                while let Some((rows, again)) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let alive = check(scenario, *rows, *again, &expected);
                    killed.fetch_add(usize::from(alive), Ordering::Relaxed);
                }
            });
        }
    });
    let kind = |event: &serde_json::Value| event["body"]["kind"].as_str().unwrap().to_owned();
    (killed.into_inner(), events.iter().map(kind).collect())
}

#[test]
fn a_killed_run_is_resumed_to_the_same_end() {
    let mut kinds = BTreeSet::new();
    let mut killed = 0;
    for (scenario, seed) in SCENARIOS.iter().zip(0x00A5_5A71..) {
        let (alive, seen) = sweep(scenario, seed);
        killed += alive;
        kinds.extend(seen);
    }
    assert!(killed >= 30, "only {killed} points killed a live run");
    for kind in EVERY_KIND {
        assert!(kinds.contains(*kind), "no {kind} in any scenario");
    }
}

/// Every kind of event but `run_resumed`, which the kill itself brings, and `history_seen`, which
/// only a second run of a project has (killed in `deploy.rs`).
const EVERY_KIND: &[&str] = &[
    "run_started",
    "step_started",
    "step_finished",
    "act_started",
    "act_finished",
    "revision_built",
    "rollout_finished",
    "disturbed",
    "health_observed",
    "tests_selected",
    "attempt_finished",
    "execution_judged",
    "service_observed",
    "diagnosed",
    "remedy_planned",
    "rollout_requested",
    "build_requested",
    "mended",
    "reproduced",
    "reverted",
    "audited",
    "stability_judged",
    "published",
    "run_finished",
];
