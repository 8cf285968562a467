//! Connections: a name, an address that accepts, and a TLS handshake where one belongs.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use assay_model::{Status, TlsPolicy};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::address::Address;
use crate::failure::{self, Failure};
use crate::timeline::Timeline;
use crate::tls::{self, Seen, Trust};

/// Addresses of one name that are tried. A name with more has them for spreading load, not
/// because the first eight would not answer.
const ADDRESSES_MAX: usize = 8;

/// Head start of one address before the next is tried beside it: RFC 8305, section 8.
const HEAD_START: Duration = Duration::from_millis(250);

/// Bytes at the start of an answer that are kept, to say what it was if it made no sense.
const START_BYTES: usize = 64;

/// What every protocol here needs of a connection.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// How to secure a connection.
#[derive(Clone, Debug)]
pub(crate) struct Security {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Security {
    /// The second value shows the certificate, once there is one.
    pub(crate) fn new(
        trust: &Trust,
        policy: &TlsPolicy,
        host: &str,
        alpn: &[&[u8]],
    ) -> Result<(Self, Seen), Failure> {
        let (config, seen) = trust.client(policy, alpn)?;
        let name = tls::server_name(policy, host)?;
        Ok((Self { config, name }, seen))
    }
}

/// Connects, and secures the connection where that is asked for.
pub(crate) async fn dial(
    address: &Address,
    security: Option<&Security>,
    timeline: &mut Timeline,
) -> Result<Tapped, Failure> {
    let next = match security {
        Some(_) => "no TLS handshake",
        None => "no answer",
    };
    let stream = open(address, next, timeline).await?;
    let stream: Box<dyn Io> = match security {
        Some(security) => {
            let stream = TlsConnector::from(Arc::clone(&security.config))
                .connect(security.name.clone(), stream)
                .await
                .map_err(|error| in_handshake(&error))?;
            timeline.reached("secured", "no answer");
            Box::new(stream)
        }
        None => Box::new(stream),
    };
    Ok(Tapped {
        stream,
        start: Start::default(),
    })
}

/// The first address that accepts.
async fn open(
    address: &Address,
    next: &'static str,
    timeline: &mut Timeline,
) -> Result<TcpStream, Failure> {
    let unknown = || {
        (
            Status::Unreachable,
            format!("no address for `{}`", address.host),
        )
    };
    let found = tokio::net::lookup_host((&*address.host, address.port)).await;
    let found: Vec<SocketAddr> = found.map_err(|_| unknown())?.take(ADDRESSES_MAX).collect();
    timeline.reached("resolved", "not accepted");
    let mut attempts = FuturesUnordered::new();
    let mut rest = found.into_iter();
    let mut worst = unknown();
    loop {
        match rest.next() {
            Some(next) => attempts.push(TcpStream::connect(next)),
            None if attempts.is_empty() => return Err(worst),
            None => {}
        }
        let is_last = rest.as_slice().is_empty();
        tokio::select! {
            Some(attempt) = attempts.next() => match attempt {
                Ok(stream) => {
                    // Small writes must not wait for each other: that would be measured. Where
                    // it cannot be set, the probe is only slower.
                    drop(stream.set_nodelay(true));
                    timeline.reached("connected", next);
                    return Ok(stream);
                }
                // A host that says no tells more than one that could not be found a way to.
                Err(error) if worst.0 != Status::Refused => worst = failure::classify(&error),
                Err(_) => {}
            },
            () = tokio::time::sleep(HEAD_START), if !is_last => {}
        }
    }
}

/// A connection that breaks during the handshake worked until TLS began.
fn in_handshake(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => (
            Status::TlsFailed,
            "connection closed during the TLS handshake".to_owned(),
        ),
        _ => failure::classify(error),
    }
}

/// The first bytes that came over a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Start(Arc<Mutex<Vec<u8>>>);

impl Start {
    /// Whether nothing came at all.
    pub(crate) fn is_empty(&self) -> bool {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.is_empty()
    }

    /// Whether it is the start of a status line of HTTP/1, as far as it came.
    pub(crate) fn is_http1(&self) -> bool {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = b"HTTP/1.";
        let len = bytes.len().min(line.len());
        len > 0 && bytes[..len] == line[..len]
    }

    /// Whether a frame of SETTINGS came first, as every server of HTTP/2 sends it: RFC 9113,
    /// section 3.4. The type stands after the length, in the fourth byte.
    pub(crate) fn is_http2(&self) -> bool {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.get(3) == Some(&4)
    }

    /// `the answer is not HTTP: it starts with "220 mail"`; or what it must have been instead.
    pub(crate) fn explain(&self, problem: &str) -> Failure {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Records of TLS begin with their type, an alert here, and 3 for every version.
        if bytes.starts_with(&[0x15, 0x03]) {
            let detail = "the port speaks TLS: ask it with https, wss, grpcs or tls";
            return (Status::TlsFailed, detail.to_owned());
        }
        let line = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).next();
        let shown = String::from_utf8_lossy(line.unwrap_or_default());
        let detail = if bytes.is_empty() {
            problem.to_owned()
        } else {
            format!("{problem}: it starts with {shown:?}")
        };
        (Status::Unavailable, detail)
    }
}

/// A connection whose first bytes are remembered.
pub(crate) struct Tapped {
    stream: Box<dyn Io>,
    start: Start,
}

impl Tapped {
    /// Filled as the answer comes.
    pub(crate) fn start(&self) -> Start {
        self.start.clone()
    }
}

impl AsyncRead for Tapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let mut start = self.start.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = START_BYTES - start.len();
        start.extend(buffer.filled()[before..].iter().take(room));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
