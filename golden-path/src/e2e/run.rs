//! From arguments to an exit code.

use std::ffi::OsString;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use clap::Parser;
use libtest_mimic::{Failed, FormatSetting, Trial};
use serde_json::Value;

use super::args::Args;
use super::case::Case;
use super::cases;
use super::context::{Failure, Test};
use super::json::{self, Ended, Totals};

/// What libtest's harnesses exit with when a test failed.
const EXIT_FAILED: u8 = 101;
/// Wrong arguments.
const EXIT_USAGE: u8 = 2;
/// Tests at once when nobody says, and never more than this many.
const THREADS_DEFAULT: usize = 4;
const THREADS_MAX: usize = 64;

/// Runs the suite as libtest's harnesses run theirs: `--list`, filters, `--exact`, `--skip`,
/// `--ignored`, `--nocapture`, `--test-threads`, `--format pretty|terse|json`.
///
/// `args` are those after the program's name. The services are found by `AUTH_URL`, `BACKEND_URL`
/// and `FRONTEND_URL`. `--format json` prints one object a line in libtest's shape, with what each
/// test declares (list) and did (run); `--rename OLD=NEW` renames services in the list; `--sample`
/// takes the sample suite. Exit codes: 0 every chosen test passed, 101 one failed, 2 wrong
/// arguments. May be repeated and run in parallel: every test makes its own users.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words = std::iter::once(OsString::from("e2e")).chain(args);
    let args = match Args::try_parse_from(words) {
        Ok(args) => args,
        Err(error) => {
            // Help goes to stdout with 0, everything else to stderr.
            let code = if error.use_stderr() { EXIT_USAGE } else { 0 };
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    let all = if args.sample {
        cases::sample()
    } else {
        cases::all()
    };
    if args.libtest.format != Some(FormatSetting::Json) {
        return ordinary(args, all);
    }
    let total = all.len();
    let chosen: Vec<Case> = all
        .into_iter()
        .filter(|case| args.chooses(case.name))
        .collect();
    if args.libtest.list {
        print_all(&json::list(&chosen, &args.rename));
        return ExitCode::SUCCESS;
    }
    let totals = run_json(&args, &chosen, total - chosen.len());
    if totals.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_FAILED)
    }
}

/// The formats that libtest-mimic prints.
fn ordinary(mut args: Args, all: Vec<Case>) -> ExitCode {
    // The crate knows one filter; where there are several, the choice is made here.
    let several = !args.more.is_empty();
    let trials = all
        .into_iter()
        .filter(|case| !several || args.chooses(case.name))
        .map(|case| {
            let run = move || {
                let ended = execute(&case);
                match ended.message {
                    None => Ok(()),
                    Some(message) => {
                        Err(Failed::from(format!("{message}\n{}", ended.record.notes)))
                    }
                }
            };
            Trial::test(case.name, run).with_ignored_flag(case.ignored)
        })
        .collect();
    if several {
        args.libtest.filter = None;
    }
    args.libtest.test_threads = Some(threads(&args));
    libtest_mimic::run(&args.libtest, trials).exit_code()
}

fn threads(args: &Args) -> usize {
    args.libtest
        .test_threads
        .unwrap_or(THREADS_DEFAULT)
        .clamp(1, THREADS_MAX)
}

fn run_json(args: &Args, chosen: &[Case], filtered_out: usize) -> Totals {
    let start = Instant::now();
    let (run, ignored): (Vec<Case>, Vec<Case>) = chosen
        .iter()
        .copied()
        .partition(|case| args.executes(case.ignored));
    print(&json::suite_started(chosen.len()));
    for case in &ignored {
        print(&json::test_started(case.name));
        print(&json::test_ignored(case.name));
    }
    let totals = Totals {
        ignored: ignored.len(),
        filtered_out,
        ..Totals::default()
    };
    let totals = Mutex::new(totals);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads(args).min(run.len()) {
            scope.spawn(|| {
                while let Some(case) = run.get(next.fetch_add(1, Ordering::Relaxed)) {
                    print(&json::test_started(case.name));
                    let ended = execute(case);
                    print(&json::test_ended(case.name, &ended));
                    let mut totals = totals.lock().unwrap_or_else(|held| held.into_inner());
                    match ended.message {
                        None => totals.passed += 1,
                        Some(_) => totals.failed += 1,
                    }
                }
            });
        }
    });
    let totals = totals.into_inner().unwrap_or_else(|held| held.into_inner());
    print(&json::suite_ended(totals, start.elapsed().as_secs_f64()));
    totals
}

/// Runs one test to its end, on a runtime of its own.
fn execute(case: &Case) -> Ended {
    let start = Instant::now();
    let test = Test::default();
    let body = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure(format!("runtime: {error}")))?;
        runtime.block_on((case.body)(&test))
    };
    let result = catch_unwind(AssertUnwindSafe(body))
        .unwrap_or_else(|_| Err(Failure("the test panicked".to_owned())));
    let exec_s = start.elapsed().as_secs_f64();
    let message = result
        .err()
        .map(|failure| failure.0.lines().next().unwrap_or("failed").to_owned());
    Ended {
        message,
        exec_s,
        record: test.record(),
    }
}

fn print_all(lines: &[Value]) {
    lines.iter().for_each(print);
}

/// One object, one line, at once: the reader may be waiting for it.
fn print(line: &Value) {
    let mut out = std::io::stdout().lock();
    // A reader that has gone wants no more lines, and the exit code still tells.
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}
