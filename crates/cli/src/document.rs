//! The JSON documents that commands print with `--format json`. Their schemas are made from these
//! types, so that `assay schema` cannot disagree with what is printed.

use std::collections::BTreeMap;

use assay_model::{
    AuditReport, Blind, Certificate, Diagnosis, EndState, Event, EvidenceRef, Execution, Facts,
    Health, InstanceObservation, Publication, Remedy, Reported, RevisionId, RunId, Runtime,
    Samples, ServiceName, StabilityReport, Status, Timestamp, Window,
};
use schemars::JsonSchema;
use serde::Serialize;

/// `assay ready`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ReadyDocument {
    /// The run that recorded this look.
    pub(crate) run: RunId,
    /// The environment that was looked at.
    pub(crate) environment: String,
    /// Services and dependencies, in the order of their names.
    pub(crate) services: Vec<ReadyRow>,
}

/// One service or dependency.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct ReadyRow {
    /// Its name.
    pub(crate) name: ServiceName,
    /// Protocol of the probe.
    pub(crate) kind: String,
    /// The address that was asked, without a password.
    pub(crate) target: String,
    /// What the answer means.
    pub(crate) status: Status,
    /// Time to the whole answer, or to the failure; the median of several samples.
    pub(crate) latency_ms: u64,
    /// HTTP status, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) http_status: Option<u16>,
    /// The revision that answered, where it is known.
    pub(crate) revision: Option<RevisionId>,
    /// One line: what was expected and what came.
    pub(crate) detail: String,
    /// The times of all samples, where more than one was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) samples: Option<Samples>,
    /// The certificate that the server presented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<Certificate>,
    /// What its observer saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) runtime: Option<Runtime>,
    /// What the service says of its own dependencies.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) reported: BTreeMap<String, Reported>,
    /// What it costs while it is down, as the configuration says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) risk: Option<String>,
    /// How it differs from the last look that was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) changed: Option<Changed>,
    /// Hashes of the literal exchanges, for `assay show --evidence`.
    pub(crate) evidence: Vec<String>,
}

/// How the last look was different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Changed {
    /// The run of that look.
    pub(crate) run: RunId,
    /// When that was.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub(crate) at: Timestamp,
    /// The status then, where it was another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<Status>,
    /// The revision then, where it was another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revision: Option<RevisionId>,
}

impl ReadyRow {
    pub(crate) fn new(health: &Health, evidence: &[EvidenceRef]) -> Self {
        let health = health.clone();
        Self {
            name: health.service,
            kind: health.kind,
            target: health.target,
            status: health.status,
            latency_ms: health.latency_ms,
            http_status: health.http_status,
            revision: health.revision,
            detail: health.detail,
            samples: health.samples,
            certificate: health.certificate,
            runtime: health.runtime,
            reported: health.reported,
            risk: None,
            changed: None,
            evidence: evidence.iter().map(|kept| kept.hash.clone()).collect(),
        }
    }
}

/// `assay run`, `deploy`, `demo` and `resume`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RunDocument {
    /// The run.
    pub(crate) run: Option<RunId>,
    /// Name of the project.
    pub(crate) project: String,
    /// The state that it ended in.
    pub(crate) end: EndState,
    /// Why, in one sentence.
    pub(crate) reason: String,
    /// What was up at the last look.
    pub(crate) services: Vec<ReadyRow>,
    /// The diagnosis of the incident, where there was one.
    pub(crate) incident: Option<Diagnosis>,
    /// Remedies, in their order.
    pub(crate) remedies: Vec<Remedy>,
    /// The last execution of the suites.
    pub(crate) execution: Option<Execution>,
    /// The audit of what was changed.
    pub(crate) audit: Option<AuditReport>,
    /// What the change broke, or not.
    pub(crate) stability: Option<StabilityReport>,
    /// Where the results are.
    pub(crate) publication: Option<Publication>,
}

impl RunDocument {
    pub(crate) fn new(facts: &Facts, end: EndState) -> Self {
        let reason = facts.end.as_ref().map(|(_, reason)| reason.clone());
        Self {
            run: facts.run.clone(),
            project: facts.project.clone(),
            end,
            reason: reason.unwrap_or_default(),
            services: rows(facts),
            incident: facts.incident().cloned(),
            remedies: facts.remedies.clone(),
            execution: facts.execution.clone(),
            audit: facts.audit.clone(),
            stability: facts.stability.clone(),
            publication: facts.publication.clone(),
        }
    }
}

