//! Brings pending builds, disturbances and roll-outs to their end.

use std::path::{Component, Path};
use std::sync::Arc;

use assay_model::{
    Act, Begun, Body, Disturbance, EvidenceRef, Facts, Gate, InstanceState, Prober, Project,
    Prologue, RecordError, Recorder, RestartPolicy, Revision, Rollout, RolloutOutcome,
    RolloutRequest, RolloutSource, Service, ServiceName, Source, Stage, StageError, Step, Strategy,
};
use assay_world::supervisor::InstanceStatus;
use assay_world::{clock, files};
use async_trait::async_trait;

use crate::build::{BuildError, Builder};
use crate::gate;
use crate::process::{Driver, DriverError};

/// The deploy step.
pub struct DeployStage {
    project: Project,
    builder: Builder,
    driver: Arc<Driver>,
    prober: Arc<dyn Prober>,
}

impl DeployStage {
    /// A stage that builds with `builder`, runs through `driver`, and asks gates of `prober`.
    pub fn new(
        project: Project,
        builder: Builder,
        driver: Arc<Driver>,
        prober: Arc<dyn Prober>,
    ) -> Self {
        Self {
            project,
            builder,
            driver,
            prober,
        }
    }

    fn service(&self, name: &ServiceName) -> Result<&Service, StageError> {
        self.project
            .services
            .get(name)
            .ok_or_else(|| StageError::Usage {
                message: format!("service {name} is not in the configuration"),
                hint: Some(format!(
                    "known services: {}",
                    self.project
                        .services
                        .keys()
                        .map(ServiceName::as_str)
                        .collect::<Vec<_>>()
                        .join(", ")
                )),
            })
    }

    async fn build(
        &self,
        purpose: &str,
        service: &Service,
        source: &RolloutSource,
        facts: &Facts,
        recorder: &mut dyn Recorder,
    ) -> Result<Revision, StageError> {
        let word = match source {
            RolloutSource::WorkingTree => "working tree".to_owned(),
            RolloutSource::Commit(commit) => format!("commit {commit}"),
            RolloutSource::Revision(id) => format!("revision {id}"),
            RolloutSource::Restart => "the revision that serves".to_owned(),
        };
        let act = Act {
            key: format!("build {} for {purpose}", service.name),
            what: format!("build {} from {word}", service.name),
        };
        if let Begun::Finished(result) = recorder.begin(&act).await? {
            return parse(&act, result);
        }
        let revision = self
            .builder
            .build(service, source, facts, recorder)
            .await
            .map_err(build_failed)?;
        let result = to_json(&revision)?;
        let bodies = match source {
            RolloutSource::WorkingTree | RolloutSource::Commit(_) => {
                vec![Body::RevisionBuilt {
                    revision: revision.clone(),
                }]
            }
            RolloutSource::Revision(_) | RolloutSource::Restart => Vec::new(),
        };
        recorder.finish(&act, result, bodies).await?;
        Ok(revision)
    }

    async fn roll_out(
        &self,
        request: &RolloutRequest,
        facts: &mut Facts,
        recorder: &mut dyn Recorder,
    ) -> Result<(), StageError> {
        let service = self.service(&request.service)?;
        let revision = self
            .build(&request.id, service, &request.source, facts, recorder)
            .await?;
        recorder.say(&format!("{} as {}", service.name, revision.id));
        let act = Act {
            key: format!("roll out {}", request.id),
            what: format!(
                "roll {} out as {}: {}",
                service.name, revision.id, request.reason
            ),
        };
        let rollout = match recorder.begin(&act).await? {
            Begun::Finished(result) => parse(&act, result)?,
            Begun::Fresh | Begun::InDoubt => {
                let (mut rollout, last) = self
                    .switch(request, service, &revision, facts)
                    .await
                    .map_err(driver_failed)?;
                if let Some((health, exchange)) = last {
                    let request = format!("gate probe of {} at {}", health.service, health.target);
                    let source = Source::Exchange { request };
                    rollout
                        .evidence
                        .push(recorder.keep(source, &exchange).await?);
                }
                let bodies = vec![Body::RolloutFinished {
                    rollout: rollout.clone(),
                }];
                recorder.finish(&act, to_json(&rollout)?, bodies).await?;
                rollout
            }
        };
        // What was just rolled out is what the next roll-out replaces.
        facts
            .revisions
            .entry(revision.id.clone())
            .or_insert(revision);
        if rollout.outcome.switched() {
            facts
                .serving
                .insert(request.service.clone(), rollout.revision);
        }
        Ok(())
    }

