//! What the tests need beyond the Rust toolchain.

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
}

/// The tests that a need is for.
pub(crate) enum Concerned {
    /// Nothing can even be built.
    Everything,
    /// All tests of these packages.
    Packages(&'static [&'static str]),
    /// Tests whose name contains one of these.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "servers that some tests will need")
    )]
    Named(&'static [&'static str]),
}

pub(crate) const NEEDS: &[Need] = &[
    Need {
        name: "C compiler",
        concerned: Concerned::Everything,
        programs: &["cc", "gcc", "clang"],
        package: "gcc",
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
    },
];

/// The needs that are not met, after an attempt to install what is missing.
pub(crate) fn missing() -> Vec<&'static Need> {
    let absent = unmet(NEEDS, |program| command::find(program).is_some());
    if absent.is_empty() {
        return absent;
    }
    if install(&absent) {
        return unmet(NEEDS, |program| command::find(program).is_some());
    }
    absent
}

fn unmet(needs: &[Need], is_here: impl Fn(&str) -> bool) -> Vec<&Need> {
    needs
        .iter()
        .filter(|need| !need.programs.iter().any(|program| is_here(program)))
        .collect()
}

/// Installs the packages of `needs` where this process may; whether anything was done.
fn install(needs: &[&Need]) -> bool {
    let is_root = command::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !is_root || command::find("apt-get").is_none() {
        return false;
    }
    let mut arguments = vec!["install", "-y", "--no-install-recommends"];
    arguments.extend(needs.iter().map(|need| need.package));
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

    fn check(present: &[&str], expected: &[&str]) {
        let absent = unmet(NEEDS, |program| present.contains(&program));
        let names: Vec<&str> = absent.iter().map(|need| need.name).collect();
        assert_eq!(names, expected, "with {present:?}");
    }

    #[test]
    fn a_need_is_met_by_any_of_its_programs() {
        check(&["git", "cc"], &[]);
        check(&["git", "clang"], &[]);
        check(&["gcc"], &["git"]);
        check(&[], &["C compiler", "git"]);
    }
}
