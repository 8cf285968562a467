//! Test suites, and which of the services their variables mean.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{fit, folder_of, is_inside, is_variable, last_part, list, normal, unique};
use super::types::{DraftService, DraftSuite, Guess};
use super::variables;
use crate::clue::TestProject;
use crate::secret;

/// Runners that the configuration knows.
const KNOWN_RUNNERS: [&str; 4] = ["junit", "libtest", "playwright", "pytest"];

/// Variables of the address that a user sees.
const FRONT_VARIABLES: [&str; 11] = [
    "BASE_URL",
    "BASEURL",
    "URL",
    "URI",
    "HOST_URL",
    "PUBLIC_URL",
    "SERVER_URL",
    "SERVICE_URL",
    "SITE_URL",
    "TARGET_URL",
    "ROOT_URL",
];

/// Names of what a user sees, the first that is there being meant.
const FRONT_NAMES: [&str; 13] = [
    "frontend", "front", "web", "webapp", "ui", "client", "www", "site", "gateway", "proxy",
    "nginx", "edge", "ingress",
];

/// The suites of a repository, and a note on those that are left out.
pub(crate) fn draft(
    tests: &[TestProject],
    services: &[DraftService],
) -> (Vec<DraftSuite>, Option<String>) {
    let reachable: Vec<&DraftService> = services
        .iter()
        .filter(|service| service.disabled.is_none())
        .filter(|service| {
            let url = service.url.as_ref();
            url.is_some_and(|url| url.value.starts_with("http"))
        })
        .collect();
    let mut ordered = joined(tests);
    ordered.sort_by(|a, b| {
        let key = |test: &TestProject| (!test.end_to_end, test.folder.clone());
        key(a).cmp(&key(b)).then_with(|| a.runner.cmp(&b.runner))
    });
    let (plain, unknown): (Vec<TestProject>, Vec<TestProject>) = ordered
        .into_iter()
        .partition(|test| test.end_to_end || is_known(test));
    let mut taken = BTreeSet::new();
    let suites = plain.iter().map(|test| suite(test, &reachable, &mut taken));
    let left: Vec<String> = unknown
        .iter()
        .map(|test| match test.folder.as_str() {
            "." => test.runner.clone(),
            folder => format!("{} in {folder}", test.runner),
        })
        .collect();
    let note = (!left.is_empty()).then(|| {
        let left = list(&left);
        format!("Left out, unit tests of runners that assay does not know: {left}.")
    });
    (suites.collect(), note)
}

fn is_known(test: &TestProject) -> bool {
    KNOWN_RUNNERS.contains(&test.runner.as_str())
}

/// Test projects, those of one runner with the same paths as one.
fn joined(tests: &[TestProject]) -> Vec<TestProject> {
    let mut joined: Vec<TestProject> = Vec::new();
    for test in tests {
        let same = joined.iter_mut().find(|other| {
            let same_paths = other.paths == test.paths && !test.paths.is_empty();
            other.runner == test.runner && (same_paths || other.folder == test.folder)
        });
        let Some(same) = same else {
            joined.push(test.clone());
            continue;
        };
        same.end_to_end |= test.end_to_end;
        for path in &test.paths {
            if !same.paths.contains(path) {
                same.paths.push(path.clone());
            }
        }
        for variable in &test.variables {
            if !same.variables.contains(variable) {
                same.variables.push(variable.clone());
            }
        }
    }
    joined
}

fn suite(
    test: &TestProject,
    services: &[&DraftService],
    taken: &mut BTreeSet<String>,
) -> DraftSuite {
    let origin = &test.origin;
    let kind = kind(test);
    let (env, covers) = match kind {
        "unit" => (BTreeMap::new(), Vec::new()),
        _ => addresses(&test.variables, services),
    };
    let read = "variables that its files read";
    let paths: Vec<String> = test
        .paths
        .iter()
        .filter(|path| is_inside(path))
        .cloned()
        .collect();
    let paths = match paths.is_empty() {
        false => Guess::certain(paths, origin, "its test paths"),
        true => Guess::likely(vec![folder(test).to_owned()], origin, "its folder"),
    };
    let why = match kind {
        "unit" => "nothing says that it tests over the network",
        _ => "its name",
    };
    DraftSuite {
        name: unique(&name(test), taken),
        origin: origin.clone(),
        disabled: (!is_known(test)).then(|| {
            format!(
                "{} is no runner that assay knows; one that writes JUnit reports can be read \
                 with `runner = \"junit\"`.",
                test.runner
            )
        }),
        runner: Guess::certain(test.runner.clone(), origin, "its configuration"),
        command: command(test),
        paths,
        kind: Guess::likely(kind.to_owned(), origin, why),
        env: (!env.is_empty()).then(|| Guess::likely(env, origin, read)),
        covers: (!covers.is_empty()).then(|| Guess::likely(covers, origin, read)),
    }
}

