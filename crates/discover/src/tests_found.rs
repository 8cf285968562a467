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
mod playwright;
mod pytest;

use crate::clue::{Origin, TestProject};
use crate::paths;

/// Folders whose tests are known to go over the network.
const END_TO_END: [&str; 10] = [
    "e2e",
    "end2end",
    "end_to_end",
    "end-to-end",
    "integration",
    "integrationtest",
    "acceptance",
    "smoke",
    "functional",
    "blackbox",
];
/// Folders that a test folder is divided into.
const DIVISIONS: [&str; 7] = [
    "unit",
    "e2e",
    "end_to_end",
    "integration",
    "acceptance",
    "smoke",
    "functional",
];

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

/// Where a file stands, and what stands around it.
struct Place<'a> {
    path: &'a str,
    folder: &'a str,
    exists: &'a dyn Fn(&str) -> bool,
}

impl Place<'_> {
    fn join(&self, relative: &str) -> Option<String> {
        paths::join(self.folder, relative)
    }

    fn has(&self, relative: &str) -> bool {
        self.join(relative).is_some_and(|path| (self.exists)(&path))
    }

    /// Those of some folders beside the file that exist, relative to the repository's root.
    fn existing(&self, relatives: &[&str]) -> Vec<String> {
        relatives
            .iter()
            .filter(|relative| self.has(relative))
            .filter_map(|relative| self.join(relative))
            .collect()
    }

    fn suite(&self, runner: &str, line: u64, paths: Vec<String>) -> TestProject {
        let end_to_end = paths.iter().any(|path| is_end_to_end(path))
            || paths.is_empty() && is_end_to_end(self.folder);
        TestProject {
            origin: Origin {
                file: self.path.to_owned(),
                line,
            },
            runner: runner.to_owned(),
            folder: self.folder.to_owned(),
            paths,
            end_to_end,
            variables: Vec::new(),
        }
    }

    /// One suite for each folder that the paths are divided into, and one for what is left.
    fn divided(&self, runner: &str, line: u64, paths: Vec<String>) -> Vec<TestProject> {
        let mut suites = Vec::new();
        let mut whole = Vec::new();
        for path in paths {
            let parts: Vec<String> = DIVISIONS
                .iter()
                .filter_map(|division| paths::join(&path, division))
                .filter(|part| (self.exists)(part))
                .collect();
            // Without a folder for unit tests they stand beside the others: the suite stays whole
            // as well, so that none of them is lost.
            if !parts.iter().any(|part| part.ends_with("/unit")) {
                whole.push(path);
            }
            suites.extend(
                parts
                    .into_iter()
                    .map(|part| self.suite(runner, line, vec![part])),
            );
        }
        if !whole.is_empty() {
            suites.insert(0, self.suite(runner, line, whole));
        }
        suites
    }
}

/// Whether a path has a folder whose tests go over the network.
fn is_end_to_end(path: &str) -> bool {
    path.split('/').any(|part| {
        let part = part.to_ascii_lowercase();
        END_TO_END.contains(&part.as_str())
            || part
                .split(['-', '_', '.'])
                .any(|word| word == "e2e" || word == "integration")
    })
}

/// The 1-based line on which a text stands alone; 0 where none does.
fn line_of(text: &str, wanted: &str) -> u64 {
    text.lines()
        .position(|line| line.trim() == wanted)
        .map_or(0, |line| line as u64 + 1)
}

#[cfg(test)]
mod tests;
