//! The stage reads a project from disk, keeps its report and records it.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use assay_audit::AuditStage;
use assay_model::{
    Act, AuditReport, AuditRules, Begun, Body, DeployPlan, EvidenceRef, Facts, Gate, Limits, Probe,
    ProbeKind, Project, PublishTo, RecordError, Recorder, RestartPolicy, Service, Source, Stage,
    StageError, Strategy, Timestamp,
};
use async_trait::async_trait;

/// Keeps everything in memory.
#[derive(Default)]
struct Memory {
    bodies: Vec<Body>,
    kept: Vec<(Source, Vec<u8>)>,
}

#[async_trait]
impl Recorder for Memory {
    async fn record(&mut self, bodies: Vec<Body>) -> Result<(), RecordError> {
        self.bodies.extend(bodies);
        Ok(())
    }
    async fn keep(&mut self, source: Source, bytes: &[u8]) -> Result<EvidenceRef, RecordError> {
        self.kept.push((source.clone(), bytes.to_vec()));
        Ok(EvidenceRef {
            hash: blake3_hex(bytes),
            bytes: bytes.len() as u64,
            source,
            at: Timestamp::UNIX_EPOCH,
        })
    }
    async fn fetch(&mut self, _: &EvidenceRef) -> Result<Vec<u8>, RecordError> {
        unreachable!("an audit reads no evidence")
    }
    async fn begin(&mut self, _: &Act) -> Result<Begun, RecordError> {
        unreachable!("an audit does nothing to the outside")
    }
    async fn finish(
        &mut self,
        _: &Act,
        _: serde_json::Value,
        _: Vec<Body>,
    ) -> Result<(), RecordError> {
        unreachable!("an audit does nothing to the outside")
    }
    fn say(&mut self, _: &str) {}
}

fn blake3_hex(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

fn service(name: &str, source: &str) -> Service {
    Service {
        name: name.into(),
        url: "http://127.0.0.1:1".into(),
        probe: Probe::new(ProbeKind::Tcp),
        depends_on: Vec::new(),
        source: vec![source.into()],
        risk: None,
        container: None,
        deploy: Some(DeployPlan {
            command: Vec::new(),
            env: BTreeMap::new(),
            entry: Some("main.rhai".into()),
            gate: Gate::Probe,
            gate_at: None,
            bake_ms: 0,
            start_timeout_ms: 0,
            strategy: Strategy::Recreate,
            restart: RestartPolicy::Never,
        }),
        observe: Vec::new(),
    }
}

fn project(root: &Path) -> Project {
    Project {
        name: "sample".into(),
        root: root.to_owned(),
        config_file: "assay.toml".into(),
        environments: Vec::new(),
        services: [("api".into(), service("api", "services/api"))].into(),
        dependencies: BTreeMap::new(),
        suites: Vec::new(),
        criteria: BTreeMap::new(),
        audit: AuditRules::default(),
        publish: PublishTo {
            forge: "local".into(),
            base: None,
        },
        secrets: Vec::new(),
        limits: Limits::default(),
    }
}

fn checkout(ignore: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let api = folder.path().join("services/api/monitoring");
    fs::create_dir_all(&api).unwrap();
    fs::write(api.join("metrics.rhai"), "fn count() { 1 }").unwrap();
    fs::write(
        api.join("../main.rhai"),
        "import \"monitoring/metrics\" as m;",
    )
    .unwrap();
    fs::write(api.join("../.bundleignore"), ignore).unwrap();
    folder
}

async fn run(project: &Path, audited: &Path) -> Result<(AuditReport, Memory), StageError> {
    let mut recorder = Memory::default();
    let (audited, baseline) = (audited.to_owned(), project.to_owned());
    let stage = AuditStage::new(
        self::project(project),
        Box::new(move |_: &Facts| assay_audit::Audited {
            root: audited.clone(),
            baseline: (audited != baseline).then(|| baseline.clone()),
        }),
    );
    stage.run(&Facts::default(), &mut recorder).await?;
    let [Body::Audited { report }] = &recorder.bodies[..] else {
        panic!("{:?}", recorder.bodies)
    };
    Ok((report.clone(), recorder))
}

#[tokio::test]
async fn a_seeded_defect_is_found_and_kept() {
    let bad = checkout("docs/\nmonitoring/\n");
    let (report, recorder) = run(bad.path(), bad.path()).await.unwrap();
    assert_eq!(report.findings.len(), 1);
    assert!(
        report.findings[0]
            .message
            .contains("services/api/.bundleignore:2")
    );
    assert_eq!((report.tree.as_str(), report.new), ("working tree", 0));
    assert_eq!(report.evidence[0].hash, blake3_hex(&recorder.kept[0].1));
    let kept: AuditReport = serde_json::from_slice(&recorder.kept[0].1).unwrap();
    assert_eq!(kept.findings, report.findings);
}

#[tokio::test]
async fn a_clean_tree_is_clean() {
    let good = checkout("docs/\n");
    let (report, _) = run(good.path(), good.path()).await.unwrap();
    assert_eq!(report.findings, []);
    assert_eq!(report.scopes[0].score, Some(1.0));
}

#[tokio::test]
async fn another_checkout_is_judged_against_the_projects_own() {
    let (bad, good) = (checkout("monitoring/\n"), checkout(""));
    let (mended, _) = run(bad.path(), good.path()).await.unwrap();
    assert_eq!((mended.findings.len(), mended.new), (0, 0));
    let (worse, _) = run(good.path(), bad.path()).await.unwrap();
    assert_eq!((worse.findings.len(), worse.new), (1, 1));
    let (same, _) = run(bad.path(), checkout("monitoring/\n").path())
        .await
        .unwrap();
    assert_eq!((same.findings.len(), same.new), (1, 0));
}

#[tokio::test]
async fn nothing_to_audit_is_not_clean() {
    let empty = tempfile::tempdir().unwrap();
    let error = run(empty.path(), empty.path())
        .await
        .map(|(report, _)| report)
        .unwrap_err();
    assert_eq!(error.exit_code(), 3);
    fs::create_dir_all(empty.path().join("services/api")).unwrap();
    let error = run(empty.path(), empty.path())
        .await
        .map(|(report, _)| report)
        .unwrap_err();
    assert!(error.to_string().contains("no code to audit"), "{error}");
    assert!(error.hint().is_some());
}
