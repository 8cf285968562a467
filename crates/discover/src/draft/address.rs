//! Where a thing is reached.

use super::home::Home;
use super::hosts::fronts_of;
use super::line;
use super::names::image_name;
use super::place::Address;
use super::types::{Guess, Sureness};
use crate::clue::{Clues, HealthCheckKind, Platform, Port, Unit};

/// Ports inside on which something other than HTTP is spoken, by their registered meaning.
const OTHER_PORTS: [u16; 22] = [
    22, 25, 53, 389, 465, 587, 636, 1025, 1433, 1521, 1883, 2181, 3306, 4222, 5432, 5672, 6379,
    9092, 9042, 11211, 27017, 61616,
];

/// A port that can be reached, and through what.
#[derive(Clone, Debug)]
pub(crate) struct Door<'a> {
    host: String,
    number: u16,
    port: &'a Port,
    found: Guess<()>,
}

/// Every way to reach a thing over TCP on one platform: the machine's own ports, or the
/// addresses of a cluster.
pub(crate) fn doors<'a>(unit: &'a Unit, clues: &'a Clues) -> Vec<Door<'a>> {
    match unit.platform {
        Platform::Compose => published(unit, |_| {
            Guess::certain((), &unit.origin, "its published port")
        }),
        Platform::Dotnet => published(unit, |_| {
            Guess::certain((), &unit.origin, "its launch settings")
        }),
        Platform::Dockerfile => published(unit, |port| exposed(unit, port, clues)),
        Platform::Kubernetes => in_front(unit, clues),
        Platform::Procfile => Vec::new(),
    }
}

/// A port of an image: by its EXPOSE, a setting, else by an example of PORT beside it.
fn exposed(unit: &Unit, port: &Port, clues: &Clues) -> Guess<()> {
    let mut files = clues.dockerfiles.iter();
    let own = files.find(|file| file.origin.file == unit.origin.file);
    let is_exposed = own.is_some_and(|file| file.exposes.contains(&port.target));
    let setting = clues
        .settings
        .iter()
        .find(|setting| setting.port == port.target);
    let (origin, why) = match setting {
        _ if is_exposed => (&unit.origin, "its EXPOSE"),
        Some(setting) => (&setting.origin, "the port that is set there"),
        None => (&unit.origin, "the example of PORT beside it"),
    };
    Guess::new((), Some(origin), Sureness::Guess, why)
}

fn published<'a>(unit: &'a Unit, found: impl Fn(&Port) -> Guess<()>) -> Vec<Door<'a>> {
    let tcp = unit.ports.iter().filter(|port| port.protocol != "udp");
    tcp.filter_map(|port| {
        Some(Door {
            host: machine_host(port.host.as_deref()),
            number: port.published.filter(|number| *number != 0)?,
            port,
            found: found(port),
        })
    })
    .collect()
}

fn machine_host(bound: Option<&str>) -> String {
    match bound.map(str::trim) {
        None | Some("" | "0.0.0.0" | "::" | "[::]" | "localhost" | "127.0.0.1") => {
            "127.0.0.1".to_owned()
        }
        Some("::1" | "[::1]") => "[::1]".to_owned(),
        Some(host) if is_host(host) => host.to_owned(),
        Some(_) => "127.0.0.1".to_owned(),
    }
}

