//! The step of the loop.

use std::path::{Path, PathBuf};

use assay_model::{AuditReport, Body, Facts, Project, Recorder, Source, Stage, StageError, Step};
use async_trait::async_trait;

use crate::{AuditInput, audit, gather};

/// Which checkouts are audited, given the facts.
pub type AuditedRoot = Box<dyn Fn(&Facts) -> Audited + Send + Sync>;

/// A checkout, and the one that it is measured against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    /// What is audited: the project's own root, or a mend's checkout.
    pub root: PathBuf,
    /// Findings that it does not have are new; `None` where there is nothing to measure against.
    pub baseline: Option<PathBuf>,
}

/// Name of the project's own checkout in a report.
const WORKING_TREE: &str = "working tree";

/// Step 4. It only reads, so it may be repeated.
pub struct AuditStage {
    project: Project,
    audited_root: AuditedRoot,
}

impl AuditStage {
    /// An audit of `project` as it lies at the folder that `audited_root` gives.
    pub fn new(project: Project, audited_root: AuditedRoot) -> Self {
        Self {
            project,
            audited_root,
        }
    }

    fn input(&self, root: &Path, tree: &str) -> Result<AuditInput, StageError> {
        let input = gather(&self.project, root, tree).map_err(|error| StageError::CannotLook {
            message: format!("cannot read the source of {}", self.project.name),
            hint: error.hint().map(str::to_owned),
            source: Some(error.into()),
        })?;
        let code = input
            .scopes()
            .any(|scope| !scope.source.files.is_empty() || !scope.source.skipped.is_empty());
        if code {
            return Ok(input);
        }
        Err(StageError::CannotLook {
            message: format!("no code to audit in {}", root.display()),
            hint: Some(format!(
                "name its folders in {}: [service.NAME] source",
                self.project.config_file
            )),
            source: None,
        })
    }

    fn report(&self, facts: &Facts) -> Result<AuditReport, StageError> {
        let Audited { root, baseline } = (self.audited_root)(facts);
        let tree = match facts.mend() {
            Some(mend) if root != self.project.root => mend.commit.clone(),
            _ => WORKING_TREE.to_owned(),
        };
        let mut input = self.input(&root, &tree)?;
        if let Some(baseline) = baseline {
            match self.input(&baseline, "baseline") {
                Ok(before) => input.baseline = Some(audit(&before).findings),
                Err(error) => input.not_examined.push(format!("the tree before: {error}")),
            }
        }
        Ok(audit(&input))
    }
}

#[async_trait]
impl Stage for AuditStage {
    fn step(&self) -> Step {
        Step::Audit
    }

    async fn run(&self, facts: &Facts, recorder: &mut dyn Recorder) -> Result<(), StageError> {
        let mut report = self.report(facts)?;
        let printed = serde_json::to_vec_pretty(&report)
            .map_err(|error| StageError::because("cannot print the audit report", error))?;
        let what = format!("audit report of {}", report.tree);
        report
            .evidence
            .push(recorder.keep(Source::Derived { what }, &printed).await?);
        recorder.record(vec![Body::Audited { report }]).await?;
        Ok(())
    }
}
