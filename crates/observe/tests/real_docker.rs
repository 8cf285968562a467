//! Containers of a real engine, whose address is in `ASSAY_TEST_DOCKER_HOST`.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may fail like the test"
)]

#[expect(dead_code, reason = "shared with tests that need more of it")]
#[path = "observers/support.rs"]
mod support;

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use assay_model::{
    DockerObserve, InstanceObservation, InstanceState, Observe, Sighting, Sightings, Timestamp,
};
use tokio::net::{TcpListener, UnixListener};

use support::{Bench, check_blind, log, reasons};

/// What runs inside: it greets on both streams, and then does what it is told.
const PROGRAM: &str = r#"
fn main() {
    let words: Vec<String> = std::env::args().collect();
    let word = |n: usize| words.get(n).map_or("", String::as_str);
    println!("up as {}", word(1));
    eprintln!("and on stderr");
    match word(1) {
        "exit" => std::process::exit(word(2).parse().unwrap()),
        "eat" => {
            let mut eaten = Vec::new();
            loop {
                eaten.push(vec![1_u8; 1 << 20]);
            }
        }
        "flood" => {
            for n in 0..200_000 {
                println!("line {n} of a flood");
            }
        }
        _ => loop {
            std::thread::park();
        },
    }
}
"#;

/// How long a container may take to get where it should be.
const PATIENCE: Duration = Duration::from_secs(30);

/// Containers of one test; they are gone with it.
struct Town {
    host: String,
    image: String,
    label: String,
    bench: Bench,
}

impl Town {
    /// Builds the image, from scratch, with a static program alone in it.
    fn new(name: &str) -> Self {
        let host = std::env::var("ASSAY_TEST_DOCKER_HOST").unwrap_or_else(|_| {
            panic!(
                "ASSAY_TEST_DOCKER_HOST is not set: `cargo xtask test` starts an engine and sets it"
            )
        });
        let bench = Bench::new();
        let source = bench.write("image/main.rs", PROGRAM);
        let mut rustc = Command::new("rustc");
        rustc.args(["-C", "target-feature=+crt-static", "-o"]);
        run(rustc.arg(bench.root().join("image/main")).arg(source));
        let town = Self {
            host,
            image: format!("assay-test-{name}-{}", std::process::id()),
            label: format!("assay.test={name}-{}", std::process::id()),
            bench,
        };
        let image = town.bench.root().join("image");
        run(Command::new("tar")
            .args(["-cf", "image.tar", "-C", "image", "main"])
            .current_dir(town.bench.root()));
        assert!(image.join("main").exists());
        let change = "ENTRYPOINT [\"/main\"]";
        town.docker(&["import", "--change", change, "image.tar", &town.image]);
        town
    }

    fn docker(&self, words: &[&str]) -> String {
        let mut docker = Command::new("docker");
        docker
            .args(["--host", &self.host])
            .args(words)
            .current_dir(self.bench.root());
        String::from_utf8(run(&mut docker).stdout)
            .unwrap()
            .trim()
            .to_owned()
    }

    /// Starts a container; gives its name.
    fn start(&self, name: &str, options: &[&str], words: &[&str]) -> String {
        let name = format!("{}-{name}", self.image);
        let mut all = vec!["run", "--detach", "--network=none", "--name", &name];
        all.extend(["--label", &self.label]);
        all.extend(options);
        all.push(&self.image);
        all.extend(words);
        self.docker(&all);
        name
    }

    fn by_name(&self, name: &str) -> Observe {
        docker(Some(name), &[], &self.host)
    }

    fn by_label(&self) -> Observe {
        docker(None, &[&self.label], &self.host)
    }

    async fn look(&self, observe: Observe) -> Sightings {
        let now = assay_world::clock::now();
        let ago = Timestamp::from_second(now.as_second() - 600).unwrap();
        self.bench
            .look(observe, &ago.to_string(), &now.to_string())
            .await
    }

