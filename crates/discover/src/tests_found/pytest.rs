//! pytest: its section in pytest.ini, pyproject.toml, tox.ini or setup.cfg, conftest.py, or its
//! name among the dependencies.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::addresses;
use super::place::{Place, line_of};
use crate::clue::TestProject;
use crate::lexer::{Language, Source};
use crate::packages::{Sections, pipfile_names, pyproject_names, requirement_names};
use crate::paths;

const FOLDERS: [&str; 2] = ["tests", "test"];

pub(super) fn is_requirements(name: &str) -> bool {
    name.contains("requirements") && (name.ends_with(".txt") || name.ends_with(".in"))
}

/// A file with a section of its own for pytest.
pub(super) fn ini(place: &Place<'_>, text: &str, section: &str) -> Vec<TestProject> {
    let configured = Sections::read(text).filter(|sections| sections.has(section));
    let Some(sections) = configured else {
        return Vec::new();
    };
    let paths: Vec<&str> = sections
        .get(section, "testpaths")
        .map(|value| value.split_whitespace().collect())
        .unwrap_or_default();
    suites(place, line_of(text, &format!("[{section}]")), &paths)
}

pub(super) fn pyproject(place: &Place<'_>, text: &str) -> Vec<TestProject> {
    let Ok(manifest) = text.parse::<Table>() else {
        return Vec::new();
    };
    let pytest = manifest.get("tool").and_then(|tool| tool.get("pytest"));
    let options = pytest.map(|pytest| pytest.get("ini_options").unwrap_or(pytest));
    let Some(options) = options else {
        return by_dependency(place, &pyproject_names(&manifest, true));
    };
    let paths: Vec<&str> = match options.get("testpaths") {
        Some(Value::String(text)) => text.split_whitespace().collect(),
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let line = line_of(text, "[tool.pytest.ini_options]").max(line_of(text, "[tool.pytest]"));
    suites(place, line, &paths)
}

pub(super) fn pipfile(place: &Place<'_>, text: &str) -> Vec<TestProject> {
    pipfile_names(text, true).map_or_else(Vec::new, |names| by_dependency(place, &names))
}

pub(super) fn requirements(place: &Place<'_>, text: &str) -> Vec<TestProject> {
    by_dependency(place, &requirement_names(text))
}

/// The suite of a folder that configures pytest; globs and missing folders are left out.
fn suites(place: &Place<'_>, line: u64, configured: &[&str]) -> Vec<TestProject> {
    let mut found = place.existing(configured);
    if found.is_empty() {
        found = place.existing(&FOLDERS);
    }
    if found.is_empty() {
        return vec![place.suite("pytest", line, found)];
    }
    place.divided("pytest", line, found)
}

fn by_dependency(place: &Place<'_>, names: &BTreeSet<String>) -> Vec<TestProject> {
    let configured = ["pytest.ini", ".pytest.ini"]
        .iter()
        .any(|file| place.has(file));
    let tests = place.existing(&FOLDERS);
    if configured || tests.is_empty() || !names.contains("pytest") {
        return Vec::new();
    }
    place.divided("pytest", 0, tests)
}

/// The outermost conftest.py of a folder of tests, with the variables that it reads.
pub(super) fn conftest(place: &Place<'_>, text: &str) -> Vec<TestProject> {
    let source = Source::new(text, Language::Python);
    let variables = addresses::read(&source);
    let above = place.join("..").filter(|_| place.folder != ".");
    let inner = above.as_ref().is_some_and(|above| {
        paths::join(above, "conftest.py").is_some_and(|path| (place.exists)(&path))
    });
    if inner && variables.is_empty() {
        return Vec::new();
    }
    let mut suite = place.suite("pytest", 0, vec![place.folder.to_owned()]);
    let tests = FOLDERS.contains(&paths::name(place.folder));
    if let Some(above) = above.filter(|_| tests) {
        suite.folder = above;
    }
    suite.variables = variables;
    vec![suite]
}
