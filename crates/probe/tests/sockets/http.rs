//! HTTP and TCP against servers that misbehave in every way that was thought of.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use assay_model::{HttpProbe, ProbeKind, Prober, Status, StatusRange};
use assay_probe::NetworkProber;
use tokio::io::AsyncWriteExt;

use crate::support::{
    self, SHORT_MS, answer, check, closed_address, http, probe, read_request, record, response,
    serve, silent, target,
};

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
async fn a_redirect_is_judged_itself_unless_followed() {
    let address = answer(response("302 Found", "location: /elsewhere\r\n", "")).await;
    let detail = "expected 200, got 302, a redirect to /elsewhere";
    check(&address, 5000, Status::Unavailable, detail).await;
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
    let detail = "the headers of the answer did not end within 300 ms";
    check(&address, SHORT_MS, Status::Unreachable, detail).await;
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "took {:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn garbage_is_named_and_shown() {
    let address = answer("220 mail.test ready\r\n\r\n").await;
    let detail = r#"the answer is not HTTP: it starts with "220 mail.test ready""#;
    check(&address, 5000, Status::Unavailable, detail).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_speaks_first_is_named_alike_every_time() {
    let shy = "the answer is not HTTP: it starts with \"SSH-2.0-x\"";
    let busy = "503";
    for (words, detail) in [
        ("SSH-2.0-x\r\n", shy),
        ("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n", busy),
    ] {
        let address = serve(move |mut stream| async move {
            let _gone = stream.write_all(words.as_bytes()).await;
            // Closing with an unread request would throw the words away.
            read_request(&mut stream).await;
        })
        .await;
        // Whether the words or the request come first is chance.
        for _ in 0..64 {
            check(&address, 5000, Status::Unavailable, detail).await;
        }
    }
}

#[tokio::test]
async fn an_alert_of_tls_is_recognised() {
    let address = answer(vec![0x15, 0x03, 0x01, 0, 2, 2, 22]).await;
    check(&address, 5000, Status::TlsFailed, "the port speaks TLS").await;
}

#[tokio::test]
async fn huge_headers_are_refused() {
    let head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n", "y".repeat(200 * 1024));
    let address = answer(head).await;
    check(
        &address,
        5000,
        Status::Unavailable,
        "headers of the answer are too long",
    )
    .await;
    let many: String = (0..500).map(|n| format!("x-{n}: y\r\n")).collect();
    let address = answer(response("200 OK", &many, "")).await;
    check(
        &address,
        5000,
        Status::Unavailable,
        "headers of the answer are too long",
    )
    .await;
}

#[tokio::test]
async fn who_may_not_ask_is_told_so() {
    let address = answer(response("401 Unauthorized", "", "")).await;
    check(&address, 5000, Status::AuthFailed, "expected 200, got 401").await;
}

#[tokio::test]
async fn the_request_is_the_configured_one() {
    let (address, requests) = record(response("201 Created", "", "made")).await;
    let mut probe = HttpProbe::get("/things?x=1");
    probe.method = "POST".to_owned();
    probe.request_headers = [("X-Api-Key".to_owned(), "hush".to_owned())].into();
    probe.request_body = Some("{}".to_owned());
    probe.expect = vec![StatusRange { from: 200, to: 299 }];
    probe.body = Some("made".to_owned());
    let kind = ProbeKind::Http(probe);
    let (health, exchange) = support::probe(&format!("http://me:pw@{address}"), kind, 5000).await;
    assert_eq!(health.status, Status::Healthy, "{health:?}");
    let request = requests.lock().unwrap().join("");
    for part in [
        "POST /things?x=1 HTTP/1.1",
        "x-api-key: hush",
        "content-length: 2",
        "authorization: Basic bWU6cHc=",
        &format!("host: {address}"),
    ] {
        assert!(request.contains(part), "{part:?} is not in {request}");
    }
    assert!(
        !exchange.contains("hush") && !exchange.contains("bWU6cHc="),
        "{exchange}"
    );
}

#[tokio::test]
async fn what_makes_no_request_says_so() {
    for (method, header, detail) in [
        ("GE T", "x", "`GE T` is not an HTTP method"),
        ("GET", "a b", "`a b` is not the name of a header"),
    ] {
        let mut probe = HttpProbe::get("/");
        probe.method = method.to_owned();
        probe.request_headers = [(header.to_owned(), String::new())].into();
        let kind = ProbeKind::Http(probe);
        let (health, _) = support::probe("http://127.0.0.1:1", kind, 5000).await;
        assert_eq!(health.detail, detail);
    }
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
    let (health, _) = probe("ftp://127.0.0.1:1", kind(), 5000).await;
    assert_eq!(health.status, Status::Unreachable);
    assert!(health.detail.contains("over HTTP"), "{health:?}");
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
    let address = silent().await;
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
async fn several_samples_make_one_result() {
    let address = answer(response("200 OK", "", "")).await;
    let prober = NetworkProber::new(Path::new("."));
    let mut target = target(&format!("http://{address}"), http(&[]), 5000);
    target.probe.samples = 5;
    // Twice: a probe can be repeated.
    for _ in 0..2 {
        let (health, exchange) = prober.probe(&target).await;
        assert_eq!(health.status, Status::Healthy, "{health:?}");
        let samples = health.samples.unwrap();
        assert_eq!((samples.count, samples.failed), (5, 0));
        assert!(
            health.detail.starts_with("5 samples: p50 "),
            "{}",
            health.detail
        );
        assert!(String::from_utf8_lossy(&exchange).contains("sample 5: healthy"));
    }
}

#[tokio::test]
async fn one_failing_sample_is_not_lost_among_good_ones() {
    let asked = Arc::new(AtomicUsize::new(0));
    let address = serve(move |mut stream| {
        let asked = Arc::clone(&asked);
        async move {
            read_request(&mut stream).await;
            let status = match asked.fetch_add(1, Ordering::SeqCst) {
                2 => "503 Service Unavailable",
                _ => "200 OK",
            };
            let _gone = stream.write_all(response(status, "", "").as_bytes()).await;
        }
    })
    .await;
    let mut target = target(&format!("http://{address}"), http(&[]), 5000);
    target.probe.samples = 4;
    let (health, _) = NetworkProber::new(Path::new(".")).probe(&target).await;
    assert_eq!(health.status, Status::Unavailable, "{health:?}");
    assert_eq!(
        health.detail,
        "1 of 4 samples failed: expected 200, got 503"
    );
}
