//! What the supervisor saw of each instance: exits, restarts, logs. It changes nothing.

use std::path::PathBuf;
use std::sync::Arc;

use assay_model::{
    Body, Exit, Facts, InstanceObservation, Project, Recorder, Service, ServiceObservation, Source,
    Stage, StageError, Step, Timestamp, Window,
};
use assay_world::clock;
use assay_world::supervisor::InstanceStatus;
use assay_world::supervisor::records::{exits_path, read_log_window};
use async_trait::async_trait;

use crate::process::{Driver, DriverError};

/// Largest part of one instance's log that is kept, in bytes: what a crash loop writes in some
/// minutes, and the end of it is what explains it.
const LOG_BYTES_MAX: usize = 512 * 1024;

/// Instances of one service that are looked at, the latest ones; earlier ones were replaced long
/// before.
const INSTANCES_MAX: usize = 16;

/// The observe step, for services under the process driver.
pub struct ObserveStage {
    project: Project,
    driver: Arc<Driver>,
    state: PathBuf,
}

impl ObserveStage {
    /// A stage that observes what `driver` runs; `state` is the project's `.assay`.
    pub fn new(project: Project, driver: Arc<Driver>, state: PathBuf) -> Self {
        Self {
            project,
            driver,
            state,
        }
    }

    async fn observe(
        &self,
        service: &Service,
        instances: &[InstanceStatus],
        window: &Window,
        recorder: &mut dyn Recorder,
    ) -> Result<ServiceObservation, StageError> {
        let upstream = self
            .driver
            .door(&service.name)
            .await
            .map_err(|error| unreachable(&error))?
            .and_then(|door| door.upstream);
        let mut seen = Vec::new();
        let ours = instances
            .iter()
            .filter(|instance| instance.service == service.name);
        let skip = ours.clone().count().saturating_sub(INSTANCES_MAX);
        for instance in ours.skip(skip) {
            seen.push(self.instance(instance, window, recorder).await?);
        }
        Ok(ServiceObservation {
            service: service.name.clone(),
            window: window.clone(),
            serving: upstream.map(|upstream| upstream.revision),
            instances: seen,
        })
    }

    async fn instance(
        &self,
        instance: &InstanceStatus,
        window: &Window,
        recorder: &mut dyn Recorder,
    ) -> Result<InstanceObservation, StageError> {
        let exits: Vec<Exit> = instance
            .exits
            .iter()
            .filter(|exit| window.from <= exit.at && exit.at <= window.to)
            .cloned()
            .collect();
        let path = self.relative(&instance.log_path);
        let log = read_log_window(&instance.log_path, window.from, window.to, LOG_BYTES_MAX)
            .map_err(|error| {
                StageError::because(format!("read the log of {}", instance.id), error)
            })?;
        let log = if log.text.is_empty() {
            None
        } else {
            let source = Source::Log {
                path,
                from_line: log.from_line,
                to_line: log.to_line,
            };
            Some(recorder.keep(source, log.text.as_bytes()).await?)
        };
        let exits_evidence = if exits.is_empty() {
            None
        } else {
            let lines: Vec<String> = exits
                .iter()
                .map(|exit| {
                    let asked = if exit.requested {
                        "on request"
                    } else {
                        "by itself"
                    };
                    let at = clock::stamp(exit.at);
                    format!(
                        "{at} {} after {} ms, {asked}\n",
                        exit.describe(),
                        exit.uptime_ms
                    )
                })
                .collect();
            let file = self.relative(&exits_path(&self.state));
            let what = format!("exits of {} (from {file})", instance.id);
            Some(
                recorder
                    .keep(Source::Derived { what }, lines.concat().as_bytes())
                    .await?,
            )
        };
        Ok(InstanceObservation {
            id: instance.id.clone(),
            revision: instance.revision.clone(),
            state: instance.state,
            starts: instance.starts,
            exits,
            log,
            exits_evidence,
        })
    }

    fn relative(&self, path: &std::path::Path) -> String {
        path.strip_prefix(&self.project.root)
            .unwrap_or(path)
            .display()
            .to_string()
    }
}

#[async_trait]
impl Stage for ObserveStage {
    fn step(&self) -> Step {
        Step::Observe
    }

    async fn run(&self, facts: &Facts, recorder: &mut dyn Recorder) -> Result<(), StageError> {
        let now = clock::now();
        let window = Window {
            from: facts.started.unwrap_or(Timestamp::UNIX_EPOCH),
            to: now,
        };
        let mut instances = self
            .driver
            .instances()
            .await
            .map_err(|error| unreachable(&error))?;
        instances.sort_by(|a, b| a.id.cmp(&b.id));
        let mut bodies = Vec::new();
        for service in self
            .project
            .services
            .values()
            .filter(|service| service.deploy.is_some())
        {
            let observation = self.observe(service, &instances, &window, recorder).await?;
            bodies.push(Body::ServiceObserved { observation });
        }
        if bodies.is_empty() {
            return Err(StageError::cannot_look(
                "no service runs under a driver that assay can read",
            ));
        }
        recorder.record(bodies).await?;
        Ok(())
    }
}

fn unreachable(error: &DriverError) -> StageError {
    StageError::cannot_look(format!("observe services: {error}"))
}
