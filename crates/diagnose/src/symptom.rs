//! What asks for an explanation: probes, tests, exits, failures in logs, refused roll-outs.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use assay_model::{
    EvidenceRef, Exit, Outcome, RevisionId, ServiceName, Status, Symptom, SymptomKind, TestResult,
};
use jiff::Timestamp;
use regex::Regex;

use crate::candidate::{Candidate, unasked};
use crate::log::Level;
use crate::scene::{Scene, Standing};
use crate::words::{counted, span};

/// Outputs of tests that one symptom cites; the others of its cluster read the same.
const CITED_MAX: usize = 3;

/// A symptom with what the reasoning needs to know of it.
pub(crate) struct Sign {
    pub(crate) symptom: Symptom,
    /// Nodes at which it shows; a test without a failing request names all that it covers.
    pub(crate) places: Vec<ServiceName>,
    /// The revision that it is about, where it is about one.
    pub(crate) revision: Option<RevisionId>,
    /// Places in the execution of the tests that failed in this way.
    pub(crate) tests: Vec<usize>,
    /// How they failed: `answered HTTP 503`.
    pub(crate) label: String,
    /// Place of the only candidate that may explain it, where it speaks for itself.
    pub(crate) only: Option<usize>,
    /// Its cause lies in the node itself.
    pub(crate) intrinsic: bool,
}

impl Sign {
    fn new(kind: SymptomKind, service: &ServiceName, text: String) -> Self {
        let symptom = Symptom {
            kind,
            service: service.clone(),
            text,
            first_seen: None,
            evidence: Vec::new(),
        };
        Self {
            symptom,
            places: vec![service.clone()],
            revision: None,
            tests: Vec::new(),
            label: String::new(),
            only: None,
            intrinsic: false,
        }
    }

    fn seen(mut self, at: Option<Timestamp>, evidence: Vec<EvidenceRef>) -> Self {
        self.symptom.first_seen = at;
        self.symptom.evidence = evidence;
        self
    }
}

/// Every symptom, sorted by kind and by the time at which it was first seen.
pub(crate) fn collect(scene: &Scene<'_>, candidates: &[Candidate<'_>]) -> Vec<Sign> {
    let mut signs = probes(scene);
    signs.extend(tests(scene));
    signs.extend(exits(scene, candidates));
    signs.extend(failures(candidates));
    signs.extend(refusals(scene));
    signs.sort_by(|a, b| {
        let key = |sign: &Sign| {
            (
                sign.symptom.kind,
                sign.symptom.first_seen,
                std::cmp::Reverse(sign.tests.len()),
            )
        };
        key(a)
            .cmp(&key(b))
            .then_with(|| a.symptom.service.cmp(&b.symptom.service))
    });
    signs
}

fn probes(scene: &Scene<'_>) -> Vec<Sign> {
    let unwell = |status: Status| status != Status::Healthy;
    let health = scene.observed.health.iter();
    health
        .filter(|(_, (health, _))| unwell(health.status))
        .map(|(service, (health, evidence))| {
            let text = format!("{service} is {}: {}", health.status.word(), health.detail);
            let at = evidence.iter().map(|kept| kept.at).min();
            let mut sign = Sign::new(SymptomKind::Probe, service, text).seen(at, evidence.clone());
            sign.revision.clone_from(&health.revision);
            sign
        })
        .collect()
}

/// Where tests fail and how, and their places in the execution.
type Cluster = ((Vec<ServiceName>, String), Vec<usize>);

/// Failed, as far as the system under test is concerned.
pub(crate) fn is_failure(test: &TestResult) -> bool {
    matches!(
        test.outcome,
        Outcome::Failed | Outcome::Errored | Outcome::TimedOut
    )
}

/// One symptom for each service and kind of failing answer.
fn tests(scene: &Scene<'_>) -> Vec<Sign> {
    let Some(execution) = &scene.observed.execution else {
        return Vec::new();
    };
    let all: Vec<ServiceName> = scene.observed.project.services.keys().cloned().collect();
    let mut clusters: Vec<Cluster> = Vec::new();
    for (place, test) in execution
        .tests
        .iter()
        .enumerate()
        .filter(|(_, test)| is_failure(test))
    {
        let places = match (test.failing.first(), test.services.is_empty()) {
            (Some(exchange), _) => vec![exchange.service.clone()],
            (None, false) => test.services.clone(),
            (None, true) => all.clone(),
        };
        let key = (places, failure_label(test));
        match clusters.iter_mut().find(|(known, _)| *known == key) {
            Some((_, places)) => places.push(place),
            None => clusters.push((key, vec![place])),
        }
    }
    let total = execution.tests.len();
    clusters
        .into_iter()
        .filter_map(|((places, label), tests)| {
            let service = worst(scene, &places)?;
            let text = format!("{} of {total} tests failed: {service} {label}", tests.len());
            let results = || tests.iter().map(|place| &execution.tests[*place]);
            let at = results()
                .flat_map(|test| &test.evidence)
                .map(|kept| kept.at)
                .min();
            let evidence = results()
                .flat_map(|test| test.evidence.first())
                .take(CITED_MAX)
                .cloned()
                .collect();
            let mut sign = Sign::new(SymptomKind::Test, &service, text).seen(at, evidence);
            sign.places = places;
            sign.tests = tests;
            sign.label = label;
            Some(sign)
        })
        .collect()
}

