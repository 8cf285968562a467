//! Addresses: whether they agree with each other and stay inside one environment.

use std::collections::BTreeMap;

use assay_model::Project;

use crate::check::doubt::{error, owner, warning};
use crate::check::mark;
use crate::claim::{Claim, ClaimKind};
use crate::problem::Problem;
use crate::url::{self, Parts};

/// An address with the claim that it stands in.
struct Address<'a> {
    claim: &'a Claim,
    parts: Parts<'a>,
}

impl Address<'_> {
    fn key(&self) -> (&str, Option<u16>) {
        (self.parts.host, port(&self.parts))
    }

    /// For messages; the value of a variable is not shown.
    fn shown(&self) -> String {
        if self.claim.hidden {
            format!("the address of `{}`", self.claim.key)
        } else {
            let port = self.parts.port.map(|port| format!(":{port}"));
            format!("`{}{}`", self.parts.host, port.unwrap_or_default())
        }
    }
}

/// What is doubtful about the addresses of services and dependencies, and about those that
/// processes are given.
pub(crate) fn check(project: &Project, claims: &[Claim]) -> Vec<Problem> {
    let of_kind = |kind: ClaimKind| {
        let claims = claims.iter().filter(move |claim| claim.kind == kind);
        claims.filter_map(|claim| {
            let parts = url::split(&claim.value).ok()?;
            Some(Address { claim, parts })
        })
    };
    let known: Vec<Address<'_>> = of_kind(ClaimKind::Address).collect();
    let given: Vec<Address<'_>> = of_kind(ClaimKind::Value).collect();
    let mut problems = shared(&known);
    problems.extend(known.iter().filter_map(wrong_port));
    problems.extend(scattered(&known));
    let environment = project
        .environments
        .first()
        .and_then(|environment| mark::find(&environment.name));
    let usual = environment.or_else(|| majority(&known));
    for address in known.iter().chain(&given) {
        problems.extend(usual.and_then(|usual| elsewhere(address, usual)));
    }
    problems.extend(given.iter().filter_map(|address| stray(address, &known)));
    problems
}

fn port(parts: &Parts<'_>) -> Option<u16> {
    parts.port.or(match parts.scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        "postgres" | "postgresql" => Some(5432),
        "redis" | "rediss" => Some(6379),
        "clickhouse" => Some(9000),
        _ => None,
    })
}

/// Two services at one address: one of them is never looked at.
fn shared(known: &[Address<'_>]) -> Vec<Problem> {
    let mut first: BTreeMap<_, &Address<'_>> = BTreeMap::new();
    let mut problems = Vec::new();
    for address in known {
        let place = (address.key(), address.parts.rest);
        match first.get(&place) {
            None => {
                first.insert(place, address);
            }
            Some(other) => {
                let other = &other.claim.key;
                let message = format!("`{}` is the address of `{other}`, too", address.claim.key);
                let label = "two names for one place";
                let hint = "give each its own address, or one of them a path of its own";
                problems.push(warning(
                    address.claim,
                    message,
                    label,
                    Some(hint.to_owned()),
                ));
            }
        }
    }
    problems
}

/// The port of one scheme under another.
fn wrong_port(address: &Address<'_>) -> Option<Problem> {
    let usual = match (address.parts.scheme, address.parts.port?) {
        ("http" | "ws", 443) => "443 is the port of https",
        ("https" | "wss", 80) => "80 is the port of plain http",
        _ => return None,
    };
    let message = format!("`{}` mixes scheme and port", address.claim.key);
    Some(warning(address.claim, message, usual, None))
}

/// Some services on this machine and some elsewhere is seldom what was meant.
fn scattered(known: &[Address<'_>]) -> Vec<Problem> {
    let services: Vec<&Address<'_>> = known
        .iter()
        .filter(|address| address.claim.key.starts_with("service."))
        .collect();
    let (here, there): (Vec<&&Address<'_>>, Vec<&&Address<'_>>) = services
        .iter()
        .partition(|address| mark::is_loopback(address.parts.host));
    let (fewer, others, place) = if here.len() < there.len() {
        (here, there, "on this machine")
    } else if there.len() < here.len() {
        (there, here, "on another machine")
    } else {
        return Vec::new();
    };
    let Some(example) = others.first() else {
        return Vec::new();
    };
    let hint = format!("`{}` is not", example.claim.key);
    fewer
        .into_iter()
        .map(|address| {
            let message = format!("`{}` is {place}", address.claim.key);
            let label = "most services of this environment are elsewhere";
            warning(address.claim, message, label, Some(hint.clone()))
        })
        .collect()
}

/// The environment that most addresses mark themselves with, if there is one.
fn majority(known: &[Address<'_>]) -> Option<&'static str> {
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    for mark in known
        .iter()
        .filter_map(|known| mark::find(known.parts.host))
    {
        *counts.entry(mark).or_default() += 1;
    }
    let most = counts.values().max()?;
    let mut leaders = counts.iter().filter(|(_, count)| *count == most);
    let (leader, _) = leaders.next()?;
    leaders.next().is_none().then_some(*leader)
}

/// An address that says it belongs to another environment.
fn elsewhere(address: &Address<'_>, usual: &str) -> Option<Problem> {
    let mark = mark::find(address.parts.host).filter(|mark| *mark != usual)?;
    let message = format!("`{}` points at another environment", address.claim.key);
    let label = format!(
        "{} says {mark}, this environment is {usual}",
        address.shown()
    );
    Some(error(address.claim, message, label, None))
}

/// A literal address that a process is given: of a service, which a placeholder would keep in
/// step and let assay watch; or of nothing that is known on this machine.
fn stray(address: &Address<'_>, known: &[Address<'_>]) -> Option<Problem> {
    let is_suite = address.claim.key.starts_with("suite.");
    let place = address.key();
    let same = |other: &&Address<'_>| {
        let both_here = mark::is_loopback(place.0) && mark::is_loopback(other.parts.host);
        other.key().1 == place.1 && (both_here || other.parts.host == place.0)
    };
    if let Some(other) = known.iter().find(same) {
        let name = owner(other.claim)?;
        if !is_suite || !other.claim.key.starts_with("service.") {
            return None;
        }
        let message = format!("`{}` is the literal address of {name}", address.claim.key);
        let label = "its traffic would go past assay, and prove nothing";
        let hint = format!("write `{{service.{name}.url}}`");
        return Some(warning(address.claim, message, label, Some(hint)));
    }
    let is_near = mark::is_loopback(place.0);
    if !is_near && !is_suite {
        // A service may call whom it likes out there.
        return None;
    }
    let message = format!("`{}` points outside this environment", address.claim.key);
    let label = format!(
        "{} is no service or dependency of this file",
        address.shown()
    );
    Some(warning(address.claim, message, label, None))
}
