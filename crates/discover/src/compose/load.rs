//! Reading compose files: interpolation, `include`, and one form for what has several.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::project::{Files, Project};
use crate::yaml::{self, Entry, Node, Value};
use crate::{Origin, Unreadable, dotenv, interpolate, paths, secret};

/// Levels of `extends`; docker refuses circles, and people stop at two.
const EXTENDS_MAX: usize = 8;

/// Bytes of one value of a file of variables. No address and no image is longer, and values that
/// are made of one another would double with every line.
const VALUE_BYTES_MAX: usize = 8_192;

/// What variables stand for, by where they stand.
#[derive(Default)]
struct Variables {
    /// Everything but secrets: for the names of images and the places of Dockerfiles.
    all: BTreeMap<String, String>,
    /// For all else. Of a `.env` only what is an address: ports, and names of services.
    addresses: BTreeMap<String, String>,
}

/// One file's part of a service.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) file: String,
    /// Line of the service's name.
    pub(super) line: u64,
    /// In the one form that `normalise` gives.
    pub(super) node: Node,
}

/// Reads files once and keeps what was wrong with them.
pub(super) struct Loader<'a> {
    pub(super) files: Files<'a>,
    trees: HashMap<String, Option<Node>>,
    pub(super) unreadable: Vec<Unreadable>,
}

impl<'a> Loader<'a> {
    pub(super) fn new(files: Files<'a>) -> Self {
        Self {
            files,
            trees: HashMap::new(),
            unreadable: Vec::new(),
        }
    }

    /// The tree of a file as it is written; what is broken is told once.
    fn tree(&mut self, path: &str) -> Option<Node> {
        if let Some(known) = self.trees.get(path) {
            return known.clone();
        }
        let found = (self.files)(path).and_then(|text| match yaml::read(&text) {
            Ok(documents) => documents.into_iter().next(),
            Err(error) => {
                self.unreadable.push(Unreadable {
                    origin: Origin {
                        file: path.to_owned(),
                        line: error.line,
                    },
                    reason: error.reason,
                });
                None
            }
        });
        self.trees.insert(path.to_owned(), found.clone());
        found
    }

    /// The tree of a file with its variables filled in.
    fn filled(&mut self, path: &str, project: &Project) -> Option<Node> {
        let mut tree = self.tree(path)?;
        let services = service_names(&tree);
        let values = self.variables(project, &services);
        let fill = |text: &mut String, values: &BTreeMap<String, String>| {
            if text.contains('$') {
                *text = interpolate::all(text, &|name| values.get(name).cloned());
            }
        };
        for service in services_mut(&mut tree) {
            for_each_made(service, &mut |text| fill(text, &values.all));
            hand_over(service, &values.addresses);
        }
        tree.for_each_text(&mut |text| fill(text, &values.addresses));
        Some(tree)
    }

    /// What variables stand for.
    fn variables(&self, project: &Project, services: &BTreeSet<String>) -> Variables {
        let mut out = Variables::default();
        let beside = |name: &str| paths::join(&project.folder, name);
        let examples = [
            ".env.example",
            ".env.sample",
            ".env.template",
            ".env.dist",
            "example.env",
        ];
        let own = project.env_files.iter().cloned();
        let files = examples.iter().filter_map(|name| beside(name));
        for path in files.chain(beside(".env")).chain(own) {
            for (name, value) in self.pairs(&path) {
                let kept = kept(&path, &name, &value, services);
                if !kept.is_empty() {
                    out.addresses.insert(name.clone(), kept);
                }
                let value = secret::value(&name, &value);
                if !value.is_empty() {
                    out.all.insert(name, value);
                }
            }
        }
        out
    }

    /// Profiles that are started without being asked for.
    pub(super) fn profiles(&self, project: &Project) -> Vec<String> {
        let variables = self.variables(project, &BTreeSet::new());
        let listed = variables.all.get("COMPOSE_PROFILES");
        let names = listed.map_or("", String::as_str).split(',');
        names.map(|name| name.trim().to_owned()).collect()
    }

    /// Names and the values that may be kept of a file of variables.
    pub(super) fn env_file(
        &self,
        path: &str,
        services: &BTreeSet<String>,
    ) -> Vec<(String, String)> {
        let pairs = self.pairs(path).into_iter().map(|(name, value)| {
            let value = kept(path, &name, &value, services);
            (name, value)
        });
        pairs.collect()
    }

    /// The variables of a file, those that stand for earlier ones filled in.
    fn pairs(&self, path: &str) -> Vec<(String, String)> {
        let Some(text) = (self.files)(path) else {
            return Vec::new();
        };
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        let mut out = Vec::new();
        for variable in dotenv::read(path, &text).0 {
            let mut value = interpolate::known(&variable.example, &|name| known.get(name).cloned());
            if value.len() > VALUE_BYTES_MAX {
                value.clear();
            }
            known.insert(variable.name.clone(), value.clone());
            out.push((variable.name, value));
        }
        out
    }

