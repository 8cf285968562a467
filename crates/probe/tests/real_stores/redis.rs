//! Redis.

use assay_model::{ProbeKind, Status};
use url::Url;

use crate::asked::{Asked, SHORT_MS, WRONG_PASSWORD, redis};

#[tokio::test]
async fn real_redis_answers() {
    let health = redis().check(Status::Healthy, "answered `PONG` in ").await;
    assert!(health.detail.contains("(Redis "), "{}", health.detail);
    assert!(health.detail.contains(", master)"), "{}", health.detail);
    assert!(
        health.target.starts_with("redis://127.0.0.1:"),
        "{}",
        health.target
    );
    redis().expecting("PONG").check(Status::Healthy, "").await;
    redis().path("/3").check(Status::Healthy, "").await;
    redis().user("default").check(Status::Healthy, "").await;
    let size = redis().path("/14").query("DBSIZE").expecting("0");
    size.check(Status::Healthy, "answered `0`").await;
    let wrong = redis().path("/14").query("EXISTS nothing").expecting("1");
    wrong
        .check(Status::Unavailable, "expected `1`, got `0`")
        .await;
    let none = redis().query("GET assay:nothing");
    none.check(Status::Healthy, "answered no rows").await;
    let role = redis().query("INFO replication").expecting("role:master");
    role.check(Status::Healthy, "answered `role:master`").await;
}

#[tokio::test]
async fn real_redis_refuses() {
    use Status::{AuthFailed, Unavailable, Unreachable};
    let wrong = redis().password(Some(WRONG_PASSWORD));
    wrong.check(AuthFailed, "WRONGPASS").await;
    redis().password(None).check(AuthFailed, "NOAUTH").await;
    let nobody = redis().user("nobody");
    nobody.check(AuthFailed, "WRONGPASS").await;
    let elsewhere = redis().path("/9999");
    elsewhere.check(Unavailable, "out of range").await;
    let writes = redis().query("SET assay:probe wrote");
    writes.check(Unreachable, "`SET` was not sent").await;
    let kind = redis().query("TTL");
    kind.check(Unavailable, "wrong number of arguments").await;
}

#[tokio::test]
async fn real_redis_over_tls() {
    let secure = || Asked::new("ASSAY_TEST_REDISS_URL", ProbeKind::Redis, "PING");
    let health = secure()
        .ca("ASSAY_TEST_TLS_CA")
        .check(Status::Healthy, "`PONG`")
        .await;
    assert!(health.certificate.is_some());
    secure().check(Status::TlsFailed, "certificate").await;
    let mut plain = secure();
    let port = plain.url.port();
    plain.url = redis().url;
    plain.url.set_port(port).unwrap();
    // Redis itself does not say why.
    plain
        .check(Status::Unreachable, "connection closed without an answer")
        .await;
    let mut twisted = redis();
    let rest = twisted.url.as_str().replacen("redis:", "rediss:", 1);
    twisted.url = Url::parse(&rest).unwrap();
    let twisted = twisted.timeout_ms(SHORT_MS);
    // Redis waits for a line that a handshake does not have.
    twisted
        .check(Status::Unreachable, "no TLS handshake within 400 ms")
        .await;
}
