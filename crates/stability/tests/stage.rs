//! The stage reads two checkouts from disk, keeps its report and records it.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use assay_model::{
    Act, AuditRules, Begun, Body, DeployPlan, EvidenceRef, Facts, Gate, Limits, Probe, ProbeKind,
    Project, PublishTo, RecordError, Recorder, RestartPolicy, Service, Source, StabilityReport,
    Stage, StageError, Strategy, Timestamp,
};
use assay_stability::{Side, StabilityStage};
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
        unreachable!("a comparison reads no evidence")
    }
    async fn begin(&mut self, _: &Act) -> Result<Begun, RecordError> {
        unreachable!("a comparison does nothing to the outside")
    }
    async fn finish(
        &mut self,
        _: &Act,
        _: serde_json::Value,
        _: Vec<Body>,
    ) -> Result<(), RecordError> {
        unreachable!("a comparison does nothing to the outside")
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

fn side(folder: &Path) -> Side {
    Side {
        label: folder.display().to_string(),
        folder: folder.to_owned(),
        tests: None,
    }
}

async fn run(before: &Path, after: &Path) -> Result<(StabilityReport, Memory), StageError> {
    let mut recorder = Memory::default();
    let sides = (side(before), side(after));
    let stage = StabilityStage::new(
        project(before),
        Box::new(move |_: &Facts| -> Result<(Side, Side), StageError> { Ok(sides.clone()) }),
    );
    stage.run(&Facts::default(), &mut recorder).await?;
    let [Body::StabilityJudged { report }] = &recorder.bodies[..] else {
        panic!("{:?}", recorder.bodies)
    };
    Ok((report.clone(), recorder))
}

#[tokio::test]
async fn a_seeded_defect_is_found_and_kept() {
    let (good, bad) = (checkout("docs/\n"), checkout("docs/\nmonitoring/\n"));
    let (report, recorder) = run(good.path(), bad.path()).await.unwrap();
    assert!(!report.stable);
    let breaking: Vec<_> = report
        .changes
        .iter()
        .map(|change| change.what.as_str())
        .collect();
    assert_eq!(breaking, ["module", "export", "import"]);
    assert_eq!(report.evidence[0].hash, blake3_hex(&recorder.kept[0].1));
    let kept: StabilityReport = serde_json::from_slice(&recorder.kept[0].1).unwrap();
    assert_eq!(kept.changes, report.changes);
}

#[tokio::test]
async fn a_repair_is_stable() {
    let (bad, good) = (checkout("monitoring/\n"), checkout(""));
    let (report, _) = run(bad.path(), good.path()).await.unwrap();
    assert!(report.stable);
    assert_eq!(report.changes.len(), 2);
    let (report, _) = run(good.path(), good.path()).await.unwrap();
    assert!(report.stable && report.changes.is_empty());
}

#[tokio::test]
async fn nothing_to_compare_is_not_stable() {
    let (empty, good) = (tempfile::tempdir().unwrap(), checkout(""));
    for (before, after) in [(empty.path(), good.path()), (good.path(), empty.path())] {
        let error = run(before, after)
            .await
            .map(|(report, _)| report)
            .unwrap_err();
        assert_eq!(error.exit_code(), 3);
        assert!(error.to_string().contains("ships no code"), "{error}");
    }
}
