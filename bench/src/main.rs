//! Measures assay side by side with what it could have been built on instead.
//!
//! One benchmark is one file with a `run` function, and one line in `BENCHMARKS`. Without an
//! argument all of them run. A requirement that is not met ends the program with 1.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its output is its purpose"
)]

use std::process::ExitCode;

mod demo;
mod endpoints;
mod init;
mod journal;
mod measure;
mod ready;
mod startup;
mod table;

use table::Measured;

/// A name, and what is run under it.
type Benchmark = (&'static str, fn() -> Measured);

const BENCHMARKS: &[Benchmark] = &[
    ("journal", journal::run),
    ("demo", demo::run),
    ("ready", ready::run),
    ("ready-overhead", ready::run_overhead),
    ("init", init::run),
    ("startup", startup::run),
];

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(arguments) = endpoints::asked_for(&wanted) {
        return match endpoints::serve(arguments) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: cannot serve: {error}");
                ExitCode::from(3)
            }
        };
    }
    let unknown = wanted
        .iter()
        .find(|name| BENCHMARKS.iter().all(|(known, _)| known != name));
    if let Some(unknown) = unknown {
        let known: Vec<&str> = BENCHMARKS.iter().map(|(name, _)| *name).collect();
        eprintln!(
            "error: no benchmark {unknown}\nhint: there are {}",
            known.join(", ")
        );
        return ExitCode::from(2);
    }
    let mut code = ExitCode::SUCCESS;
    for (name, run) in BENCHMARKS {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == name) {
            continue;
        }
        match run() {
            Ok(table) => {
                println!("{name}\n{table}");
                if !table.met() {
                    code = ExitCode::from(1);
                }
            }
            Err(error) => {
                eprintln!("error: benchmark {name} could not run: {error}");
                return ExitCode::from(3);
            }
        }
    }
    code
}
