//! Whether a configuration that reads well also fits the world: paths that are there, addresses
//! that agree, variables that are set, a graph without circles.
//!
//! [`check`] reads the file, looks at each claim that it makes, and judges nothing by asking a
//! server: that is what readiness is for.

mod address;
mod doubt;
mod graph;
mod mark;
mod paths;

use std::path::Path;

use assay_model::Project;

use crate::check::doubt::warning;
use crate::claim::{Claim, ClaimKind};
use crate::load::{ConfigError, read};
use crate::problem::{Problem, Problems, Severity};
use crate::project::parse_with_claims;

/// A configuration that can be used, and what is doubtful about it.
#[derive(Debug)]
pub struct Checked {
    /// The project.
    pub project: Project,
    /// What does not fit the world around the file; `None` if all of it does.
    pub problems: Option<Problems>,
}

/// Reads a configuration and looks at what it says of the world: folders, files and programs
/// below its root, variables, addresses. Opens no connection and changes nothing.
///
/// # Errors
/// When there is no such file, it cannot be read, or anything in it is wrong by itself.
pub fn check(path: &Path) -> Result<Checked, ConfigError> {
    let file = read(path)?;
    let env = |variable: &str| std::env::var(variable).ok();
    let (project, claims) = parse_with_claims(&file.text, &file.name, &file.root, &env)?;
    let problems = doubts(&project, &claims, &env);
    let problems = (!problems.is_empty()).then(|| Problems::new(&file.name, &file.text, problems));
    Ok(Checked { project, problems })
}

fn doubts(
    project: &Project,
    claims: &[Claim],
    env: &dyn Fn(&str) -> Option<String>,
) -> Vec<Problem> {
    let mut problems: Vec<Problem> = claims
        .iter()
        .filter_map(|claim| paths::check(&project.root, claim))
        .collect();
    problems.extend(address::check(project, claims));
    problems.extend(graph::check(project, claims));
    problems.extend(unset_secrets(claims, env));
    if project.services.is_empty() {
        problems.push(Problem {
            severity: Severity::Warning,
            message: format!("{} names no service", project.config_file),
            label: "nothing can be looked at".to_owned(),
            span: 0..0,
            hint: Some("add a [service.NAME] with a url, or run `assay init --merge`".to_owned()),
        });
    }
    problems
}

fn unset_secrets(claims: &[Claim], env: &dyn Fn(&str) -> Option<String>) -> Vec<Problem> {
    let secrets = claims
        .iter()
        .filter(|claim| claim.kind == ClaimKind::Secret);
    let unset = secrets.filter(|claim| env(&claim.value).is_none_or(|value| value.is_empty()));
    unset
        .map(|claim| {
            warning(
                claim,
                format!("secret `{}` is not set", claim.value),
                "its value could not be kept out of evidence",
                Some(format!("set `{}` before running assay", claim.value)),
            )
        })
        .collect()
}
