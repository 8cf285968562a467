//! `kill -9` at any moment, then `assay resume`: the run comes to the same end as if nothing had
//! happened, no roll-out is done twice, and nothing is left running.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use support::{Essence, Scratch, bodies, text};

/// Kill points; the last [`TWICE`] of them kill the resumed run as well.
const POINTS: usize = 34;

/// Points at which the resumed run is killed too.
const TWICE: usize = 4;

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

/// One point: killed at `rows` events, and again `again` events later if given. Says whether the
/// run was still alive when it was to be killed.
fn check(rows: u64, again: Option<u64>, expected: &Essence) -> bool {
    let scratch = Scratch::new();
    let mut demo = scratch.start_demo(&["--small"]);
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
        assert!(
            output.status.success(),
            "killed at {rows}: {}",
            text(&output)
        );
    }
    let events = scratch.events();
    assert_eq!(
        &Essence::of(&events),
        expected,
        "killed at {rows}, again {again:?}"
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

#[test]
fn a_killed_run_is_resumed_to_the_same_end() {
    let undisturbed = Scratch::new();
    let output = undisturbed.demo(&["--small"]);
    assert!(output.status.success(), "{}", text(&output));
    let events = undisturbed.events();
    let expected = Essence::of(&events);
    assert_eq!(expected.end, "repaired");
    every_kind_occurs(&events);
    undisturbed.expect_no_process();
    let total = events.len() as u64;

    let mut seeded = Seeded(0x00A5_5A71);
    let points: Vec<(u64, Option<u64>)> = (0..POINTS as u64)
        .map(|n| {
            // Spread over the whole run, each somewhere in a stretch of its own.
            let stretch = total / POINTS as u64;
            let rows = 1 + n * stretch + seeded.next() % stretch.max(1);
            let again = (n >= (POINTS - TWICE) as u64).then(|| 2 + seeded.next() % 20);
            (rows.min(total), again)
        })
        .collect();

    let (next, killed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                while let Some((rows, again)) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let alive = check(*rows, *again, &expected);
                    killed.fetch_add(usize::from(alive), Ordering::Relaxed);
                }
            });
        }
    });
    let killed = killed.into_inner();
    assert!(
        killed >= 30,
        "only {killed} of {POINTS} points killed a live run"
    );
}

/// The scenario is small, and still holds every kind of event that a whole repair has.
fn every_kind_occurs(events: &[serde_json::Value]) {
    for kind in [
        "run_started",
        "step_started",
        "step_finished",
        "act_started",
        "act_finished",
        "revision_built",
        "rollout_finished",
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
        "audited",
        "stability_judged",
        "published",
        "run_finished",
    ] {
        assert!(
            !bodies(events, kind).is_empty(),
            "no {kind} in the scenario"
        );
    }
}
