//! Rust's own test harness: a `tests` folder beside a Cargo.toml.

use toml::Table;

use super::place::Place;
use crate::clue::TestProject;

pub(super) fn read(place: &Place<'_>, text: &str) -> Vec<TestProject> {
    let package = text
        .parse::<Table>()
        .is_ok_and(|manifest| manifest.contains_key("package"));
    if !package || !place.has("tests") {
        return Vec::new();
    }
    let tests = place.existing(&["tests"]);
    let mut suite = place.suite("libtest", 0, tests);
    // One target each: its name says whether it goes over the network.
    let over_the_network = ["e2e", "integration", "smoke", "acceptance", "end_to_end"];
    suite.end_to_end |= over_the_network.iter().any(|name| {
        place.has(&format!("tests/{name}.rs")) || place.has(&format!("tests/{name}/main.rs"))
    });
    vec![suite]
}
