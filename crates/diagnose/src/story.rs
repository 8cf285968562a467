//! One chosen candidate with everything that is told about it.

use std::collections::BTreeMap;

use assay_model::{EvidenceRef, Health, Rollout, RolloutOutcome, ServiceName, SymptomKind};

use crate::candidate::{Candidate, Passed};
use crate::defect::{Located, locate};
use crate::scene::{Scene, Standing, may_precede};
use crate::symptom::Sign;

/// What the sentences about one cause are made from.
pub(crate) struct Story<'a> {
    pub(crate) scene: &'a Scene<'a>,
    pub(crate) candidate: &'a Candidate<'a>,
    pub(crate) located: Located,
    pub(crate) signs: &'a [Sign],
    /// Places of the signs that it explains.
    pub(crate) explained: Vec<usize>,
    pub(crate) passed: &'a [Passed],
    /// Nodes with a cause of their own, this one among them.
    pub(crate) at_fault: &'a [ServiceName],
    pub(crate) values: BTreeMap<String, String>,
    pub(crate) last_good: Option<&'a Rollout>,
    pub(crate) rollout: Option<&'a Rollout>,
    pub(crate) pre_existing: bool,
}

impl<'a> Story<'a> {
    pub(crate) fn new(
        scene: &'a Scene<'a>,
        candidate: &'a Candidate<'a>,
        signs: &'a [Sign],
        explained: Vec<usize>,
        passed: &'a [Passed],
        at_fault: &'a [ServiceName],
    ) -> Self {
        let located = locate(scene, candidate);
        let mut values = candidate.values(scene);
        if let Some(importer) = &located.importer {
            values.insert("importer".to_owned(), importer.clone());
        }
        if let Some((file, line)) = &located.file {
            values.insert("file".to_owned(), file.clone());
            values.insert("line".to_owned(), line.to_string());
        }
        let revision = candidate.revision.as_ref();
        Self {
            scene,
            candidate,
            located,
            signs,
            explained,
            passed,
            at_fault,
            values,
            last_good: revision.and_then(|id| scene.observed.last_good(&candidate.node, id)),
            rollout: revision.and_then(|id| scene.observed.rollout_of(&candidate.node, id)),
            pre_existing: is_pre_existing(scene, candidate),
        }
    }

    pub(crate) fn node(&self) -> &ServiceName {
        &self.candidate.node
    }

    pub(crate) fn explained(&self, kind: SymptomKind) -> impl Iterator<Item = &'a Sign> {
        let signs = self.signs;
        self.explained
            .iter()
            .map(move |place| &signs[*place])
            .filter(move |sign| sign.symptom.kind == kind)
    }

    /// Failed tests that it explains.
    pub(crate) fn failed_tests(&self) -> usize {
        self.explained(SymptomKind::Test)
            .map(|sign| sign.tests.len())
            .sum()
    }

    pub(crate) fn health(&self, name: &str) -> Option<&'a (Health, Vec<EvidenceRef>)> {
        self.scene.observed.health.get(name)
    }

    /// The whole configuration narrowed to one line.
    pub(crate) fn cite_config(&self, line: Option<u64>) -> Option<EvidenceRef> {
        let config = self.scene.observed.config.as_ref()?;
        let path = self.scene.observed.project.config_file.clone();
        let source = assay_model::Source::File { path, line };
        Some(EvidenceRef {
            source,
            ..config.evidence.clone()
        })
    }

    /// The names in the order in which the failure reaches them.
    pub(crate) fn by_distance(&self, names: impl Iterator<Item = ServiceName>) -> Vec<ServiceName> {
        let reach = self.scene.graph.reach(self.node());
        let mut names: Vec<ServiceName> = names.collect();
        names.sort_by_key(|name| (reach.get(name).copied().unwrap_or(usize::MAX), name.clone()));
        names.dedup();
        names
    }

    /// The gate of the roll-out refused the revision.
    pub(crate) fn gate_held(&self) -> bool {
        self.candidate.standing == Standing::Refused
            || self
                .rollout
                .is_some_and(|rollout| !rollout.outcome.switched())
    }

    /// The roll-out that verified the revision in which the cause was seen.
    pub(crate) fn verified(&self) -> Option<&'a Rollout> {
        self.rollout
            .filter(|rollout| rollout.outcome == RolloutOutcome::Succeeded)
    }
}

/// It was seen before this run changed anything.
pub(crate) fn is_pre_existing(scene: &Scene<'_>, candidate: &Candidate<'_>) -> bool {
    scene
        .observed
        .first_rollout()
        .is_some_and(|rollout| !may_precede(rollout.started, candidate.since()))
}
