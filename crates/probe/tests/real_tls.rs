//! HTTP and TLS against a real nginx, which `cargo xtask test` starts.

use std::path::Path;

use assay_model::{Health, HttpProbe, Probe, ProbeKind, ProbeTarget, Prober, Status};
use assay_probe::NetworkProber;

/// The value of a variable that `cargo xtask servers` prints.
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run `cargo xtask test`, which starts the servers")
    })
}

async fn ask(url: String, change: impl FnOnce(&mut Probe)) -> Health {
    let mut probe = Probe::new(ProbeKind::Http(HttpProbe::get("/health")));
    probe.tls.ca = Some(variable("ASSAY_TEST_TLS_CA"));
    change(&mut probe);
    let target = ProbeTarget {
        service: "web".into(),
        url,
        probe,
    };
    NetworkProber::new(Path::new(".")).probe(&target).await.0
}

async fn check(url: &str, status: Status, detail: &str) -> Health {
    let health = ask(variable(url), |_| {}).await;
    assert_eq!(health.status, status, "{health:?}");
    assert!(health.detail.contains(detail), "{health:?}");
    health
}

#[tokio::test]
async fn certificates_of_nginx_are_told_apart() {
    use Status::{Degraded, Healthy, TlsFailed};
    let good = check("ASSAY_TEST_HTTPS_GOOD_URL", Healthy, "answered 200 in").await;
    assert!(good.certificate.is_some_and(|it| it.days_left > 14));
    let detail = "certificate expired ";
    let expired = check("ASSAY_TEST_HTTPS_EXPIRED_URL", TlsFailed, detail).await;
    assert!(expired.certificate.is_some_and(|it| it.days_left < 0));
    let detail = "certificate is for ";
    check("ASSAY_TEST_HTTPS_WRONG_HOST_URL", TlsFailed, detail).await;
    let detail = "self-signed certificate";
    check("ASSAY_TEST_HTTPS_SELF_SIGNED_URL", TlsFailed, detail).await;
    let detail = "certificate ends in ";
    check("ASSAY_TEST_HTTPS_EXPIRING_URL", Degraded, detail).await;
}

#[tokio::test]
async fn what_is_not_verified_says_so() {
    let url = variable("ASSAY_TEST_HTTPS_SELF_SIGNED_URL");
    let health = ask(url, |probe| probe.tls.verify = false).await;
    assert_eq!(health.status, Status::Healthy, "{health:?}");
    assert!(health.detail.ends_with("certificate not verified"));
}

async fn check_path(path: &str, redirects_max: u32, status: Status, detail: &str) {
    let mut http = HttpProbe::get(path);
    http.redirects_max = redirects_max;
    http.json = [("$.status".to_owned(), "healthy".into())].into();
    let health = ask(variable("ASSAY_TEST_HTTP_URL"), |probe| {
        probe.timeout_ms = 500;
        probe.kind = ProbeKind::Http(http);
    })
    .await;
    assert_eq!(health.status, status, "{path}: {health:?}");
    assert!(health.detail.contains(detail), "{path}: {health:?}");
    assert!(health.latency_ms < 2000, "{path}: {health:?}");
}

#[tokio::test]
async fn answers_of_nginx_are_told_apart() {
    use Status::{AuthFailed, Healthy, Unavailable, Unreachable};
    check_path("/health", 0, Healthy, "answered 200 in").await;
    let detail = r#"expected $.status to be "healthy", got "error""#;
    check_path("/error", 0, Unavailable, detail).await;
    check_path("/500", 0, Unavailable, "expected 200, got 500").await;
    check_path("/401", 0, AuthFailed, "expected 200, got 401").await;
    let detail = "got 302, a redirect to";
    check_path("/redirect", 0, Unavailable, detail).await;
    let detail = "by way of /redirect -> /health";
    check_path("/redirect", 3, Healthy, detail).await;
    let detail = "redirects in a circle: /redirect-loop -> /redirect-loop";
    check_path("/redirect-loop", 3, Unavailable, detail).await;
    let detail = "the headers of the answer did not end within 500 ms";
    check_path("/drip", 0, Unreachable, detail).await;
}

#[tokio::test]
async fn plain_http_is_told_from_https() {
    check("ASSAY_TEST_HTTP_URL", Status::Healthy, "answered 200 in").await;
    let plain = variable("ASSAY_TEST_HTTP_URL").replace("http://", "https://");
    let health = ask(plain, |_| {}).await;
    assert_eq!(health.status, Status::TlsFailed, "{health:?}");
    let secure = variable("ASSAY_TEST_HTTPS_GOOD_URL").replace("https://", "http://");
    let health = ask(secure, |_| {}).await;
    assert_eq!(health.status, Status::TlsFailed, "{health:?}");
    assert!(health.detail.contains("with https"), "{health:?}");
}
