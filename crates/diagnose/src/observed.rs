//! What diagnosis may look at: a narrow view of the facts.

use std::collections::BTreeMap;

use assay_model::{
    EvidenceRef, Execution, Facts, Health, Project, Revision, RevisionId, Rollout, ServiceName,
    ServiceObservation, Source,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The text of the configuration file, and where it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigText {
    /// The whole file in the vault.
    pub evidence: EvidenceRef,
    /// Its text as it is kept.
    pub text: String,
}

/// Everything that a diagnosis is made from.
///
/// It deliberately has no room for what a run was asked to do or for disturbances: a diagnosis
/// must come from what was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// The time at which all this was known.
    pub now: Timestamp,
    /// The configuration.
    pub project: Project,
    /// The configuration's own lines, where they can be cited.
    pub config: Option<ConfigText>,
    /// What the probes found.
    pub health: BTreeMap<ServiceName, (Health, Vec<EvidenceRef>)>,
    /// What the tests found.
    pub execution: Option<Execution>,
    /// Logs, exits and restarts.
    pub observations: BTreeMap<ServiceName, ServiceObservation>,
    /// Roll-outs that are known, oldest first.
    pub rollouts: Vec<Rollout>,
    /// Place in `rollouts` of the first one of this run.
    pub run_rollouts_from: usize,
    /// Revisions that are known.
    pub revisions: BTreeMap<RevisionId, Revision>,
    /// Which revision takes the traffic, as the roll-outs left it.
    pub serving: BTreeMap<ServiceName, RevisionId>,
    /// Texts of evidence, by hash.
    pub texts: BTreeMap<String, String>,
}

impl Observed {
    /// The part of the facts that diagnosis may see, still without texts.
    pub fn of(facts: &Facts, now: Timestamp, project: Project) -> Self {
        let mut rollouts = facts.history.clone();
        let run_rollouts_from = rollouts.len();
        rollouts.extend(facts.rollouts.iter().cloned());
        Self {
            now,
            project,
            config: None,
            health: facts.health.clone(),
            execution: facts.execution.clone(),
            observations: facts.observations.clone(),
            rollouts,
            run_rollouts_from,
            revisions: facts.revisions.clone(),
            serving: facts.serving.clone(),
            texts: BTreeMap::new(),
        }
    }

    /// Nothing was looked at, so that nothing can be said.
    pub fn is_empty(&self) -> bool {
        self.health.is_empty()
            && self.execution.is_none()
            && self.observations.is_empty()
            && self.refused().next().is_none()
    }

    /// Evidence whose text the diagnosis reads: logs, and manifests and changes of the revisions
    /// that serve or were refused.
    pub fn wanted(&self) -> Vec<EvidenceRef> {
        let instances = self.observations.values().flat_map(|seen| &seen.instances);
        let mut wanted: Vec<EvidenceRef> = instances
            .filter_map(|instance| instance.log.clone())
            .collect();
        for rollout in self.refused() {
            wanted.extend(rollout.evidence.iter().filter(|kept| is_log(kept)).cloned());
        }
        for id in self.revisions_in_question() {
            if let Some(revision) = self.revisions.get(id) {
                wanted.push(revision.manifest.clone());
                wanted.extend(revision.change.clone());
            }
        }
        wanted.sort_by(|a, b| a.hash.cmp(&b.hash));
        wanted.dedup_by(|a, b| a.hash == b.hash);
        wanted
    }

    /// Revisions that serve or that a gate refused, without repetition.
    fn revisions_in_question(&self) -> Vec<&RevisionId> {
        let seen = self
            .observations
            .values()
            .filter_map(|seen| seen.serving.as_ref());
        let refused = self.refused().map(|rollout| &rollout.revision);
        let mut ids: Vec<&RevisionId> = seen.chain(self.serving.values()).chain(refused).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// The revision that takes the traffic of a service: what its front door says, else what the
    /// roll-outs left.
    pub fn serving(&self, service: &ServiceName) -> Option<&RevisionId> {
        let seen = self
            .observations
            .get(service)
            .and_then(|seen| seen.serving.as_ref());
        seen.or_else(|| self.serving.get(service))
    }

    /// Roll-outs of this run that a gate refused and that no later one of the same service made
    /// up for.
    pub fn refused(&self) -> impl Iterator<Item = &Rollout> {
        let run = self.rollouts.get(self.run_rollouts_from..).unwrap_or(&[]);
        run.iter().enumerate().filter_map(move |(place, rollout)| {
            let made_up = run[place + 1..].iter().any(|later| {
                later.request.service == rollout.request.service
                    && later.outcome.switched()
                    && later.revision != rollout.revision
            });
            (!rollout.outcome.switched() && !made_up).then_some(rollout)
        })
    }

    /// When this run first changed anything.
    pub fn first_rollout(&self) -> Option<&Rollout> {
        self.rollouts.get(self.run_rollouts_from)
    }

    /// The last roll-out of a revision.
    pub fn rollout_of(&self, service: &ServiceName, revision: &RevisionId) -> Option<&Rollout> {
        self.rollouts
            .iter()
            .rev()
            .find(|rollout| rollout.request.service == *service && rollout.revision == *revision)
    }

    /// The last other revision of a service that was switched to and verified, before `bad` came.
    pub fn last_good(&self, service: &ServiceName, bad: &RevisionId) -> Option<&Rollout> {
        let of_service = |rollout: &&Rollout| rollout.request.service == *service;
        let came = self
            .rollouts
            .iter()
            .position(|rollout| of_service(&rollout) && rollout.revision == *bad)
            .unwrap_or(self.rollouts.len());
        self.rollouts[..came]
            .iter()
            .rev()
            .filter(of_service)
            .find(|rollout| {
                rollout.outcome == assay_model::RolloutOutcome::Succeeded
                    && rollout.revision != *bad
            })
    }

    /// The text of a piece of evidence, where it was given.
    pub fn text(&self, evidence: &EvidenceRef) -> Option<&str> {
        self.texts.get(&evidence.hash).map(String::as_str)
    }
}

pub(crate) fn is_log(evidence: &EvidenceRef) -> bool {
    matches!(evidence.source, Source::Log { .. })
}
