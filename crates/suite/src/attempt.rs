//! One run of one test, in a gateway session of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use assay_gateway::{Session, SessionError};
use assay_model::{
    Attempt, EvidenceRef, Exchange, Outcome, Project, Purpose, ServiceName, Source, Suite, TestId,
};
use thiserror::Error;

use crate::connects::{self, Known};
use crate::environment::{self, TemplateError};
use crate::libtest::{Libtest, LibtestError, RawAttempt};

/// Of the output of a pass, its end: nobody looks for a reason there, but the summary counts.
const PASS_BYTES_MAX: usize = 4 * 1024;

/// Where the traffic of tests goes.
#[derive(Clone, Debug)]
pub struct Targets {
    services: BTreeMap<ServiceName, String>,
    dependencies: BTreeMap<ServiceName, String>,
}

impl Targets {
    /// The environment of `project`, as its configuration gives it.
    pub fn of(project: &Project) -> Self {
        let url = |dependency: &assay_model::Dependency| dependency.url.clone();
        Self {
            services: project
                .services
                .values()
                // What has no address gets no traffic.
                .filter(|service| !service.url.is_empty())
                .map(|service| (service.name.clone(), service.url.clone()))
                .collect(),
            dependencies: project
                .dependencies
                .values()
                .filter_map(|dependency| Some((dependency.name.clone(), url(dependency)?)))
                .collect(),
        }
    }

    /// The same, but with `service` at another address.
    #[must_use]
    pub fn with(mut self, service: &ServiceName, url: &str) -> Self {
        self.services.insert(service.clone(), url.to_owned());
        self
    }

    /// The services that a session can stand in front of: what speaks TLS is left to itself.
    fn observable(&self) -> BTreeMap<ServiceName, String> {
        self.services
            .iter()
            .filter(|(_, url)| url.starts_with("http://"))
            .map(|(name, url)| (name.clone(), url.clone()))
            .collect()
    }

    /// Says now what would otherwise be found in the middle of an execution.
    ///
    /// # Errors
    /// When a variable of `suite` names a service that does not exist.
    pub fn check(&self, suite: &Suite) -> Result<(), TemplateError> {
        environment::resolve(&suite.env, |name| self.services.get(name).cloned()).map(drop)
    }
}

/// A test that is to be run once.
#[derive(Clone, Debug)]
pub struct Job {
    /// The program that has it.
    pub runner: Libtest,
    /// Variables, with templates.
    pub env: BTreeMap<String, String>,
    /// Which test.
    pub test: TestId,
    /// The runner's own name of it.
    pub name: String,
    /// Why.
    pub purpose: Purpose,
    /// When it is too late.
    pub timeout: Duration,
}

/// What came of a job.
#[derive(Clone, Debug)]
pub struct Ran {
    /// What the program told.
    pub raw: RawAttempt,
    /// What the gateway saw.
    pub exchanges: Vec<Exchange>,
    /// Where it connected to, labelled.
    pub connects: Option<Vec<String>>,
    /// The blackout did what it should; `None` without one.
    pub control: Option<bool>,
    /// It failed because the blacked-out service refused its connection.
    pub refused: bool,
}

/// A job that could not be done.
#[derive(Debug, Error)]
pub enum AttemptError {
    /// There is no gateway session.
    #[error("{test}: cannot open a gateway session")]
    Session {
        /// Which test.
        test: TestId,
        /// Why.
        #[source]
        source: SessionError,
    },
    /// Its variables cannot be filled in.
    #[error("{test}: wrong environment")]
    Environment {
        /// Which test.
        test: TestId,
        /// Why.
        #[source]
        source: TemplateError,
    },
    /// Its program cannot be run.
    #[error("{test}: cannot be run")]
    Runner {
        /// Which test.
        test: TestId,
        /// Why.
        #[source]
        source: LibtestError,
    },
}

/// Runs `job` once, with everything that it asks of `targets` going through a fresh session.
///
/// # Errors
/// When it could not be run at all. Whatever the test does is an outcome.
pub async fn run(job: Job, targets: &Targets) -> Result<Ran, AttemptError> {
    let blackout = match &job.purpose {
        Purpose::Blackout(service) => Some(service),
        Purpose::First | Purpose::Confirm => None,
    };
    let observable = targets.observable();
    let failed = |source| AttemptError::Session {
        test: job.test.clone(),
        source,
    };
    let session = Session::open(&observable, blackout).await.map_err(failed)?;
    let mut known = Known::environment(
        targets
            .services
            .iter()
            .chain(&targets.dependencies)
            .map(|(name, url)| (name, url.as_str())),
    );
    for service in observable.keys() {
        if let Some(url) = session.url(service) {
            known.add_gateway(service, &url);
        }
    }
    let url = |name: &str| url_for_test(&session, targets, name);
    let mut env =
        environment::resolve(&job.env, url).map_err(|source| AttemptError::Environment {
            test: job.test.clone(),
            source,
        })?;
    let before = control(&session, blackout).await;
    if blackout.is_some() {
        // What fails on purpose needs no backtrace, and rendering one takes longer than the test.
        env.insert("RUST_BACKTRACE".to_owned(), "0".to_owned());
    }
    let raw = job
        .runner
        .run(&job.name, &env, job.timeout)
        .await
        .map_err(|source| AttemptError::Runner {
            test: job.test.clone(),
            source,
        })?;
    let after = control(&session, blackout).await;
    let refused = blackout
        .and_then(|service| connects::authority(&session.url(service)?))
        .is_some_and(|address| was_refused(&raw, &address));
    let connects = raw.connects.as_ref().map(|addresses| {
        addresses
            .iter()
            .map(|address| known.label(address))
            .collect()
    });
    let control = before.zip(after).map(|(before, after)| before && after);
    let exchanges = session.finish().await;
    Ok(Ran {
        raw,
        exchanges,
        connects,
        control,
        refused,
    })
}

