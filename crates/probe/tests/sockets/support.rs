//! Servers of the tests' own, and probes of them.

use std::future::Future;
use std::path::Path;
use std::sync::{Arc, Mutex};

use assay_model::{Health, HttpProbe, Probe, ProbeKind, ProbeTarget, Prober, Status};
use assay_probe::NetworkProber;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Deadline of the probes that are meant to hit it.
pub(crate) const SHORT_MS: u64 = 300;

/// A server that treats each connection with `behave`; gives its address.
pub(crate) async fn serve<F, W>(behave: F) -> String
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
pub(crate) async fn answer(bytes: impl Into<Vec<u8>>) -> String {
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

pub(crate) async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).await.is_ok() {
        request.push(byte[0]);
    }
    String::from_utf8_lossy(&request).into_owned()
}

pub(crate) fn response(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The requests that a server got so far.
pub(crate) type Requests = Arc<Mutex<Vec<String>>>;

/// A server that answers each request with these bytes, closes, and remembers the requests.
pub(crate) async fn record(bytes: impl Into<Vec<u8>>) -> (String, Requests) {
    let bytes: Vec<u8> = bytes.into();
    let requests = Requests::default();
    let seen = Arc::clone(&requests);
    let address = serve(move |mut stream| {
        let (bytes, seen) = (bytes.clone(), Arc::clone(&seen));
        async move {
            let request = read_request(&mut stream).await;
            seen.lock().unwrap().push(request);
            let _closed_early = stream.write_all(&bytes).await;
        }
    })
    .await;
    (address, requests)
}

/// `GET /health`, answered with 200 and these values.
pub(crate) fn http(json: &[(&str, &str)]) -> ProbeKind {
    let mut probe = HttpProbe::get("/health");
    let json = json.iter();
    probe.json = json
        .map(|(path, value)| ((*path).to_owned(), (*value).into()))
        .collect();
    ProbeKind::Http(probe)
}

/// A target with one sample, degraded after 150 ms.
pub(crate) fn target(url: &str, kind: ProbeKind, timeout_ms: u64) -> ProbeTarget {
    let mut probe = Probe::new(kind);
    probe.degraded_ms = 150;
    probe.timeout_ms = timeout_ms;
    ProbeTarget {
        service: "api".into(),
        url: url.to_owned(),
        probe,
    }
}

/// Probes once, in this folder.
pub(crate) async fn probe(url: &str, kind: ProbeKind, timeout_ms: u64) -> (Health, String) {
    ask(&target(url, kind, timeout_ms), Path::new(".")).await
}

/// Probes `target` for a project in `root`.
pub(crate) async fn ask(target: &ProbeTarget, root: &Path) -> (Health, String) {
    let (health, exchange) = NetworkProber::new(root).probe(target).await;
    (health, String::from_utf8_lossy(&exchange).into_owned())
}

/// Compares status and a part of the detail.
pub(crate) fn expect(health: &Health, status: Status, detail: &str) {
    assert_eq!(health.status, status, "{health:?}");
    assert!(
        health.detail.contains(detail),
        "{detail:?} is not in {:?}",
        health.detail
    );
}

/// Probes `http://address/health` and compares status and a part of the detail.
pub(crate) async fn check(
    address: &str,
    timeout_ms: u64,
    status: Status,
    detail: &str,
) -> (Health, String) {
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

/// A server that accepts, and says nothing.
pub(crate) async fn silent() -> String {
    serve(|stream| async move {
        let _open = stream;
        std::future::pending().await
    })
    .await
}

/// An address where nobody listens.
pub(crate) async fn closed_address() -> String {
    TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string()
}
