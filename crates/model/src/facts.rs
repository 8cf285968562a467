//! The facts of a run: its events, folded.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    Action, Attempt, AuditReport, Body, Diagnosis, DiagnosisVerdict, Disturbance, EndState, Event,
    EvidenceRef, Execution, Health, Prologue, Publication, Purpose, Remedy, ReproductionRun,
    Revision, RevisionId, Rollout, RolloutRequest, RunId, RunPlan, Selection, ServiceName,
    ServiceObservation, StabilityReport, Step, TestId,
};

/// Everything that is known at one point of a run.
///
/// Folding is idempotent where a step can be repeated after a crash: what has a name (a test's
/// attempt, a roll-out, a service's health) is replaced under that name, never counted twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The run.
    pub run: Option<RunId>,
    /// Name of the project.
    pub project: String,
    /// The environment under test.
    pub environment: String,
    /// Whether changes to it need a person's yes.
    pub protected: bool,
    /// Version of assay that started the run.
    pub version: String,
    /// What was asked for.
    pub plan: Option<RunPlan>,
    /// The configuration as it was read.
    pub config: Option<EvidenceRef>,
    /// First event.
    pub started: Option<Timestamp>,
    /// Time in which nobody ran it, between a kill and the resume after it, in ms.
    pub away_ms: i64,
    /// Last event so far.
    pub last: Option<Timestamp>,
    /// Counts from 1; a new cycle begins with every remedy.
    pub cycle: u32,
    /// The step that has begun and not ended.
    pub step: Option<StepInProgress>,
    /// Acts of the step in progress.
    pub acts: BTreeMap<String, ActState>,
    /// Steps that ended without an error, and how often.
    pub done: BTreeMap<Step, u32>,
    /// Why the last step could not look.
    pub step_error: Option<(Step, String)>,
    /// Requested after the prologue, in order, and not finished.
    pub requested: Vec<RolloutRequest>,
    /// Commits that are to be built.
    pub builds: Vec<(ServiceName, String)>,
    /// Disturbances that have happened.
    pub disturbed: Vec<Disturbance>,
    /// Every roll-out that ended in this run, in order.
    pub rollouts: Vec<Rollout>,
    /// The last roll-outs of earlier runs, oldest first.
    pub history: Vec<Rollout>,
    /// Every revision that is known.
    pub revisions: BTreeMap<RevisionId, Revision>,
    /// Which revision came out of building a commit. Two commits may give the same revision.
    pub builds_done: BTreeMap<(ServiceName, String), RevisionId>,
    /// Which revision takes the traffic, as the roll-outs left it.
    pub serving: BTreeMap<ServiceName, RevisionId>,
    /// Health since the last roll-out.
    pub health: BTreeMap<ServiceName, (Health, Vec<EvidenceRef>)>,
    /// The tests of this run.
    pub selection: Option<Selection>,
    /// Attempts since the last roll-out.
    pub attempts: BTreeMap<(TestId, Purpose), Attempt>,
    /// The judgement since the last roll-out.
    pub execution: Option<Execution>,
    /// Observations since the last roll-out.
    pub observations: BTreeMap<ServiceName, ServiceObservation>,
    /// Whether `diagnoses` ends with one that is about what is known now.
    pub diagnosed: bool,
    /// Every diagnosis of the run, in order.
    pub diagnoses: Vec<Diagnosis>,
    /// Every remedy that was planned, in order.
    pub remedies: Vec<Remedy>,
    /// Changes of the source, in order.
    pub mends: Vec<Mend>,
    /// Reproductions that were run, in order.
    pub reproductions: Vec<ReproductionRun>,
    /// Step 4 since the last change of the source.
    pub audit: Option<AuditReport>,
    /// Step 5 since the last change of the source.
    pub stability: Option<StabilityReport>,
    /// Step 6.
    pub publication: Option<Publication>,
    /// How the run ended, and why.
    pub end: Option<(EndState, String)>,
}

/// A step that has begun and not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StepInProgress {
    /// Which.
    pub step: Step,
    /// In which cycle.
    pub cycle: u32,
    /// 1, and one more for every resume inside it.
    pub attempt: u32,
}

/// How far an act has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum ActState {
    /// Begun; whether it happened is unknown after a crash.
    Started,
    /// Done, with its result.
    Finished(serde_json::Value),
}

/// A change of the source, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mend {
    /// The remedy that was applied.
    pub remedy: Remedy,
    /// The branch that holds it.
    pub branch: String,
    /// Its head.
    pub commit: String,
    /// The commit that it was made on.
    pub base: String,
    /// Files that changed.
    pub files: Vec<String>,
    /// The unified diff.
    pub diff: EvidenceRef,
    /// Why it was taken back, if it was.
    pub reverted: Option<String>,
}

impl Mend {
    /// The service whose source changed.
    pub fn service(&self) -> Option<&ServiceName> {
        match &self.remedy.action {
            Action::Mend { service, .. } => Some(service),
            _ => None,
        }
    }
}