/// Of several services that a failed test covers, the one that is known to be worst off.
fn worst(scene: &Scene<'_>, places: &[ServiceName]) -> Option<ServiceName> {
    let status = |name: &ServiceName| {
        scene
            .observed
            .health
            .get(name)
            .map(|(health, _)| health.status)
    };
    let loud = |name: &ServiceName| {
        let logs = scene.logs.iter().filter(|log| log.service == name);
        logs.flat_map(|log| &log.records)
            .filter(|record| record.level == Level::Error)
            .count()
    };
    // The last of equals: a test names what it needs first and what it is about last.
    places
        .iter()
        .max_by_key(|name| (status(name), loud(name)))
        .cloned()
}

/// WebSocket close codes start here (RFC 6455, section 7.4); below, the handshake was answered by
/// HTTP.
const WEBSOCKET_CODE_MIN: u16 = 1000;

/// How a test failed, as its failing request says, else its message.
fn failure_label(test: &TestResult) -> String {
    static IN_MESSAGE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?:got |answered |status )(?P<http>[45]\d\d)\b|\bclosed?\b.{0,40}?\b(?P<ws>1\d{3}|4\d{3})\b|(?P<refused>connection refused)|(?P<late>timed out|time-out|timeout)").ok()
    });
    if let Some(exchange) = test.failing.first() {
        return match (exchange.method.as_str(), exchange.status) {
            (_, 0) => "did not answer".to_owned(),
            ("WS", code) if code >= WEBSOCKET_CODE_MIN => {
                format!("closed the connection with code {code}")
            }
            (_, status) => format!("answered HTTP {status}"),
        };
    }
    let message = test.message.as_deref().unwrap_or("");
    if let Some(found) = IN_MESSAGE
        .as_ref()
        .and_then(|pattern| pattern.captures(message))
    {
        if let Some(status) = found.name("http") {
            return format!("answered HTTP {}", status.as_str());
        }
        if let Some(code) = found.name("ws") {
            return format!("closed the connection with code {}", code.as_str());
        }
        if found.name("refused").is_some() {
            return "refused the connection".to_owned();
        }
        return "did not answer in time".to_owned();
    }
    if test.outcome == Outcome::TimedOut {
        return "did not answer in time".to_owned();
    }
    "answered, but not as the tests expect".to_owned()
}

fn exits(scene: &Scene<'_>, candidates: &[Candidate<'_>]) -> Vec<Sign> {
    let mut signs = Vec::new();
    for (service, standing, instance) in scene.instances() {
        let mut kinds: BTreeMap<String, Vec<&Exit>> = BTreeMap::new();
        for exit in unasked(instance) {
            kinds.entry(exit.describe()).or_default().push(exit);
        }
        for (kind, exits) in kinds {
            let (Some(first), Some(last)) = (exits.first(), exits.last()) else {
                continue;
            };
            let often = counted(exits.len() as u64, span(first.at, last.at));
            let text = format!(
                "the process of {service} ended by itself with {kind}, {often} (revision {})",
                instance.revision
            );
            let evidence = instance.exits_evidence.iter().cloned().collect();
            let mut sign =
                Sign::new(SymptomKind::Exit, service, text).seen(Some(first.at), evidence);
            sign.revision = Some(instance.revision.clone());
            // A dependency can make a process give up; it cannot kill it.
            sign.intrinsic = standing == Standing::Refused
                || first.signal.is_some()
                || candidates.iter().any(|candidate| {
                    candidate.node == *service
                        && candidate.signature.intrinsic
                        && candidate.exits.contains(first)
                });
            signs.push(sign);
        }
    }
    signs
}

/// Known failures that a log shows as errors.
fn failures(candidates: &[Candidate<'_>]) -> Vec<Sign> {
    let mut signs = Vec::new();
    for (place, candidate) in candidates.iter().enumerate() {
        let error = candidate.level == Level::Error || candidate.level == Level::Unknown;
        let Some(sighting) = candidate.sightings.first() else {
            continue;
        };
        if !error || candidate.standing == Standing::Past {
            continue;
        }
        let service = &candidate.seen_at;
        let text = format!(
            "{service} logged \"{}\", {}",
            sighting.text,
            candidate.often()
        );
        let evidence = candidate
            .sightings
            .iter()
            .map(|seen| seen.evidence.clone())
            .collect();
        let mut sign =
            Sign::new(SymptomKind::Log, service, text).seen(Some(candidate.first_seen), evidence);
        sign.revision.clone_from(&candidate.revision);
        sign.only = candidate.signature.intrinsic.then_some(place);
        sign.intrinsic = candidate.signature.intrinsic;
        signs.push(sign);
    }
    signs
}

fn refusals(scene: &Scene<'_>) -> Vec<Sign> {
    let refused = scene.observed.refused();
    refused
        .map(|rollout| {
            let service = &rollout.request.service;
            let text = format!(
                "the roll-out of revision {} to {service} was refused by its gate: {}",
                rollout.revision, rollout.detail
            );
            let mut sign = Sign::new(SymptomKind::Rollout, service, text)
                .seen(Some(rollout.finished), rollout.evidence.clone());
            sign.revision = Some(rollout.revision.clone());
            sign
        })
        .collect()
}
