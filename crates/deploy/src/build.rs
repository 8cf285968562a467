//! From a source to a revision.

use std::path::{Path, PathBuf};

use assay_context::Built;
use assay_model::{
    Bundle, Facts, Project, RecordError, Recorder, Revision, RevisionId, RolloutSource, Service,
    ServiceName, Source,
};
use assay_world::clock;
use assay_world::git::{Git, GitError};
use thiserror::Error;

/// Hexadecimal digits of a revision's name: 48 bits, far past the number of revisions that a
/// project ever has.
const REVISION_DIGITS: usize = 12;

/// Largest source diff that is kept with a revision, in bytes. A larger one is cut: diagnosis
/// looks for one line of it.
const CHANGE_BYTES_MAX: usize = 1 << 20;

/// A revision could not be built.
#[derive(Debug, Error)]
pub enum BuildError {
    /// The journal failed.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The service has no `deploy` or no `source`.
    #[error("service {service} has no {key} in the configuration")]
    NotDeployable {
        /// Which service.
        service: ServiceName,
        /// The missing key.
        key: &'static str,
    },
    /// The revision is not known.
    #[error("revision {revision} of {service} is not known")]
    UnknownRevision {
        /// Which service.
        service: ServiceName,
        /// What was asked for.
        revision: String,
    },
    /// The commit could not be checked out.
    #[error("check out {commit} for {service}")]
    Export {
        /// Which service.
        service: ServiceName,
        /// The commit.
        commit: String,
        /// Why.
        #[source]
        source: GitError,
    },
    /// The bundle could not be made.
    #[error("bundle {folder} of {service}")]
    Bundle {
        /// Which service.
        service: ServiceName,
        /// The folder.
        folder: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Where a commit is checked out to be built. It stays, so that it can be looked at later.
pub fn export_folder(state: &Path, commit: &str) -> PathBuf {
    state.join("exports").join(commit)
}

/// Builds revisions of a project's services.
#[derive(Clone, Debug)]
pub struct Builder {
    project: Project,
    state: PathBuf,
}

impl Builder {
    /// A builder that puts bundles under `state` (the project's `.assay`).
    pub fn new(project: Project, state: PathBuf) -> Self {
        Self { project, state }
    }

    /// Builds the revision that `source` asks for. May be repeated: the same content gives the
    /// same revision.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub async fn build(
        &self,
        service: &Service,
        source: &RolloutSource,
        facts: &Facts,
        recorder: &mut dyn Recorder,
    ) -> Result<Revision, BuildError> {
        let name = &service.name;
        let unknown = |revision: String| BuildError::UnknownRevision {
            service: name.clone(),
            revision,
        };
        match source {
            RolloutSource::Revision(id) => facts
                .revisions
                .get(id)
                .cloned()
                .ok_or_else(|| unknown(id.to_string())),
            RolloutSource::Restart => facts
                .serving
                .get(name)
                .and_then(|id| facts.revisions.get(id))
                .cloned()
                .ok_or_else(|| unknown("that serves".to_owned())),
            RolloutSource::WorkingTree => match self.clean_head(service).await {
                // What is built from a commit is checked out, so that it can be looked at later.
                Some(commit) => self.build_commit(service, &commit, facts, recorder).await,
                None => {
                    self.build_from(service, &self.project.root, None, facts, recorder)
                        .await
                }
            },
            RolloutSource::Commit(commit) => {
                self.build_commit(service, commit, facts, recorder).await
            }
        }
    }

    async fn build_commit(
        &self,
        service: &Service,
        commit: &str,
        facts: &Facts,
        recorder: &mut dyn Recorder,
    ) -> Result<Revision, BuildError> {
        let folder = export_folder(&self.state, commit);
        let git = Git::at(&self.project.root);
        // The project may be a folder of a larger repository: its own part is `COMMIT:./`.
        git.export(commit, Some(""), &folder)
            .await
            .map_err(|source| BuildError::Export {
                service: service.name.clone(),
                commit: commit.to_owned(),
                source,
            })?;
        let commit = Some(commit.to_owned());
        self.build_from(service, &folder, commit, facts, recorder)
            .await
    }

    /// The checked-out commit, if the service's source is as it was committed.
    async fn clean_head(&self, service: &Service) -> Option<String> {
        let git = Git::at(&self.project.root);
        let head = git.head().await.ok()??;
        let changed = git.uncommitted().await.ok()?;
        let ours = |file: &String| {
            // `.` is the whole project, and no prefix of any path.
            let folders = service.source.iter().map(Path::new);
            folders
                .map(|folder| folder.strip_prefix(".").unwrap_or(folder))
                .any(|folder| Path::new(file).starts_with(folder))
        };
        (!changed.iter().any(ours)).then_some(head)
    }

    async fn build_from(
        &self,
        service: &Service,
        tree: &Path,
        commit: Option<String>,
        facts: &Facts,
        recorder: &mut dyn Recorder,
    ) -> Result<Revision, BuildError> {
        let name = &service.name;
        let missing = |key| BuildError::NotDeployable {
            service: name.clone(),
            key,
        };
        let plan = service.deploy.as_ref().ok_or_else(|| missing("deploy"))?;
        let folder = service.source.first().ok_or_else(|| missing("source"))?;
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| BuildError::Bundle {
            service: name.clone(),
            folder: folder.clone(),
            source,
        };
        let root = tree.join(folder);
        let Built { manifest, hash } =
            assay_context::bundle(&root, folder).map_err(|error| failed(error.into()))?;
        let path = format!("bundles/{hash}");
        assay_context::copy(&manifest, &root, &self.state.join(&path))
            .map_err(|error| failed(error.into()))?;

        let mut identity = blake3::Hasher::new();
        let settings = plan
            .env
            .iter()
            .flat_map(|(key, value)| [key.as_str(), value.as_str()]);
        let command = plan.command.iter().map(String::as_str);
        for part in [name.as_str(), &hash]
            .into_iter()
            .chain(command)
            .chain(settings)
        {
            identity.update(&(part.len() as u64).to_le_bytes());
            identity.update(part.as_bytes());
        }
        let id = RevisionId::new(&identity.finalize().to_hex()[..REVISION_DIGITS]);
        let text = serde_json::to_vec_pretty(&manifest).map_err(|error| RecordError {
            doing: format!("write the manifest of {name}"),
            source: error.into(),
        })?;
        let kept = recorder
            .keep(
                Source::Derived {
                    what: format!("manifest of {name} {id}"),
                },
                &text,
            )
            .await?;
        let change = self
            .change(service, commit.as_deref(), facts, recorder)
            .await?;
        Ok(Revision {
            id,
            service: name.clone(),
            bundle: Bundle { hash, path },
            commit,
            files: u32::try_from(manifest.files.len()).unwrap_or(u32::MAX),
            manifest: kept,
            change,
            built: clock::now(),
        })
    }

    /// What changed in the source since the revision that serves now.
    async fn change(
        &self,
        service: &Service,
        commit: Option<&str>,
        facts: &Facts,
        recorder: &mut dyn Recorder,
    ) -> Result<Option<assay_model::EvidenceRef>, RecordError> {
        let before = facts
            .serving
            .get(&service.name)
            .and_then(|id| facts.revisions.get(id))
            .and_then(|revision| revision.commit.as_deref());
        let (Some(before), Some(after)) = (before, commit) else {
            return Ok(None);
        };
        let paths: Vec<&str> = service.source.iter().map(String::as_str).collect();
        let git = Git::at(&self.project.root);
        let Ok(diff) = git.diff(before, Some(after), &paths).await else {
            return Ok(None);
        };
        let end = diff.floor_char_boundary(CHANGE_BYTES_MAX);
        let command = format!("git diff {before} {after} -- {}", service.source.join(" "));
        recorder
            .keep(Source::Command { command }, &diff.as_bytes()[..end])
            .await
            .map(Some)
    }
}
