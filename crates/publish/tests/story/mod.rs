//! Builds the events of a run in code, and keeps the texts that they cite.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod missing_module;
pub(crate) mod others;

use std::collections::HashMap;

use assay_model::{
    Body, Event, EvidenceRef, Exchange, Execution, Facts, Health, Outcome, Priority, Prologue,
    RevisionId, RolloutOutcome, RolloutRequest, RolloutSource, RunPlan, Source, Status, Step,
    TestResult, Timestamp, Totals, Verdict,
};

/// The run of every story.
pub(crate) const RUN: &str = "20261123-184455-7f3a";

pub(crate) const CONFIG: &str = r#"[project]
name = "shop"

[service.backend]
url = "http://127.0.0.1:8000"
risk = { money_per_hour = 4200, impact = "nobody can place an order" }

[service.auth]
url = "http://127.0.0.1:8001"
risk = { money_per_hour = 1500.5, impact = "nobody can log in" }
"#;

/// Events so far, a clock that only the story moves, and the vault.
pub(crate) struct Story {
    pub(crate) events: Vec<Event>,
    pub(crate) texts: HashMap<String, String>,
    now_ms: i64,
    step: Option<(Step, u32)>,
}

impl Story {
    pub(crate) fn new(plan: RunPlan) -> Self {
        let start: Timestamp = "2026-11-23T18:44:55Z".parse().unwrap();
        let mut story = Self {
            events: Vec::new(),
            texts: HashMap::new(),
            now_ms: start.as_millisecond(),
            step: None,
        };
        let config = story.keep(
            Source::File {
                path: "assay.toml".into(),
                line: None,
            },
            CONFIG,
        );
        story.push(Body::RunStarted {
            project: "shop".into(),
            environment: "local".into(),
            protected: false,
            version: "0.1.0".into(),
            plan,
            config,
        });
        story
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.now_ms).unwrap()
    }

    pub(crate) fn wait(&mut self, ms: i64) {
        self.now_ms += ms;
    }

    pub(crate) fn push(&mut self, body: Body) {
        let seq = self.events.len() as u64 + 1;
        let prev = self
            .events
            .last()
            .map_or("0".repeat(64), |event| event.hash.clone());
        let text = format!("{prev}{seq}{}", serde_json::to_string(&body).unwrap());
        self.events.push(Event {
            run: RUN.into(),
            seq,
            at: self.now(),
            step: self.step.map(|(step, _)| step),
            body,
            prev,
            hash: hash(&text),
        });
    }

    /// One whole step.
    pub(crate) fn step(&mut self, step: Step, cycle: u32, inside: impl FnOnce(&mut Self)) {
        self.begin(step, cycle, 1);
        inside(self);
        self.end(None);
    }

    pub(crate) fn begin(&mut self, step: Step, cycle: u32, attempt: u32) {
        self.wait(100);
        self.step = Some((step, cycle));
        self.push(Body::StepStarted {
            step,
            cycle,
            attempt,
        });
    }

    pub(crate) fn end(&mut self, error: Option<&str>) {
        let (step, cycle) = self.step.expect("a step is going on");
        self.push(Body::StepFinished {
            step,
            cycle,
            error: error.map(Into::into),
        });
        self.step = None;
    }

    pub(crate) fn keep(&mut self, source: Source, text: &str) -> EvidenceRef {
        let hash = hash(text);
        self.texts.insert(hash.clone(), text.to_owned());
        EvidenceRef {
            hash,
            bytes: text.len() as u64,
            source,
            at: self.now(),
        }
    }

    pub(crate) fn facts(&self) -> Facts {
        Facts::fold(&self.events)
    }

    pub(crate) fn worklog(&self) -> String {
        let texts = |evidence: &EvidenceRef| self.texts.get(&evidence.hash).cloned();
        assay_publish::worklog(&self.facts(), &self.events, &texts)
    }

    pub(crate) fn pull_request(&self) -> Option<assay_publish::PullRequest> {
        let texts = |evidence: &EvidenceRef| self.texts.get(&evidence.hash).cloned();
        assay_publish::pull_request(&self.facts(), &self.events, &texts)
    }

    /// One probe; its exchange is kept.
    pub(crate) fn probe(&mut self, service: &str, status: Status, ms: u64, revision: Option<&str>) {
        self.wait(i64::try_from(ms).unwrap());
        let (http, detail) = match status {
            Status::Healthy => (Some(200), "200 and $.status = \"healthy\"".to_owned()),
            Status::Degraded => (Some(200), format!("200, slower than 800 ms: {ms} ms")),
            Status::Unavailable => (Some(503), "expected 200, came 503".to_owned()),
            Status::Refused => (None, "connection refused".to_owned()),
            Status::TlsFailed => (None, "self-signed certificate".to_owned()),
            Status::AuthFailed => (Some(401), "expected 200, got 401".to_owned()),
            Status::Unreachable => (None, "no answer within 5000 ms".to_owned()),
        };
        let target = format!("http://127.0.0.1/{service}/health");
        let request = format!("GET {target}");
        let text = format!("{request} at {}\n\n{http:?} {detail}\n", self.now());
        let evidence = vec![self.keep(Source::Exchange { request }, &text)];
        let health = Health {
            service: service.into(),
            kind: "http".into(),
            target,
            status,
            latency_ms: ms,
            http_status: http,
            revision: revision.map(Into::into),
            detail,
            reported: Default::default(),
            samples: None,
            certificate: None,
            runtime: None,
        };
        self.push(Body::HealthObserved { health, evidence });
    }

    /// A test whose output is kept.
    pub(crate) fn result(
        &mut self,
        name: &str,
        priority: u8,
        outcome: Outcome,
        verdict: Option<Verdict>,
        message: Option<&str>,
    ) -> TestResult {
        let test = format!("e2e/{name}");
        let output = match message {
            Some(message) => format!(
                "running {name}\n\nthread 'main' panicked at e2e/src/{name}.rs:41:5:\n{message}\n\
                 note: request id 7\ntest result: FAILED\n"
            ),
            None => format!("running {name}\ntest result: ok\n"),
        };
        let source = Source::Command {
            command: format!("assay e2e --exact {name}"),
        };
        let evidence = vec![self.keep(source, &output)];
        let failing = (outcome == Outcome::Failed).then(|| Exchange {
            service: "backend".into(),
            method: "POST".into(),
            path: "/api/orders".into(),
            status: 503,
            duration_ms: 3,
            revision: None,
        });
        TestResult {
            test: test.as_str().into(),
            priority: Priority::new(priority).unwrap(),
            services: vec!["backend".into()],
            outcome,
            verdict,
            duration_ms: 42,
            reasons: match verdict {
                Some(Verdict::Proven) => vec!["failed while backend was blacked out".into()],
                Some(Verdict::Vacuous) => vec!["passed with backend blacked out".into()],
                Some(_) => vec!["not put to the proof".into()],
                None => Vec::new(),
            },
            message: message.map(Into::into),
            failing: failing.into_iter().collect(),
            evidence,
        }
    }
}

