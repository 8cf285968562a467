//! A draft as tables of the configuration, each key with what is known of its value. The
//! configuration's text, its merge and its JSON are all written from these.

use std::collections::BTreeMap;

use serde_json::json;
use toml_edit::{Array, InlineTable, Value};

use crate::clue::{Build, Origin};
use crate::draft::{
    Draft, DraftDependency, DraftDeploy, DraftObserve, DraftProbe, DraftService, DraftSuite, Guess,
    Sureness,
};

/// `[section.name]`.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) section: &'static str,
    pub(crate) name: String,
    /// What it is, beside its name: the kind of a store.
    pub(crate) kind: Option<Guess<String>>,
    pub(crate) origin: Origin,
    /// Why it is only proposed as a comment.
    pub(crate) disabled: Option<String>,
    /// Why it has no address and is only watched.
    pub(crate) unasked: Option<String>,
    pub(crate) remarks: Vec<String>,
    pub(crate) settings: Vec<Setting>,
}

impl Table {
    /// `service.api`.
    pub(crate) fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    pub(crate) fn setting(&self, key: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.key == key)
    }
}

/// One key.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) key: &'static str,
    pub(crate) value: Value,
    /// What is known of the value, or of each of its parts.
    pub(crate) known: Vec<Guess<Option<String>>>,
    /// Another value that a person may want: what it needs, and the value.
    pub(crate) instead: Option<(String, Value)>,
}

impl Setting {
    fn of<T>(key: &'static str, guess: &Guess<T>, value: Value) -> Self {
        Self {
            key,
            value,
            known: vec![guess.map(None)],
            instead: None,
        }
    }
}

/// Every table of a draft, in the order in which they are written.
pub(crate) fn tables(draft: &Draft) -> Vec<Table> {
    let services = draft.services.iter().map(service);
    let dependencies = draft.dependencies.iter().map(dependency);
    let suites = draft.suites.iter().map(suite);
    services.chain(dependencies).chain(suites).collect()
}

fn service(service: &DraftService) -> Table {
    let mut settings = Vec::new();
    settings.extend(url(service.url.as_ref()));
    settings.extend(probe(service.probe.as_ref()));
    settings.extend(depends_on(&service.depends_on));
    let source = service.source.as_ref();
    settings.extend(source.map(|guess| Setting::of("source", guess, texts(&guess.value))));
    let container = service.container.as_ref();
    settings.extend(container.map(|guess| Setting::of("container", guess, build(&guess.value))));
    let deploy = service.deploy.as_ref();
    settings.extend(deploy.map(|guess| Setting::of("deploy", guess, process(&guess.value))));
    settings.extend(observe(service.observe.as_ref()));
    Table {
        section: "service",
        name: service.name.clone(),
        kind: None,
        origin: service.origin.clone(),
        disabled: service.disabled.clone(),
        unasked: service.unasked.clone(),
        remarks: service.remarks.clone(),
        settings,
    }
}

fn dependency(dependency: &DraftDependency) -> Table {
    let mut settings = Vec::new();
    if let Some(mut setting) = url(dependency.url.as_ref()) {
        setting.instead = dependency.url_variable.as_ref().map(|variable| {
            let needs = format!("it asks for a password: set {variable} to its whole URL, and use");
            (needs, format!("env:{variable}").into())
        });
        settings.push(setting);
    }
    settings.extend(probe(dependency.probe.as_ref()));
    settings.extend(observe(dependency.observe.as_ref()));
    Table {
        section: "dependency",
        name: dependency.name.clone(),
        kind: Some(dependency.kind.clone()),
        origin: dependency.origin.clone(),
        disabled: dependency.disabled.clone(),
        unasked: dependency.unasked.clone(),
        remarks: dependency.remarks.clone(),
        settings,
    }
}

fn suite(suite: &DraftSuite) -> Table {
    let runner = &suite.runner;
    let mut settings = vec![Setting::of("runner", runner, runner.value.as_str().into())];
    let command = suite.command.as_ref();
    settings.extend(command.map(|guess| Setting::of("command", guess, texts(&guess.value))));
    settings.push(Setting::of(
        "paths",
        &suite.paths,
        texts(&suite.paths.value),
    ));
    settings.push(Setting::of(
        "kind",
        &suite.kind,
        suite.kind.value.as_str().into(),
    ));
    let env = suite.env.as_ref();
    settings.extend(env.map(|guess| Setting::of("env", guess, variables(&guess.value))));
    let covers = suite.covers.as_ref();
    settings.extend(covers.map(|guess| Setting::of("covers", guess, texts(&guess.value))));
    Table {
        section: "suite",
        name: suite.name.clone(),
        kind: None,
        origin: suite.origin.clone(),
        disabled: suite.disabled.clone(),
        unasked: None,
        remarks: Vec::new(),
        settings,
    }
}

fn url(url: Option<&Guess<String>>) -> Option<Setting> {
    url.map(|guess| Setting::of("url", guess, guess.value.as_str().into()))
}

fn depends_on(names: &[Guess<String>]) -> Option<Setting> {
    let value = names.iter().map(|guess| guess.value.as_str()).collect();
    let known = names
        .iter()
        .map(|guess| guess.map(Some(guess.value.clone())));
    (!names.is_empty()).then(|| Setting {
        key: "depends_on",
        value: Value::Array(value),
        known: known.collect(),
        instead: None,
    })
}