    /// Starts the new instance, asks its gate, switches or goes back. May be repeated at any
    /// point: instances are named after the request, and the door says how far it had come.
    async fn switch(
        &self,
        request: &RolloutRequest,
        service: &Service,
        revision: &Revision,
        facts: &Facts,
    ) -> Result<(Rollout, Option<(assay_model::Health, Vec<u8>)>), DriverError> {
        let driver = &*self.driver;
        let plan = driver.plan(service)?;
        let started = clock::now();
        driver.open_door(service).await?;
        let id = instance_id(request);
        let old = self.old_instance(service, &id, facts).await?;
        let gate = request.gate.unwrap_or(plan.gate);
        if plan.strategy == Strategy::Recreate
            && let Some(old) = &old
        {
            driver.route(&service.name, None).await?;
            driver.stop(&old.id).await?;
        }
        let new = driver.start(service, revision, &id, plan.restart).await?;
        let (outcome, detail, last) = if gate == Gate::None {
            driver.route(&service.name, Some(&new)).await?;
            let detail = "no gate: nobody asked the new revision".to_owned();
            (RolloutOutcome::Unverified, detail, None)
        } else {
            let verdict = gate::ask(driver, &*self.prober, service, plan, revision, &id).await?;
            let outcome = match (verdict.passed, &old) {
                (true, _) => {
                    driver.route(&service.name, Some(&new)).await?;
                    RolloutOutcome::Succeeded
                }
                (false, old) => {
                    driver.stop(&id).await?;
                    self.after_refusal(service, old.as_ref(), &id, facts)
                        .await?
                }
            };
            (outcome, verdict.detail, verdict.last)
        };
        if outcome.switched() {
            self.retire_others(service, &id).await?;
        }
        let rollout = Rollout {
            request: request.clone(),
            revision: revision.id.clone(),
            previous: facts.serving.get(&service.name).cloned(),
            gate,
            strategy: plan.strategy,
            outcome,
            detail,
            started,
            finished: clock::now(),
            evidence: Vec::<EvidenceRef>::new(),
        };
        Ok((rollout, last))
    }

    /// The instance that served before this request.
    async fn old_instance(
        &self,
        service: &Service,
        new: &str,
        facts: &Facts,
    ) -> Result<Option<InstanceStatus>, DriverError> {
        let ours = |id: &str| id == new || id == back_id(new);
        let routed = self
            .driver
            .door(&service.name)
            .await?
            .and_then(|door| door.upstream);
        if let Some(upstream) = routed.filter(|upstream| !ours(&upstream.instance)) {
            return self.driver.instance(&upstream.instance).await;
        }
        // A roll-out that was cut off has emptied the door or switched it already: then the old
        // one is whichever of this service ran the serving revision last, for traffic.
        let serving = facts.serving.get(&service.name);
        let instances = self.driver.instances().await?;
        let candidates = instances.into_iter().filter(|instance| {
            !ours(&instance.id)
                && instance.service == service.name
                && Some(&instance.revision) == serving
                && instance.id.contains(&format!("-{}", service.name))
                && !instance.id.contains(".reproduce-")
        });
        // One that still runs comes before all that have ended.
        Ok(candidates.max_by_key(|instance| {
            let runs = instance.state == InstanceState::Running;
            (runs, instance.exits.last().map(|exit| exit.at))
        }))
    }

    /// What a refused roll-out leaves: the old revision at work again, or nothing.
    async fn after_refusal(
        &self,
        service: &Service,
        old: Option<&InstanceStatus>,
        refused: &str,
        facts: &Facts,
    ) -> Result<RolloutOutcome, DriverError> {
        let Some(old) = old else {
            return Ok(RolloutOutcome::Failed);
        };
        let serves = self.go_back(service, old, refused, facts).await?;
        Ok(if serves {
            RolloutOutcome::RolledBack
        } else {
            RolloutOutcome::Failed
        })
    }

    /// Puts the old revision back to work, started again where it had to be stopped. Says whether
    /// it serves.
    async fn go_back(
        &self,
        service: &Service,
        old: &InstanceStatus,
        refused: &str,
        facts: &Facts,
    ) -> Result<bool, DriverError> {
        let runs = |now: &InstanceStatus| {
            matches!(
                now.state,
                InstanceState::Running | InstanceState::BackingOff
            )
        };
        let alive = self.driver.instance(&old.id).await?.filter(runs);
        let back = match (alive, facts.revisions.get(&old.revision)) {
            (Some(alive), _) => alive,
            (None, Some(revision)) => {
                let restart = service
                    .deploy
                    .as_ref()
                    .map_or(RestartPolicy::Always, |plan| plan.restart);
                let id = back_id(refused);
                self.driver.start(service, revision, &id, restart).await?
            }
            (None, None) => return Ok(false),
        };
        self.driver.route(&service.name, Some(&back)).await?;
        Ok(runs(&back))
    }

