//! From verdicts to a report whose figures reconcile.

use std::collections::{BTreeMap, BTreeSet};

use assay_model::{AuditReport, AuditScope, Finding};

use crate::{AuditInput, RULES};

/// Name of the scope that sums up all others.
const OVERALL: &str = "overall";

/// Judges `input` by every rule. The same input gives the same report; its evidence is empty,
/// for the report itself becomes evidence.
pub fn audit(input: &AuditInput) -> AuditReport {
    let mut not_examined = input.not_examined.clone();
    let mut findings = Vec::new();
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for rule in RULES {
        let verdicts = (rule.check)(input);
        let failed: BTreeSet<(String, String)> = verdicts
            .findings
            .iter()
            .map(|(scope, draft)| (scope.clone(), draft.file.clone()))
            .collect();
        let checks: BTreeSet<_> = verdicts.checks.into_iter().collect();
        for check in checks {
            let passed = !failed.contains(&check);
            let (scope, file) = check;
            let tally = tallies.entry(scope).or_default();
            tally.files.insert(file);
            tally.checks += 1;
            tally.passed += u32::from(passed);
        }
        not_examined.extend(verdicts.not_examined);
        findings.extend(
            verdicts
                .findings
                .into_iter()
                .map(|(_, draft)| draft.finding(rule)),
        );
    }
    findings.sort_by(|a, b| {
        (&a.file, a.line, &a.rule, &a.message).cmp(&(&b.file, b.line, &b.rule, &b.message))
    });
    let mut scopes = Vec::new();
    for name in input.scopes().map(|scope| scope.name) {
        scopes.push(tallies.remove(name).unwrap_or_default().scope(name));
        if scopes.last().is_some_and(|scope| scope.score.is_none()) {
            not_examined.push(format!("{name}: no code of a language that is read"));
        }
    }
    scopes.push(overall(&scopes));
    not_examined.extend(left_out(input));
    let new = count_new(&findings, input.baseline.as_deref());
    AuditReport {
        scopes,
        findings,
        not_examined,
        tree: input.tree.clone(),
        new,
        evidence: Vec::new(),
    }
}

#[derive(Default)]
struct Tally {
    files: BTreeSet<String>,
    checks: u32,
    passed: u32,
}

impl Tally {
    fn scope(self, name: &str) -> AuditScope {
        AuditScope {
            name: name.to_owned(),
            files: u32::try_from(self.files.len()).unwrap_or(u32::MAX),
            checks: self.checks,
            passed: self.passed,
            score: score(self.passed, self.checks),
        }
    }
}

fn score(passed: u32, checks: u32) -> Option<f64> {
    (checks > 0).then(|| f64::from(passed) / f64::from(checks))
}

fn overall(scopes: &[AuditScope]) -> AuditScope {
    let (checks, passed) = scopes.iter().fold((0, 0), |(checks, passed), scope| {
        (checks + scope.checks, passed + scope.passed)
    });
    AuditScope {
        name: OVERALL.to_owned(),
        files: scopes.iter().map(|scope| scope.files).sum(),
        checks,
        passed,
        score: score(passed, checks),
    }
}

fn left_out(input: &AuditInput) -> Option<String> {
    let n = input
        .scopes()
        .flat_map(|scope| scope.source.files.keys().map(move |path| scope.path(path)))
        .filter(|path| input.leaves_out(path))
        .count();
    (n > 0).then(|| format!("{n} files left out by `audit.exclude`"))
}

/// How often a finding occurs counts: a second one beside an old one is new. Without a tree
/// before there is nothing that a finding could be new against.
fn count_new(findings: &[Finding], baseline: Option<&[Finding]>) -> u32 {
    let Some(baseline) = baseline else { return 0 };
    let mut known: BTreeMap<&str, u32> = BTreeMap::new();
    for finding in baseline {
        *known.entry(&finding.fingerprint).or_default() += 1;
    }
    let mut new = 0;
    for finding in findings {
        match known.get_mut(finding.fingerprint.as_str()) {
            Some(left) if *left > 0 => *left -= 1,
            _ => new += 1,
        }
    }
    new
}
