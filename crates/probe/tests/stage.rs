//! The step over a project: what it records and what it says.

use std::path::PathBuf;
use std::sync::Arc;

use assay_model::{
    Act, AuditRules, Begun, Body, Dependency, EvidenceRef, Facts, Limits, Probe, ProbeKind,
    Project, PublishTo, RecordError, Recorder, Service, Source, Stage, StageError, Status,
    Timestamp,
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

fn project(services: &[(&str, &str)], dependencies: &[(&str, Option<&str>)]) -> Arc<Project> {
    let service = |(name, url): &(&str, &str)| Service {
        name: (*name).into(),
        url: (*url).to_owned(),
        probe: Probe {
            kind: ProbeKind::Tcp,
            degraded_ms: 1000,
            timeout_ms: 5000,
        },
        depends_on: Vec::new(),
        source: Vec::new(),
        risk: None,
        container: None,
        deploy: None,
        log_file: None,
    };
    let dependency = |(name, url): &(&str, Option<&str>)| Dependency {
        name: (*name).into(),
        url: url.map(str::to_owned),
        degraded_ms: 1000,
    };
    Arc::new(Project {
        name: "shop".to_owned(),
        root: PathBuf::from("."),
        config_file: "assay.toml".to_owned(),
        environments: Vec::new(),
        services: services.iter().map(|s| (s.0.into(), service(s))).collect(),
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

async fn run(project: Arc<Project>) -> (Result<(), StageError>, Memory) {
    let mut memory = Memory::default();
    let stage = ReadyStage::new(project, Arc::new(NetworkProber::new()));
    let outcome = stage.run(&Facts::default(), &mut memory).await;
    (outcome, memory)
}

#[tokio::test]
async fn everything_with_an_address_is_asked_and_kept() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let open = format!("tcp://{}", listener.local_addr().unwrap());
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let services = [("api", &*open), ("auth", &*format!("tcp://{closed}"))];
    let dependencies = [("database", Some(&*open)), ("embedded", None)];
    let (outcome, memory) = run(project(&services, &dependencies)).await;
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
    assert!(memory.said[1].starts_with("auth             refused     connection refused"));
}

#[tokio::test]
async fn a_project_without_an_address_cannot_be_looked_at() {
    let (outcome, memory) = run(project(&[], &[("embedded", None)])).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.exit_code(), 3);
    assert!(error.to_string().contains("assay.toml"), "{error}");
    assert!(memory.bodies.is_empty());
}
