//! Carrying one request to an upstream, and its answer back.
//!
//! Every request gets a connection of its own, so that an upstream that went away shows as
//! refused, and never as a stale connection of ours.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{StatusCode, Version};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than any address that is worth waiting for takes to accept.
const CONNECT_TIMEOUT_MS: u64 = 5_000;

/// How long the second half of a tunnel may go on after the first has ended.
const LINGER_MS: u64 = 2_000;

/// One read in a tunnel.
const CHUNK_BYTES: usize = 16 * 1024;

/// Headers that concern one connection only (RFC 9110, section 7.6.1), beside those that
/// `Connection` names.
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("proxy-authenticate"),
];

/// The body of an answer: the upstream's, or our own.
pub(crate) type Body = UnsyncBoxBody<Bytes, hyper::Error>;

/// A body of our own.
pub(crate) fn text(text: impl Into<Bytes>) -> Body {
    Full::new(text.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// The upstream did not answer.
#[derive(Debug, Error)]
pub(crate) enum ProxyError {
    /// Nobody listens there.
    #[error("connection refused")]
    Refused,
    /// It cannot be reached in another way.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// It did not accept in time.
    #[error("no connection within {CONNECT_TIMEOUT_MS} ms")]
    ConnectTimeout,
    /// It accepted, and went away before an answer.
    #[error("connection closed before an answer")]
    Closed,
    /// What it answered is not HTTP.
    #[error("not an HTTP answer: {0}")]
    Malformed(hyper::Error),
}

/// What came back.
pub(crate) struct Reply {
    /// The answer, as the client shall see it.
    pub(crate) response: Response<Incoming>,
    /// Both ends of a WebSocket, ready once the answer has gone out.
    pub(crate) tunnel: Option<Tunnel>,
}

/// Whether the client asks for a WebSocket.
pub(crate) fn is_websocket(headers: &HeaderMap) -> bool {
    let upgrade = headers.get_all(UPGRADE).iter();
    upgrade
        .filter_map(|value| value.to_str().ok())
        .any(|value| {
            value
                .split(',')
                .any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))
        })
}

/// Carries `request` to `authority` (`host:port`). The client's `Host` stays.
pub(crate) async fn forward(
    mut request: Request<Incoming>,
    authority: &str,
) -> Result<Reply, ProxyError> {
    let client = is_websocket(request.headers()).then(|| hyper::upgrade::on(&mut request));
    strip(request.headers_mut(), client.is_some());
    *request.version_mut() = Version::HTTP_11;
    // An absolute target is for proxies; a server wants the path alone.
    if let Some(path) = request.uri().path_and_query().cloned() {
        *request.uri_mut() = path.into();
    }
    let stream = connect(authority).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|_| ProxyError::Closed)?;
    // How it breaks shows in the answer or in its body.
    tokio::spawn(async move { connection.with_upgrades().await.ok() });
    let mut response = sender.send_request(request).await.map_err(|error| {
        if error.is_parse() {
            ProxyError::Malformed(error)
        } else {
            ProxyError::Closed
        }
    })?;
    let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let tunnel = match client {
        Some(client) if switched => Some(Tunnel {
            client,
            upstream: hyper::upgrade::on(&mut response),
        }),
        _ => None,
    };
    strip(response.headers_mut(), tunnel.is_some());
    Ok(Reply { response, tunnel })
}

async fn connect(authority: &str) -> Result<TcpStream, ProxyError> {
    let connecting = TcpStream::connect(authority);
    match tokio::time::timeout(Duration::from_millis(CONNECT_TIMEOUT_MS), connecting).await {
        Ok(Ok(stream)) => {
            stream.set_nodelay(true).ok();
            Ok(stream)
        }
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Err(ProxyError::Refused)
        }
        Ok(Err(error)) => Err(ProxyError::Connect(error)),
        Err(_) => Err(ProxyError::ConnectTimeout),
    }
}

fn strip(headers: &mut HeaderMap, websocket: bool) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
    if websocket {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    }
}

/// Which way bytes go through a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the client.
    Up,
    /// From the upstream.
    Down,
}

/// A WebSocket between its two ends.
pub(crate) struct Tunnel {
    client: OnUpgrade,
    upstream: OnUpgrade,
}

impl Tunnel {
    /// Copies bytes both ways until both ends are done. Each piece is shown to `watch` before it
    /// goes out, and the end of a direction as an empty one.
    pub(crate) async fn run(self, watch: impl FnMut(Direction, &[u8]) + Send) {
        if let (Ok(client), Ok(upstream)) = tokio::join!(self.client, self.upstream) {
            carry(TokioIo::new(client), TokioIo::new(upstream), watch).await;
        }
    }
}

async fn carry(
    client: impl AsyncRead + AsyncWrite + Send,
    upstream: impl AsyncRead + AsyncWrite + Send,
    watch: impl FnMut(Direction, &[u8]) + Send,
) {
    let watch = Mutex::new(watch);
    let see = |direction, bytes: &[u8]| {
        let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
        watch(direction, bytes);
    };
    let (mut client_out, mut client_in) = tokio::io::split(client);
    let (mut upstream_out, mut upstream_in) = tokio::io::split(upstream);
    let up = copy(&mut client_out, &mut upstream_in, |bytes| {
        see(Direction::Up, bytes)
    });
    let down = copy(&mut upstream_out, &mut client_in, |bytes| {
        see(Direction::Down, bytes)
    });
    tokio::pin!(up, down);
    let linger = Duration::from_millis(LINGER_MS);
    tokio::select! {
        () = &mut down => tokio::time::timeout(linger, up).await.ok(),
        () = &mut up => tokio::time::timeout(linger, down).await.ok(),
    };
}

/// Until the end of either; an end that breaks is an end.
async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    see: impl Fn(&[u8]),
) {
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(n @ 1..) = from.read(&mut chunk).await {
        see(&chunk[..n]);
        if to.write_all(&chunk[..n]).await.is_err() {
            return;
        }
    }
    see(&[]);
    to.shutdown().await.ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&str, &str)], websocket: bool, expected: &[(&str, &str)]) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        assert_eq!(is_websocket(&map), websocket);
        strip(&mut map, websocket);
        let mut left: Vec<_> = map
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        left.sort_unstable();
        assert_eq!(left, expected);
    }

    #[test]
    fn headers_of_one_connection_stay_behind() {
        check(
            &[("host", "a"), ("keep-alive", "1")],
            false,
            &[("host", "a")],
        );
        check(
            &[("connection", "close, x-secret"), ("x-secret", "1")],
            false,
            &[],
        );
        check(
            &[("transfer-encoding", "chunked"), ("te", "trailers")],
            false,
            &[],
        );
        check(&[("connection", "Upgrade"), ("upgrade", "h2c")], false, &[]);
    }

    #[test]
    fn a_websocket_keeps_its_upgrade() {
        let kept = [
            ("connection", "Upgrade"),
            ("sec-websocket-key", "k"),
            ("upgrade", "websocket"),
        ];
        check(
            &[
                ("connection", "keep-alive, Upgrade"),
                ("upgrade", "WebSocket"),
                ("sec-websocket-key", "k"),
            ],
            true,
            &kept,
        );
    }
}
