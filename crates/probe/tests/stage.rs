//! The step over a project: what it records and what it says.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may fail like the test"
)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use assay_model::{
    Act, AuditRules, Begun, Body, CommandProbe, Dependency, Detail, EvidenceRef, Exit, Facts,
    Health, InstanceObservation, InstanceState, Limits, Observer, Probe, ProbeKind, Project,
    PublishTo, RecordError, Recorder, Service, ServiceName, Sighting, Sightings, Source, Stage,
    StageError, Status, Timestamp, Window,
};
use assay_probe::{NetworkProber, ReadyStage};
use async_trait::async_trait;
use tokio::net::TcpListener;

/// Keeps everything in memory.
#[derive(Default)]
struct Memory {
    bodies: Vec<Body>,
    kept: Vec<(Source, Vec<u8>)>,
    said: Vec<String>,
}

#[async_trait]
impl Recorder for Memory {
    async fn record(&mut self, bodies: Vec<Body>) -> Result<(), RecordError> {
        self.bodies.extend(bodies);
        Ok(())
    }

    async fn keep(&mut self, source: Source, bytes: &[u8]) -> Result<EvidenceRef, RecordError> {
        self.kept.push((source.clone(), bytes.to_owned()));
        let hash = format!("{:064x}", self.kept.len());
        Ok(EvidenceRef {
            hash,
            bytes: bytes.len() as u64,
            source,
            at: Timestamp::UNIX_EPOCH,
        })
    }

    async fn fetch(&mut self, _evidence: &EvidenceRef) -> Result<Vec<u8>, RecordError> {
        Ok(Vec::new())
    }

    async fn begin(&mut self, _act: &Act) -> Result<Begun, RecordError> {
        Ok(Begun::Fresh)
    }

    async fn finish(
        &mut self,
        _act: &Act,
        _result: serde_json::Value,
        bodies: Vec<Body>,
    ) -> Result<(), RecordError> {
        self.record(bodies).await
    }

    fn say(&mut self, line: &str) {
        self.said.push(line.to_owned());
    }
}

fn service(name: &str, url: &str) -> Service {
    Service {
        name: name.into(),
        url: url.to_owned(),
        probe: Probe::new(ProbeKind::Tcp),
        depends_on: Vec::new(),
        source: Vec::new(),
        risk: None,
        container: None,
        deploy: None,
        observe: Vec::new(),
    }
}

fn project(services: Vec<Service>, dependencies: &[(&str, Option<&str>)]) -> Arc<Project> {
    let dependency = |(name, url): &(&str, Option<&str>)| Dependency {
        name: (*name).into(),
        url: url.map(str::to_owned),
        probe: Probe::new(ProbeKind::Tcp),
        observe: Vec::new(),
    };
    let services = services.into_iter();
    Arc::new(Project {
        name: "shop".to_owned(),
        root: PathBuf::from("."),
        config_file: "assay.toml".to_owned(),
        environments: Vec::new(),
        services: services.map(|s| (s.name.clone(), s)).collect(),
        dependencies: dependencies
            .iter()
            .map(|d| (d.0.into(), dependency(d)))
            .collect(),
        suites: Vec::new(),
        criteria: Default::default(),
        audit: AuditRules::default(),
        publish: PublishTo {
            forge: "local".to_owned(),
            base: None,
        },
        secrets: Vec::new(),
        limits: Limits::default(),
    })
}

/// Sees one container that ran out of memory, where it looks at all.
struct Watch {
    sees: &'static str,
    takes: Duration,
}

const NOTHING: Watch = Watch {
    sees: "",
    takes: Duration::ZERO,
};

#[async_trait]
impl Observer for Watch {
    async fn observe(&self, service: &ServiceName, window: &Window, _: Detail) -> Sightings {
        tokio::time::sleep(self.takes).await;
        if service.as_str() != self.sees {
            return Sightings::default();
        }
        let exit = Exit {
            at: window.to,
            code: Some(137),
            signal: None,
            uptime_ms: 1,
            requested: false,
            out_of_memory: true,
        };
        let instance = InstanceObservation {
            id: "api-1".to_owned(),
            observer: "docker".to_owned(),
            revision: "abc".into(),
            state: InstanceState::Exited,
            starts: 1,
            exits: vec![exit],
            log: None,
            exits_evidence: None,
            events: Vec::new(),
        };
        let source = Source::Derived {
            what: "inspect api-1".to_owned(),
        };
        Sightings {
            serving: Some("abc".into()),
            instances: vec![Sighting {
                instance,
                wanted: true,
                log: None,
                record: Some((source, b"{}".to_vec())),
            }],
            blind: Vec::new(),
        }
    }
}

async fn run_with(project: Arc<Project>, observer: Watch) -> (Result<(), StageError>, Memory) {
    let mut memory = Memory::default();
    let prober = Arc::new(NetworkProber::new(&project.root));
    let stage = ReadyStage::new(project, prober, Arc::new(observer));
    let outcome = stage.run(&Facts::default(), &mut memory).await;
    (outcome, memory)
}

