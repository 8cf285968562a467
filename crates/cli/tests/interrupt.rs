//! Ctrl-C stops everything that was started, and ends the run as `stopped`.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use rustix::process::{Pid, Signal, kill_process};
use support::{Essence, Scratch};

#[test]
fn ctrl_c_stops_everything() {
    let scratch = Scratch::new();
    let mut demo = scratch.start_demo(&["--small"]);
    // By then the services are up and tests are running.
    scratch.wait_for_rows(&mut demo, 60);
    kill_process(Pid::from_child(&demo), Signal::INT).unwrap();
    let status = demo.wait().unwrap();
    assert_eq!(status.code(), Some(4));
    scratch.expect_no_process();
    assert_eq!(Essence::of(&scratch.events()).end, "stopped");
    assert!(scratch.run(&["verify"]).status.success());
}
