//! The port through which rooms other than `deploy` start a revision aside from all traffic.

use async_trait::async_trait;
use thiserror::Error;

use crate::{Revision, ServiceName};

/// A revision that runs aside: nothing but its starter knows its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aside {
    /// Its name with the supervisor.
    pub instance: String,
    /// Base URL.
    pub url: String,
}

/// Starts and stops revisions aside. Implemented by `deploy`.
#[async_trait]
pub trait Sandbox: Send + Sync {
    /// Starts `revision` under the name `key`; it is not restarted when it ends. Calling it
    /// again with the same key gives the instance that already runs.
    ///
    /// # Errors
    /// When its bundle is gone or the supervisor cannot be reached.
    async fn start(&self, revision: &Revision, key: &str) -> Result<Aside, SandboxError>;

    /// How the instance ended, if it has: `exit code 3`.
    ///
    /// # Errors
    /// When the supervisor cannot be reached.
    async fn ended(&self, aside: &Aside) -> Result<Option<String>, SandboxError>;

    /// Stops the instance and gives its whole log, with the path of the log file.
    /// May be repeated.
    ///
    /// # Errors
    /// When the supervisor cannot be reached or the log cannot be read.
    async fn stop(&self, aside: &Aside) -> Result<(String, Vec<u8>), SandboxError>;

    /// The address that serves `service` now, for the services that are not replaced.
    fn serving_url(&self, service: &ServiceName) -> Option<String>;
}

/// A revision could not be run aside.
#[derive(Debug, Error)]
#[error("{doing}")]
pub struct SandboxError {
    /// What was being done: `start revision 1a2b… of backend aside`.
    pub doing: String,
    /// Why it failed.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}
