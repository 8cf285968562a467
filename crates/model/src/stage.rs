//! The port that every step of the loop implements, and the only way to leave a trace.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Body, EvidenceRef, Facts, Source, Step};

/// One step of the loop. It gets the facts, acts, and tells the recorder; it returns nothing
/// else, so that what it did can be replayed from the journal alone.
#[async_trait]
pub trait Stage: Send + Sync {
    /// Which step this is.
    fn step(&self) -> Step;

    /// Does the work. It may be called again after a crash, with the facts as they were when
    /// the step first began and `facts.step` telling which attempt this is; acts that had finished are answered from the journal by
    /// [`Recorder::begin`].
    ///
    /// # Errors
    /// When the step could not look at all. A problem that it found is a fact, not an error.
    async fn run(&self, facts: &Facts, recorder: &mut dyn Recorder) -> Result<(), StageError>;
}

/// Something done to the outside world, under a name that is the same every time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Act {
    /// Unique within the step's cycle, and derived from what is done, never from chance.
    pub key: String,
    /// For a person.
    pub what: String,
}

/// How far an act had come when it is begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Never started.
    Fresh,
    /// Started before a crash; whether it happened is unknown. Check, then repeat safely.
    InDoubt,
    /// Finished before a crash, with this result. Do not repeat it.
    Finished(serde_json::Value),
}

/// The single way to leave a trace. Only the engine implements it.
#[async_trait]
pub trait Recorder: Send {
    /// Appends events; returns once all of them are durable. When a step is repeated after a
    /// crash, its nth call is answered by what its nth call recorded before: the first look
    /// stands, and nothing is told twice. So a step makes these calls in the same order each time.
    ///
    /// # Errors
    /// When they could not be made durable. The step must stop.
    async fn record(&mut self, bodies: Vec<Body>) -> Result<(), RecordError>;

    /// Redacts and stores bytes, named by their content. May be repeated.
    ///
    /// # Errors
    /// When they could not be made durable.
    async fn keep(&mut self, source: Source, bytes: &[u8]) -> Result<EvidenceRef, RecordError>;

    /// Reads stored evidence back.
    ///
    /// # Errors
    /// When the blob is missing or does not match its name.
    async fn fetch(&mut self, evidence: &EvidenceRef) -> Result<Vec<u8>, RecordError>;

    /// Makes the intent durable, before anything outside happens.
    ///
    /// # Errors
    /// When it could not be made durable. The act must not happen.
    async fn begin(&mut self, act: &Act) -> Result<Begun, RecordError>;

    /// Makes the result of an act durable, together with the events that it brought.
    ///
    /// # Errors
    /// When it was never begun, or could not be made durable.
    async fn finish(
        &mut self,
        act: &Act,
        result: serde_json::Value,
        bodies: Vec<Body>,
    ) -> Result<(), RecordError>;

    /// Tells whoever watches what is going on. Not kept.
    fn say(&mut self, line: &str);
}

/// The journal could not do its part.
#[derive(Debug, Error)]
#[error("{doing}")]
pub struct RecordError {
    /// What was being done: `append event 17 to .assay/journal.db`.
    pub doing: String,
    /// Why it failed.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// A step could not look.
#[derive(Debug, Error)]
pub enum StageError {
    /// The journal failed.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Wrong usage or configuration: exit code 2.
    #[error("{message}")]
    Usage {
        /// What is wrong, naming the thing.
        message: String,
        /// The way out.
        hint: Option<String>,
    },
    /// Nothing to examine, or no way to it: exit code 3.
    #[error("{message}")]
    CannotLook {
        /// What could not be looked at.
        message: String,
        /// The way out.
        hint: Option<String>,
        /// Why.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl StageError {
    /// A step that could not look, without a deeper reason.
    pub fn cannot_look(message: impl Into<String>) -> Self {
        Self::CannotLook {
            message: message.into(),
            hint: None,
            source: None,
        }
    }

    /// A step that could not look, because of `source`.
    pub fn because(
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::CannotLook {
            message: message.into(),
            hint: None,
            source: Some(source.into()),
        }
    }

    /// The documented exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Record(_) | Self::CannotLook { .. } => 3,
            Self::Usage { .. } => 2,
        }
    }

    /// The way out, where one is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Record(_) => None,
            Self::Usage { hint, .. } | Self::CannotLook { hint, .. } => hint.as_deref(),
        }
    }
}
