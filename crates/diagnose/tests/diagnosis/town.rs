//! A small town of services, observed: everything is well until a test says otherwise.

use std::collections::BTreeMap;

use assay_diagnose::{ConfigText, Observed};
use assay_model::{
    Bundle, Dependency, DeployPlan, Environment, EvidenceRef, Exchange, Excluded, Execution, Exit,
    Gate, Health, HttpProbe, InstanceObservation, InstanceState, Limits, Manifest, Outcome, Place,
    Priority, Probe, ProbeKind, Project, PublishTo, Reported, RestartPolicy, Revision, RevisionId,
    Rollout, RolloutOutcome, RolloutRequest, RolloutSource, Service, ServiceName,
    ServiceObservation, Source, Status, Strategy, TestId, TestResult, Timestamp, Window,
};

/// Names of the town that a renaming replaces, everywhere and in every text.
pub(crate) const NAMES: [&str; 21] = [
    "plaza",
    "harbor",
    "mint",
    "vaultdb",
    "depots",
    "freight",
    "tariffs",
    "gauges",
    "piers",
    "loader",
    "crane",
    "hoist_all",
    "Winch",
    "rp1aaaaaaaa1",
    "rh1aaaaaaaa1",
    "rm1aaaaaaaa1",
    "rh2bbbbbbbb2",
    "rp2bbbbbbbb2",
    "sailors",
    "coinage",
    "town.toml",
];

pub(crate) const CONFIG: &str = r#"[project]
name = "town"
[service.plaza]
url = "http://127.0.0.1:1"
[service.harbor]
depends_on = ["mint", "vaultdb"]
[service.harbor.deploy]
gate = "probe"
restart = "always"
[service.mint]
depends_on = ["harbor", "vaultdb"]
[service.mint.deploy]
gate = "probe"
restart = "always"
"#;

/// Milliseconds into the run.
pub(crate) fn at(ms: i64) -> Timestamp {
    let start: Timestamp = "2026-11-23T18:44:00Z".parse().unwrap();
    start
        .checked_add(jiff::SignedDuration::from_millis(ms))
        .unwrap()
}

pub(crate) fn kept(hash: &str, source: Source, ms: i64) -> EvidenceRef {
    EvidenceRef {
        hash: hash.to_owned(),
        bytes: 1,
        source,
        at: at(ms),
    }
}

fn derived(hash: &str, what: &str, ms: i64) -> EvidenceRef {
    kept(
        hash,
        Source::Derived {
            what: what.to_owned(),
        },
        ms,
    )
}

/// When the new revision is rolled out.
pub(crate) const ROLLED_OUT: i64 = 30_000;
/// When the probes ask.
pub(crate) const PROBED: i64 = 45_000;
/// When the tests have run.
pub(crate) const TESTED: i64 = 60_000;

fn vaultdb() -> BTreeMap<ServiceName, Dependency> {
    BTreeMap::from([(
        "vaultdb".into(),
        Dependency {
            name: "vaultdb".into(),
            url: None,
            probe: Probe {
                degraded_ms: 800,
                ..Probe::new(ProbeKind::Tcp)
            },
            observe: Vec::new(),
        },
    )])
}

