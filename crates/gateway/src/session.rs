//! The gateway of one test: everything it asks is recorded, and one service may be out of reach.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use assay_model::{Exchange, ServiceName};
use http::header::{HOST, HeaderValue};
use http::uri::Authority;
use http::{StatusCode, Uri};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, Response};
use serde_json::json;
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::close::{CloseFinder, NO_CODE};
use crate::front_door::{REVISION_HEADER, own};
use crate::listen::{accept, serve};
use crate::proxy::{Body, Direction, Tunnel, forward, is_websocket};
use crate::recording::{Pending, Recorded, Recording};

/// Said of a WebSocket whose server went away without a close frame (RFC 6455, section 7.4.1).
const NO_CLOSE: u16 = 1006;

/// How long connections may take to end by themselves once the test is over. Those of a test
/// process that has ended close at once.
const FINISH_GRACE_MS: u64 = 300;

/// How long they may take after they were cut, which is a matter of one turn of the runtime.
const CUT_MS: u64 = 2_000;

/// The positive control looks at addresses of this machine alone.
const CONTROL_TIMEOUT_MS: u64 = 2_000;

/// A gateway cannot be opened.
#[derive(Debug, Error)]
pub enum SessionError {
    /// The service's address is not one that a proxy can ask.
    #[error("service {service}: cannot proxy {url:?}")]
    Target {
        /// Whose address.
        service: ServiceName,
        /// As it is configured.
        url: String,
    },
    /// The service to black out is not among the targets.
    #[error("service {service}: cannot be blacked out, it has no address")]
    Blackout {
        /// Which one.
        service: ServiceName,
    },
    /// No port can be had.
    #[error("service {service}: cannot listen on the loopback address")]
    Bind {
        /// For which service.
        service: ServiceName,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl SessionError {
    /// The way out, where one is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Target { .. } => Some("use an address of the form http://host:port"),
            Self::Blackout { .. } => Some("name a service that has an address"),
            Self::Bind { .. } => None,
        }
    }
}

/// One listener per service, for one run of one test.
#[derive(Debug)]
pub struct Session {
    gates: BTreeMap<ServiceName, Gate>,
    recording: Arc<Recording>,
    cut: watch::Sender<bool>,
    alive: mpsc::Sender<()>,
    ended: mpsc::Receiver<()>,
}

#[derive(Debug)]
struct Gate {
    addr: SocketAddr,
    /// Path of the target's address, which stays part of the gateway's.
    base: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Open(JoinHandle<()>),
    /// Bound, so that nobody else can take the port, and not listening, so that every connection
    /// is refused at once.
    BlackedOut {
        _socket: TcpSocket,
    },
}

impl Drop for Gate {
    fn drop(&mut self) {
        if let Kind::Open(task) = &self.kind {
            task.abort();
        }
    }
}

/// What a connection of one service needs.
struct Target {
    service: ServiceName,
    authority: Authority,
    recording: Arc<Recording>,
    cut: watch::Receiver<bool>,
    /// Kept by everything that may still record something.
    _alive: mpsc::Sender<()>,
}

impl Session {
    /// Opens a gateway before `targets`, given as `http://host:port` or `host:port`, with the
    /// service `blackout` out of reach.
    ///
    /// # Errors
    /// When a target is no such address, or no port can be had.
    pub async fn open(
        targets: &BTreeMap<ServiceName, String>,
        blackout: Option<&ServiceName>,
    ) -> Result<Self, SessionError> {
        if let Some(service) = blackout.filter(|service| !targets.contains_key(*service)) {
            return Err(SessionError::Blackout {
                service: service.clone(),
            });
        }
        let (alive, ended) = mpsc::channel(1);
        let mut session = Self {
            gates: BTreeMap::new(),
            recording: Arc::default(),
            cut: watch::Sender::new(false),
            alive,
            ended,
        };
        for (service, url) in targets {
            let (authority, base) = parse(url).ok_or_else(|| SessionError::Target {
                service: service.clone(),
                url: url.clone(),
            })?;
            let opened = if blackout == Some(service) {
                refuse()
            } else {
                session.listen(service, authority).await
            };
            let (addr, kind) = opened.map_err(|source| SessionError::Bind {
                service: service.clone(),
                source,
            })?;
            session
                .gates
                .insert(service.clone(), Gate { addr, base, kind });
        }
        Ok(session)
    }

