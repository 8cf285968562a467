//! JUnit, from the dependencies of Maven and Gradle projects.

use super::place::Place;
use crate::clue::TestProject;
use crate::lexer::{Language, Source};
use crate::packages::{Pom, coordinates};

/// Artifacts that bring JUnit.
const BRINGS: [&str; 8] = [
    "junit",
    "junit-jupiter",
    "junit-jupiter-api",
    "junit-jupiter-engine",
    "spring-boot-starter-test",
    "quarkus-junit5",
    "micronaut-test-junit5",
    "kotlin-test-junit5",
];
const FOLDERS: [&str; 2] = ["src/test/java", "src/test/kotlin"];
/// Source sets that a build keeps apart for tests over the network.
const OVER_THE_NETWORK: [&str; 5] = [
    "src/integrationTest",
    "src/integration-test",
    "src/it",
    "src/e2e",
    "src/functionalTest",
];

pub(super) fn maven(place: &Place<'_>, text: &str) -> Vec<TestProject> {
    let uses = Pom::read(text).is_some_and(|pom| {
        let mut names = pom.test_dependencies.iter().chain(&pom.dependencies);
        names.any(|name| BRINGS.contains(&name.as_str()))
    });
    suites(place, uses)
}

pub(super) fn gradle(place: &Place<'_>, text: &str) -> Vec<TestProject> {
    let language = Language::of(place.path).unwrap_or(Language::Groovy);
    let source = Source::new(text, language);
    let named = coordinates(&source)
        .iter()
        .any(|(_, name)| BRINGS.contains(&name.as_str()) || name.starts_with("junit-jupiter"));
    let platform = (0..source.len()).any(|at| source.word(at) == Some("useJUnitPlatform"));
    suites(place, named || platform)
}

fn suites(place: &Place<'_>, uses: bool) -> Vec<TestProject> {
    let mut suites = Vec::new();
    let unit = place.existing(&FOLDERS);
    if uses && !unit.is_empty() {
        suites.push(place.suite("junit", 0, unit));
    }
    for path in place
        .existing(&OVER_THE_NETWORK)
        .into_iter()
        .filter(|_| uses)
    {
        let mut suite = place.suite("junit", 0, vec![path]);
        suite.end_to_end = true;
        suites.push(suite);
    }
    suites
}
