//! `boundary`: who may import whom.

use std::collections::BTreeSet;

use assay_context::Glob;
use assay_model::{Boundary, Severity};
use assay_source::{Import, Target, normalise};

use crate::input::{Examined, Scope, lies_in};
use crate::rule::{Draft, Verdicts};
use crate::{AuditInput, Rule, Sample, SampleBoundary};

const SERVICES: &[SampleBoundary] = &[SampleBoundary {
    independent: &["services/a", "services/b"],
    from: None,
    forbid: &[],
}];

pub(super) const RULE: Rule = Rule {
    id: "boundary",
    severity: Severity::Error,
    summary: "an import across a boundary that the configuration draws",
    why: "services that import each other's code cannot be deployed, scaled or rolled back one \
          by one; shared code that knows a service drags that service everywhere",
    failing: Sample {
        files: &[
            ("services/a/main.rhai", "import \"../b/tokens\" as tokens;"),
            ("services/b/main.rhai", "import \"tokens\" as tokens;"),
            ("services/b/tokens.rhai", "fn mint() { 1 }"),
        ],
        unshipped: &[],
        boundaries: SERVICES,
    },
    passing: Sample {
        files: &[
            ("services/a/main.rhai", "import \"b/tokens\" as tokens;"),
            ("services/a/b/tokens.rhai", "fn mint() { 1 }"),
            ("services/b/main.rhai", "import \"tokens\" as tokens;"),
            ("services/b/tokens.rhai", "fn mint() { 1 }"),
        ],
        unshipped: &[],
        boundaries: SERVICES,
    },
    check,
};

fn check(input: &AuditInput) -> Verdicts {
    let mut verdicts = Verdicts::default();
    if input.boundaries.is_empty() {
        return verdicts;
    }
    let known: BTreeSet<String> = input
        .scopes()
        .flat_map(|scope| scope.source.files.keys().map(move |path| scope.path(path)))
        .collect();
    for boundary in &input.boundaries {
        for folder in boundary.independent.iter().chain(&boundary.from) {
            if !known.iter().any(|path| lies_in(path, folder)) {
                let name = &boundary.name;
                verdicts
                    .not_examined
                    .push(format!("boundary {name:?}: no code in {folder}"));
            }
        }
    }
    for scope in input.scopes() {
        for file in input.files(scope) {
            for import in &file.facts.imports {
                let targets = targets(scope, &file, import, &known);
                for boundary in &input.boundaries {
                    if let Some(target) =
                        targets.iter().find(|to| crosses(boundary, &file.path, to))
                    {
                        let draft = draft(boundary, &file, import, target);
                        verdicts.findings.push((scope.name.to_owned(), draft));
                    }
                }
            }
            verdicts.checks.push((scope.name.to_owned(), file.path));
        }
    }
    verdicts
}

/// Files that the import may mean, relative to the project's root. A module of the scope itself
/// wins; else it is what exists among the readings that people use (from the scope's root, from
/// the importer's folder, from the project's root); else all of them.
fn targets(
    scope: Scope<'_>,
    file: &Examined<'_>,
    import: &Import,
    known: &BTreeSet<String>,
) -> Vec<String> {
    let language = file.facts.language;
    let absolute = |path: &str| match language.resolve(&normalise(path)) {
        Target::Inside(path) | Target::Outside(path) => path,
    };
    let from_scope = absolute(&scope.path(&import.module));
    if known.contains(&from_scope) && lies_in(&from_scope, scope.root) {
        return vec![from_scope];
    }
    let mut readings = vec![from_scope, absolute(&import.module)];
    if import.module.starts_with('.') {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        readings.push(absolute(&format!("{folder}/{}", import.module)));
    }
    let existing: Vec<_> = readings
        .iter()
        .filter(|path| known.contains(*path))
        .cloned()
        .collect();
    if existing.is_empty() {
        readings
    } else {
        existing
    }
}

fn crosses(boundary: &Boundary, importer: &str, target: &str) -> bool {
    let home = boundary
        .independent
        .iter()
        .find(|folder| lies_in(importer, folder));
    let between = home.is_some_and(|home| {
        !lies_in(target, home)
            && boundary
                .independent
                .iter()
                .any(|folder| lies_in(target, folder))
    });
    let forbidden = boundary.from.as_ref().is_some_and(|from| {
        lies_in(importer, from)
            && !lies_in(target, from)
            && boundary
                .forbid
                .iter()
                .any(|glob| Glob::new(glob).matches(target))
    });
    between || forbidden
}

fn draft(boundary: &Boundary, file: &Examined<'_>, import: &Import, target: &str) -> Draft {
    Draft {
        file: file.path.clone(),
        line: import.line,
        message: format!("imports {target}, against {:?}", boundary.name),
        place: Some(format!("{}:{}", boundary.at.file, boundary.at.line)),
        symbol: Some(import.module.clone()),
    }
}
