//! `unresolved-import`: a module that is needed and not there.

use std::collections::BTreeMap;

use assay_context::{Absence, MissingModule, frontier};
use assay_model::Severity;

use crate::input::{Scope, ServiceInput};
use crate::rule::{Draft, Verdicts};
use crate::{AuditInput, Rule, Sample};

pub(super) const RULE: Rule = Rule {
    id: "unresolved-import",
    severity: Severity::Error,
    summary: "a module that the entry module reaches by imports and that does not ship",
    why: "a module that is imported at start and is not in the bundle stops the service before \
          it listens; one that is imported later fails the first call that needs it",
    failing: Sample {
        files: &[
            ("services/a/main.rhai", "import \"tools/sum\" as sum;"),
            ("services/a/tools/sum.rhai", "fn add(a, b) { a + b }"),
        ],
        unshipped: &["services/a/tools/sum.rhai"],
        boundaries: &[],
    },
    passing: Sample {
        files: &[
            ("services/a/main.rhai", "import \"tools/sum\" as sum;"),
            ("services/a/tools/sum.rhai", "fn add(a, b) { a + b }"),
            ("services/a/tests/sum.rhai", "import \"nowhere\" as n;"),
        ],
        unshipped: &["services/a/tests/sum.rhai"],
        boundaries: &[],
    },
    check,
};

fn check(input: &AuditInput) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for scope in input.scopes() {
        let Some(service) = scope.service else {
            continue;
        };
        let Some(entry) = &service.entry else {
            verdicts
                .not_examined
                .push(format!("{}: no entry module is configured", scope.name));
            continue;
        };
        let mut files: BTreeMap<_, _> = input
            .shipped(scope)
            .map(|file| (file.path, file.facts))
            .collect();
        for missing in frontier(&service.manifest, &service.source, entry) {
            let draft = draft(scope, service, &missing);
            // An entry that does not ship is judged all the same.
            if missing.importer.is_none() && !input.leaves_out(&draft.file) {
                verdicts
                    .checks
                    .push((scope.name.to_owned(), draft.file.clone()));
            } else if !files.contains_key(&draft.file) {
                continue;
            }
            verdicts.findings.push((scope.name.to_owned(), draft));
        }
        while let Some((path, facts)) = files.pop_first() {
            for unread in &facts.unread {
                verdicts
                    .not_examined
                    .push(format!("{path}:{}: {}", unread.line, unread.what));
            }
            verdicts.checks.push((scope.name.to_owned(), path));
        }
    }
    verdicts
}

fn draft(scope: Scope<'_>, service: &ServiceInput, missing: &MissingModule) -> Draft {
    let needed = if missing.eager {
        "needed at start"
    } else {
        "needed by a call"
    };
    let (reason, place) = match &missing.reason {
        Absence::Excluded(by) => {
            let at = format!("{}:{}", scope.path(&by.file), by.line);
            (
                format!(
                    "the ignore line `{}` leaves it out of the bundle",
                    by.pattern
                ),
                Some(at),
            )
        }
        Absence::WrongCase { found } => (format!("the file is called {}", scope.path(found)), None),
        Absence::OutsideRoot => (format!("it lies outside of {}", service.root), None),
        Absence::NotInSource => (
            format!("there is no file {}", scope.path(&missing.path)),
            None,
        ),
    };
    let (file, line) = match &missing.importer {
        Some(importer) => (scope.path(&importer.file), importer.line),
        None => (scope.path(&missing.path), 1),
    };
    let what = if missing.importer.is_some() {
        "module"
    } else {
        "entry module"
    };
    Draft {
        file,
        line,
        message: format!(
            "{what} {} is {needed} and not shipped: {reason}",
            missing.module
        ),
        place,
        symbol: Some(missing.module.clone()),
    }
}