    /// Looks until the only instance is as it should be.
    async fn until(&self, name: &str, holds: impl Fn(&InstanceObservation) -> bool) -> Sighting {
        let begun = Instant::now();
        loop {
            let mut seen = self.look(self.by_name(name)).await;
            assert_eq!(reasons(&seen), [""; 0]);
            let only = seen.instances.remove(0);
            if holds(&only.instance) {
                return only;
            }
            assert!(begun.elapsed() < PATIENCE, "{only:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        let filter = format!("label={}", self.label);
        let quietly = |words: &[&str]| {
            let output = Command::new("docker")
                .args(["--host", &self.host])
                .args(words)
                .output();
            output.map_or_else(
                |_| String::new(),
                |it| String::from_utf8_lossy(&it.stdout).into(),
            )
        };
        for id in quietly(&["ps", "--all", "--quiet", "--filter", &filter]).lines() {
            quietly(&["rm", "--force", id]);
        }
        quietly(&["rmi", "--force", &self.image]);
    }
}

fn docker(container: Option<&str>, labels: &[&str], host: &str) -> Observe {
    Observe::Docker(DockerObserve {
        container: container.map(str::to_owned),
        labels: labels.iter().map(|&label| label.to_owned()).collect(),
        host: Some(host.to_owned()),
    })
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output
}

/// It has ended, within the window of the look: a container may end between the window's end and
/// the engine's answer.
fn has_ended(instance: &InstanceObservation) -> bool {
    let told = instance.events.iter().any(|event| event.kind == "die");
    told && instance.state == InstanceState::Exited
}

fn exits(sighting: &Sighting) -> Vec<String> {
    let exits = sighting.instance.exits.iter();
    exits
        .map(|exit| {
            let asked = if exit.requested { ", on request" } else { "" };
            format!("{}{asked}", exit.describe())
        })
        .collect()
}

fn kinds(sighting: &Sighting) -> Vec<&str> {
    let events = sighting.instance.events.iter();
    events.map(|event| event.kind.as_str()).collect()
}

#[tokio::test]
async fn real_containers_that_run_and_that_ended() {
    let town = Town::new("ends");
    let up = town.start("up", &[], &["run"]);
    let ended = town.start("ended", &["--env", "PASSWORD=hunter2"], &["exit", "3"]);
    let seen = town
        .until(&up, |it| it.state == InstanceState::Running)
        .await;
    assert!(seen.wanted && seen.instance.exits.is_empty());
    assert_eq!(
        (seen.instance.id.as_str(), seen.instance.starts),
        (up.as_str(), 1)
    );
    let id = town.docker(&["inspect", "--format", "{{.Image}}", &up]);
    assert_eq!(
        seen.instance.revision.as_str(),
        &id["sha256:".len()..][..12]
    );

    let seen = town.until(&ended, has_ended).await;
    assert!(!seen.wanted);
    assert_eq!(exits(&seen), ["exit code 3"]);
    assert!(
        kinds(&seen).ends_with(&["start", "die"]),
        "{:?}",
        kinds(&seen)
    );
    assert!(seen.instance.events.last().unwrap().warning);
    let text = log(&seen);
    assert!(
        text.contains("Z up as exit\n") && text.contains("Z and on stderr\n"),
        "{text}"
    );
    let (_, record) = seen.record.as_ref().unwrap();
    let record = String::from_utf8_lossy(record);
    assert!(
        record.contains("\"ExitCode\": 3") && !record.contains("hunter2"),
        "{record}"
    );

    let both = town.look(town.by_label()).await;
    let ids: Vec<_> = both.instances.iter().map(|it| &it.instance.id).collect();
    assert_eq!(ids, [&up, &ended], "in the order of their creation");
}

#[tokio::test]
async fn real_containers_that_loop_and_that_are_stopped() {
    let town = Town::new("loops");
    let name = town.start("loop", &["--restart=always"], &["exit", "3"]);
    let seen = town.until(&name, |it| it.exits.len() >= 3).await;
    assert!(seen.wanted && seen.instance.starts >= 3, "{seen:#?}");
    assert_eq!(exits(&seen)[..3], ["exit code 3"; 3]);
    let state = town
        .until(&name, |it| it.state == InstanceState::BackingOff)
        .await;
    assert!(state.instance.events.iter().any(|event| event.warning));

    let name = town.start("stopped", &["--restart=always"], &["run"]);
    town.until(&name, |it| it.state == InstanceState::Running)
        .await;
    town.docker(&["stop", "--time", "0", &name]);
    let seen = town
        .until(&name, |it| {
            it.state == InstanceState::Stopped && !it.exits.is_empty()
        })
        .await;
    assert_eq!(exits(&seen), ["signal 9, on request"]);
    assert!(!seen.wanted);

    let name = town.start("paused", &[], &["run"]);
    town.docker(&["pause", &name]);
    let seen = town
        .until(&name, |it| it.state == InstanceState::Paused)
        .await;
    town.docker(&["unpause", &name]);
    assert!(seen.wanted);
}

/// Containers that are tried until the engine notes that one ran out of memory: where the process
/// ends before the kernel's notice is read, it never does.
const EATERS_MAX: usize = 8;

#[tokio::test]
async fn real_memory_that_ran_out() {
    let town = Town::new("eats");
    let limits = ["--memory=16m", "--memory-swap=16m"];
    for n in 0..EATERS_MAX {
        let name = town.start(&format!("eats-{n}"), &limits, &["eat"]);
        town.until(&name, has_ended).await;
        let format = "{{.State.OOMKilled}}";
        let noted = town.docker(&["inspect", "--format", format, &name]) == "true";
        let seen = town.until(&name, has_ended).await;
        if noted {
            assert_eq!(exits(&seen), ["exit code 137, out of memory"]);
            return;
        }
    }
    panic!("the engine noted none of {EATERS_MAX}");
}

#[tokio::test]
async fn real_logs_are_bounded_and_keep_their_end() {
    let town = Town::new("floods");
    let name = town.start("flood", &[], &["flood"]);
    let seen = town.until(&name, has_ended).await;
    let text = log(&seen);
    assert!(
        text.len() <= 512 * 1024 && text.len() > 256 * 1024,
        "{}",
        text.len()
    );
    assert!(
        text.ends_with("Z line 199999 of a flood\n"),
        "{}",
        &text[text.len() - 100..]
    );
}

#[tokio::test]
async fn real_engine_without_the_container() {
    let town = Town::new("none");
    let seen = town.look(town.by_name("no-such-container")).await;
    check_blind(&seen, "no container no-such-container", "docker ps --all");
    let seen = town.look(town.by_label()).await;
    check_blind(
        &seen,
        "no container with assay.test=none",
        "docker ps --all",
    );
}

/// What is said of an engine at this address.
async fn check_engine(host: &str, reason: &str, hint: &str) {
    let observe = docker(Some("api"), &[], host);
    let begun = Instant::now();
    let seen = Bench::new()
        .look(observe, "2026-11-23T10:00:00Z", "2026-11-23T11:00:00Z")
        .await;
    assert!(
        begun.elapsed() < Duration::from_secs(6),
        "{:?}",
        begun.elapsed()
    );
    check_blind(&seen, reason, hint);
}

#[tokio::test]
async fn engines_that_are_not_there() {
    check_engine(
        "unix:///no/such.sock",
        "connect to the Docker engine at unix:///no/such.sock: No such file",
        "start Docker",
    )
    .await;
    check_engine(
        "ssh://root@host",
        "is not an address of a Docker engine",
        "ssh -L",
    )
    .await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let free = listener.local_addr().unwrap();
    drop(listener);
    check_engine(&format!("tcp://{free}"), "refused", "start Docker").await;
}

#[tokio::test]
async fn an_engine_that_keeps_silent_is_cut_off_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let socket: &Path = &dir.path().join("docker.sock");
    let _listener = UnixListener::bind(socket).unwrap();
    let host = format!("unix://{}", socket.display());
    check_engine(&host, "did not answer /version in time", "hangs").await;
}

#[tokio::test]
async fn what_is_no_engine_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("tcp://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let mut request = [0; 1_024];
            let _read = stream.read(&mut request).await;
            let _sent = stream.write_all(b"220 mail ready\r\n").await;
        }
    });
    check_engine(
        &host,
        "ask the Docker engine at tcp://127.0.0.1",
        "without TLS",
    )
    .await;
}
