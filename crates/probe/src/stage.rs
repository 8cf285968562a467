//! The step itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use assay_model::{
    Blind, Body, Detail, Facts, Health, Observer, ProbeKind, ProbeTarget, Prober, Project,
    Recorder, Sightings, Source, Stage, StageError, Step, Timestamp, Window,
};
use async_trait::async_trait;
use rustix::process::{Resource, getrlimit};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

use crate::runtime;

/// Probes under way at once. A probe waits for most of its time, for one connection and some ten
/// kilobytes: 256 keep two cores busy on a thousand quick endpoints, hold a thousand that time out
/// to four deadlines, and need no more than the usual limit of 1,024 open files.
const PROBES_AT_ONCE: usize = 256;

/// Open files of one probe, at most: a socket for each of two addresses that are raced, or the
/// three pipes of a command; and one for its observer.
const FILES_PER_PROBE: u64 = 4;

/// How far back observers look: what happened longer ago hardly explains what is seen now.
const WINDOW: Duration = Duration::from_secs(60 * 60);

/// Step 0: asks every service and every dependency with an address.
pub struct ReadyStage {
    project: Arc<Project>,
    prober: Arc<dyn Prober>,
    observer: Arc<dyn Observer>,
}

/// What was found out about one target.
struct Finding {
    health: Health,
    exchange: Vec<u8>,
    sightings: Sightings,
}

impl ReadyStage {
    /// A step over everything in `project` that has a URL.
    pub fn new(
        project: Arc<Project>,
        prober: Arc<dyn Prober>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        Self {
            project,
            prober,
            observer,
        }
    }

    /// Looks once at everything and records nothing: each result with its literal exchange, in
    /// the order in which a run would record them. May be repeated.
    ///
    /// # Errors
    /// When there is nothing to probe.
    pub async fn look(&self) -> Result<Vec<(Health, Vec<u8>)>, StageError> {
        let mut seen = BTreeMap::new();
        let mut tasks = self.start(self.some_targets()?);
        while let Some(joined) = tasks.join_next().await {
            let (place, finding) = finished(joined)?;
            seen.insert(place, (finding.health, finding.exchange));
        }
        Ok(seen.into_values().collect())
    }

    fn some_targets(&self) -> Result<Vec<ProbeTarget>, StageError> {
        let targets = self.targets();
        if targets.is_empty() {
            return Err(StageError::CannotLook {
                message: format!("nothing to probe in {}", self.project.config_file),
                hint: Some("add a [service.NAME] with a url".to_owned()),
                source: None,
            });
        }
        Ok(targets)
    }

    /// Services first, then dependencies, each in the order of their names.
    fn targets(&self) -> Vec<ProbeTarget> {
        let services = self.project.services.values().map(|service| ProbeTarget {
            service: service.name.clone(),
            url: service.url.clone(),
            probe: service.probe.clone(),
        });
        let dependencies = self
            .project
            .dependencies
            .values()
            .map(|dependency| ProbeTarget {
                service: dependency.name.clone(),
                url: dependency.url.clone().unwrap_or_default(),
                probe: dependency.probe.clone(),
            });
        services.chain(dependencies).filter(has_address).collect()
    }

    /// Starts all of them, each under its place in the order.
    fn start(&self, targets: Vec<ProbeTarget>) -> JoinSet<(usize, Finding)> {
        let room = Arc::new(Semaphore::new(at_once()));
        let mut tasks = JoinSet::new();
        for (place, target) in targets.into_iter().enumerate() {
            let (prober, observer) = (Arc::clone(&self.prober), Arc::clone(&self.observer));
            let room = Arc::clone(&room);
            tasks.spawn(async move {
                // Closed it never is; without a place the probe would only be one too many.
                let _place = room.acquire_owned().await.ok();
                (place, ask(&*prober, &*observer, &target).await)
            });
        }
        tasks
    }
}

#[async_trait]
impl Stage for ReadyStage {
    fn step(&self) -> Step {
        Step::Ready
    }

