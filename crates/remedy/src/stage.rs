//! Carries a plan out.

use std::path::{Component, Path, PathBuf};

use assay_model::{
    Act, Action, Begun, Body, CauseId, Edit, Facts, Project, Recorder, Remedy, ServiceName, Source,
    Stage, StageError, Step,
};
use assay_world::files;
use assay_world::git::{Git, Identity};
use async_trait::async_trait;

use crate::edit;
use crate::plan::{Plan, plan, restoring_rollout, short};

/// Step 3.6.
pub struct RemedyStage {
    project: Project,
    state: PathBuf,
}

impl RemedyStage {
    /// A stage that makes its worktrees under `state` (the project's `.assay`).
    pub fn new(project: Project, state: PathBuf) -> Self {
        Self { project, state }
    }

    async fn apply(
        &self,
        facts: &Facts,
        remedy: Remedy,
        recorder: &mut dyn Recorder,
    ) -> Result<(), StageError> {
        recorder.say(&format!("{}: {}", remedy.action.word(), remedy.reason));
        let act = Act {
            key: format!(
                "remedy {} {}",
                facts.remedies.len() + 1,
                remedy.action.word()
            ),
            what: remedy.reason.clone(),
        };
        if let Begun::Finished(_) = recorder.begin(&act).await? {
            return Ok(());
        }
        let mut bodies = vec![Body::RemedyPlanned {
            remedy: remedy.clone(),
        }];
        if let Some(request) = restoring_rollout(facts, &remedy) {
            bodies.push(Body::RolloutRequested { request });
        }
        if let Action::Mend { service, edit } = &remedy.action {
            bodies.extend(self.mend(facts, &remedy, service, edit, recorder).await?);
        }
        recorder
            .finish(&act, serde_json::Value::Null, bodies)
            .await?;
        Ok(())
    }

    /// Edits a worktree of its own and commits there. May be repeated: it starts from the base
    /// commit each time.
    async fn mend(
        &self,
        facts: &Facts,
        remedy: &Remedy,
        service: &ServiceName,
        edit: &Edit,
        recorder: &mut dyn Recorder,
    ) -> Result<Vec<Body>, StageError> {
        let run = facts.run.as_deref().unwrap_or("run");
        let branch = format!("assay/repair-{run}-{}", facts.mends.len() + 1);
        let base = bad_commit(facts, &remedy.cause).ok_or_else(|| {
            StageError::cannot_look(format!("no commit is known for {}", remedy.cause))
        })?;
        let git = Git::at(&self.project.root);
        let worktree = self.state.join("worktrees").join(branch.replace('/', "-"));
        let failed = |what: &str, source: Box<dyn std::error::Error + Send + Sync>| {
            StageError::because(format!("{what} {branch}"), source)
        };
        let there = git
            .worktree_add(&worktree, &branch, &base)
            .await
            .map_err(|error| failed("make a worktree for", Box::new(error)))?;

        let (file, edited) = edited(&git, &base, edit).await?;
        files::write_atomic(&worktree.join(&file), edited.as_bytes())
            .map_err(|error| failed("edit the worktree of", Box::new(error)))?;
        let commit = there
            .commit(&[&file], &commit_message(facts, remedy), &identity())
            .await
            .map_err(|error| failed("commit to", Box::new(error)))?;
        if commit == base {
            return Err(StageError::cannot_look(format!(
                "the change of {file} on {branch} is empty"
            )));
        }
        let diff = git
            .diff(&base, Some(&commit), &[])
            .await
            .map_err(|error| failed("read the change on", Box::new(error)))?;
        recorder.say(&format!("mended {file} on {branch} ({})", short(&commit)));
        // The branch stays; checked out here, nobody could check it out elsewhere.
        git.worktree_remove(&worktree)
            .await
            .map_err(|error| failed("remove the worktree of", Box::new(error)))?;
        let command = format!("git diff {base} {commit}");
        let diff = recorder
            .keep(Source::Command { command }, diff.as_bytes())
            .await?;
        Ok(vec![
            Body::Mended {
                remedy: remedy.clone(),
                branch,
                commit: commit.clone(),
                base,
                files: vec![file],
                diff,
            },
            Body::BuildRequested {
                service: service.clone(),
                commit,
            },
        ])
    }
}

