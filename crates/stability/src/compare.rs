//! From two trees to a report.

use std::collections::BTreeMap;

use assay_model::{Change, ChangeKind, StabilityReport, StabilityRow};

use crate::contract::{self, Contract, change};
use crate::{ServiceTree, Tree, tests_kept};

/// Sets `after` against `before`. The same trees give the same report; its evidence is empty,
/// for the report itself becomes evidence. Two trees in which nothing could be looked at are not
/// called stable.
pub fn compare(before: &Tree, after: &Tree) -> StabilityReport {
    let (old, new) = (index(before), index(after));
    let mut changes = Vec::new();
    for (name, was) in &old {
        match new.get(name) {
            Some(is) => changes.extend(contract::differences(was, is)),
            None => changes.push(of_service(ChangeKind::Breaking, was, "is gone")),
        }
    }
    for (name, is) in &new {
        if !old.contains_key(name) {
            changes.push(of_service(ChangeKind::Additive, is, "is new"));
        }
    }
    if let (Some(was), Some(is)) = (&before.tests, &after.tests) {
        changes.extend(tests_kept::differences(was, is));
    }
    let harmless = changes
        .iter()
        .all(|change| change.kind == ChangeKind::Additive);
    let looked = before
        .services
        .iter()
        .any(|service| service.shipped().next().is_some())
        || before.tests.as_ref().is_some_and(|tests| !tests.is_empty());
    StabilityReport {
        base: before.label.clone(),
        head: after.label.clone(),
        changes,
        rows: rows(before, after),
        stable: harmless && looked,
        evidence: Vec::new(),
    }
}

fn index(tree: &Tree) -> BTreeMap<&str, &ServiceTree> {
    tree.services
        .iter()
        .map(|service| (service.name.as_str(), service))
        .collect()
}

fn of_service(kind: ChangeKind, service: &ServiceTree, what: &str) -> Change {
    let message = format!("service {} {what}", service.name);
    change(
        kind,
        "service",
        service.name.to_string(),
        service.root.clone(),
        0,
        message,
    )
}

/// The figures of one tree, over all its services.
#[derive(Default)]
struct Figures {
    files: usize,
    modules: usize,
    unparsed: usize,
    functions: usize,
    routes: usize,
    unresolved: usize,
}

impl Figures {
    fn of(tree: &Tree) -> Self {
        let mut figures = Self::default();
        for service in &tree.services {
            let contract = Contract::of(service);
            figures.files += service.manifest.files.len();
            figures.modules += contract.modules.len();
            figures.unparsed += service
                .shipped()
                .filter(|(_, facts)| facts.error.is_some())
                .count();
            figures.functions += contract.functions();
            figures.routes += contract.routes();
            figures.unresolved += contract.unresolved.len();
        }
        figures
    }
}

fn rows(before: &Tree, after: &Tree) -> Vec<StabilityRow> {
    let (old, new) = (Figures::of(before), Figures::of(after));
    let row = |what: &str, before: String, after: String| StabilityRow {
        what: what.to_owned(),
        before,
        after,
    };
    let count =
        |what: &str, before: usize, after: usize| row(what, before.to_string(), after.to_string());
    let listed = |tree: &Tree| {
        tree.tests
            .as_ref()
            .map_or("not listed".to_owned(), |tests| tests.len().to_string())
    };
    vec![
        count("services", before.services.len(), after.services.len()),
        count("files shipped", old.files, new.files),
        count("modules shipped", old.modules, new.modules),
        count("modules that cannot be parsed", old.unparsed, new.unparsed),
        count("exported functions", old.functions, new.functions),
        count("routes", old.routes, new.routes),
        count("unresolved imports", old.unresolved, new.unresolved),
        row("tests listed", listed(before), listed(after)),
    ]
}
