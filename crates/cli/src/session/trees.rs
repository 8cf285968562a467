//! Which checkouts audit and stability look at: known from the facts, composed here.

use std::path::{Path, PathBuf};

use assay_audit::{Audited, AuditedRoot};
use assay_model::{Facts, Mend, Project, StageError, Suite, TestCase};
use assay_stability::{Compared, Side};

/// Digits of a commit in labels.
const COMMIT_DIGITS: usize = 10;

/// The tree that is audited: the mend's against the one that it was made on, where there is a
/// mend, else what is checked out.
pub(super) fn audited(root: &Path, state: &Path) -> AuditedRoot {
    let (root, state) = (root.to_owned(), state.to_owned());
    Box::new(move |facts| match facts.mend() {
        Some(mend) => Audited {
            root: export(&state, &mend.commit),
            baseline: Some(export(&state, &mend.base)),
        },
        None => Audited {
            root: root.clone(),
            baseline: None,
        },
    })
}

/// The trees that are compared: the last good revision's and the mended one's, each as it was
/// checked out to be built.
pub(super) fn compared(project: &Project, state: &Path) -> Compared {
    let (suites, state) = (project.suites.clone(), state.to_owned());
    Box::new(move |facts| {
        let mend = facts
            .mend()
            .ok_or_else(|| StageError::cannot_look("nothing was changed"))?;
        let before = last_good(facts, mend).unwrap_or_else(|| mend.base.clone());
        let tests = unchanged_tests(&suites, facts, mend);
        Ok((
            side(&state, &before, tests.clone()),
            side(&state, &mend.commit, tests),
        ))
    })
}

fn side(state: &Path, commit: &str, tests: Option<Vec<TestCase>>) -> Side {
    let label = commit.get(..COMMIT_DIGITS).unwrap_or(commit).to_owned();
    Side {
        label,
        folder: export(state, commit),
        tests,
    }
}

/// The tests of both sides, where the change touches no file of theirs: then they are the ones
/// that this run listed. Else they were not compared.
fn unchanged_tests(suites: &[Suite], facts: &Facts, mend: &Mend) -> Option<Vec<TestCase>> {
    let of_a_suite = |file: &String| {
        let mut paths = suites.iter().flat_map(|suite| &suite.paths);
        paths.any(|path| Path::new(file).starts_with(path))
    };
    if mend.files.iter().any(of_a_suite) {
        return None;
    }
    let selection = facts.selection.as_ref()?;
    let cases = selection.tests.iter().map(|selected| selected.case.clone());
    Some(cases.collect())
}

/// The commit of the revision that served well before.
fn last_good(facts: &Facts, mend: &Mend) -> Option<String> {
    let cause = facts
        .incident()?
        .causes
        .iter()
        .find(|cause| cause.id == mend.remedy.cause)?;
    facts
        .revisions
        .get(cause.last_good.as_ref()?)?
        .commit
        .clone()
}

/// Where a commit was checked out when it was built.
fn export(state: &Path, commit: &str) -> PathBuf {
    assay_deploy::export_folder(state, commit)
}
