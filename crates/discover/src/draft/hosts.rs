//! Addresses inside values of variables: `redis://cache:6379`, `db:5432`, `auth`.

use std::collections::BTreeMap;

use super::join::Thing;
use super::names::{folder_of, normal};
use crate::clue::{Clues, Front, Platform, Unit};

/// Characters of one value that are read: longer ones are certificates and documents.
const VALUE_CHARS_MAX: usize = 4096;

/// Endings of variables whose value is the bare name of a host.
const HOST_ENDINGS: [&str; 14] = [
    "HOST", "HOSTS", "HOSTNAME", "SERVER", "SERVERS", "ADDR", "ADDRS", "ADDRESS", "ENDPOINT",
    "BROKER", "BROKERS", "URL", "URI", "DOMAIN",
];

/// An address as a value holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mention {
    /// Before `://`, in lower case.
    pub(crate) scheme: Option<String>,
    /// Before `@`, without the password.
    pub(crate) user: Option<String>,
    /// Whether there is a password.
    pub(crate) has_password: bool,
    /// In lower case.
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    /// After the authority, without the leading `/`, up to `?` or `#`.
    pub(crate) path: String,
}

/// Every address in the value of the variable `key`.
pub(crate) fn mentions(key: &str, value: &str) -> Vec<Mention> {
    if value.len() > VALUE_CHARS_MAX {
        return Vec::new();
    }
    let key = key.to_ascii_uppercase();
    let takes_bare = HOST_ENDINGS
        .iter()
        .any(|ending| key == *ending || key.ends_with(&format!("_{ending}")));
    value
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '|' | '"' | '\''))
        .filter_map(mention)
        .filter(|found| found.scheme.is_some() || found.port.is_some() || takes_bare)
        .collect()
}

fn mention(part: &str) -> Option<Mention> {
    let (scheme, rest) = match part.split_once("://") {
        Some((scheme, rest)) => (Some(scheme.rsplit(':').next().unwrap_or(scheme)), rest),
        None => (None, part),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at(end);
    let (user, address) = match authority.rsplit_once('@') {
        Some((user, address)) => (Some(user), address),
        None => (None, authority),
    };
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok()?)),
        None => (address, None),
    };
    let host_is_valid = host.starts_with(|c: char| c.is_ascii_alphanumeric())
        && host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    if !host_is_valid {
        return None;
    }
    let (name, password) = user.map_or((None, None), |user| match user.split_once(':') {
        Some((name, password)) => (Some(name), Some(password)),
        None => (Some(user), None),
    });
    let path = after.split(['?', '#']).next().unwrap_or_default();
    Some(Mention {
        scheme: scheme.map(str::to_ascii_lowercase),
        user: name.filter(|name| !name.is_empty()).map(str::to_owned),
        has_password: password.is_some(),
        host: host.to_ascii_lowercase(),
        port,
        path: path.trim_start_matches('/').to_owned(),
    })
}

/// Who answers to a name, or to a port of this machine.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    names: BTreeMap<String, usize>,
    ports: BTreeMap<u16, usize>,
    namespaces: Vec<String>,
}

impl Directory {
    pub(crate) fn of(things: &[Thing<'_>], clues: &Clues) -> Self {
        let mut directory = Self::default();
        for (index, thing) in things.iter().enumerate() {
            for unit in &thing.units {
                let own = std::iter::once(&unit.name).chain(&unit.container_name);
                for name in own {
                    directory.names.entry(normal(name)).or_insert(index);
                }
                for port in unit.ports.iter().filter_map(|port| port.published) {
                    directory.ports.entry(port).or_insert(index);
                }
                for front in fronts_of(unit, clues) {
                    directory.names.entry(normal(&front.name)).or_insert(index);
                }
                directory.namespaces.extend(unit.namespace.clone());
            }
        }
        directory
    }

    /// The thing that an address leads to.
    pub(crate) fn find(&self, host: &str, port: Option<u16>) -> Option<usize> {
        if matches!(host, "localhost" | "127.0.0.1" | "host.docker.internal") {
            return self.ports.get(&port?).copied();
        }
        let (name, domain) = host.split_once('.').unwrap_or((host, ""));
        let namespace = domain.split('.').next().unwrap_or_default();
        let is_ours = domain.is_empty()
            || domain.ends_with(".svc")
            || domain.ends_with(".svc.cluster.local")
            || self.namespaces.iter().any(|own| own == namespace);
        self.names.get(&normal(name)).copied().filter(|_| is_ours)
    }
}

/// The Kubernetes Services in front of a unit, those of its own file and folder first.
pub(crate) fn fronts_of<'c>(unit: &Unit, clues: &'c Clues) -> Vec<&'c Front> {
    if unit.platform != Platform::Kubernetes {
        return Vec::new();
    }
    let selects = |front: &&Front| {
        let same_namespace = match (&front.namespace, &unit.namespace) {
            (Some(front), Some(unit)) => front == unit,
            _ => true,
        };
        same_namespace
            && !front.selector.is_empty()
            && front
                .selector
                .iter()
                .all(|(key, value)| unit.labels.get(key) == Some(value))
    };
    let mut fronts: Vec<&Front> = clues.fronts.iter().filter(selects).collect();
    let home = unit.origin.file.as_str();
    fronts.sort_by_key(|front| {
        let file = front.origin.file.as_str();
        (file != home, folder_of(file) != folder_of(home))
    });
    fronts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(key: &str, value: &str, expected: &[(&str, Option<u16>)]) {
        let found = mentions(key, value);
        let got: Vec<(&str, Option<u16>)> = found
            .iter()
            .map(|mention| (mention.host.as_str(), mention.port))
            .collect();
        assert_eq!(got, expected, "{key}={value}");
    }

    #[test]
    fn addresses_are_found() {
        check("X", "http://auth:8000/v1?x=1", &[("auth", Some(8000))]);
        check("X", "redis://:pw@cache:6379/0", &[("cache", Some(6379))]);
        check("X", "jdbc:postgresql://db:5432/x", &[("db", Some(5432))]);
        check(
            "X",
            "a:9092,b:9092",
            &[("a", Some(9092)), ("b", Some(9092))],
        );
        check("DB_HOST", "Postgres", &[("postgres", None)]);
        check("HOST", "postgres", &[("postgres", None)]);
        check("GHOST", "postgres", &[]);
        check("MODE", "production", &[]);
        check("TIME", "12:30:00", &[]);
        check("X", "http://${HOST}:80", &[]);
        check("X", "http://auth", &[("auth", None)]);
        check("X", "", &[]);
    }

    #[test]
    fn users_are_kept_and_passwords_are_not() {
        let found = mentions("X", "postgres://shop:hush@db:5432/orders?ssl=1");
        assert_eq!(found[0].user.as_deref(), Some("shop"));
        assert!(found[0].has_password);
        assert_eq!(found[0].path, "orders");
        assert!(!format!("{found:?}").contains("hush"));
    }

    proptest! {
        #[test]
        fn any_value_is_read(key in "[A-Z_]{0,8}", value in ".{0,60}") {
            let _found = mentions(&key, &value);
        }
    }
}
