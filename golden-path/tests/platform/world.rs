//! A running platform on free ports, and ways to look at it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use golden_path::incidents::{Action, Incident};
use golden_path::tree::{self, Ports};
use serde_json::Value;

/// How long anything in these tests may take before it counts as hanging.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);
const HOST: &str = env!("CARGO_BIN_EXE_golden-path-host");

/// Ports from here on are given out, below those that the kernel takes for outgoing connections.
const PORT_FIRST: u16 = 18_000;
const PORTS: u16 = 14_000;

/// A port on which nobody listens, and that no other test of this program is given.
pub(crate) fn free_port() -> u16 {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    // Programs that run at the same time start at different places.
    let base = (std::process::id() % u32::from(PORTS)) as u16;
    wait_for("free port", || {
        let place = (base + GIVEN.fetch_add(1, Ordering::Relaxed)) % PORTS;
        let port = PORT_FIRST + place;
        TcpListener::bind(("127.0.0.1", port)).ok().map(|_| port)
    })
}

/// Waits until `condition` gives something.
pub(crate) fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(
            start.elapsed() < DEADLINE,
            "{what}: not within {DEADLINE:?}"
        );
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// The tree on disk, and its data.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) ports: Ports,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ports = Ports {
            auth: free_port(),
            backend: free_port(),
            frontend: free_port(),
        };
        tree::write(folder.path(), ports).unwrap();
        Self { folder, ports }
    }

    /// Takes the actions of an incident that change files.
    pub(crate) fn inject(&self, incident: &Incident) {
        for injection in &incident.inject {
            match &injection.action {
                Action::Edit(edit) => {
                    let path = self.folder.path().join(&edit.file);
                    let text = std::fs::read_to_string(&path).unwrap();
                    std::fs::write(path, edit.apply(&text).unwrap()).unwrap();
                }
                Action::Write { file, text } => {
                    let path = self.folder.path().join(file);
                    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                    std::fs::write(path, text).unwrap();
                }
                Action::Commit { .. } | Action::Deploy { .. } | Action::Kill { .. } => {}
            }
        }
    }

    pub(crate) fn bundle(&self, service: &str) -> PathBuf {
        self.folder.path().join("services").join(service)
    }

    pub(crate) fn port(&self, service: &str) -> u16 {
        match service {
            "auth" => self.ports.auth,
            "backend" => self.ports.backend,
            _ => self.ports.frontend,
        }
    }

    fn data(&self, service: &str) -> PathBuf {
        self.folder.path().join(".assay/data").join(service)
    }

    /// What a service is told, but for its port.
    fn env(&self, service: &str) -> BTreeMap<&'static str, String> {
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let data = self.data(service).display().to_string();
        BTreeMap::from([
            ("AUTH_URL", url(self.ports.auth)),
            ("BACKEND_URL", url(self.ports.backend)),
            ("FRONTEND_URL", url(self.ports.frontend)),
            ("DATA_DIR", data),
            ("REVISION", "r1".to_owned()),
        ])
    }

    /// Starts a service and does not wait for it; its log goes to a file.
    pub(crate) fn spawn(&self, service: &str, port: u16) -> Service {
        let log = self.folder.path().join(format!("{service}-{port}.log"));
        let child = Command::new(HOST)
            .args(["platform", service])
            .current_dir(self.bundle(service))
            .env_clear()
            .envs(self.env(service))
            .env("PORT", port.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Service { child, log, port }
    }

    pub(crate) fn start(&self, service: &str) -> Service {
        let started = self.spawn(service, self.port(service));
        started.ready();
        started
    }

    pub(crate) fn start_all(&self) -> Vec<Service> {
        ["auth", "backend", "frontend"]
            .map(|service| self.start(service))
            .into()
    }

    /// Runs the suite against the platform; `black_out` is refused, as at a closed port.
    pub(crate) fn e2e(&self, args: &[&str], black_out: Option<&str>) -> Run {
        let closed = free_port();
        let mut env = self.env("e2e");
        if let Some(service) = black_out {
            let variable = match service {
                "auth" => "AUTH_URL",
                "backend" => "BACKEND_URL",
                _ => "FRONTEND_URL",
            };
            env.insert(variable, format!("http://127.0.0.1:{closed}"));
        }
        let output = Command::new(HOST)
            .arg("e2e")
            .args(args)
            .env_clear()
            .envs(env)
            .output()
            .unwrap();
        Run::of(output)
    }
}

/// A running service; it is killed when it goes out of scope.
pub(crate) struct Service {
    pub(crate) child: Child,
    log: PathBuf,
    pub(crate) port: u16,
}

impl Service {
    /// Waits until it answers.
    pub(crate) fn ready(&self) {
        wait_for(&format!("{}: {}", self.log.display(), self.log()), || {
            get(self.port, "/live").filter(|(status, _)| *status == 200)
        });
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// The first log line whose message starts with `start`.
    pub(crate) fn line(&self, start: &str) -> Option<Value> {
        self.log()
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|line| {
                line["msg"]
                    .as_str()
                    .is_some_and(|msg| msg.starts_with(start))
            })
    }

    /// Waits for its end; answers the exit code.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        wait_for("end of the process", || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What a run of the suite printed.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) lines: Vec<Value>,
}

impl Run {
    fn of(output: Output) -> Self {
        let stdout = String::from_utf8(output.stdout).unwrap();
        let lines = stdout
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        Self {
            code: output.status.code(),
            stdout,
            lines,
        }
    }

    /// The lines of this event, by test name.
    pub(crate) fn tests(&self, event: &str) -> BTreeMap<String, Value> {
        self.lines
            .iter()
            .filter(|line| line["type"] == "test" && line["event"] == event)
            .map(|line| (line["name"].as_str().unwrap().to_owned(), line.clone()))
            .collect()
    }
}

/// `GET` over a connection of its own; `None` when nobody answers.
pub(crate) fn get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    Some((status, body.to_owned()))
}

/// The body of `/health`, and how long it took.
pub(crate) fn health(port: u16) -> (u16, Value, Duration) {
    let start = Instant::now();
    let (status, body) = get(port, "/health").unwrap();
    (
        status,
        serde_json::from_str(&body).unwrap(),
        start.elapsed(),
    )
}

pub(crate) fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}
