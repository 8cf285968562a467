//! The gate of a roll-out: does the new revision itself answer?

use std::time::Duration;

use assay_model::{
    DeployPlan, Health, InstanceState, ProbeTarget, Prober, Revision, Service, Status,
};
use assay_world::clock::Stopwatch;

use crate::process::{Driver, DriverError};

/// Pause between two probes of a starting revision, in ms: short against the time that a process
/// takes to start, long against the cost of a probe on loopback.
const POLL_MS: u64 = 50;

/// Exits during the gate after which waiting longer is pointless: one may be a race with another
/// service that is starting too, three are a crash loop.
const EXITS_MAX: usize = 3;

/// What the gate saw.
pub(crate) struct Verdict {
    /// The revision answered for its whole bake time.
    pub(crate) passed: bool,
    /// One line.
    pub(crate) detail: String,
    /// The last probe, with its literal exchange.
    pub(crate) last: Option<(Health, Vec<u8>)>,
}

/// Waits until `instance` answers its probe as `revision`, and goes on answering for the bake
/// time.
pub(crate) async fn ask(
    driver: &Driver,
    prober: &dyn Prober,
    service: &Service,
    plan: &DeployPlan,
    revision: &Revision,
    instance: &str,
) -> Result<Verdict, DriverError> {
    let waited = Stopwatch::start();
    let mut baking: Option<Stopwatch> = None;
    let mut last = None;
    loop {
        let Some(status) = driver.instance(instance).await? else {
            return Ok(refused(format!("{instance} is gone"), last));
        };
        let by_itself = status.exits.iter().filter(|exit| !exit.requested).count();
        let ended = matches!(status.state, InstanceState::Exited | InstanceState::Stopped);
        if by_itself >= EXITS_MAX || ended || (baking.is_some() && by_itself > 0) {
            let exit = status
                .exits
                .last()
                .map_or_else(|| "it ended".to_owned(), |e| e.describe());
            let detail = format!("{exit}, {by_itself} times in {} ms", waited.elapsed_ms());
            return Ok(refused(detail, last));
        }
        if let Some(port) = status.port {
            let target = ProbeTarget {
                service: service.name.clone(),
                url: format!("http://127.0.0.1:{port}"),
                probe: service.probe.clone(),
            };
            let (health, exchange) = prober.probe(&target).await;
            let answers = health.status.serves() && right_revision(&health, revision);
            let detail = health.detail.clone();
            let status = health.status;
            last = Some((health, exchange));
            match (&baking, answers) {
                (None, true) => baking = Some(Stopwatch::start()),
                (Some(_), false) => {
                    return Ok(refused(
                        format!("stopped answering while baking: {detail}"),
                        last,
                    ));
                }
                _ => {}
            }
            if status == Status::Unavailable
                && baking.is_none()
                && waited.elapsed_ms() > plan.start_timeout_ms
            {
                return Ok(refused(detail, last));
            }
        }
        if let Some(baked) = &baking
            && baked.elapsed_ms() >= plan.bake_ms
        {
            let detail = format!("answered for {} ms", baked.elapsed_ms());
            return Ok(Verdict {
                passed: true,
                detail,
                last,
            });
        }
        if baking.is_none() && waited.elapsed_ms() > plan.start_timeout_ms {
            let detail = format!("no good answer within {} ms", plan.start_timeout_ms);
            return Ok(refused(detail, last));
        }
        tokio::time::sleep(Duration::from_millis(POLL_MS)).await;
    }
}

/// A probe that does not say which revision answers is taken at its word: the instance is asked
/// directly, not through its front door.
fn right_revision(health: &Health, revision: &Revision) -> bool {
    health
        .revision
        .as_ref()
        .is_none_or(|answered| *answered == revision.id)
}

fn refused(detail: String, last: Option<(Health, Vec<u8>)>) -> Verdict {
    Verdict {
        passed: false,
        detail,
        last,
    }
}
