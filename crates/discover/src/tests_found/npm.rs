//! Jest, Vitest, Mocha and Cypress, from package.json and from their own configuration.

use serde_json::Value;

use super::addresses;
use super::place::Place;
use crate::clue::TestProject;
use crate::lexer::{Language, Source};

const RUNNERS: [&str; 4] = ["jest", "vitest", "mocha", "cypress"];
const FOLDERS: [&str; 6] = ["test", "tests", "__tests__", "spec", "src/__tests__", "e2e"];

/// `jest.config.ts`, `cypress.config.js` and their like.
pub(super) fn is_config(name: &str) -> bool {
    runner_of(name).is_some()
}

fn runner_of(name: &str) -> Option<&'static str> {
    let (runner, extension) = name.split_once(".config.")?;
    let script = matches!(extension, "ts" | "js" | "mjs" | "cjs" | "mts" | "cts");
    RUNNERS
        .iter()
        .copied()
        .find(|known| script && *known == runner)
}

pub(super) fn manifest(place: &Place<'_>, text: &str) -> Vec<TestProject> {
    let Ok(manifest) = serde_json::from_str::<Value>(text) else {
        return Vec::new();
    };
    let mut suites = Vec::new();
    for runner in RUNNERS {
        if uses(&manifest, runner) {
            suites.extend(suites_of(place, runner));
        }
    }
    suites
}

/// Whether a manifest depends on a runner, configures it or starts it.
fn uses(manifest: &Value, runner: &str) -> bool {
    let depends = ["dependencies", "devDependencies"].iter().any(|kind| {
        let dependencies = manifest.get(kind);
        let has = |name: &str| dependencies.is_some_and(|all| all.get(name).is_some());
        has(runner) || runner == "jest" && (has("react-scripts") || has("ts-jest"))
    });
    let scripts = manifest.get("scripts").and_then(Value::as_object);
    let starts = scripts
        .into_iter()
        .flatten()
        .filter_map(|(_, script)| script.as_str())
        .any(|s| {
            s.split([' ', '&', ';', '|'])
                .any(|word| word.rsplit('/').next() == Some(runner))
        });
    depends || starts || manifest.get(runner).is_some()
}

fn suites_of(place: &Place<'_>, runner: &str) -> Vec<TestProject> {
    if runner == "cypress" {
        let mut suite = place.suite(runner, 0, place.existing(&["cypress/e2e", "cypress"]));
        suite.paths.truncate(1);
        suite.end_to_end = true;
        return vec![suite];
    }
    // `e2e` belongs to a browser's runner where one is there.
    let browser = [
        "playwright.config.ts",
        "playwright.config.js",
        "cypress.config.ts",
        "cypress.config.js",
    ];
    let mut folders = place.existing(&FOLDERS);
    if browser.iter().any(|config| place.has(config)) {
        folders.retain(|folder| !folder.ends_with("e2e"));
    }
    if folders.is_empty() {
        return vec![place.suite(runner, 0, place.existing(&["src"]))];
    }
    let (over_the_network, others): (Vec<_>, Vec<_>) = folders
        .into_iter()
        .partition(|folder| folder.ends_with("e2e"));
    let mut suites = place.divided(runner, 0, others);
    if !over_the_network.is_empty() {
        suites.push(place.suite(runner, 0, over_the_network));
    }
    suites
}

/// The configuration of a runner: the variables that it reads for addresses. A package.json
/// beside it tells of the suite in any other case.
pub(super) fn config(place: &Place<'_>, text: &str) -> Vec<TestProject> {
    let name = place.path.rsplit('/').next().unwrap_or(place.path);
    let Some(runner) = runner_of(name) else {
        return Vec::new();
    };
    let source = Source::new(text, Language::JavaScript);
    let variables = addresses::read(&source);
    if variables.is_empty() && place.has("package.json") {
        return Vec::new();
    }
    let mut suites = suites_of(place, runner);
    for suite in &mut suites {
        suite.variables.clone_from(&variables);
    }
    suites
}