/// Everything that was probed at the last look.
pub(crate) fn rows(facts: &Facts) -> Vec<ReadyRow> {
    facts
        .health
        .values()
        .map(|(health, evidence)| ReadyRow::new(health, evidence))
        .collect()
}

/// `assay execute`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ExecuteDocument {
    /// The run that recorded it.
    pub(crate) run: Option<RunId>,
    /// Outcomes and verdicts.
    #[serde(flatten)]
    pub(crate) execution: Option<Execution>,
}

/// `assay audit`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct AuditDocument {
    /// The run that recorded it.
    pub(crate) run: Option<RunId>,
    /// The findings.
    #[serde(flatten)]
    pub(crate) report: Option<AuditReport>,
}

/// `assay observe`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ObserveDocument {
    /// Who was observed.
    pub(crate) service: ServiceName,
    /// From when to when.
    pub(crate) window: Window,
    /// The revision that gets the traffic, where it is known.
    pub(crate) serving: Option<RevisionId>,
    /// What runs, and what ran.
    pub(crate) instances: Vec<InstanceRow>,
    /// Observers that could not look.
    pub(crate) blind: Vec<Blind>,
}

/// One instance.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct InstanceRow {
    /// States, exits and events.
    #[serde(flatten)]
    pub(crate) instance: InstanceObservation,
    /// The last lines of its log in the window.
    pub(crate) lines: Vec<String>,
    /// Lines of the log in the window before those.
    pub(crate) lines_left_out: usize,
}

/// `assay runs`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RunsDocument {
    /// The last one first.
    pub(crate) runs: Vec<RunRow>,
}

/// One run.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RunRow {
    /// Its name.
    pub(crate) run: RunId,
    /// When it began; null where its first event cannot be read.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub(crate) started: Option<Timestamp>,
    /// Its last event.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub(crate) last: Option<Timestamp>,
    /// How many events it has.
    pub(crate) events: u64,
    /// How it ended; null while it has not.
    pub(crate) end: Option<EndState>,
}

/// `assay show`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ShowDocument {
    /// The run.
    pub(crate) run: RunId,
    /// All of its events, in their order.
    pub(crate) events: Vec<Event>,
}

/// `assay verify`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct VerifyDocument {
    /// The run.
    pub(crate) run: RunId,
    /// Events that were looked at.
    pub(crate) events: u64,
    /// Blobs that were looked at.
    pub(crate) blobs: u64,
    /// Everything that is not as it was recorded.
    pub(crate) problems: Vec<String>,
}

/// `assay check`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CheckDocument {
    /// The configuration file.
    pub(crate) file: String,
    /// How much it describes; absent where it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) describes: Option<Describes>,
    /// What is wrong or doubtful, in the order of the file.
    pub(crate) problems: Vec<ProblemRow>,
}

/// How much a configuration describes.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Describes {
    /// Services.
    pub(crate) services: usize,
    /// Dependencies.
    pub(crate) dependencies: usize,
    /// Suites.
    pub(crate) suites: usize,
}

/// One problem of a configuration.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ProblemRow {
    /// `error` or `warning`.
    pub(crate) severity: String,
    /// What is wrong, naming the key.
    pub(crate) message: String,
    /// What belongs there.
    pub(crate) label: String,
    /// The way out, where one is known.
    pub(crate) hint: Option<String>,
    /// 1-based.
    pub(crate) line: usize,
    /// 1-based, in characters.
    pub(crate) column: usize,
}

/// `assay demo --list`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct IncidentsDocument {
    /// Every incident.
    pub(crate) incidents: Vec<IncidentRow>,
}

/// One incident of the reference platform.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct IncidentRow {
    /// Its name.
    pub(crate) name: String,
    /// What is done to the platform.
    pub(crate) summary: String,
    /// The state that the loop ends in.
    pub(crate) end: String,
}

/// `assay doctor`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DoctorDocument {
    /// Everything that was looked at.
    pub(crate) checks: Vec<assay_doctor::Checked>,
}

/// `assay init`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct InitDocument {
    /// The configuration file.
    pub(crate) file: String,
    /// Whether it was written.
    pub(crate) written: bool,
    /// Files of the repository that were looked at.
    pub(crate) files_seen: usize,
    /// With `--merge`, the tables and keys that were added.
    pub(crate) added: Option<Vec<String>>,
    /// Every guess, with the file that it comes from and how sure it is.
    pub(crate) draft: serde_json::Value,
    /// Files that were recognised and could not be read.
    pub(crate) unreadable: Vec<String>,
}
