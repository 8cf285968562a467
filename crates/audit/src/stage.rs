//! The step of the loop.

use std::path::{Path, PathBuf};

use assay_model::{AuditReport, Body, Facts, Project, Recorder, Source, Stage, StageError, Step};
use async_trait::async_trait;

use crate::{AuditInput, audit, gather};

/// Which checkout is audited, given the facts: the project's own root, or that of a mend.
pub type AuditedRoot = Box<dyn Fn(&Facts) -> PathBuf + Send + Sync>;

/// Name of the project's own checkout in a report.
const WORKING_TREE: &str = "working tree";

/// Step 4. It only reads, so it may be repeated.
pub struct AuditStage {
    project: Project,
    audited_root: AuditedRoot,
}

impl AuditStage {
    /// An audit of `project` as it lies at the folder that `audited_root` gives. Where that is
    /// not the project's own root, findings are new that the project's own root does not have.
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
        let root = (self.audited_root)(facts);
        if root == self.project.root {
            return Ok(audit(&self.input(&root, WORKING_TREE)?));
        }
        let tree = facts
            .mend()
            .map_or_else(|| root.display().to_string(), |mend| mend.commit.clone());
        let mut input = self.input(&root, &tree)?;
        match self.input(&self.project.root, WORKING_TREE) {
            Ok(before) => input.baseline = Some(audit(&before).findings),
            Err(error) => input.not_examined.push(format!("the tree before: {error}")),
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
