//! The stage keeps what it cites, and does not look where it must not.

use std::collections::BTreeMap;

use assay_diagnose::WhyStage;
use assay_model::{
    Act, Begun, Body, Diagnosis, DiagnosisVerdict, Disturbance, EvidenceRef, Facts, Prologue,
    RecordError, Recorder, RunPlan, Source, Stage, StageError,
};
use async_trait::async_trait;

use crate::incidents::killed;
use crate::town::{CONFIG, at, kept, well};

#[derive(Default)]
struct Memory {
    blobs: BTreeMap<String, Vec<u8>>,
    bodies: Vec<Body>,
    said: Vec<String>,
}

#[async_trait]
impl Recorder for Memory {
    async fn record(&mut self, bodies: Vec<Body>) -> Result<(), RecordError> {
        self.bodies.extend(bodies);
        Ok(())
    }

    async fn keep(&mut self, source: Source, bytes: &[u8]) -> Result<EvidenceRef, RecordError> {
        self.blobs.insert("config".to_owned(), bytes.to_vec());
        Ok(kept("config", source, 0))
    }

    async fn fetch(&mut self, evidence: &EvidenceRef) -> Result<Vec<u8>, RecordError> {
        self.blobs
            .get(&evidence.hash)
            .cloned()
            .ok_or_else(|| RecordError {
                doing: format!("fetch {}", evidence.hash),
                source: "no such blob".into(),
            })
    }

    async fn begin(&mut self, _: &Act) -> Result<Begun, RecordError> {
        Ok(Begun::Fresh)
    }

    async fn finish(
        &mut self,
        _: &Act,
        _: serde_json::Value,
        bodies: Vec<Body>,
    ) -> Result<(), RecordError> {
        self.record(bodies).await
    }

    fn say(&mut self, line: &str) {
        self.said.push(line.to_owned());
    }
}

fn facts() -> (Facts, Memory, WhyStage) {
    let seen = killed();
    let mut facts = Facts {
        started: Some(at(0)),
        last: Some(at(90_000)),
        ..Facts::default()
    };
    facts.rollouts = seen.rollouts;
    facts.revisions = seen.revisions;
    facts.serving = seen.serving;
    facts.health = seen.health;
    facts.execution = seen.execution;
    facts.observations = seen.observations;
    let mut memory = Memory::default();
    for (hash, text) in seen.texts {
        memory.blobs.insert(hash, text.into_bytes());
    }
    for revision in facts.revisions.values_mut() {
        revision.change = None;
    }
    let text = seen.config.unwrap().text;
    (facts, memory, WhyStage::new(seen.project, text))
}

async fn run(facts: &Facts, memory: &mut Memory, stage: &WhyStage) -> Diagnosis {
    stage.run(facts, memory).await.unwrap();
    match memory.bodies.pop() {
        Some(Body::Diagnosed { diagnosis }) => diagnosis,
        other => panic!("not a diagnosis: {other:?}"),
    }
}

#[tokio::test]
async fn the_answer_is_recorded_and_cites_what_is_kept() {
    let (facts, mut memory, stage) = facts();
    let diagnosis = run(&facts, &mut memory, &stage).await;
    assert_eq!(diagnosis.verdict, DiagnosisVerdict::Explained);
    assert_eq!(memory.said.len(), 1);
    let defect = diagnosis.causes[0].defect.as_ref().unwrap();
    assert_eq!((defect.file.as_str(), defect.line), ("town.toml", 14));
    assert!(
        diagnosis.causes[0]
            .whys
            .iter()
            .flat_map(|why| &why.evidence)
            .any(|kept| { kept.hash == "config" && kept.source.label() == "town.toml:14" })
    );
}

#[tokio::test]
async fn how_the_fault_came_about_is_not_looked_at() {
    let (facts, mut memory, stage) = facts();
    let blind = run(&facts, &mut memory, &stage).await;
    let disturbance = Disturbance::Kill {
        service: "mint".into(),
        signal: 9,
    };
    let told = Facts {
        plan: Some(RunPlan {
            prologue: vec![Prologue::Disturb(disturbance.clone())],
            only: None,
            suites: Vec::new(),
            remedy: true,
            approved: true,
            teardown: false,
        }),
        disturbed: vec![disturbance],
        ..facts
    };
    assert_eq!(run(&told, &mut memory, &stage).await, blind);
}

#[tokio::test]
async fn nothing_observed_is_an_error() {
    let stage = WhyStage::new(well().project, CONFIG.to_owned());
    let facts = Facts {
        started: Some(at(0)),
        ..Facts::default()
    };
    let mut memory = Memory::default();
    let refused = stage.run(&facts, &mut memory).await.unwrap_err();
    assert!(
        matches!(refused, StageError::CannotLook { .. }),
        "{refused:?}"
    );
    assert!(memory.bodies.is_empty());
}
