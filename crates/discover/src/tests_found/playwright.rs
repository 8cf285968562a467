//! Playwright: playwright.config.ts and its like.

use super::addresses;
use super::place::Place;
use crate::clue::TestProject;
use crate::lexer::{Language, Source};

pub(super) fn is_config(name: &str) -> bool {
    let parts = name
        .strip_prefix("playwright")
        .and_then(|rest| rest.rsplit_once(".config."));
    // `playwright.e2e.config.ts` as well.
    parts.is_some_and(|(inner, extension)| {
        (inner.is_empty() || inner.starts_with(['.', '-']))
            && matches!(extension, "ts" | "js" | "mjs" | "cjs" | "mts" | "cts")
    })
}

pub(super) fn read(place: &Place<'_>, text: &str) -> Vec<TestProject> {
    let source = Source::new(text, Language::JavaScript);
    let mut paths: Vec<String> = Vec::new();
    for at in 0..source.len() {
        if source.word(at) != Some("testDir") || !source.is(at + 1, b':') {
            continue;
        }
        // `path.join(__dirname, 'e2e')` as well as a text alone.
        let literal = (at + 2..at + 12)
            .take_while(|at| !source.is(*at, b'}') && !source.is(*at, b'{'))
            .find_map(|at| source.literal(at));
        let path = literal.and_then(|relative| place.join(&relative));
        paths.extend(path.filter(|path| !paths.contains(path)));
    }
    if paths.is_empty() {
        paths.push(place.folder.to_owned());
    }
    let mut suite = place.suite("playwright", 0, paths);
    suite.end_to_end = true;
    suite.variables = addresses::read(&source);
    vec![suite]
}