fn name(test: &TestProject) -> String {
    const PLAIN: [&str; 5] = ["test", "tests", "spec", "specs", "__tests__"];
    let first = test.paths.first().map_or("", |path| last_part(path));
    let says = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.contains("e2e") || text.contains("integration") || text.contains("smoke")
    };
    let folder = last_part(&test.folder);
    let name = match test.folder.as_str() {
        _ if test.end_to_end && says(first) && !first.contains('.') => first,
        "." => test.runner.as_str(),
        _ if PLAIN.contains(&folder) => {
            let above = last_part(folder_of(&test.folder));
            if above == "." {
                test.runner.as_str()
            } else {
                above
            }
        }
        _ => folder,
    };
    fit(name)
}

/// Its folder, as far as the configuration takes it.
fn folder(test: &TestProject) -> &str {
    match is_inside(&test.folder) {
        true => &test.folder,
        false => ".",
    }
}

fn kind(test: &TestProject) -> &'static str {
    if !test.end_to_end {
        return "unit";
    }
    let says_integration = |text: &String| text.to_ascii_lowercase().contains("integration");
    match test
        .paths
        .iter()
        .chain([&test.folder])
        .any(says_integration)
    {
        true => "integration",
        false => "e2e",
    }
}

/// The program of runners that need one.
fn command(test: &TestProject) -> Option<Guess<Vec<String>>> {
    if test.runner != "libtest" {
        return None;
    }
    let manifest = match folder(test) {
        "." => "Cargo.toml".to_owned(),
        folder => format!("{folder}/Cargo.toml"),
    };
    // What follows `--` is for the test program, and assay's own arguments come last.
    let words = ["cargo", "test", "--manifest-path", &manifest, "--"];
    let words = words.map(str::to_owned).to_vec();
    Some(Guess::likely(words, &test.origin, "its manifest"))
}

/// Variables with the address that each means, and the services that they name plainly.
fn addresses(
    variables: &[String],
    services: &[&DraftService],
) -> (BTreeMap<String, String>, Vec<String>) {
    let (mut env, mut covers) = (BTreeMap::new(), Vec::new());
    let is_name = |name: &&String| is_variable(name) && !secret::smells(name);
    for variable in variables.iter().filter(is_name) {
        let Some((service, is_plain)) = meant(variable, services) else {
            continue;
        };
        env.insert(variable.clone(), format!("{{service.{service}.url}}"));
        if is_plain && !covers.iter().any(|covered| covered == service) {
            covers.push(service.to_owned());
        }
    }
    (env, covers)
}

/// The service that a variable means, and whether it names it.
fn meant<'s>(variable: &str, services: &[&'s DraftService]) -> Option<(&'s str, bool)> {
    let names: Vec<&str> = services.iter().map(|own| own.name.as_str()).collect();
    if let Some(name) = variables::of_address(variable, &names) {
        return Some((name, true));
    }
    let upper = variable.to_ascii_uppercase();
    let own = variables::without_prefixes(&upper);
    let named = variables::address_of(own);
    let is_front = FRONT_VARIABLES.contains(&own) || FRONT_VARIABLES.contains(&upper.as_str());
    if !is_front && named.is_none_or(|name| !FRONT_NAMES.contains(&normal(name).as_str())) {
        return None;
    }
    let by_name = FRONT_NAMES.iter().find_map(|front| {
        let mut same = services.iter();
        same.find(|service| normal(&service.name).split('-').any(|word| word == *front))
    });
    let front = by_name.or(services.first())?;
    Some((&front.name, false))
}

#[cfg(test)]
mod tests {
    use super::super::types::Sureness;
    use super::*;
    use crate::clue::Origin;

    fn service(name: &str) -> DraftService {
        let origin = Origin::default();
        let url = "http://127.0.0.1:1".to_owned();
        DraftService {
            name: name.to_owned(),
            url: Some(Guess::new(url, None, Sureness::Certain, "")),
            origin,
            disabled: None,
            unasked: None,
            probe: None,
            depends_on: Vec::new(),
            source: None,
            container: None,
            deploy: None,
            observe: None,
            remarks: Vec::new(),
        }
    }

    fn check(variable: &str, services: &[&str], expected: Option<&str>) {
        let services: Vec<DraftService> = services.iter().map(|name| service(name)).collect();
        let services: Vec<&DraftService> = services.iter().collect();
        let got = meant(variable, &services).map(|(name, _)| name);
        assert_eq!(got, expected, "{variable}");
    }

    #[test]
    fn variables_mean_services() {
        check("API_URL", &["web", "api"], Some("api"));
        check("API_URL", &["web", "a-api", "b-api"], None);
        check("BASE_URL", &["api", "frontend"], Some("frontend"));
        check("BASE_URL", &["api", "gateway"], Some("gateway"));
        check("TEST_BASE_URL", &["api"], Some("api"));
        check("FRONTEND_URL", &["api", "web"], Some("web"));
        check("APP_URL", &["api", "web"], Some("web"));
        check("DATABASE_URL", &["api"], None);
        check("API_HOST", &["api"], None);
        check("BASE_URL", &[], None);
    }
}
