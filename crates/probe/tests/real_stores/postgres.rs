//! PostgreSQL.

use assay_model::Status;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::asked::{SHORT_MS, WRONG_PASSWORD, fatal, postgres, variable};

#[tokio::test]
async fn real_postgres_answers() {
    let health = postgres().check(Status::Healthy, "answered `1` in ").await;
    assert!(health.detail.contains("(PostgreSQL "), "{}", health.detail);
    assert!(health.detail.contains(", primary)"), "{}", health.detail);
    assert_eq!(health.kind, "postgres");
    assert!(
        health.target.starts_with("postgres://127.0.0.1:"),
        "{}",
        health.target
    );
    postgres().expecting("1").check(Status::Healthy, "").await;
    let wrong = "expected `2`, got `1`";
    postgres()
        .expecting("2")
        .check(Status::Unavailable, wrong)
        .await;
    let name = postgres().query("select current_setting('application_name'), 2");
    name.expecting("assay").check(Status::Healthy, "").await;
    let none = postgres().query("select 1 where false");
    none.check(Status::Healthy, "answered no rows").await;
    let nothing = postgres().query("select null").expecting("NULL");
    nothing.check(Status::Healthy, "").await;
}

#[tokio::test]
async fn real_postgres_shows_what_was_said() {
    let (_, exchange) = postgres().ask().await;
    for part in [
        "CONNECT postgres://",
        "> startup user=assay",
        "> select 1",
        "< 1\n",
    ] {
        assert!(exchange.contains(part), "{part:?} is not in\n{exchange}");
    }
}

#[tokio::test]
async fn real_postgres_refuses() {
    use Status::{AuthFailed, Unavailable, Unreachable};
    let wrong = postgres().password(Some(WRONG_PASSWORD));
    wrong
        .check(AuthFailed, "password authentication failed")
        .await;
    let none = postgres().password(None);
    none.check(AuthFailed, "the URL has none").await;
    let nobody = postgres().user("nobody");
    nobody.check(AuthFailed, "SQLSTATE 28P01").await;
    let elsewhere = postgres().path("/elsewhere");
    elsewhere.check(Unavailable, "wrong database: ").await;
    let absent = postgres().query("select * from absent");
    absent.check(Unavailable, "SQLSTATE 42P01").await;
    let writes = postgres().query("create table assay_probe_wrote (a int)");
    writes
        .check(Unavailable, "the query writes, and a probe may not")
        .await;
    let ends = postgres().query("select pg_terminate_backend(pg_backend_pid())");
    ends.check(Unavailable, "shutting down: ").await;
    let sly = [
        "commit; create table assay_probe_wrote (a int)",
        "set transaction read write; create table assay_probe_wrote (a int); commit",
    ];
    for query in sly {
        let sly = postgres().query(query);
        sly.check(Unreachable, "more than one statement").await;
    }
}

/// Refuses startup options as PgBouncer does, and passes everything else on.
async fn pooler(server: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let server = server.clone();
            tokio::spawn(async move {
                let mut startup = [0; 1024];
                let length = client.read(&mut startup).await.unwrap();
                let startup = &startup[..length];
                if startup.windows(8).any(|word| word == b"options\0") {
                    let refusal = fatal("08P01", "unsupported startup parameter: options");
                    client.write_all(&refusal).await.unwrap();
                    return;
                }
                let mut behind = TcpStream::connect(server).await.unwrap();
                behind.write_all(startup).await.unwrap();
                let _ended = tokio::io::copy_bidirectional(&mut client, &mut behind).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn real_postgres_behind_a_pooler() {
    let pooled = || async {
        let mut asked = postgres().parameter("sslmode", "disable");
        let server = format!("127.0.0.1:{}", asked.url.port().unwrap());
        asked.url.set_port(Some(pooler(server).await)).unwrap();
        asked
    };
    pooled()
        .await
        .expecting("1")
        .check(Status::Healthy, "primary")
        .await;
    let writes = pooled()
        .await
        .query("create table assay_probe_wrote (a int)");
    writes.check(Status::Unavailable, "the query writes").await;
    let ends = pooled()
        .await
        .query("select current_setting('statement_timeout')");
    ends.expecting("5s").check(Status::Healthy, "").await;
}

#[tokio::test]
async fn real_postgres_is_slow() {
    let slow = postgres().query("select pg_sleep(0.2)").degraded_ms(100);
    let health = slow.check(Status::Degraded, "slower than 100 ms").await;
    assert!(health.latency_ms >= 200, "{}", health.latency_ms);
    let late = postgres().query("select pg_sleep(30)").timeout_ms(SHORT_MS);
    late.check(Status::Unreachable, "no answer to the query within 400 ms")
        .await;
}

#[tokio::test]
async fn real_postgres_over_tls() {
    const CA: &str = "ASSAY_TEST_POSTGRES_TLS_CA";
    let health = postgres()
        .ca(CA)
        .check(Status::Healthy, "answered `1`")
        .await;
    assert!(health.certificate.is_some(), "TLS was offered");
    let full = postgres().ca(CA).parameter("sslmode", "verify-full");
    full.check(Status::Healthy, "answered `1`").await;
    let named = postgres().parameter("sslmode", "verify-full");
    let named = named.parameter("sslrootcert", &variable(CA));
    named.check(Status::Healthy, "answered `1`").await;
    let required = postgres().parameter("sslmode", "require");
    required
        .check(Status::Healthy, "certificate not verified")
        .await;
    let unknown = postgres().parameter("sslmode", "verify-full");
    let health = unknown.check(Status::TlsFailed, "certificate").await;
    assert!(health.certificate.is_some(), "it was presented");
    let health = postgres().parameter("sslmode", "disable");
    let health = health.check(Status::Healthy, "answered `1`").await;
    assert_eq!(health.certificate, None);
    let mut elsewhere = postgres().ca(CA).parameter("sslmode", "verify-full");
    elsewhere.probe.tls.server_name = Some("elsewhere.example".to_owned());
    elsewhere
        .check(Status::TlsFailed, "not elsewhere.example")
        .await;
}