pub(crate) fn execution(tests: Vec<TestResult>, proved: bool) -> Execution {
    let count = |outcome| tests.iter().filter(|test| test.outcome == outcome).count() as u32;
    let proven = tests
        .iter()
        .filter(|test| test.verdict == Some(Verdict::Proven))
        .count() as u32;
    let totals = Totals {
        planned: tests.len() as u32,
        passed: count(Outcome::Passed),
        failed: count(Outcome::Failed),
        errored: count(Outcome::Errored),
        skipped: count(Outcome::Skipped),
        timed_out: count(Outcome::TimedOut),
        not_run: count(Outcome::NotRun),
        proven,
    };
    let criteria: Vec<_> = [1, 2, 3]
        .into_iter()
        .filter_map(|level| {
            let priority = Priority::new(level)?;
            let of = || tests.iter().filter(move |test| test.priority == priority);
            let all = u32::try_from(of().count()).ok().filter(|all| *all > 0)?;
            let bad = of()
                .filter(|test| test.verdict != Some(Verdict::Proven))
                .count();
            let share = bad as f64 / f64::from(all);
            let limit = if level == 1 { 0.0 } else { 0.05 };
            Some(assay_model::Criterion {
                priority,
                tests: all,
                limit,
                share,
                met: share <= limit,
            })
        })
        .collect();
    let green = proved && criteria.iter().all(|criterion| criterion.met);
    Execution {
        tests,
        totals,
        criteria,
        proved,
        green,
    }
}

pub(crate) fn plan(prologue: Vec<Prologue>) -> RunPlan {
    RunPlan {
        prologue,
        only: None,
        suites: Vec::new(),
        remedy: true,
        approved: false,
        teardown: false,
    }
}

pub(crate) fn request(id: &str, source: RolloutSource, reason: &str) -> RolloutRequest {
    RolloutRequest {
        id: id.into(),
        service: "backend".into(),
        source,
        gate: None,
        reason: reason.into(),
    }
}

impl Story {
    /// A roll-out of the backend that took `ms`.
    pub(crate) fn rollout(
        &mut self,
        request: RolloutRequest,
        revision: &str,
        previous: Option<&str>,
        outcome: RolloutOutcome,
        ms: i64,
    ) {
        let started = self.now();
        self.wait(ms);
        let gated = outcome != RolloutOutcome::Unverified;
        let detail = match outcome {
            RolloutOutcome::Succeeded => "4 of 4 probes of the bake time healthy",
            RolloutOutcome::Unverified => "nothing was asked",
            _ => "the process ended with exit code 3 before it answered",
        };
        let evidence = if gated {
            let request = format!("GET http://127.0.0.1:9001/health ({revision})");
            let text = format!("{request} {} {detail}", self.now());
            vec![self.keep(Source::Exchange { request }, &text)]
        } else {
            Vec::new()
        };
        self.push(Body::RolloutFinished {
            rollout: assay_model::Rollout {
                request,
                revision: revision.into(),
                previous: previous.map(RevisionId::from),
                gate: if gated {
                    assay_model::Gate::Probe
                } else {
                    assay_model::Gate::None
                },
                strategy: assay_model::Strategy::BlueGreen,
                outcome,
                detail: detail.into(),
                started,
                finished: self.now(),
                evidence,
            },
        });
    }
}

fn hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}