fn is_host(host: &str) -> bool {
    !host.is_empty()
        && host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

fn in_front<'a>(unit: &'a Unit, clues: &'a Clues) -> Vec<Door<'a>> {
    /// Kubernetes hands out node ports from this range unless told otherwise.
    const NODE_PORTS: std::ops::RangeInclusive<u16> = 30_000..=32_767;
    let mut doors = Vec::new();
    for front in fronts_of(unit, clues) {
        let named = front.namespace.as_ref().or(unit.namespace.as_ref());
        let namespace = named.map_or("default", String::as_str);
        for port in front.ports.iter().filter(|port| port.protocol != "udp") {
            let Some(number) = port.published.filter(|number| *number != 0) else {
                continue;
            };
            let is_node_port = NODE_PORTS.contains(&number);
            let host = match is_node_port {
                true => "127.0.0.1".to_owned(),
                false => format!("{}.{namespace}.svc.cluster.local", front.name),
            };
            let (sureness, why) = match (is_node_port, named) {
                (true, _) => (Sureness::Guess, "the node port of its Service"),
                (false, Some(_)) => (Sureness::Likely, "its Service"),
                (false, None) => (Sureness::Guess, "its Service; no namespace is named"),
            };
            if is_host(&host) {
                doors.push(Door {
                    host,
                    number,
                    port,
                    found: Guess::new((), Some(&front.origin), sureness, why),
                });
            }
        }
    }
    doors
}

/// Where a store is reached that `units` describe: by the first of `ports` that has a door, else by any door.
pub(crate) fn of_store(
    units: &[&Unit],
    clues: &Clues,
    ports: &'static [(u16, String)],
) -> Option<Guess<Address>> {
    units.iter().find_map(|unit| {
        let doors = doors(unit, clues);
        let known = ports.iter().find_map(|(target, scheme)| {
            let door = doors.iter().find(|door| door.port.target == *target)?;
            Some((door, scheme.as_str(), door.found.sureness))
        });
        let (door, scheme, sureness) = known.or_else(|| {
            let scheme = ports.first()?.1.as_str();
            Some((doors.first()?, scheme, Sureness::Guess))
        })?;
        let mut found = door.found.map(address(door, scheme));
        found.sureness = found.sureness.max(sureness);
        Some(found)
    })
}

fn address(door: &Door<'_>, scheme: &'static str) -> Address {
    Address {
        scheme,
        host: door.host.clone(),
        port: door.number,
        target: door.port.target,
    }
}

/// Where a service is reached that `units` describe.
pub(crate) fn of_service(
    units: &[&Unit],
    clues: &Clues,
    home: &Home<'_>,
) -> Option<Guess<Address>> {
    for unit in units {
        let doors = doors(unit, clues);
        let spoken = doors.iter().map(|door| {
            let (scheme, sureness) = scheme(door.port, unit, clues, home);
            (door, scheme, sureness)
        });
        let best = spoken.min_by_key(|(door, scheme, sureness)| {
            let is_checked = checked_port(unit) == Some(door.port.target);
            (preference(door, scheme, *sureness), !is_checked)
        });
        if let Some((door, scheme, sureness)) = best {
            let mut found = door.found.map(address(door, scheme));
            match sureness {
                Sureness::Certain => {}
                Sureness::Likely => found.why.push_str(&format!("; {scheme} by custom")),
                Sureness::Guess => found.why.push_str(&format!("; {scheme} is a guess")),
            }
            found.sureness = found.sureness.max(sureness);
            return Some(found);
        }
    }
    ingress(units, clues).or_else(|| line::address(on(units, Platform::Procfile)?, clues))
}

/// The lower, the better.
fn preference(door: &Door<'_>, scheme: &str, sureness: Sureness) -> u8 {
    match scheme {
        _ if sureness == Sureness::Guess => 5,
        "http" if door.port.target == 80 || door.port.name.as_deref() == Some("http") => 0,
        "http" => 1,
        "https" => 2,
        "grpc" => 3,
        _ => 4,
    }
}

fn checked_port(unit: &Unit) -> Option<u16> {
    match &unit.health.as_ref()?.kind {
        HealthCheckKind::Http { port, .. } => *port,
        HealthCheckKind::Tcp { port } | HealthCheckKind::Grpc { port, .. } => Some(*port),
        HealthCheckKind::Command(_) => None,
    }
}

/// What is spoken on a port.
fn scheme(port: &Port, unit: &Unit, clues: &Clues, home: &Home<'_>) -> (&'static str, Sureness) {
    let checks = [
        unit.health.as_ref(),
        home.dockerfile.and_then(|file| file.health.as_ref()),
    ];
    for check in checks.into_iter().flatten() {
        match &check.kind {
            HealthCheckKind::Http {
                scheme,
                port: checked,
                ..
            } if *checked == Some(port.target) => {
                let scheme = if scheme == "https" { "https" } else { "http" };
                return (scheme, Sureness::Certain);
            }
            HealthCheckKind::Grpc { port: checked, .. } if *checked == port.target => {
                return ("grpc", Sureness::Certain);
            }
            _ => {}
        }
    }
    let name = port.name.as_deref().unwrap_or_default();
    if name.starts_with("https") || matches!(port.target, 443 | 8443) {
        return ("https", Sureness::Likely);
    }
    if name.starts_with("http") || name == "web" {
        return ("http", Sureness::Certain);
    }
    if name.contains("grpc") || port.target == 50051 {
        return ("grpc", Sureness::Likely);
    }
    if OTHER_PORTS.contains(&port.target) {
        return ("tcp", Sureness::Likely);
    }
    if is_usual_http(port.target) || is_web_server(unit) || home.framework(clues).is_some() {
        return ("http", Sureness::Likely);
    }
    match unit.build {
        Some(_) => ("http", Sureness::Guess),
        None => ("tcp", Sureness::Guess),
    }
}

fn is_usual_http(port: u16) -> bool {
    matches!(
        port,
        80 | 81
            | 1313
            | 1337
            | 2368
            | 3000..=3100
            | 4000
            | 4173
            | 4200
            | 4321
            | 4567
            | 5000..=5004
            | 5173
            | 5174
            | 5601
            | 7000
            | 8000..=8099
            | 8180..=8188
            | 8280
            | 8787
            | 8880..=8889
            | 9000
            | 9080
            | 9090
    )
}

fn is_web_server(unit: &Unit) -> bool {
    const SERVERS: [&str; 9] = [
        "caddy",
        "envoy",
        "haproxy",
        "httpd",
        "kong",
        "nginx",
        "nginx-unprivileged",
        "openresty",
        "traefik",
    ];
    unit.image
        .as_deref()
        .and_then(image_name)
        .is_some_and(|(name, _)| SERVERS.contains(&name.as_str()))
}

fn on<'a>(units: &[&'a Unit], platform: Platform) -> Option<&'a Unit> {
    units.iter().copied().find(|unit| unit.platform == platform)
}

/// The host of an Ingress that leads to a unit.
fn ingress(units: &[&Unit], clues: &Clues) -> Option<Guess<Address>> {
    let unit = on(units, Platform::Kubernetes)?;
    let fronts: Vec<&str> = fronts_of(unit, clues)
        .iter()
        .map(|front| front.name.as_str())
        .collect();
    clues.fronts.iter().find_map(|front| {
        let leads_here = |rule: &&(Option<String>, String, String)| {
            fronts.contains(&rule.2.as_str()) && matches!(rule.1.as_str(), "" | "/")
        };
        let (host, _, _) = front.rules.iter().find(leads_here)?;
        let host = host.as_deref().filter(|host| is_host(host))?;
        let address = Address {
            scheme: "https",
            host: host.to_owned(),
            port: 443,
            target: 443,
        };
        let why = "the host of an Ingress";
        Some(Guess::new(
            address,
            Some(&front.origin),
            Sureness::Guess,
            why,
        ))
    })
}
