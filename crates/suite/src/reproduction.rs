//! Runs reproductions on the bad revision and on the mended one, aside from all traffic.

use std::sync::Arc;
use std::time::Duration;

use assay_model::{
    Act, Aside, Begun, Body, EvidenceRef, Facts, Health, Outcome, ProbeTarget, Prober, Project,
    Purpose, Recorder, Reproduction, ReproductionCheck, ReproductionRun, Revision, Sandbox,
    SandboxError, Service, ServiceName, Source, Stage, StageError, Step, TestId,
};
use assay_world::clock::Stopwatch;
use async_trait::async_trait;

use crate::attempt::{self, Job, Ran, Targets};
use crate::libtest::Libtest;
use crate::{list, reproduce};

/// How long to wait between two looks at an instance that starts.
const POLL: Duration = Duration::from_millis(100);

/// How long an instance may take to start where its service does not say.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// Crashes inside one reproduction after which instances of earlier tries are no longer looked
/// for; the supervisor ends them with its lease.
const TRIES_MAX: u32 = 8;

/// Shows that a mend holds: the failure appears on the bad revision and not on the mended one.
#[derive(Clone)]
pub struct ReproduceStage {
    project: Project,
    sandbox: Arc<dyn Sandbox>,
    prober: Arc<dyn Prober>,
}

impl ReproduceStage {
    /// For the services and suites of `project`, whose suites' commands are ready to be run.
    pub fn new(project: Project, sandbox: Arc<dyn Sandbox>, prober: Arc<dyn Prober>) -> Self {
        Self {
            project,
            sandbox,
            prober,
        }
    }
}

/// What was seen of one revision.
struct Seen {
    failed: bool,
    detail: String,
    evidence: Vec<(Source, Vec<u8>)>,
}

/// How an instance started.
enum Start {
    Serves(Health, Vec<u8>, u64),
    Ended(String),
    Late(Health, Vec<u8>),
}

#[async_trait]
impl Stage for ReproduceStage {
    fn step(&self) -> Step {
        Step::Reproduce
    }

    async fn run(&self, facts: &Facts, recorder: &mut dyn Recorder) -> Result<(), StageError> {
        let checks = reproduce::checks(facts)
            .map_err(|error| StageError::because("the mend cannot be checked", error))?;
        for check in checks {
            let act = act(&check);
            let begun = recorder.begin(&act).await?;
            if let Begun::Finished(_) = begun {
                continue;
            }
            let revision = facts.revisions.get(&check.revision).ok_or_else(|| {
                StageError::cannot_look(format!("revision {} is not known", check.revision))
            })?;
            let (cycle, tries) = facts
                .step
                .map_or((facts.cycle, 1), |step| (step.cycle, step.attempt));
            let run = facts.run.as_deref().unwrap_or("run");
            let stem = format!("{run}.{}-c{cycle}", instance(&check));
            let name = |tries: u32| format!("{stem}-t{tries}");
            if begun == Begun::InDoubt {
                for earlier in tries.saturating_sub(TRIES_MAX).max(1)..tries {
                    self.end(revision, &name(earlier)).await?;
                }
            }
            let run = self
                .reproduce(check, revision, &name(tries), recorder)
                .await?;
            recorder.say(&format!(
                "{} {}: {}",
                if run.as_expected() {
                    "as expected:"
                } else {
                    "not as expected:"
                },
                act.what,
                run.detail
            ));
            let result = serde_json::to_value(&run).map_err(|error| {
                StageError::because(format!("store what act {:?} gave", act.key), error)
            })?;
            recorder
                .finish(&act, result, vec![Body::Reproduced { run }])
                .await?;
        }
        Ok(())
    }
}

fn act(check: &ReproductionCheck) -> Act {
    let must = if check.must_fail {
        "must fail"
    } else {
        "must pass"
    };
    let (what, service) = match &check.reproduction {
        Reproduction::Start { service, .. } => ("start".to_owned(), service),
        Reproduction::Test { service, test, .. } => (test.to_string(), service),
    };
    Act {
        key: format!("reproduce {} {what}", check.revision),
        what: format!("{what} on revision {} of {service} {must}", check.revision),
    }
}

/// A name for the instance that does not depend on the run's fortune.
fn instance(check: &ReproductionCheck) -> String {
    let kind = match &check.reproduction {
        Reproduction::Start { .. } => "start",
        Reproduction::Test { .. } => "test",
    };
    format!(
        "reproduce-{}-{}-{kind}",
        check.reproduction.service(),
        check.revision
    )
}

impl ReproduceStage {
    /// Ends an instance that an earlier try may have left.
    async fn end(&self, revision: &Revision, name: &str) -> Result<(), StageError> {
        let aside = self.sandbox.start(revision, name).await.map_err(sandbox)?;
        self.sandbox.stop(&aside).await.map_err(sandbox)?;
        Ok(())
    }

