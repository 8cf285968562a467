//! Appending to a run.

use std::sync::Arc;

use assay_model::{Body, Event, RunId, Step, Timestamp};

use crate::chain::Head;
use crate::commit::{AppendError, OpenRun, Queue};
use crate::payload::encode;
use crate::redact::Redactor;

/// Appends events to one run. Clones append to the same run; while any of them lives, nobody else
/// can write it.
#[derive(Clone, Debug)]
pub struct RunWriter {
    run: Arc<OpenRun>,
    redactor: Redactor,
    queue: Queue,
}

impl RunWriter {
    pub(crate) fn new(run: OpenRun, redactor: Redactor, queue: Queue) -> Self {
        Self {
            run: Arc::new(run),
            redactor,
            queue,
        }
    }

    /// The run.
    pub fn run(&self) -> &RunId {
        self.run.name()
    }

    /// The last event that is durable.
    pub fn head(&self) -> Head {
        self.run.tip().head()
    }

    /// Appends events, all or none, and returns them once they are durable: redacted, as any
    /// reader of the journal will see them. When the future is dropped, they may still be
    /// appended.
    ///
    /// # Errors
    /// Names the journal; [`AppendError::hint`] says what to do.
    pub async fn append(
        &self,
        at: Timestamp,
        step: Option<Step>,
        bodies: Vec<Body>,
    ) -> Result<Vec<Event>, AppendError> {
        if bodies.is_empty() {
            return Ok(Vec::new());
        }
        let bodies = bodies
            .iter()
            .map(|body| encode(&self.redactor, body))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| AppendError::Encode(Arc::new(error)))?;
        self.queue
            .append(Arc::clone(&self.run), at, step, bodies)
            .await
    }
}
