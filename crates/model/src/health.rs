//! Readiness: what a probe found.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Blind, Exit, InstanceState, RevisionId, ServiceName};

/// The result of one probe of one service or dependency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// Who was asked.
    pub service: ServiceName,
    /// Protocol of the probe: `http`, `tcp`, `postgres`, ….
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
    /// The times of all samples, where more than one was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<Samples>,
    /// The certificate that the server presented, whether it was accepted or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
    /// What was seen of it from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Runtime>,
}

impl Health {
    /// A result that says nothing beyond its status.
    pub fn new(
        service: ServiceName,
        kind: &str,
        target: impl Into<String>,
        status: Status,
    ) -> Self {
        Self {
            service,
            kind: kind.to_owned(),
            target: target.into(),
            status,
            latency_ms: 0,
            http_status: None,
            revision: None,
            detail: String::new(),
            reported: BTreeMap::new(),
            samples: None,
            certificate: None,
            runtime: None,
        }
    }
}

/// The times of several samples of one probe. Percentiles are by nearest rank over the samples
/// that served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Samples {
    /// How many were taken.
    pub count: u32,
    /// How many of them did not serve.
    pub failed: u32,
    /// Median.
    pub p50_ms: u64,
    /// 95th percentile.
    pub p95_ms: u64,
    /// The slowest.
    pub max_ms: u64,
}

/// A server's own certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Certificate {
    /// Whom it is for, as the certificate says: its names, or its subject where it has none.
    pub names: Vec<String>,
    /// Who signed it.
    pub issuer: String,
    /// When it ends.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub not_after: Timestamp,
    /// Whole days until then; negative once it has ended.
    pub days_left: i64,
}

/// What an observer saw of a service, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Runtime {
    /// Which observer: `process`, `docker`, `kubernetes`, ….
    pub observer: String,
    /// Instances that are meant to run.
    pub instances: u32,
    /// Instances that do run.
    pub running: u32,
    /// The state of the latest one; `None` where none was seen.
    pub state: Option<InstanceState>,
    /// How often processes were started again, over all of its instances.
    pub restarts: u32,
    /// How the last process ended that ended.
    pub last_exit: Option<Exit>,
    /// Observers that could not look, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blind: Vec<Blind>,
}

/// What a service's health document says of one of its dependencies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reported {
    /// The service's own word, such as `healthy` or `degraded`.
    pub status: String,
    /// How long the dependency took, where it says.
    pub latency_ms: Option<u64>,
}

/// Told apart because each calls for another remedy.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
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
    /// The connection could not be trusted: an expired, self-signed or foreign certificate, or no
    /// TLS where TLS belongs.
    TlsFailed,
    /// It answered that it does not know who asks, or that whoever asks may not: HTTP 401 and 403,
    /// a wrong password.
    AuthFailed,
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
            Self::TlsFailed => "tls-failed",
            Self::AuthFailed => "auth-failed",
        }
    }
}
