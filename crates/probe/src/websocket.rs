//! A WebSocket probe: the handshake, the first message, the close code.

use std::borrow::Cow;
use std::time::Duration;

use assay_model::{Health, ProbeTarget, RevisionId, Status, WebSocketProbe};
use futures_util::{SinkExt, StreamExt};
use http::header::{self, HeaderValue};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError, SubProtocolError};
use tokio_tungstenite::tungstenite::handshake::client::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use url::Url;

use crate::address::{self, Address, unusable};
use crate::answer::{self, cut};
use crate::connect::{self, Security, Start, Tapped};
use crate::failure::{self, Failure, NOT_HTTP};
use crate::request;
use crate::timeline::{self, Timeline};
use crate::tls::{Seen, Trust};

/// Bytes of one message. A first message is a greeting, not a document.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Time for the server to answer a close: politeness, which no result depends on.
const GOODBYE: Duration = Duration::from_millis(500);

/// Close codes that mean that whoever asks is not known or not allowed: IANA's registry of close
/// codes, and the private ones that servers derive from HTTP's 401 and 403.
const NOT_ALLOWED: [u16; 4] = [3000, 3003, 4401, 4403];

/// What came of it so far.
struct Talk {
    timeline: Timeline,
    transcript: String,
    http_status: Option<u16>,
    revision: Option<RevisionId>,
    seen: Option<Seen>,
}

impl Talk {
    fn note(&mut self, line: &str) {
        self.transcript.push_str(line);
        self.transcript.push('\n');
    }
}

/// Asks once.
pub(crate) async fn once(
    target: &ProbeTarget,
    probe: &WebSocketProbe,
    trust: &Trust,
) -> (Health, Vec<u8>) {
    let mut talk = Talk {
        timeline: Timeline::start("no address"),
        transcript: String::new(),
        http_status: None,
        revision: None,
        seen: None,
    };
    let timeout_ms = target.probe.timeout_ms;
    let (shown, outcome) = match url(&target.url, &probe.path) {
        Ok(url) => {
            let shown = address::without_password(&url);
            let outcome = exchange(target, probe, trust, &url, &mut talk);
            let outcome = tokio::time::timeout(Duration::from_millis(timeout_ms), outcome).await;
            let late = |_| Err(talk.timeline.timed_out(timeout_ms));
            (shown, outcome.unwrap_or_else(late))
        }
        Err(problem) => (probe.path.clone(), Err(problem)),
    };
    let mut health = Health::new(
        target.service.clone(),
        "websocket",
        shown,
        Status::Unreachable,
    );
    health.latency_ms = talk.timeline.elapsed_ms();
    health.http_status = talk.http_status;
    health.certificate = talk.seen.as_ref().and_then(Seen::certificate);
    health.revision = talk.revision.take();
    let (outcome, open) = match outcome {
        Ok((what, open)) => (Ok(what), open),
        Err(failure) => (Err(failure), None),
    };
    (health.status, health.detail) = match outcome {
        Ok(what) => timeline::judge_pace(&what, health.latency_ms, target.probe.degraded_ms),
        Err(failure) => failure,
    };
    let exchange = format!(
        "GET {}\n{}{}[{}: {}]\n",
        health.target,
        talk.transcript,
        talk.timeline.render(),
        health.status.word(),
        health.detail
    );
    if let Some(open) = open {
        say_goodbye(open).await;
    }
    (health, exchange.into_bytes())
}

type Socket = WebSocketStream<Tapped>;