/// Everything is up, proven and quiet.
pub(crate) fn well() -> Observed {
    let services = [
        service("plaza", &[]),
        service("harbor", &["mint", "vaultdb"]),
        service("mint", &["harbor", "vaultdb"]),
    ];
    let project = Project {
        name: "town".to_owned(),
        root: "/srv/x".into(),
        config_file: "town.toml".to_owned(),
        environments: vec![Environment {
            name: "demo".to_owned(),
            protected: false,
        }],
        services: services.into_iter().map(|s| (s.name.clone(), s)).collect(),
        dependencies: vaultdb(),
        suites: Vec::new(),
        criteria: BTreeMap::new(),
        audit: assay_model::AuditRules::default(),
        publish: PublishTo {
            forge: "local".to_owned(),
            base: None,
        },
        secrets: Vec::new(),
        limits: Limits::default(),
    };
    let config_source = Source::File {
        path: "town.toml".to_owned(),
        line: None,
    };
    let mut seen = Observed {
        now: at(90_000),
        project,
        config: Some(ConfigText {
            evidence: kept("config", config_source, 0),
            text: CONFIG.to_owned(),
        }),
        health: BTreeMap::new(),
        execution: None,
        observations: BTreeMap::new(),
        rollouts: Vec::new(),
        run_rollouts_from: 0,
        revisions: BTreeMap::new(),
        serving: BTreeMap::new(),
        texts: BTreeMap::new(),
    };
    for (place, (name, revision)) in [
        ("plaza", "rp1aaaaaaaa1"),
        ("harbor", "rh1aaaaaaaa1"),
        ("mint", "rm1aaaaaaaa1"),
    ]
    .into_iter()
    .enumerate()
    {
        let began = 1_000 + 5_000 * i64::try_from(place).unwrap();
        rollout(&mut seen, name, revision, RolloutOutcome::Succeeded, began);
        running(&mut seen, name, revision);
        probe(&mut seen, name, Status::Healthy, Some(200), 12);
    }
    tests(&mut seen);
    seen
}

fn service(name: &str, depends_on: &[&str]) -> Service {
    let line = match name {
        "harbor" => 8,
        _ => 13,
    };
    let gate_at = (name != "plaza").then(|| Place {
        file: "town.toml".to_owned(),
        line,
        text: "gate = \"probe\"".to_owned(),
    });
    Service {
        name: name.into(),
        url: "http://127.0.0.1:1".to_owned(),
        probe: Probe {
            degraded_ms: 800,
            timeout_ms: 8_000,
            ..Probe::new(ProbeKind::Http(HttpProbe::get("/health")))
        },
        depends_on: depends_on
            .iter()
            .map(|name| ServiceName::from(*name))
            .collect(),
        source: vec![format!("depots/{name}")],
        risk: None,
        container: None,
        deploy: Some(DeployPlan {
            command: vec!["serve".to_owned()],
            env: BTreeMap::new(),
            entry: None,
            gate: Gate::Probe,
            gate_at,
            bake_ms: 2_000,
            start_timeout_ms: 5_000,
            strategy: Strategy::BlueGreen,
            restart: RestartPolicy::Always,
        }),
        observe: Vec::new(),
    }
}

/// A roll-out that took three seconds, and what came of it.
pub(crate) fn rollout(seen: &mut Observed, name: &str, id: &str, outcome: RolloutOutcome, ms: i64) {
    let service = ServiceName::from(name);
    let previous = seen.serving.get(&service).cloned();
    let plan = seen.project.services[&service].deploy.clone().unwrap();
    seen.rollouts.push(Rollout {
        request: RolloutRequest {
            id: format!("run-{}", seen.rollouts.len()).into(),
            service: service.clone(),
            source: RolloutSource::WorkingTree,
            gate: None,
            reason: "asked for".to_owned(),
        },
        revision: id.into(),
        previous,
        gate: plan.gate,
        strategy: Strategy::BlueGreen,
        outcome,
        detail: "answered its probe".to_owned(),
        started: at(ms),
        finished: at(ms + 3_000),
        evidence: vec![derived(&format!("gate-{id}"), "gate", ms + 3_000)],
    });
    if outcome.switched() {
        seen.serving.insert(service.clone(), id.into());
    }
    let manifest = Manifest {
        root: format!("depots/{name}"),
        ignore_file: Some(".bundleignore".to_owned()),
        files: ["main.rhai", "gauges.rhai", "piers/loader.rhai"]
            .into_iter()
            .map(|file| (file.to_owned(), "0".to_owned()))
            .collect(),
        excluded: BTreeMap::new(),
    };
    set_manifest(seen, id, &manifest);
    seen.revisions.insert(
        id.into(),
        Revision {
            id: id.into(),
            service,
            bundle: Bundle {
                hash: "0".to_owned(),
                path: "bundles/0".to_owned(),
            },
            commit: None,
            files: 3,
            manifest: derived(&format!("manifest-{id}"), "manifest", ms),
            change: Some(derived(&format!("change-{id}"), "change", ms)),
            built: at(ms),
        },
    );
}

