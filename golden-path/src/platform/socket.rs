//! WebSockets: one handler call per frame, and the events of the socket's user in between.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use rhai::Dynamic;
use serde_json::{Value, json};
use tokio::sync::mpsc::Receiver;

use super::reply::{Reply, to_json};
use super::routes::{Route, WEBSOCKET};
use super::service::{Service, unhandled};
use super::trace::Failure;

/// The token is missing, wrong or expired.
const CLOSE_UNAUTHORISED: u16 = 4401;
/// The handler failed (RFC 6455, section 7.4.1).
const CLOSE_INTERNAL: u16 = 1011;
/// The reader is too slow, or the service has no turn for it (RFC 6455 registry).
const CLOSE_LATER: u16 = 1013;

/// How long a peer may take to answer a close, in milliseconds.
const FAREWELL_MS_MAX: u64 = 1_000;

type Running = Pin<Box<dyn Future<Output = Result<Dynamic, Failure>> + Send>>;

/// Serves one socket until it is closed by either side.
pub(crate) async fn serve(
    service: Arc<Service>,
    mut socket: WebSocket,
    route: Route,
    request: Value,
) {
    let open = json!({"kind": "open", "request": request});
    let session = match service.call(&route.handler, open).await {
        Ok(session) => to_json(&session),
        Err(failure) => {
            let (code, reason) = close_of(&service, &route, &failure);
            return close(socket, code, reason).await;
        }
    };
    let Some(user) = session
        .get("user")
        .and_then(Value::as_str)
        .map(str::to_owned)
    else {
        return close(socket, CLOSE_UNAUTHORISED, "no user").await;
    };
    let (id, mut events) = service.host.hub.join(&user);
    let end = converse(&service, &mut socket, &route, &session, &mut events).await;
    service.host.hub.leave(&user, id);
    if let Some((code, reason)) = end {
        close(socket, code, reason).await;
    }
}

/// Frames in, events out, one handler at a time; answers how to close, if the peer did not.
async fn converse(
    service: &Arc<Service>,
    socket: &mut WebSocket,
    route: &Route,
    session: &Value,
    events: &mut Receiver<String>,
) -> Option<(u16, &'static str)> {
    let mut running: Option<Running> = None;
    loop {
        tokio::select! {
            event = events.recv() => {
                let Some(event) = event else { return Some((CLOSE_LATER, "too slow")) };
                socket.send(Message::Text(event.into())).await.ok()?;
            }
            frame = socket.recv(), if running.is_none() => {
                match frame?.ok()? {
                    Message::Text(text) => {
                        let frame = json!({
                            "kind": "message", "session": session, "text": text.as_str(),
                        });
                        let service = service.clone();
                        let handler = route.handler.clone();
                        running = Some(Box::pin(async move { service.call(&handler, frame).await }));
                    }
                    Message::Close(_) => return None,
                    Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => {}
                }
            }
            result = finished(&mut running) => {
                running = None;
                while let Ok(event) = events.try_recv() {
                    socket.send(Message::Text(event.into())).await.ok()?;
                }
                if let Err(failure) = result {
                    if let Some(refusal) = client_error(&failure) {
                        let error = error_event(refusal);
                        socket.send(Message::Text(error.into())).await.ok()?;
                    } else {
                        return Some(close_of(service, route, &failure));
                    }
                }
            }
        }
    }
}

/// The result of the running handler; never, while there is none.
async fn finished(running: &mut Option<Running>) -> Result<Dynamic, Failure> {
    match running {
        Some(running) => running.await,
        None => std::future::pending().await,
    }
}

/// The refusal that the client can mend on the same socket.
fn client_error(failure: &Failure) -> Option<&Reply> {
    failure
        .refusal
        .as_ref()
        .filter(|reply| (400..500).contains(&reply.status) && reply.status != 401)
}

fn error_event(refusal: &Reply) -> String {
    let body: Value = serde_json::from_str(&refusal.body).unwrap_or(Value::Null);
    json!({
        "type": "error", "status": refusal.status,
        "error": body["error"], "message": body["message"],
    })
    .to_string()
}

/// The close code of a failure; what nobody meant is logged.
fn close_of(service: &Service, route: &Route, failure: &Failure) -> (u16, &'static str) {
    match &failure.refusal {
        Some(refusal) if refusal.status == 401 => (CLOSE_UNAUTHORISED, "unauthorised"),
        Some(refusal) if refusal.status < 500 => (CLOSE_INTERNAL, "refused"),
        Some(refusal) => {
            let message = format!("socket failed: {}: {}", route.path, refusal.status);
            let fields = json!({
                "method": WEBSOCKET, "path": route.path, "status": refusal.status, "close": 1011,
            });
            service.host.log.error(&message, fields);
            (CLOSE_INTERNAL, "dependency unavailable")
        }
        None => {
            unhandled(&service.host, failure, WEBSOCKET, &route.path);
            (CLOSE_INTERNAL, "unhandled error")
        }
    }
}

/// Says farewell and reads what was still under way: to drop a connection with unread frames would
/// reset it, and the peer would never see the code.
async fn close(mut socket: WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame {
        code,
        reason: reason.into(),
    };
    if socket.send(Message::Close(Some(frame))).await.is_err() {
        return;
    }
    let rest = async { while let Some(Ok(_)) = socket.recv().await {} };
    // A peer that does not answer the farewell within the time is left alone.
    drop(tokio::time::timeout(Duration::from_millis(FAREWELL_MS_MAX), rest).await);
}