    async fn listen(
        &self,
        service: &ServiceName,
        authority: Authority,
    ) -> io::Result<(SocketAddr, Kind)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let target = Arc::new(Target {
            service: service.clone(),
            authority,
            recording: self.recording.clone(),
            cut: self.cut.subscribe(),
            _alive: self.alive.clone(),
        });
        let task = tokio::spawn(accept(listener, move |stream| {
            target.clone().connection(stream)
        }));
        Ok((addr, Kind::Open(task)))
    }

    /// The address that the test gets for a service; `None` for one that is no target.
    pub fn url(&self, service: &ServiceName) -> Option<String> {
        self.gates
            .get(service)
            .map(|gate| format!("http://{}{}", gate.addr, gate.base))
    }

    /// `host:port` of the gateway's listener for a service.
    pub fn addr(&self, service: &ServiceName) -> Option<SocketAddr> {
        self.gates.get(service).map(|gate| gate.addr)
    }

    /// The positive control: the blacked-out address refuses connections, and all others accept
    /// them. Leaves no record.
    pub async fn control(&self) -> bool {
        for gate in self.gates.values() {
            let connecting = TcpStream::connect(gate.addr);
            let limit = Duration::from_millis(CONTROL_TIMEOUT_MS);
            let seen = tokio::time::timeout(limit, connecting).await;
            let right = match (&gate.kind, seen) {
                (Kind::Open(_), Ok(Ok(_))) => true,
                (Kind::BlackedOut { .. }, Ok(Err(error))) => {
                    error.kind() == io::ErrorKind::ConnectionRefused
                }
                _ => false,
            };
            if !right {
                return false;
            }
        }
        true
    }

    /// Exchanges beyond [`crate::EXCHANGES_MAX`], which are not in the list.
    pub fn exchanges_dropped(&self) -> u64 {
        self.recording.dropped()
    }

    /// Ends the session: connections that do not end by themselves within a moment are cut.
    /// Returns every exchange, in the order in which they began.
    pub async fn finish(self) -> Vec<Exchange> {
        let Self {
            gates,
            recording,
            cut,
            alive,
            mut ended,
        } = self;
        drop(gates);
        drop(alive);
        let grace = Duration::from_millis(FINISH_GRACE_MS);
        if tokio::time::timeout(grace, ended.recv()).await.is_err() {
            cut.send_replace(true);
            tokio::time::timeout(Duration::from_millis(CUT_MS), ended.recv())
                .await
                .ok();
        }
        recording.take()
    }
}

fn refuse() -> io::Result<(SocketAddr, Kind)> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let addr = socket.local_addr()?;
    Ok((addr, Kind::BlackedOut { _socket: socket }))
}

fn parse(url: &str) -> Option<(Authority, String)> {
    let full = if url.contains("://") {
        url.to_owned()
    } else {
        format!("http://{url}")
    };
    let uri: Uri = full.parse().ok()?;
    let authority = uri.authority()?;
    if uri.scheme_str() != Some("http") || authority.as_str().contains('@') {
        return None;
    }
    let authority = match authority.port() {
        Some(_) => authority.clone(),
        None => format!("{authority}:80").parse().ok()?,
    };
    Some((authority, uri.path().trim_end_matches('/').to_owned()))
}

impl Target {
    async fn connection(self: Arc<Self>, stream: TcpStream) {
        let mut cut = self.cut.clone();
        let serving = serve(stream, |request| self.clone().answer(request));
        tokio::select! {
            () = serving => {}
            _ = cut.wait_for(|cut| *cut) => {}
        }
    }

