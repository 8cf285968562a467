//! The checks that come before the tests.

use std::time::Instant;

use crate::{command, deny, tidy};

/// One check that ran.
pub(crate) struct Checked {
    pub(crate) name: &'static str,
    pub(crate) passed: bool,
    pub(crate) seconds: f64,
}

/// Runs every check, also after one has failed.
pub(crate) fn run_all() -> Vec<Checked> {
    let mut done = Vec::new();
    run(&mut done, "format", || {
        Ok(command::cargo(&["fmt", "--all", "--check"]))
    });
    run(&mut done, "tidy", tidy::run);
    run(&mut done, "clippy", || {
        let arguments = [
            "--release",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ];
        Ok(command::cargo(&[&["clippy"], &arguments[..]].concat()))
    });
    run(&mut done, "dependencies", deny::run);
    done
}

fn run(done: &mut Vec<Checked>, name: &'static str, check: impl Fn() -> Result<bool, String>) {
    let started = Instant::now();
    let passed = check().unwrap_or_else(|problem| {
        eprintln!("xtask: {name}: {problem}");
        false
    });
    done.push(Checked {
        name,
        passed,
        seconds: started.elapsed().as_secs_f64(),
    });
}
