//! Step 2: what passes, and is each pass proven?

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use assay_model::{
    Act, Attempt, Begun, Body, Facts, Outcome, Project, Purpose, Recorder, Selection, Stage,
    StageError, Step, Suite, SuiteKind, TestCase, TestId,
};
use async_trait::async_trait;
use tokio::task::JoinSet;

use crate::attempt::{self, AttemptError, Job, Ran, Targets};
use crate::libtest::Libtest;
use crate::verdict::{self, Attempts};
use crate::{criteria, list, prove};

/// Runs the selected tests, puts their passes to the proof and records the judgement.
#[derive(Clone, Debug)]
pub struct ExecuteStage {
    project: Project,
    targets: Arc<Targets>,
}

impl ExecuteStage {
    /// For the environment of `project`, whose suites' commands are ready to be run.
    pub fn new(project: Project) -> Self {
        let targets = Arc::new(Targets::of(&project));
        Self { project, targets }
    }

    /// The suites of the selected tests, each with its runner, in the order of the configuration.
    async fn open<'a>(&'a self, selection: &Selection) -> Result<Vec<Opened<'a>>, StageError> {
        let mut opened = Vec::new();
        for suite in &self.project.suites {
            if !selection
                .tests
                .iter()
                .any(|selected| selected.case.suite == suite.name)
            {
                continue;
            }
            list::check_runner(suite)?;
            self.targets
                .check(suite)
                .map_err(|error| StageError::Usage {
                    message: format!("suite {}: {error}", suite.name),
                    hint: None,
                })?;
            let (runner, _) = Libtest::open(suite, &self.project.root)
                .await
                .map_err(list::cannot_list)?;
            opened.push(Opened { suite, runner });
        }
        Ok(opened)
    }

    /// Runs `wanted`, suite after suite, and gives the attempts in the order of `wanted`.
    async fn attempts(
        &self,
        opened: &[Opened<'_>],
        wanted: Vec<Wanted<'_>>,
        recorder: &mut dyn Recorder,
    ) -> Result<Vec<Attempt>, StageError> {
        let mut attempts = BTreeMap::new();
        for Opened { suite, runner } in opened {
            let jobs: Vec<_> = wanted
                .iter()
                .enumerate()
                .filter(|(_, wanted)| wanted.case.suite == suite.name)
                .map(|(place, wanted)| (place, wanted.job(suite, runner)))
                .collect();
            let pool = Pool {
                targets: &self.targets,
                workers: suite.workers.max(1),
            };
            pool.run(jobs, recorder, &mut attempts).await?;
        }
        Ok(attempts.into_values().collect())
    }
}

/// A suite and its program.
struct Opened<'a> {
    suite: &'a Suite,
    runner: Libtest,
}

/// An attempt that is to be made.
struct Wanted<'a> {
    case: &'a TestCase,
    purpose: Purpose,
    /// The suite's own time-out where it is `None`.
    timeout: Option<Duration>,
}

impl Wanted<'_> {
    fn job(&self, suite: &Suite, runner: &Libtest) -> Job {
        Job {
            runner: runner.clone(),
            env: suite.env.clone(),
            test: self.case.id.clone(),
            name: self.case.name.clone(),
            purpose: self.purpose.clone(),
            timeout: self
                .timeout
                .unwrap_or(Duration::from_millis(suite.timeout_ms)),
        }
    }
}

/// Runs a bounded number of jobs at once. Workers only run; everything that is recorded goes
/// through the one task that owns the recorder.
struct Pool<'a> {
    targets: &'a Arc<Targets>,
    workers: usize,
}

impl Pool<'_> {
    async fn run(
        &self,
        jobs: Vec<(usize, Job)>,
        recorder: &mut dyn Recorder,
        attempts: &mut BTreeMap<usize, Attempt>,
    ) -> Result<(), StageError> {
        // Dropped on any error, which ends the jobs and kills their processes.
        let mut running: JoinSet<(usize, TestId, Purpose, Result<Ran, AttemptError>)> =
            JoinSet::new();
        let mut waiting = jobs.into_iter();
        loop {
            while running.len() < self.workers
                && let Some((place, job)) = waiting.next()
            {
                let act = act(&job.test, &job.purpose);
                if let Begun::Finished(result) = recorder.begin(&act).await? {
                    let attempt = serde_json::from_value(result).map_err(|error| {
                        StageError::because(format!("read what act {:?} gave", act.key), error)
                    })?;
                    attempts.insert(place, attempt);
                    continue;
                }
                let targets = Arc::clone(self.targets);
                running.spawn(async move {
                    let (test, purpose) = (job.test.clone(), job.purpose.clone());
                    (place, test, purpose, attempt::run(job, &targets).await)
                });
            }
            let Some(joined) = running.join_next().await else {
                return Ok(());
            };
            let (place, test, purpose, ran) =
                joined.map_err(|error| StageError::because("run a test", error))?;
            let ran = ran.map_err(|error| StageError::because("cannot execute", error))?;
            attempts.insert(place, keep(ran, test, purpose, recorder).await?);
        }
    }
}

/// The name of the attempt of `test` for this purpose.
fn act(test: &TestId, purpose: &Purpose) -> Act {
    let why = match purpose {
        Purpose::First => "first".to_owned(),
        Purpose::Blackout(service) => format!("blackout {service}"),
        Purpose::Confirm => "confirm".to_owned(),
    };
    Act {
        key: format!("{test} {why}"),
        what: format!("run {test} ({why})"),
    }
}

