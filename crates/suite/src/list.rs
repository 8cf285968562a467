//! Step 1: which tests, in what order, and why?

use assay_model::{Body, Facts, Project, Recorder, Stage, StageError, Step, Suite};
use async_trait::async_trait;

use crate::libtest::{Libtest, LibtestError};
use crate::select;

/// The one runner that is built in so far.
const RUNNER: &str = "libtest";

/// Asks every chosen suite what tests it has, and records which of them run.
#[derive(Clone, Debug)]
pub struct SelectStage {
    project: Project,
}

impl SelectStage {
    /// For the suites of `project`, whose commands are ready to be run.
    pub fn new(project: Project) -> Self {
        Self { project }
    }
}

#[async_trait]
impl Stage for SelectStage {
    fn step(&self) -> Step {
        Step::Select
    }

    async fn run(&self, facts: &Facts, recorder: &mut dyn Recorder) -> Result<(), StageError> {
        let named = facts.plan.as_ref().map_or(&[][..], |plan| &plan.suites);
        let suites =
            select::suites(&self.project.suites, named).map_err(|error| StageError::Usage {
                message: error.to_string(),
                hint: Some(error.hint()),
            })?;
        let mut cases = Vec::new();
        for suite in &suites {
            check_runner(suite)?;
            let opened = Libtest::open(suite, &self.project.root).await;
            let (_, listed) = opened.map_err(cannot_list)?;
            recorder.say(&format!(
                "suite {} lists {} tests",
                suite.name,
                listed.len()
            ));
            cases.extend(listed);
        }
        let selection = select::select(cases, &suites);
        if selection.tests.is_empty() {
            let (id, why) = selection
                .left_out
                .first()
                .cloned()
                .unwrap_or_else(|| (String::new().into(), "nothing is listed".to_owned()));
            return Err(StageError::CannotLook {
                message: format!("none of {} listed tests is left to run", selection.listed),
                hint: Some(format!("{id}: {why}")),
                source: None,
            });
        }
        recorder.say(&format!(
            "{} tests selected, {} left out",
            selection.tests.len(),
            selection.left_out.len()
        ));
        recorder
            .record(vec![Body::TestsSelected { selection }])
            .await?;
        Ok(())
    }
}

/// Refuses a suite whose runner has no adapter.
pub(crate) fn check_runner(suite: &Suite) -> Result<(), StageError> {
    if suite.runner == RUNNER {
        return Ok(());
    }
    Err(StageError::Usage {
        message: format!(
            "suite {}: there is no runner {:?}",
            suite.name, suite.runner
        ),
        hint: Some(format!("runners: {RUNNER}")),
    })
}

/// A suite that cannot be asked cannot be looked at.
pub(crate) fn cannot_list(error: LibtestError) -> StageError {
    let hint = error.hint();
    let message = error.to_string();
    let source = match error {
        LibtestError::Start { source, .. } => Some(source.into()),
        LibtestError::Listing { source, .. } => Some(source.into()),
        _ => None,
    };
    StageError::CannotLook {
        message,
        hint,
        source,
    }
}
