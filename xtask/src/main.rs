//! The project's own chores: `cargo xtask test`, `servers`, `bench` and `tidy`.
//!
//! `test` makes sure that what the tests need is there (`need`), starts real servers for them
//! (`servers`), runs the checks (`check`, with `tidy` and `deny` among them) and the tests, and
//! sums what they report (`totals`). Everything
//! that a chore runs is a command that could be typed; it is printed before it runs.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "chores talk to a developer"
)]

mod check;
mod command;
mod deny;
mod left_out;
mod licence;
mod need;
mod servers;
mod test;
mod tidy;
mod totals;
mod workspace;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test [--strict] [FILTER]   set up what the tests need, then check and run everything;
                             FILTER runs only tests whose name contains it;
                             --strict fails when a need cannot be met
  servers                    start the servers that the tests need, print how they are reached
                             (`export NAME='value'`, at last `# ready`), and stop them when
                             standard input closes
  bench [NAME]               run the benchmarks, or one of them
  tidy                       check the rules that the compiler does not know
";

/// The same number as in assay itself: wrong usage.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["test", rest @ ..] => match test::Options::parse(rest) {
            Ok(options) => test::run(&options),
            Err(problem) => return usage(&problem),
        },
        ["bench", names @ ..] if names.len() <= 1 => {
            need::bring_peers();
            let run = ["run", "--release", "-p", "bench", "--"];
            Ok(command::cargo(&[&run[..], names].concat()))
        }
        ["servers"] => servers::run(),
        ["servers", "--guard"] => servers::guard(),
        ["tidy"] => tidy::run(),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        [] => return usage("no command"),
        _ => return usage(&format!("unknown command: {}", arguments.join(" "))),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn usage(problem: &str) -> ExitCode {
    eprint!("xtask: {problem}\n\n{USAGE}");
    ExitCode::from(EXIT_USAGE)
}
