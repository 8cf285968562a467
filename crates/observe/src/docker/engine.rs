//! The Engine API over a Unix socket or TCP: `GET`, and nothing else.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::look::{CannotSee, Look, one_line};

/// Where engines listen that nobody moved.
const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// The port of an engine's API without TLS.
const DEFAULT_PORT: u16 = 2375;

/// The newest API that these requests were tried with. Newer engines are asked in it for as long
/// as they speak it, so that nothing in their answers is new.
const API_NEWEST: Version = Version(1, 51);

/// Of one answer in JSON: hundreds of containers, or all events that an engine remembers.
const JSON_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The engine gave no answer.
#[derive(Debug, Error)]
pub(crate) enum EngineError {
    /// An address that is not understood here.
    #[error("{host} is not an address of a Docker engine that assay can read")]
    Address { host: String },
    /// Nobody is there, or nobody may go there.
    #[error("connect to the Docker engine at {host}")]
    Connect {
        host: String,
        #[source]
        source: io::Error,
    },
    /// It began to speak, and not as an engine does.
    #[error("ask the Docker engine at {host} for {path}")]
    Talk {
        host: String,
        path: String,
        #[source]
        source: hyper::Error,
    },
    /// It keeps silent.
    #[error("the Docker engine at {host} did not answer {path} in time")]
    TimedOut { host: String, path: String },
    /// It answered that it cannot.
    #[error("the Docker engine at {host} answered {path} with {status}: {message}")]
    Refused {
        host: String,
        path: String,
        status: u16,
        message: String,
    },
    /// It answered something else than what was asked for.
    #[error("the answer of the Docker engine at {host} to {path} is not understood")]
    Answer {
        host: String,
        path: String,
        #[source]
        source: serde_json::Error,
    },
    /// More than is read.
    #[error("the Docker engine at {host} answered {path} with more than {} MiB", JSON_BYTES_MAX / 1024 / 1024)]
    TooLong { host: String, path: String },
}

