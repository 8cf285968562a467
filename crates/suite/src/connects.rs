//! What an address that a test connected to means.
//!
//! A gateway session listens on ports of its own, so a raw address says nothing once the
//! session is over. Each one is therefore labelled while the session is known.

use std::collections::BTreeMap;
use std::fmt;

use assay_model::ServiceName;

const GATEWAY: &str = "gateway:";
const DIRECT: &str = "direct:";

/// Where one connection of a test went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connect<'a> {
    /// To a service, through the session's gateway.
    Gateway(&'a str),
    /// To a service or dependency of the environment, past the gateway.
    Direct(&'a str),
    /// To something that is no part of the environment.
    Elsewhere(&'a str),
}

impl<'a> Connect<'a> {
    /// Reads what [`Known::label`] wrote.
    pub fn parse(label: &'a str) -> Self {
        if let Some(service) = label.strip_prefix(GATEWAY) {
            Self::Gateway(service)
        } else if let Some(service) = label.strip_prefix(DIRECT) {
            Self::Direct(service)
        } else {
            Self::Elsewhere(label)
        }
    }
}

impl fmt::Display for Connect<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway(service) => write!(out, "{GATEWAY}{service}"),
            Self::Direct(service) => write!(out, "{DIRECT}{service}"),
            Self::Elsewhere(address) => out.write_str(address),
        }
    }
}

/// The addresses that are known during one session.
#[derive(Clone, Debug, Default)]
pub struct Known {
    addresses: BTreeMap<String, String>,
}

impl Known {
    /// Knows the environment's own addresses, by URL.
    pub fn environment<'a>(services: impl IntoIterator<Item = (&'a ServiceName, &'a str)>) -> Self {
        let addresses = services
            .into_iter()
            .filter_map(|(name, url)| Some((authority(url)?, format!("{DIRECT}{name}"))))
            .collect();
        Self { addresses }
    }

    /// Also knows a session's gateway for `service`.
    pub fn add_gateway(&mut self, service: &ServiceName, url: &str) {
        if let Some(authority) = authority(url) {
            self.addresses
                .insert(authority, format!("{GATEWAY}{service}"));
        }
    }

    /// The label of `address`. An unknown address stays as it is, marked with `?` where it would
    /// read as a label.
    pub fn label(&self, address: &str) -> String {
        if let Some(label) = self.addresses.get(&normal(address)) {
            return label.clone();
        }
        match Connect::parse(address) {
            Connect::Elsewhere(_) => address.to_owned(),
            _ => format!("?{address}"),
        }
    }
}

/// `host:port` of a URL, with the scheme's own port where none is given.
pub fn authority(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    if host.is_empty() {
        return None;
    }
    let has_port = host.rsplit_once(':').is_some_and(|(before, port)| {
        !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) && !before.is_empty()
    });
    if has_port {
        return Some(normal(host));
    }
    let port = match scheme {
        "http" | "ws" => 80,
        "https" | "wss" => 443,
        "postgres" | "postgresql" => 5_432,
        "redis" => 6_379,
        _ => return None,
    };
    Some(normal(&format!("{host}:{port}")))
}

/// The loopback address goes by three names.
fn normal(address: &str) -> String {
    let lower = address.trim().to_ascii_lowercase();
    for name in ["localhost:", "[::1]:"] {
        if let Some(port) = lower.strip_prefix(name) {
            return format!("127.0.0.1:{port}");
        }
    }
    lower
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(address: &str) -> String {
        let api = ServiceName::from("api");
        let web = ServiceName::from("web");
        let mut known = Known::environment([
            (&api, "http://localhost:8000/base"),
            (&web, "https://shop.example"),
        ]);
        known.add_gateway(&api, "http://127.0.0.1:4711");
        known.label(address)
    }

    fn check(address: &str, expected: &str) {
        assert_eq!(label(address), expected, "{address}");
    }

    #[test]
    fn addresses_are_labelled() {
        check("127.0.0.1:4711", "gateway:api");
        check("localhost:4711", "gateway:api");
        check("[::1]:4711", "gateway:api");
        check("127.0.0.1:8000", "direct:api");
        check("shop.example:443", "direct:web");
        check("SHOP.example:443", "direct:web");
        check("shop.example:80", "shop.example:80");
        check("10.0.0.1:80", "10.0.0.1:80");
    }

    #[test]
    fn a_test_cannot_name_a_label_itself() {
        check("gateway:api", "?gateway:api");
        check("direct:api", "?direct:api");
        assert_eq!(
            Connect::parse("?gateway:api"),
            Connect::Elsewhere("?gateway:api")
        );
    }

    #[test]
    fn authorities_of_urls() {
        let check = |url: &str, expected: Option<&str>| {
            assert_eq!(authority(url).as_deref(), expected, "{url}");
        };
        check("http://h:1/x?y", Some("h:1"));
        check("http://h", Some("h:80"));
        check("http://u:p@h:1", Some("h:1"));
        check("postgres://u:p@db/name", Some("db:5432"));
        check("tcp://db:9", Some("db:9"));
        check("tcp://db", None);
        check("http://[::1]", Some("127.0.0.1:80"));
        check("nothing", None);
        check("http:///x", None);
    }
}