fn probe(probe: Option<&Guess<DraftProbe>>) -> Option<Setting> {
    let guess = probe?;
    let entries: Vec<(&str, Value)> = match &guess.value {
        DraftProbe::Http { path, lenient } => {
            let mut entries = vec![("http", path.as_str().into())];
            if *lenient {
                entries.push(("expect", Value::Array(Array::from_iter(["2xx", "3xx"]))));
            }
            entries
        }
        DraftProbe::Tcp => vec![("tcp", true.into())],
        DraftProbe::Grpc(service) => vec![("grpc", service.as_str().into())],
        DraftProbe::Postgres => vec![("postgres", "select 1".into())],
        DraftProbe::Redis => vec![("redis", "PING".into())],
        DraftProbe::Runtime => vec![("runtime", true.into())],
        DraftProbe::ClickHouse => vec![("clickhouse", "select 1".into())],
    };
    Some(Setting::of("probe", guess, inline(entries)))
}

fn observe(observe: Option<&Guess<DraftObserve>>) -> Option<Setting> {
    let guess = observe?;
    let (key, value) = match &guess.value {
        DraftObserve::Container(name) => ("docker", name.as_str().into()),
        DraftObserve::ContainerLabels(labels) => {
            ("docker", inline(vec![("labels", texts(labels))]))
        }
        DraftObserve::Kubernetes {
            selector,
            namespace,
        } => {
            let mut entries = vec![("selector", selector.as_str().into())];
            entries.extend(namespace.as_deref().map(|name| ("namespace", name.into())));
            ("kubernetes", inline(entries))
        }
    };
    Some(Setting::of("observe", guess, inline(vec![(key, value)])))
}

fn build(build: &Build) -> Value {
    inline(vec![
        ("dockerfile", build.dockerfile.as_str().into()),
        ("context", build.context.as_str().into()),
    ])
}

fn process(deploy: &DraftDeploy) -> Value {
    inline(vec![
        ("driver", "process".into()),
        ("command", texts(&deploy.command)),
        ("env", variables(&deploy.env)),
    ])
}

fn texts(items: &[String]) -> Value {
    Value::Array(items.iter().map(String::as_str).collect())
}

fn variables(map: &BTreeMap<String, String>) -> Value {
    let entries = map
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().into()));
    inline(entries.collect())
}

fn inline(entries: Vec<(&str, Value)>) -> Value {
    let mut table = InlineTable::new();
    for (key, value) in entries {
        table.insert(key, value);
    }
    Value::InlineTable(table)
}

impl Draft {
    /// The draft for programs: every value with where it comes from and how sure it is. A
    /// password is nowhere in it.
    pub fn to_json(&self) -> serde_json::Value {
        let of = |section: &str| -> Vec<serde_json::Value> {
            let tables = tables(self).into_iter();
            let own = tables.filter(|table| table.section == section);
            own.map(|table| table_json(&table)).collect()
        };
        json!({
            "project": self.project,
            "services": of("service"),
            "dependencies": of("dependency"),
            "suites": of("suite"),
            "secrets": self.secrets.iter().map(secret_json).collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }
}

fn table_json(table: &Table) -> serde_json::Value {
    let mut values = serde_json::Map::new();
    for setting in &table.settings {
        values.insert(setting.key.to_owned(), setting_json(setting));
    }
    let mut json = json!({
        "name": table.name,
        "origin": origin_json(&table.origin),
        "disabled": table.disabled,
        "unasked": table.unasked,
        "remarks": table.remarks,
        "values": values,
    });
    if let Some(kind) = &table.kind {
        json["kind"] = known_json(
            json!(kind.value),
            kind.origin.as_ref(),
            kind.sureness,
            &kind.why,
        );
    }
    json
}

fn secret_json(secret: &Guess<String>) -> serde_json::Value {
    known_json(
        json!(secret.value),
        secret.origin.as_ref(),
        secret.sureness,
        &secret.why,
    )
}

/// One object for a value that is known as a whole, a list of them for one known in parts.
fn setting_json(setting: &Setting) -> serde_json::Value {
    let known = |value, guess: &Guess<Option<String>>| {
        known_json(value, guess.origin.as_ref(), guess.sureness, &guess.why)
    };
    let parts: Option<Vec<serde_json::Value>> = setting
        .known
        .iter()
        .map(|guess| Some(known(json!(guess.value.as_ref()?), guess)))
        .collect();
    match (parts, &setting.known[..]) {
        (Some(parts), _) => json!(parts),
        (None, [guess, ..]) => {
            let mut json = known(value_json(&setting.value), guess);
            if let Some((_, instead)) = &setting.instead {
                json["instead"] = value_json(instead);
            }
            json
        }
        (None, []) => value_json(&setting.value),
    }
}

fn known_json(
    value: serde_json::Value,
    origin: Option<&Origin>,
    sureness: Sureness,
    why: &str,
) -> serde_json::Value {
    json!({
        "value": value,
        "origin": origin.map(origin_json),
        "sureness": sureness.word(),
        "why": why,
    })
}

fn origin_json(origin: &Origin) -> serde_json::Value {
    json!({ "file": origin.file, "line": origin.line })
}

fn value_json(value: &Value) -> serde_json::Value {
    match value {
        Value::String(text) => json!(text.value()),
        Value::Integer(number) => json!(number.value()),
        Value::Float(number) => json!(number.value()),
        Value::Boolean(value) => json!(value.value()),
        Value::Datetime(time) => json!(time.value().to_string()),
        Value::Array(items) => items.iter().map(value_json).collect(),
        Value::InlineTable(table) => table
            .iter()
            .map(|(key, value)| (key.to_owned(), value_json(value)))
            .collect(),
    }
}
