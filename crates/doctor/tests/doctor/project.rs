//! Hand-made projects and machines.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use assay_doctor::{Checked, Machine, Manager, Need, Reason, Subject, examine};
use assay_model::{
    AuditRules, Dependency, DeployPlan, Gate, Limits, Observe, Probe, ProbeKind, Project,
    PublishTo, RestartPolicy, Service, Strategy, Suite, SuiteKind,
};

pub(crate) fn project() -> Project {
    Project {
        name: "shop".to_owned(),
        root: PathBuf::from("/shop"),
        config_file: "assay.toml".to_owned(),
        environments: Vec::new(),
        services: BTreeMap::new(),
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

pub(crate) fn words(command: &str) -> Vec<String> {
    command.split_whitespace().map(str::to_owned).collect()
}

pub(crate) fn service(name: &str, url: &str) -> Service {
    Service {
        name: name.into(),
        url: url.to_owned(),
        probe: Probe::new(ProbeKind::Tcp),
        depends_on: Vec::new(),
        source: vec![format!("services/{name}")],
        risk: None,
        container: None,
        deploy: None,
        observe: Vec::new(),
    }
}

pub(crate) fn dependency(name: &str, url: &str, observe: Vec<Observe>) -> Dependency {
    Dependency {
        name: name.into(),
        url: Some(url.to_owned()),
        probe: Probe::new(ProbeKind::Tcp),
        observe,
    }
}

pub(crate) fn deploy(command: &str) -> DeployPlan {
    DeployPlan {
        command: words(command),
        env: BTreeMap::new(),
        entry: None,
        gate: Gate::Probe,
        gate_at: None,
        bake_ms: 0,
        start_timeout_ms: 1_000,
        strategy: Strategy::Recreate,
        restart: RestartPolicy::Never,
    }
}

pub(crate) fn suite(name: &str, runner: &str, command: &str, paths: &[&str]) -> Suite {
    Suite {
        name: name.to_owned(),
        runner: runner.to_owned(),
        command: words(command),
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        kind: SuiteKind::E2e,
        env: BTreeMap::new(),
        covers: Vec::new(),
        default: true,
        workers: 2,
        timeout_ms: 1_000,
        only: Vec::new(),
    }
}

/// A machine with one folder in its `PATH`, `bin`, on the system of apt.
pub(crate) fn machine(root: &Path) -> Machine {
    Machine {
        root: root.to_owned(),
        state: root.join(".assay"),
        path: vec![root.join("bin")],
        variables: BTreeSet::new(),
        docker_host: None,
        manager: Some(Manager::Apt),
        superuser: false,
        deadline: Duration::from_secs(20),
    }
}

/// Writes a program. Another process does it: while this one holds a file open for writing, a
/// child that another test starts holds it too, and the system runs no file that is being written.
pub(crate) fn program(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut child = Command::new("/bin/sh")
        .args(["-c", r#"cat > "$1" && chmod 755 "$1""#, "sh"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

/// Examines one thing that blocks.
pub(crate) async fn look(subject: Subject, machine: &Machine) -> Checked {
    let need = Need {
        subject,
        reasons: vec![Reason {
            place: "[suite.e2e] command".to_owned(),
            required_for: "executing suite e2e".to_owned(),
            blocking: true,
        }],
    };
    examine(&[need], machine).await.remove(0)
}