/// What was reached, and the socket where it is still open.
async fn exchange(
    target: &ProbeTarget,
    probe: &WebSocketProbe,
    trust: &Trust,
    url: &Url,
    talk: &mut Talk,
) -> Result<(String, Option<Socket>), Failure> {
    let request = ask(probe, url)?;
    let address = Address::of(url)?;
    let security = if address::is_secure(url) {
        let policy = &target.probe.tls;
        let (security, seen) = Security::new(trust, policy, &address.host, &[b"http/1.1"])?;
        talk.seen = Some(seen);
        Some(security)
    } else {
        None
    };
    let stream = connect::dial(&address, security.as_ref(), &mut talk.timeline).await?;
    let start = stream.start();
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let opened = client_async_with_config(request, stream, Some(config)).await;
    let (mut socket, response) = match opened {
        Ok(opened) => opened,
        Err(error) => return Err(not_opened(&error, &start, talk)),
    };
    talk.timeline.reached("opened", "no message");
    talk.http_status = Some(response.status().as_u16());
    talk.revision = answer::revision(response.headers());
    talk.note(&format!("{:?} {}", response.version(), response.status()));
    if let Some(chosen) = chosen(&response) {
        talk.note(&format!("subprotocol: {chosen}"));
    }
    if let Some(text) = &probe.send {
        talk.note(&format!("> [{} bytes]", text.len()));
        let sent = socket.send(Message::text(text.clone())).await;
        sent.map_err(|error| broken(&error))?;
    }
    if let Some(part) = &probe.message {
        first_message(&mut socket, part, talk).await?;
    }
    let Some(code) = probe.close_code else {
        let what = if probe.message.is_some() {
            "opened, message received"
        } else {
            "opened"
        };
        return Ok((what.to_owned(), Some(socket)));
    };
    talk.timeline.reached("waiting for the close", "not closed");
    close(&mut socket, code, talk).await?;
    Ok((format!("opened, closed with {code}"), None))
}

fn url(base: &str, path: &str) -> Result<Url, Failure> {
    let url = format!("{}{path}", base.trim_end_matches('/'));
    let url = match url.split_once("://") {
        Some(("http", rest)) => format!("ws://{rest}"),
        Some(("https", rest)) => format!("wss://{rest}"),
        _ => url,
    };
    let url = address::parse(&url)?;
    match url.scheme() {
        "ws" | "wss" => Ok(url),
        other => Err(unusable(format!("`{other}` cannot open a WebSocket"))),
    }
}

fn ask(probe: &WebSocketProbe, url: &Url) -> Result<Request, Failure> {
    // Credentials travel in a header; the library would drop them with the rest of the authority.
    let bare = address::without_password(url);
    let mut request = bare
        .into_client_request()
        .map_err(|error| unusable(format!("not a usable URL: {error}")))?;
    let headers = request.headers_mut();
    headers.insert(
        header::USER_AGENT,
        HeaderValue::from_static(request::USER_AGENT),
    );
    if let Some(credentials) = request::basic(url) {
        headers.insert(header::AUTHORIZATION, credentials);
    }
    headers.extend(request::configured(&probe.request_headers)?);
    if let Some(subprotocol) = &probe.subprotocol {
        let value = HeaderValue::try_from(subprotocol)
            .map_err(|_| unusable(format!("`{subprotocol}` is not a subprotocol")))?;
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, value);
    }
    Ok(request)
}

fn chosen(response: &Response) -> Option<Cow<'_, str>> {
    let chosen = response.headers().get(header::SEC_WEBSOCKET_PROTOCOL)?;
    Some(String::from_utf8_lossy(chosen.as_bytes()))
}

fn not_opened(error: &Error, start: &Start, talk: &mut Talk) -> Failure {
    let unavailable = |detail: &str| (Status::Unavailable, detail.to_owned());
    match error {
        Error::Http(response) => {
            let status = response.status().as_u16();
            talk.http_status = Some(status);
            talk.note(&format!("{:?} {}", response.version(), response.status()));
            if let Some(body) = response.body() {
                talk.note(&cut(String::from_utf8_lossy(body).trim()));
            }
            refused(status)
        }
        Error::Protocol(
            ProtocolError::MissingUpgradeWebSocketHeader
            | ProtocolError::MissingConnectionUpgradeHeader
            | ProtocolError::SecWebSocketAcceptKeyMismatch,
        ) => unavailable("the upgrade was answered, but not as a WebSocket does"),
        Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(problem)) => {
            unavailable(match problem {
                SubProtocolError::NoSubProtocol => "the server chose no subprotocol",
                SubProtocolError::InvalidSubProtocol => {
                    "the server chose a subprotocol that was not offered"
                }
                SubProtocolError::ServerSentSubProtocolNoneRequested => {
                    "the server chose a subprotocol, and none was offered"
                }
            })
        }
        Error::Protocol(ProtocolError::HttparseError(_)) => start.explain(NOT_HTTP),
        Error::Protocol(ProtocolError::HandshakeIncomplete) | Error::ConnectionClosed => (
            Status::Unreachable,
            "connection closed before the answer ended".to_owned(),
        ),
        other => broken(other),
    }
}

