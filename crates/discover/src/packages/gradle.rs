//! build.gradle and build.gradle.kts, by the names in them: what a script computes stays unknown.

use crate::lexer::{Language, Source};

use super::found::Found;

/// Configurations whose dependencies are there when the service runs.
const NEEDED: [&str; 5] = [
    "implementation",
    "api",
    "runtimeOnly",
    "compile",
    "compileOnly",
];
/// Plugins that make something that can be started.
const STARTERS: [&str; 7] = [
    "org.springframework.boot",
    "application",
    "io.quarkus",
    "io.micronaut.application",
    "io.ktor.plugin",
    "com.google.cloud.tools.jib",
    "war",
];

/// The artifacts of a script's dependencies, each with the configuration that asks for it.
pub(crate) fn coordinates<'a>(source: &Source<'a>) -> Vec<(&'a str, String)> {
    let mut found = Vec::new();
    for at in 0..source.len() {
        let Some(configuration) = source.word(at) else {
            continue;
        };
        let asks = NEEDED.contains(&configuration)
            || matches!(
                configuration,
                "testImplementation" | "testRuntimeOnly" | "testCompile"
            );
        if !asks {
            continue;
        }
        let mut value = at + 1;
        // `implementation(platform("…"))`
        for _ in 0..2 {
            value += source.is(value, b'(') as usize;
            value += matches!(source.word(value), Some("platform" | "kotlin")) as usize;
        }
        value += source.is(value, b'(') as usize;
        // The version may be computed: `"org:name:${version}"`.
        let artifact = match source.literal_head(value) {
            Some(coordinates) => coordinates.split(':').nth(1).map(str::to_owned),
            None if source.word(value) == Some("libs") => Some(catalogued(source, value)),
            None => None,
        };
        found.extend(artifact.map(|artifact| (configuration, artifact)));
    }
    found
}

/// `spring-boot-starter-web` for `libs.spring.boot.starter.web` of a version catalogue.
fn catalogued(source: &Source<'_>, libs: usize) -> String {
    let mut parts = Vec::new();
    let mut at = libs;
    while source.is(at + 1, b'.') {
        let Some(part) = source.word(at + 2) else {
            break;
        };
        parts.push(part);
        at += 2;
    }
    parts.join("-")
}

pub(super) fn read(path: &str, text: &str) -> Option<Found> {
    let language = Language::of(path).unwrap_or(Language::Groovy);
    let source = Source::new(text, language);
    let dependencies: Vec<(&str, String)> = coordinates(&source);
    let plugin = |at: usize| {
        let applied = matches!(source.word(at), Some("id" | "plugin" | "apply"));
        let next = at + 1 + (source.is(at + 1, b'(') || source.is(at + 1, b':')) as usize;
        let named = source.literal(next).filter(|_| applied);
        named.is_some_and(|name| STARTERS.contains(&name.as_ref()))
            || source.word(at) == Some("application")
                && source
                    .parent(at)
                    .is_some_and(|open| open > 0 && source.word(open - 1) == Some("plugins"))
            || source.word(at) == Some("mainClass")
    };
    let runs = (0..source.len()).any(plugin);
    // The root of several projects often holds no more than shared settings.
    if dependencies.is_empty() && !runs {
        return None;
    }
    Some(Found {
        name: None,
        language: "java",
        runs,
        dependencies: dependencies
            .into_iter()
            .filter(|(configuration, _)| NEEDED.contains(configuration))
            .map(|(_, artifact)| artifact)
            .collect(),
    })
}
