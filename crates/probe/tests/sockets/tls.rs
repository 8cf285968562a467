//! TLS against servers with certificates of every kind.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use assay_model::{Health, ProbeKind, Status, Timestamp, TlsPolicy};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::{SHORT_MS, answer, ask, expect, http, response, serve, silent, target};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An authority, and the folder of a project that trusts it.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("ca.pem"), certificate.pem()).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            root,
        }
    }

    /// A server with a certificate for `name`, valid from now minus to now plus these days.
    async fn serve(&self, name: &str, from_days: i64, to_days: i64) -> String {
        let (params, key) = leaf(name, from_days, to_days);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        secure(certificate.der().clone(), &key).await
    }
}

fn leaf(name: &str, from_days: i64, to_days: i64) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = days_from_now(from_days).into();
    params.not_after = days_from_now(to_days).into();
    (params, KeyPair::generate().unwrap())
}

fn days_from_now(days: i64) -> SystemTime {
    let distance = DAY * u32::try_from(days.abs()).unwrap();
    let seconds = u64::try_from(Timestamp::now().as_second()).unwrap();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    // An hour past whole days, so that rounding down gives what was asked for.
    let hour = Duration::from_secs(60 * 60);
    if days < 0 {
        now - distance - hour
    } else {
        now + distance + hour
    }
}

/// A server that answers any request over TLS with 200.
async fn secure(certificate: CertificateDer<'static>, key: &KeyPair) -> String {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut request = [0; 4096];
                let _request = stream.read(&mut request).await;
                let answer = response("200 OK", "", "");
                let _gone = stream.write_all(answer.as_bytes()).await;
                let _gone = stream.shutdown().await;
            });
        }
    });
    format!("https://localhost:{port}")
}

async fn probe(url: &str, root: &Path, change: impl FnOnce(&mut TlsPolicy)) -> Health {
    let kind = match url.starts_with("https") {
        true => http(&[]),
        false => ProbeKind::Tcp,
    };
    let mut target = target(url, kind, 5000);
    target.probe.degraded_ms = 4000;
    target.probe.tls.ca = Some("ca.pem".to_owned());
    change(&mut target.probe.tls);
    ask(&target, root).await.0
}

async fn check(name: &str, from_days: i64, to_days: i64, status: Status, detail: &str) -> Health {
    let authority = Authority::new();
    let url = authority.serve(name, from_days, to_days).await;
    let health = probe(&url, authority.root.path(), |_| {}).await;
    expect(&health, status, detail);
    health
}

#[tokio::test]
async fn certificates_are_told_apart() {
    use Status::{Degraded, Healthy, TlsFailed};
    let health = check("localhost", -1, 90, Healthy, "answered 200 in").await;
    let certificate = health.certificate.unwrap();
    assert_eq!(
        (&*certificate.names, certificate.days_left),
        (&["localhost".to_owned()][..], 90)
    );
    let detail = "; certificate ends in 5 days (";
    check("localhost", -1, 5, Degraded, detail).await;
    let detail = "certificate expired 3 days ago (";
    let health = check("localhost", -9, -3, TlsFailed, detail).await;
    assert_eq!(health.certificate.unwrap().days_left, -3);
    let detail = "certificate is not valid for another 2 days (";
    check("localhost", 2, 9, TlsFailed, detail).await;
    let detail = "certificate is for other.test, not localhost";
    check("other.test", -1, 90, TlsFailed, detail).await;
}

#[tokio::test]
async fn strangers_are_told_apart() {
    let authority = Authority::new();
    let url = authority.serve("localhost", -1, 90).await;
    let health = probe(&url, authority.root.path(), |policy| policy.ca = None).await;
    // Where a system trusts nobody, that is what is said.
    assert_eq!(health.status, Status::TlsFailed, "{health:?}");
    let stranger = Authority::new();
    let health = probe(&url, stranger.root.path(), |_| {}).await;
    expect(&health, Status::TlsFailed, "self-signed certificate");
}

#[tokio::test]
async fn an_unknown_issuer_is_named() {
    let authority = Authority::new();
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let name = rcgen::DnType::CommonName;
    params.distinguished_name.push(name, "some other authority");
    let issuer = Issuer::new(params, KeyPair::generate().unwrap());
    let (leaf, key) = leaf("localhost", -1, 90);
    let certificate = leaf.signed_by(&key, &issuer).unwrap();
    let url = secure(certificate.der().clone(), &key).await;
    let health = probe(&url, authority.root.path(), |_| {}).await;
    let detail = "certificate of an unknown issuer: CN=some other authority";
    expect(&health, Status::TlsFailed, detail);
    assert!(health.certificate.is_some(), "{health:?}");
}

