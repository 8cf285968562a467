//! How a thing is asked whether it is ready.

use super::home::Home;
use super::join::Thing;
use super::place::Address;
use super::stores::{Ask, Store};
use super::types::{DraftProbe, Guess, Sureness};
use crate::clue::{Clues, HealthCheck, HealthCheckKind, HealthRoute};
use crate::secret;

/// The probe of a service, and what else is worth a remark.
pub(crate) fn of_service(
    thing: &Thing<'_>,
    clues: &Clues,
    home: &Home<'_>,
    others: &[Home<'_>],
    address: &Address,
) -> (Guess<DraftProbe>, Vec<String>) {
    let mut remarks = Vec::new();
    let own = thing.units.iter().filter_map(|unit| unit.health.as_ref());
    let image = home.dockerfile.and_then(|file| file.health.as_ref());
    for check in own.chain(image) {
        match from_check(check, address) {
            Ok(probe) => return (probe, remarks),
            Err(remark) => remarks.extend(remark),
        }
    }
    let route = address
        .is_http()
        .then(|| by_route(clues, home, others))
        .flatten();
    let probe = route
        .or_else(|| from_actuator(clues, home, address))
        .unwrap_or_else(|| from_scheme(address));
    (probe, remarks)
}

/// What the owner's own check asks, if it asks what the URL leads to; else a remark, if any.
fn from_check(check: &HealthCheck, address: &Address) -> Result<Guess<DraftProbe>, Option<String>> {
    let place = format!("{}:{}", check.origin.file, check.origin.line);
    let elsewhere = |port: u16| {
        Some(format!(
            "Its own health check ({place}) asks port {port}, which the URL does not lead to."
        ))
    };
    let fits = |port: u16| port == address.target || port == address.port;
    let probe = match &check.kind {
        HealthCheckKind::Http { port, path, .. } => match port {
            Some(port) if !fits(*port) => return Err(elsewhere(*port)),
            _ if !address.is_http() => return Err(None),
            _ => http(usable_path(path).ok_or(None)?),
        },
        HealthCheckKind::Tcp { port } if fits(*port) => DraftProbe::Tcp,
        HealthCheckKind::Grpc { port, service } if fits(*port) && address.scheme == "grpc" => {
            let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            let named = service.chars().all(is_part);
            DraftProbe::Grpc(Some(service.clone()).filter(|_| named).unwrap_or_default())
        }
        HealthCheckKind::Tcp { port } | HealthCheckKind::Grpc { port, .. } => {
            return Err(elsewhere(*port));
        }
        HealthCheckKind::Command(_) => {
            return Err(Some(format!(
                "Its own health check ({place}) is a command that runs inside it."
            )));
        }
    };
    Ok(Guess::certain(probe, &check.origin, "its health check"))
}

fn http(path: String) -> DraftProbe {
    DraftProbe::Http {
        path,
        lenient: false,
    }
}

/// A path as the configuration takes it, without a query that may hold a secret.
fn usable_path(path: &str) -> Option<String> {
    let (plain, query) = path.split_once('?').unwrap_or((path, ""));
    let is_secret = query.split('&').any(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        secret::smells(name)
    });
    let path = if is_secret { plain } else { path };
    let usable = path.starts_with('/')
        && !path.contains(|c: char| c.is_whitespace() || c.is_control())
        && !path.contains(['{', '<', '$', '*']);
    usable.then(|| path.to_owned())
}

/// The best health route in the folders of a thing.
pub(crate) fn by_route(
    clues: &Clues,
    home: &Home<'_>,
    others: &[Home<'_>],
) -> Option<Guess<DraftProbe>> {
    let owns = |route: &&HealthRoute| {
        let file = &route.origin.file;
        if others.iter().any(|other| other.files.contains(file)) {
            return home.files.contains(file);
        }
        let nearest = others.iter().filter_map(|other| other.nearness(file)).max();
        home.nearness(file).is_some_and(|own| Some(own) >= nearest)
    };
    let best = clues
        .routes
        .iter()
        .filter(owns)
        .filter(|route| usable_path(&route.path).is_some())
        .min_by_key(|route| {
            let parts = route.path.matches('/').count();
            (
                !home.files.contains(&route.origin.file),
                route.documented,
                meaning(&route.path),
                parts,
                &route.path,
                &route.origin,
            )
        })?;
    let (sureness, why) = match (best.documented, best.adrift) {
        (true, _) => (Sureness::Likely, "a path of its OpenAPI document"),
        (false, false) => (Sureness::Likely, "a route in its code"),
        (false, true) => (
            Sureness::Guess,
            "a route in its code, which may stand under a prefix",
        ),
    };
    let probe = http(usable_path(&best.path)?);
    Some(Guess::new(probe, Some(&best.origin), sureness, why))
}

/// How well a path says that a service is ready: the lower, the better.
fn meaning(path: &str) -> u8 {
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or("");
    let last = last.to_ascii_lowercase();
    if last.starts_with("ready") || last == "readiness" {
        0
    } else if last.contains("health") {
        1
    } else if last.starts_with("live") || last == "alive" {
        2
    } else {
        3
    }
}

/// Spring Boot's own path.
fn from_actuator(clues: &Clues, home: &Home<'_>, address: &Address) -> Option<Guess<DraftProbe>> {
    let is_actuator = |name: &str| name == "spring-boot-starter-actuator";
    let (_, origin) = home.notable(clues, is_actuator)?;
    let probe = http("/actuator/health".to_owned());
    address
        .is_http()
        .then(|| Guess::likely(probe, origin, "Spring Boot's actuator"))
}

fn from_scheme(address: &Address) -> Guess<DraftProbe> {
    if address.is_http() {
        let probe = DraftProbe::Http {
            path: "/".to_owned(),
            lenient: true,
        };
        return Guess::new(probe, None, Sureness::Guess, "no health path was found");
    }
    let why = "whether it accepts connections";
    Guess::new(DraftProbe::Tcp, None, Sureness::Likely, why)
}

/// The probe of a store: by its own protocol, where assay speaks it and the URL leads to it.
pub(crate) fn of_store(store: &Guess<&Store>, scheme: &str) -> Guess<DraftProbe> {
    let probe = match (&store.value.ask, scheme) {
        (Ask::Postgres, "postgres") => DraftProbe::Postgres,
        (Ask::Redis, "redis") => DraftProbe::Redis,
        (Ask::ClickHouse, "clickhouse" | "http") => DraftProbe::ClickHouse,
        (Ask::Http(path), "http") => http(path.clone()),
        _ => DraftProbe::Tcp,
    };
    let sureness = store.sureness.max(Sureness::Likely);
    let why = format!("what {} answers", store.value.kind);
    Guess::new(probe, None, sureness, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: Option<&str>) {
        assert_eq!(usable_path(path).as_deref(), expected, "{path}");
    }

    #[test]
    fn paths_are_usable_or_left() {
        check("/health", Some("/health"));
        check("/health?full=1", Some("/health?full=1"));
        check("/health?token=abc", Some("/health"));
        check("health", None);
        check("/a b", None);
        check("/{id}/health", None);
        check("/$BASE/health", None);
    }

    #[test]
    fn readiness_says_more_than_life() {
        let order = ["/readyz", "/health", "/livez", "/ping"];
        let ranks: Vec<u8> = order.iter().map(|path| meaning(path)).collect();
        assert_eq!(ranks, [0, 1, 2, 3]);
    }
}
