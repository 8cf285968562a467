//! `undefined-call`: a function that its module does not have.

use std::collections::BTreeSet;

use assay_model::Severity;
use assay_source::{Call, FileFacts, Target};

use crate::input::ServiceInput;
use crate::rule::{Draft, Verdicts};
use crate::{AuditInput, Rule, Sample};

pub(super) const RULE: Rule = Rule {
    id: "undefined-call",
    severity: Severity::Warning,
    summary: "a call of a function that the imported module does not define",
    why: "the module loads, the service starts and its probe is green; the first user who needs \
          the call gets the error",
    failing: Sample {
        files: &[
            (
                "services/a/main.rhai",
                "import \"sum\" as sum;\nfn f() { sum::plus(1, 2) }",
            ),
            ("services/a/sum.rhai", "fn add(a, b) { a + b }"),
        ],
        unshipped: &[],
        boundaries: &[],
    },
    passing: Sample {
        files: &[
            (
                "services/a/main.rhai",
                "import \"sum\" as sum;\nfn f() { sum::add(1, 2) }",
            ),
            ("services/a/sum.rhai", "fn add(a, b) { a + b }"),
        ],
        unshipped: &[],
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
        for file in input
            .shipped(scope)
            .filter(|file| file.facts.error.is_none())
        {
            for call in &file.facts.calls {
                let Some(module) = undefined_in(service, file.facts, call) else {
                    continue;
                };
                let draft = Draft {
                    file: file.path.clone(),
                    line: call.line,
                    message: format!(
                        "calls {}::{}, which {} does not define",
                        call.qualifier.join("::"),
                        call.name,
                        scope.path(&module),
                    ),
                    place: None,
                    symbol: Some(call.name.clone()),
                };
                verdicts.findings.push((scope.name.to_owned(), draft));
            }
            verdicts.checks.push((scope.name.to_owned(), file.path));
        }
    }
    verdicts
}

/// The module that lacks the function; `None` when one has it, or when it cannot be told.
fn undefined_in(service: &ServiceInput, file: &FileFacts, call: &Call) -> Option<String> {
    if call.qualifier.is_empty() {
        return None;
    }
    let mut modules = BTreeSet::from([file.path.as_str()]);
    for alias in &call.qualifier {
        modules = step(service, &modules, alias)?;
    }
    let lacks = |path: &&str| {
        !service.source.files[*path]
            .exports()
            .any(|function| function.name == call.name)
    };
    let lacking = modules
        .iter()
        .next()
        .filter(|_| modules.iter().all(lacks))?;
    Some((*lacking).to_owned())
}

/// The modules that `alias` may mean in `modules`; an alias that is used twice may mean either.
/// `None` when one of them does not ship or cannot be read: another rule's finding.
fn step<'a>(
    service: &'a ServiceInput,
    modules: &BTreeSet<&'a str>,
    alias: &str,
) -> Option<BTreeSet<&'a str>> {
    let mut found = BTreeSet::new();
    for importer in modules {
        let imports = &service.source.files.get(*importer)?.imports;
        for import in imports
            .iter()
            .filter(|import| import.alias.as_deref() == Some(alias))
        {
            let Target::Inside(path) = service.source.resolve(&import.module, importer)? else {
                return None;
            };
            let (path, facts) = service.source.files.get_key_value(&path)?;
            if facts.error.is_some() || !service.manifest.files.contains_key(path) {
                return None;
            }
            found.insert(path.as_str());
        }
    }
    Some(found).filter(|found| !found.is_empty())
}
