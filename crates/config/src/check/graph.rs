//! Who calls whom: circles, and calls that the graph does not know of.

use assay_model::{Project, ServiceName};

use crate::check::doubt::{owner, warning};
use crate::claim::{Claim, ClaimKind};
use crate::problem::Problem;

/// What is doubtful about the graph.
pub(crate) fn check(project: &Project, claims: &[Claim]) -> Vec<Problem> {
    let calls = claims.iter().filter(|claim| claim.kind == ClaimKind::Call);
    let calls = calls.filter(|claim| claim.key.ends_with(".depends_on"));
    let mut problems: Vec<Problem> = calls.filter_map(|claim| circle(project, claim)).collect();
    let values = claims.iter().filter(|claim| claim.kind == ClaimKind::Value);
    problems.extend(values.filter_map(|claim| unlisted(project, claim)));
    problems
}

/// The way back from what is called here to who calls it. Told once for each circle, at the call
/// that closes it from the first name of the circle.
fn circle(project: &Project, claim: &Claim) -> Option<Problem> {
    let caller = owner(claim)?;
    let called = ServiceName::from(claim.value.as_str());
    let way = way(project, &called, &caller)?;
    if way.iter().min() != Some(&caller) {
        return None;
    }
    let names: Vec<&str> = std::iter::once(&caller)
        .chain(&way)
        .map(ServiceName::as_str)
        .collect();
    let message = format!("{caller} depends on itself: {}", names.join(" → "));
    let label = "no order of starting them is right";
    let hint = "leave out the call that it can do without at its start";
    Some(warning(claim, message, label, Some(hint.to_owned())))
}

/// The shortest way along calls, both ends included.
fn way(project: &Project, from: &ServiceName, to: &ServiceName) -> Option<Vec<ServiceName>> {
    let mut ways = std::collections::VecDeque::from([vec![from.clone()]]);
    let mut seen = std::collections::BTreeSet::from([from.clone()]);
    while let Some(way) = ways.pop_front() {
        let last = way.last()?;
        if last == to {
            return Some(way);
        }
        for next in project.depends_on(last) {
            if seen.insert(next.clone()) {
                ways.push_back(way.iter().cloned().chain([next.clone()]).collect());
            }
        }
    }
    None
}

/// A service that is given the address of another one calls it.
fn unlisted(project: &Project, claim: &Claim) -> Option<Problem> {
    let caller = owner(claim).filter(|_| claim.key.starts_with("service."))?;
    let rest = &claim.value[claim.value.find("{service.")? + "{service.".len()..];
    let called = rest.split(['.', '}']).next()?;
    let listed = project
        .depends_on(&caller)
        .iter()
        .any(|name| name.as_str() == called);
    if listed || *caller == *called {
        return None;
    }
    let message = format!("{caller} is given the address of {called}");
    let label = format!("`{called}` is not in its `depends_on`");
    let hint = format!("add \"{called}\" to `service.{caller}.depends_on`");
    Some(warning(claim, message, label, Some(hint)))
}
