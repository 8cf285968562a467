//! What has to be shown before a mend may be called a repair. Pure.

use assay_model::{
    Cause, CauseId, Facts, Mend, Reproduction, ReproductionCheck, RevisionId, RolloutOutcome,
    ServiceName, SymptomKind, TestId,
};
use thiserror::Error;

/// A mend that cannot be checked.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NoReproduction {
    /// Nothing says what it is for.
    #[error("branch {branch} mends cause {cause}, which no diagnosis of this run has")]
    NoCause {
        /// The mend.
        branch: String,
        /// Its cause.
        cause: CauseId,
    },
    /// There is no bad revision.
    #[error("cause {cause} is not tied to a revision of {service}")]
    NoRevision {
        /// The cause.
        cause: CauseId,
        /// The mended service.
        service: ServiceName,
    },
    /// There is no mended revision.
    #[error("no revision of {service} is built from {commit}")]
    NotBuilt {
        /// The mended service.
        service: ServiceName,
        /// The mend's commit.
        commit: String,
    },
    /// Nothing says how the failure would be recognised.
    #[error("cause {cause} has no text that shows it in a log")]
    NoSignature {
        /// The cause.
        cause: CauseId,
    },
    /// The bad revision starts, and no test is known to fail.
    #[error("cause {cause} lets {service} start, and no test is known to fail because of it")]
    NoTest {
        /// The cause.
        cause: CauseId,
        /// The mended service.
        service: ServiceName,
    },
}

/// The checks for the mend that holds: the reproduction fails with its signature on the bad
/// revision and passes without it on the mended one. Empty where nothing was mended.
///
/// # Errors
/// When there is a mend and it cannot be checked.
pub fn checks(facts: &Facts) -> Result<Vec<ReproductionCheck>, NoReproduction> {
    let Some((mend, service)) = facts.mend().and_then(|mend| Some((mend, mend.service()?))) else {
        return Ok(Vec::new());
    };
    let (cause, exits) = cause_of(facts, mend, service)?;
    let bad = cause
        .revision
        .clone()
        .ok_or_else(|| NoReproduction::NoRevision {
            cause: cause.id.clone(),
            service: service.clone(),
        })?;
    let good = facts
        .built(service, &mend.commit)
        .ok_or_else(|| NoReproduction::NotBuilt {
            service: service.clone(),
            commit: mend.commit.clone(),
        })?;
    let signature = cause
        .log_pattern
        .clone()
        .filter(|pattern| !pattern.is_empty())
        .ok_or_else(|| NoReproduction::NoSignature {
            cause: cause.id.clone(),
        })?;
    let never_up = exits && !verified(facts, &bad);
    let reproduction = match failing_test(facts, cause, service) {
        _ if never_up => Reproduction::Start {
            service: service.clone(),
            signature,
        },
        Some(test) => Reproduction::Test {
            service: service.clone(),
            test,
            signature,
        },
        None => {
            return Err(NoReproduction::NoTest {
                cause: cause.id.clone(),
                service: service.clone(),
            });
        }
    };
    let check = |revision: &RevisionId, must_fail| ReproductionCheck {
        cause: cause.id.clone(),
        reproduction: reproduction.clone(),
        revision: revision.clone(),
        must_fail,
    };
    Ok(vec![check(&bad, true), check(&good.id, false)])
}

/// The cause that `mend` is for, and whether the service was seen to end or be refused by its
/// gate because of it.
fn cause_of<'a>(
    facts: &'a Facts,
    mend: &Mend,
    service: &ServiceName,
) -> Result<(&'a Cause, bool), NoReproduction> {
    let found = facts.diagnoses.iter().rev().find_map(|diagnosis| {
        let cause = diagnosis
            .causes
            .iter()
            .find(|cause| cause.id == mend.remedy.cause)?;
        let exits = cause
            .symptoms
            .iter()
            .filter_map(|place| diagnosis.symptoms.get(*place))
            .any(|symptom| {
                symptom.service == *service
                    && matches!(symptom.kind, SymptomKind::Exit | SymptomKind::Rollout)
            });
        Some((cause, exits))
    });
    found.ok_or_else(|| NoReproduction::NoCause {
        branch: mend.branch.clone(),
        cause: mend.remedy.cause.clone(),
    })
}

/// The revision once answered its own probe behind a gate: it can start.
fn verified(facts: &Facts, revision: &RevisionId) -> bool {
    facts.history.iter().chain(&facts.rollouts).any(|rollout| {
        rollout.revision == *revision && rollout.outcome == RolloutOutcome::Succeeded
    })
}

/// The most important failing test that says it covers `service`, else the most important one.
fn failing_test(facts: &Facts, cause: &Cause, service: &ServiceName) -> Option<TestId> {
    let covers = |test: &&TestId| {
        facts
            .selection
            .iter()
            .flat_map(|selection| &selection.tests)
            .any(|selected| selected.case.id == **test && selected.case.services.contains(service))
    };
    cause
        .failing_tests
        .iter()
        .find(covers)
        .or_else(|| cause.failing_tests.first())
        .cloned()
}

#[cfg(test)]
mod tests;
