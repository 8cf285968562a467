//! What others may rely on, and what its differences mean.

use std::collections::{BTreeMap, BTreeSet};

use assay_context::MissingModule;
use assay_model::{Change, ChangeKind};

use crate::ServiceTree;

/// What a service offers, keyed so that two trees can be laid over each other.
#[derive(Debug, Default)]
pub(crate) struct Contract {
    /// Path → module name.
    pub(crate) modules: BTreeMap<String, String>,
    /// (path, function) → arity → line.
    pub(crate) exports: BTreeMap<(String, String), BTreeMap<u32, u64>>,
    /// Route's path → method → (file, line).
    pub(crate) routes: BTreeMap<String, BTreeMap<String, (String, u64)>>,
    /// Imports that reach nothing, by (importer, module).
    pub(crate) unresolved: BTreeMap<(String, String), MissingModule>,
}

impl Contract {
    /// What `service` offers with what it ships. Routes count where the entry reaches them.
    pub(crate) fn of(service: &ServiceTree) -> Self {
        let mut contract = Self::default();
        let reach = service.reach();
        for (path, facts) in service.shipped() {
            let module = facts.language.module(path).to_owned();
            contract.modules.insert(path.to_owned(), module);
            for function in facts.exports() {
                contract
                    .exports
                    .entry((path.to_owned(), function.name.clone()))
                    .or_default()
                    .insert(function.arity, function.line);
            }
            if reach
                .as_ref()
                .is_some_and(|reach| !reach.modules.contains_key(path))
            {
                continue;
            }
            for route in &facts.routes {
                contract
                    .routes
                    .entry(route.path.clone())
                    .or_default()
                    .insert(route.method.clone(), (path.to_owned(), route.line));
            }
        }
        for missing in reach.into_iter().flat_map(|reach| reach.missing) {
            let importer = missing
                .importer
                .as_ref()
                .map_or("", |importer| &importer.file);
            let key = (importer.to_owned(), missing.module.clone());
            contract.unresolved.entry(key).or_insert(missing);
        }
        contract
    }

    pub(crate) fn functions(&self) -> usize {
        self.exports.values().map(BTreeMap::len).sum()
    }

    pub(crate) fn routes(&self) -> usize {
        self.routes.values().map(BTreeMap::len).sum()
    }
}

/// Everything in which `after` differs from `before`, both being the same service.
pub(crate) fn differences(before: &ServiceTree, after: &ServiceTree) -> Vec<Change> {
    let (old, new) = (Contract::of(before), Contract::of(after));
    let mut changes = modules(before, after, &old, &new);
    changes.extend(exports(before, after, &old, &new));
    changes.extend(routes(before, after, &old, &new));
    changes.extend(imports(after, &old, &new));
    changes
}

fn modules(
    before: &ServiceTree,
    after: &ServiceTree,
    old: &Contract,
    new: &Contract,
) -> Vec<Change> {
    let gone = old
        .modules
        .iter()
        .filter(|(path, _)| !new.modules.contains_key(*path));
    let gone = gone.map(|(path, module)| {
        let message = format!("module {module} no longer ships: {}", absence(after, path));
        change(
            ChangeKind::Breaking,
            "module",
            module.clone(),
            before.path(path),
            1,
            message,
        )
    });
    let come = new
        .modules
        .iter()
        .filter(|(path, _)| !old.modules.contains_key(*path));
    let come = come.map(|(path, module)| {
        let message = format!("module {module} ships now");
        change(
            ChangeKind::Additive,
            "module",
            module.clone(),
            after.path(path),
            1,
            message,
        )
    });
    gone.chain(come).collect()
}

/// Why a file that once shipped does not.
fn absence(service: &ServiceTree, path: &str) -> String {
    match service.manifest.excluded.get(path) {
        Some(by) => {
            let file = service.path(&by.file);
            format!("{file}:{} `{}` leaves it out", by.line, by.pattern)
        }
        None => "its file is gone".to_owned(),
    }
}

