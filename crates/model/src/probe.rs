//! Readiness checks, as the configuration describes them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Health, ServiceName};

/// One readiness check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Probe {
    /// What is asked.
    pub kind: ProbeKind,
    /// Slower than this is degraded.
    pub degraded_ms: u64,
    /// Slower than this is unreachable. The deadline of one sample, from the look-up of the name
    /// to the last byte.
    pub timeout_ms: u64,
    /// How often it is asked, one after the other; at least 1.
    pub samples: u32,
    /// How a TLS connection is judged, where the probe makes one.
    pub tls: TlsPolicy,
}

impl Probe {
    /// A probe with one sample, the usual times, and certificates judged as usual.
    pub fn new(kind: ProbeKind) -> Self {
        Self {
            kind,
            degraded_ms: Self::DEGRADED_MS,
            timeout_ms: Self::TIMEOUT_MS,
            samples: 1,
            tls: TlsPolicy::default(),
        }
    }

    /// Milliseconds that a person still calls quick.
    pub const DEGRADED_MS: u64 = 1_000;

    /// Milliseconds after which a load balancer, too, would have given up.
    pub const TIMEOUT_MS: u64 = 5_000;
}

/// How the certificate of a server is judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TlsPolicy {
    /// PEM file of authorities to trust beside the system's, relative to the project's root.
    pub ca: Option<String>,
    /// The name that the certificate must be for, where it is not the URL's host.
    pub server_name: Option<String>,
    /// Fewer days than this before a certificate ends are degraded.
    pub days_min: u32,
    /// `false` accepts any certificate; the result then says so.
    pub verify: bool,
}

impl Default for TlsPolicy {
    /// Two weeks: an automatic renewal at 30 days has failed more than once by then.
    fn default() -> Self {
        Self {
            ca: None,
            server_name: None,
            days_min: 14,
            verify: true,
        }
    }
}

/// The protocol of a probe, and what is expected of the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProbeKind {
    /// An HTTP request, `http` or `https` by the scheme of the URL.
    Http(HttpProbe),
    /// A connection is accepted.
    Tcp,
    /// Nothing is asked: it is well if its observers see it run. For what has no address, such as
    /// a worker.
    Runtime,
    /// A WebSocket is opened, and closed again.
    WebSocket(WebSocketProbe),
    /// `grpc.health.v1.Health/Check`.
    Grpc {
        /// The service that is asked about; empty for the server as a whole.
        service: String,
    },
    /// A name is resolved.
    Dns(DnsProbe),
    /// PostgreSQL: connect, authenticate, run a query.
    Postgres(QueryProbe),
    /// Redis: connect, authenticate, run a command.
    Redis(QueryProbe),
    /// ClickHouse: connect, authenticate, run a query. `clickhouse://` speaks the native
    /// protocol, `http://` and `https://` the HTTP interface.
    ClickHouse(QueryProbe),
    /// A program of the user's, without a shell, in the project's root.
    Command(CommandProbe),
}

impl ProbeKind {
    /// The word used in tables and JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Tcp => "tcp",
            Self::Runtime => "runtime",
            Self::WebSocket(_) => "websocket",
            Self::Grpc { .. } => "grpc",
            Self::Dns(_) => "dns",
            Self::Postgres(_) => "postgres",
            Self::Redis(_) => "redis",
            Self::ClickHouse(_) => "clickhouse",
            Self::Command(_) => "command",
        }
    }
}

/// An HTTP request and what its answer must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HttpProbe {
    /// Path and query, starting with `/`.
    pub path: String,
    /// `GET`, `HEAD`, `POST`, ….
    pub method: String,
    /// Headers that are sent.
    pub request_headers: BTreeMap<String, String>,
    /// What is sent after the headers.
    pub request_body: Option<String>,
    /// Accepted statuses; never empty.
    pub expect: Vec<StatusRange>,
    /// `$.a.b` → expected value.
    pub json: BTreeMap<String, serde_json::Value>,
    /// Header → text that its value must contain; empty asks only that it is there.
    pub headers: BTreeMap<String, String>,
    /// Text that the body must contain.
    pub body: Option<String>,
    /// Redirects that are followed, at most; 0 judges the redirect itself.
    pub redirects_max: u32,
}

impl HttpProbe {
    /// `GET path`, answered with 200.
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            method: "GET".to_owned(),
            request_headers: BTreeMap::new(),
            request_body: None,
            expect: vec![StatusRange::exactly(200)],
            json: BTreeMap::new(),
            headers: BTreeMap::new(),
            body: None,
            redirects_max: 0,
        }
    }
}

/// Accepted HTTP statuses, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusRange {
    /// The lowest.
    pub from: u16,
    /// The highest.
    pub to: u16,
}

impl StatusRange {
    /// One status.
    pub fn exactly(status: u16) -> Self {
        Self {
            from: status,
            to: status,
        }
    }

    /// Whether `status` is in it.
    pub fn contains(self, status: u16) -> bool {
        (self.from..=self.to).contains(&status)
    }
}

impl std::fmt::Display for StatusRange {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self { from, to } if from == to => write!(out, "{from}"),
            Self { from, to } => write!(out, "{from}-{to}"),
        }
    }
}

/// A WebSocket and what it must do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WebSocketProbe {
    /// Path and query, starting with `/`.
    pub path: String,
    /// Headers of the handshake.
    pub request_headers: BTreeMap<String, String>,
    /// Asked for, and expected to be chosen.
    pub subprotocol: Option<String>,
    /// Text sent once it is open.
    pub send: Option<String>,
    /// Text that the first message must contain. Without it no message is waited for.
    pub message: Option<String>,
    /// The close code that the server must end with by itself. Without it assay closes.
    pub close_code: Option<u16>,
}

/// A name and what it must resolve to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DnsProbe {
    /// The name to resolve.
    pub name: String,
    /// `A`, `AAAA`, `CNAME`, `MX`, `NS`, `SRV` or `TXT`.
    pub record: String,
    /// Answers that must be among those given; any answer will do if empty. The server is the
    /// URL's (`dns://host:port`), the system's resolver for other schemes.
    pub answers: Vec<String>,
}

/// A query or command to a store, and what it must answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QueryProbe {
    /// The query, or the command's words.
    pub query: String,
    /// The first column of the first row, or the reply, as text.
    pub answer: Option<String>,
}

/// A program and how it must end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandProbe {
    /// Program and arguments.
    pub command: Vec<String>,
    /// The exit code that means healthy.
    pub exit: i32,
    /// The exit code that means degraded.
    pub degraded_exit: Option<i32>,
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
    /// Asks as often as the probe says, each time within its own deadline. Never fails: a failure
    /// is a [`Health`]. The second value is the literal exchange, to be kept as evidence.
    async fn probe(&self, target: &ProbeTarget) -> (Health, Vec<u8>);
}
