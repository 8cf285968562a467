//! Front doors and sessions, with real sockets on both sides.

#![expect(clippy::unwrap_used, reason = "a test program fails loudly")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use assay_gateway::{FrontDoors, Session};
use assay_model::ServiceName;
use assay_world::clock::Stopwatch;
use assay_world::{DoorError, FrontDoors as _, Upstream};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{WebSocketStream, accept_async, client_async};

const ANY: &str = "127.0.0.1:0";

fn api() -> ServiceName {
    "api".into()
}

/// A server that hands each connection to `serve`.
async fn server<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(ANY).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    addr
}

/// Answers each request on a connection with its own head, and says `name`.
async fn echo(name: &'static str) -> SocketAddr {
    server(move |mut stream| async move {
        while let Some(head) = head(&mut stream).await {
            let body = format!("{name}\n{head}");
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await
}

/// Reads up to the blank line; `None` at the end.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap().to_lowercase())
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}: ")))
    }
}

async fn ask(stream: &mut TcpStream, path: &str, headers: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nhost: gate\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let head = head(stream).await.unwrap();
    let mut answer = Answer {
        status: head[9..12].parse().unwrap(),
        head,
        body: String::new(),
    };
    let length = answer.header("content-length").unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    answer.body = String::from_utf8(body).unwrap();
    answer
}

async fn get(addr: SocketAddr, path: &str) -> Answer {
    ask(&mut TcpStream::connect(addr).await.unwrap(), path, "").await
}

fn upstream(addr: SocketAddr, revision: &str) -> Option<Upstream> {
    Some(Upstream {
        addr,
        revision: revision.into(),
        instance: format!("api-{revision}"),
    })
}

async fn nobody() -> SocketAddr {
    // It was ours a moment ago, and the system hands other ports out before it.
    TcpListener::bind(ANY).await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn a_door_without_upstream_says_so() {
    let doors = FrontDoors::new();
    let door = doors.open(&api(), ANY.parse().unwrap()).await.unwrap();
    let answer = get(door.addr, "/").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("x-assay-service"), Some("api"));
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["error"], "no healthy upstream");
    assert_eq!(body["revision"], serde_json::Value::Null);

    doors.route(&api(), upstream(nobody().await, "r1")).unwrap();
    let answer = get(door.addr, "/").await;
    assert_eq!(
        (answer.status, answer.header("x-assay-revision")),
        (503, None)
    );
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        (&body["revision"], &body["detail"]),
        (&"r1".into(), &"connection refused".into())
    );
}

