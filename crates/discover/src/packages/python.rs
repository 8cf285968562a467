//! pyproject.toml, setup.cfg, setup.py, Pipfile and requirements files.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::found::{Beside, Found, owned};
use super::ini::Sections;
use crate::lexer::{Language, Source};
use crate::paths;

/// Web frameworks and clients of stores and queues, normalised as PEP 503 says.
pub(super) const NOTABLE: &[&str] = &[
    "aio-pika",
    "aiohttp",
    "aiokafka",
    "asyncpg",
    "bottle",
    "celery",
    "clickhouse-connect",
    "clickhouse-driver",
    "confluent-kafka",
    "django",
    "djangorestframework",
    "elasticsearch",
    "falcon",
    "fastapi",
    "flask",
    "grpcio",
    "grpcio-health-checking",
    "gunicorn",
    "hiredis",
    "kafka-python",
    "litestar",
    "motor",
    "mysqlclient",
    "nats-py",
    "pika",
    "psycopg",
    "psycopg2",
    "psycopg2-binary",
    "pymongo",
    "pymysql",
    "quart",
    "redis",
    "sanic",
    "sqlalchemy",
    "sqlmodel",
    "starlette",
    "streamlit",
    "tornado",
    "uvicorn",
    "websockets",
];
/// Files that a Python service is started from.
const ENTRIES: &[&str] = &[
    "main.py",
    "app.py",
    "manage.py",
    "wsgi.py",
    "asgi.py",
    "server.py",
    "run.py",
    "__main__.py",
    "app/main.py",
    "app/__main__.py",
    "app/app.py",
    "src/main.py",
    "src/app.py",
    "src/server.py",
    "src/__main__.py",
];
/// Words in the name of a file that lists what a service does not need to run.
const OTHER_PURPOSES: [&str; 8] = [
    "dev",
    "test",
    "tests",
    "doc",
    "docs",
    "lint",
    "typing",
    "development",
];

/// A name from a dependency list, normalised.
struct Requirement(String);

impl Requirement {
    /// Reads a line of PEP 508 or of a requirements file.
    fn read(line: &str) -> Option<Self> {
        let line = line.trim();
        // `git+https://…#egg=name`, `-e …#egg=name`
        if let Some((_, egg)) = line.split_once("#egg=") {
            return Self::named(egg);
        }
        let line = line.split_once('#').map_or(line, |(before, _)| before);
        let first = line.chars().next()?;
        // Options, paths and bare addresses name no package.
        if !first.is_ascii_alphanumeric() || line.split(['@', ' ']).next()?.contains(['/', ':']) {
            return None;
        }
        Self::named(line)
    }

    fn named(text: &str) -> Option<Self> {
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c));
        let name = text[..end.unwrap_or(text.len())].trim_matches(['-', '_', '.']);
        let mut normal = String::with_capacity(name.len());
        for c in name.chars() {
            match c {
                '-' | '_' | '.' if normal.ends_with('-') => {}
                '-' | '_' | '.' => normal.push('-'),
                other => normal.push(other.to_ascii_lowercase()),
            }
        }
        (!normal.is_empty()).then_some(Self(normal))
    }
}

/// Whether a path is a requirements file.
pub(super) fn is_requirements(path: &str) -> bool {
    let name = paths::name(path);
    let Some(stem) = name
        .strip_suffix(".txt")
        .or_else(|| name.strip_suffix(".in"))
    else {
        return false;
    };
    stem.starts_with("requirements")
        || stem.ends_with("requirements")
        || paths::name(paths::folder(path)) == "requirements"
}

/// Whether a requirements file lists what only tests or tools need.
fn for_tools(path: &str) -> bool {
    let stem = paths::name(path)
        .rsplit_once('.')
        .map_or("", |(stem, _)| stem);
    stem.split(['-', '_', '.'])
        .any(|part| OTHER_PURPOSES.contains(&part))
}

/// The names of a requirements file.
pub(crate) fn requirement_names(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter_map(Requirement::read)
        .map(|requirement| requirement.0)
        .collect()
}

pub(super) fn requirements(path: &str, text: &str, beside: &Beside<'_>) -> Option<Found> {
    let dependencies = requirement_names(text);
    if for_tools(path) || dependencies.is_empty() {
        return None;
    }
    Some(Found {
        name: None,
        language: "python",
        runs: starts(beside, None),
        dependencies,
    })
}

/// Whether a file is there that a service is started from.
fn starts(beside: &Beside<'_>, name: Option<&str>) -> bool {
    let module = name.map(|name| name.replace('-', "_"));
    beside.has_any(ENTRIES)
        || module.is_some_and(|module| {
            ["__main__.py", "main.py", "app.py"].iter().any(|file| {
                beside.has(&format!("{module}/{file}"))
                    || beside.has(&format!("src/{module}/{file}"))
            })
        })
}

fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

fn keys(value: Option<&Value>) -> impl Iterator<Item = &String> {
    value
        .and_then(Value::as_table)
        .into_iter()
        .flatten()
        .map(|(key, _)| key)
}

fn at<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter()
        .try_fold(table.get(*first)?, |value, key| value.get(*key))
}

/// The names of every dependency of a pyproject.toml; those of groups and extras as well, if
/// `all`.
pub(crate) fn pyproject_names(manifest: &Table, all: bool) -> BTreeSet<String> {
    let mut lines: Vec<&str> = texts(at(manifest, &["project", "dependencies"])).collect();
    lines.extend(keys(at(manifest, &["tool", "poetry", "dependencies"])).map(String::as_str));
    if all {
        let groups = [
            at(manifest, &["project", "optional-dependencies"]),
            at(manifest, &["dependency-groups"]),
        ];
        for group in groups
            .into_iter()
            .flatten()
            .filter_map(Value::as_table)
            .flatten()
        {
            lines.extend(texts(Some(group.1)));
        }
        lines.extend(texts(at(manifest, &["tool", "uv", "dev-dependencies"])));
        let poetry = at(manifest, &["tool", "poetry", "dev-dependencies"]);
        lines.extend(keys(poetry).map(String::as_str));
        let groups = at(manifest, &["tool", "poetry", "group"]).and_then(Value::as_table);
        for (_, group) in groups.into_iter().flatten() {
            lines.extend(keys(group.get("dependencies")).map(String::as_str));
        }
    }
    lines
        .into_iter()
        .filter_map(Requirement::read)
        .map(|requirement| requirement.0)
        .collect()
}

pub(super) fn pyproject(text: &str, beside: &Beside<'_>) -> Option<Found> {
    let manifest: Table = text.parse().ok()?;
    let project = manifest.get("project");
    let poetry = at(&manifest, &["tool", "poetry"]);
    let package = project.or(poetry)?;
    let name = [project, poetry]
        .into_iter()
        .flatten()
        .find_map(|one| one.get("name")?.as_str());
    let scripts = package
        .get("scripts")
        .and_then(Value::as_table)
        .is_some_and(|s| !s.is_empty());
    Some(Found {
        name: owned(name),
        language: "python",
        runs: scripts || starts(beside, name),
        dependencies: pyproject_names(&manifest, false),
    })
}

pub(super) fn setup_cfg(text: &str, beside: &Beside<'_>) -> Option<Found> {
    let sections = Sections::read(text)?;
    // Others only configure tools.
    if !sections.has("metadata") && !sections.has("options") {
        return None;
    }
    let name = sections.get("metadata", "name");
    let lines = sections.lines("options", "install_requires");
    let scripts = sections
        .get("options.entry_points", "console_scripts")
        .is_some();
    Some(Found {
        name: owned(name),
        language: "python",
        runs: scripts || starts(beside, name),
        dependencies: lines
            .filter_map(Requirement::read)
            .map(|requirement| requirement.0)
            .collect(),
    })
}

/// What a `setup(…)` call says with plain texts; anything computed stays unknown.
pub(super) fn setup_py(text: &str, beside: &Beside<'_>) -> Option<Found> {
    let source = Source::new(text, Language::Python);
    let call = source.calls().find(|call| call.name == "setup")?;
    let arguments = source.arguments(call.open);
    let name = source
        .keyed(&arguments, &["name"])
        .and_then(|run| source.only_literal(&run));
    let requires = source.keyed(&arguments, &["install_requires"]);
    let lines = requires
        .map(|run| source.literals(&run))
        .unwrap_or_default();
    Some(Found {
        runs: source
            .keyed(&arguments, &["entry_points", "scripts"])
            .is_some()
            || starts(beside, name.as_deref()),
        name: owned(name.as_deref()),
        language: "python",
        dependencies: lines
            .iter()
            .filter_map(|(_, line)| Requirement::read(line))
            .map(|requirement| requirement.0)
            .collect(),
    })
}

/// The names of a Pipfile's packages; those for development as well, if `all`.
pub(crate) fn pipfile_names(text: &str, all: bool) -> Option<BTreeSet<String>> {
    let manifest: Table = text.parse().ok()?;
    let dev = manifest.get("dev-packages").filter(|_| all);
    let names = keys(manifest.get("packages")).chain(keys(dev));
    Some(
        names
            .filter_map(|name| Requirement::read(name))
            .map(|name| name.0)
            .collect(),
    )
}

pub(super) fn pipfile(text: &str, beside: &Beside<'_>) -> Option<Found> {
    Some(Found {
        name: None,
        language: "python",
        runs: starts(beside, None),
        dependencies: pipfile_names(text, false)?,
    })
}
