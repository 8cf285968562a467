//! Which of our crates may depend on which. A new edge is a decision, made here.

use crate::workspace::Package;

/// What a crate may depend on.
enum May {
    /// These of ours.
    Use(&'static [&'static str]),
    /// All of ours.
    UseAnything,
}

use May::{Use, UseAnything};

/// Package → what it may depend on. Stages share `assay-model` and what lies below them, and
/// never each other; only `assay` (the `cli` crate) puts them together.
const ALLOWED: &[(&str, May)] = &[
    ("assay-model", Use(&[])),
    ("assay-config", Use(&["assay-model"])),
    ("assay-journal", Use(&["assay-model"])),
    ("assay-world", Use(&["assay-model"])),
    ("assay-probe", Use(&["assay-model"])),
    ("assay-gateway", Use(&["assay-model", "assay-world"])),
    ("assay-discover", Use(&[])),
    ("assay-doctor", Use(&["assay-model", "assay-world"])),
    ("assay-observe", Use(&["assay-model", "assay-world"])),
    ("assay-source", Use(&["assay-model"])),
    ("assay-context", Use(&["assay-model", "assay-source"])),
    ("assay-diagnose", Use(&["assay-model"])),
    (
        "assay-deploy",
        Use(&["assay-model", "assay-world", "assay-context"]),
    ),
    (
        "assay-suite",
        Use(&["assay-model", "assay-world", "assay-gateway"]),
    ),
    (
        "assay-remedy",
        Use(&[
            "assay-model",
            "assay-world",
            "assay-source",
            "assay-context",
        ]),
    ),
    (
        "assay-audit",
        Use(&["assay-model", "assay-source", "assay-context"]),
    ),
    (
        "assay-stability",
        Use(&["assay-model", "assay-source", "assay-context"]),
    ),
    ("assay-publish", Use(&["assay-model", "assay-world"])),
    ("assay-engine", Use(&["assay-model", "assay-journal"])),
    ("assay", UseAnything),
    ("golden-path", Use(&[])),
    ("bench", UseAnything),
    ("xtask", Use(&[])),
];

/// Edges that the table does not have, and packages that it does not know.
pub(crate) fn check(packages: &[Package]) -> Vec<String> {
    let is_ours = |name: &str| packages.iter().any(|package| package.name == name);
    let mut errors = Vec::new();
    for package in packages {
        let name = &package.name;
        let Some((_, may)) = ALLOWED.iter().find(|(known, _)| known == name) else {
            errors.push(format!("{name} is not in the table of allowed edges"));
            continue;
        };
        let Use(allowed) = may else { continue };
        for dependency in package.dependencies.iter().filter(|name| is_ours(name)) {
            if !allowed.contains(&dependency.as_str()) {
                errors.push(format!("{name} may not depend on {dependency}"));
            }
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_edges(edges: &[(&str, &[&str])], expected: &[&str]) {
        let package = |(name, dependencies): &(&str, &[&str])| Package {
            name: (*name).to_owned(),
            dependencies: dependencies.iter().map(|&name| name.to_owned()).collect(),
            ..Package::default()
        };
        let packages: Vec<Package> = edges.iter().map(package).collect();
        assert_eq!(check(&packages), expected, "{edges:?}");
    }

    #[test]
    fn only_edges_of_the_table_are_allowed() {
        let model: (&str, &[&str]) = ("assay-model", &["serde"]);
        let probe: (&str, &[&str]) = ("assay-probe", &["assay-model"]);
        check_edges(&[model, probe], &[]);
        check_edges(
            &[model, probe, ("assay", &["assay-probe", "assay-model"])],
            &[],
        );
        check_edges(
            &[
                model,
                probe,
                ("assay-suite", &["assay-model", "assay-probe"]),
            ],
            &["assay-suite may not depend on assay-probe"],
        );
        check_edges(
            &[("new", &[])],
            &["new is not in the table of allowed edges"],
        );
    }

    #[test]
    fn the_table_itself_has_no_circle() {
        // Each crate stands below those that it may use.
        let place = |name: &str| {
            ALLOWED
                .iter()
                .position(|(known, _)| *known == name)
                .unwrap()
        };
        for (name, may) in ALLOWED {
            let Use(allowed) = may else { continue };
            for dependency in *allowed {
                assert!(place(dependency) < place(name), "{name} uses {dependency}");
            }
        }
    }
}
