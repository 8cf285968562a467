//! Candidate causes: what signatures, exits and health documents point at.

use std::collections::BTreeMap;

use assay_model::{EvidenceRef, Exit, InstanceObservation, RevisionId, ServiceName};
use jiff::{SignedDuration, Timestamp};

use crate::log::{Frame, Level};
use crate::scene::{Scene, Standing};
use crate::signature::{At, Hit, Layer, Signature};
use crate::words::{counted, span};

/// A process that an error ends is gone this long after the error at the latest.
const EXIT_AFTER_MAX: SignedDuration = SignedDuration::from_secs(5);

/// Places that one candidate cites; more of the same say nothing new.
const CITED_MAX: usize = 3;

/// One sighting of a candidate in a log.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    pub(crate) evidence: EvidenceRef,
    pub(crate) raw: String,
    pub(crate) text: String,
    pub(crate) frames: Vec<Frame>,
}

/// Something that may be the cause.
pub(crate) struct Candidate<'a> {
    /// The service or dependency at fault.
    pub(crate) node: ServiceName,
    /// Who showed it.
    pub(crate) seen_at: ServiceName,
    pub(crate) signature: &'a Signature,
    pub(crate) revision: Option<RevisionId>,
    pub(crate) standing: Standing,
    pub(crate) captures: BTreeMap<String, String>,
    pub(crate) level: Level,
    /// The first sightings.
    pub(crate) sightings: Vec<Sighting>,
    /// How often it was logged, and when first and last.
    pub(crate) logged: Option<(u64, Timestamp, Timestamp)>,
    /// How processes ended because of it.
    pub(crate) exits: Vec<Exit>,
    pub(crate) exits_evidence: Vec<EvidenceRef>,
    /// What health documents say of it.
    pub(crate) reports: Vec<EvidenceRef>,
    pub(crate) first_seen: Timestamp,
    pub(crate) last_seen: Timestamp,
    /// When an earlier revision showed the same.
    pub(crate) earlier: Option<Timestamp>,
}

impl Candidate<'_> {
    /// When it was first seen, in whichever revision.
    pub(crate) fn since(&self) -> Timestamp {
        self.earlier
            .map_or(self.first_seen, |earlier| earlier.min(self.first_seen))
    }

    /// The same failure of the same thing, in whichever revision.
    pub(crate) fn is_twin(&self, other: &Self) -> bool {
        self.node == other.node
            && self.signature.id == other.signature.id
            && identity(&self.captures) == identity(&other.captures)
    }

    fn note(&mut self, at: Timestamp) {
        self.first_seen = self.first_seen.min(at);
        self.last_seen = self.last_seen.max(at);
    }

    /// What tells it from others of its signature.
    fn key(&self) -> (&ServiceName, Option<&RevisionId>, &str, Vec<&String>) {
        (
            &self.node,
            self.revision.as_ref(),
            &self.signature.id,
            identity(&self.captures),
        )
    }

    /// The part that is at fault, and everything else that templates may name.
    pub(crate) fn values(&self, scene: &Scene<'_>) -> BTreeMap<String, String> {
        let mut values = self.captures.clone();
        values.insert("node".to_owned(), self.node.to_string());
        if let Some(dependency) = scene.observed.project.dependencies.get(self.node.as_str()) {
            values.insert("limit".to_owned(), dependency.probe.degraded_ms.to_string());
        }
        if let Some(exit) = self.exits.first() {
            if let Some(code) = exit.code {
                values.insert("code".to_owned(), code.to_string());
            }
            if let Some(signal) = exit.signal {
                values.insert("signal".to_owned(), signal.to_string());
            }
        }
        values
    }

    /// How often it was logged: `9 times in 14.2 s`.
    pub(crate) fn often(&self) -> String {
        let (n, from, to) = self.logged.unwrap_or((0, self.first_seen, self.last_seen));
        counted(n, span(from, to))
    }

    /// The process did not get as far as serving, or went away.
    pub(crate) fn ends_process(&self) -> bool {
        matches!(self.signature.layer, Layer::Start | Layer::Process) || !self.exits.is_empty()
    }
}

/// Captures that name the thing; figures differ from line to line.
fn identity(captures: &BTreeMap<String, String>) -> Vec<&String> {
    let named = ["module", "symbol", "object", "variable", "port", "user"];
    named
        .iter()
        .filter_map(|name| captures.get(*name))
        .collect()
}

/// A log record that says that another service failed.
pub(crate) struct Passed {
    /// Who says so.
    pub(crate) service: ServiceName,
    /// Of whom.
    pub(crate) upstream: ServiceName,
    pub(crate) sighting: Sighting,
}

