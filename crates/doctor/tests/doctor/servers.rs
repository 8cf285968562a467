//! Servers, ports and the container engine, with real sockets.

use std::path::Path;
use std::time::Duration;

use assay_doctor::{Checked, Status, Subject};
use assay_world::files::free_port;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};

use crate::project::{look, machine};

async fn server(scheme: &str, host: &str, port: Option<u16>) -> Checked {
    let dir = tempfile::tempdir().unwrap();
    let subject = Subject::Server {
        name: "store".to_owned(),
        scheme: scheme.to_owned(),
        host: host.to_owned(),
        port,
    };
    look(subject, &machine(dir.path())).await
}

async fn port(host: &str, port: Option<u16>, state: &Path) -> Checked {
    let subject = Subject::Port {
        service: "api".to_owned(),
        host: host.to_owned(),
        port,
    };
    look(subject, &machine(state)).await
}

#[tokio::test]
async fn servers_answer_refuse_or_are_out_of_reach() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let open = listener.local_addr().unwrap().port();
    let checked = server("redis", "localhost", Some(open)).await;
    assert_eq!(checked.status, Status::Ok, "{checked:?}");

    let closed = free_port().unwrap();
    let checked = server("redis", "127.0.0.1", Some(closed)).await;
    assert_eq!(checked.status, Status::Refused, "{checked:?}");
    assert!(checked.advice[0].contains("systemctl start redis"));
    assert!(checked.advice[1].contains("apt-get install -y redis-server"));
    let checked = server("http", "127.0.0.1", Some(closed)).await;
    assert!(checked.advice[0].contains("`deploy` table"), "{checked:?}");

    let checked = server("http", "no-such-host.invalid", Some(80)).await;
    assert_eq!(checked.status, Status::Unreachable, "{checked:?}");
    assert!(checked.detail.unwrap().contains("no-such-host.invalid"));
    assert_eq!(server("tcp", "db", None).await.status, Status::Unknown);
}

#[tokio::test]
async fn ports_are_free_or_taken() {
    let dir = tempfile::tempdir().unwrap();
    let free = free_port().unwrap();
    let checked = port("127.0.0.1", Some(free), dir.path()).await;
    assert_eq!(checked.status, Status::Ok, "{checked:?}");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = listener.local_addr().unwrap().port();
    let checked = port("127.0.0.1", Some(taken), dir.path()).await;
    assert_eq!(checked.status, Status::InUse, "{checked:?}");
    assert!(checked.advice[0].contains(&taken.to_string()));

    // TEST-NET-1 (RFC 5737) belongs to no machine.
    let checked = port("192.0.2.1", Some(8000), dir.path()).await;
    assert_eq!(checked.status, Status::Missing, "{checked:?}");
    assert_eq!(
        port("localhost", None, dir.path()).await.status,
        Status::Unknown
    );
}

/// An engine that gives `answer` to whoever asks, and holds the connection without one.
async fn engine(answer: Option<&'static str>, deadline: Duration) -> Checked {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("docker.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let serving = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 512];
            let n = stream.read(&mut asked).await.unwrap();
            assert!(asked[..n].starts_with(b"GET /_ping HTTP/1."));
            match answer {
                Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                None => held.push(stream),
            }
        }
    });
    let checked = engine_at(&format!("unix://{}", socket.display()), deadline).await;
    serving.abort();
    checked
}

async fn engine_at(host: &str, deadline: Duration) -> Checked {
    let dir = tempfile::tempdir().unwrap();
    let mut machine = machine(dir.path());
    machine.deadline = deadline;
    machine.docker_host = Some(host.to_owned());
    look(Subject::DockerEngine { host: None }, &machine).await
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn an_engine_that_answers_is_there() {
    let good = "HTTP/1.0 200 OK\r\nApi-Version: 1.49\r\nContent-Length: 2\r\n\r\nOK";
    let checked = engine(Some(good), LONG).await;
    assert_eq!(checked.status, Status::Ok, "{checked:?}");
    assert_eq!(checked.found.as_deref(), Some("API 1.49"));
}

#[tokio::test]
async fn one_that_does_not_is_named() {
    let garbage = engine(Some("hello\r\n"), LONG).await;
    assert_eq!(garbage.status, Status::Broken, "{garbage:?}");
    let other = engine(Some("HTTP/1.1 200 OK\r\n\r\n<html>"), LONG).await;
    assert_eq!(other.status, Status::Broken, "{other:?}");
    let failing = engine(Some("HTTP/1.1 500 Oops\r\n\r\nOK"), LONG).await;
    assert_eq!(failing.status, Status::Broken, "{failing:?}");
    let silent = engine(None, Duration::from_millis(300)).await;
    assert_eq!(silent.status, Status::Broken, "{silent:?}");
    assert!(silent.detail.unwrap().contains("within 0.3 s"));
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_named() {
    let check = async |host: String, expected: Status| {
        let checked = engine_at(&host, LONG).await;
        assert_eq!(checked.status, expected, "{checked:?}");
        assert!(!checked.advice.is_empty() || expected == Status::Broken);
    };
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| format!("unix://{}/{name}", dir.path().display());
    check(at("none"), Status::Missing).await;
    std::fs::write(dir.path().join("file"), "").unwrap();
    check(at("file"), Status::Broken).await;
    // A socket that outlived its engine.
    drop(UnixListener::bind(dir.path().join("dead")).unwrap());
    check(at("dead"), Status::Refused).await;
    let port = free_port().unwrap();
    check(format!("tcp://127.0.0.1:{port}"), Status::Refused).await;
    check("ssh://me@far".to_owned(), Status::Unknown).await;
    check("nonsense".to_owned(), Status::Unknown).await;
}