/// The blackout must hold before the test and still hold after it.
async fn control(session: &Session, blackout: Option<&ServiceName>) -> Option<bool> {
    match blackout {
        Some(_) => Some(session.control().await),
        None => None,
    }
}

/// The gateway's address; the service's own where no gateway is.
fn url_for_test(session: &Session, targets: &Targets, name: &str) -> Option<String> {
    let url = session
        .url(&ServiceName::from(name))
        .or_else(|| targets.services.get(name).cloned());
    Some(url?.trim_end_matches('/').to_owned())
}

/// How refused connections are called by the C library, Rust, Python, Node, Go and Java.
const REFUSALS: [&str; 3] = ["connection refused", "econnrefused", "connectionrefused"];

/// The test failed, says so of a refused connection, and did try `address` as far as anybody
/// can tell. In a blackout session nothing else refuses.
fn was_refused(raw: &RawAttempt, address: &str) -> bool {
    if !matches!(raw.outcome, Outcome::Failed | Outcome::Errored) {
        return false;
    }
    let tried = raw.connects.as_ref().is_none_or(|connects| {
        let known = Known::environment([(&ServiceName::from("it"), &*format!("tcp://{address}"))]);
        connects.iter().any(|each| known.label(each) == "direct:it")
    });
    let message = raw.message.as_deref().unwrap_or_default().to_lowercase();
    let output = String::from_utf8_lossy(&raw.output).to_lowercase();
    tried
        && REFUSALS
            .iter()
            .any(|words| message.contains(words) || output.contains(words))
}

impl Ran {
    /// What is worth keeping of the output: all of it, unless the test passed as it should.
    pub fn worth_keeping(&self, purpose: &Purpose) -> Option<(Source, Vec<u8>)> {
        let output = &self.raw.output;
        let brief = self.raw.outcome == Outcome::Passed && !matches!(purpose, Purpose::Blackout(_));
        let kept = match output.len().checked_sub(PASS_BYTES_MAX) {
            Some(cut @ 1..) if brief => {
                [format!("… {cut} bytes cut …\n").as_bytes(), &output[cut..]].concat()
            }
            _ => output.clone(),
        };
        let source = Source::Command {
            command: self.raw.command.clone(),
        };
        (!kept.is_empty()).then_some((source, kept))
    }

    /// The attempt as it is recorded.
    pub fn into_attempt(
        self,
        test: TestId,
        purpose: Purpose,
        output: Option<EvidenceRef>,
    ) -> Attempt {
        Attempt {
            test,
            purpose,
            outcome: self.raw.outcome,
            duration_ms: self.raw.duration_ms,
            assertions: self.raw.assertions,
            exchanges: self.exchanges,
            connects: self.connects,
            message: self.raw.message,
            refused: self.refused,
            control: self.control,
            output,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(outcome: Outcome, connects: Option<&[&str]>, output: &str) -> RawAttempt {
        RawAttempt {
            outcome,
            duration_ms: 1,
            assertions: None,
            connects: connects.map(|all| all.iter().map(|each| (*each).to_owned()).collect()),
            message: None,
            output: output.as_bytes().to_vec(),
            command: "tests x".to_owned(),
        }
    }

    fn check(outcome: Outcome, connects: Option<&[&str]>, output: &str, expected: bool) {
        let found = was_refused(&raw(outcome, connects, output), "127.0.0.1:9");
        assert_eq!(found, expected, "{outcome:?} {connects:?} {output}");
    }

    #[test]
    fn a_refusal_is_of_the_blacked_out_address() {
        let words = "GET /: Connection refused (os error 111)";
        check(Outcome::Failed, Some(&["127.0.0.1:9"]), words, true);
        check(
            Outcome::Failed,
            Some(&["localhost:9"]),
            "connect ECONNREFUSED",
            true,
        );
        check(Outcome::Errored, None, words, true);
        check(Outcome::Failed, Some(&["127.0.0.1:10"]), words, false);
        check(Outcome::Failed, Some(&[]), words, false);
        check(Outcome::Failed, None, "assertion failed", false);
        check(Outcome::Passed, None, words, false);
        check(Outcome::TimedOut, None, words, false);
    }

    fn kept(outcome: Outcome, purpose: &Purpose) -> usize {
        let ran = Ran {
            raw: raw(outcome, None, &"x".repeat(10_000)),
            exchanges: Vec::new(),
            connects: None,
            control: None,
            refused: false,
        };
        ran.worth_keeping(purpose)
            .map_or(0, |(_, bytes)| bytes.len())
    }

    #[test]
    fn only_passes_are_kept_in_brief() {
        assert!(kept(Outcome::Passed, &Purpose::First) < 5_000);
        assert!(kept(Outcome::Passed, &Purpose::Confirm) < 5_000);
        assert_eq!(kept(Outcome::Failed, &Purpose::First), 10_000);
        assert_eq!(
            kept(Outcome::Passed, &Purpose::Blackout("api".into())),
            10_000
        );
    }
}