#[async_trait]
impl Stage for RemedyStage {
    fn step(&self) -> Step {
        Step::Remedy
    }

    async fn run(&self, facts: &Facts, recorder: &mut dyn Recorder) -> Result<(), StageError> {
        match plan(facts) {
            Plan::Act(remedy) => self.apply(facts, remedy, recorder).await?,
            Plan::Promote(request) => {
                recorder.say(&format!("bringing it out: {}", request.reason));
                recorder
                    .record(vec![Body::RolloutRequested { request }])
                    .await?;
            }
            Plan::Revert {
                branch,
                reason,
                rollback,
            } => {
                recorder.say(&format!("taking {branch} back: {reason}"));
                let mut bodies = vec![Body::Reverted { branch, reason }];
                bodies.extend(rollback.map(|request| Body::RolloutRequested { request }));
                recorder.record(bodies).await?;
            }
        }
        Ok(())
    }
}

/// The commit in which the cause lives.
fn bad_commit(facts: &Facts, cause: &CauseId) -> Option<String> {
    let cause = facts
        .incident()?
        .causes
        .iter()
        .find(|known| known.id == *cause)?;
    facts
        .revisions
        .get(cause.revision.as_ref()?)?
        .commit
        .clone()
}

/// Who signs commits that assay makes.
fn identity() -> Identity {
    Identity {
        name: "assay".to_owned(),
        email: "assay@localhost".to_owned(),
    }
}

/// The file that an edit is about, and its new text.
async fn edited(git: &Git, base: &str, edit: &Edit) -> Result<(String, String), StageError> {
    let (Edit::Unignore { file, .. } | Edit::RevertHunk { file, .. }) = edit;
    if Path::new(file)
        .components()
        .any(|part| !matches!(part, Component::Normal(_)))
    {
        return Err(StageError::cannot_look(format!(
            "{file} lies outside the project"
        )));
    }
    let current = text_at(git, base, file).await?;
    let text = match edit {
        Edit::Unignore { line, text, .. } => edit::unignore(&current, *line, text),
        Edit::RevertHunk { line, good, .. } => {
            edit::revert_hunk(&current, &text_at(git, good, file).await?, *line)
        }
    };
    text.map(|text| (file.clone(), text))
        .map_err(|error| StageError::because(format!("edit {file}"), error))
}

async fn text_at(git: &Git, commit: &str, file: &str) -> Result<String, StageError> {
    let doing = || format!("read {file} at {}", short(commit));
    let bytes = git
        .show(commit, file)
        .await
        .map_err(|error| StageError::because(doing(), error))?
        .ok_or_else(|| StageError::cannot_look(format!("{}: no such file", doing())))?;
    String::from_utf8(bytes).map_err(|error| StageError::because(doing(), error))
}

/// Subject and body of the commit: what was wrong, in the words of the diagnosis.
fn commit_message(facts: &Facts, remedy: &Remedy) -> String {
    let cause = facts.incident().and_then(|incident| {
        incident
            .causes
            .iter()
            .find(|cause| cause.id == remedy.cause)
    });
    let summary = cause.map_or(remedy.cause.as_str(), |cause| &cause.summary);
    let service = cause.map_or("source", |cause| cause.service.as_str());
    let run = facts.run.as_deref().unwrap_or("unknown");
    format!(
        "{service}: {}\n\n{summary}\n\nFound and mended in assay run {run}.\n",
        remedy_subject(remedy)
    )
}

fn remedy_subject(remedy: &Remedy) -> String {
    match &remedy.action {
        Action::Mend {
            edit: Edit::Unignore { file, text, .. },
            ..
        } => {
            format!("ship what `{}` in {file} left out", text.trim())
        }
        Action::Mend {
            edit: Edit::RevertHunk { file, .. },
            ..
        } => {
            format!("put lines of {file} back that broke it")
        }
        _ => remedy.action.word().to_owned(),
    }
}
