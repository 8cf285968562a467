//! Services under assay's supervisor, with a real one. This program is also the supervisor's own:
//! it answers `supervise` and `launch` as assay does.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test program fails loudly"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use assay_model::{
    AuditRules, DeployPlan, Detail, Gate, InstanceState, Limits, Observer, Probe, ProbeKind,
    Project, PublishTo, RestartPolicy, Service, Sightings, Strategy, Timestamp, Window,
};
use assay_observe::Observers;
use assay_world::NoDoors;
use assay_world::supervisor::{Client, InstanceSpec, launch, serve};
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next().as_deref().and_then(|word| word.to_str()) {
        Some("supervise") => {
            let dir = PathBuf::from(args.next().unwrap());
            serve(&dir, Box::new(NoDoors)).unwrap();
            ExitCode::SUCCESS
        }
        Some("launch") => match launch(args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::from(error.exit_code())
            }
        },
        _ => {
            let trial = |name, test: fn() -> Tested| {
                Trial::test(name, move || {
                    let runtime = tokio::runtime::Runtime::new().unwrap();
                    runtime.block_on(test());
                    Ok(())
                })
            };
            let trials = vec![
                trial("a_supervisor_tells_of_its_instances", || {
                    Box::pin(a_supervisor_tells_of_its_instances())
                }),
                trial("without_a_supervisor_its_records_speak", || {
                    Box::pin(without_a_supervisor_its_records_speak())
                }),
                trial("looking_starts_no_supervisor", || {
                    Box::pin(looking_starts_no_supervisor())
                }),
            ];
            libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
        }
    }
}

type Tested = std::pin::Pin<Box<dyn Future<Output = ()>>>;

fn project(root: &Path) -> Project {
    let service = Service {
        name: "api".into(),
        url: "http://127.0.0.1:1".to_owned(),
        probe: Probe::new(ProbeKind::Tcp),
        depends_on: Vec::new(),
        source: Vec::new(),
        risk: None,
        container: None,
        deploy: Some(DeployPlan {
            command: Vec::new(),
            env: BTreeMap::new(),
            entry: None,
            gate: Gate::None,
            gate_at: None,
            bake_ms: 0,
            start_timeout_ms: 0,
            strategy: Strategy::Recreate,
            restart: RestartPolicy::Never,
        }),
        observe: Vec::new(),
    };
    Project {
        name: "shop".to_owned(),
        root: root.to_owned(),
        config_file: "assay.toml".to_owned(),
        environments: Vec::new(),
        services: BTreeMap::from([(service.name.clone(), service)]),
        dependencies: BTreeMap::new(),
        suites: Vec::new(),
        criteria: BTreeMap::new(),
        audit: AuditRules::default(),
        publish: PublishTo {
            forge: "local".to_owned(),
            base: None,
        },
        secrets: Vec::new(),
        limits: Limits::default(),
    }
}

async fn look(root: &Path, from: Timestamp, detail: Detail) -> Sightings {
    let window = Window {
        from,
        to: assay_world::clock::now(),
    };
    Observers::new(Arc::new(project(root)), root.join(".assay"))
        .observe(&"api".into(), &window, detail)
        .await
}

/// A supervisor with one instance that has ended with code 3 and one that runs.
async fn supervised(root: &Path) -> Client {
    let state = root.join(".assay");
    std::fs::create_dir_all(&state).unwrap();
    let program = std::env::current_exe().unwrap();
    let client = Client::ensure(&state, &program).await.unwrap();
    // Should a test fail, its services end soon after.
    client.lease(20).await.unwrap();
    for (id, script) in [
        ("api-2", "echo up; exec sleep 600"),
        ("api-1", "echo no DATABASE_URL; exit 3"),
    ] {
        let spec = InstanceSpec {
            id: id.to_owned(),
            service: "api".into(),
            revision: "r1".into(),
            command: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
            cwd: root.to_owned(),
            env: BTreeMap::new(),
            port: None,
            log_path: state.join(format!("logs/{id}.log")),
            restart: RestartPolicy::Never,
        };
        client.start(spec).await.unwrap();
    }
    let begun = Instant::now();
    loop {
        let all = client.status().await.unwrap();
        let log = std::fs::read_to_string(state.join("logs/api-2.log")).unwrap_or_default();
        if all[0].state == InstanceState::Exited && log.contains("up\n") {
            return client;
        }
        assert!(begun.elapsed() < Duration::from_secs(15), "{all:#?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn states(seen: &Sightings) -> Vec<(&str, InstanceState, bool)> {
    let of = |it: &'_ assay_model::Sighting| (it.instance.state, it.wanted);
    seen.instances
        .iter()
        .map(|it| (it.instance.id.as_str(), of(it).0, of(it).1))
        .collect()
}

async fn a_supervisor_tells_of_its_instances() {
    let dir = tempfile::tempdir().unwrap();
    let client = supervised(dir.path()).await;
    let seen = look(dir.path(), Timestamp::UNIX_EPOCH, Detail::Everything).await;
    client.shutdown().await.unwrap();
    assert_eq!(seen.blind, []);
    assert_eq!(
        states(&seen),
        [
            ("api-1", InstanceState::Exited, false),
            ("api-2", InstanceState::Running, true)
        ]
    );
    let first = &seen.instances[0];
    assert_eq!(first.instance.observer, "process");
    assert_eq!(first.instance.exits[0].describe(), "exit code 3");
    let (source, log) = first.log.as_ref().unwrap();
    assert_eq!(source.label(), ".assay/logs/api-1.log:1");
    assert!(log.ends_with(" no DATABASE_URL\n"), "{log}");
    let (source, record) = first.record.as_ref().unwrap();
    assert_eq!(source.label(), "exits of api-1 (from .assay/exits.jsonl)");
    let record = String::from_utf8_lossy(record);
    assert!(
        record.contains("Z exit code 3 after ") && record.ends_with(" ms, by itself\n"),
        "{record}"
    );
    assert_eq!(seen.instances[1].record, None);
}

async fn without_a_supervisor_its_records_speak() {
    let dir = tempfile::tempdir().unwrap();
    supervised(dir.path()).await.shutdown().await.unwrap();
    let seen = look(dir.path(), Timestamp::UNIX_EPOCH, Detail::Everything).await;
    assert_eq!(seen.blind, []);
    assert_eq!(
        states(&seen),
        [
            ("api-1", InstanceState::Exited, false),
            ("api-2", InstanceState::Stopped, false)
        ]
    );
    let first = &seen.instances[0];
    assert_eq!(
        (first.instance.starts, first.instance.revision.as_str()),
        (1, "r1")
    );
    assert!(first.log.as_ref().unwrap().1.contains("DATABASE_URL"));
    let later = look(dir.path(), assay_world::clock::now(), Detail::Everything).await;
    assert_eq!(later.instances, [], "none lived in that window");
}

async fn looking_starts_no_supervisor() {
    let dir = tempfile::tempdir().unwrap();
    let seen = look(dir.path(), Timestamp::UNIX_EPOCH, Detail::State).await;
    assert_eq!(seen, Sightings::default());
    assert!(!dir.path().join(".assay").exists());
}