pub(crate) fn set_manifest(seen: &mut Observed, id: &str, manifest: &Manifest) {
    seen.texts.insert(
        format!("manifest-{id}"),
        serde_json::to_string(manifest).unwrap(),
    );
}

pub(crate) fn manifest(seen: &Observed, id: &str) -> Manifest {
    serde_json::from_str(&seen.texts[&format!("manifest-{id}")]).unwrap()
}

fn instance(seen: &mut Observed, name: &str, id: &str) -> usize {
    let service = ServiceName::from(name);
    let serving = seen.serving.get(&service).cloned();
    let observation =
        seen.observations
            .entry(service.clone())
            .or_insert_with(|| ServiceObservation {
                service,
                window: Window {
                    from: at(0),
                    to: at(80_000),
                },
                serving: None,
                instances: Vec::new(),
                blind: Vec::new(),
            });
    observation.serving = serving;
    let known = observation
        .instances
        .iter()
        .position(|known| *known.revision == *id);
    known.unwrap_or_else(|| {
        observation.instances.push(InstanceObservation {
            id: format!("{name}-{id}"),
            revision: RevisionId::from(id),
            state: InstanceState::Running,
            starts: 1,
            exits: Vec::new(),
            log: None,
            exits_evidence: None,
            observer: "process".to_owned(),
            events: Vec::new(),
        });
        observation.instances.len() - 1
    })
}

fn with_instance(
    seen: &mut Observed,
    name: &str,
    id: &str,
    change: impl FnOnce(&mut InstanceObservation),
) {
    let place = instance(seen, name, id);
    change(&mut seen.observations.get_mut(name).unwrap().instances[place]);
}