async fn keep(
    ran: Ran,
    test: TestId,
    purpose: Purpose,
    recorder: &mut dyn Recorder,
) -> Result<Attempt, StageError> {
    let output = match ran.worth_keeping(&purpose) {
        Some((source, bytes)) => Some(recorder.keep(source, &bytes).await?),
        None => None,
    };
    let act = act(&test, &purpose);
    let attempt = ran.into_attempt(test, purpose, output);
    recorder.say(&progress(&act, &attempt));
    let result = serde_json::to_value(&attempt).map_err(|error| {
        StageError::because(format!("store what act {:?} gave", act.key), error)
    })?;
    let bodies = vec![Body::AttemptFinished {
        attempt: attempt.clone(),
    }];
    recorder.finish(&act, result, bodies).await?;
    Ok(attempt)
}

fn progress(act: &Act, attempt: &Attempt) -> String {
    let message = match (&attempt.purpose, attempt.outcome, &attempt.message) {
        (Purpose::Blackout(_), Outcome::Failed | Outcome::Errored, _) if attempt.refused => {
            ": refused, as it should be".to_owned()
        }
        (_, _, Some(message)) => format!(": {message}"),
        (_, _, None) => String::new(),
    };
    format!(
        "{} {} {} ms{message}",
        attempt.outcome.word(),
        act.key,
        attempt.duration_ms
    )
}

/// The attempts beyond the first, by test.
#[derive(Default)]
struct Proofs {
    blackouts: BTreeMap<TestId, Vec<Attempt>>,
    confirms: BTreeMap<TestId, Attempt>,
}

impl ExecuteStage {
    /// Every pass is taken through its blackouts, and what they have not decided yet is run once
    /// more.
    async fn prove(
        &self,
        opened: &[Opened<'_>],
        tests: &[(&TestCase, &Attempt)],
        recorder: &mut dyn Recorder,
    ) -> Result<Proofs, StageError> {
        let kind = |case: &TestCase| kind_of(opened, case);
        let mut proofs = Proofs::default();
        let mut wanted = Vec::new();
        for (case, first) in tests {
            for service in prove::blackouts(case, kind(case), first) {
                let timeout = Some(prove::blackout_timeout(first));
                wanted.push(Wanted {
                    case,
                    purpose: Purpose::Blackout(service),
                    timeout,
                });
            }
        }
        recorder.say(&format!(
            "putting passes to the proof: {} blackout runs",
            wanted.len()
        ));
        for attempt in self.attempts(opened, wanted, recorder).await? {
            proofs
                .blackouts
                .entry(attempt.test.clone())
                .or_default()
                .push(attempt);
        }
        let mut wanted = Vec::new();
        for (case, first) in tests {
            let blackouts = proofs
                .blackouts
                .get(&case.id)
                .map_or(&[][..], Vec::as_slice);
            if prove::worth_confirming(case, kind(case), first, blackouts) {
                wanted.push(Wanted {
                    case,
                    purpose: Purpose::Confirm,
                    timeout: None,
                });
            }
        }
        for attempt in self.attempts(opened, wanted, recorder).await? {
            proofs.confirms.insert(attempt.test.clone(), attempt);
        }
        Ok(proofs)
    }
}

fn kind_of(opened: &[Opened<'_>], case: &TestCase) -> SuiteKind {
    opened
        .iter()
        .find(|opened| opened.suite.name == case.suite)
        .map_or(SuiteKind::E2e, |opened| opened.suite.kind)
}

#[async_trait]
impl Stage for ExecuteStage {
    fn step(&self) -> Step {
        Step::Execute
    }

    async fn run(&self, facts: &Facts, recorder: &mut dyn Recorder) -> Result<(), StageError> {
        let selection = facts
            .selection
            .as_ref()
            .filter(|selection| !selection.tests.is_empty());
        let selection =
            selection.ok_or_else(|| StageError::cannot_look("no tests are selected"))?;
        let opened = self.open(selection).await?;
        let cases: Vec<_> = selection
            .tests
            .iter()
            .map(|selected| &selected.case)
            .collect();
        if let Some(case) = cases.iter().find(|case| !self.has_suite(case)) {
            let message = format!("{}: there is no suite {}", case.id, case.suite);
            return Err(StageError::cannot_look(message));
        }
        let wanted = |case| Wanted {
            case,
            purpose: Purpose::First,
            timeout: None,
        };
        let wanted = cases.iter().map(|case| wanted(*case)).collect();
        let firsts = self.attempts(&opened, wanted, recorder).await?;
        let tests: Vec<_> = cases.into_iter().zip(&firsts).collect();
        let unproved = prove::obstacle(&facts.health, tests.iter().copied());
        let proofs = match &unproved {
            Some(obstacle) => {
                recorder.say(obstacle);
                Proofs::default()
            }
            None => self.prove(&opened, &tests, recorder).await?,
        };
        let judged = |(case, first): &(&TestCase, &Attempt)| {
            let attempts = Attempts {
                first,
                blackouts: proofs.blackouts.get(&case.id).map_or(&[], Vec::as_slice),
                confirm: proofs.confirms.get(&case.id),
                unproved: unproved.as_deref(),
            };
            verdict::judge(case, kind_of(&opened, case), &attempts)
        };
        let results = tests.iter().map(judged).collect();
        let execution = criteria::judge(results, &self.project.criteria, unproved.is_none());
        let totals = &execution.totals;
        recorder.say(&format!(
            "{} of {} tests passed, {} proven: {}",
            totals.passed,
            totals.planned,
            totals.proven,
            if execution.green {
                "green"
            } else {
                "not green"
            }
        ));
        recorder
            .record(vec![Body::ExecutionJudged { execution }])
            .await?;
        Ok(())
    }
}

impl ExecuteStage {
    fn has_suite(&self, case: &TestCase) -> bool {
        self.project
            .suites
            .iter()
            .any(|suite| suite.name == case.suite)
    }
}