    /// The projects that the files of `project` include.
    pub(super) fn includes(&mut self, project: &Project) -> Vec<Project> {
        let mut out = Vec::new();
        for file in &project.files {
            let Some(tree) = self.filled(file, project) else {
                continue;
            };
            for include in tree.get("include").map_or(&[][..], Node::one_or_many) {
                let named = if include.is_map() {
                    include.get("path")
                } else {
                    Some(include)
                };
                let files = relative_to(&project.folder, named);
                let Some(first) = files.first() else { continue };
                let folder = include
                    .str_at("project_directory")
                    .and_then(|folder| paths::join(&project.folder, folder))
                    .unwrap_or_else(|| paths::folder(first).to_owned());
                out.push(Project {
                    folder,
                    env_files: relative_to(&project.folder, include.get("env_file")),
                    files,
                });
            }
        }
        out
    }

    /// Names of the services of a project, in the order of its files.
    pub(super) fn services(&mut self, project: &Project) -> Vec<String> {
        let mut out = Vec::new();
        for file in &project.files {
            let Some(tree) = self.tree(file) else {
                continue;
            };
            for entry in tree.get("services").map_or(&[][..], Node::entries) {
                if !out.contains(&entry.key) && !entry.key.starts_with("x-") {
                    out.push(entry.key.clone());
                }
            }
        }
        out
    }

    /// Everything that is laid over one another to make a service, the lowest first.
    pub(super) fn layers(&mut self, project: &Project, service: &str) -> Vec<Layer> {
        let mut out = Vec::new();
        for file in &project.files {
            self.add_layers(project, file, service, 0, &mut out);
        }
        out
    }

    fn add_layers(
        &mut self,
        project: &Project,
        file: &str,
        service: &str,
        depth: usize,
        out: &mut Vec<Layer>,
    ) {
        if depth > EXTENDS_MAX {
            return;
        }
        let Some(tree) = self.filled(file, project) else {
            return;
        };
        let Some(entry) = tree
            .get("services")
            .and_then(|services| services.entry(service))
        else {
            return;
        };
        if let Some(extends) = entry.value.get("extends") {
            let named = extends.as_str().or_else(|| extends.str_at("service"));
            let other = match extends.str_at("file") {
                Some(other) => paths::join(&project.folder, other),
                None => Some(file.to_owned()),
            };
            if let (Some(named), Some(other)) = (named, other) {
                let mut seen_from = project.clone();
                if other != file {
                    paths::folder(&other).clone_into(&mut seen_from.folder);
                }
                self.add_layers(&seen_from, &other, named, depth + 1, out);
            }
        }
        let mut node = entry.value.clone();
        normalise(&mut node, &project.folder);
        out.push(Layer {
            file: file.to_owned(),
            line: entry.line,
            node,
        });
    }
}

fn services_mut(tree: &mut Node) -> impl Iterator<Item = &mut Node> {
    let entries = match &mut tree.value {
        Value::Map(entries) => entries.as_mut_slice(),
        _ => &mut [],
    };
    let services = entries.iter_mut().filter(|entry| entry.key == "services");
    services.flat_map(|services| match &mut services.value.value {
        Value::Map(entries) => entries.iter_mut().map(|entry| &mut entry.value).collect(),
        _ => Vec::new(),
    })
}

/// Gives a value to variables of a service that are only named: compose hands those over.
fn hand_over(service: &mut Node, values: &BTreeMap<String, String>) {
    let Value::Map(entries) = &mut service.value else {
        return;
    };
    for entry in entries
        .iter_mut()
        .filter(|entry| entry.key == "environment")
    {
        match &mut entry.value.value {
            Value::List(items) => {
                for item in items {
                    let Value::Text(text) = &mut item.value else {
                        continue;
                    };
                    if let Some(value) = values.get(text.as_str()) {
                        *text = format!("{text}={}", value.replace('$', "$$"));
                    }
                }
            }
            Value::Map(pairs) => {
                for pair in pairs
                    .iter_mut()
                    .filter(|pair| pair.value.value == Value::Null)
                {
                    if let Some(value) = values.get(&pair.key) {
                        pair.value.value = Value::Text(value.replace('$', "$$"));
                    }
                }
            }
            _ => {}
        }
    }
}

