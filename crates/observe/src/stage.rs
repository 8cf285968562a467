//! The observe step: every service that something watches, kept and recorded.

use std::sync::Arc;

use assay_model::{
    Blind, Body, Detail, Facts, InstanceObservation, Observer, Project, Recorder, ServiceName,
    ServiceObservation, Sighting, Sightings, Stage, StageError, Step, Timestamp, Window,
};
use assay_world::clock;
use async_trait::async_trait;
use futures_util::{StreamExt, stream};

/// Services that are looked at at once: each look may run some programs.
const LOOKS_AT_ONCE_MAX: usize = 8;

/// The observe step.
pub struct ObserveStage {
    project: Arc<Project>,
    observer: Arc<dyn Observer>,
}

impl ObserveStage {
    /// A stage that looks at the services of `project` through `observer`.
    pub fn new(project: Arc<Project>, observer: Arc<dyn Observer>) -> Self {
        Self { project, observer }
    }

    /// Services, then dependencies, that something watches.
    fn watched(&self) -> Vec<ServiceName> {
        let services = self.project.services.values();
        let services = services
            .filter(|service| service.deploy.is_some() || !service.observe.is_empty())
            .map(|service| service.name.clone());
        let dependencies = self.project.dependencies.values();
        let dependencies = dependencies
            .filter(|dependency| !dependency.observe.is_empty())
            .map(|dependency| dependency.name.clone());
        services.chain(dependencies).collect()
    }
}

#[async_trait]
impl Stage for ObserveStage {
    fn step(&self) -> Step {
        Step::Observe
    }

    async fn run(&self, facts: &Facts, recorder: &mut dyn Recorder) -> Result<(), StageError> {
        let window = Window {
            from: facts.started.unwrap_or(Timestamp::UNIX_EPOCH),
            to: clock::now(),
        };
        let watched = self.watched();
        if watched.is_empty() {
            return Err(StageError::cannot_look(
                "no service runs under a driver that assay can read",
            ));
        }
        let looks = watched.into_iter().map(|service| {
            let (observer, window) = (self.observer.clone(), window.clone());
            async move {
                let seen = observer
                    .observe(&service, &window, Detail::Everything)
                    .await;
                (service, seen)
            }
        });
        let seen: Vec<(ServiceName, Sightings)> = stream::iter(looks)
            .buffered(LOOKS_AT_ONCE_MAX)
            .collect()
            .await;
        if let Some(blind) = nothing_seen(&seen) {
            return Err(StageError::CannotLook {
                message: format!("observe services: {}: {}", blind.observer, blind.reason),
                hint: blind.hint.clone(),
                source: None,
            });
        }
        let mut bodies = Vec::new();
        for (service, sightings) in seen {
            let observation = keep(service, sightings, &window, recorder).await?;
            bodies.push(Body::ServiceObserved { observation });
        }
        recorder.record(bodies).await?;
        Ok(())
    }
}

/// The first reason why, when no observer of any service could look.
fn nothing_seen(seen: &[(ServiceName, Sightings)]) -> Option<&Blind> {
    let all_blind = seen
        .iter()
        .all(|(_, sightings)| sightings.instances.is_empty() && !sightings.blind.is_empty());
    all_blind.then(|| seen.first()?.1.blind.first()).flatten()
}

async fn keep(
    service: ServiceName,
    sightings: Sightings,
    window: &Window,
    recorder: &mut dyn Recorder,
) -> Result<ServiceObservation, StageError> {
    let mut instances: Vec<InstanceObservation> = Vec::new();
    for sighting in sightings.instances {
        let Sighting {
            mut instance,
            log,
            record,
            ..
        } = sighting;
        if let Some((source, text)) = log {
            instance.log = Some(recorder.keep(source, text.as_bytes()).await?);
        }
        if let Some((source, bytes)) = record {
            instance.exits_evidence = Some(recorder.keep(source, &bytes).await?);
        }
        instances.push(instance);
    }
    Ok(ServiceObservation {
        service,
        window: window.clone(),
        serving: sightings.serving,
        instances,
        blind: sightings.blind,
    })
}