/// An answer to the handshake other than 101.
fn refused(status: u16) -> Failure {
    let detail = match status {
        401 | 403 | 407 => return (Status::AuthFailed, format!("expected 101, got {status}")),
        200..300 => format!("answered {status} without an upgrade: no WebSocket there"),
        404 => "expected 101, got 404: no WebSocket at this path".to_owned(),
        426 => "expected 101, got 426: another version of the protocol is wanted".to_owned(),
        _ => format!("expected 101, got {status}"),
    };
    (Status::Unavailable, detail)
}

fn broken(error: &Error) -> Failure {
    match error {
        Error::Io(error) => failure::classify(error),
        Error::Capacity(_) => (
            Status::Unavailable,
            format!("a message is longer than {MESSAGE_BYTES_MAX} bytes"),
        ),
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => (
            Status::Unavailable,
            "connection dropped without a close frame (1006)".to_owned(),
        ),
        other => (Status::Unavailable, format!("not a WebSocket: {other}")),
    }
}

/// The next message that is not about the connection itself; pings end at the deadline.
async fn next(socket: &mut Socket) -> Result<Message, Failure> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(message)) => return Ok(message),
            Some(Err(error)) => return Err(broken(&error)),
            None => return Err(broken(&Error::ConnectionClosed)),
        }
    }
}

async fn first_message(socket: &mut Socket, part: &str, talk: &mut Talk) -> Result<(), Failure> {
    let message = next(socket).await?;
    if let Message::Close(frame) = message {
        talk.note(&format!("< close {}", describe(frame.as_ref())));
        let status = match code(frame.as_ref()) {
            code if NOT_ALLOWED.contains(&code) => Status::AuthFailed,
            _ => Status::Unavailable,
        };
        let how = describe(frame.as_ref());
        return Err((
            status,
            format!("closed with {how} before the first message"),
        ));
    }
    let bytes = message.into_data();
    let text = String::from_utf8_lossy(&bytes);
    talk.note(&format!("< {text}"));
    if text.contains(part) {
        return Ok(());
    }
    let (part, got) = (cut(part), cut(&text));
    let detail = format!("expected the first message to contain {part:?}, got {got:?}");
    Err((Status::Unavailable, detail))
}

/// Waits for the server to close; messages in between are not judged.
async fn close(socket: &mut Socket, expected: u16, talk: &mut Talk) -> Result<(), Failure> {
    loop {
        let Message::Close(frame) = next(socket).await? else {
            continue;
        };
        talk.note(&format!("< close {}", describe(frame.as_ref())));
        let got = code(frame.as_ref());
        if got == expected {
            return Ok(());
        }
        let status = if NOT_ALLOWED.contains(&got) {
            Status::AuthFailed
        } else {
            Status::Unavailable
        };
        let how = describe(frame.as_ref());
        return Err((status, format!("expected close code {expected}, got {how}")));
    }
}

/// 1005 stands for a close without a code: RFC 6455, section 7.1.5.
fn code(frame: Option<&CloseFrame>) -> u16 {
    frame.map_or(1005, |frame| frame.code.into())
}

fn describe(frame: Option<&CloseFrame>) -> String {
    let reason = frame.map_or("", |frame| &*frame.reason);
    match (code(frame), reason) {
        (code, "") => code.to_string(),
        (code, reason) => format!("{code} ({})", cut(reason)),
    }
}

async fn say_goodbye(mut socket: Socket) {
    let goodbye = async {
        let frame = CloseFrame {
            code: 1000.into(),
            reason: Utf8Bytes::default(),
        };
        socket.close(Some(frame)).await?;
        while let Some(message) = socket.next().await {
            message?;
        }
        Ok::<_, Error>(())
    };
    // Whether the server is polite is not what was asked.
    let _polite = tokio::time::timeout(GOODBYE, goodbye).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base: &str, expected: &str) {
        let got = url(base, "/ws").map_or_else(|(_, problem)| problem, |url| url.to_string());
        assert!(got.starts_with(expected), "{base}: {got}");
    }

    #[test]
    fn websockets_have_urls_of_four_schemes() {
        check("http://host:1", "ws://host:1/ws");
        check("https://host", "wss://host/ws");
        check("ws://host/", "ws://host/ws");
        check("wss://host", "wss://host/ws");
        check("tcp://host:1", "`tcp` cannot open a WebSocket");
        check("host", "not a usable URL");
    }
}
