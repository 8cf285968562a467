//! `cargo xtask test`: everything that must hold, and one line of totals at the end.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::check::{self, Checked};
use crate::command;
use crate::need::{self, Concerned, Need};
use crate::totals::Totals;

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
    let checks = check::run_all();
    let started = Instant::now();
    let built = command::cargo(&["build", "--release", "--workspace"]);
    let build_seconds = started.elapsed().as_secs_f64();
    if built {
        totals = run_tests(options, &missing)?;
    } else {
        totals.failed += 1;
        totals.failures.push("cargo build".to_owned());
    }
    let not_run: Vec<(&Need, u64)> = missing
        .iter()
        .map(|need| (*need, count_concerned(need)))
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
    let package = need.package;
    Some(format!(
        "{}: none of {programs} is here, {what}; install {package}",
        need.name
    ))
}

/// Arguments that leave out the tests that `missing` concerns: for cargo, and for the harness.
fn left_out(missing: &[&Need]) -> (Vec<&'static str>, Vec<&'static str>) {
    let mut packages = BTreeSet::new();
    let mut names = BTreeSet::new();
    for need in missing {
        match need.concerned {
            Concerned::Everything => {}
            Concerned::Packages(list) => packages.extend(list),
            Concerned::Named(list) => names.extend(list),
        }
    }
    (
        packages
            .into_iter()
            .flat_map(|package| ["--exclude", package])
            .collect(),
        names
            .into_iter()
            .flat_map(|name| ["--skip", name])
            .collect(),
    )
}

fn run_tests(options: &Options, missing: &[&Need]) -> Result<Totals, String> {
    let (excluded, skipped) = left_out(missing);
    let mut arguments = vec!["test", "--release", "--workspace", "--no-fail-fast"];
    arguments.extend(excluded);
    arguments.extend(options.filter.as_deref());
    if !skipped.is_empty() {
        arguments.push("--");
        arguments.extend(skipped);
    }
    command::announce("cargo", &arguments);
    let mut cargo = Command::new(command::cargo_program());
    if io::stdout().is_terminal() {
        cargo.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = cargo
        .args(&arguments)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    let mut totals = Totals::default();
    if let Some(output) = child.stdout.take() {
        pass_on(BufReader::new(output), &mut totals)
            .map_err(|error| format!("cannot pass on the output of the tests: {error}"))?;
    }
    let status = child
        .wait()
        .map_err(|error| format!("cannot wait for cargo: {error}"))?;
    if !status.success() && totals.failed == 0 {
        totals.failed += 1;
        totals.failures.push(format!("cargo test ({status})"));
    }
    Ok(totals)
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

/// How many tests could not run for want of `need`.
fn count_concerned(need: &Need) -> u64 {
    let mut arguments = vec!["test", "--release", "--quiet"];
    let names: &[&str] = match need.concerned {
        Concerned::Everything => return 0,
        Concerned::Packages(packages) => {
            arguments.extend(packages.iter().flat_map(|package| ["-p", package]));
            &[""]
        }
        Concerned::Named(names) => {
            arguments.push("--workspace");
            names
        }
    };
    arguments.extend([
        "--lib", "--bins", "--tests", "--", "--list", "--format", "terse",
    ]);
    let mut cargo = Command::new(command::cargo_program());
    let listed = command::output(cargo.args(&arguments)).unwrap_or_else(|problem| {
        eprintln!(
            "xtask: cannot list the tests that need {}: {problem}",
            need.name
        );
        String::new()
    });
    count_listed(&listed, names)
}

fn count_listed(listed: &str, names: &[&str]) -> u64 {
    let tests = listed
        .lines()
        .filter_map(|line| line.strip_suffix(": test"));
    tests
        .filter(|test| names.iter().any(|name| test.contains(name)))
        .count() as u64
}

fn report(checks: &[Checked], build_seconds: f64, not_run: &[(&Need, u64)], totals: &Totals) {
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
    for (need, count) in not_run {
        println!(
            "not run: {count} tests that need {} (install {})",
            need.name, need.package
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
    };
    const TOOL: Need = Need {
        name: "a tool",
        concerned: Concerned::Packages(&["one", "two"]),
        programs: &["tool"],
        package: "tool",
    };
    const COMPILER: Need = Need {
        name: "a compiler",
        concerned: Concerned::Everything,
        programs: &["cc"],
        package: "cc",
    };

    #[test]
    fn what_is_missing_is_left_out_unless_nothing_works_without_it() {
        assert_eq!(refusal(&[], true), None);
        assert_eq!(refusal(&[&SERVER, &TOOL], false), None);
        assert!(refusal(&[&SERVER], true).unwrap().contains("a server"));
        assert!(
            refusal(&[&TOOL, &COMPILER], false)
                .unwrap()
                .contains("a compiler")
        );
        let (excluded, skipped) = left_out(&[&SERVER, &TOOL]);
        assert_eq!(excluded, ["--exclude", "one", "--exclude", "two"]);
        assert_eq!(skipped, ["--skip", "server"]);
    }

    #[test]
    fn tests_are_counted_by_name() {
        let listed = "a::server_up: test\nb::url: test\nc: benchmark\n\n2 tests, 0 benchmarks\n";
        assert_eq!(count_listed(listed, &["server"]), 1);
        assert_eq!(count_listed(listed, &[""]), 2);
    }
}
