//! The observed world made ready for reasoning: graph, logs that were read, what each revision
//! is worth looking at.

use assay_model::{EvidenceRef, InstanceObservation, RevisionId, ServiceName, Source};
use jiff::{SignedDuration, Timestamp};

use crate::catalogue::Catalogue;
use crate::graph::Graph;
use crate::log::{self, Record};
use crate::observed::{Observed, is_log};

/// Probes, front doors and processes stamp with clocks and buffers of their own; an effect may
/// seem this much older than its cause.
pub(crate) const CLOCK_SLACK: SignedDuration = SignedDuration::from_secs(2);

/// What a revision has to do with the trouble of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It takes the traffic, or is meant to.
    Serving,
    /// A gate refused it: it can explain that, and nothing that users see.
    Refused,
    /// It served once.
    Past,
}

/// One log that was read.
pub(crate) struct Log<'a> {
    pub(crate) service: &'a ServiceName,
    pub(crate) revision: &'a RevisionId,
    pub(crate) standing: Standing,
    pub(crate) evidence: &'a EvidenceRef,
    pub(crate) records: Vec<Record>,
}

impl Log<'_> {
    /// The evidence narrowed to one record.
    pub(crate) fn cite(&self, record: &Record) -> EvidenceRef {
        let path = match &self.evidence.source {
            Source::Log { path, .. } | Source::File { path, .. } => path.clone(),
            other => other.label(),
        };
        let source = Source::Log {
            path,
            from_line: record.from_line,
            to_line: record.to_line,
        };
        EvidenceRef {
            source,
            ..self.evidence.clone()
        }
    }
}

/// Everything that the reasoning reads.
pub(crate) struct Scene<'a> {
    pub(crate) observed: &'a Observed,
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) graph: Graph,
    pub(crate) logs: Vec<Log<'a>>,
}

impl<'a> Scene<'a> {
    pub(crate) fn new(observed: &'a Observed, catalogue: &'a Catalogue) -> Self {
        let mut scene = Self {
            observed,
            catalogue,
            graph: Graph::default(),
            logs: Vec::new(),
        };
        scene.read_graph();
        scene.read_logs();
        scene
    }

    fn read_graph(&mut self) {
        for (name, service) in &self.observed.project.services {
            for callee in &service.depends_on {
                self.graph.add(name, callee);
            }
        }
        for (name, (health, _)) in &self.observed.health {
            for callee in health.reported.keys() {
                self.graph.add(name, &ServiceName::from(callee.as_str()));
            }
        }
    }

    fn read_logs(&mut self) {
        let observed = self.observed;
        for (service, seen) in &observed.observations {
            for instance in &seen.instances {
                if let Some(evidence) = &instance.log {
                    self.read_log(service, &instance.revision, evidence);
                }
            }
        }
        for rollout in observed.refused() {
            for evidence in rollout.evidence.iter().filter(|kept| is_log(kept)) {
                let service = &rollout.request.service;
                let read = self
                    .logs
                    .iter()
                    .any(|log| log.service == service && log.revision == &rollout.revision);
                if !read {
                    self.read_log(service, &rollout.revision, evidence);
                }
            }
        }
    }

    fn read_log(
        &mut self,
        service: &'a ServiceName,
        revision: &'a RevisionId,
        evidence: &'a EvidenceRef,
    ) {
        let Some(text) = self.observed.text(evidence) else {
            return;
        };
        let first_line = match evidence.source {
            Source::Log { from_line, .. } => from_line.max(1),
            _ => 1,
        };
        let standing = self.standing(service, revision);
        let records = log::read(text, first_line);
        self.logs.push(Log {
            service,
            revision,
            standing,
            evidence,
            records,
        });
    }

    /// What a revision of a service has to do with the trouble of now.
    pub(crate) fn standing(&self, service: &ServiceName, revision: &RevisionId) -> Standing {
        match self.observed.serving(service) {
            // Nothing is known to serve: whatever lives there is meant to.
            None => Standing::Serving,
            Some(serving) if serving == revision => Standing::Serving,
            Some(_) => {
                let refused = self.observed.refused().any(|rollout| {
                    rollout.request.service == *service && rollout.revision == *revision
                });
                if refused {
                    Standing::Refused
                } else {
                    Standing::Past
                }
            }
        }
    }

    /// Instances of revisions that matter now.
    pub(crate) fn instances(
        &self,
    ) -> impl Iterator<Item = (&'a ServiceName, Standing, &'a InstanceObservation)> {
        self.observed
            .observations
            .iter()
            .flat_map(move |(service, seen)| {
                seen.instances.iter().filter_map(move |instance| {
                    let standing = self.standing(service, &instance.revision);
                    (standing != Standing::Past).then_some((service, standing, instance))
                })
            })
    }

    /// A name of the configuration or of an observation.
    pub(crate) fn knows(&self, name: &str) -> bool {
        let observed = self.observed;
        observed.project.services.contains_key(name)
            || observed.project.dependencies.contains_key(name)
            || observed.health.contains_key(name)
            || observed.observations.contains_key(name)
    }

    /// A backing store, or something that is only heard of through others.
    pub(crate) fn is_dependency(&self, name: &str) -> bool {
        let project = &self.observed.project;
        let is_observed = self.observed.observations.contains_key(name);
        !project.services.contains_key(name)
            && (project.dependencies.contains_key(name) || !is_observed)
    }

    /// Nothing is known of a service before this time, so that "later" cannot be told there:
    /// its window begins then, or what is kept of the log does.
    pub(crate) fn blind_before(
        &self,
        service: &ServiceName,
        revision: Option<&RevisionId>,
    ) -> Option<Timestamp> {
        let window = self
            .observed
            .observations
            .get(service)
            .map(|seen| seen.window.from);
        let cut = self.logs.iter().filter(|log| {
            let begins_later =
                matches!(log.evidence.source, Source::Log { from_line, .. } if from_line > 1);
            log.service == service
                && begins_later
                && revision.is_none_or(|revision| revision == log.revision)
        });
        cut.filter_map(|log| log.records.first()?.at)
            .chain(window)
            .max()
    }
}

/// `cause` may have brought about `effect`, as far as their times go.
pub(crate) fn may_precede(cause: Timestamp, effect: Timestamp) -> bool {
    cause <= effect.saturating_add(CLOCK_SLACK).unwrap_or(effect)
}