#[tokio::test]
async fn a_self_signed_certificate_is_refused_unless_it_is_named() {
    let authority = Authority::new();
    let (mut params, key) = leaf("localhost", -1, 90);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap();
    let url = secure(certificate.der().clone(), &key).await;
    let root = authority.root.path();
    let health = probe(&url, root, |_| {}).await;
    expect(&health, Status::TlsFailed, "self-signed certificate");
    std::fs::write(root.join("own.pem"), certificate.pem()).unwrap();
    let own = |policy: &mut TlsPolicy| policy.ca = Some("own.pem".to_owned());
    expect(&probe(&url, root, own).await, Status::Healthy, "answered");
    let by_ip = url.replace("localhost", "127.0.0.1");
    let health = probe(&by_ip, root, own).await;
    let detail = "certificate is for localhost, not 127.0.0.1";
    expect(&health, Status::TlsFailed, detail);
}

#[tokio::test]
async fn the_policy_holds() {
    let authority = Authority::new();
    let root = authority.root.path();
    let url = authority.serve("other.test", -9, -3).await;
    let health = probe(&url, root, |policy| policy.verify = false).await;
    expect(&health, Status::Healthy, "; certificate not verified");
    assert!(health.certificate.is_some());
    let url = authority.serve("other.test", -1, 90).await;
    let other = |policy: &mut TlsPolicy| policy.server_name = Some("other.test".to_owned());
    expect(&probe(&url, root, other).await, Status::Healthy, "answered");
    let long = |policy: &mut TlsPolicy| {
        policy.server_name = Some("other.test".to_owned());
        policy.days_min = 100;
    };
    let detail = "certificate ends in 90 days";
    expect(&probe(&url, root, long).await, Status::Degraded, detail);
    let missing = |policy: &mut TlsPolicy| policy.ca = Some("none.pem".to_owned());
    let health = probe(&url, root, missing).await;
    expect(&health, Status::TlsFailed, "`none.pem` cannot be read");
}

#[tokio::test]
async fn a_bare_connection_can_be_secured_too() {
    let authority = Authority::new();
    let root = authority.root.path();
    let url = authority.serve("localhost", -1, 90).await;
    let health = probe(&url.replace("https", "tls"), root, |_| {}).await;
    expect(&health, Status::Healthy, "accepted and secured in");
    let health = probe(&url.replace("https", "tcp"), root, |_| {}).await;
    expect(&health, Status::Healthy, "accepted in");
    assert_eq!(health.certificate, None);
}

#[tokio::test]
async fn a_server_without_tls_is_told_so() {
    let authority = Authority::new();
    let root = authority.root.path();
    let check = async |address: String, status, detail: &str| {
        let mut target = target(&format!("https://{address}"), http(&[]), SHORT_MS);
        target.probe.tls.ca = Some("ca.pem".to_owned());
        expect(&ask(&target, root).await.0, status, detail);
    };
    // A server without TLS answers to the first line feed that it finds in a handshake, if any.
    let plain = serve(|mut stream| async move {
        let mut hello = [0; 16];
        let _hello = stream.read(&mut hello).await;
        let _gone = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    check(plain, Status::TlsFailed, "no TLS there").await;
    let closed = serve(|mut stream| async move {
        let mut hello = [0; 16];
        let _hello = stream.read(&mut hello).await;
    })
    .await;
    let detail = "connection closed during the TLS handshake";
    check(closed, Status::TlsFailed, detail).await;
    let silent = silent().await;
    let detail = "no TLS handshake within 300 ms";
    check(silent, Status::Unreachable, detail).await;
}

#[tokio::test]
async fn a_port_that_speaks_tls_is_recognised_without() {
    let authority = Authority::new();
    let url = authority.serve("localhost", -1, 90).await;
    let url = url.replace("https", "http");
    let health = probe(&url, authority.root.path(), |_| {}).await;
    // This probe asks a bare connection, which is accepted; HTTP is what fails.
    assert_eq!(health.status, Status::Healthy);
    let (health, _) = ask(&target(&url, http(&[]), 5000), Path::new(".")).await;
    expect(&health, Status::TlsFailed, "the port speaks TLS");
    let nginx = "The plain HTTP request was sent to HTTPS port";
    let address = answer(response("400 Bad Request", "", nginx)).await;
    let (health, _) = ask(
        &target(&format!("http://{address}"), http(&[]), 5000),
        Path::new("."),
    )
    .await;
    expect(&health, Status::TlsFailed, "ask it with https");
}

#[tokio::test]
async fn from_https_to_http_is_not_followed() {
    let authority = Authority::new();
    let (params, key) = leaf("localhost", -1, 90);
    let certificate = params.signed_by(&key, &authority.issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let address = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            let mut request = [0; 4096];
            let _request = stream.read(&mut request).await;
            let answer = response("302 Found", "location: http://localhost/x\r\n", "");
            let _gone = stream.write_all(answer.as_bytes()).await;
        }
    })
    .await;
    let url = format!("https://{}", address.replace("127.0.0.1", "localhost"));
    let ProbeKind::Http(mut http) = http(&[]) else {
        unreachable!()
    };
    http.redirects_max = 3;
    let mut target = target(&url, ProbeKind::Http(http), 5000);
    target.probe.tls.ca = Some("ca.pem".to_owned());
    let (health, _) = ask(&target, authority.root.path()).await;
    let detail = "redirected from https to http://localhost/x";
    expect(&health, Status::Unavailable, detail);
}