#[tokio::test]
async fn an_upstream_that_hangs_up_is_told_from_one_that_refuses() {
    let doors = FrontDoors::new();
    let door = doors.open(&api(), ANY.parse().unwrap()).await.unwrap();
    let rude = server(|mut stream| async move { drop(head(&mut stream).await) }).await;
    doors.route(&api(), upstream(rude, "r1")).unwrap();
    let answer = get(door.addr, "/").await;
    assert_eq!(answer.status, 502);
    assert!(
        answer.body.contains("connection closed before an answer"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn a_kept_connection_follows_the_route() {
    let doors = FrontDoors::new();
    let door = doors.open(&api(), ANY.parse().unwrap()).await.unwrap();
    doors
        .route(&api(), upstream(echo("one").await, "r1"))
        .unwrap();
    let mut kept = TcpStream::connect(door.addr).await.unwrap();
    let first = ask(&mut kept, "/a?b=c", "x-mine: 1\r\nkeep-alive: 9\r\n").await;
    assert_eq!(
        (first.status, first.header("x-assay-revision")),
        (200, Some("r1"))
    );
    assert!(
        first.body.starts_with("one\nget /a?b=c http/1.1\r\n"),
        "{}",
        first.body
    );
    assert!(first.body.contains("host: gate\r\n") && first.body.contains("x-mine: 1\r\n"));
    assert!(!first.body.contains("keep-alive"), "{}", first.body);
    doors
        .route(&api(), upstream(echo("two").await, "r2"))
        .unwrap();
    let second = ask(&mut kept, "/", "").await;
    assert_eq!(second.header("x-assay-revision"), Some("r2"));
    assert!(second.body.starts_with("two\n"));
    doors.route(&api(), None).unwrap();
    assert_eq!(ask(&mut kept, "/", "").await.status, 503);
}

#[tokio::test]
async fn doors_open_once_and_name_what_is_in_the_way() {
    let doors = FrontDoors::new();
    let door = doors.open(&api(), ANY.parse().unwrap()).await.unwrap();
    for addr in [ANY.parse().unwrap(), door.addr] {
        assert_eq!(doors.open(&api(), addr).await.unwrap(), door);
    }
    let error = doors.open(&"other".into(), door.addr).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("front door of other: {} is in use", door.addr)
    );
    let error = doors
        .open(&api(), "127.0.0.1:1".parse().unwrap())
        .await
        .unwrap_err();
    assert!(matches!(error, DoorError::Elsewhere { .. }), "{error}");
    let error = doors.route(&"other".into(), None).unwrap_err();
    assert!(matches!(error, DoorError::NotOpen { .. }), "{error}");
    assert_eq!(doors.list(), [door]);
}

/// A WebSocket server that does `after` with its first message.
async fn ws_server<F>(
    after: impl Fn(WebSocketStream<TcpStream>, Message) -> F + Copy + Send + Sync + 'static,
) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    server(move |stream| async move {
        let Ok(mut socket) = accept_async(stream).await else {
            return;
        };
        if let Some(Ok(message)) = socket.next().await {
            after(socket, message).await;
        }
    })
    .await
}

async fn closing(code: u16) -> SocketAddr {
    server(move |stream| async move {
        let mut socket = accept_async(stream).await.unwrap();
        let message = socket.next().await.unwrap().unwrap();
        socket.send(message).await.unwrap();
        let frame = CloseFrame {
            code: code.into(),
            reason: "as told".into(),
        };
        socket.close(Some(frame)).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await
}

async fn ws(addr: SocketAddr, path: &str) -> Result<WebSocketStream<TcpStream>, WsError> {
    let stream = TcpStream::connect(addr).await.unwrap();
    client_async(format!("ws://gate{path}"), stream)
        .await
        .map(|(socket, _)| socket)
}

#[tokio::test]
async fn a_door_carries_a_websocket_and_names_the_revision() {
    let doors = FrontDoors::new();
    let door = doors.open(&api(), ANY.parse().unwrap()).await.unwrap();
    let error = ws(door.addr, "/ws").await.unwrap_err();
    assert!(matches!(error, WsError::Http(answer) if answer.status() == 503));
    doors
        .route(&api(), upstream(closing(1011).await, "r1"))
        .unwrap();
    let stream = TcpStream::connect(door.addr).await.unwrap();
    let (mut socket, answer) = client_async("ws://gate/ws", stream).await.unwrap();
    assert_eq!(answer.headers()["x-assay-revision"], "r1");
    let long = "x".repeat(200_000);
    socket.send(Message::text(long.clone())).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(long));
    let Message::Close(Some(frame)) = socket.next().await.unwrap().unwrap() else {
        panic!()
    };
    assert_eq!(u16::from(frame.code), 1011);
}

async fn session(target: SocketAddr, blackout: Option<&ServiceName>) -> Session {
    let targets = BTreeMap::from([(api(), format!("http://{target}"))]);
    Session::open(&targets, blackout).await.unwrap()
}

/// What the one exchange of a session was recorded as.
async fn recorded(session: Session) -> (String, String, u16) {
    let mut exchanges = session.finish().await;
    assert_eq!(exchanges.len(), 1, "{exchanges:?}");
    let exchange = exchanges.remove(0);
    (exchange.method, exchange.path, exchange.status)
}

fn record(method: &str, path: &str, status: u16) -> (String, String, u16) {
    (method.to_owned(), path.to_owned(), status)
}

#[tokio::test]
async fn exchanges_are_recorded_without_their_queries() {
    let doors = FrontDoors::new();
    let door = doors.open(&api(), ANY.parse().unwrap()).await.unwrap();
    doors
        .route(&api(), upstream(echo("one").await, "r7"))
        .unwrap();
    let session = session(door.addr, None).await;
    assert!(session.control().await);
    assert_eq!(
        session.url(&api()).unwrap(),
        format!("http://{}", session.addr(&api()).unwrap())
    );
    let mut kept = TcpStream::connect(session.addr(&api()).unwrap())
        .await
        .unwrap();
    for path in ["/first?token=secret", "/second"] {
        assert_eq!(ask(&mut kept, path, "").await.status, 200);
    }
    doors.route(&api(), None).unwrap();
    assert_eq!(ask(&mut kept, "/third", "").await.status, 503);
    let exchanges = session.finish().await;
    let seen: Vec<_> = exchanges
        .iter()
        .map(|it| {
            (
                it.method.as_str(),
                it.path.as_str(),
                it.status,
                it.revision.as_deref(),
            )
        })
        .collect();
    let expected = [
        ("GET", "/first", 200, Some("r7")),
        ("GET", "/second", 200, Some("r7")),
        ("GET", "/third", 503, None),
    ];
    assert_eq!(seen, expected);
    assert_eq!(
        kept.read(&mut [0]).await.unwrap_or(0),
        0,
        "the kept connection is cut"
    );
}

#[tokio::test]
async fn a_slow_answer_is_timed_to_its_end() {
    let slow = server(|mut stream| async move {
        head(&mut stream).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na")
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(150)).await;
        stream.write_all(b"b").await.unwrap();
    })
    .await;
    let session = session(slow, None).await;
    assert_eq!(get(session.addr(&api()).unwrap(), "/").await.body, "ab");
    assert!(session.finish().await[0].duration_ms >= 150);
}

#[tokio::test]
async fn no_answer_and_half_an_answer_are_zero() {
    let session = session(nobody().await, None).await;
    assert_eq!(
        get(session.addr(&api()).unwrap(), "/gone").await.status,
        502
    );
    assert_eq!(recorded(session).await, record("GET", "/gone", 0));

    let half = server(|mut stream| async move {
        head(&mut stream).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
            .await
            .unwrap();
    })
    .await;
    let session = self::session(half, None).await;
    let mut stream = TcpStream::connect(session.addr(&api()).unwrap())
        .await
        .unwrap();
    stream
        .write_all(b"GET /half HTTP/1.1\r\nhost: gate\r\n\r\n")
        .await
        .unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.ok();
    assert_eq!(recorded(session).await, record("GET", "/half", 0));
}

#[tokio::test]
async fn a_request_in_flight_is_cut_and_recorded() {
    let (arrived, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    let silent = server(move |mut stream| {
        let arrived = arrived.clone();
        async move {
            while head(&mut stream).await.is_some() {
                arrived.send(()).unwrap();
            }
        }
    })
    .await;
    let session = session(silent, None).await;
    let mut stream = TcpStream::connect(session.addr(&api()).unwrap())
        .await
        .unwrap();
    stream
        .write_all(b"GET /never HTTP/1.1\r\nhost: gate\r\n\r\n")
        .await
        .unwrap();
    arrivals.recv().await.unwrap();
    let watch = Stopwatch::start();
    assert_eq!(recorded(session).await, record("GET", "/never", 0));
    assert!(watch.elapsed() < Duration::from_secs(2));
    assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn close_codes_are_recorded() {
    for code in [1000, 1011, 4001] {
        let session = session(closing(code).await, None).await;
        let mut socket = ws(session.addr(&api()).unwrap(), "/ws?ticket=secret")
            .await
            .unwrap();
        socket.send(Message::text("hello")).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
        assert_eq!(recorded(session).await, record("WS", "/ws", code));
    }
}

#[tokio::test]
async fn a_client_that_closes_is_recorded_with_its_code() {
    let patient =
        ws_server(|mut socket, _| async move { while let Some(Ok(_)) = socket.next().await {} })
            .await;
    let session = session(patient, None).await;
    let mut socket = ws(session.addr(&api()).unwrap(), "/ws").await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    let frame = CloseFrame {
        code: 4002.into(),
        reason: "enough".into(),
    };
    socket.close(Some(frame)).await.unwrap();
    drop(socket);
    assert_eq!(recorded(session).await, record("WS", "/ws", 4002));
}

#[tokio::test]
async fn a_server_that_vanishes_is_1006() {
    let session = session(
        ws_server(|socket, _| async move { drop(socket) }).await,
        None,
    )
    .await;
    let mut socket = ws(session.addr(&api()).unwrap(), "/ws").await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
    assert_eq!(recorded(session).await, record("WS", "/ws", 1006));
}

#[tokio::test]
async fn a_websocket_that_is_cut_is_zero_and_a_refused_one_has_its_status() {
    let patient =
        ws_server(|mut socket, _| async move { while let Some(Ok(_)) = socket.next().await {} })
            .await;
    let session = session(patient, None).await;
    let socket = ws(session.addr(&api()).unwrap(), "/ws").await.unwrap();
    assert_eq!(recorded(session).await, record("WS", "/ws", 0));
    drop(socket);

    let doors = FrontDoors::new();
    let door = doors.open(&api(), ANY.parse().unwrap()).await.unwrap();
    let session = self::session(door.addr, None).await;
    ws(session.addr(&api()).unwrap(), "/ws").await.unwrap_err();
    assert_eq!(recorded(session).await, record("WS", "/ws", 503));
}

#[tokio::test]
async fn a_blackout_refuses_at_once_and_harms_nobody_else() {
    let target = echo("one").await;
    let targets = BTreeMap::from([
        (api(), target.to_string()),
        ("auth".into(), target.to_string()),
    ]);
    let session = Session::open(&targets, Some(&api())).await.unwrap();
    assert!(session.control().await);
    let dark = session.addr(&api()).unwrap();
    let watch = Stopwatch::start();
    for _ in 0..20 {
        let error = TcpStream::connect(dark).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    }
    assert!(watch.elapsed() < Duration::from_secs(1));
    let error = TcpListener::bind(dark).await.unwrap_err();
    assert_eq!(
        error.kind(),
        std::io::ErrorKind::AddrInUse,
        "nobody can take its place"
    );
    assert_eq!(
        get(session.addr(&"auth".into()).unwrap(), "/up")
            .await
            .status,
        200
    );
    assert_eq!(get(target, "/direct").await.status, 200);
    assert_eq!(recorded(session).await, record("GET", "/up", 200));
    assert!(
        Session::open(&targets, Some(&"nobody".into()))
            .await
            .is_err()
    );
}
