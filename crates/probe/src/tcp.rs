//! A TCP probe: a connection is accepted, and a TLS handshake made where the scheme says so.

use std::time::Duration;

use assay_model::{Health, ProbeTarget, Status};

use crate::address::{self, Address};
use crate::connect::{self, Security};
use crate::failure::Failure;
use crate::timeline::{self, Timeline};
use crate::tls::{Seen, Trust};

/// Asks once whether a connection is accepted.
pub(crate) async fn once(target: &ProbeTarget, trust: &Trust) -> (Health, Vec<u8>) {
    let mut timeline = Timeline::start("no address");
    let mut health = Health::new(
        target.service.clone(),
        "tcp",
        "tcp://?",
        Status::Unreachable,
    );
    let outcome = match prepare(target, trust) {
        Ok((address, security)) => {
            let scheme = if security.is_some() { "tls" } else { "tcp" };
            health.target = format!("{scheme}://{address}");
            let outcome = dial(target, &address, security.as_ref(), &mut timeline).await;
            health.certificate = security.and_then(|(_, seen)| seen.certificate());
            outcome.map(|()| match scheme {
                "tls" => "accepted and secured",
                _ => "accepted",
            })
        }
        Err(problem) => Err(problem),
    };
    health.latency_ms = timeline.elapsed_ms();
    (health.status, health.detail) = match outcome {
        Ok(what) => timeline::judge_pace(what, health.latency_ms, target.probe.degraded_ms),
        Err(failure) => failure,
    };
    let (target, detail) = (&health.target, &health.detail);
    let exchange = format!("CONNECT {target}\n{}{detail}\n", timeline.render());
    (health, exchange.into_bytes())
}

type Prepared = (Address, Option<(Security, Seen)>);

fn prepare(target: &ProbeTarget, trust: &Trust) -> Result<Prepared, Failure> {
    let url = address::parse(&target.url)?;
    let address = Address::of(&url)?;
    let security = if address::is_secure(&url) {
        Some(Security::new(trust, &target.probe.tls, &address.host, &[])?)
    } else {
        None
    };
    Ok((address, security))
}

async fn dial(
    target: &ProbeTarget,
    address: &Address,
    security: Option<&(Security, Seen)>,
    timeline: &mut Timeline,
) -> Result<(), Failure> {
    let timeout_ms = target.probe.timeout_ms;
    let security = security.map(|(security, _)| security);
    let dialed = connect::dial(address, security, timeline);
    match tokio::time::timeout(Duration::from_millis(timeout_ms), dialed).await {
        Ok(outcome) => outcome.map(drop),
        Err(_) => Err(timeline.timed_out(timeout_ms)),
    }
}