    async fn answer(self: Arc<Self>, mut request: Request<Incoming>) -> Response<Body> {
        let websocket = is_websocket(request.headers());
        let method = if websocket {
            "WS"
        } else {
            request.method().as_str()
        };
        let path = request.uri().path();
        let mut pending = self.recording.begin(&self.service, method, path);
        self.set_host(&mut request);
        let reply = match forward(request, self.authority.as_str()).await {
            Ok(reply) => reply,
            Err(error) => {
                let body = json!({
                    "error": "assay gateway: no answer from the service",
                    "service": self.service,
                    "detail": error.to_string(),
                });
                return own(StatusCode::BAD_GATEWAY, &body);
            }
        };
        let revision = reply.response.headers().get(REVISION_HEADER);
        pending.exchange.revision = revision
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        if let Some(tunnel) = reply.tunnel {
            tokio::spawn(self.tunnel(tunnel, pending));
            return reply.response.map(BodyExt::boxed_unsync);
        }
        pending.exchange.status = reply.response.status().as_u16();
        reply
            .response
            .map(|body| Recorded::new(body, pending).boxed_unsync())
    }

    /// The gateway's own address stays as `Host` where the target has no name of its own, so that
    /// links a service makes of it come back here; a name may decide which site answers.
    fn set_host(&self, request: &mut Request<Incoming>) {
        let host = self.authority.host().trim_matches(['[', ']']);
        let nameless = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok();
        if !nameless && let Ok(value) = HeaderValue::from_str(self.authority.as_str()) {
            request.headers_mut().insert(HOST, value);
        }
    }

    async fn tunnel(self: Arc<Self>, tunnel: Tunnel, mut pending: Pending) {
        let ends = Mutex::new(Ends::default());
        let mut cut = self.cut.clone();
        tokio::select! {
            () = tunnel.run(|direction, bytes| {
                ends.lock().unwrap_or_else(PoisonError::into_inner).see(direction, bytes);
            }) => {}
            _ = cut.wait_for(|cut| *cut) => {}
        }
        let ends = ends.into_inner().unwrap_or_else(PoisonError::into_inner);
        pending.exchange.status = status(ends.up.code(), ends.down.code(), ends.first);
    }
}

/// How the two directions of a WebSocket ended.
#[derive(Default)]
struct Ends {
    up: CloseFinder,
    down: CloseFinder,
    /// The one that ended first.
    first: Option<Direction>,
}

impl Ends {
    fn see(&mut self, direction: Direction, bytes: &[u8]) {
        match direction {
            _ if bytes.is_empty() => self.first = self.first.or(Some(direction)),
            Direction::Up => self.up.push(bytes),
            Direction::Down => self.down.push(bytes),
        }
    }
}

/// What a WebSocket's end is called: the server's close code; the client's where the server had
/// no time to answer it; otherwise by who went away first. 0 when it was cut by us.
fn status(client: Option<u16>, server: Option<u16>, first: Option<Direction>) -> u16 {
    server.or(client).unwrap_or(match first {
        Some(Direction::Down) => NO_CLOSE,
        Some(Direction::Up) => NO_CODE,
        None => 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: Option<(&str, &str)>) {
        let parsed = parse(url);
        let seen = parsed
            .as_ref()
            .map(|(authority, base)| (authority.as_str(), base.as_str()));
        assert_eq!(seen, expected, "{url}");
    }

    #[test]
    fn targets_are_http_addresses() {
        check("http://127.0.0.1:8000", Some(("127.0.0.1:8000", "")));
        check("127.0.0.1:8000", Some(("127.0.0.1:8000", "")));
        check("http://api.test/", Some(("api.test:80", "")));
        check("http://[::1]:9/base/", Some(("[::1]:9", "/base")));
        check("https://api.test", None);
        check("http://user:secret@api.test", None);
        check("", None);
    }

    #[test]
    fn the_servers_close_code_counts_first() {
        assert_eq!(status(Some(1000), Some(1011), Some(Direction::Up)), 1011);
        assert_eq!(status(Some(1000), None, Some(Direction::Up)), 1000);
        assert_eq!(status(None, None, Some(Direction::Down)), NO_CLOSE);
        assert_eq!(status(None, None, Some(Direction::Up)), NO_CODE);
        assert_eq!(status(None, None, None), 0);
    }
}