    async fn run(&self, _facts: &Facts, recorder: &mut dyn Recorder) -> Result<(), StageError> {
        let targets = self.some_targets()?;
        let all = targets.len();
        let mut done = 0;
        let mut tasks = self.start(targets);
        let mut bodies = Vec::new();
        // Those that were quicker than one before them wait for it, so that the order is that of
        // the names.
        let mut early = BTreeMap::new();
        while let Some(joined) = tasks.join_next().await {
            let (place, finding) = finished(joined)?;
            done += 1;
            recorder.say(&format!("{done}/{all} {}", line(&finding.health)));
            early.insert(place, finding);
            while let Some(finding) = early.remove(&bodies.len()) {
                bodies.push(keep(finding, recorder).await?);
            }
        }
        recorder.record(bodies).await?;
        Ok(())
    }
}

/// Fewer where the system allows few open files: a probe that cannot open its socket would say of
/// a service what is true of this machine.
fn at_once() -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let probes = usize::try_from(files / FILES_PER_PROBE).unwrap_or(usize::MAX);
    probes.clamp(1, PROBES_AT_ONCE)
}

fn finished<T>(joined: Result<T, JoinError>) -> Result<T, StageError> {
    match joined {
        Ok(done) => Ok(done),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => Err(StageError::because("a probe was cancelled", error)),
    }
}

/// Whether there is someone to ask. A program and the system's resolver need no URL.
fn has_address(target: &ProbeTarget) -> bool {
    let needs_none = matches!(
        target.probe.kind,
        ProbeKind::Command(_) | ProbeKind::Dns(_) | ProbeKind::Runtime
    );
    needs_none || !target.url.is_empty()
}

/// Probes and observes side by side: neither waits for the other, and both have one deadline.
async fn ask(prober: &dyn Prober, observer: &dyn Observer, target: &ProbeTarget) -> Finding {
    let to = Timestamp::now();
    let from = to.checked_sub(WINDOW).unwrap_or(Timestamp::MIN);
    let window = Window { from, to };
    let deadline = Duration::from_millis(target.probe.timeout_ms);
    let observed = observer.observe(&target.service, &window, Detail::State);
    let observed = tokio::time::timeout(deadline, observed);
    if target.probe.kind == ProbeKind::Runtime {
        let sightings = observed.await.unwrap_or_else(|_| late(target));
        let health = runtime::judge(target, &sightings, Timestamp::now());
        let exchange = format!("[{}: {}]\n", health.status.word(), health.detail);
        return Finding {
            health,
            exchange: exchange.into_bytes(),
            sightings,
        };
    }
    let (answer, observed) = tokio::join!(prober.probe(target), observed);
    let (mut health, exchange) = answer;
    let sightings = observed.unwrap_or_else(|_| late(target));
    runtime::add(&mut health, &sightings, Timestamp::now());
    Finding {
        health,
        exchange,
        sightings,
    }
}

/// What was not seen in time is not known, and that is said.
fn late(target: &ProbeTarget) -> Sightings {
    Sightings {
        blind: vec![Blind {
            observer: "observer".to_owned(),
            reason: format!("no answer within {} ms", target.probe.timeout_ms),
            hint: None,
        }],
        ..Sightings::default()
    }
}

async fn keep(finding: Finding, recorder: &mut dyn Recorder) -> Result<Body, StageError> {
    let Finding {
        health,
        exchange,
        sightings,
    } = finding;
    for blind in &sightings.blind {
        let said = runtime::could_not_look(blind);
        recorder.say(&format!("{:<16} {said}", health.service));
    }
    let mut evidence = vec![recorder.keep(source(&health), &exchange).await?];
    for seen in sightings.instances {
        if let Some((source, record)) = seen.record {
            evidence.push(recorder.keep(source, &record).await?);
        }
    }
    Ok(Body::HealthObserved { health, evidence })
}

fn source(health: &Health) -> Source {
    let target = &health.target;
    let method = match &*health.kind {
        "runtime" => {
            let what = format!("what observers saw of {}", health.service);
            return Source::Derived { what };
        }
        "command" => {
            let command = target.clone();
            return Source::Command { command };
        }
        "http" | "websocket" => "GET",
        "grpc" => "POST",
        "dns" => "QUERY",
        _ => "CONNECT",
    };
    Source::Exchange {
        request: format!("{method} {target}"),
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
