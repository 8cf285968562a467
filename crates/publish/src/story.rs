//! The events of a run in the order of its cycles. Facts keep what holds now; a worklog also
//! tells what held before.

use std::collections::BTreeMap;

use assay_model::{
    AuditReport, Body, Diagnosis, Disturbance, Event, EvidenceRef, Execution, Health, Rollout,
    Selection, StabilityReport, Step, Timestamp,
};

/// Something that was recorded, and where.
#[derive(Debug)]
pub(crate) struct Noted<'a, T> {
    /// Number of its event.
    pub(crate) seq: u64,
    /// When it was recorded.
    pub(crate) at: Timestamp,
    /// The cycle of the step that recorded it.
    pub(crate) cycle: u32,
    /// When that step began.
    pub(crate) from: Timestamp,
    /// What was recorded.
    pub(crate) what: &'a T,
    /// Number of the event that began the step.
    step_seq: u64,
}

/// One round of probes.
#[derive(Debug)]
pub(crate) struct Look<'a> {
    /// Its cycle.
    pub(crate) cycle: u32,
    /// When its step began.
    pub(crate) from: Timestamp,
    /// Its last answer.
    pub(crate) to: Timestamp,
    /// By event: who was probed, what came, and the literal exchange.
    pub(crate) rows: Vec<(u64, &'a Health, &'a [EvidenceRef])>,
    step_seq: u64,
}

/// What happened, in order.
#[derive(Debug, Default)]
pub(crate) struct Story<'a> {
    /// Rounds of probes.
    pub(crate) looks: Vec<Look<'a>>,
    /// Roll-outs that ended.
    pub(crate) rollouts: Vec<Noted<'a, Rollout>>,
    /// Disturbances on purpose.
    pub(crate) disturbed: Vec<Noted<'a, Disturbance>>,
    /// Choices of tests.
    pub(crate) selections: Vec<Noted<'a, Selection>>,
    /// Judgements over the suites.
    pub(crate) executions: Vec<Noted<'a, Execution>>,
    /// Answers of step 3.
    pub(crate) diagnoses: Vec<Noted<'a, Diagnosis>>,
    /// Answers of step 4.
    pub(crate) audits: Vec<Noted<'a, AuditReport>>,
    /// Answers of step 5.
    pub(crate) stabilities: Vec<Noted<'a, StabilityReport>>,
    /// Steps that could not look, the last reason of each.
    pub(crate) errors: BTreeMap<Step, (u64, &'a str)>,
    /// Numbers of the events at which a new assay took over.
    pub(crate) resumed: Vec<(u64, Timestamp)>,
}

/// Where the reader of the events stands.
struct Place {
    cycle: u32,
    from: Timestamp,
    step_seq: u64,
}

impl<'a> Story<'a> {
    /// Reads the events of one run, in order.
    pub(crate) fn read(events: &'a [Event]) -> Self {
        let mut story = Self::default();
        let Some(first) = events.first() else {
            return story;
        };
        let mut place = Place {
            cycle: 1,
            from: first.at,
            step_seq: first.seq,
        };
        for event in events {
            match &event.body {
                Body::StepStarted { cycle, attempt, .. } => {
                    place.cycle = *cycle;
                    if *attempt == 1 {
                        place.from = event.at;
                        place.step_seq = event.seq;
                    }
                }
                Body::StepFinished {
                    step,
                    error: Some(error),
                    ..
                } => {
                    story.errors.insert(*step, (event.seq, error));
                }
                Body::StepFinished {
                    step, error: None, ..
                } => {
                    story.errors.remove(step);
                }
                Body::RunResumed { .. } => story.resumed.push((event.seq, event.at)),
                _ => story.take(event, &place),
            }
        }
        story
    }

    fn take(&mut self, event: &'a Event, place: &Place) {
        match &event.body {
            Body::HealthObserved { health, evidence } => {
                self.probed(event, health, evidence, place);
            }
            Body::RolloutFinished { rollout } => {
                self.rollouts
                    .retain(|earlier| earlier.what.request.id != rollout.request.id);
                self.rollouts.push(noted(event, place, rollout));
            }
            Body::Disturbed { disturbance } => {
                self.disturbed.retain(|earlier| earlier.what != disturbance);
                self.disturbed.push(noted(event, place, disturbance));
            }
            Body::TestsSelected { selection } => {
                put(&mut self.selections, noted(event, place, selection));
            }
            Body::ExecutionJudged { execution } => {
                put(&mut self.executions, noted(event, place, execution));
            }
            Body::Diagnosed { diagnosis } => {
                put(&mut self.diagnoses, noted(event, place, diagnosis));
            }
            Body::Audited { report } => put(&mut self.audits, noted(event, place, report)),
            Body::StabilityJudged { report } => {
                put(&mut self.stabilities, noted(event, place, report));
            }
            _ => {}
        }
    }

    fn probed(
        &mut self,
        event: &'a Event,
        health: &'a Health,
        evidence: &'a [EvidenceRef],
        place: &Place,
    ) {
        if self
            .looks
            .last()
            .is_none_or(|look| look.step_seq != place.step_seq)
        {
            self.looks.push(Look {
                cycle: place.cycle,
                from: place.from,
                to: event.at,
                rows: Vec::new(),
                step_seq: place.step_seq,
            });
        }
        if let Some(look) = self.looks.last_mut() {
            look.to = event.at;
            look.rows
                .retain(|(_, earlier, _)| earlier.service != health.service);
            look.rows.push((event.seq, health, evidence));
        }
    }
}

fn noted<'a, T>(event: &Event, place: &Place, what: &'a T) -> Noted<'a, T> {
    Noted {
        seq: event.seq,
        at: event.at,
        cycle: place.cycle,
        from: place.from,
        what,
        step_seq: place.step_seq,
    }
}

/// A step that was repeated after a crash gives one answer, not two.
fn put<'a, T>(list: &mut Vec<Noted<'a, T>>, noted: Noted<'a, T>) {
    if list
        .last()
        .is_some_and(|last| last.step_seq == noted.step_seq)
    {
        list.pop();
    }
    list.push(noted);
}
