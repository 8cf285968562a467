//! What the requests and sockets of one service share.

use std::sync::Arc;
use std::time::Duration;

use rhai::Dynamic;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::host::Host;
use super::reply::{Reply, to_script};
use super::routes::Route;
use super::script::Program;
use super::trace::Failure;

/// Handlers that run at once. A handler may wait for a service that asks this one in turn, so the
/// bound is far above what such a circle needs.
pub(crate) const HANDLERS_MAX: usize = 256;
/// How long a request waits for its turn, in milliseconds.
const TURN_MS_MAX: u64 = 5_000;

/// What every request shares.
pub(crate) struct Service {
    pub(crate) host: Arc<Host>,
    pub(crate) program: Arc<Program>,
    pub(super) routes: Vec<Route>,
    turns: Semaphore,
}

impl Service {
    pub(crate) fn new(host: Arc<Host>, program: Program, routes: Vec<Route>) -> Self {
        let turns = Semaphore::new(HANDLERS_MAX);
        Self {
            host,
            program: Arc::new(program),
            routes,
            turns,
        }
    }

    /// Runs a handler on the blocking pool, when it is its turn.
    pub(crate) async fn call(&self, handler: &str, argument: Value) -> Result<Dynamic, Failure> {
        let wait = Duration::from_millis(TURN_MS_MAX);
        let Ok(Ok(_turn)) = tokio::time::timeout(wait, self.turns.acquire()).await else {
            return Err(Failure {
                message: "no free handler".to_owned(),
                trace: Vec::new(),
                refusal: Some(Reply::refusal(503, "busy", "too many requests at once")),
            });
        };
        let program = self.program.clone();
        let name = handler.to_owned();
        let argument = to_script(&argument);
        tokio::task::spawn_blocking(move || program.call(&name, argument))
            .await
            .unwrap_or_else(|error| {
                let message = format!("handler panicked: {error}");
                Err(Failure {
                    message,
                    trace: Vec::new(),
                    refusal: None,
                })
            })
    }
}

/// Logs a failure that nobody meant.
pub(crate) fn unhandled(host: &Host, failure: &Failure, method: &str, path: &str) {
    let message = format!("unhandled error: {}", failure.message);
    host.log.error(
        &message,
        json!({"method": method, "path": path, "trace": failure.trace}),
    );
}
