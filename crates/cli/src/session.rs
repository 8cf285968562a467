//! A project that is open: its configuration, its journal, its supervisor, and the stages.

mod trees;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use assay_audit::AuditStage;
use assay_deploy::{Builder, DeployStage, Driver, ProcessSandbox};
use assay_diagnose::WhyStage;
use assay_engine::{Ended, Engine, EngineError, Origin, Watch};
use assay_journal::{Journal, Redactor, RunWriter, Vault};
use assay_model::{
    Body, Event, Facts, Observer, Prober, Project, Prologue, Revision, Rollout, RolloutId, RunId,
    RunPlan, Sandbox, Service, Source, Stage, Step,
};
use assay_observe::{ObserveStage, Observers};
use assay_probe::{NetworkProber, ReadyStage};
use assay_publish::{EventSource, PublishStage};
use assay_remedy::RemedyStage;
use assay_stability::StabilityStage;
use assay_suite::{ExecuteStage, ReproduceStage, SelectStage};
use assay_world::supervisor::{Client, ClientError, Heartbeat};
use assay_world::{clock, files};
use tokio::sync::watch;

use crate::failure::Failure;
use crate::live::Usual;
use crate::terminal;

/// Name of the configuration file.
pub(crate) const CONFIG_FILE: &str = "assay.toml";

/// Name of the state folder.
pub(crate) const STATE_FOLDER: &str = ".assay";

/// How often the supervisor hears that its owner is alive: well within its lease of a minute.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// How long services wait for `assay resume` after a run was killed, in seconds.
const RUN_LEASE_S: u64 = 15 * 60;

/// How long services go on without an assay, once a run has ended and left them up, in seconds.
const KEEP_LEASE_S: u64 = 8 * 60 * 60;

/// A project that is open.
pub(crate) struct Session {
    pub(crate) project: Project,
    pub(crate) state: PathBuf,
    pub(crate) journal: Arc<Journal>,
    pub(crate) vault: Vault,
    redactor: Redactor,
    config_text: String,
    assay: PathBuf,
}

impl Session {
    /// Opens the project in `folder` or in the nearest folder above it.
    pub(crate) fn open(folder: &Path) -> Result<Self, Failure> {
        let root = find_root(folder)?;
        let path = root.join(CONFIG_FILE);
        let mut project = assay_config::load(&path)?;
        let config_text = std::fs::read_to_string(&path).map_err(|error| {
            Failure::usage(format!("cannot read {}", path.display())).because(error)
        })?;
        let state = project.root.join(STATE_FOLDER);
        prepare_state(&state)?;
        let names = project.services.keys().chain(project.dependencies.keys());
        let names: Vec<&str> = names.map(|name| name.as_str()).collect();
        let redactor = Redactor::sparing(&project.secrets, &names);
        for ignored in redactor.ignored() {
            terminal::complain(&format!(
                "warning: secret {} is not hidden: {}",
                ignored.name, ignored.reason
            ));
        }
        let journal = Journal::open(&state, redactor.clone()).map_err(|error| {
            let hint = error.hint();
            let failure = journal_failed(&state)(error);
            match hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        })?;
        let vault = Vault::open(&state, redactor.clone());
        let assay = std::env::current_exe()
            .map_err(|error| Failure::internal("find the assay binary", error))?;
        for part in project
            .suites
            .iter_mut()
            .flat_map(|suite| &mut suite.command)
        {
            *part = part.replace("{assay}", &assay.display().to_string());
        }
        Ok(Self {
            project,
            state,
            journal: Arc::new(journal),
            vault,
            redactor,
            config_text,
            assay,
        })
    }

    /// Starts a new run and brings it to its end.
    pub(crate) async fn start(
        &self,
        plan: RunPlan,
        watch: &mut dyn Watch,
    ) -> Result<(RunId, Ended), Failure> {
        let run = new_run_id();
        let plan = named(&run, plan);
        let (revisions, rollouts) = self.history()?;
        let writer = self
            .journal
            .begin(&run)
            .map_err(journal_failed(&self.state))?;
        let kept = self
            .vault
            .put(self.config_text.as_bytes())
            .map_err(journal_failed(&self.state))?;
        let config = assay_model::EvidenceRef {
            hash: kept.hash,
            bytes: kept.bytes,
            source: Source::File {
                path: self.project.config_file.clone(),
                line: None,
            },
            at: clock::now(),
        };
        let environment = self.project.environments.first();
        let mut bodies = vec![Body::RunStarted {
            project: self.project.name.clone(),
            environment: environment.map_or_else(|| "default".to_owned(), |e| e.name.clone()),
            protected: environment.is_none_or(|environment| environment.protected),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            plan,
            config,
        }];
        if !revisions.is_empty() {
            bodies.push(Body::HistorySeen {
                revisions,
                rollouts,
            });
        }
        let ended = self.drive(&writer, Origin::Fresh(bodies), watch).await?;
        Ok((run, ended))
    }

