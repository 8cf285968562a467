//! All observers of a project behind one port.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use assay_model::{Blind, Detail, Observe, Observer, Project, ServiceName, Sightings, Window};
use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::look::{CannotSee, DEADLINE_MS, Look, Seen, blind};
use crate::programs::Programs;
use crate::{command, docker, file, journald, kubernetes, process};

/// Looks at services through everything that the configuration names for them.
pub struct Observers {
    project: Arc<Project>,
    state: PathBuf,
    programs: Programs,
    room: Semaphore,
}

/// Services that are looked at at once: each look may run some programs and hold what they print.
const LOOKS_AT_ONCE_MAX: usize = 16;

impl Observers {
    /// Observers of a project; `state` is its `.assay`, where its supervisor is found.
    pub fn new(project: Arc<Project>, state: PathBuf) -> Self {
        Self {
            project,
            state,
            programs: Programs::default(),
            room: Semaphore::new(LOOKS_AT_ONCE_MAX),
        }
    }

    /// The same, with programs of the caller's choice.
    #[must_use]
    pub fn with_programs(mut self, programs: Programs) -> Self {
        self.programs = programs;
        self
    }

    /// Whether anything watches `service`.
    pub fn watches(&self, service: &ServiceName) -> bool {
        self.is_deployed(service) || !self.named(service).is_empty()
    }

    fn is_deployed(&self, service: &ServiceName) -> bool {
        let service = self.project.services.get(service);
        service.is_some_and(|service| service.deploy.is_some())
    }

    fn named(&self, name: &ServiceName) -> &[Observe] {
        let service = self.project.services.get(name).map(|it| &it.observe);
        let dependency = self.project.dependencies.get(name).map(|it| &it.observe);
        service.or(dependency).map_or(&[], Vec::as_slice)
    }

    async fn through(&self, observe: &Observe, look: &Look) -> Seen {
        let (root, programs) = (&self.project.root, &self.programs);
        let name = observe.word();
        match observe {
            Observe::Docker(which) => seen(name, docker::look(which, look).await),
            Observe::Kubernetes(which) => seen(name, kubernetes::look(which, programs, look).await),
            Observe::File { path } => seen(name, file::look(path, root, look).await),
            Observe::Journald { unit, user } => {
                seen(name, journald::look(unit, *user, programs, look).await)
            }
            Observe::Command { command } => seen(name, command::look(command, root, look).await),
        }
    }

    async fn process(&self, service: &ServiceName, look: &Look) -> Seen {
        let root = &self.project.root;
        seen(
            process::NAME,
            process::look(service, &self.state, root, look).await,
        )
    }
}

#[async_trait]
impl Observer for Observers {
    async fn observe(&self, service: &ServiceName, window: &Window, detail: Detail) -> Sightings {
        // Closed it never is; without a place this would only be one look too many.
        let _place = self.room.acquire().await.ok();
        let look = &Look::begin(window, detail);
        let mut looks: Vec<BoxFuture<'_, Seen>> = Vec::new();
        if self.is_deployed(service) {
            let process = self.process(service, look);
            looks.push(in_time(process::NAME, process).boxed());
        }
        for observe in self.named(service) {
            looks.push(in_time(observe.word(), self.through(observe, look)).boxed());
        }
        let mut sightings = Sightings::default();
        for seen in join_all(looks).await {
            sightings.serving = sightings.serving.or(seen.serving);
            sightings.instances.extend(seen.instances);
            sightings.blind.extend(seen.blind);
        }
        sightings
    }
}

async fn in_time(observer: &str, look: impl Future<Output = Seen>) -> Seen {
    timeout(Duration::from_millis(DEADLINE_MS), look)
        .await
        .unwrap_or_else(|_| Seen {
            blind: vec![Blind {
                observer: observer.to_owned(),
                reason: format!("no answer within {DEADLINE_MS} ms"),
                hint: None,
            }],
            ..Seen::default()
        })
}

fn seen(observer: &str, result: Result<Seen, impl CannotSee + 'static>) -> Seen {
    result.unwrap_or_else(|error| Seen {
        blind: vec![blind(observer, &error)],
        ..Seen::default()
    })
}
