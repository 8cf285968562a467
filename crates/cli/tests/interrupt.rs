//! Ctrl-C stops everything that was started, and ends the run as `stopped`.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use support::{Essence, Scratch};

#[test]
fn ctrl_c_stops_everything() {
    let scratch = Scratch::new();
    let mut demo = scratch.start_demo(&["--small"]);
    let deadline = Instant::now() + Duration::from_secs(60);
    // By then the services are up and tests are running.
    while scratch.journal_rows() < 60 {
        assert!(demo.try_wait().unwrap().is_none(), "ended early");
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    kill_process(Pid::from_child(&demo), Signal::INT).unwrap();
    let status = demo.wait().unwrap();
    assert_eq!(status.code(), Some(4));
    scratch.expect_no_process();
    assert_eq!(Essence::of(&scratch.events()).end, "stopped");
    assert!(scratch.run(&["verify"]).status.success());
}
