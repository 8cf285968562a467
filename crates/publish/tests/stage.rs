//! The step, with real files and a real repository.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod story;

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use assay_model::{
    Act, Begun, Body, Event, EvidenceRef, Project, PublishTo, RecordError, Recorder, RunId, Source,
    Stage, StageError,
};
use assay_publish::{EventSource, PublishStage, pull_request_path, worklog_path, write_worklog};
use assay_world::git::Git;
use async_trait::async_trait;
use story::{Story, missing_module, others};

/// A recorder in memory.
#[derive(Default)]
struct Memory {
    texts: HashMap<String, String>,
    recorded: Vec<Body>,
    said: Vec<String>,
    finished: Option<serde_json::Value>,
}

#[async_trait]
impl Recorder for Memory {
    async fn record(&mut self, bodies: Vec<Body>) -> Result<(), RecordError> {
        self.recorded.extend(bodies);
        Ok(())
    }

    async fn keep(&mut self, _: Source, _: &[u8]) -> Result<EvidenceRef, RecordError> {
        Err(RecordError {
            doing: "keep".into(),
            source: "publish keeps nothing".into(),
        })
    }

    async fn fetch(&mut self, evidence: &EvidenceRef) -> Result<Vec<u8>, RecordError> {
        let text = self.texts.get(&evidence.hash);
        text.map(|text| text.clone().into_bytes())
            .ok_or_else(|| RecordError {
                doing: format!("read blob {}", evidence.hash),
                source: "it is gone".into(),
            })
    }

    async fn begin(&mut self, _: &Act) -> Result<Begun, RecordError> {
        Ok(self.finished.clone().map_or(Begun::Fresh, Begun::Finished))
    }

    async fn finish(
        &mut self,
        _: &Act,
        result: serde_json::Value,
        bodies: Vec<Body>,
    ) -> Result<(), RecordError> {
        self.finished = Some(result);
        self.record(bodies).await
    }

    fn say(&mut self, line: &str) {
        self.said.push(line.to_owned());
    }
}

struct Events(Vec<Event>);

impl EventSource for Events {
    fn events(&self, _: &RunId) -> Result<Vec<Event>, Box<dyn Error + Send + Sync>> {
        Ok(self.0.clone())
    }
}

fn project(root: &Path, forge: &str) -> Project {
    Project {
        name: "shop".into(),
        root: root.to_owned(),
        config_file: "assay.toml".into(),
        environments: Vec::new(),
        services: Default::default(),
        dependencies: Default::default(),
        suites: Vec::new(),
        criteria: Default::default(),
        audit: Default::default(),
        publish: PublishTo {
            forge: forge.into(),
            base: None,
        },
        secrets: Vec::new(),
        limits: Default::default(),
    }
}

async fn publish(root: &Path, story: &Story) -> (Result<(), StageError>, Memory) {
    let stage = PublishStage::new(
        project(root, "local"),
        root.join(".assay"),
        Arc::new(Events(story.events.clone())),
    );
    let mut memory = Memory {
        texts: story.texts.clone(),
        ..Memory::default()
    };
    (stage.run(&story.facts(), &mut memory).await, memory)
}

/// The repaired run on a repository that has its mend; the commits get their real names.
async fn with_repository(root: &Path) -> (Story, Git, String) {
    let git = Git::init(root, "main").await.unwrap();
    let who = assay_world::git::Identity {
        name: "a".into(),
        email: "a@b.example".into(),
    };
    std::fs::write(root.join("a"), "one").unwrap();
    let base = git.commit(&["a"], "base", &who).await.unwrap();
    std::fs::write(root.join("a"), "two").unwrap();
    let fix = git.commit(&["a"], "fix", &who).await.unwrap();
    let mut story = missing_module::repaired();
    story.events.retain(|event| {
        !matches!(
            event.body,
            Body::Published { .. } | Body::RunFinished { .. }
        )
    });
    let text = serde_json::to_string(&story.events).unwrap();
    let text = text
        .replace(missing_module::BASE, &base)
        .replace(missing_module::FIX, &fix);
    story.events = serde_json::from_str(&text).unwrap();
    (story, git, fix)
}

