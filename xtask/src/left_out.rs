//! The tests that are left out where something that they need is missing, and how many they are.

use std::collections::BTreeSet;
use std::process::Command;

use crate::command;
use crate::need::{Concerned, Need};

/// Arguments that leave out tests.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftOut<'t> {
    /// For cargo.
    pub(crate) cargo: Vec<&'t str>,
    /// For the harness of each test program.
    pub(crate) harness: Vec<&'t str>,
}

/// What cargo has to be run with, once for each item, so that every test but those that `missing`
/// concerns is run. `tests` are the names of the integration tests' programs.
pub(crate) fn plan<'t>(missing: &[&'t Need], tests: &[&'t str]) -> Vec<LeftOut<'t>> {
    let (mut packages, mut names) = (BTreeSet::new(), BTreeSet::new());
    for need in missing {
        match need.concerned {
            Concerned::Everything => {}
            Concerned::Packages(list) => packages.extend(list),
            Concerned::Named(list) => names.extend(list),
        }
    }
    let excluded = packages
        .into_iter()
        .flat_map(|&package| ["--exclude", package]);
    let mut all = LeftOut {
        cargo: excluded.collect(),
        harness: names.iter().flat_map(|&&name| ["--skip", name]).collect(),
    };
    let is_left_out = |test: &str| names.iter().any(|name| test.starts_with(**name));
    if !tests.iter().any(|test| is_left_out(test)) {
        return vec![all];
    }
    // Cargo can leave out a package but no program, so that those to run are named. It runs
    // examples in documentation either beside everything or alone.
    let documentation = LeftOut {
        cargo: [&all.cargo[..], &["--doc"]].concat(),
        harness: all.harness.clone(),
    };
    let others: BTreeSet<&str> = tests
        .iter()
        .copied()
        .filter(|test| !is_left_out(test))
        .collect();
    all.cargo.extend(["--lib", "--bins", "--examples"]);
    all.cargo
        .extend(others.into_iter().flat_map(|test| ["--test", test]));
    vec![all, documentation]
}

/// Needs of the same tests together, so that no test is counted twice.
pub(crate) fn by_tests<'n>(missing: &[&'n Need]) -> Vec<(Concerned, Vec<&'n Need>)> {
    let mut groups: Vec<(Concerned, Vec<&Need>)> = Vec::new();
    for need in missing {
        match groups
            .iter_mut()
            .find(|(group, _)| *group == need.concerned)
        {
            Some((_, needs)) => needs.push(need),
            None => groups.push((need.concerned, vec![need])),
        }
    }
    groups
}

/// How many tests could not run.
pub(crate) fn count(concerned: Concerned) -> u64 {
    const ALL: [&str; 3] = ["--lib", "--bins", "--tests"];
    match concerned {
        Concerned::Everything => 0,
        Concerned::Packages(packages) => {
            let packages = packages.iter().flat_map(|package| ["-p", package]);
            list(&packages.chain(ALL).collect::<Vec<_>>()).len() as u64
        }
        Concerned::Named(names) => {
            let mut tests: Vec<String> = list(&[&["--workspace"][..], &ALL].concat());
            tests.retain(|test| names.iter().any(|name| test.contains(name)));
            for name in names {
                let files = format!("{name}*");
                let in_files = list(&["--workspace", "--test", &files]);
                tests.extend(in_files.into_iter().filter(|test| !test.contains(name)));
            }
            tests.len() as u64
        }
    }
}

/// Names of the tests that cargo finds with these arguments.
fn list(arguments: &[&str]) -> Vec<String> {
    let mut cargo = Command::new(command::cargo_program());
    cargo.args(["test", "--release", "--quiet"]).args(arguments);
    cargo.args(["--", "--list", "--format", "terse"]);
    let listed = command::output(&mut cargo).unwrap_or_else(|problem| {
        eprintln!("xtask: cannot list the tests that were not run: {problem}");
        String::new()
    });
    names(&listed)
}

fn names(listed: &str) -> Vec<String> {
    let tests = listed
        .lines()
        .filter_map(|line| line.strip_suffix(": test"));
    tests.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: Need = Need {
        name: "a server",
        concerned: Concerned::Named(&["real_"]),
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

    fn check(missing: &[&Need], tests: &[&str], expected: &[(&str, &str)]) {
        let got: Vec<(String, String)> = plan(missing, tests)
            .iter()
            .map(|LeftOut { cargo, harness }| (cargo.join(" "), harness.join(" ")))
            .collect();
        let expected: Vec<(String, String)> = expected
            .iter()
            .map(|&(cargo, harness)| (cargo.to_owned(), harness.to_owned()))
            .collect();
        assert_eq!(got, expected, "{tests:?}");
    }

    #[test]
    fn what_needs_something_missing_is_left_out() {
        check(&[], &["real_store", "url"], &[("", "")]);
        check(
            &[&TOOL],
            &["real_store"],
            &[("--exclude one --exclude two", "")],
        );
        check(&[&SERVER], &["unreal_store"], &[("", "--skip real_")]);
        check(
            &[&SERVER],
            &["url", "real_store", "demo", "url"],
            &[
                (
                    "--lib --bins --examples --test demo --test url",
                    "--skip real_",
                ),
                ("--doc", "--skip real_"),
            ],
        );
        check(
            &[&SERVER, &TOOL],
            &["real_store"],
            &[
                (
                    "--exclude one --exclude two --lib --bins --examples",
                    "--skip real_",
                ),
                ("--exclude one --exclude two --doc", "--skip real_"),
            ],
        );
    }

    #[test]
    fn needs_of_the_same_tests_are_counted_once() {
        let other = Need { ..SERVER };
        let groups = by_tests(&[&SERVER, &TOOL, &other]);
        let sizes: Vec<usize> = groups.iter().map(|(_, needs)| needs.len()).collect();
        assert_eq!(sizes, [2, 1]);
    }

    #[test]
    fn only_tests_are_counted() {
        let listed = "a::server_up: test\nb::url: test\nc: benchmark\n\n2 tests, 0 benchmarks\n";
        assert_eq!(names(listed), ["a::server_up", "b::url"]);
    }
}