impl Facts {
    /// The facts of a run whose events are `events`.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut facts = Self::default();
        for event in events {
            facts.apply(event);
        }
        facts
    }

    /// Takes one more event in.
    pub fn apply(&mut self, event: &Event) {
        if let (Body::RunResumed { .. }, Some(last)) = (&event.body, self.last) {
            self.away_ms += event.at.as_millisecond() - last.as_millisecond();
        }
        self.last = Some(event.at);
        match &event.body {
            Body::RunStarted {
                project,
                environment,
                protected,
                version,
                plan,
                config,
            } => {
                self.run = Some(event.run.clone());
                self.started = Some(event.at);
                self.project.clone_from(project);
                self.environment.clone_from(environment);
                self.protected = *protected;
                self.version.clone_from(version);
                self.plan = Some(plan.clone());
                self.config = Some(config.clone());
                self.cycle = 1;
            }
            Body::RunResumed { .. } => {}
            Body::RunFinished { end, reason } => self.end = Some((*end, reason.clone())),
            Body::StepStarted { .. }
            | Body::StepFinished { .. }
            | Body::ActStarted { .. }
            | Body::ActFinished { .. } => self.apply_progress(&event.body),
            Body::HistorySeen { .. }
            | Body::RolloutRequested { .. }
            | Body::BuildRequested { .. }
            | Body::Disturbed { .. }
            | Body::RevisionBuilt { .. }
            | Body::RolloutFinished { .. } => self.apply_rollout(&event.body),
            body => self.apply_finding(body),
        }
    }

    fn apply_progress(&mut self, body: &Body) {
        match body {
            Body::StepStarted {
                step,
                cycle,
                attempt,
            } => {
                if *attempt == 1 {
                    self.acts.clear();
                }
                self.step = Some(StepInProgress {
                    step: *step,
                    cycle: *cycle,
                    attempt: *attempt,
                });
                if self
                    .step_error
                    .as_ref()
                    .is_some_and(|(failed, _)| failed == step)
                {
                    self.step_error = None;
                }
            }
            Body::StepFinished { step, error, .. } => {
                self.step = None;
                self.acts.clear();
                match error {
                    Some(error) => self.step_error = Some((*step, error.clone())),
                    None => *self.done.entry(*step).or_default() += 1,
                }
            }
            Body::ActStarted { key, .. } => {
                self.acts.entry(key.clone()).or_insert(ActState::Started);
            }
            Body::ActFinished { key, result } => {
                self.acts
                    .insert(key.clone(), ActState::Finished(result.clone()));
            }
            _ => {}
        }
    }

    fn apply_rollout(&mut self, body: &Body) {
        match body {
            Body::HistorySeen {
                revisions,
                rollouts,
            } => {
                for revision in revisions {
                    self.revisions.insert(revision.id.clone(), revision.clone());
                }
                for rollout in rollouts {
                    self.note_serving(rollout);
                }
                self.history.clone_from(rollouts);
            }
            Body::RolloutRequested { request } if !self.requested.contains(request) => {
                self.requested.push(request.clone());
            }
            Body::BuildRequested { service, commit } => {
                let build = (service.clone(), commit.clone());
                if !self.builds.contains(&build) && self.built(service, commit).is_none() {
                    self.builds.push(build);
                }
            }
            Body::Disturbed { disturbance } => {
                if !self.disturbed.contains(disturbance) {
                    self.disturbed.push(disturbance.clone());
                }
                self.forget_looks();
            }
            Body::RevisionBuilt { revision } => {
                self.builds.retain(|(service, commit)| {
                    *service != revision.service || Some(commit) != revision.commit.as_ref()
                });
                if let Some(commit) = &revision.commit {
                    let build = (revision.service.clone(), commit.clone());
                    self.builds_done.insert(build, revision.id.clone());
                }
                self.revisions
                    .entry(revision.id.clone())
                    .or_insert_with(|| revision.clone());
            }
            Body::RolloutFinished { rollout } => {
                self.requested
                    .retain(|request| request.id != rollout.request.id);
                self.note_serving(rollout);
                self.rollouts
                    .retain(|earlier| earlier.request.id != rollout.request.id);
                self.rollouts.push(rollout.clone());
                self.forget_looks();
            }
            _ => {}
        }
    }

    fn note_serving(&mut self, rollout: &Rollout) {
        let service = rollout.request.service.clone();
        if rollout.outcome.switched() {
            self.serving.insert(service, rollout.revision.clone());
        } else if let Some(previous) = &rollout.previous {
            self.serving.insert(service, previous.clone());
        }
    }

    /// The environment has changed: what was seen of it says nothing any more.
    fn forget_looks(&mut self) {
        self.health.clear();
        self.attempts.clear();
        self.execution = None;
        self.observations.clear();
        self.diagnosed = false;
    }

    fn apply_finding(&mut self, body: &Body) {
        match body {
            Body::HealthObserved { health, evidence } => {
                self.health
                    .insert(health.service.clone(), (health.clone(), evidence.clone()));
            }
            Body::TestsSelected { selection } => self.selection = Some(selection.clone()),
            Body::AttemptFinished { attempt } => {
                self.attempts.insert(
                    (attempt.test.clone(), attempt.purpose.clone()),
                    attempt.clone(),
                );
            }
            Body::ExecutionJudged { execution } => self.execution = Some(execution.clone()),
            Body::ServiceObserved { observation } => {
                self.observations
                    .insert(observation.service.clone(), observation.clone());
            }
            Body::Diagnosed { diagnosis } => {
                if self.diagnosed {
                    self.diagnoses.pop();
                }
                self.diagnosed = true;
                self.diagnoses.push(diagnosis.clone());
            }
            Body::RemedyPlanned { remedy } if !self.remedies.contains(remedy) => {
                self.remedies.push(remedy.clone());
                self.cycle += 1;
            }
            Body::Mended { .. } => self.apply_mend(body),
            Body::Reverted { branch, reason } => {
                for mend in &mut self.mends {
                    if mend.branch == *branch {
                        mend.reverted = Some(reason.clone());
                    }
                }
                self.audit = None;
                self.stability = None;
            }
            Body::Reproduced { run } => {
                self.reproductions
                    .retain(|earlier| earlier.check != run.check);
                self.reproductions.push(run.clone());
            }
            Body::Audited { report } => self.audit = Some(report.clone()),
            Body::StabilityJudged { report } => self.stability = Some(report.clone()),
            Body::Published { publication } => self.publication = Some(publication.clone()),
            _ => {}
        }
    }

    fn apply_mend(&mut self, body: &Body) {
        let Body::Mended {
            remedy,
            branch,
            commit,
            base,
            files,
            diff,
        } = body
        else {
            return;
        };
        self.mends.retain(|earlier| earlier.branch != *branch);
        self.mends.push(Mend {
            remedy: remedy.clone(),
            branch: branch.clone(),
            commit: commit.clone(),
            base: base.clone(),
            files: files.clone(),
            diff: diff.clone(),
            reverted: None,
        });
        self.audit = None;
        self.stability = None;
    }

    /// What the prologue still asks for, then what was requested later, in order.
    pub fn pending(&self) -> Vec<Prologue> {
        let prologue = self
            .plan
            .iter()
            .flat_map(|plan| &plan.prologue)
            .filter(|item| match item {
                Prologue::Rollout(request) => !self
                    .rollouts
                    .iter()
                    .any(|rollout| rollout.request.id == request.id),
                Prologue::Disturb(disturbance) => !self.disturbed.contains(disturbance),
            });
        prologue
            .cloned()
            .chain(self.requested.iter().cloned().map(Prologue::Rollout))
            .collect()
    }

    /// The revision of `service` that was built from `commit`.
    pub fn built(&self, service: &ServiceName, commit: &str) -> Option<&Revision> {
        let build = (service.clone(), commit.to_owned());
        self.builds_done
            .get(&build)
            .and_then(|id| self.revisions.get(id))
    }

    /// The diagnosis that is about what is known now.
    pub fn diagnosis(&self) -> Option<&Diagnosis> {
        self.diagnoses.last().filter(|_| self.diagnosed)
    }

    /// The last diagnosis that found a cause: what this run is about.
    pub fn incident(&self) -> Option<&Diagnosis> {
        self.diagnoses.iter().rev().find(|diagnosis| {
            !diagnosis.causes.is_empty() || diagnosis.verdict == DiagnosisVerdict::Inconclusive
        })
    }

    /// The change of the source that holds so far.
    pub fn mend(&self) -> Option<&Mend> {
        self.mends.iter().rev().find(|mend| mend.reverted.is_none())
    }

    /// The mend was rolled out and serves.
    pub fn mend_serves(&self, mend: &Mend) -> bool {
        mend.service().is_some_and(|service| {
            self.built(service, &mend.commit)
                .is_some_and(|revision| self.serving.get(service) == Some(&revision.id))
        })
    }

    /// Roll-outs of this run that a gate refused and that no later roll-out of the same service
    /// made up for.
    pub fn refused_rollouts(&self) -> Vec<&Rollout> {
        self.rollouts
            .iter()
            .enumerate()
            .filter(|(place, rollout)| {
                !rollout.outcome.switched()
                    && !self.rollouts[place + 1..].iter().any(|later| {
                        later.request.service == rollout.request.service
                            && later.outcome.switched()
                            && later.revision != rollout.revision
                    })
            })
            .map(|(_, rollout)| rollout)
            .collect()
    }

    /// Everything looked at serves, and the suites are green.
    pub fn green(&self) -> bool {
        let healthy = !self.health.is_empty()
            && self
                .health
                .values()
                .all(|(health, _)| health.status == crate::Status::Healthy);
        healthy
            && self
                .execution
                .as_ref()
                .is_some_and(|execution| execution.green)
    }
}