    /// Goes on with a run that was killed.
    pub(crate) async fn resume(
        &self,
        run: &RunId,
        watch: &mut dyn Watch,
    ) -> Result<Ended, Failure> {
        let (writer, events) = self
            .journal
            .reopen(run)
            .map_err(journal_failed(&self.state))?;
        let kept = self
            .vault
            .put(self.config_text.as_bytes())
            .map_err(journal_failed(&self.state))?;
        let began_with = Facts::fold(&events).config.map(|config| config.hash);
        if began_with.is_some_and(|hash| hash != kept.hash) {
            return Err(Failure::usage(format!(
                "{} has changed since run {run} began",
                self.project.config_file
            ))
            .hint("put it back as it was (`assay show --evidence`), or start a new run"));
        }
        self.drive(&writer, Origin::Resumed(events), watch).await
    }

    async fn drive(
        &self,
        writer: &RunWriter,
        origin: Origin,
        watch: &mut dyn Watch,
    ) -> Result<Ended, Failure> {
        let driver = Arc::new(Driver::new(
            self.project.clone(),
            self.state.clone(),
            self.assay.clone(),
        ));
        let acting = acts(&origin);
        let lock = if acting { Some(self.lock()?) } else { None };
        let (heartbeat, spawned) = self.attend(&driver, acting).await?;
        if let Origin::Resumed(events) = &origin {
            let facts = Facts::fold(events);
            let stem = format!("{}.restored-{}", writer.run(), events.len());
            driver
                .restore(&facts, &NetworkProber::new(&self.project.root), &stem)
                .await
                .map_err(|error| {
                    Failure::cannot_look("bring back the services of this run").because(error)
                })?;
        }
        let engine = Engine::new(
            self.stages(&driver),
            self.project.limits.clone(),
            clock::now,
            interruption(),
        );
        let ended = engine
            .run(writer, &self.vault, origin, watch)
            .await
            .map_err(engine_failed)?;
        drop(heartbeat);
        if let Some(run) = &ended.facts.run
            && ended.facts.publication.is_some()
        {
            self.write_worklog(run)?;
        }
        let teardown = ended.facts.plan.as_ref().is_some_and(|plan| plan.teardown);
        if teardown || (ended.interrupted && spawned) {
            self.down().await?;
        } else if acting {
            self.keep_up().await?;
        }
        drop(lock);
        Ok(ended)
    }

