//! The nouns of assay, the events that a run is made of, and the ports between rooms.
//!
//! Data flows in one direction: a [`Stage`] reads [`Facts`], does its work, and tells a
//! [`Recorder`] what it did as [`Body`] values. The recorder makes each one durable as an
//! [`Event`]; folding the events of a run with [`Facts::apply`] gives the facts that the next
//! stage reads. Nothing else carries state from one step to the next, which is what makes
//! replay and resume trustworthy.
//!
//! Nothing in this crate touches a file, a socket, a process or the clock.

mod diagnosis;
mod event;
mod evidence;
mod facts;
mod health;
mod judgement;
mod names;
mod observation;
mod observe;
mod probe;
mod project;
mod remedy;
mod rollout;
mod sandbox;
mod stage;
mod step;
mod template;
mod test;
mod window;

pub use diagnosis::{
    AbsentGate, Cause, CauseClass, Count, Decoy, Defect, Diagnosis, DiagnosisVerdict, Refuted,
    Symptom, SymptomKind, Why,
};
pub use event::{Body, Disturbance, Event, FORMAT_VERSION, Prologue, RunPlan};
pub use evidence::{EvidenceRef, Source};
pub use facts::{ActState, Facts, Mend, StepInProgress};
pub use health::{Certificate, Health, Reported, Runtime, Samples, Status};
pub use judgement::{
    AuditReport, AuditScope, Change, ChangeKind, EndState, Finding, Publication, Severity,
    StabilityReport, StabilityRow,
};
pub use names::{CauseId, Priority, RevisionId, RolloutId, RunId, ServiceName, TestId};
pub use observation::{
    Blind, Detail, Exit, InstanceObservation, InstanceState, Observer, RuntimeEvent,
    ServiceObservation, Sighting, Sightings,
};
pub use observe::{DockerObserve, KubernetesObserve, Observe};
pub use probe::{
    CommandProbe, DnsProbe, HttpProbe, Probe, ProbeKind, ProbeTarget, Prober, QueryProbe,
    StatusRange, TlsPolicy, WebSocketProbe,
};
pub use project::{
    AuditRules, Boundary, Container, Dependency, DeployPlan, Environment, Gate, Limits, Place,
    Project, PublishTo, RestartPolicy, Risk, Secret, Service, Strategy, Suite, SuiteKind,
};
pub use remedy::{Action, Edit, Remedy, Reproduction, ReproductionCheck, ReproductionRun};
pub use rollout::{
    Bundle, Excluded, Manifest, Revision, Rollout, RolloutOutcome, RolloutRequest, RolloutSource,
};
pub use sandbox::{Aside, Sandbox, SandboxError};
pub use stage::{Act, Begun, RecordError, Recorder, Stage, StageError};
pub use step::Step;
pub use template::{UnknownPlaceholder, expand};
pub use test::{
    Attempt, Criterion, Exchange, Execution, Outcome, Purpose, Selected, Selection, TestCase,
    TestResult, Totals, Verdict,
};
pub use window::Window;

pub use jiff::Timestamp;
