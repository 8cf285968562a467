//! The step itself.

use std::sync::Arc;

use assay_model::{
    Body, Facts, Health, Probe, ProbeKind, ProbeTarget, Prober, Project, Recorder, Source, Stage,
    StageError, Step,
};
use async_trait::async_trait;
use futures_util::{StreamExt, stream};

/// Probes under way at once: enough for a platform in one go, few enough for a small machine.
const PROBES_AT_ONCE: usize = 32;

/// Milliseconds after which a dependency counts as unreachable; its file sets no deadline.
const DEPENDENCY_TIMEOUT_MS: u64 = 5000;

/// Step 0: asks every service and every dependency with an address.
pub struct ReadyStage {
    project: Arc<Project>,
    prober: Arc<dyn Prober>,
}

impl ReadyStage {
    /// A step over everything in `project` that has a URL.
    pub fn new(project: Arc<Project>, prober: Arc<dyn Prober>) -> Self {
        Self { project, prober }
    }

    fn targets(&self) -> Vec<ProbeTarget> {
        let services = self
            .project
            .services
            .values()
            .filter(|service| !service.url.is_empty());
        let services = services.map(|service| ProbeTarget {
            service: service.name.clone(),
            url: service.url.clone(),
            probe: service.probe.clone(),
        });
        let dependencies = self.project.dependencies.values().filter_map(|dependency| {
            Some(ProbeTarget {
                service: dependency.name.clone(),
                url: dependency.url.clone()?,
                probe: Probe {
                    kind: ProbeKind::Tcp,
                    degraded_ms: dependency.degraded_ms,
                    timeout_ms: DEPENDENCY_TIMEOUT_MS.max(dependency.degraded_ms),
                },
            })
        });
        services.chain(dependencies).collect()
    }
}

#[async_trait]
impl Stage for ReadyStage {
    fn step(&self) -> Step {
        Step::Ready
    }

    async fn run(&self, _facts: &Facts, recorder: &mut dyn Recorder) -> Result<(), StageError> {
        let targets = self.targets();
        if targets.is_empty() {
            return Err(StageError::CannotLook {
                message: format!("nothing to probe in {}", self.project.config_file),
                hint: Some("add a [service.NAME] with a url".to_owned()),
                source: None,
            });
        }
        // Owned targets: a stream of futures that borrow them is not `Send` for every lifetime.
        let prober = &self.prober;
        let mut answers = stream::iter(targets.into_iter().map(|target| {
            let prober = Arc::clone(prober);
            async move { prober.probe(&target).await }
        }))
        .buffered(PROBES_AT_ONCE);
        let mut bodies = Vec::new();
        while let Some((health, exchange)) = answers.next().await {
            recorder.say(&line(&health));
            let evidence = recorder.keep(source(&health), &exchange).await?;
            bodies.push(Body::HealthObserved {
                health,
                evidence: vec![evidence],
            });
        }
        recorder.record(bodies).await?;
        Ok(())
    }
}

fn source(health: &Health) -> Source {
    let method = if health.kind == "http" {
        "GET"
    } else {
        "CONNECT"
    };
    Source::Exchange {
        request: format!("{method} {}", health.target),
    }
}

fn line(health: &Health) -> String {
    let revision = health
        .revision
        .as_ref()
        .map(|id| format!(", revision {id}"))
        .unwrap_or_default();
    format!(
        "{:<16} {:<11} {}{revision}",
        health.service,
        health.status.word(),
        health.detail
    )
}
