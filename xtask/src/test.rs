//! `cargo xtask test`: everything that must hold, and one line of totals at the end.

use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::check::{self, Checked};
use crate::command;
use crate::left_out::{self, LeftOut};
use crate::need::{self, Concerned, Need};
use crate::servers::Servers;
use crate::totals::Totals;
use crate::workspace;

/// What was asked for on the command line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Fail when a need cannot be met.
    strict: bool,
    /// Only tests whose name contains this.
    filter: Option<String>,
}

impl Options {
    pub(crate) fn parse(arguments: &[&str]) -> Result<Self, String> {
        let mut options = Self::default();
        for argument in arguments {
            match *argument {
                "--strict" => options.strict = true,
                flag if flag.starts_with('-') => return Err(format!("unknown option {flag}")),
                filter if options.filter.is_none() => options.filter = Some(filter.to_owned()),
                more => return Err(format!("one FILTER at most, and not {more} too")),
            }
        }
        Ok(options)
    }
}

/// Whether everything held. The last line printed is `N passed, N failed, N skipped`, where a
/// check counts as failed when it fails, and is not counted when it holds.
pub(crate) fn run(options: &Options) -> Result<bool, String> {
    let missing = need::missing();
    let mut totals = Totals::default();
    if let Some(problem) = refusal(&missing, options.strict) {
        println!("\n{problem}");
        totals.failed = u64::from(options.strict);
        println!("{totals}");
        return Ok(false);
    }
    // They come up while the checks and the build run, and end with this function or process.
    let mut servers = Servers::start()?;
    let checks = check::run_all();
    let started = Instant::now();
    let built = command::cargo(&["build", "--release", "--workspace"]);
    let build_seconds = started.elapsed().as_secs_f64();
    if built {
        let reached = servers.wait();
        totals = run_tests(options, &missing, &reached.variables)?;
        totals.failed += reached.failed.len() as u64;
        let failed = reached.failed.iter();
        totals
            .failures
            .extend(failed.map(|name| format!("{name} did not start")));
    } else {
        totals.failed += 1;
        totals.failures.push("cargo build".to_owned());
    }
    drop(servers);
    let not_run: Vec<(Vec<&Need>, u64)> = left_out::by_tests(&missing)
        .into_iter()
        .map(|(concerned, needs)| (needs, left_out::count(concerned)))
        .collect();
    totals.skipped += not_run.iter().map(|(_, count)| count).sum::<u64>();
    totals.failed += checks.iter().filter(|check| !check.passed).count() as u64;
    report(&checks, build_seconds, &not_run, &totals);
    Ok(totals.failed == 0 && totals.passed > 0)
}

/// Why nothing can be run at all.
fn refusal(missing: &[&Need], strict: bool) -> Option<String> {
    let is_vital = |need: &&&Need| strict || matches!(need.concerned, Concerned::Everything);
    let need = missing.iter().find(is_vital)?;
    let what = if strict {
        "and --strict does not go on without it"
    } else {
        "no test can run"
    };
    let programs = need.programs.join(", ");
    let root = if need.root_only { " as root" } else { "" };
    let package = need.package;
    Some(format!(
        "{}: none of {programs} can be run here, {what}; install {package} and run this again{root}",
        need.name
    ))
}

fn run_tests(
    options: &Options,
    missing: &[&Need],
    variables: &[(String, String)],
) -> Result<Totals, String> {
    let packages = workspace::packages(false)?;
    let tests: Vec<&str> = packages
        .iter()
        .flat_map(|package| package.tests.iter().map(String::as_str))
        .collect();
    let mut totals = Totals::default();
    for LeftOut { cargo, harness } in left_out::plan(missing, &tests) {
        let mut arguments = vec!["test", "--release", "--workspace", "--no-fail-fast"];
        arguments.extend(cargo);
        arguments.extend(options.filter.as_deref());
        if !harness.is_empty() {
            arguments.push("--");
            arguments.extend(harness);
        }
        run_cargo(&arguments, variables, &mut totals)?;
    }
    Ok(totals)
}

