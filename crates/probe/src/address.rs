//! Where a URL leads. Pure.

use std::fmt;

use assay_model::Status;
use url::{Host, Url};

use crate::failure::Failure;

/// Ports that go without saying, by scheme.
const KNOWN_PORTS: [(&str, u16); 18] = [
    ("amqp", 5672),
    ("amqps", 5671),
    ("clickhouse", 9000),
    ("dns", 53),
    ("grpc", 80),
    ("grpcs", 443),
    ("http", 80),
    ("https", 443),
    ("mongodb", 27017),
    ("mysql", 3306),
    ("nats", 4222),
    ("postgres", 5432),
    ("postgresql", 5432),
    ("redis", 6379),
    ("rediss", 6379),
    ("tls", 443),
    ("ws", 80),
    ("wss", 443),
];

/// Schemes that begin with a TLS handshake.
const SECURE: [&str; 7] = ["amqps", "grpcs", "https", "mqtts", "rediss", "tls", "wss"];

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// Without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// The message does not repeat the URL: it may hold a password.
    pub(crate) fn of(url: &Url) -> Result<Self, Failure> {
        let host = match url.host() {
            Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
            Some(Host::Ipv4(ip)) => ip.to_string(),
            Some(Host::Ipv6(ip)) => ip.to_string(),
            _ => return Err(unusable("the URL names no host".to_owned())),
        };
        let scheme = url.scheme();
        let known = KNOWN_PORTS.iter().find(|(known, _)| *known == scheme);
        let port = url.port().or(known.map(|(_, port)| *port));
        let port = port.ok_or_else(|| {
            unusable(format!(
                "`{scheme}` has no usual port and the URL names none"
            ))
        })?;
        Ok(Self { host, port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(out, "[{}]:{}", self.host, self.port)
        } else {
            write!(out, "{}:{}", self.host, self.port)
        }
    }
}

/// Reads a URL.
pub(crate) fn parse(url: &str) -> Result<Url, Failure> {
    Url::parse(url).map_err(|error| unusable(format!("not a usable URL: {error}")))
}

/// Whether the scheme begins with a TLS handshake.
pub(crate) fn is_secure(url: &Url) -> bool {
    SECURE.contains(&url.scheme())
}

/// The URL as it may be shown.
pub(crate) fn without_password(url: &Url) -> String {
    let mut url = url.clone();
    // Both calls fail only for URLs without a host, which hold no password.
    let _cleared = url.set_password(None).and_then(|()| url.set_username(""));
    url.to_string()
}

/// The configuration asks for something that cannot be asked.
pub(crate) fn unusable(detail: impl Into<String>) -> Failure {
    (Status::Unreachable, detail.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: Result<&str, &str>) {
        let got = parse(url).and_then(|url| Address::of(&url));
        match (got, expected) {
            (Ok(address), Ok(expected)) => assert_eq!(address.to_string(), expected, "{url}"),
            (Err((_, problem)), Err(part)) => assert!(problem.contains(part), "{url}: {problem}"),
            (got, expected) => panic!("{url}: {got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn addresses_come_from_urls() {
        check("http://127.0.0.1:8000/x", Ok("127.0.0.1:8000"));
        check("http://host", Ok("host:80"));
        check("wss://host/x", Ok("host:443"));
        check("tcp://host:1", Ok("host:1"));
        check("tcp://[::1]:1", Ok("[::1]:1"));
        check("postgres://me:pw@db/shop", Ok("db:5432"));
        check("redis://cache", Ok("cache:6379"));
        check("dns://10.0.0.1", Ok("10.0.0.1:53"));
        check("tcp://host", Err("no usual port"));
        check("unix:/tmp/x", Err("names no host"));
        check("host", Err("not a usable URL"));
    }

    #[test]
    fn passwords_are_not_shown() {
        let url = parse("http://me:hush@host/x?y").unwrap();
        assert_eq!(without_password(&url), "http://host/x?y");
    }
}
