//! The step: what it keeps and records of what observers saw.

use std::sync::Arc;

use assay_model::{
    Act, Begun, Blind, Body, Detail, EvidenceRef, Facts, InstanceObservation, InstanceState,
    Observe, Observer, RecordError, Recorder, ServiceName, ServiceObservation, Sighting, Sightings,
    Source, Stage, StageError, Timestamp, Window,
};
use assay_observe::ObserveStage;
use async_trait::async_trait;

use crate::support::{Bench, project, service};

/// Keeps everything in memory.
#[derive(Default)]
struct Memory {
    bodies: Vec<Body>,
    kept: Vec<String>,
}

#[async_trait]
impl Recorder for Memory {
    async fn record(&mut self, bodies: Vec<Body>) -> Result<(), RecordError> {
        self.bodies.extend(bodies);
        Ok(())
    }

    async fn keep(&mut self, source: Source, bytes: &[u8]) -> Result<EvidenceRef, RecordError> {
        self.kept.push(String::from_utf8_lossy(bytes).into_owned());
        Ok(EvidenceRef {
            hash: format!("{:064x}", self.kept.len()),
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

    fn say(&mut self, _line: &str) {}
}

/// Sees one instance of each service but `dark`, which it cannot look at.
struct Town;

#[async_trait]
impl Observer for Town {
    async fn observe(&self, service: &ServiceName, window: &Window, detail: Detail) -> Sightings {
        assert_eq!(detail, Detail::Everything);
        if &**service == "dark" {
            return Sightings {
                blind: vec![Blind {
                    observer: "docker".to_owned(),
                    reason: "no engine".to_owned(),
                    hint: Some("start it".to_owned()),
                }],
                ..Sightings::default()
            };
        }
        let source = Source::Derived {
            what: format!("since {}", window.from),
        };
        Sightings {
            serving: Some("r1".into()),
            instances: vec![Sighting {
                instance: InstanceObservation {
                    id: format!("{service}-1"),
                    observer: "docker".to_owned(),
                    revision: "r1".into(),
                    state: InstanceState::Running,
                    starts: 1,
                    exits: Vec::new(),
                    log: None,
                    exits_evidence: None,
                    events: Vec::new(),
                },
                wanted: true,
                log: Some((source.clone(), format!("log of {service}\n"))),
                record: Some((source, format!("record of {service}\n").into_bytes())),
            }],
            blind: Vec::new(),
        }
    }
}

/// Runs the step over services that are watched, and one that is not.
async fn run(watched: &[&str]) -> (Result<(), StageError>, Memory) {
    let bench = Bench::new();
    let by = Observe::File {
        path: "x".to_owned(),
    };
    let mut services = vec![service("unwatched", Vec::new())];
    services.extend(watched.iter().map(|name| service(name, vec![by.clone()])));
    let project = Arc::new(project(bench.root(), services));
    let facts = Facts {
        started: Some("2026-11-23T10:00:00Z".parse().unwrap()),
        ..Facts::default()
    };
    let mut memory = Memory::default();
    let stage = ObserveStage::new(project, Arc::new(Town));
    let result = stage.run(&facts, &mut memory).await;
    (result, memory)
}

fn observed(memory: &Memory) -> Vec<&ServiceObservation> {
    let observation = |body: &'_ Body| matches!(body, Body::ServiceObserved { .. });
    assert!(memory.bodies.iter().all(observation));
    memory
        .bodies
        .iter()
        .filter_map(|body| match body {
            Body::ServiceObserved { observation } => Some(observation),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn each_watched_service_is_recorded_with_its_evidence() {
    let (result, memory) = run(&["web", "api", "dark"]).await;
    result.unwrap();
    let seen = observed(&memory);
    let names: Vec<&str> = seen.iter().map(|seen| &*seen.service).collect();
    assert_eq!(names, ["api", "dark", "web"]);
    assert_eq!(
        memory.kept,
        [
            "log of api\n",
            "record of api\n",
            "log of web\n",
            "record of web\n"
        ]
    );
    let api = &seen[0].instances[0];
    assert_eq!(api.log.as_ref().unwrap().hash, format!("{:064x}", 1));
    assert_eq!(
        api.exits_evidence.as_ref().unwrap().hash,
        format!("{:064x}", 2)
    );
    assert_eq!(seen[0].serving.as_deref(), Some("r1"));
    assert_eq!(seen[0].window.from.to_string(), "2026-11-23T10:00:00Z");
    assert_eq!(seen[1].blind[0].reason, "no engine");
    assert!(seen[1].instances.is_empty());
}

#[tokio::test]
async fn nothing_seen_at_all_is_an_error_with_a_way_out() {
    let (result, memory) = run(&["dark"]).await;
    let error = result.unwrap_err();
    assert_eq!(error.to_string(), "observe services: docker: no engine");
    assert_eq!((error.hint(), error.exit_code()), (Some("start it"), 3));
    assert!(memory.bodies.is_empty());
}

#[tokio::test]
async fn nothing_to_look_at_is_an_error() {
    let (result, _) = run(&[]).await;
    let error = result.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no service runs under a driver that assay can read"
    );
}