fn run_cargo(
    arguments: &[&str],
    variables: &[(String, String)],
    totals: &mut Totals,
) -> Result<(), String> {
    let failed_before = totals.failed;
    command::announce("cargo", arguments);
    let mut cargo = Command::new(command::cargo_program());
    if io::stdout().is_terminal() {
        cargo.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = cargo
        .args(arguments)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if let Some(output) = child.stdout.take() {
        pass_on(BufReader::new(output), totals)
            .map_err(|error| format!("cannot pass on the output of the tests: {error}"))?;
    }
    let status = child
        .wait()
        .map_err(|error| format!("cannot wait for cargo: {error}"))?;
    if !status.success() && totals.failed == failed_before {
        totals.failed += 1;
        totals.failures.push(format!("cargo test ({status})"));
    }
    Ok(())
}

/// Shows every line as it comes, and counts.
fn pass_on(mut output: impl BufRead, totals: &mut Totals) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line)? > 0 {
        stdout.write_all(&line)?;
        stdout.flush()?;
        totals.read_line(&String::from_utf8_lossy(&line));
        line.clear();
    }
    Ok(())
}

fn report(checks: &[Checked], build_seconds: f64, not_run: &[(Vec<&Need>, u64)], totals: &Totals) {
    println!();
    for Checked {
        name,
        passed,
        seconds,
    } in checks
    {
        println!(
            "check {name:<14} {:<6} {seconds:>6.1} s",
            if *passed { "ok" } else { "FAILED" }
        );
    }
    println!("{:<20} {:<6} {build_seconds:>6.1} s", "build", "");
    for (needs, count) in not_run {
        let list = |word: fn(&Need) -> &str| {
            let words: Vec<&str> = needs.iter().map(|need| word(need)).collect();
            words.join(", ")
        };
        let root = if needs.iter().any(|need| need.root_only) {
            ", as root"
        } else {
            ""
        };
        println!(
            "not run: {count} tests that need {} (install {}{root})",
            list(|need| need.name),
            list(|need| need.package),
        );
    }
    for name in &totals.failures {
        println!("FAILED {name}");
    }
    println!("{totals}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &[&str], expected: Result<(bool, Option<&str>), &str>) {
        let got = Options::parse(arguments);
        let expected = expected.map(|(strict, filter)| Options {
            strict,
            filter: filter.map(str::to_owned),
        });
        assert_eq!(got.as_ref().ok(), expected.as_ref().ok(), "{arguments:?}");
        if let (Err(got), Err(part)) = (got, expected) {
            assert!(got.contains(part), "{arguments:?}: {got}");
        }
    }

    #[test]
    fn options_are_read() {
        check(&[], Ok((false, None)));
        check(&["--strict"], Ok((true, None)));
        check(&["url", "--strict"], Ok((true, Some("url"))));
        check(&["--stict"], Err("--stict"));
        check(&["a", "b"], Err("not b too"));
    }

    const SERVER: Need = Need {
        name: "a server",
        concerned: Concerned::Named(&["server"]),
        programs: &["serverd"],
        package: "server",
        root_only: false,
    };
    const TOOL: Need = Need {
        name: "a tool",
        concerned: Concerned::Packages(&["one", "two"]),
        programs: &["tool"],
        package: "tool",
        root_only: false,
    };
    const COMPILER: Need = Need {
        name: "a compiler",
        concerned: Concerned::Everything,
        programs: &["cc"],
        package: "cc",
        root_only: false,
    };

    #[test]
    fn nothing_is_run_where_nothing_works() {
        assert_eq!(refusal(&[], true), None);
        assert_eq!(refusal(&[&SERVER, &TOOL], false), None);
        assert!(refusal(&[&SERVER], true).unwrap().contains("a server"));
        assert!(
            refusal(&[&TOOL, &COMPILER], false)
                .unwrap()
                .contains("a compiler")
        );
    }
}
