//! `go test`: a module has tests beside its code, and often folders of tests over the network.

use super::place::Place;
use crate::clue::TestProject;

pub(super) fn read(place: &Place<'_>, text: &str) -> Vec<TestProject> {
    if !text
        .lines()
        .any(|line| line.trim_start().starts_with("module "))
    {
        return Vec::new();
    }
    let folders = [
        "e2e",
        "integration",
        "test/e2e",
        "test/integration",
        "tests/e2e",
        "tests/integration",
    ];
    let mut suites = vec![place.suite("go", 0, vec![place.folder.to_owned()])];
    suites.extend(
        place
            .existing(&folders)
            .into_iter()
            .map(|path| place.suite("go", 0, vec![path])),
    );
    suites
}
