//! Probes against real sockets that misbehave in every way that was thought of.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may fail like the test"
)]

use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, Instant};

use assay_model::{Health, Probe, ProbeKind, ProbeTarget, Prober, Status};
use assay_probe::NetworkProber;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Deadline of the probes that are meant to hit it.
const SHORT_MS: u64 = 300;

/// A server that treats each connection with `behave`; gives its address.
async fn serve<F, W>(behave: F) -> String
where
    F: Fn(TcpStream) -> W + Send + 'static,
    W: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(behave(stream));
        }
    });
    address
}

/// A server that answers each request with these bytes and closes.
async fn answer(bytes: impl Into<Vec<u8>>) -> String {
    let bytes: Vec<u8> = bytes.into();
    serve(move |mut stream| {
        let bytes = bytes.clone();
        async move {
            read_request(&mut stream).await;
            let _closed_early = stream.write_all(&bytes).await;
        }
    })
    .await
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).await.is_ok() {
        request.push(byte[0]);
    }
    String::from_utf8_lossy(&request).into_owned()
}

fn response(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn http(json: &[(&str, &str)]) -> ProbeKind {
    let json: BTreeMap<_, _> = json
        .iter()
        .map(|(path, value)| ((*path).to_owned(), (*value).into()))
        .collect();
    ProbeKind::Http {
        path: "/health".to_owned(),
        expect: 200,
        json,
    }
}

async fn probe(url: &str, kind: ProbeKind, timeout_ms: u64) -> (Health, String) {
    let probe = Probe {
        kind,
        degraded_ms: 150,
        timeout_ms,
    };
    let target = ProbeTarget {
        service: "api".into(),
        url: url.to_owned(),
        probe,
    };
    let (health, exchange) = NetworkProber::new().probe(&target).await;
    (health, String::from_utf8_lossy(&exchange).into_owned())
}

/// Probes `http://address/health` and compares status and a part of the detail.
async fn check(address: &str, timeout_ms: u64, status: Status, detail: &str) -> (Health, String) {
    let (health, exchange) = probe(&format!("http://{address}"), http(&[]), timeout_ms).await;
    assert_eq!(health.status, status, "{health:?}\n{exchange}");
    assert!(
        health.detail.contains(detail),
        "{detail:?} is not in {:?}",
        health.detail
    );
    assert!(exchange.contains(&health.detail), "{exchange}");
    (health, exchange)
}

/// An address where nobody listens.
async fn closed_address() -> String {
    TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string()
}

#[tokio::test]
async fn a_good_answer_is_healthy_and_kept_as_it_was() {
    let body = r#"{"status":"healthy","revision":"from-body"}"#;
    let address = answer(response("200 OK", "x-assay-revision: abc123\r\n", body)).await;
    let (health, exchange) = check(&address, 5000, Status::Healthy, "answered 200").await;
    assert_eq!(health.http_status, Some(200));
    assert_eq!(health.revision.as_deref(), Some("abc123"));
    assert_eq!(health.target, format!("http://{address}/health"));
    for part in [
        "GET /health HTTP/1.1",
        "HTTP/1.1 200 OK",
        "x-assay-revision: abc123",
        body,
    ] {
        assert!(exchange.contains(part), "{part:?} is not in {exchange}");
    }
}

#[tokio::test]
async fn a_slow_good_answer_is_degraded() {
    let address = serve(|mut stream| async move {
        read_request(&mut stream).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        stream
            .write_all(response("200 OK", "", "").as_bytes())
            .await
            .unwrap();
    })
    .await;
    let (health, _) = check(&address, 5000, Status::Degraded, "slower than 150 ms").await;
    assert!(health.latency_ms >= 200, "{health:?}");
}

#[tokio::test]
async fn a_front_door_without_an_upstream_is_unavailable() {
    let address = answer(response(
        "503 Service Unavailable",
        "",
        "no healthy upstream",
    ))
    .await;
    let (health, exchange) = check(&address, 5000, Status::Unavailable, "got 503").await;
    assert_eq!(health.http_status, Some(503));
    assert!(exchange.contains("no healthy upstream"), "{exchange}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let address = answer(response("302 Found", "location: /elsewhere\r\n", "")).await;
    check(&address, 5000, Status::Unavailable, "expected 200, got 302").await;
}

#[tokio::test]
async fn a_wrong_body_is_unavailable() {
    let address = answer(response("200 OK", "", r#"{"status":"starting"}"#)).await;
    let kind = http(&[("$.status", "healthy")]);
    let (health, _) = probe(&format!("http://{address}"), kind, 5000).await;
    assert_eq!(health.status, Status::Unavailable, "{health:?}");
    assert!(health.detail.contains("got \"starting\""), "{health:?}");
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let address = closed_address().await;
    let (health, _) = check(&address, 5000, Status::Refused, "connection refused").await;
    assert_eq!(health.http_status, None);
    let (health, exchange) = probe(&format!("tcp://{address}"), ProbeKind::Tcp, 5000).await;
    assert_eq!(health.status, Status::Refused, "{health:?}");
    assert!(
        exchange.contains(&format!("CONNECT tcp://{address}")),
        "{exchange}"
    );
}

#[tokio::test]
async fn silence_is_unreachable_after_the_deadline() {
    let address = serve(|mut stream| async move {
        read_request(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let (health, _) = check(&address, SHORT_MS, Status::Unreachable, "no answer within").await;
    assert!(health.latency_ms >= SHORT_MS, "{health:?}");
}

#[tokio::test]
async fn a_dripping_body_does_not_outlive_the_deadline() {
    let address = serve(|mut stream| async move {
        read_request(&mut stream).await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
            .await
            .unwrap();
        while stream.write_all(b".").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let started = Instant::now();
    let (health, _) = check(
        &address,
        SHORT_MS,
        Status::Unreachable,
        "did not end within",
    )
    .await;
    assert_eq!(health.http_status, Some(200));
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "took {:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_dripping_head_does_not_outlive_the_deadline() {
    let address = serve(|mut stream| async move {
        read_request(&mut stream).await;
        while stream.write_all(b"H").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    })
    .await;
    let started = Instant::now();
    check(&address, SHORT_MS, Status::Unreachable, "").await;
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "took {:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn garbage_is_unreachable() {
    let address = answer("\u{1}\u{2} 220 mail ready\r\n\r\n").await;
    check(&address, 5000, Status::Unreachable, "not HTTP").await;
}

#[tokio::test]
async fn a_connection_closed_at_once_is_unreachable() {
    let address = serve(|stream| async move { drop(stream) }).await;
    check(&address, 5000, Status::Unreachable, "connection").await;
}

#[tokio::test]
async fn a_body_cut_short_is_unreachable() {
    let address = answer("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this").await;
    let (_, exchange) = check(&address, 5000, Status::Unreachable, "closed before").await;
    assert!(exchange.contains("only this"), "{exchange}");
}

#[tokio::test]
async fn an_endless_body_is_cut() {
    let address = serve(|mut stream| async move {
        read_request(&mut stream).await;
        let head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
        let mut open = stream.write_all(head).await.is_ok();
        while open {
            open = stream.write_all(&[b'x'; 8192]).await.is_ok();
        }
    })
    .await;
    let (health, exchange) = probe(&format!("http://{address}"), http(&[]), 5000).await;
    assert!(health.status.serves(), "{health:?}");
    assert!(exchange.len() < 70_000 && exchange.contains("[cut at 65536 bytes]"));
}

#[tokio::test]
async fn what_cannot_be_asked_says_why() {
    let kind = || http(&[]);
    let (health, _) = probe("https://127.0.0.1:1", kind(), 5000).await;
    assert_eq!(health.status, Status::Unreachable);
    assert!(health.detail.contains("TLS"), "{health:?}");
    let (health, _) = probe("http://no-such-host.invalid:1", kind(), 5000).await;
    assert_eq!(health.status, Status::Unreachable);
    assert!(
        health
            .detail
            .contains("no address for `no-such-host.invalid`"),
        "{health:?}"
    );
    let (health, _) = probe("tcp://no-such-host.invalid:1", ProbeKind::Tcp, 5000).await;
    assert_eq!(health.status, Status::Unreachable);
    assert!(
        health
            .detail
            .contains("no address for `no-such-host.invalid`"),
        "{health:?}"
    );
}

#[tokio::test]
async fn a_tcp_probe_asks_for_a_connection_alone() {
    let address = serve(|_stream| std::future::pending()).await;
    let (health, _) = probe(
        &format!("postgres://me:hush@{address}/x"),
        ProbeKind::Tcp,
        5000,
    )
    .await;
    assert_eq!(health.status, Status::Healthy, "{health:?}");
    assert_eq!(health.target, format!("tcp://{address}"));
}

#[tokio::test]
async fn a_password_in_the_url_is_not_shown() {
    let address = answer(response("200 OK", "", "")).await;
    let url = format!("http://me:hush@{address}");
    let (health, exchange) = probe(&url, http(&[]), 5000).await;
    assert_eq!(health.status, Status::Healthy, "{health:?}");
    assert!(!format!("{health:?} {exchange}").contains("hush"));
}

#[tokio::test]
async fn a_probe_can_be_repeated() {
    let address = answer(response("200 OK", "", "")).await;
    let prober = NetworkProber::new();
    let probe = Probe {
        kind: http(&[]),
        degraded_ms: 150,
        timeout_ms: 5000,
    };
    let target = ProbeTarget {
        service: "api".into(),
        url: format!("http://{address}"),
        probe,
    };
    for _ in 0..2 {
        assert_eq!(prober.probe(&target).await.0.status, Status::Healthy);
    }
}
