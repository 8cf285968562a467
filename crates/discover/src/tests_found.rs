//! Test suites, told from manifests and from the configuration of test frameworks.
//!
//! One file per framework. Each names the folder that the runner is started in and the paths
//! that hold the tests; where a suite keeps its unit tests and its tests over the network in
//! folders of their own, they come as suites of their own.

mod addresses;
mod go;
mod junit;
mod libtest;
mod npm;
mod place;
mod playwright;
mod pytest;

use crate::clue::TestProject;
use crate::paths;
use place::Place;

/// Whether [`read`] has a reader for a file of this name.
pub(crate) fn knows(path: &str) -> bool {
    let name = paths::name(path);
    matches!(
        name,
        "Cargo.toml"
            | "go.mod"
            | "package.json"
            | "pyproject.toml"
            | "setup.cfg"
            | "tox.ini"
            | "pytest.ini"
            | ".pytest.ini"
            | "conftest.py"
            | "Pipfile"
            | "pom.xml"
            | "build.gradle"
            | "build.gradle.kts"
    ) || npm::is_config(name)
        || playwright::is_config(name)
        || pytest::is_requirements(name)
}

/// The test suites that a file shows. `exists` answers for files and folders relative to the
/// repository's root.
pub(crate) fn read(path: &str, text: &str, exists: &dyn Fn(&str) -> bool) -> Vec<TestProject> {
    let name = paths::name(path);
    let place = Place {
        path,
        folder: paths::folder(path),
        exists,
    };
    match name {
        "Cargo.toml" => libtest::read(&place, text),
        "go.mod" => go::read(&place, text),
        "package.json" => npm::manifest(&place, text),
        "pyproject.toml" => pytest::pyproject(&place, text),
        "setup.cfg" => pytest::ini(&place, text, "tool:pytest"),
        "tox.ini" | "pytest.ini" | ".pytest.ini" => pytest::ini(&place, text, "pytest"),
        "conftest.py" => pytest::conftest(&place, text),
        "Pipfile" => pytest::pipfile(&place, text),
        "pom.xml" => junit::maven(&place, text),
        "build.gradle" | "build.gradle.kts" => junit::gradle(&place, text),
        _ if playwright::is_config(name) => playwright::read(&place, text),
        _ if npm::is_config(name) => npm::config(&place, text),
        _ if pytest::is_requirements(name) => pytest::requirements(&place, text),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