    async fn reproduce(
        &self,
        check: ReproductionCheck,
        revision: &Revision,
        name: &str,
        recorder: &mut dyn Recorder,
    ) -> Result<ReproductionRun, StageError> {
        let aside = self.sandbox.start(revision, name).await.map_err(sandbox)?;
        let seen = self.look(&check, &aside).await;
        // Stopped whatever was seen, so that nothing is left running.
        let (path, log) = self.sandbox.stop(&aside).await.map_err(sandbox)?;
        let Seen {
            failed,
            mut detail,
            evidence,
        } = seen?;
        let text = String::from_utf8_lossy(&log);
        let signature = check.reproduction.signature();
        let signature_seen = text.contains(signature);
        detail.push_str(match signature_seen {
            true => "; its log holds the signature: ",
            false => "; its log does not hold the signature: ",
        });
        detail.push_str(signature);
        let mut kept: Vec<EvidenceRef> = Vec::new();
        let lines = u64::try_from(text.lines().count()).unwrap_or(u64::MAX);
        let log_source = Source::Log {
            path,
            from_line: 1,
            to_line: lines.max(1),
        };
        for (source, bytes) in std::iter::once((log_source, log.clone())).chain(evidence) {
            kept.push(recorder.keep(source, &bytes).await?);
        }
        Ok(ReproductionRun {
            check,
            failed,
            signature_seen,
            detail,
            evidence: kept,
        })
    }

    async fn look(&self, check: &ReproductionCheck, aside: &Aside) -> Result<Seen, StageError> {
        let name = check.reproduction.service();
        let service = self.project.services.get(name).ok_or_else(|| {
            StageError::cannot_look(format!("service {name} is not in the configuration"))
        })?;
        let started = self.started(service, aside).await?;
        let (up, detail, exchange) = match started {
            Start::Serves(health, exchange, ms) => (
                true,
                format!("answered its probe after {ms} ms ({})", health.detail),
                exchange,
            ),
            Start::Ended(how) => (
                false,
                format!("ended with {how} before it answered its probe"),
                Vec::new(),
            ),
            Start::Late(health, exchange) => {
                let last = health.detail;
                (
                    false,
                    format!("did not answer its probe in time ({last})"),
                    exchange,
                )
            }
        };
        let mut evidence = Vec::new();
        if !exchange.is_empty() {
            evidence.push((
                Source::Exchange {
                    request: format!("probe {}", aside.url),
                },
                exchange,
            ));
        }
        match &check.reproduction {
            Reproduction::Test { test, .. } if up => {
                let ran = self.test(name, test, aside).await?;
                let mut detail = format!("{test} {}", ran.raw.outcome.word());
                if let Some(message) = &ran.raw.message {
                    detail.push_str(&format!(" ({message})"));
                }
                // Kept in full even where it passed: there are only two of these.
                let source = Source::Command {
                    command: ran.raw.command.clone(),
                };
                evidence.push((source, ran.raw.output));
                Ok(Seen {
                    failed: ran.raw.outcome != Outcome::Passed,
                    detail,
                    evidence,
                })
            }
            _ => Ok(Seen {
                failed: !up,
                detail,
                evidence,
            }),
        }
    }

    /// Waits until the instance serves, ends, or has taken too long.
    async fn started(&self, service: &Service, aside: &Aside) -> Result<Start, StageError> {
        let timeout = service.deploy.as_ref().map_or(START_TIMEOUT, |plan| {
            Duration::from_millis(plan.start_timeout_ms)
        });
        let target = ProbeTarget {
            service: service.name.clone(),
            url: aside.url.clone(),
            probe: service.probe.clone(),
        };
        let watch = Stopwatch::start();
        loop {
            // Asked first: an instance that has ended cannot answer afterwards.
            let ended = self.sandbox.ended(aside).await.map_err(sandbox)?;
            if let Some(how) = ended {
                return Ok(Start::Ended(how));
            }
            let (health, exchange) = self.prober.probe(&target).await;
            if health.status.serves() {
                return Ok(Start::Serves(health, exchange, watch.elapsed_ms()));
            }
            if watch.elapsed() >= timeout {
                return Ok(Start::Late(health, exchange));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Runs one test with the instance in the place of its service.
    async fn test(
        &self,
        service: &ServiceName,
        test: &TestId,
        aside: &Aside,
    ) -> Result<Ran, StageError> {
        let unknown = || StageError::cannot_look(format!("test {test} belongs to no suite"));
        let (suite, name) = test.split_once('/').ok_or_else(unknown)?;
        let suite = self
            .project
            .suites
            .iter()
            .find(|each| each.name == suite)
            .ok_or_else(unknown)?;
        list::check_runner(suite)?;
        let (runner, _) = Libtest::open(suite, &self.project.root)
            .await
            .map_err(list::cannot_list)?;
        let mut targets = Targets::of(&self.project);
        for other in self.project.services.keys() {
            if let Some(url) = self.sandbox.serving_url(other) {
                targets = targets.with(other, &url);
            }
        }
        let job = Job {
            runner,
            env: suite.env.clone(),
            test: test.clone(),
            name: name.to_owned(),
            purpose: Purpose::First,
            timeout: Duration::from_millis(suite.timeout_ms),
        };
        attempt::run(job, &targets.with(service, &aside.url))
            .await
            .map_err(|error| StageError::because("cannot execute", error))
    }
}

fn sandbox(error: SandboxError) -> StageError {
    StageError::because("cannot run a revision aside", error)
}