impl EngineError {
    /// It says that there is no such thing.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}

impl CannotSee for EngineError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Address { .. } => {
                "set observe.docker.host, or DOCKER_HOST, to unix:///path or tcp://host:port; \
                 reach others through `ssh -L /tmp/docker.sock:/var/run/docker.sock HOST`"
            }
            Self::Connect { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => {
                    "start Docker, or name its socket in observe.docker.host or DOCKER_HOST \
                     (`docker context ls` shows it)"
                }
                io::ErrorKind::PermissionDenied => {
                    "let this user use the socket: add it to the group that owns it, usually \
                     `docker`"
                }
                _ => "start Docker: nothing answers at its socket",
            },
            Self::Talk { .. } | Self::Answer { .. } => {
                "is this the address of a Docker engine without TLS?"
            }
            Self::TimedOut { .. } => "the engine hangs: see its own log",
            Self::Refused { .. } | Self::TooLong { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

/// An engine, and the version that it is spoken to in.
pub(super) struct Engine {
    host: String,
    at: Address,
    version: Version,
}

enum Address {
    Unix(PathBuf),
    Tcp(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        Some(Self(major.parse().ok()?, minor.parse().ok()?))
    }

    /// The version for an engine that speaks `oldest` to `newest`.
    fn agreed(oldest: Option<Self>, newest: Option<Self>) -> Self {
        let agreed = newest.map_or(API_NEWEST, |newest| newest.min(API_NEWEST));
        oldest.map_or(agreed, |oldest| oldest.max(agreed))
    }
}

#[derive(Deserialize)]
struct Versions {
    #[serde(rename = "ApiVersion")]
    newest: Option<String>,
    #[serde(rename = "MinAPIVersion")]
    oldest: Option<String>,
}

impl Engine {
    /// Finds the engine at `host`, at `DOCKER_HOST` or at the usual socket, and agrees with it on a
    /// version.
    pub(super) async fn find(host: Option<&str>, look: &Look) -> Result<Self, EngineError> {
        let variable = std::env::var("DOCKER_HOST").ok();
        let host = host
            .or(variable.as_deref())
            .filter(|host| !host.is_empty())
            .unwrap_or(DEFAULT_HOST);
        let mut engine = Self {
            host: host.to_owned(),
            at: address(host).ok_or_else(|| EngineError::Address {
                host: host.to_owned(),
            })?,
            version: API_NEWEST,
        };
        let path = "/version";
        let answer = engine.bytes(path, look.left()).await?;
        let versions: Versions = engine.parsed(path, &answer)?;
        let parse = |text: Option<String>| text.as_deref().and_then(Version::parse);
        engine.version = Version::agreed(parse(versions.oldest), parse(versions.newest));
        Ok(engine)
    }

    /// The path as it is asked for in the agreed version.
    fn versioned(&self, path: &str) -> String {
        format!("/v{}.{}{path}", self.version.0, self.version.1)
    }

    /// An answer in JSON.
    pub(super) async fn json(&self, path: &str, look: &Look) -> Result<Value, EngineError> {
        let answer = self.bytes(&self.versioned(path), look.left()).await?;
        self.parsed(path, &answer)
    }

    /// An answer that goes on, chunk by chunk, for as long as `take` wants more and `limit` is not
    /// over. Says whether it came to its end.
    pub(super) async fn stream(
        &self,
        path: &str,
        limit: Duration,
        mut take: impl FnMut(&[u8]) -> bool,
    ) -> Result<bool, EngineError> {
        let until = Instant::now() + limit;
        let path = self.versioned(path);
        let mut open = self.open(&path, until).await?;
        loop {
            match timeout_at(until, open.answer.frame()).await {
                Err(_) => return Ok(false),
                Ok(None) => return Ok(true),
                Ok(Some(Err(source))) => return Err(self.talk(&path)(source)),
                Ok(Some(Ok(frame))) => {
                    if let Some(bytes) = frame.data_ref()
                        && !take(bytes)
                    {
                        return Ok(false);
                    }
                }
            }
        }
    }

    async fn bytes(&self, path: &str, limit: Duration) -> Result<Vec<u8>, EngineError> {
        let until = Instant::now() + limit;
        let mut open = self.open(path, until).await?;
        self.whole(path, &mut open, until).await
    }

    async fn whole(
        &self,
        path: &str,
        open: &mut Open,
        until: Instant,
    ) -> Result<Vec<u8>, EngineError> {
        let mut bytes = Vec::new();
        while let Some(frame) = timeout_at(until, open.answer.frame())
            .await
            .map_err(|_| self.timed_out(path))?
        {
            let frame = frame.map_err(self.talk(path))?;
            bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
            if bytes.len() > JSON_BYTES_MAX {
                return Err(EngineError::TooLong {
                    host: self.host.clone(),
                    path: path.to_owned(),
                });
            }
        }
        Ok(bytes)
    }

    /// Asks, and waits for the head of an answer that is not a refusal.
    async fn open(&self, path: &str, until: Instant) -> Result<Open, EngineError> {
        let mut open = timeout_at(until, self.begin(path))
            .await
            .map_err(|_| self.timed_out(path))??;
        let status = open.answer.status();
        if status.is_success() {
            return Ok(open);
        }
        let body = self.whole(path, &mut open, until).await.unwrap_or_default();
        Err(EngineError::Refused {
            host: self.host.clone(),
            path: path.to_owned(),
            status: status.as_u16(),
            message: message_of(&body),
        })
    }

    async fn begin(&self, path: &str) -> Result<Open, EngineError> {
        let connect = |source| EngineError::Connect {
            host: self.host.clone(),
            source,
        };
        match &self.at {
            Address::Unix(socket) => {
                let stream = UnixStream::connect(socket).await.map_err(connect)?;
                self.ask(stream, path).await
            }
            Address::Tcp(at) => {
                let stream = TcpStream::connect(at).await.map_err(connect)?;
                self.ask(stream, path).await
            }
        }
    }

    async fn ask(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        path: &str,
    ) -> Result<Open, EngineError> {
        let talk = self.talk(path);
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(&talk)?;
        let connection = Connection(tokio::spawn(async move {
            // What goes wrong with it shows in the answer.
            connection.await.ok();
        }));
        let mut request = Request::new(Empty::<Bytes>::new());
        *request.uri_mut() = path.parse().map_err(|_| EngineError::Address {
            host: format!("{}{path}", self.host),
        })?;
        request
            .headers_mut()
            .insert(HOST, hyper::header::HeaderValue::from_static("docker"));
        let answer = sender.send_request(request).await.map_err(&talk)?;
        Ok(Open {
            answer,
            _connection: connection,
        })
    }

    fn parsed<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        bytes: &[u8],
    ) -> Result<T, EngineError> {
        serde_json::from_slice(bytes).map_err(|source| EngineError::Answer {
            host: self.host.clone(),
            path: path.to_owned(),
            source,
        })
    }

    fn talk(&self, path: &str) -> impl Fn(hyper::Error) -> EngineError {
        let (host, path) = (self.host.clone(), path.to_owned());
        move |source| EngineError::Talk {
            host: host.clone(),
            path: path.clone(),
            source,
        }
    }

    pub(super) fn timed_out(&self, path: &str) -> EngineError {
        EngineError::TimedOut {
            host: self.host.clone(),
            path: path.to_owned(),
        }
    }
}

/// An answer of which the body is still to come.
struct Open {
    answer: Response<Incoming>,
    _connection: Connection,
}

/// The task that moves bytes; it ends with whoever waits for them.
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn address(host: &str) -> Option<Address> {
    if let Some(path) = host.strip_prefix("unix://") {
        return Some(Address::Unix(path.into()));
    }
    if host.starts_with('/') {
        return Some(Address::Unix(host.into()));
    }
    let at = host
        .strip_prefix("tcp://")
        .or_else(|| host.strip_prefix("http://"))?;
    let at = at.trim_end_matches('/');
    let has_port = at
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if at.is_empty() || at.contains('/') {
        return None;
    }
    Some(Address::Tcp(if has_port {
        at.to_owned()
    } else {
        format!("{at}:{DEFAULT_PORT}")
    }))
}

/// Engines refuse with `{"message":"…"}`.
fn message_of(body: &[u8]) -> String {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let message = json.as_ref().and_then(|json| json["message"].as_str());
    one_line(message.unwrap_or(&String::from_utf8_lossy(body)))
}

/// A value within a query.
pub(super) fn encoded(value: &str) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            write!(out, "%{byte:02X}").ok();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_address(host: &str, expected: &str) {
        let shown = match address(host) {
            Some(Address::Unix(path)) => format!("unix {}", path.display()),
            Some(Address::Tcp(at)) => format!("tcp {at}"),
            None => "none".to_owned(),
        };
        assert_eq!(shown, expected, "{host}");
    }