/// Everything that may be a cause, and what only passes a failure on.
#[derive(Default)]
pub(crate) struct Candidates<'a> {
    pub(crate) all: Vec<Candidate<'a>>,
    pub(crate) passed: Vec<Passed>,
}

impl<'a> Candidates<'a> {
    /// Collects them: logs, then exits that no log explains, then what callers report.
    pub(crate) fn collect(scene: &Scene<'a>) -> Self {
        let mut candidates = Self::default();
        candidates.add_logs(scene);
        for (service, standing, instance) in scene.instances() {
            candidates.add_exits(scene, service, standing, instance);
        }
        candidates.add_reports(scene);
        candidates.note_earlier();
        candidates
    }

    fn note_earlier(&mut self) {
        for place in 0..self.all.len() {
            let past = self.all.iter().filter(|other| {
                other.standing == Standing::Past && other.is_twin(&self.all[place])
            });
            self.all[place].earlier = past.map(|other| other.first_seen).min();
        }
    }

    fn add_logs(&mut self, scene: &Scene<'a>) {
        for log in &scene.logs {
            for record in &log.records {
                let Some((signature, hit)) = scene.catalogue.recognise(record) else {
                    continue;
                };
                let sighting = Sighting {
                    evidence: log.cite(record),
                    raw: record.raw.clone(),
                    text: literal(&hit, &record.raw),
                    frames: record.frames.clone(),
                };
                if signature.consequence {
                    self.pass_on(scene, log.service, &hit, sighting);
                    continue;
                }
                let at = record.at.unwrap_or(log.evidence.at);
                let fresh = Candidate {
                    node: node_of(scene, log.service, signature),
                    seen_at: log.service.clone(),
                    signature,
                    revision: Some(log.revision.clone()),
                    standing: log.standing,
                    captures: hit.captures,
                    level: record.level,
                    sightings: vec![sighting],
                    logged: Some((1, at, at)),
                    exits: Vec::new(),
                    exits_evidence: Vec::new(),
                    reports: Vec::new(),
                    first_seen: at,
                    last_seen: at,
                    earlier: None,
                };
                self.add(fresh);
            }
        }
    }

    fn pass_on(&mut self, scene: &Scene<'_>, service: &ServiceName, hit: &Hit, sighting: Sighting) {
        let upstream = hit
            .captures
            .get("upstream")
            .filter(|name| scene.knows(name));
        let Some(upstream) = upstream.map(|name| ServiceName::from(name.as_str())) else {
            return;
        };
        let known = self
            .passed
            .iter()
            .any(|other| other.service == *service && other.upstream == upstream);
        if !known {
            self.passed.push(Passed {
                service: service.clone(),
                upstream,
                sighting,
            });
        }
    }

    fn add(&mut self, mut fresh: Candidate<'a>) {
        if fresh.signature.at == At::Dependency {
            // A store is no part of the revision that complains about it.
            fresh.revision = None;
        }
        let same = self
            .all
            .iter_mut()
            .find(|known| known.key() == fresh.key() && known.standing == fresh.standing);
        match same {
            Some(known) => {
                known.note(fresh.first_seen);
                known.note(fresh.last_seen);
                known.logged = match (known.logged, fresh.logged) {
                    (Some((n, from, to)), Some((more, first, last))) => {
                        Some((n + more, from.min(first), to.max(last)))
                    }
                    (known, fresh) => known.or(fresh),
                };
                known.level = known.level.max(fresh.level);
                for (name, value) in fresh.captures {
                    known.captures.entry(name).or_insert(value);
                }
                if known.sightings.len() < CITED_MAX {
                    known.sightings.append(&mut fresh.sightings);
                }
                known.reports.append(&mut fresh.reports);
            }
            None => self.all.push(fresh),
        }
    }

    fn add_exits(
        &mut self,
        scene: &Scene<'a>,
        service: &ServiceName,
        standing: Standing,
        instance: &InstanceObservation,
    ) {
        for exit in unasked(instance) {
            if self.attach(service, instance, exit) {
                continue;
            }
            let Some(signature) = scene.catalogue.recognise_exit(exit) else {
                continue;
            };
            self.add(Candidate {
                node: service.clone(),
                seen_at: service.clone(),
                signature,
                revision: Some(instance.revision.clone()),
                standing,
                captures: BTreeMap::new(),
                level: Level::Error,
                sightings: Vec::new(),
                logged: None,
                exits: Vec::new(),
                exits_evidence: Vec::new(),
                reports: Vec::new(),
                first_seen: exit.at,
                last_seen: exit.at,
                earlier: None,
            });
            if let Some(known) = self.all.iter_mut().find(|known| {
                known.node == *service
                    && known.signature.id == signature.id
                    && known.revision.as_ref() == Some(&instance.revision)
            }) {
                take_exit(known, instance, exit);
            }
        }
    }