fn running(seen: &mut Observed, name: &str, id: &str) {
    log(
        seen,
        name,
        id,
        &[(2_000, r#"{"level":"info","msg":"listening"}"#)],
    );
}

/// Appends stamped lines to the log of an instance.
pub(crate) fn log(seen: &mut Observed, name: &str, id: &str, lines: &[(i64, &str)]) {
    let hash = format!("log-{id}");
    let text = seen.texts.entry(hash.clone()).or_default();
    for (ms, line) in lines {
        for part in line.lines() {
            text.push_str(&format!("{} {part}\n", at(*ms)));
        }
    }
    let to_line = 100 + u64::try_from(text.lines().count()).unwrap();
    let path = format!("logs/{id}.log");
    with_instance(seen, name, id, |instance| {
        let source = Source::Log {
            path,
            from_line: 101,
            to_line,
        };
        instance.log = Some(kept(&hash, source, 80_000));
    });
}

/// The process of an instance ended by itself at these times.
pub(crate) fn exits(
    seen: &mut Observed,
    name: &str,
    id: &str,
    state: InstanceState,
    (code, signal): (Option<i32>, Option<i32>),
    times: &[i64],
) {
    let exits = times
        .iter()
        .map(|ms| Exit {
            at: at(*ms),
            code,
            signal,
            uptime_ms: if signal.is_some() { 31_000 } else { 40 },
            requested: false,
            out_of_memory: false,
        })
        .collect();
    with_instance(seen, name, id, |instance| {
        instance.state = state;
        instance.exits = exits;
        instance.exits_evidence = Some(derived(&format!("exits-{id}"), "exits", 80_000));
    });
}

pub(crate) fn stopped(seen: &mut Observed, name: &str, id: &str) {
    with_instance(seen, name, id, |instance| {
        instance.state = InstanceState::Stopped
    });
}

pub(crate) fn probe(
    seen: &mut Observed,
    name: &str,
    status: Status,
    http: Option<u16>,
    latency_ms: u64,
) {
    let later = match name {
        "plaza" => 0,
        "harbor" => 10,
        _ => 20,
    };
    let health = Health {
        service: name.into(),
        kind: "http".to_owned(),
        target: "http://127.0.0.1:1/health".to_owned(),
        status,
        latency_ms,
        http_status: http,
        revision: seen.serving.get(name).cloned(),
        detail: format!("expected 200, got {}", http.unwrap_or(0)),
        reported: BTreeMap::new(),
        samples: None,
        certificate: None,
        runtime: None,
    };
    let source = Source::Exchange {
        request: format!("GET {name}"),
    };
    let evidence = kept(&format!("probe-{name}"), source, PROBED + later);
    seen.health.insert(name.into(), (health, vec![evidence]));
}

pub(crate) fn reports(seen: &mut Observed, name: &str, other: &str, status: &str, latency_ms: u64) {
    let (health, _) = seen.health.get_mut(name).unwrap();
    let reported = Reported {
        status: status.to_owned(),
        latency_ms: Some(latency_ms),
    };
    health.reported.insert(other.to_owned(), reported);
}

/// Six tests, two of each service, all passed.
fn tests(seen: &mut Observed) {
    let names = [
        ("plaza::shows", "plaza", &["plaza"][..], 3),
        ("plaza::styles", "plaza", &["plaza"], 4),
        ("sailors::board", "harbor", &["mint", "harbor"], 2),
        ("sailors::load", "harbor", &["mint", "harbor"], 1),
        ("coinage::strike", "mint", &["mint"], 1),
        ("coinage::melt", "mint", &["mint"], 2),
    ];
    let tests = names
        .iter()
        .map(|(name, _, services, priority)| TestResult {
            test: TestId::new(format!("e2e/{name}")),
            priority: Priority::new(*priority).unwrap(),
            services: services
                .iter()
                .map(|name| ServiceName::from(*name))
                .collect(),
            outcome: Outcome::Passed,
            verdict: None,
            duration_ms: 20,
            reasons: Vec::new(),
            message: None,
            failing: Vec::new(),
            evidence: vec![derived(&format!("test-{name}"), "output", TESTED)],
        })
        .collect();
    seen.execution = Some(Execution {
        tests,
        totals: assay_model::Totals::default(),
        criteria: Vec::new(),
        proved: false,
        green: true,
    });
}

/// The tests whose name contains `part` fail on a request to `service`.
pub(crate) fn fail(
    seen: &mut Observed,
    part: &str,
    service: &str,
    method: &str,
    status: u16,
    ms: i64,
) {
    for test in &mut seen.execution.as_mut().unwrap().tests {
        if !test.test.contains(part) {
            continue;
        }
        test.outcome = Outcome::Failed;
        test.message = Some(format!("{method} /things: expected 200, got {status}"));
        test.evidence[0].at = at(ms);
        test.failing = vec![Exchange {
            service: service.into(),
            method: method.to_owned(),
            path: "/things".to_owned(),
            status,
            duration_ms: 4,
            revision: None,
        }];
    }
}

/// `gate = "none"` for harbor.
pub(crate) fn ungated(seen: &mut Observed) {
    let plan = seen
        .project
        .services
        .get_mut("harbor")
        .unwrap()
        .deploy
        .as_mut()
        .unwrap();
    plan.gate = Gate::None;
    plan.gate_at.as_mut().unwrap().text = "gate = \"none\"".to_owned();
    let config = seen.config.as_mut().unwrap();
    config.text = config
        .text
        .replacen("gate = \"probe\"", "gate = \"none\"", 1);
}

pub(crate) fn exclude(seen: &mut Observed, id: &str, file: &str, line: u64, pattern: &str) {
    let mut known = manifest(seen, id);
    let left_out = Excluded {
        file: ".bundleignore".to_owned(),
        line,
        pattern: pattern.to_owned(),
    };
    known.excluded.insert(file.to_owned(), left_out);
    set_manifest(seen, id, &known);
}