    #[test]
    fn addresses_of_engines() {
        check_address("unix:///run/docker.sock", "unix /run/docker.sock");
        check_address("/run/docker.sock", "unix /run/docker.sock");
        check_address("tcp://127.0.0.1:1234", "tcp 127.0.0.1:1234");
        check_address("tcp://[::1]:1234/", "tcp [::1]:1234");
        check_address("tcp://engine", "tcp engine:2375");
        check_address("ssh://root@engine", "none");
        check_address("npipe:////./pipe/docker", "none");
        check_address("https://engine:2376", "none");
        check_address("tcp://", "none");
    }

    #[track_caller]
    fn check_version(oldest: &str, newest: &str, expected: (u32, u32)) {
        let agreed = Version::agreed(Version::parse(oldest), Version::parse(newest));
        assert_eq!((agreed.0, agreed.1), expected);
    }

    #[test]
    fn a_version_that_both_speak() {
        check_version("1.12", "1.41", (1, 41));
        check_version("1.44", "1.60", (1, 51));
        check_version("1.55", "1.60", (1, 55));
        check_version("", "", (1, 51));
        check_version("x", "1.40", (1, 40));
    }

    #[test]
    fn values_in_queries() {
        assert_eq!(
            encoded(r#"{"label":["a=b c"]}"#),
            "%7B%22label%22%3A%5B%22a%3Db%20c%22%5D%7D"
        );
        assert_eq!(encoded("api_1-x.~é"), "api_1-x.~%C3%A9");
    }
}