    /// Gives an exit to the failure in the log that ended the process, where there is one.
    fn attach(
        &mut self,
        service: &ServiceName,
        instance: &InstanceObservation,
        exit: &Exit,
    ) -> bool {
        let known = self.all.iter_mut().find(|known| {
            known.node == *service
                && known.revision.as_ref() == Some(&instance.revision)
                && !known.sightings.is_empty()
                && known.signature.goes_with(exit)
                && (known.signature.layer == Layer::Start || soon_after(known, exit.at))
        });
        let Some(known) = known else { return false };
        known.note(exit.at);
        take_exit(known, instance, exit);
        true
    }

    fn add_reports(&mut self, scene: &Scene<'a>) {
        for (service, (health, evidence)) in &scene.observed.health {
            for (name, reported) in &health.reported {
                if !scene.is_dependency(name) {
                    continue;
                }
                let Some(signature) = scene.catalogue.recognise_word(&reported.status) else {
                    continue;
                };
                // The trouble was there when the probe asked, not only when it had its answer.
                let answered = evidence.first().map_or(scene.observed.now, |kept| kept.at);
                let waited = i64::try_from(health.latency_ms).unwrap_or(0);
                let at = answered
                    .saturating_sub(SignedDuration::from_millis(waited))
                    .unwrap_or(answered);
                let mut captures = BTreeMap::from([("word".to_owned(), reported.status.clone())]);
                if let Some(ms) = reported.latency_ms {
                    captures.insert("ms".to_owned(), ms.to_string());
                }
                self.add(Candidate {
                    node: ServiceName::from(name.as_str()),
                    seen_at: service.clone(),
                    signature,
                    revision: None,
                    standing: Standing::Serving,
                    captures,
                    level: Level::Quiet,
                    sightings: Vec::new(),
                    logged: None,
                    exits: Vec::new(),
                    exits_evidence: Vec::new(),
                    reports: evidence.iter().take(1).cloned().collect(),
                    first_seen: at,
                    last_seen: at,
                    earlier: None,
                });
            }
        }
    }
}

/// Exits that nobody asked for.
pub(crate) fn unasked(instance: &InstanceObservation) -> impl Iterator<Item = &Exit> {
    instance.exits.iter().filter(|exit| !exit.requested)
}

fn take_exit(known: &mut Candidate<'_>, instance: &InstanceObservation, exit: &Exit) {
    known.exits.push(exit.clone());
    known.note(exit.at);
    if let Some(evidence) = &instance.exits_evidence
        && !known.exits_evidence.contains(evidence)
    {
        known.exits_evidence.push(evidence.clone());
    }
}

fn soon_after(known: &Candidate<'_>, exit: Timestamp) -> bool {
    let latest = known
        .last_seen
        .saturating_add(EXIT_AFTER_MAX)
        .unwrap_or(known.last_seen);
    known.first_seen <= exit && exit <= latest
}

/// Where a failure lives that `service` shows: for one of a store, the store that its health
/// document complains about, else its only one, else the service itself.
fn node_of(scene: &Scene<'_>, service: &ServiceName, signature: &Signature) -> ServiceName {
    if signature.at == At::Service {
        return service.clone();
    }
    let troubled = scene.observed.health.get(service).and_then(|(health, _)| {
        health.reported.iter().find(|(name, reported)| {
            scene.is_dependency(name) && scene.catalogue.recognise_word(&reported.status).is_some()
        })
    });
    if let Some((name, _)) = troubled {
        return ServiceName::from(name.as_str());
    }
    let mut stores = scene
        .observed
        .project
        .depends_on(service)
        .iter()
        .filter(|name| {
            scene
                .observed
                .project
                .dependencies
                .contains_key(name.as_str())
        });
    match (stores.next(), stores.next()) {
        (Some(only), None) => only.clone(),
        _ => service.clone(),
    }
}

/// The text that matched as it stands in the log: inside a JSON line quotes are escaped.
fn literal(hit: &Hit, raw: &str) -> String {
    if raw.contains(&hit.text) {
        return hit.text.clone();
    }
    let quoted = serde_json::Value::from(hit.text.as_str()).to_string();
    let escaped = quoted[1..quoted.len() - 1].to_owned();
    if raw.contains(&escaped) {
        escaped
    } else {
        hit.text.clone()
    }
}