async fn run(project: Arc<Project>) -> (Result<(), StageError>, Memory) {
    run_with(project, NOTHING).await
}

fn healths(memory: &Memory) -> Vec<&Health> {
    let bodies = memory.bodies.iter();
    bodies
        .map(|body| match body {
            Body::HealthObserved { health, .. } => health,
            other => panic!("{other:?}"),
        })
        .collect()
}

async fn open_and_closed() -> (TcpListener, String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let open = format!("tcp://{}", listener.local_addr().unwrap());
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("tcp://{}", gone.local_addr().unwrap());
    (listener, open, closed)
}

#[tokio::test]
async fn everything_with_an_address_is_asked_and_kept() {
    let (_listener, open, closed) = open_and_closed().await;
    let services = vec![service("api", &open), service("auth", &closed)];
    let dependencies = [("database", Some(&*open)), ("embedded", None)];
    let (outcome, memory) = run(project(services, &dependencies)).await;
    outcome.unwrap();

    let mut seen = Vec::new();
    for body in &memory.bodies {
        let Body::HealthObserved { health, evidence } = body else {
            panic!("{body:?}")
        };
        let [evidence] = &**evidence else {
            panic!("{evidence:?}")
        };
        let request = format!("CONNECT {}", health.target);
        assert_eq!(evidence.source, Source::Exchange { request });
        seen.push((health.service.as_str(), health.status));
    }
    let expected = [
        ("api", Status::Healthy),
        ("auth", Status::Refused),
        ("database", Status::Healthy),
    ];
    assert_eq!(seen, expected);
    assert_eq!(memory.kept.len(), 3);
    // In the order of the answers, with how many there are so far.
    let told = |part: &str| memory.said.iter().any(|line| line.contains(part));
    assert!(
        told("auth             refused     connection refused"),
        "{:?}",
        memory.said
    );
    assert!(told("3/3 "), "{:?}", memory.said);
}

#[tokio::test]
async fn the_order_is_that_of_the_names_not_of_the_answers() {
    let (listener, open, closed) = open_and_closed().await;
    // Accepts, so that no queue of the system decides how long this takes.
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let mut slow = service("a-slow", "");
    slow.probe = Probe::new(ProbeKind::Command(CommandProbe {
        command: vec!["sleep".to_owned(), "0.3".to_owned()],
        exit: 0,
        degraded_exit: None,
    }));
    let many = (0..400).map(|n| service(&format!("s{n:03}"), [&open, &closed][n % 2]));
    let services: Vec<_> = [slow].into_iter().chain(many).collect();
    let expected: Vec<_> = services.iter().map(|s| s.name.clone()).collect();
    let (outcome, memory) = run(project(services, &[])).await;
    outcome.unwrap();
    let seen: Vec<_> = healths(&memory)
        .iter()
        .map(|health| health.service.clone())
        .collect();
    assert_eq!(seen, expected);
    let first = Source::Command {
        command: "sleep 0.3".to_owned(),
    };
    assert_eq!(memory.kept[0].0, first);
}

#[tokio::test]
async fn the_runtime_tells_why_a_service_does_not_serve() {
    let (_listener, open, closed) = open_and_closed().await;
    let services = vec![service("api", &closed), service("auth", &open)];
    let watch = Watch {
        sees: "api",
        takes: Duration::ZERO,
    };
    let (outcome, memory) = run_with(project(services, &[]), watch).await;
    outcome.unwrap();
    let [api, auth] = &*healths(&memory) else {
        panic!("{:?}", memory.bodies)
    };
    let told = "connection refused; container api-1 exited 0 s ago: exit code 137, out of memory";
    assert_eq!(api.detail, told);
    assert_eq!(api.runtime.as_ref().unwrap().running, 0);
    assert_eq!(api.revision.as_deref(), Some("abc"));
    assert_eq!(auth.runtime, None);
    assert_eq!(memory.kept.len(), 3);
}

#[tokio::test]
async fn an_observer_has_no_more_time_than_the_probe() {
    let (_listener, open, _) = open_and_closed().await;
    let mut api = service("api", &open);
    api.probe.timeout_ms = 300;
    let watch = Watch {
        sees: "api",
        takes: Duration::from_secs(60),
    };
    let started = Instant::now();
    let (outcome, memory) = run_with(project(vec![api], &[]), watch).await;
    outcome.unwrap();
    let [api] = &*healths(&memory) else {
        panic!("{:?}", memory.bodies)
    };
    assert_eq!(api.status, Status::Healthy);
    let blind = &api.runtime.as_ref().unwrap().blind;
    assert_eq!(blind[0].reason, "no answer within 300 ms");
    assert!(api.latency_ms < 300, "{api:?}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_project_without_an_address_cannot_be_looked_at() {
    let (outcome, memory) = run(project(Vec::new(), &[("embedded", None)])).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.exit_code(), 3);
    assert!(error.to_string().contains("assay.toml"), "{error}");
    assert!(memory.bodies.is_empty());
}
