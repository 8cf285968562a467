//! The step of the loop.

use std::path::PathBuf;

use assay_model::{Body, Facts, Project, Recorder, Source, Stage, StageError, Step, TestCase};
use async_trait::async_trait;

use crate::{Tree, compare, gather};

/// One of the two checkouts that are compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// The commit or checkout, for a person.
    pub label: String,
    /// The checkout of the whole project.
    pub folder: PathBuf,
    /// Its tests, where they were listed.
    pub tests: Option<Vec<TestCase>>,
}

/// Which checkouts are compared, given the facts: before, and after.
pub type Compared = Box<dyn Fn(&Facts) -> Result<(Side, Side), StageError> + Send + Sync>;

/// Step 5. It only reads, so it may be repeated.
pub struct StabilityStage {
    project: Project,
    compared: Compared,
}

impl StabilityStage {
    /// A comparison of the two checkouts of `project` that `compared` gives.
    pub fn new(project: Project, compared: Compared) -> Self {
        Self { project, compared }
    }

    fn tree(&self, side: Side) -> Result<Tree, StageError> {
        let tree = gather(&self.project, &side.folder, &side.label).map_err(|error| {
            StageError::CannotLook {
                message: format!("cannot read the source of {}", side.label),
                hint: error.hint().map(str::to_owned),
                source: Some(error.into()),
            }
        })?;
        if tree
            .services
            .iter()
            .all(|service| service.shipped().next().is_none())
        {
            let (label, folder) = (side.label, side.folder.display());
            return Err(StageError::cannot_look(format!(
                "{label} ships no code: {folder}"
            )));
        }
        Ok(Tree {
            tests: side.tests,
            ..tree
        })
    }
}

#[async_trait]
impl Stage for StabilityStage {
    fn step(&self) -> Step {
        Step::Stability
    }

    async fn run(&self, facts: &Facts, recorder: &mut dyn Recorder) -> Result<(), StageError> {
        let (before, after) = (self.compared)(facts)?;
        let mut report = compare(&self.tree(before)?, &self.tree(after)?);
        let printed = serde_json::to_vec_pretty(&report)
            .map_err(|error| StageError::because("cannot print the stability report", error))?;
        let what = format!("contract differences {}..{}", report.base, report.head);
        report
            .evidence
            .push(recorder.keep(Source::Derived { what }, &printed).await?);
        recorder
            .record(vec![Body::StabilityJudged { report }])
            .await?;
        Ok(())
    }
}
