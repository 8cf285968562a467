//! Which checkouts audit and stability look at: known from the facts, composed here.

use std::path::{Path, PathBuf};

use assay_audit::{Audited, AuditedRoot};
use assay_model::{Facts, Mend, StageError};
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
pub(super) fn compared(state: &Path) -> Compared {
    let state = state.to_owned();
    Box::new(move |facts| {
        let mend = facts
            .mend()
            .ok_or_else(|| StageError::cannot_look("nothing was changed"))?;
        let before = last_good(facts, mend).unwrap_or_else(|| mend.base.clone());
        Ok((side(&state, &before), side(&state, &mend.commit)))
    })
}

fn side(state: &Path, commit: &str) -> Side {
    let label = commit.get(..COMMIT_DIGITS).unwrap_or(commit).to_owned();
    Side {
        label,
        folder: export(state, commit),
        tests: None,
    }
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
