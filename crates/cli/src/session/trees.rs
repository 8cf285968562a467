//! Which folders audit and stability look at: known from the facts, composed here.

use std::path::{Path, PathBuf};

use assay_model::{Facts, Mend, Project, Revision};

/// The tree that is audited: the mend's, where there is one, else what is checked out.
pub(super) fn audited(
    project: &Project,
    state: &Path,
) -> Box<dyn Fn(&Facts) -> PathBuf + Send + Sync> {
    let (root, state) = (project.root.clone(), state.to_owned());
    Box::new(move |facts| {
        facts.mend().map_or_else(|| root.clone(), |mend| worktree(&state, mend))
    })
}

/// The bundles that are compared: the last good revision's and the mended one's.
pub(super) fn compared(
    _project: &Project,
    state: &Path,
) -> Box<dyn Fn(&Facts) -> Option<(PathBuf, PathBuf)> + Send + Sync> {
    let state = state.to_owned();
    Box::new(move |facts| {
        let mend = facts.mend()?;
        let service = mend.service()?;
        let after = facts.built(service, &mend.commit)?;
        let before = last_good(facts, mend)?;
        Some((state.join(&before.bundle.path), state.join(&after.bundle.path)))
    })
}

fn last_good<'a>(facts: &'a Facts, mend: &Mend) -> Option<&'a Revision> {
    let cause = facts.incident()?.causes.iter().find(|cause| cause.id == mend.remedy.cause)?;
    facts.revisions.get(cause.last_good.as_ref()?)
}

fn worktree(state: &Path, mend: &Mend) -> PathBuf {
    state.join("worktrees").join(mend.branch.replace('/', "-"))
}
