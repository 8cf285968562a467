//! Where the pages go on disk.

use std::path::{Path, PathBuf};

use assay_model::RunId;
use assay_world::files::{FileError, write_atomic};

use crate::pull_request::PullRequest;

/// The worklog of `run`, below the project's state folder.
pub fn worklog_path(state_dir: &Path, run: &RunId) -> PathBuf {
    state_dir.join("worklogs").join(format!("{run}.md"))
}

/// The description of the pull request of `run`, below the project's state folder.
pub fn pull_request_path(state_dir: &Path, run: &RunId) -> PathBuf {
    state_dir.join("pull-requests").join(format!("{run}.md"))
}

/// Writes the worklog of a run, as [`worklog()`](crate::worklog()) gave it, and says where. It
/// replaces an earlier one whole, and may be repeated: after the end of the run, say, which is
/// recorded after publishing.
///
/// # Errors
/// When the file cannot be written; an earlier one is then as it was.
pub fn write_worklog(state_dir: &Path, run: &RunId, text: &str) -> Result<PathBuf, FileError> {
    let path = worklog_path(state_dir, run);
    write_atomic(&path, text.as_bytes())?;
    Ok(path)
}

/// Writes the description of the pull request of `run` and says where. May be repeated.
pub(crate) fn write_pull_request(
    state_dir: &Path,
    run: &RunId,
    pull_request: &PullRequest,
) -> Result<PathBuf, FileError> {
    let path = pull_request_path(state_dir, run);
    let page = format!(
        "# {}\n\n{}",
        crate::text::prose(&pull_request.title),
        pull_request.body
    );
    write_atomic(&path, page.as_bytes())?;
    Ok(path)
}
