//! A TCP probe: a connection is accepted.

use std::time::{Duration, Instant};

use assay_model::{Health, ProbeTarget, Status};
use reqwest::Url;
use tokio::net::TcpStream;

use crate::failure::{self, Failure};

/// Ports that go without saying, by scheme.
const KNOWN_PORTS: [(&str, u16); 11] = [
    ("amqp", 5672),
    ("clickhouse", 9000),
    ("http", 80),
    ("https", 443),
    ("mongodb", 27017),
    ("mysql", 3306),
    ("nats", 4222),
    ("postgres", 5432),
    ("postgresql", 5432),
    ("redis", 6379),
    ("rediss", 6379),
];

/// Asks once whether a connection is accepted.
pub(crate) async fn probe(target: &ProbeTarget) -> (Health, Vec<u8>) {
    let started = Instant::now();
    let (address, outcome) = match address(&target.url) {
        Ok((host, port)) => {
            let outcome = connect(&host, port, target.probe.timeout_ms).await;
            (format!("tcp://{}:{port}", bracketed(&host)), outcome)
        }
        Err(problem) => ("tcp://?".to_owned(), Err((Status::Unreachable, problem))),
    };
    let latency_ms = started.elapsed().as_millis() as u64;
    let degraded_ms = target.probe.degraded_ms;
    let (status, detail) = match outcome {
        Ok(()) if latency_ms > degraded_ms => {
            let detail = format!("accepted in {latency_ms} ms, slower than {degraded_ms} ms");
            (Status::Degraded, detail)
        }
        Ok(()) => (Status::Healthy, format!("accepted in {latency_ms} ms")),
        Err(failure) => failure,
    };
    let exchange = format!("CONNECT {address}\n{detail}\n").into_bytes();
    let health = Health {
        service: target.service.clone(),
        kind: "tcp".to_owned(),
        target: address,
        status,
        latency_ms,
        http_status: None,
        revision: None,
        detail,
        reported: Default::default(),
    };
    (health, exchange)
}

async fn connect(host: &str, port: u16, timeout_ms: u64) -> Result<(), Failure> {
    let attempt = async {
        let addresses = tokio::net::lookup_host((host, port))
            .await
            .map_err(|_| (Status::Unreachable, format!("no address for `{host}`")))?;
        let mut last = (Status::Unreachable, format!("no address for `{host}`"));
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(_connection) => return Ok(()),
                Err(error) => last = failure::classify(&error),
            }
        }
        Err(last)
    };
    match tokio::time::timeout(Duration::from_millis(timeout_ms), attempt).await {
        Ok(outcome) => outcome,
        Err(_) => Err(failure::timed_out("not accepted", timeout_ms)),
    }
}

/// Host without brackets, and port. The message does not repeat the URL: it may hold a password.
fn address(url: &str) -> Result<(String, u16), String> {
    let url = Url::parse(url).map_err(|error| format!("not a usable URL: {error}"))?;
    let host = url
        .host_str()
        .filter(|host| !host.is_empty())
        .ok_or("the URL names no host")?;
    let known = || {
        KNOWN_PORTS
            .iter()
            .find(|(scheme, _)| *scheme == url.scheme())
    };
    let port = url
        .port()
        .or_else(|| known().map(|(_, port)| *port))
        .ok_or_else(|| {
            format!(
                "`{}` has no usual port and the URL names none",
                url.scheme()
            )
        })?;
    Ok((host.trim_matches(['[', ']']).to_owned(), port))
}

fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: Result<(&str, u16), &str>) {
        match (address(url), expected) {
            (Ok((host, port)), Ok(expected)) => assert_eq!((&*host, port), expected, "{url}"),
            (Err(problem), Err(part)) => assert!(problem.contains(part), "{url}: {problem}"),
            (got, expected) => panic!("{url}: {got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn addresses_come_from_urls() {
        check("http://127.0.0.1:8000/x", Ok(("127.0.0.1", 8000)));
        check("http://host", Ok(("host", 80)));
        check("tcp://host:1", Ok(("host", 1)));
        check("tcp://[::1]:1", Ok(("::1", 1)));
        check("postgres://me:pw@db/shop", Ok(("db", 5432)));
        check("redis://cache", Ok(("cache", 6379)));
        check("tcp://host", Err("no usual port"));
        check("host", Err("not a usable URL"));
    }
}