    /// One run at a time changes the environment. The lock goes with its process.
    fn lock(&self) -> Result<File, Failure> {
        let path = self.state.join("acting.lock");
        let failed = || Failure::cannot_look(format!("cannot lock {}", path.display()));
        let file = File::create(&path).map_err(|error| failed().because(error))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(Failure::cannot_look(
                "another assay is changing this project's environment",
            )
            .hint("wait until it has ended, or interrupt it")),
            Err(TryLockError::Error(error)) => Err(failed().because(error)),
        }
    }

    /// Reaches the supervisor and keeps it company. Only a run that acts starts one; the answer
    /// says whether it did.
    async fn attend(
        &self,
        driver: &Driver,
        acting: bool,
    ) -> Result<(Option<Heartbeat>, bool), Failure> {
        let deploys = |service: &Service| service.deploy.is_some();
        let there = Client::connect(&self.state).await;
        if let Ok(client) = there {
            return Ok((Some(client.heartbeat(HEARTBEAT)), false));
        }
        if !acting || !self.project.services.values().any(deploys) {
            return Ok((None, false));
        }
        let client = driver.client().await.map_err(|error| {
            Failure::cannot_look("reach the supervisor of this project").because(error)
        })?;
        client.lease(RUN_LEASE_S).await.map_err(|error| {
            Failure::cannot_look("reach the supervisor of this project").because(error)
        })?;
        Ok((Some(client.heartbeat(HEARTBEAT)), true))
    }

    /// Leaves the services up after a run.
    async fn keep_up(&self) -> Result<(), Failure> {
        match Client::connect(&self.state).await {
            Ok(client) => client.lease(KEEP_LEASE_S).await.map_err(|error| {
                Failure::cannot_look("tell the supervisor to keep services up").because(error)
            }),
            Err(_) => Ok(()),
        }
    }

    /// Stops every service of this project, and their supervisor. May be repeated.
    pub(crate) async fn down(&self) -> Result<(), Failure> {
        down(&self.state).await.map(drop)
    }

    /// Writes the worklog of a run as it stands now.
    pub(crate) fn write_worklog(&self, run: &RunId) -> Result<PathBuf, Failure> {
        let text = self.worklog(run)?;
        assay_publish::write_worklog(&self.state, run, &text)
            .map_err(|error| Failure::cannot_look("write the worklog").because(error))
    }

    /// The worklog of a run as it stands now.
    pub(crate) fn worklog(&self, run: &RunId) -> Result<String, Failure> {
        let events = self
            .journal
            .events(run)
            .map_err(journal_failed(&self.state))?;
        let facts = Facts::fold(&events);
        Ok(assay_publish::worklog(&facts, &events, &|evidence| {
            let bytes = self.vault.get(&evidence.hash).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        }))
    }

    /// Revisions and last roll-outs that earlier runs recorded.
    fn history(&self) -> Result<(Vec<Revision>, Vec<Rollout>), Failure> {
        let mut revisions = std::collections::BTreeMap::new();
        let mut rollouts = Vec::new();
        let runs = self.journal.runs().map_err(journal_failed(&self.state))?;
        // Oldest first, so that the latest roll-out has the last word.
        let mut runs: Vec<RunId> = runs.into_iter().map(|run| run.run).collect();
        runs.sort();
        let skip = runs.len().saturating_sub(HISTORY_RUNS_MAX);
        for run in &runs[skip..] {
            // A damaged run says nothing that can be relied on, and must not stop a new one.
            let Ok(events) = self.journal.events(run) else {
                terminal::complain(&format!(
                    "warning: run {run} is damaged: see `assay verify {run}`"
                ));
                continue;
            };
            for event in events {
                match event.body {
                    Body::RevisionBuilt { revision } => {
                        revisions.entry(revision.id.clone()).or_insert(revision);
                    }
                    Body::RolloutFinished { rollout } => rollouts.push(rollout),
                    _ => {}
                }
            }
        }
        let revisions = revisions
            .into_values()
            .filter(|revision| self.state.join(&revision.bundle.path).is_dir());
        Ok((revisions.collect(), rollouts))
    }

    /// `text` without secrets: what is shown and not recorded, too, lands in other people's logs.
    pub(crate) fn redacted(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.redactor.redact(text.as_bytes())).into_owned()
    }

    /// How long each step took in the last runs, as far as they can be read.
    pub(crate) fn usual(&self) -> Usual {
        let mut runs: Vec<RunId> = self
            .journal
            .runs()
            .map(|runs| runs.into_iter().map(|run| run.run).collect())
            .unwrap_or_default();
        runs.sort();
        let last = runs.iter().rev().take(USUAL_RUNS_MAX);
        let events = last.filter_map(|run| self.journal.events(run).ok());
        events.fold(Usual::default(), |usual, events| {
            usual.or(Usual::of(&events))
        })
    }

    /// Readiness of everything in this project.
    pub(crate) fn ready_stage(&self) -> ReadyStage {
        ReadyStage::new(
            Arc::new(self.project.clone()),
            Arc::new(NetworkProber::new(&self.project.root)),
            Arc::new(self.observers()),
        )
    }

    /// Whatever watches the services of this project.
    pub(crate) fn observers(&self) -> Observers {
        Observers::new(Arc::new(self.project.clone()), self.state.clone())
    }

    fn stages(&self, driver: &Arc<Driver>) -> Vec<Box<dyn Stage>> {
        let project = &self.project;
        let state = &self.state;
        let prober: Arc<dyn Prober> = Arc::new(NetworkProber::new(&project.root));
        let observer: Arc<dyn Observer> = Arc::new(self.observers());
        let sandbox: Arc<dyn Sandbox> = Arc::new(ProcessSandbox::new(driver.clone()));
        let builder = Builder::new(project.clone(), state.clone());
        let events: Arc<dyn EventSource> = Arc::new(JournalEvents(self.journal.clone()));
        vec![
            Box::new(DeployStage::new(
                project.clone(),
                builder,
                driver.clone(),
                prober.clone(),
            )),
            Box::new(self.ready_stage()),
            Box::new(SelectStage::new(project.clone())),
            Box::new(ExecuteStage::new(project.clone())),
            Box::new(ObserveStage::new(Arc::new(project.clone()), observer)),
            Box::new(WhyStage::new(project.clone(), self.config_text.clone())),
            Box::new(RemedyStage::new(project.clone(), state.clone())),
            Box::new(ReproduceStage::new(project.clone(), sandbox, prober)),
            Box::new(AuditStage::new(
                project.clone(),
                trees::audited(&project.root, state),
            )),
            Box::new(StabilityStage::new(
                project.clone(),
                trees::compared(project, state),
            )),
            Box::new(PublishStage::new(project.clone(), state.clone(), events)),
        ]
    }
}

