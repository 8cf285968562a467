//! gRPC servers with and without a health service.

use std::convert::Infallible;

use assay_model::{Health, ProbeKind, Status};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic_health::ServingStatus;
use tower_service::Service;

use crate::support::{SHORT_MS, closed_address, expect, probe, response, serve, silent};

/// A server that says of `shop.Orders` that it serves, and of `shop.Stock` that it does not.
async fn healthy() -> String {
    let (reporter, service) = tonic_health::server::health_reporter();
    let states = [
        ("shop.Orders", ServingStatus::Serving),
        ("shop.Stock", ServingStatus::NotServing),
        ("shop.Odd", ServingStatus::Unknown),
    ];
    for (name, state) in states {
        reporter.set_service_status(name, state).await;
    }
    serve(move |stream| {
        let service = service.clone();
        let answer = service_fn(move |request| service.clone().call(request));
        async move {
            let _ended = http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        }
    })
    .await
}

/// A server of HTTP/2 that answers every call with this gRPC status.
async fn answering(code: &'static str, message: &'static str) -> String {
    serve(move |stream| async move {
        let answer = service_fn(move |_request| async move {
            let response = http::Response::builder()
                .header("content-type", "application/grpc")
                .header("grpc-status", code)
                .header("grpc-message", message)
                .body(tonic::body::Body::empty())
                .unwrap();
            Ok::<_, Infallible>(response)
        });
        let _ended = http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), answer)
            .await;
    })
    .await
}

async fn ask(url: &str, service: &str, timeout_ms: u64) -> Health {
    let service = service.to_owned();
    probe(url, ProbeKind::Grpc { service }, timeout_ms).await.0
}

async fn check(address: &str, service: &str, status: Status, detail: &str) {
    let health = ask(&format!("grpc://{address}"), service, 2000).await;
    expect(&health, status, detail);
}

#[tokio::test]
async fn states_are_told_apart() {
    use Status::{Healthy, Unavailable};
    let address = healthy().await;
    check(&address, "", Healthy, "SERVING in").await;
    check(&address, "shop.Orders", Healthy, "SERVING in").await;
    let detail = "`shop.Stock` is NOT_SERVING";
    check(&address, "shop.Stock", Unavailable, detail).await;
    let detail = "`shop.Odd` does not say (UNKNOWN)";
    check(&address, "shop.Odd", Unavailable, detail).await;
    let detail = "`shop.None` is not known there (NOT_FOUND)";
    check(&address, "shop.None", Unavailable, detail).await;
    let health = ask(&format!("http://{address}"), "", 2000).await;
    expect(&health, Healthy, "SERVING");
}

#[tokio::test]
async fn refusals_are_told_apart() {
    use Status::{AuthFailed, Unavailable};
    let address = answering("12", "").await;
    check(&address, "", Unavailable, "no health service").await;
    let address = answering("16", "no token").await;
    check(&address, "", AuthFailed, "UNAUTHENTICATED: no token").await;
    let address = answering("14", "draining").await;
    check(&address, "", Unavailable, "UNAVAILABLE: draining").await;
}

#[tokio::test]
async fn impostors_are_named() {
    // One that closes only once it has heard the other side out, as servers of HTTP/1 do.
    let address = serve(|mut stream| async move {
        let answer = response("400 Bad Request", "", "");
        let _gone = stream.write_all(answer.as_bytes()).await;
        let mut heard = Vec::new();
        let _gone = stream.read_to_end(&mut heard).await;
    })
    .await;
    let detail = r#"the answer is not HTTP/2: it starts with "HTTP/1.1 400 Bad Request""#;
    check(&address, "", Status::Unavailable, detail).await;
    let detail = "connection refused";
    check(&closed_address().await, "", Status::Refused, detail).await;
    let address = serve(|stream| async move { drop(stream) }).await;
    check(&address, "", Status::Unreachable, "connection").await;
    let address = serve(|mut stream| async move {
        let _gone = stream.write_all(b"\x15\x03\x01\x00\x02\x02\x16").await;
        let mut heard = Vec::new();
        let _gone = stream.read_to_end(&mut heard).await;
    })
    .await;
    check(&address, "", Status::TlsFailed, "the port speaks TLS").await;
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    let address = silent().await;
    let health = ask(&format!("grpc://{address}"), "", SHORT_MS).await;
    expect(&health, Status::Unreachable, "no answer within 300 ms");
}