fn exports(
    before: &ServiceTree,
    after: &ServiceTree,
    old: &Contract,
    new: &Contract,
) -> Vec<Change> {
    let none = BTreeMap::new();
    let keys: BTreeSet<_> = old.exports.keys().chain(new.exports.keys()).collect();
    let mut changes = Vec::new();
    for key in keys {
        let (path, function) = key;
        let module = old.modules.get(path).or_else(|| new.modules.get(path));
        let name = |arity: u32| {
            format!(
                "{}::{function}/{arity}",
                module.map_or(path.as_str(), String::as_str)
            )
        };
        let was = old.exports.get(key).unwrap_or(&none);
        let is = new.exports.get(key).unwrap_or(&none);
        let gone: Vec<_> = was
            .iter()
            .filter(|(arity, _)| !is.contains_key(*arity))
            .collect();
        let come: Vec<_> = is
            .iter()
            .filter(|(arity, _)| !was.contains_key(*arity))
            .collect();
        if let ([(arity, _)], [(now, line)]) = (&gone[..], &come[..]) {
            let message = format!("{} takes {now} parameters now", name(**arity));
            let file = after.path(path);
            changes.push(change(
                ChangeKind::Breaking,
                "export",
                name(**arity),
                file,
                **line,
                message,
            ));
            continue;
        }
        changes.extend(gone.into_iter().map(|(arity, line)| {
            let message = removed(after, path, old, new, &name(*arity));
            let file = before.path(path);
            change(
                ChangeKind::Breaking,
                "export",
                name(*arity),
                file,
                *line,
                message,
            )
        }));
        changes.extend(come.into_iter().map(|(arity, line)| {
            let message = format!("{} is new", name(*arity));
            let file = after.path(path);
            change(
                ChangeKind::Additive,
                "export",
                name(*arity),
                file,
                *line,
                message,
            )
        }));
    }
    changes
}

fn removed(after: &ServiceTree, path: &str, old: &Contract, new: &Contract, name: &str) -> String {
    let unparsed = after
        .source
        .files
        .get(path)
        .and_then(|facts| facts.error.as_ref());
    match (new.modules.get(path), unparsed) {
        (Some(_), Some(error)) => {
            format!(
                "{name} is gone: its module cannot be parsed, {}",
                error.message
            )
        }
        (Some(_), None) => format!("{name} is gone"),
        (None, _) => {
            let module = old.modules.get(path).map_or(path, String::as_str);
            format!(
                "{name} is gone with its module {module}: {}",
                absence(after, path)
            )
        }
    }
}

fn routes(
    before: &ServiceTree,
    after: &ServiceTree,
    old: &Contract,
    new: &Contract,
) -> Vec<Change> {
    let none = BTreeMap::new();
    let paths: BTreeSet<_> = old.routes.keys().chain(new.routes.keys()).collect();
    let mut changes = Vec::new();
    for path in paths {
        let was = old.routes.get(path).unwrap_or(&none);
        let is = new.routes.get(path).unwrap_or(&none);
        let gone: Vec<_> = was
            .iter()
            .filter(|(method, _)| !is.contains_key(*method))
            .collect();
        let come: Vec<_> = is
            .iter()
            .filter(|(method, _)| !was.contains_key(*method))
            .collect();
        if let ([(method, _)], [(now, (file, line))]) = (&gone[..], &come[..]) {
            let name = format!("{method} {path}");
            let message = format!("{name} is answered for {now} instead");
            let file = after.path(file);
            changes.push(change(
                ChangeKind::Breaking,
                "route",
                name,
                file,
                *line,
                message,
            ));
            continue;
        }
        changes.extend(gone.into_iter().map(|(method, (file, line))| {
            let name = format!("{method} {path}");
            let message = format!("{name} is no longer answered");
            change(
                ChangeKind::Breaking,
                "route",
                name,
                before.path(file),
                *line,
                message,
            )
        }));
        changes.extend(come.into_iter().map(|(method, (file, line))| {
            let name = format!("{method} {path}");
            let message = format!("{name} is new");
            change(
                ChangeKind::Additive,
                "route",
                name,
                after.path(file),
                *line,
                message,
            )
        }));
    }
    changes
}

/// An import that reached its module before and does not now, or that is new and reaches none.
fn imports(after: &ServiceTree, old: &Contract, new: &Contract) -> Vec<Change> {
    let fresh = new
        .unresolved
        .iter()
        .filter(|(key, _)| !old.unresolved.contains_key(*key));
    fresh
        .map(|((importer, module), missing)| {
            let needed = if missing.eager {
                "at start"
            } else {
                "by a call"
            };
            let file = if importer.is_empty() {
                module
            } else {
                importer
            };
            let line = missing
                .importer
                .as_ref()
                .map_or(1, |importer| importer.line);
            let message = format!(
                "{module} is needed {needed} and does not ship: {}",
                absence(after, &missing.path)
            );
            let file = after.path(file);
            change(
                ChangeKind::Breaking,
                "import",
                module.clone(),
                file,
                line,
                message,
            )
        })
        .collect()
}

pub(crate) fn change(
    kind: ChangeKind,
    what: &str,
    name: String,
    file: String,
    line: u64,
    message: String,
) -> Change {
    Change {
        kind,
        what: what.to_owned(),
        name,
        file,
        line,
        message,
    }
}