/// Stops every service below a state folder, and their supervisor; says whether there was one.
/// Needs no configuration, so that a mistake there cannot keep services up.
pub(crate) async fn down(state: &Path) -> Result<bool, Failure> {
    let failed = || Failure::cannot_look(format!("stop the services of {}", state.display()));
    match Client::connect(state).await {
        Ok(client) => client
            .shutdown()
            .await
            .map(|()| true)
            .map_err(|error| failed().because(error)),
        Err(ClientError::NotRunning { .. }) => Ok(false),
        Err(error) => Err(failed().because(error)),
    }
}

/// Whether a run may change the environment.
fn acts(origin: &Origin) -> bool {
    let plan = |body: &Body| match body {
        Body::RunStarted { plan, .. } => Some(matches!(plan.only, None | Some(Step::Deploy))),
        _ => None,
    };
    match origin {
        Origin::Fresh(bodies) => bodies.iter().find_map(plan),
        Origin::Resumed(events) => events.iter().find_map(|event| plan(&event.body)),
    }
    .unwrap_or(false)
}

fn engine_failed(error: EngineError) -> Failure {
    match error {
        EngineError::Record(error) => Failure::cannot_look("the run could not go on")
            .because(error)
            .hint("free the disk or mend the journal's folder, then run `assay resume`"),
        error => Failure::internal("the run could not go on", error),
    }
}

/// Earlier runs that tell how long a step takes.
const USUAL_RUNS_MAX: usize = 5;

/// Earlier runs whose roll-outs are looked at when a run begins. What served before that many
/// runs is told by the front doors alone.
const HISTORY_RUNS_MAX: usize = 20;

/// Events of a run, for the worklog.
struct JournalEvents(Arc<Journal>);

impl EventSource for JournalEvents {
    fn events(&self, run: &RunId) -> Result<Vec<Event>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.0.events(run)?)
    }
}

pub(crate) fn journal_failed<E: std::error::Error + Send + Sync + 'static>(
    state: &Path,
) -> impl Fn(E) -> Failure {
    let message = format!("the journal in {} cannot be used", state.display());
    move |error| Failure::cannot_look(message.clone()).because(error)
}

/// The nearest folder at or above `folder` that holds the configuration.
pub(crate) fn find_root(folder: &Path) -> Result<PathBuf, Failure> {
    let start = folder.canonicalize().map_err(|error| {
        Failure::usage(format!("no folder {}", folder.display())).because(error)
    })?;
    let found = start
        .ancestors()
        .find(|folder| folder.join(CONFIG_FILE).is_file());
    // Where there is none, loading from the start names the file that is missing.
    Ok(found.unwrap_or(&start).to_owned())
}

/// The state folder of the project in or above `folder`, whether it exists or not.
pub(crate) fn state_folder(folder: &Path) -> Result<PathBuf, Failure> {
    Ok(find_root(folder)?.join(STATE_FOLDER))
}

/// The state folder keeps itself out of the user's git.
fn prepare_state(state: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::cannot_look(format!("cannot make {}", state.display())).because(error)
    };
    std::fs::create_dir_all(state).map_err(failed)?;
    let ignore = state.join(".gitignore");
    if !ignore.exists() {
        files::write_atomic(&ignore, b"*\n").map_err(|error| {
            Failure::cannot_look(format!("cannot write {}", ignore.display())).because(error)
        })?;
    }
    Ok(())
}

/// The plan with its roll-outs named after the run, so that no two runs share an instance.
fn named(run: &RunId, mut plan: RunPlan) -> RunPlan {
    for (place, item) in plan.prologue.iter_mut().enumerate() {
        if let Prologue::Rollout(request) = item {
            request.id = RolloutId::new(format!("{run}.{}-{}", place + 1, request.service));
        }
    }
    plan
}

/// `20261123-184455-7f3a`: UTC, and two random bytes for runs of the same second.
fn new_run_id() -> RunId {
    let stamp = clock::stamp(clock::now());
    let digits: String = stamp
        .chars()
        .filter(char::is_ascii_digit)
        .take(14)
        .collect();
    let (date, time) = digits.split_at(digits.len().min(8));
    RunId::new(format!("{date}-{time}-{:04x}", rand::random::<u16>()))
}

/// Turns true at Ctrl-C or SIGTERM.
pub(crate) fn interruption() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        let terminate = async {
            match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
                Ok(mut signal) => {
                    signal.recv().await;
                }
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            outcome = tokio::signal::ctrl_c() => if outcome.is_err() { std::future::pending::<()>().await },
            () = terminate => {}
        }
        sender.send_replace(true);
        std::future::pending::<()>().await;
    });
    receiver
}
