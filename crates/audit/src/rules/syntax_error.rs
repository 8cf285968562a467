//! `syntax-error`: a file that is no program.

use assay_model::Severity;

use crate::rule::{Draft, Verdicts};
use crate::{AuditInput, Rule, Sample};

pub(super) const RULE: Rule = Rule {
    id: "syntax-error",
    severity: Severity::Error,
    summary: "a file that its language cannot parse",
    why: "a module that cannot be parsed cannot be loaded: whatever imports it does not start; \
          and no other rule can see what is in it",
    failing: Sample {
        files: &[("services/a/main.rhai", "fn f() {\n  let x = ;\n}")],
        unshipped: &[],
        boundaries: &[],
    },
    passing: Sample {
        files: &[("services/a/main.rhai", "fn f() {\n  let x = 1;\n}")],
        unshipped: &[],
        boundaries: &[],
    },
    check,
};

fn check(input: &AuditInput) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for scope in input.scopes() {
        for file in input.files(scope) {
            if let Some(error) = &file.facts.error {
                let draft = Draft {
                    file: file.path.clone(),
                    line: error.line,
                    message: format!("cannot be parsed: {}", error.message),
                    place: Some(format!("column {}", error.column)),
                    symbol: None,
                };
                verdicts.findings.push((scope.name.to_owned(), draft));
            }
            verdicts.checks.push((scope.name.to_owned(), file.path));
        }
        for (path, reason) in &scope.source.skipped {
            let path = scope.path(path);
            if !input.leaves_out(&path) {
                verdicts.not_examined.push(format!("{path}: {reason}"));
            }
        }
    }
    verdicts
}
