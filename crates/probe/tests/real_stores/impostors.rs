//! Servers that are not what they should be, or in no state to answer.

use std::time::Duration;

use assay_model::{ProbeKind, Status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::asked::{Asked, SHORT_MS, fatal, native, over_http, postgres, redis};

#[tokio::test]
async fn real_stores_asked_in_the_wrong_protocol() {
    let swap = |to: Asked, port: &Asked| {
        let mut swapped = to.timeout_ms(SHORT_MS);
        swapped.url.set_port(port.url.port()).unwrap();
        swapped
    };
    let native_port = "answered HTTP 400: Port ";
    let swapped = swap(over_http(), &native());
    swapped.check(Status::Unavailable, native_port).await;
    for port in [redis(), postgres(), native(), over_http()] {
        for asked in [postgres(), redis(), native()] {
            if asked.url.scheme() == port.url.scheme() {
                continue;
            }
            let (health, exchange) = swap(asked, &port).ask().await;
            assert!(!health.status.serves(), "{exchange}");
        }
    }
}

/// Every protocol, at an address of the test's own.
fn all(address: &str) -> [Asked; 4] {
    [
        Asked::at(
            &format!("postgres://me:pw@{address}/shop"),
            ProbeKind::Postgres,
            "select 1",
        ),
        Asked::at(&format!("redis://:pw@{address}"), ProbeKind::Redis, "PING"),
        Asked::at(
            &format!("clickhouse://me:pw@{address}"),
            ProbeKind::ClickHouse,
            "select 1",
        ),
        Asked::at(
            &format!("http://me:pw@{address}"),
            ProbeKind::ClickHouse,
            "select 1",
        ),
    ]
    .map(|asked| asked.timeout_ms(SHORT_MS))
}

/// What a server of the test's own does with every connection.
#[derive(Clone, Copy)]
enum Manner {
    Silent,
    Close,
    Say(&'static [u8]),
    Drip,
}

async fn serve(manner: Manner) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut heard = [0; 1024];
                match manner {
                    Manner::Silent => while stream.read(&mut heard).await.is_ok_and(|n| n > 0) {},
                    Manner::Close => {}
                    Manner::Say(bytes) => {
                        let _heard = stream.read(&mut heard).await;
                        let _said = stream.write_all(bytes).await;
                        let _closed = stream.shutdown().await;
                        while stream.read(&mut heard).await.is_ok_and(|n| n > 0) {}
                    }
                    Manner::Drip => {
                        while stream.write_all(b"+").await.is_ok() {
                            tokio::time::sleep(Duration::from_millis(50)).await;
                        }
                    }
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    for asked in all(&address) {
        asked.check(Status::Refused, "connection refused").await;
    }
}

#[tokio::test]
async fn a_server_that_never_answers() {
    let address = serve(Manner::Silent).await;
    for asked in all(&address) {
        asked.check(Status::Unreachable, "within 400 ms").await;
    }
}

#[tokio::test]
async fn a_server_that_drips() {
    let address = serve(Manner::Drip).await;
    for asked in all(&address) {
        let (health, exchange) = asked.ask().await;
        assert!(!health.status.serves(), "{exchange}");
    }
}

#[tokio::test]
async fn a_server_that_closes_at_once() {
    let address = serve(Manner::Close).await;
    for asked in all(&address) {
        asked.check(Status::Unreachable, "connection ").await;
    }
}

#[tokio::test]
async fn an_http_server_where_a_store_should_be() {
    let page = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\ncontent-type: text/html\r\n\r\n<html>";
    let address = serve(Manner::Say(page)).await;
    let [postgres, redis, native, http] = all(&address);
    let starts = "it starts with \"HTTP/1.1 200 OK\"";
    for (asked, name) in [
        (postgres, "PostgreSQL"),
        (redis, "Redis"),
        (native, "ClickHouse"),
    ] {
        let foreign = format!("the answer is not {name}'s: {starts}");
        asked.check(Status::Unavailable, &foreign).await;
    }
    let other = "an HTTP server, but not ClickHouse: it answers \"<html>\"";
    http.check(Status::Unavailable, other).await;
}

#[tokio::test]
async fn garbage_where_a_store_should_be() {
    let address = serve(Manner::Say(
        b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6\xf5\xf4",
    ))
    .await;
    let [postgres, redis, native, http] = all(&address);
    for asked in [postgres, redis, native] {
        asked.check(Status::Unavailable, "the answer is not ").await;
    }
    http.check(Status::Unavailable, "the answer is not HTTP")
        .await;
}

#[tokio::test]
async fn garbage_that_begins_well() {
    for bytes in [
        &b"R\x7f\xff\xff\xff\x00\x00"[..],
        b"+\xff\xfe\r",
        b"\x00\xff\xff\xff\xff\xff",
    ] {
        let address = serve(Manner::Say(bytes)).await;
        for asked in all(&address) {
            let (health, exchange) = asked.ask().await;
            assert!(!health.status.serves(), "{bytes:?}\n{exchange}");
        }
    }
}

#[tokio::test]
async fn postgres_without_tls_where_it_is_required() {
    let address = serve(Manner::Say(b"N")).await;
    let [postgres, ..] = all(&address);
    let required = postgres.parameter("sslmode", "require");
    required
        .check(Status::TlsFailed, "the server offers no TLS")
        .await;
}

#[tokio::test]
async fn stores_that_are_starting_up_or_full() {
    let address = serve(Manner::Say(fatal("53300", "sorry, too many").leak())).await;
    let [postgres, ..] = all(&address);
    let many = "too many connections: sorry, too many (SQLSTATE 53300)";
    let disabled = postgres.parameter("sslmode", "disable");
    disabled.check(Status::Unavailable, many).await;
    let loading = serve(Manner::Say(
        b"-LOADING Redis is loading the dataset in memory\r\n",
    ))
    .await;
    let [_, redis, ..] = all(&loading);
    let redis = redis.password(None);
    redis
        .check(Status::Unavailable, "still loading its data: LOADING")
        .await;
    let busy = serve(Manner::Say(b"-BUSY Redis is busy running a script.\r\n")).await;
    let [_, redis, ..] = all(&busy);
    redis.check(Status::Unavailable, "busy with a script").await;
}

#[tokio::test]
async fn urls_that_cannot_be_asked() {
    let unusable = [
        Asked::at("mysql://h/d", ProbeKind::Postgres, "select 1"),
        Asked::at(
            "postgres://h/d?sslmode=maybe",
            ProbeKind::Postgres,
            "select 1",
        ),
        Asked::at("redis://h/shop", ProbeKind::Redis, "PING"),
        Asked::at("tcp://h:1", ProbeKind::Redis, "PING"),
        Asked::at("tcp://h:1", ProbeKind::ClickHouse, "select 1"),
    ];
    for asked in unusable {
        asked.check_unusable().await;
    }
}