    /// Ends every other instance of the service, sandboxed ones included.
    async fn retire_others(&self, service: &Service, id: &str) -> Result<(), DriverError> {
        for other in self.driver.instances().await? {
            let ended = matches!(other.state, InstanceState::Stopped | InstanceState::Exited);
            if other.service == service.name && other.id != id && !ended {
                self.driver.stop(&other.id).await?;
            }
        }
        Ok(())
    }

    async fn disturb(
        &self,
        disturbance: &Disturbance,
        recorder: &mut dyn Recorder,
    ) -> Result<(), StageError> {
        let (key, what) = match disturbance {
            Disturbance::Kill { service, signal } => (
                format!("kill {service} {signal}"),
                format!("send signal {signal} to {service}"),
            ),
            Disturbance::Write { file, text } => {
                (format!("write {file}: {text}"), format!("write {file}"))
            }
        };
        let act = Act { key, what };
        if let Begun::Finished(_) = recorder.begin(&act).await? {
            return Ok(());
        }
        match disturbance {
            Disturbance::Kill { service, signal } => {
                self.kill(service, *signal).await.map_err(driver_failed)?;
            }
            Disturbance::Write { file, text } => {
                let inside = |part| matches!(part, Component::Normal(_));
                if !Path::new(file).components().all(inside) {
                    return Err(StageError::cannot_look(format!(
                        "{file} lies outside the project"
                    )));
                }
                let path = self.project.root.join(file);
                files::write_atomic(&path, text.as_bytes())
                    .map_err(|error| StageError::because(format!("write {file}"), error))?;
            }
        }
        let bodies = vec![Body::Disturbed {
            disturbance: disturbance.clone(),
        }];
        recorder
            .finish(&act, serde_json::Value::Null, bodies)
            .await?;
        Ok(())
    }

    /// Signals the instance behind the door, and waits until its process has ended.
    async fn kill(&self, service: &ServiceName, signal: i32) -> Result<(), DriverError> {
        let door = self.driver.door(service).await?;
        let Some(upstream) = door.and_then(|door| door.upstream) else {
            return Ok(());
        };
        let exits = |status: &InstanceStatus| status.exits.len();
        let Some(before) = self.driver.instance(&upstream.instance).await? else {
            return Ok(());
        };
        if before.state != InstanceState::Running {
            return Ok(());
        }
        self.driver.kill(&upstream.instance, signal).await?;
        let waited = clock::Stopwatch::start();
        while waited.elapsed_ms() < KILL_WAIT_MS_MAX {
            match self.driver.instance(&upstream.instance).await? {
                Some(now) if exits(&now) == exits(&before) => {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
                _ => break,
            }
        }
        Ok(())
    }
}

/// How long a signalled process may take to end, in ms. Some signals end nothing.
const KILL_WAIT_MS_MAX: u64 = 2_000;

#[async_trait]
impl Stage for DeployStage {
    fn step(&self) -> Step {
        Step::Deploy
    }

    async fn run(&self, facts: &Facts, recorder: &mut dyn Recorder) -> Result<(), StageError> {
        let mut facts = facts.clone();
        for (service, commit) in facts.builds.clone() {
            let service = self.service(&service)?;
            self.build(
                &format!("commit {commit}"),
                service,
                &RolloutSource::Commit(commit.clone()),
                &facts,
                recorder,
            )
            .await?;
        }
        for item in facts.pending() {
            match item {
                Prologue::Disturb(disturbance) => self.disturb(&disturbance, recorder).await?,
                Prologue::Rollout(request) => {
                    self.roll_out(&request, &mut facts, recorder).await?;
                }
            }
        }
        Ok(())
    }
}

/// The name of the instance that puts the old revision back when `refused` did not pass its gate.
fn back_id(refused: &str) -> String {
    format!("{refused}.back")
}

/// The name of the instance that a request starts.
fn instance_id(request: &RolloutRequest) -> String {
    request.id.to_string()
}

fn parse<T: serde::de::DeserializeOwned>(
    act: &Act,
    result: serde_json::Value,
) -> Result<T, StageError> {
    serde_json::from_value(result)
        .map_err(|error| StageError::because(format!("read the result of {}", act.key), error))
}

fn to_json(value: &impl serde::Serialize) -> Result<serde_json::Value, StageError> {
    serde_json::to_value(value).map_err(|error| {
        RecordError {
            doing: "write a result".to_owned(),
            source: error.into(),
        }
        .into()
    })
}

fn build_failed(error: BuildError) -> StageError {
    match error {
        BuildError::Record(error) => error.into(),
        error => StageError::because("build a revision", error),
    }
}

fn driver_failed(error: DriverError) -> StageError {
    let hint = match &error {
        DriverError::Supervisor { source, .. } => source.hint().map(ToOwned::to_owned),
        _ => None,
    };
    StageError::CannotLook {
        message: "roll out".to_owned(),
        hint,
        source: Some(Box::new(error)),
    }
}
