//! Health routes that code registers with its web framework.
//!
//! A file is read only if a quoted text in it ends like a health path. Its tokens then go to the
//! reader of its language, which lists every route that answers GET, prefixes joined where the
//! same file shows them; here those are kept that a health check would ask.

mod annotated;
mod blocks;
mod csharp;
mod elixir;
mod files;
mod go;
mod javascript;
mod jvm;
mod mounts;
mod php;
mod prefix;
mod python;
mod route;
mod ruby;
mod rust;

use std::collections::BTreeMap;

use crate::clue::{HealthRoute, Origin};
use crate::lexer::{Language, Source};

/// A longer line is minified or generated code, which registers no routes that a person wrote.
const LINE_BYTES_MAX: usize = 5_000;
/// A longer file is generated code or data.
const SOURCE_BYTES_MAX: usize = 1 << 20;

/// Last segments that mean a health check wherever they stand, without the underscores that some
/// put around them.
const SURE: [&str; 16] = [
    "health",
    "healthz",
    "healthcheck",
    "healthchecks",
    "health-check",
    "health_check",
    "healthy",
    "is-alive",
    "heartbeat",
    "lbheartbeat",
    "readyz",
    "readiness",
    "livez",
    "liveness",
    "liveliness",
    "ping",
];
/// Last segments that mean something else as soon as they belong to a resource, as in
/// `/orders/status`.
const WITHOUT_RESOURCE: [&str; 7] = [
    "ready", "live", "alive", "status", "up", "started", "startup",
];
/// Segments in front that are no resource; `v1` and its like as well.
const NO_RESOURCE: [&str; 23] = [
    "api",
    "rest",
    "internal",
    "public",
    "private",
    "-",
    "_",
    "system",
    "actuator",
    "admin",
    "management",
    "manage",
    "probe",
    "probes",
    "health",
    "healthz",
    "healthcheck",
    "health-check",
    "health_check",
    "_health",
    "q",
    "k8s",
    "service",
];

pub(crate) use mounts::{Mount, may_mount, mount, mounts};
pub(crate) use prefix::join;
use route::Route;

/// The paths of health routes that a file registers, in the order of lines.
pub(crate) fn read(path: &str, text: &str) -> Vec<HealthRoute> {
    let Some(language) = Language::of(path) else {
        return Vec::new();
    };
    if is_test(path) || text.len() > SOURCE_BYTES_MAX {
        return Vec::new();
    }
    let by_place = files::path_of(path).filter(|route| is_health(route));
    if by_place.is_none() && !may_register(text)
        || text.lines().any(|line| line.len() > LINE_BYTES_MAX)
    {
        return Vec::new();
    }
    let source = Source::new(text, language);
    // By path: its first line, and whether it may stand under a prefix of another file.
    let mut found: BTreeMap<String, (u64, bool)> = BTreeMap::new();
    if let Some(route) = by_place
        && let Some(at) = files::handler(path, &source)
    {
        found.insert(route, (source.line(at), false));
    }
    for route in routes(path, &source) {
        if is_health(&route.path) {
            let line = source.line(route.at);
            found
                .entry(route.path)
                .and_modify(|(first, adrift)| {
                    *first = line.min(*first);
                    *adrift &= route.adrift;
                })
                .or_insert((line, route.adrift));
        }
    }
    let mut health: Vec<HealthRoute> = found
        .into_iter()
        .map(|(route, (line, adrift))| HealthRoute {
            origin: Origin {
                file: path.to_owned(),
                line,
            },
            path: route,
            documented: false,
            adrift,
        })
        .collect();
    health.sort_by_key(|route| route.origin.line);
    health
}

fn routes(path: &str, source: &Source<'_>) -> Vec<Route> {
    match source.language() {
        Language::Python => python::read(source),
        Language::JavaScript => javascript::read(source),
        Language::Go => go::read(source),
        Language::Rust => rust::read(source),
        Language::Java | Language::Kotlin | Language::Groovy => jvm::read(source),
        Language::Ruby => ruby::read(source),
        Language::Php => php::read(path, source),
        Language::CSharp => csharp::read(source),
        Language::Elixir => elixir::read(source),
    }
}

/// Whether a path is one that a health check would ask.
pub(crate) fn is_health(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let mut segments: Vec<&str> = lower.split('/').filter(|part| !part.is_empty()).collect();
    let Some(last) = segments.pop() else {
        return false;
    };
    let last = last.trim_matches('_');
    if SURE.contains(&last) {
        return true;
    }
    WITHOUT_RESOURCE.contains(&last)
        && segments
            .iter()
            .all(|part| NO_RESOURCE.contains(part) || is_version(part))
}

fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|number| {
        !number.is_empty()
            && number
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.')
    })
}

/// Whether some quote stands right behind the last segment of a health path; most files have
/// none, and are not cut into tokens.
fn may_register(text: &str) -> bool {
    let bytes = text.as_bytes();
    let quoted = bytes.iter().enumerate().any(|(at, byte)| {
        if !matches!(byte, b'"' | b'\'' | b'`') {
            return false;
        }
        let mut end = at;
        // `__heartbeat__/$` has the most.
        while end > 0 && at - end < 4 && matches!(bytes[end - 1], b'/' | b'$' | b'_') {
            end -= 1;
        }
        // Every one of the names ends in one of these.
        if end == 0 || !b"hzksytegpd".contains(&bytes[end - 1].to_ascii_lowercase()) {
            return false;
        }
        let ends_with = |name: &&str| {
            end.checked_sub(name.len()).is_some_and(|start| {
                bytes[start..end].eq_ignore_ascii_case(name.as_bytes())
                    && !start
                        .checked_sub(1)
                        .is_some_and(|at| bytes[at].is_ascii_alphanumeric())
            })
        };
        SURE.iter().chain(&WITHOUT_RESOURCE).any(ends_with)
    });
    quoted || text.contains("[controller]")
}

/// Whether a path is one of a test, a mock or a declaration, which register no real route.
pub(crate) fn is_test(path: &str) -> bool {
    const FOLDERS: [&str; 22] = [
        "test",
        "tests",
        "spec",
        "specs",
        "__tests__",
        "__mocks__",
        "mock",
        "mocks",
        "testing",
        "testdata",
        "fixtures",
        "__fixtures__",
        "e2e",
        "cypress",
        "playwright",
        "integration-tests",
        "integration_tests",
        "integrationtest",
        "androidtest",
        "stories",
        "testutil",
        "testutils",
    ];
    let (folders, file) = path.rsplit_once('/').unwrap_or(("", path));
    if folders
        .split('/')
        .any(|part| FOLDERS.contains(&part.to_ascii_lowercase().as_str()))
    {
        return true;
    }
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let inner = stem.rsplit_once('.').map(|(_, inner)| inner);
    matches!(
        inner,
        Some("test" | "spec" | "e2e-spec" | "e2e" | "mock" | "stories" | "cy" | "d")
    ) || ["_test", "_spec", "_mock", "_tests"]
        .iter()
        .any(|end| stem.ends_with(end))
        || ["Test", "Tests", "IT", "Spec", "TestCase"]
            .iter()
            .any(|end| {
                // `Audit.java` is no integration test, `OrderIT.java` is.
                let before = stem.strip_suffix(end);
                before
                    .is_some_and(|b| b.ends_with(|c: char| c.is_lowercase() || c.is_ascii_digit()))
            })
        || file.starts_with("test_")
        || matches!(file, "conftest.py" | "tests.py" | "test.py" | "tests.rs")
}

#[cfg(test)]
mod tests;
