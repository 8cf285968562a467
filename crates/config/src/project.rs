//! The whole file, section by section.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use assay_model::{
    Dependency, Environment, Limits, Priority, Probe, ProbeKind, Project, PublishTo, QueryProbe,
    Secret, ServiceName,
};
use toml::de::{DeTable, DeValue};

use crate::claim::{Claim, ClaimKind};
use crate::problem::{Problem, Problems, Severity};
use crate::reader::Reader;
use crate::table::{Field, Table};
use crate::{audit, observe, probe, service, suite};

/// The environment of a file that names none. It is protected, as every one is by default.
const DEFAULT_ENVIRONMENT: &str = "default";

/// Reads and checks a configuration. `file_name` is the file's name relative to `root`, which is
/// the folder that every relative path starts from; `env` answers `env:NAME`.
///
/// The result always has at least one environment.
///
/// # Errors
/// Everything that is wrong, with its place; if the text is not TOML, only that.
pub fn parse(
    text: &str,
    file_name: &str,
    root: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Project, Problems> {
    parse_with_claims(text, file_name, root, env).map(|(project, _)| project)
}

/// As [`parse`], with everything that can be looked at outside the file.
pub(crate) fn parse_with_claims(
    text: &str,
    file_name: &str,
    root: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<(Project, Vec<Claim>), Problems> {
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let problems = errors
            .iter()
            .map(|error| syntax_problem(error, text))
            .collect();
        return Err(Problems::new(file_name, text, problems));
    }
    let document = document.get_ref();
    let (services, dependencies) = (names(document, "service"), names(document, "dependency"));
    let reader = Reader::new(text, file_name, env, services, dependencies);
    let mut project = read(Table::new(&reader, document, String::new(), 0..0));
    let found = reader.into_findings();
    if !found.problems.is_empty() {
        let text = without(&found.secrets, text);
        return Err(Problems::new(file_name, &text, found.problems));
    }
    project.root = root.to_owned();
    project.config_file = file_name.to_owned();
    project.secrets = found.secrets;
    Ok((project, found.claims))
}

/// The text with every secret in it blotted out, each place as long as it was: what is shown of
/// the file lands in other people's logs.
fn without(secrets: &[Secret], text: &str) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| secret.value.len() > 3) {
        text = text.replace(&secret.value, &"*".repeat(secret.value.len()));
    }
    text
}

fn syntax_problem(error: &toml::de::Error, text: &str) -> Problem {
    let span = error.span().unwrap_or(text.len()..text.len());
    let message = format!("not valid TOML: {}", error.message().replace('\n', "; "));
    Problem {
        severity: Severity::Error,
        message,
        label: "here".to_owned(),
        span,
        hint: None,
    }
}

/// The names that references may use, known before anything is read.
fn names(document: &DeTable<'_>, section: &str) -> BTreeSet<String> {
    match document.get(section).map(|value| value.get_ref()) {
        Some(DeValue::Table(entries)) => entries
            .keys()
            .map(|key| key.get_ref().to_string())
            .collect(),
        _ => BTreeSet::new(),
    }
}

fn read(root: Table<'_>) -> Project {
    let name = root
        .required("project")
        .and_then(|field| project_name(&field));
    let environments = entries(root.optional("environment"))
        .iter()
        .filter_map(environment)
        .collect();
    let services: BTreeMap<ServiceName, _> = entries(root.optional("service"))
        .iter()
        .filter_map(service::read)
        .map(|service| (service.name.clone(), service))
        .collect();
    let dependencies: BTreeMap<ServiceName, _> = entries(root.optional("dependency"))
        .iter()
        .filter_map(dependency)
        .map(|dependency| (dependency.name.clone(), dependency))
        .collect();
    let suites = entries(root.optional("suite"))
        .iter()
        .filter_map(suite::read)
        .collect();
    let criteria = criteria(root.optional("criteria"));
    let audit = root
        .optional("audit")
        .and_then(|field| audit::read(&field))
        .unwrap_or_default();
    let publish = root.optional("publish").and_then(|field| publish(&field));
    let limits = root
        .optional("limits")
        .and_then(|field| limits(&field))
        .unwrap_or_default();
    if let Some(field) = root.optional("fixer") {
        check_fixer(&field);
    }
    root.finish();
    Project {
        name: name.unwrap_or_default(),
        root: std::path::PathBuf::new(),
        config_file: String::new(),
        environments: or_default_environment(environments),
        services,
        dependencies,
        suites,
        criteria,
        audit,
        publish: publish.unwrap_or(PublishTo {
            forge: "local".to_owned(),
            base: None,
        }),
        secrets: Vec::new(),
        limits,
    }
}

/// The named tables below a section, in the order of the file.
fn entries<'a>(section: Option<Field<'a>>) -> Vec<Field<'a>> {
    section
        .and_then(|field| field.table())
        .map(|table| table.entries())
        .unwrap_or_default()
}