#[tokio::test]
async fn a_repair_is_written_and_its_branch_is_there() {
    let root = tempfile::tempdir().unwrap();
    let (story, git, fix) = with_repository(root.path()).await;
    for _ in 0..2 {
        let (ended, memory) = publish(root.path(), &story).await;
        ended.unwrap();
        let [Body::Published { publication }] = memory.recorded.as_slice() else {
            panic!("{:?}", memory.recorded)
        };
        let run = RunId::from(story::RUN);
        assert_eq!(publication.worklog, format!(".assay/worklogs/{run}.md"));
        assert_eq!(publication.commit.as_deref(), Some(fix.as_str()));
        let state = root.path().join(".assay");
        let page = std::fs::read_to_string(worklog_path(&state, &run)).unwrap();
        assert_eq!(page, story.worklog());
        let request = std::fs::read_to_string(pull_request_path(&state, &run)).unwrap();
        assert!(
            request.starts_with("# backend: stop leaving monitoring/ out"),
            "{request}"
        );
        assert!(request.contains("-monitoring/"), "{request}");
        let head = git.resolve(missing_module::BRANCH).await.unwrap();
        assert_eq!(head.as_deref(), Some(fix.as_str()));
        assert!(
            !state
                .join("worktrees")
                .join(format!("publish-{run}"))
                .exists()
        );
    }
}

#[tokio::test]
async fn a_branch_that_somebody_moved_stays_and_is_named() {
    let root = tempfile::tempdir().unwrap();
    let (story, git, fix) = with_repository(root.path()).await;
    let away = root.path().join("away");
    git.worktree_add(&away, missing_module::BRANCH, &format!("{fix}~1"))
        .await
        .unwrap();
    let (ended, memory) = publish(root.path(), &story).await;
    let error = ended.unwrap_err();
    assert!(
        error.to_string().contains(missing_module::BRANCH),
        "{error}"
    );
    assert!(
        error
            .hint()
            .is_some_and(|hint| hint.contains("git branch -f"))
    );
    assert_eq!(memory.recorded, []);
    assert_ne!(
        git.resolve(missing_module::BRANCH).await.unwrap(),
        Some(fix)
    );
}

#[tokio::test]
async fn without_a_mend_there_is_a_worklog_and_no_git_is_needed() {
    let root = tempfile::tempdir().unwrap();
    let (ended, memory) = publish(root.path(), &others::inconclusive()).await;
    ended.unwrap();
    let [Body::Published { publication }] = memory.recorded.as_slice() else {
        panic!("{:?}", memory.recorded)
    };
    assert_eq!(
        (&publication.branch, &publication.pull_request),
        (&None, &None)
    );
    assert!(root.path().join(&publication.worklog).is_file());
}

#[tokio::test]
async fn a_finished_act_is_not_repeated() {
    let root = tempfile::tempdir().unwrap();
    let story = others::inconclusive();
    let events = Arc::new(Events(story.events.clone()));
    let stage = PublishStage::new(
        project(root.path(), "local"),
        root.path().join(".assay"),
        events,
    );
    let mut memory = Memory {
        finished: Some(serde_json::Value::Null),
        ..Memory::default()
    };
    stage.run(&story.facts(), &mut memory).await.unwrap();
    assert_eq!(memory.recorded, []);
    assert!(!root.path().join(".assay").exists());
}

#[tokio::test]
async fn evidence_that_is_gone_leaves_a_gap_that_says_so() {
    let root = tempfile::tempdir().unwrap();
    let mut story = others::inconclusive();
    story.texts.clear();
    let (ended, memory) = publish(root.path(), &story).await;
    ended.unwrap();
    assert!(
        memory
            .said
            .iter()
            .any(|line| line.contains("is not quoted")),
        "{:?}",
        memory.said
    );
    let page = std::fs::read_to_string(worklog_path(
        &root.path().join(".assay"),
        &story::RUN.into(),
    ));
    assert!(page.unwrap().contains("(not readable here)"));
}

#[tokio::test]
async fn a_forge_that_is_not_known_is_wrong_configuration() {
    let root = tempfile::tempdir().unwrap();
    let story = others::inconclusive();
    let events = Arc::new(Events(story.events.clone()));
    let stage = PublishStage::new(project(root.path(), "nowhere"), root.path(), events);
    let error = stage
        .run(&story.facts(), &mut Memory::default())
        .await
        .unwrap_err();
    assert_eq!(
        (error.exit_code(), error.to_string().contains("nowhere")),
        (2, true)
    );
}

#[test]
fn a_worklog_that_cannot_be_written_names_its_path() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("worklogs"), "in the way").unwrap();
    let error = write_worklog(root.path(), &story::RUN.into(), "x").unwrap_err();
    assert!(error.to_string().contains("worklogs"), "{error}");
}
