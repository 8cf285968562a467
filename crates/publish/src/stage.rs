//! The step itself: fetch what the pages quote, write them, and see that the branch is there.

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use assay_model::{
    Act, Begun, Body, Event, EvidenceRef, Facts, Mend, Project, Publication, Recorder, RunId,
    Stage, StageError, Step,
};
use assay_world::git::Git;
use async_trait::async_trait;

use crate::pull_request::pull_request;
use crate::worklog::{wanted, worklog};
use crate::write::{write_pull_request, write_worklog};

/// Reads back what was recorded of a run so far. The recorder only writes, so that no stage
/// depends on how events are stored; the worklog is the one reader of all of them.
pub trait EventSource: Send + Sync {
    /// Every durable event of `run`, in order.
    ///
    /// # Errors
    /// When they cannot be read.
    fn events(&self, run: &RunId) -> Result<Vec<Event>, Box<dyn Error + Send + Sync>>;
}

/// Step 6 on this machine: nothing is pushed.
pub struct PublishStage {
    project: Project,
    state_dir: PathBuf,
    events: Arc<dyn EventSource>,
}

impl PublishStage {
    /// Publishes below `state_dir`, the folder `.assay` of the project.
    pub fn new(
        project: Project,
        state_dir: impl Into<PathBuf>,
        events: Arc<dyn EventSource>,
    ) -> Self {
        Self {
            project,
            state_dir: state_dir.into(),
            events,
        }
    }

    /// Paths in events are relative to the project where they lie inside.
    fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.project.root)
            .unwrap_or(path)
            .to_string_lossy()
            .into_owned()
    }

    async fn publish(
        &self,
        run: &RunId,
        facts: &Facts,
        events: &[Event],
        texts: &HashMap<String, String>,
    ) -> Result<Publication, StageError> {
        let text = |evidence: &EvidenceRef| texts.get(&evidence.hash).cloned();
        let page = write_worklog(&self.state_dir, run, &worklog(facts, events, &text))
            .map_err(|error| StageError::because("cannot write the worklog", error))?;
        let proposed = pull_request(facts, events, &text)
            .map(|request| write_pull_request(&self.state_dir, run, &request))
            .transpose()
            .map_err(|error| StageError::because("cannot write the pull request", error))?;
        let mend = facts.mend().filter(|mend| facts.mend_serves(mend));
        if let Some(mend) = mend {
            self.keep_branch(run, mend).await?;
        }
        Ok(Publication {
            worklog: self.relative(&page),
            branch: mend.map(|mend| mend.branch.clone()),
            commit: mend.map(|mend| mend.commit.clone()),
            pull_request: proposed.map(|path| self.relative(&path)),
        })
    }

    fn events_of(&self, run: &RunId) -> Result<Vec<Event>, StageError> {
        let events = self.events.events(run).map_err(|error| {
            StageError::because(format!("cannot read the events of run {run}"), error)
        })?;
        if events.is_empty() {
            return Err(StageError::cannot_look(format!(
                "run {run} has no event to publish"
            )));
        }
        Ok(events)
    }

    /// The branch that the pull request proposes. It is there already, unless somebody took it
    /// away; one that points elsewhere is somebody's work and stays as it is.
    async fn keep_branch(&self, run: &RunId, mend: &Mend) -> Result<(), StageError> {
        let git = Git::at(&self.project.root);
        let failed =
            |error| StageError::because(format!("cannot publish branch {}", mend.branch), error);
        let head = format!("refs/heads/{}", mend.branch);
        match git.resolve(&head).await.map_err(failed)? {
            Some(commit) if commit == mend.commit => Ok(()),
            Some(commit) => Err(StageError::CannotLook {
                message: format!(
                    "branch {} is at {commit}, and the proven mend is {}",
                    mend.branch, mend.commit
                ),
                hint: Some(format!(
                    "rename that branch, or put it back with `git branch -f {} {}`",
                    mend.branch, mend.commit
                )),
                source: None,
            }),
            None => {
                let dir = self
                    .state_dir
                    .join("worktrees")
                    .join(format!("publish-{run}"));
                git.worktree_add(&dir, &mend.branch, &mend.commit)
                    .await
                    .map_err(failed)?;
                git.worktree_remove(&dir).await.map_err(failed)
            }
        }
    }
}

#[async_trait]
impl Stage for PublishStage {
    fn step(&self) -> Step {
        Step::Publish
    }

    async fn run(&self, facts: &Facts, recorder: &mut dyn Recorder) -> Result<(), StageError> {
        if self.project.publish.forge != "local" {
            return Err(StageError::Usage {
                message: format!(
                    "[publish] forge {:?} is not known",
                    self.project.publish.forge
                ),
                hint: Some("the forge that is known is \"local\"".to_owned()),
            });
        }
        let Some(run) = facts.run.clone() else {
            return Err(StageError::cannot_look(
                "nothing to publish: the run has no event",
            ));
        };
        let act = Act {
            key: "publish".to_owned(),
            what: format!("write the worklog of run {run}, and the pull request of its mend"),
        };
        if let Begun::Finished(_) = recorder.begin(&act).await? {
            return Ok(());
        }
        let events = self.events_of(&run)?;
        // The facts that came in may be older than the events: both pages read one state.
        let facts = Facts::fold(&events);
        let texts = fetch(wanted(&facts, &events), recorder).await;
        let publication = self.publish(&run, &facts, &events, &texts).await?;
        recorder.say(&format!("worklog: {}", publication.worklog));
        if let Some(path) = &publication.pull_request {
            recorder.say(&format!("pull request: {path}"));
        }
        let result = serde_json::json!({ "worklog": publication.worklog });
        recorder
            .finish(&act, result, vec![Body::Published { publication }])
            .await?;
        Ok(())
    }
}

/// Texts by hash. A blob that cannot be read is left out, and the worklog says so where it would
/// have quoted it: a worklog with a gap is worth more than none.
async fn fetch(wanted: Vec<EvidenceRef>, recorder: &mut dyn Recorder) -> HashMap<String, String> {
    let mut texts = HashMap::new();
    for evidence in wanted {
        match recorder.fetch(&evidence).await {
            Ok(bytes) => {
                texts.insert(evidence.hash, String::from_utf8_lossy(&bytes).into_owned());
            }
            Err(error) => recorder.say(&format!(
                "{} is not quoted: {error}",
                evidence.source.label()
            )),
        }
    }
    texts
}
