//! What the tests and benchmarks need beyond the Rust toolchain.

use std::process::Command;

use crate::command;

/// Something that must be on the machine.
pub(crate) struct Need {
    pub(crate) name: &'static str,
    /// Which tests cannot run without it.
    pub(crate) concerned: Concerned,
    /// Any of these programs will do.
    pub(crate) programs: &'static [&'static str],
    /// The package that brings one of them, on Debian and its kin.
    pub(crate) package: &'static str,
    /// Whether nobody else can run it.
    pub(crate) root_only: bool,
}

/// The tests that a need is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Concerned {
    /// Nothing can even be built.
    Everything,
    /// All tests of these packages.
    Packages(&'static [&'static str]),
    /// Tests whose name contains one of these, and all in files whose name begins with one.
    Named(&'static [&'static str]),
}

/// Tests of real servers. Most of them need one server only, but a run with some of them away is
/// one to look at anyway.
const OF_SERVERS: Concerned = Concerned::Named(&["real_"]);

const fn server(
    name: &'static str,
    program: &'static [&'static str],
    package: &'static str,
) -> Need {
    Need {
        name,
        concerned: OF_SERVERS,
        programs: program,
        package,
        root_only: false,
    }
}

pub(crate) const NEEDS: &[Need] = &[
    Need {
        name: "C compiler",
        concerned: Concerned::Everything,
        programs: &["cc", "gcc", "clang"],
        package: "gcc",
        root_only: false,
    },
    Need {
        name: "git",
        concerned: Concerned::Packages(&[
            "assay",
            "assay-world",
            "assay-deploy",
            "assay-remedy",
            "assay-stability",
            "assay-publish",
            "assay-engine",
            "golden-path",
        ]),
        programs: &["git"],
        package: "git",
        root_only: false,
    },
    Need {
        name: "Python",
        concerned: Concerned::Named(&["with_the_example", "the_real_python"]),
        programs: &["python3"],
        package: "python3",
        root_only: false,
    },
    server("PostgreSQL", &["postgres"], "postgresql"),
    server("Redis", &["redis-server"], "redis-server"),
    server("ClickHouse", &["clickhouse-server"], "clickhouse-server"),
    server("nginx", &["nginx"], "nginx"),
    Need {
        root_only: true,
        ..server("Docker Engine", &["dockerd"], "docker.io")
    },
];

/// What the benchmarks compare with: program and package. A benchmark says which it had to leave
/// out.
const PEERS: &[(&str, &str)] = &[
    ("curl", "curl"),
    ("rg", "ripgrep"),
    (
        "prometheus-blackbox-exporter",
        "prometheus-blackbox-exporter",
    ),
];

/// The needs that are not met, after an attempt to install what is missing.
pub(crate) fn missing() -> Vec<&'static Need> {
    let unmet_now = || {
        unmet(NEEDS, command::is_root(), |program| {
            command::find(program).is_some()
        })
    };
    let absent = unmet_now();
    let packages: Vec<&str> = absent.iter().map(|need| need.package).collect();
    if packages.is_empty() || !install(&packages) {
        return absent;
    }
    unmet_now()
}

/// Installs what the benchmarks compare with, where this process may.
pub(crate) fn bring_peers() {
    let absent = PEERS
        .iter()
        .filter(|(program, _)| command::find(program).is_none());
    let packages: Vec<&str> = absent.map(|(_, package)| *package).collect();
    if !packages.is_empty() {
        install(&packages);
    }
}

/// How to get the program.
pub(crate) fn hint(program: &str) -> String {
    find(program).map_or_else(String::new, |need| format!("install {}", need.package))
}

/// Whether nobody but root can run the program.
pub(crate) fn is_for_root_only(program: &str) -> bool {
    find(program).is_some_and(|need| need.root_only)
}

fn find(program: &str) -> Option<&'static Need> {
    NEEDS.iter().find(|need| need.programs.contains(&program))
}

fn unmet(needs: &[Need], is_root: bool, is_here: impl Fn(&str) -> bool) -> Vec<&Need> {
    let is_met = |need: &&Need| {
        (is_root || !need.root_only) && need.programs.iter().any(|program| is_here(program))
    };
    needs.iter().filter(|need| !is_met(need)).collect()
}

/// Installs packages where this process may; whether anything was done.
fn install(packages: &[&str]) -> bool {
    if !command::is_root() || command::find("apt-get").is_none() {
        return false;
    }
    let mut arguments = vec!["install", "-y", "--no-install-recommends"];
    arguments.extend(packages);
    for arguments in [vec!["update"], arguments] {
        command::announce("apt-get", &arguments);
        let mut apt = Command::new("apt-get");
        command::succeeds(apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive"));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All programs of the needs, but for those given.
    fn check(root: bool, absent: &[&str], expected: &[&str]) {
        let unmet = unmet(NEEDS, root, |program| !absent.contains(&program));
        let names: Vec<&str> = unmet.iter().map(|need| need.name).collect();
        assert_eq!(names, expected, "root: {root}, without {absent:?}");
    }

    #[test]
    fn a_need_is_met_by_any_of_its_programs() {
        check(true, &[], &[]);
        check(true, &["gcc", "cc"], &[]);
        check(true, &["gcc", "cc", "clang"], &["C compiler"]);
        check(true, &["git", "postgres"], &["git", "PostgreSQL"]);
    }

    #[test]
    fn what_only_root_can_run_is_missing_for_others() {
        check(false, &[], &["Docker Engine"]);
        check(false, &["nginx"], &["nginx", "Docker Engine"]);
        assert!(is_for_root_only("dockerd"));
        assert!(!is_for_root_only("nginx"));
        assert_eq!(hint("dockerd"), "install docker.io");
    }
}
