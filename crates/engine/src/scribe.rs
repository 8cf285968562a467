//! The recorder: redacts, appends, folds, and tells whoever watches.

use assay_journal::{RunWriter, Vault};
use assay_model::{
    Act, ActState, Begun, Body, Event, EvidenceRef, Facts, RecordError, Recorder, Source, Step,
    Timestamp,
};
use async_trait::async_trait;

use crate::watch::Watch;

/// The one implementation of [`Recorder`].
pub(crate) struct Scribe<'a> {
    pub(crate) writer: &'a RunWriter,
    pub(crate) vault: &'a Vault,
    pub(crate) facts: Facts,
    pub(crate) step: Option<Step>,
    /// Calls of `record` in the step in progress.
    pub(crate) records: u32,
    pub(crate) clock: fn() -> Timestamp,
    pub(crate) watch: &'a mut dyn Watch,
}

impl Scribe<'_> {
    /// Appends events and folds them in.
    pub(crate) async fn append(&mut self, bodies: Vec<Body>) -> Result<Vec<Event>, RecordError> {
        if bodies.is_empty() {
            return Ok(Vec::new());
        }
        // What an event names is on the disk before the event is.
        self.vault.sync().map_err(|error| RecordError {
            doing: format!("keep the evidence of {}", bodies[0].kind()),
            source: error.into(),
        })?;
        let doing = format!("append {} to the journal", bodies[0].kind());
        let events = self
            .writer
            .append((self.clock)(), self.step, bodies)
            .await
            .map_err(|source| RecordError {
                doing,
                source: source.into(),
            })?;
        for event in &events {
            self.facts.apply(event);
            self.watch.event(&self.facts, event);
        }
        Ok(events)
    }
}

#[async_trait]
impl Recorder for Scribe<'_> {
    async fn record(&mut self, mut bodies: Vec<Body>) -> Result<(), RecordError> {
        self.records += 1;
        let key = format!("record {}", self.records);
        if let Some(ActState::Finished(_)) = self.facts.acts.get(&key) {
            return Ok(());
        }
        bodies.push(Body::ActFinished {
            key,
            result: serde_json::Value::Null,
        });
        self.append(bodies).await.map(drop)
    }

    async fn keep(&mut self, source: Source, bytes: &[u8]) -> Result<EvidenceRef, RecordError> {
        let doing = format!("keep evidence from {}", source.label());
        let stored = self.vault.put(bytes).map_err(|error| RecordError {
            doing,
            source: error.into(),
        })?;
        Ok(EvidenceRef {
            hash: stored.hash,
            bytes: stored.bytes,
            source,
            at: (self.clock)(),
        })
    }

    async fn fetch(&mut self, evidence: &EvidenceRef) -> Result<Vec<u8>, RecordError> {
        self.vault.get(&evidence.hash).map_err(|error| RecordError {
            doing: format!(
                "read evidence {} ({})",
                evidence.hash,
                evidence.source.label()
            ),
            source: error.into(),
        })
    }

    async fn begin(&mut self, act: &Act) -> Result<Begun, RecordError> {
        match self.facts.acts.get(&act.key) {
            Some(ActState::Finished(result)) => return Ok(Begun::Finished(result.clone())),
            Some(ActState::Started) => return Ok(Begun::InDoubt),
            None => {}
        }
        self.append(vec![Body::ActStarted {
            key: act.key.clone(),
            what: act.what.clone(),
        }])
        .await?;
        Ok(Begun::Fresh)
    }

    async fn finish(
        &mut self,
        act: &Act,
        result: serde_json::Value,
        mut bodies: Vec<Body>,
    ) -> Result<(), RecordError> {
        if self.facts.acts.get(&act.key) != Some(&ActState::Started) {
            return Err(RecordError {
                doing: format!("finish act {}", act.key),
                source: "it was never begun, or has finished already".into(),
            });
        }
        bodies.push(Body::ActFinished {
            key: act.key.clone(),
            result,
        });
        self.append(bodies).await.map(drop)
    }

    fn say(&mut self, line: &str) {
        self.watch.say(self.step, line);
    }
}
