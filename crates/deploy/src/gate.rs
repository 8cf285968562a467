//! The gate of a roll-out: does the new revision itself answer?

use std::time::Duration;

use assay_model::{
    DeployPlan, Health, InstanceState, ProbeTarget, Prober, Revision, Service, Status,
};
use assay_world::clock::Stopwatch;
use assay_world::supervisor::InstanceStatus;

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
        if let Some(detail) = given_up(&status, plan, baking.is_some(), waited.elapsed_ms()) {
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

/// Why waiting longer is pointless, if it is.
fn given_up(
    status: &InstanceStatus,
    plan: &DeployPlan,
    baking: bool,
    waited_ms: u64,
) -> Option<String> {
    let by_itself = status.exits.iter().filter(|exit| !exit.requested).count();
    let ended = matches!(status.state, InstanceState::Exited | InstanceState::Stopped);
    if by_itself < EXITS_MAX && !ended && !(baking && by_itself > 0) {
        return None;
    }
    let exit = status.exits.last();
    let exit = exit.map_or_else(|| "it ended".to_owned(), |exit| exit.describe());
    let times = match by_itself {
        0 | 1 => "once",
        _ => "again and again",
    };
    let why = could_not_start(status, plan);
    let log = status.log_path.display();
    Some(format!(
        "{exit} {times} ({by_itself} in {waited_ms} ms){why}; its log is {log}"
    ))
}

/// Exit codes 126 and 127 are the shell's words for a program that cannot be run (POSIX, Shell
/// Command Language, 2.8.2); the launcher uses them too.
fn could_not_start(status: &InstanceStatus, plan: &DeployPlan) -> String {
    let program = plan.command.first().map_or("", String::as_str);
    match status.exits.last().and_then(|exit| exit.code) {
        Some(127) => format!(": there is no program {program}"),
        Some(126) => format!(": {program} cannot be executed"),
        _ => String::new(),
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
