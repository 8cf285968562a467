//! Readiness: what a probe found.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{Probe, RevisionId, ServiceName};

/// The result of one probe of one service or dependency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Who was asked.
    pub service: ServiceName,
    /// Protocol of the probe: `http`, `tcp`.
    pub kind: String,
    /// The address that was asked.
    pub target: String,
    /// What the answer means.
    pub status: Status,
    /// Time to the whole answer, or to the failure.
    pub latency_ms: u64,
    /// HTTP status code, where there was one.
    pub http_status: Option<u16>,
    /// The revision that answered, where the answer says.
    pub revision: Option<RevisionId>,
    /// One line for a person: what was expected and what came.
    pub detail: String,
    /// What the service says of its own dependencies, by name.
    #[serde(default)]
    pub reported: BTreeMap<String, Reported>,
}

/// What a service's health document says of one of its dependencies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// The service's own word, such as `healthy` or `degraded`.
    pub status: String,
    /// How long the dependency took, where it says.
    pub latency_ms: Option<u64>,
}

/// Told apart because each calls for another remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Answered as expected, in time.
    Healthy,
    /// Answered as expected but slower than `degraded_ms`, or says so of itself.
    Degraded,
    /// Answered, but not as expected: HTTP 5xx, a wrong body.
    Unavailable,
    /// The host answered that nobody listens there.
    Refused,
    /// No answer within the deadline, or no way to the host.
    Unreachable,
}

impl Status {
    /// Healthy or degraded: it serves.
    pub fn serves(self) -> bool {
        matches!(self, Self::Healthy | Self::Degraded)
    }

    /// The word used in tables and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unavailable => "unavailable",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
        }
    }
}

/// Whom to probe, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeTarget {
    /// Name used in the result.
    pub service: ServiceName,
    /// Base URL (`http://127.0.0.1:8000`) or `tcp://host:port`.
    pub url: String,
    /// What to ask and what to expect.
    pub probe: Probe,
}

/// The port through which rooms other than `probe` ask for readiness.
#[async_trait]
pub trait Prober: Send + Sync {
    /// Asks once, within the probe's own deadline. Never fails: a failure is a [`Health`].
    /// The second value is the literal exchange, to be kept as evidence.
    async fn probe(&self, target: &ProbeTarget) -> (Health, Vec<u8>);
}
