//! A project in a temporary folder, and programs that stand in front of real ones.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may fail like the test"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use assay_model::{
    AuditRules, Detail, Limits, Observe, Observer, Probe, ProbeKind, Project, PublishTo, Service,
    Sighting, Sightings, Timestamp, Window,
};
use assay_observe::{Observers, Programs};
use tempfile::TempDir;

/// A project with one service, `api`, that is watched in one way.
pub(crate) struct Bench {
    dir: TempDir,
    pub(crate) programs: Programs,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let missing = || PathBuf::from("no-such-program-here");
        Self {
            dir: tempfile::tempdir().unwrap(),
            programs: Programs {
                kubectl: missing(),
                journalctl: missing(),
                systemctl: missing(),
            },
        }
    }

    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file of the project.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Writes a program.
    pub(crate) fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.write(name, format!("#!/bin/sh\n{text}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    pub(crate) async fn look(&self, observe: Observe, from: &str, to: &str) -> Sightings {
        self.look_for(observe, from, to, Detail::Everything).await
    }

    pub(crate) async fn look_for(
        &self,
        observe: Observe,
        from: &str,
        to: &str,
        detail: Detail,
    ) -> Sightings {
        let window = Window {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
        };
        let project = Arc::new(project(self.root(), vec![service("api", vec![observe])]));
        Observers::new(project, self.root().join(".assay"))
            .with_programs(self.programs.clone())
            .observe(&"api".into(), &window, detail)
            .await
    }
}

/// The text of the only log.
pub(crate) fn only_log(seen: &Sightings) -> &str {
    let [only] = seen.instances.as_slice() else {
        panic!("not one instance: {seen:#?}");
    };
    log(only)
}

pub(crate) fn log(sighting: &Sighting) -> &str {
    sighting.log.as_ref().map_or("", |(_, text)| text)
}

/// Why observers could not look.
pub(crate) fn reasons(seen: &Sightings) -> Vec<&str> {
    seen.blind
        .iter()
        .map(|blind| blind.reason.as_str())
        .collect()
}

/// The only observer could not look, for this reason, and its hint says this.
#[track_caller]
pub(crate) fn check_blind(seen: &Sightings, reason: &str, hint: &str) {
    let [blind] = seen.blind.as_slice() else {
        panic!("not one reason: {seen:#?}");
    };
    assert!(blind.reason.contains(reason), "{blind:#?}");
    let told = blind.hint.as_deref().unwrap_or_default();
    assert!(told.contains(hint), "{blind:#?}");
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn service(name: &str, observe: Vec<Observe>) -> Service {
    Service {
        name: name.into(),
        url: "http://127.0.0.1:1".to_owned(),
        probe: Probe::new(ProbeKind::Tcp),
        depends_on: Vec::new(),
        source: Vec::new(),
        risk: None,
        container: None,
        deploy: None,
        observe,
    }
}

pub(crate) fn project(root: &Path, services: Vec<Service>) -> Project {
    Project {
        name: "shop".to_owned(),
        root: root.to_owned(),
        config_file: "assay.toml".to_owned(),
        environments: Vec::new(),
        services: services
            .into_iter()
            .map(|service| (service.name.clone(), service))
            .collect(),
        dependencies: Default::default(),
        suites: Vec::new(),
        criteria: Default::default(),
        audit: AuditRules::default(),
        publish: PublishTo {
            forge: "local".to_owned(),
            base: None,
        },
        secrets: Vec::new(),
        limits: Limits::default(),
    }
}
