//! What the tests of the stages share: a project, a service, and a journal in memory.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use assay_model::{
    Act, Begun, Body, Dependency, Environment, Event, EvidenceRef, Facts, Limits, Probe, ProbeKind,
    Project, PublishTo, RecordError, Recorder, RunId, Service, ServiceName, Source, Suite,
    SuiteKind,
};
use async_trait::async_trait;

/// The test program of these tests.
pub(crate) const TESTBED: &str = env!("CARGO_BIN_EXE_assay-suite-testbed");

/// A journal in memory: what the engine does, without a disk.
#[derive(Default)]
pub(crate) struct Journal {
    pub(crate) bodies: Vec<Body>,
    pub(crate) acts: BTreeMap<String, Option<serde_json::Value>>,
    pub(crate) blobs: BTreeMap<String, Vec<u8>>,
    pub(crate) said: Vec<String>,
    /// Acts that can still be finished before this journal fails.
    pub(crate) room: Option<usize>,
}

#[async_trait]
impl Recorder for Journal {
    async fn record(&mut self, bodies: Vec<Body>) -> Result<(), RecordError> {
        self.bodies.extend(bodies);
        Ok(())
    }

    async fn keep(&mut self, source: Source, bytes: &[u8]) -> Result<EvidenceRef, RecordError> {
        let hash = blake3::hash(bytes).to_hex().to_string();
        self.blobs.insert(hash.clone(), bytes.to_vec());
        let at = assay_world::clock::now();
        Ok(EvidenceRef {
            hash,
            bytes: bytes.len() as u64,
            source,
            at,
        })
    }

    async fn fetch(&mut self, evidence: &EvidenceRef) -> Result<Vec<u8>, RecordError> {
        Ok(self.blobs[&evidence.hash].clone())
    }

    async fn begin(&mut self, act: &Act) -> Result<Begun, RecordError> {
        Ok(match self.acts.get(&act.key).cloned() {
            None => {
                self.acts.insert(act.key.clone(), None);
                Begun::Fresh
            }
            Some(None) => Begun::InDoubt,
            Some(Some(result)) => Begun::Finished(result),
        })
    }

    async fn finish(
        &mut self,
        act: &Act,
        result: serde_json::Value,
        bodies: Vec<Body>,
    ) -> Result<(), RecordError> {
        if let Some(room) = &mut self.room {
            *room = room.checked_sub(1).ok_or_else(|| RecordError {
                doing: "append".to_owned(),
                source: "no space left".into(),
            })?;
        }
        let begun = self.acts.insert(act.key.clone(), Some(result));
        assert_eq!(
            begun,
            Some(None),
            "{} was finished without being begun",
            act.key
        );
        self.record(bodies).await
    }

    fn say(&mut self, line: &str) {
        self.said.push(line.to_owned());
    }
}

/// The facts of a run in which these things happened.
pub(crate) fn facts(bodies: &[Body]) -> Facts {
    let mut facts = Facts::default();
    for (seq, body) in (1..).zip(bodies) {
        facts.apply(&Event {
            run: RunId::from("run"),
            seq,
            at: assay_world::clock::now(),
            step: None,
            body: body.clone(),
            prev: String::new(),
            hash: String::new(),
        });
    }
    facts
}

/// Answers every request with 200 until the test program ends; gives its base URL.
pub(crate) fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    url
}

fn answer(mut stream: TcpStream) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    while !lines.next()?.ok()?.is_empty() {}
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
    stream.write_all(answer).ok()
}

pub(crate) fn service(name: &str, url: &str) -> Service {
    Service {
        name: name.into(),
        url: url.to_owned(),
        probe: Probe::new(ProbeKind::Tcp),
        depends_on: Vec::new(),
        source: Vec::new(),
        risk: None,
        container: None,
        deploy: None,
        observe: Vec::new(),
    }
}

pub(crate) fn suite(name: &str, command: &[&str]) -> Suite {
    let env = [
        ("API_URL", "{service.api.url}"),
        ("WEB_URL", "{service.web.url}"),
    ];
    Suite {
        name: name.to_owned(),
        runner: "libtest".to_owned(),
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        paths: Vec::new(),
        kind: SuiteKind::E2e,
        env: env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        covers: vec!["api".into()],
        default: true,
        workers: 3,
        timeout_ms: 20_000,
        only: Vec::new(),
    }
}

/// Two services of its own, `api` and `web`, and one suite.
pub(crate) fn project(root: &Path, suite: Suite) -> Project {
    let services = ["api", "web"].map(|name| (ServiceName::from(name), service(name, &server())));
    Project {
        name: "shop".to_owned(),
        root: root.to_owned(),
        config_file: "assay.toml".to_owned(),
        environments: vec![Environment {
            name: "test".to_owned(),
            protected: false,
        }],
        services: services.into(),
        dependencies: BTreeMap::<ServiceName, Dependency>::new(),
        suites: vec![suite],
        criteria: BTreeMap::new(),
        audit: Default::default(),
        publish: PublishTo {
            forge: "local".to_owned(),
            base: None,
        },
        secrets: Vec::new(),
        limits: Limits::default(),
    }
}
