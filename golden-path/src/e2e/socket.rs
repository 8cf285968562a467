//! WebSocket for tests.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::client::{EXCHANGE_MS_MAX, Place, reason};
use super::context::{Failure, Target, Test};

/// What a socket gave.
#[derive(Debug, PartialEq)]
pub(crate) enum Frame {
    Event(Value),
    /// Closed by the server, with its code.
    Closed(u16),
}

/// An open socket to the backend.
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
}

/// A close without a code (RFC 6455, section 7.4.1).
const NO_CODE: u16 = 1005;
/// The connection ended without a close (RFC 6455, section 7.4.1).
const CUT: u16 = 1006;

impl Test {
    /// Opens `/ws` with the token in the header.
    pub(crate) async fn socket(&self, token: &str) -> Result<Socket, Failure> {
        self.open("/ws", Some(token)).await
    }

    /// Opens `/ws` with the token in the query, as a browser does.
    pub(crate) async fn browser_socket(&self, token: &str) -> Result<Socket, Failure> {
        self.open(&format!("/ws?access_token={token}"), None).await
    }

    async fn open(&self, path: &str, token: Option<&str>) -> Result<Socket, Failure> {
        let limit = Duration::from_millis(EXCHANGE_MS_MAX);
        let opened = match tokio::time::timeout(limit, self.handshake(path, token)).await {
            Ok(opened) => opened,
            Err(_) => Err(format!("timed out after {EXCHANGE_MS_MAX} ms")),
        };
        match &opened {
            Ok(_) => self.note("WS /ws: 101"),
            Err(reason) => self.note(format!("WS /ws: {reason}")),
        }
        opened.map_err(|reason| Failure(format!("WS /ws: {reason}")))
    }

    async fn handshake(&self, path: &str, token: Option<&str>) -> Result<Socket, String> {
        let place = Place::of(&self.url(Target::Backend).map_err(|error| error.0)?)
            .map_err(|error| error.0)?;
        let url = format!("ws://{}{}{path}", place.authority, place.prefix);
        let mut request = url
            .into_client_request()
            .map_err(|error| error.to_string())?;
        if let Some(token) = token {
            let value = HeaderValue::from_str(&format!("Bearer {token}"))
                .map_err(|error| error.to_string())?;
            request.headers_mut().insert("authorization", value);
        }
        let stream = self.connect(&place).await?;
        match client_async(request, stream).await {
            Ok((stream, _)) => Ok(Socket { stream }),
            Err(Error::Http(answer)) => {
                Err(format!("expected 101, got {}", answer.status().as_u16()))
            }
            Err(error) => Err(reason(&error)),
        }
    }
}

impl Socket {
    pub(crate) async fn send(&mut self, test: &Test, text: String) -> Result<(), Failure> {
        test.note(format!("WS /ws > {text}"));
        let sent = self.stream.send(Message::text(text)).await;
        sent.map_err(|error| Failure(format!("WS /ws: cannot send: {}", reason(&error))))
    }

    /// The next event, or how the socket was closed.
    pub(crate) async fn next(&mut self, test: &Test) -> Result<Frame, Failure> {
        let limit = Duration::from_millis(EXCHANGE_MS_MAX);
        let Ok(frame) = tokio::time::timeout(limit, self.receive()).await else {
            return Err(Failure(format!(
                "WS /ws: no event within {EXCHANGE_MS_MAX} ms"
            )));
        };
        match &frame {
            Frame::Event(event) => test.note(format!("WS /ws < {event}")),
            Frame::Closed(code) => test.note(format!("WS /ws < close {code}")),
        }
        Ok(frame)
    }

    async fn receive(&mut self) -> Frame {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    let event = serde_json::from_str(&text);
                    return Frame::Event(event.unwrap_or(Value::Null));
                }
                Some(Ok(Message::Close(frame))) => {
                    return Frame::Closed(frame.map_or(NO_CODE, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Frame::Closed(CUT),
            }
        }
    }

    /// The next event, which must be of this type.
    pub(crate) async fn expect(&mut self, test: &Test, kind: &str) -> Result<Value, Failure> {
        let frame = self.next(test).await?;
        test.count();
        match frame {
            Frame::Event(event) if event["type"] == kind => Ok(event),
            Frame::Event(event) => Err(Failure(format!(
                "WS /ws: expected {kind}, got {}",
                event["type"]
            ))),
            Frame::Closed(code) => Err(Failure(format!(
                "WS /ws: expected {kind}, got close {code}"
            ))),
        }
    }

    /// The next frame must close the socket with this code.
    pub(crate) async fn expect_close(&mut self, test: &Test, code: u16) -> Result<(), Failure> {
        let frame = self.next(test).await?;
        test.equal("WS /ws", frame, Frame::Closed(code))
    }
}
