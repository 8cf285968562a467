//! Runs the steps that [`decide`](crate::decide) asks for, durably.

use std::collections::BTreeMap;

use assay_journal::{RunWriter, Vault};
use assay_model::{
    Body, EndState, Event, Facts, Limits, RecordError, Stage, StageError, Step, StepInProgress,
    Timestamp,
};
use thiserror::Error;
use tokio::sync::watch;

use crate::decide::{Next, decide};
use crate::scribe::Scribe;
use crate::watch::Watch;

/// Steps in one run, whatever else happens. A cycle has at most eleven, and cycles are limited;
/// this only catches a fault in [`decide`](crate::decide) itself.
const STEPS_MAX: u32 = 500;

/// Where a run comes from.
pub enum Origin {
    /// A new one: its first events.
    Fresh(Vec<Body>),
    /// One that died: the events in its journal.
    Resumed(Vec<Event>),
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// The end state.
    pub end: EndState,
    /// One sentence.
    pub reason: String,
    /// It was interrupted from outside.
    pub interrupted: bool,
    /// Set when a step could not look; it then decides the exit code.
    pub error: Option<StageError>,
    /// Everything that is known.
    pub facts: Facts,
}

/// A run could not be brought to its end.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The journal failed.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// No stage was given for a step.
    #[error("no stage for step {}", .step.word())]
    NoStage {
        /// The step.
        step: Step,
    },
    /// The loop did not come to an end.
    #[error("the run did not end within {STEPS_MAX} steps")]
    Endless,
}

/// The stages of a run, and what bounds them.
pub struct Engine {
    stages: BTreeMap<Step, Box<dyn Stage>>,
    limits: Limits,
    clock: fn() -> Timestamp,
    interrupted: watch::Receiver<bool>,
}

impl Engine {
    /// An engine over `stages`. When `interrupted` turns true, the step in progress is dropped
    /// and the run ends `stopped`.
    pub fn new(
        stages: Vec<Box<dyn Stage>>,
        limits: Limits,
        clock: fn() -> Timestamp,
        interrupted: watch::Receiver<bool>,
    ) -> Self {
        let stages = stages
            .into_iter()
            .map(|stage| (stage.step(), stage))
            .collect();
        Self {
            stages,
            limits,
            clock,
            interrupted,
        }
    }

    /// Brings a run to its end.
    ///
    /// # Errors
    /// When the journal fails. The run can then be resumed later.
    pub async fn run(
        &self,
        writer: &RunWriter,
        vault: &Vault,
        origin: Origin,
        watch: &mut dyn Watch,
    ) -> Result<Ended, EngineError> {
        let mut resumed_step = None;
        let mut scribe = Scribe {
            writer,
            vault,
            facts: Facts::default(),
            step: None,
            records: 0,
            clock: self.clock,
            watch,
        };
        match origin {
            Origin::Fresh(bodies) => {
                scribe.append(bodies).await?;
            }
            Origin::Resumed(events) => {
                let (facts, before) = replay(&events);
                resumed_step = facts.step.zip(before);
                scribe.facts = facts;
                scribe
                    .append(vec![Body::RunResumed {
                        found: events.len() as u64,
                    }])
                    .await?;
            }
        }
        let mut error = None;
        for _ in 0..STEPS_MAX {
            if let Some((progress, before)) = resumed_step.take() {
                error = self
                    .step(&mut scribe, progress.step, progress.attempt + 1, before)
                    .await?;
                continue;
            }
            if *self.interrupted.borrow() && scribe.facts.end.is_none() {
                return self
                    .end(scribe, EndState::Stopped, "interrupted".to_owned(), None)
                    .await;
            }
            match decide(&scribe.facts, &self.limits, (self.clock)()) {
                Next::Step(step) => {
                    let before = scribe.facts.clone();
                    let failed = self.step(&mut scribe, step, 1, before).await?;
                    error = failed.or(error);
                }
                Next::End(end, reason) => return self.end(scribe, end, reason, error).await,
            }
        }
        Err(EngineError::Endless)
    }

    async fn step(
        &self,
        scribe: &mut Scribe<'_>,
        step: Step,
        attempt: u32,
        mut before: Facts,
    ) -> Result<Option<StageError>, EngineError> {
        let stage = self
            .stages
            .get(&step)
            .ok_or(EngineError::NoStage { step })?;
        let cycle = match scribe.facts.step {
            Some(StepInProgress { cycle, .. }) => cycle,
            None => scribe.facts.cycle,
        };
        scribe.step = Some(step);
        before.step = Some(StepInProgress {
            step,
            cycle,
            attempt,
        });
        scribe.records = 0;
        scribe
            .append(vec![Body::StepStarted {
                step,
                cycle,
                attempt,
            }])
            .await?;
        let mut interrupted = self.interrupted.clone();
        let outcome = tokio::select! {
            outcome = stage.run(&before, scribe) => outcome,
            _ = interrupted.wait_for(|interrupted| *interrupted) => {
                Err(StageError::cannot_look("interrupted"))
            }
        };
        let error = match outcome {
            Ok(()) => None,
            Err(StageError::Record(error)) => return Err(error.into()),
            Err(error) => Some(error),
        };
        let message = error.as_ref().map(describe);
        scribe
            .append(vec![Body::StepFinished {
                step,
                cycle,
                error: message,
            }])
            .await?;
        scribe.step = None;
        Ok(error)
    }

    async fn end(
        &self,
        mut scribe: Scribe<'_>,
        end: EndState,
        reason: String,
        error: Option<StageError>,
    ) -> Result<Ended, EngineError> {
        if scribe.facts.end.is_none() {
            scribe
                .append(vec![Body::RunFinished {
                    end,
                    reason: reason.clone(),
                }])
                .await?;
        }
        Ok(Ended {
            interrupted: *self.interrupted.borrow() && end == EndState::Stopped,
            end,
            reason,
            error,
            facts: scribe.facts,
        })
    }
}

/// An error and everything below it, on one line.
fn describe(error: &StageError) -> String {
    let mut line = error.to_string();
    let mut below = std::error::Error::source(error);
    while let Some(source) = below {
        line.push_str(": ");
        line.push_str(&source.to_string());
        below = source.source();
    }
    line
}

/// The facts now, and, inside a step, as they were when it first began: a step that is repeated
/// must see what it saw, or it would take its own half-done work for somebody else's.
fn replay(events: &[Event]) -> (Facts, Option<Facts>) {
    let mut facts = Facts::default();
    let mut before = None;
    for event in events {
        match &event.body {
            Body::StepStarted { attempt: 1, .. } => before = Some(facts.clone()),
            Body::StepFinished { .. } => before = None,
            _ => {}
        }
        facts.apply(event);
    }
    (facts, before)
}