fn project_name(field: &Field<'_>) -> Option<String> {
    let table = field.table()?;
    let name = table.required("name").and_then(|field| field.string());
    for variable in table
        .optional("secrets")
        .and_then(|field| field.claimed(ClaimKind::Secret))
        .unwrap_or_default()
    {
        if let Some(value) = field
            .reader()
            .variable_if_set(&variable)
            .filter(|v| !v.is_empty())
        {
            field.reader().add_secret(Secret {
                name: variable,
                value,
            });
        }
    }
    table.finish();
    name
}

fn environment(field: &Field<'_>) -> Option<Environment> {
    field.check_name();
    let table = field.table()?;
    let protected = table
        .optional("protected")
        .and_then(|field| field.boolean());
    table.finish();
    Some(Environment {
        name: field.key.clone(),
        protected: protected.unwrap_or(true),
    })
}

fn or_default_environment(environments: Vec<Environment>) -> Vec<Environment> {
    if environments.is_empty() {
        vec![Environment {
            name: DEFAULT_ENVIRONMENT.to_owned(),
            protected: true,
        }]
    } else {
        environments
    }
}

fn dependency(field: &Field<'_>) -> Option<Dependency> {
    field.check_name();
    if field
        .reader()
        .services()
        .any(|service| service == field.key)
    {
        field.reader().problem(
            field.key_span.clone(),
            format!("`{}` is both a service and a dependency", field.key),
            "the same name a second time",
            None,
        );
    }
    let table = field.table()?;
    let url = table.optional("url").and_then(|field| field.address(&[]));
    let by_scheme = url.as_deref().map_or(ProbeKind::Tcp, usual_probe);
    let degraded_ms = table
        .optional("degraded_ms")
        .and_then(|field| field.millis(1));
    let probe = table.optional("probe");
    let mut probe = probe
        .and_then(|field| probe::read(&field, by_scheme.clone(), url.as_deref()))
        .unwrap_or_else(|| Probe::new(by_scheme));
    if let Some(degraded_ms) = degraded_ms {
        probe.degraded_ms = degraded_ms;
        probe.timeout_ms = probe.timeout_ms.max(degraded_ms);
    }
    let watched = table
        .optional("observe")
        .and_then(|field| observe::read(&field));
    table.finish();
    Some(Dependency {
        name: field.key.as_str().into(),
        url,
        probe,
        observe: watched.unwrap_or_default(),
    })
}

/// How a store is asked that says nothing of it: in its own protocol, where assay speaks it.
fn usual_probe(url: &str) -> ProbeKind {
    let query = |query: &str| QueryProbe {
        query: query.to_owned(),
        answer: None,
    };
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    match scheme.map(probe::without_driver) {
        Some("postgres" | "postgresql") => ProbeKind::Postgres(query("select 1")),
        Some("redis" | "rediss") => ProbeKind::Redis(query("PING")),
        Some("clickhouse" | "clickhouses") => ProbeKind::ClickHouse(query("select 1")),
        _ => ProbeKind::Tcp,
    }
}

fn criteria(field: Option<Field<'_>>) -> BTreeMap<Priority, f64> {
    const KEYS: [&str; 6] = ["P1", "P2", "P3", "P4", "P5", "P6"];
    let mut limits = BTreeMap::new();
    if let Some(table) = field.and_then(|field| field.table()) {
        for (level, key) in (1..).zip(KEYS) {
            let limit = table.optional(key).and_then(|field| field.float(0.0..=1.0));
            if let Some((priority, limit)) = Priority::new(level).zip(limit) {
                limits.insert(priority, limit);
            }
        }
        table.finish();
    }
    limits
}

fn publish(field: &Field<'_>) -> Option<PublishTo> {
    let table = field.table()?;
    let forge = table
        .optional("forge")
        .and_then(|field| field.choice(&[("local", "local")]));
    let base = table.optional("base").and_then(|field| field.string());
    table.finish();
    Some(PublishTo {
        forge: forge.unwrap_or("local").to_owned(),
        base,
    })
}

fn limits(field: &Field<'_>) -> Option<Limits> {
    let default = Limits::default();
    let table = field.table()?;
    let count = |key| {
        table
            .optional(key)
            .and_then(|field| field.integer(0..=1000))
            .map(|count| count as u32)
    };
    let (remedies, cycles) = (count("remedies"), count("cycles"));
    let run = table
        .optional("run_timeout_s")
        .and_then(|field| field.seconds_as_millis(1));
    table.finish();
    Some(Limits {
        remedies_max: remedies.unwrap_or(default.remedies_max),
        cycles_max: cycles.unwrap_or(default.cycles_max),
        run_timeout_s: run.map_or(default.run_timeout_s, |millis| millis.div_ceil(1000)),
    })
}

/// Types only: no step uses a fixer yet.
fn check_fixer(field: &Field<'_>) {
    if let Some(table) = field.table() {
        if let Some(command) = table.required("command") {
            command.command();
        }
        if let Some(paths) = table.optional("paths") {
            paths.strings();
        }
        table.finish();
    }
}