/// Changes what says how a service is made: its image, and where it is built.
fn for_each_made(service: &mut Node, change: &mut dyn FnMut(&mut String)) {
    let Value::Map(entries) = &mut service.value else {
        return;
    };
    for entry in entries {
        match (entry.key.as_str(), &mut entry.value.value) {
            ("image" | "context" | "dockerfile" | "build", Value::Text(text)) => change(text),
            ("build", Value::Map(_)) => for_each_made(&mut entry.value, change),
            _ => {}
        }
    }
}

/// A value of a file of variables as it may be kept.
fn kept(path: &str, name: &str, value: &str, services: &BTreeSet<String>) -> String {
    let real = dotenv::kind(path) == Some(dotenv::Kind::Real)
        && paths::name(path).to_ascii_lowercase().starts_with(".env");
    if real {
        address(name, value, services).unwrap_or_default()
    } else {
        secret::value(name, value)
    }
}

/// Names below `services`.
fn service_names(tree: &Node) -> BTreeSet<String> {
    let services = tree.get("services").map_or(&[][..], Node::entries);
    services.iter().map(|entry| entry.key.clone()).collect()
}

/// A value of a `.env` that is only an address: a port, a service of the same file, this machine,
/// or a URL of such a host with nothing else of it.
fn address(name: &str, value: &str, services: &BTreeSet<String>) -> Option<String> {
    let value = value.trim();
    let is_host = |host: &str| {
        services.contains(host) || ["localhost", "127.0.0.1", "0.0.0.0", "::1"].contains(&host)
    };
    let is_pair = |text: &str| match text.rsplit_once(':') {
        Some((host, port)) => is_host(host) && port.parse::<u16>().is_ok(),
        None => is_host(text),
    };
    if let Some((scheme, rest)) = value.split_once("://") {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let pair = authority.rsplit('@').next().unwrap_or_default();
        return is_pair(pair).then(|| format!("{scheme}://{pair}"));
    }
    let number = !secret::smells(name) && value.parse::<u16>().is_ok();
    (number || is_pair(value)).then(|| value.to_owned())
}

/// One path or several, seen from `folder`; those that leave the repository are left out.
fn relative_to(folder: &str, node: Option<&Node>) -> Vec<String> {
    let items = node.map_or(&[][..], Node::one_or_many).iter();
    let texts = items.filter_map(|item| item.as_str().or_else(|| item.str_at("path")));
    texts.filter_map(|text| paths::join(folder, text)).collect()
}

/// Gives one form to what compose lets people write in several, so that layers can be merged, and
/// makes paths relative to the repository's root.
fn normalise(service: &mut Node, folder: &str) {
    let Value::Map(entries) = &mut service.value else {
        return;
    };
    for entry in entries {
        let node = &mut entry.value;
        match entry.key.as_str() {
            "environment" | "labels" => pairs_to_map(node),
            "depends_on" => names_to_map(node),
            "env_file" => {
                let files = relative_to(folder, Some(node)).into_iter();
                node.value = Value::List(files.map(|file| Node::text(node.line, file)).collect());
            }
            "build" => normalise_build(node, folder),
            _ => {}
        }
    }
}

/// `[A=b, C]` to `{A: b, C: ~}`.
fn pairs_to_map(node: &mut Node) {
    let Value::List(items) = &node.value else {
        return;
    };
    let entries = items.iter().filter_map(|item| {
        let text = item.as_str()?;
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        Some(Entry {
            key: key.to_owned(),
            line: item.line,
            value: Node::text(item.line, value),
        })
    });
    node.value = Value::Map(entries.collect());
}

/// `[a, b]` to `{a: ~, b: ~}`.
fn names_to_map(node: &mut Node) {
    let Value::List(items) = &node.value else {
        return;
    };
    let entries = items.iter().filter_map(|item| {
        Some(Entry {
            key: item.as_str()?.to_owned(),
            line: item.line,
            value: Node::map(item.line, Vec::new()),
        })
    });
    node.value = Value::Map(entries.collect());
}

/// `build: x` to `build: {context: x}`; a context that is not in the repository is left out.
fn normalise_build(node: &mut Node, folder: &str) {
    let line = node.line;
    let context = node
        .as_str()
        .or_else(|| node.str_at("context"))
        .map(str::to_owned);
    // Without a context an override only changes part of the base's; a lone one means `.`.
    let context = match context {
        Some(context) if context.contains("://") || context.starts_with("git@") => None,
        Some(context) => paths::join(folder, &context),
        None => None,
    };
    let mut entries = node.entries().to_vec();
    entries.retain(|entry| entry.key != "context");
    if let Some(context) = context {
        entries.push(Entry {
            key: "context".to_owned(),
            line,
            value: Node::text(line, context),
        });
    } else if node.is_map() && node.get("context").is_none() {
        entries.push(Entry {
            key: "x-folder".to_owned(),
            line,
            value: Node::text(line, folder),
        });
    }
    node.value = Value::Map(entries);
}
