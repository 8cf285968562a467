//! WebSockets that open, and those that do not.

use std::time::Duration;

use assay_model::{Health, ProbeKind, Status, WebSocketProbe};
use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use crate::support::{SHORT_MS, answer, expect, probe, read_request, response, serve};

fn open() -> WebSocketProbe {
    WebSocketProbe {
        path: "/ws".to_owned(),
        request_headers: [("authorization".to_owned(), "Bearer x".to_owned())].into(),
        subprotocol: None,
        send: None,
        message: None,
        close_code: None,
    }
}

/// A server that chooses `chat` where it is offered, echoes text, and closes on `bye CODE`.
async fn echo() -> String {
    serve(|stream| async move {
        let Some(mut socket) = accept(stream).await else {
            return;
        };
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else {
                continue;
            };
            let code = text.strip_prefix("bye ").and_then(|code| code.parse().ok());
            let sent = match code {
                Some(code) => {
                    let code: u16 = code;
                    let frame = CloseFrame {
                        code: code.into(),
                        reason: "enough".into(),
                    };
                    socket.close(Some(frame)).await
                }
                None => {
                    let ping = socket.send(Message::Ping("p".into())).await;
                    match ping {
                        Ok(()) => socket.send(Message::Text(text)).await,
                        failed => failed,
                    }
                }
            };
            if sent.is_err() {
                return;
            }
        }
    })
    .await
}

async fn accept(stream: TcpStream) -> Option<WebSocketStream<TcpStream>> {
    #[expect(
        clippy::result_large_err,
        reason = "the library asks for this signature"
    )]
    let choose = |request: &Request, mut response: Response| {
        assert_eq!(request.headers()["authorization"], "Bearer x");
        if let Some(offered) = request.headers().get("sec-websocket-protocol") {
            let headers = response.headers_mut();
            headers.insert("sec-websocket-protocol", offered.clone());
        }
        let headers = response.headers_mut();
        headers.insert("x-assay-revision", "abc".parse().unwrap());
        Ok(response)
    };
    accept_hdr_async(stream, choose).await.ok()
}

async fn check(
    change: impl FnOnce(&mut WebSocketProbe),
    status: Status,
    detail: &str,
) -> (Health, String) {
    let address = echo().await;
    let mut websocket = open();
    change(&mut websocket);
    let kind = ProbeKind::WebSocket(websocket);
    let (health, exchange) = probe(&format!("http://{address}"), kind, 2000).await;
    assert_eq!(health.status, status, "{health:?}\n{exchange}");
    expect(&health, status, detail);
    (health, exchange)
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[tokio::test]
async fn what_is_expected_of_a_websocket_is_checked() {
    use Status::{AuthFailed, Healthy, Unavailable};
    let (health, _) = check(|_| {}, Healthy, "opened in").await;
    assert_eq!(health.http_status, Some(101));
    assert_eq!(health.revision.as_deref(), Some("abc"));
    assert!(health.target.starts_with("ws://127.0.0.1:"));
    let chat = |p: &mut WebSocketProbe| p.subprotocol = text("chat");
    let (_, exchange) = check(chat, Healthy, "opened in").await;
    assert!(exchange.contains("subprotocol: chat"), "{exchange}");
    let greeted = |p: &mut WebSocketProbe| (p.send, p.message) = (text("hello"), text("hell"));
    check(greeted, Healthy, "opened, message received in").await;
    let other = |p: &mut WebSocketProbe| (p.send, p.message) = (text("hello"), text("bye"));
    let detail = r#"expected the first message to contain "bye", got "hello""#;
    check(other, Unavailable, detail).await;
    let closed = |p: &mut WebSocketProbe| (p.send, p.close_code) = (text("bye 1000"), Some(1000));
    check(closed, Healthy, "opened, closed with 1000 in").await;
    let closed = |p: &mut WebSocketProbe| (p.send, p.close_code) = (text("bye 1011"), Some(1000));
    let detail = "expected close code 1000, got 1011 (enough)";
    check(closed, Unavailable, detail).await;
    let early = |p: &mut WebSocketProbe| (p.send, p.message) = (text("bye 1011"), text("x"));
    let detail = "closed with 1011 (enough) before the first message";
    check(early, Unavailable, detail).await;
    let early = |p: &mut WebSocketProbe| (p.send, p.message) = (text("bye 4401"), text("x"));
    check(early, AuthFailed, "closed with 4401").await;
}

async fn check_answer(head: &str, headers: &str, status: Status, detail: &str) {
    let address = answer(response(head, headers, "no")).await;
    let kind = ProbeKind::WebSocket(open());
    let (health, _) = probe(&format!("ws://{address}"), kind, 2000).await;
    expect(&health, status, detail);
}

#[tokio::test]
async fn handshakes_that_fail_are_told_apart() {
    use Status::{AuthFailed, Unavailable};
    check_answer("401 No", "", AuthFailed, "expected 101, got 401").await;
    check_answer("403 No", "", AuthFailed, "expected 101, got 403").await;
    check_answer("404 No", "", Unavailable, "no WebSocket at this path").await;
    check_answer("200 OK", "", Unavailable, "without an upgrade").await;
    check_answer("502 Bad", "", Unavailable, "expected 101, got 502").await;
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: x\r\n";
    let detail = "not as a WebSocket does";
    check_answer("101 Switching", upgrade, Unavailable, detail).await;
    let address = answer("220 mail ready\r\n\r\n").await;
    let kind = || ProbeKind::WebSocket(open());
    let (health, _) = probe(&format!("ws://{address}"), kind(), 2000).await;
    expect(&health, Unavailable, "the answer is not HTTP");
    let address = serve(|stream| async move { drop(stream) }).await;
    let (health, _) = probe(&format!("ws://{address}"), kind(), 2000).await;
    expect(&health, Status::Unreachable, "connection");
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    let silent = serve(|mut stream| async move {
        read_request(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let kind = ProbeKind::WebSocket(open());
    let (health, _) = probe(&format!("ws://{silent}"), kind, SHORT_MS).await;
    expect(&health, Status::Unreachable, "no answer within 300 ms");
    let mut waiting = open();
    waiting.message = text("x");
    let kind = ProbeKind::WebSocket(waiting);
    let (health, _) = probe(&format!("ws://{}", echo().await), kind, SHORT_MS).await;
    expect(&health, Status::Unreachable, "no message within 300 ms");
    let mut waiting = open();
    waiting.close_code = Some(1000);
    let kind = ProbeKind::WebSocket(waiting);
    let (health, _) = probe(&format!("ws://{}", echo().await), kind, SHORT_MS).await;
    expect(&health, Status::Unreachable, "not closed within 300 ms");
}

#[tokio::test]
async fn a_dropped_connection_is_not_a_close() {
    let dropping = serve(|stream| async move {
        let mut socket = accept(stream).await.unwrap();
        let _message = socket.next().await;
        let _gone = socket.get_mut().shutdown().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    })
    .await;
    let mut waiting = open();
    (waiting.send, waiting.message) = (text("x"), text("x"));
    let kind = ProbeKind::WebSocket(waiting);
    let (health, _) = probe(&format!("ws://{dropping}"), kind, 2000).await;
    expect(&health, Status::Unavailable, "without a close frame (1006)");
}
