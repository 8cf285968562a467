//! The supervisor, with real processes. This program is also the supervisor's own: it answers
//! `supervise` and `launch` as assay does.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test program fails loudly"
)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use assay_model::{InstanceState, RestartPolicy};
use assay_world::clock::Stopwatch;
use assay_world::supervisor::records::{read_exits, read_log_window, read_starts};
use assay_world::supervisor::{
    Client, ClientError, InstanceSpec, InstanceStatus, ServeError, Target, launch, serve,
};
use assay_world::{NoDoors, ProcessIdentity, alive, identity};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next().as_deref().and_then(|word| word.to_str()) {
        Some("supervise") => {
            let dir = PathBuf::from(args.next().unwrap());
            match serve(&dir, Box::new(NoDoors)) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("{error}");
                    ExitCode::from(3)
                }
            }
        }
        Some("launch") => match launch(args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                eprintln!("{error}: {}", cause.unwrap_or_default());
                ExitCode::from(error.exit_code())
            }
        },
        _ => libtest_mimic::run(&Arguments::from_args(), trials()).exit_code(),
    }
}

fn trials() -> Vec<Trial> {
    macro_rules! trials {
        ($($name:ident),* $(,)?) => { vec![$(trial(stringify!($name), |bench| Box::pin($name(bench)))),*] };
    }
    trials![
        a_start_is_done_once,
        exits_are_recorded_and_restarts_back_off,
        a_signal_is_recorded,
        the_last_words_are_in_the_log_before_the_exit_shows,
        stop_ends_the_group_with_grandchildren,
        stop_kills_what_does_not_listen,
        stop_ends_a_back_off,
        a_program_that_does_not_exist_says_so,
        a_bad_specification_is_refused,
        the_environment_is_explicit,
        an_expired_lease_stops_everything,
        a_heartbeat_keeps_it_alive,
        a_killed_supervisor_leaves_no_process,
        a_service_dies_with_its_supervisor_even_without_a_warden,
        a_terminated_supervisor_stops_its_services,
        another_client_finds_everything,
        many_clients_ensure_one_supervisor,
        stale_files_are_replaced,
        a_second_supervisor_is_refused,
        a_long_path_works,
        a_flood_stalls_nobody,
        shutdown_leaves_nothing,
        a_broken_program_is_named,
        doors_without_doors_are_refused,
    ]
}

type Tested = std::pin::Pin<Box<dyn Future<Output = ()>>>;

fn trial(name: &'static str, test: fn(Bench) -> Tested) -> Trial {
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let caught = std::panic::catch_unwind(|| {
            runtime.block_on(async {
                let bench = Bench::new();
                let dir = bench.dir.clone();
                test(bench).await;
                if let Ok(client) = Client::connect(&dir).await {
                    client.shutdown().await.unwrap();
                }
                fs::remove_dir_all(dir).ok();
            });
        });
        caught.map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            Failed::from(text.unwrap_or_else(|| "it panicked".to_owned()))
        })
    })
}

/// A state folder of its own, and what tests do in it.
#[derive(Clone)]
struct Bench {
    dir: PathBuf,
}

impl Bench {
    fn new() -> Self {
        Self {
            dir: tempfile::Builder::new()
                .prefix("assay-")
                .tempdir()
                .unwrap()
                .keep(),
        }
    }

    async fn client(&self) -> Client {
        let client = Client::ensure(&self.dir, &std::env::current_exe().unwrap())
            .await
            .unwrap();
        // Should a test fail, its services end soon after.
        client.lease(20).await.unwrap();
        client
    }

    fn spec(&self, id: &str, script: &str) -> InstanceSpec {
        InstanceSpec {
            id: id.to_owned(),
            service: "api".into(),
            revision: "r1".into(),
            command: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
            cwd: self.dir.clone(),
            env: BTreeMap::new(),
            port: None,
            log_path: self.log(id),
            restart: RestartPolicy::Never,
        }
    }

    fn log(&self, id: &str) -> PathBuf {
        self.dir.join(format!("var/{id}.log"))
    }

    /// The process whose pid a script wrote to a file.
    async fn written(&self, file: &str) -> ProcessIdentity {
        let path = self.dir.join(file);
        let read = || {
            fs::read_to_string(&path)
                .ok()
                .filter(|text| text.ends_with('\n'))
        };
        until("a pid file", || read().is_some()).await;
        identity(read().unwrap().trim().parse().unwrap()).unwrap()
    }
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let watch = Stopwatch::start();
    while !holds() {
        assert!(watch.elapsed() < Duration::from_secs(15), "no {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn status(client: &Client, id: &str) -> InstanceStatus {
    let all = client.status().await.unwrap();
    all.into_iter().find(|status| status.id == id).unwrap()
}

async fn becomes(
    client: &Client,
    id: &str,
    holds: impl Fn(&InstanceStatus) -> bool,
) -> InstanceStatus {
    let watch = Stopwatch::start();
    loop {
        let status = status(client, id).await;
        if holds(&status) {
            return status;
        }
        assert!(
            watch.elapsed() < Duration::from_secs(15),
            "still {status:?}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn process(status: &InstanceStatus) -> ProcessIdentity {
    identity(status.pid.unwrap()).unwrap()
}

fn log(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

async fn a_start_is_done_once(bench: Bench) {
    let client = bench.client().await;
    let first = client
        .start(bench.spec("api-1", "sleep 600"))
        .await
        .unwrap();
    let again = client
        .start(bench.spec("api-1", "sleep 600"))
        .await
        .unwrap();
    assert_eq!(first, again);
    assert_eq!(
        (first.state, first.starts, first.restarts),
        (InstanceState::Running, 1, 0)
    );
    assert_eq!(read_starts(&bench.dir).unwrap().len(), 1);
    for _ in 0..2 {
        let stopped = client.stop("api-1", 5_000).await.unwrap().unwrap();
        assert_eq!(stopped.state, InstanceState::Stopped);
        assert_eq!(stopped.exits.len(), 1);
    }
    let dead = client
        .start(bench.spec("api-1", "sleep 600"))
        .await
        .unwrap();
    assert_eq!((dead.state, dead.starts), (InstanceState::Stopped, 1));
    assert_eq!(client.stop("unknown", 0).await.unwrap(), None);
}

async fn exits_are_recorded_and_restarts_back_off(bench: Bench) {
    let client = bench.client().await;
    let spec = InstanceSpec {
        restart: RestartPolicy::Always,
        ..bench.spec("api-1", "exit 3")
    };
    client.start(spec).await.unwrap();
    let seen = becomes(&client, "api-1", |status| status.exits.len() >= 4).await;
    client.stop("api-1", 1_000).await.unwrap();
    assert!(seen.restarts >= 3, "{seen:?}");
    let exits = read_exits(&bench.dir).unwrap();
    assert!(
        exits
            .iter()
            .all(|record| record.exit.code == Some(3) && !record.exit.requested)
    );
    let at = |n: usize| exits[n].exit.at.as_millisecond();
    // 100, 200 and 400 ms lie between the first four exits.
    assert!(
        at(1) - at(0) >= 100 && at(2) - at(1) >= 200 && at(3) - at(2) >= 400,
        "{exits:?}"
    );
}

async fn a_signal_is_recorded(bench: Bench) {
    let client = bench.client().await;
    client
        .start(bench.spec("api-1", "sleep 600"))
        .await
        .unwrap();
    assert_eq!(
        client
            .kill(Target::Service("other".into()), 9)
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        client.kill(Target::Service("api".into()), 9).await.unwrap(),
        1
    );
    let ended = becomes(&client, "api-1", |status| {
        status.state == InstanceState::Exited
    })
    .await;
    assert_eq!(
        (ended.exits[0].signal, ended.exits[0].code),
        (Some(9), None)
    );
    assert!(!ended.exits[0].requested);
    assert_eq!(
        client
            .kill(Target::Instance("api-1".to_owned()), 9)
            .await
            .unwrap(),
        0
    );
    let error = client
        .kill(Target::Instance("api-1".to_owned()), 4_000)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "signal 4000: no such signal");
}

async fn the_last_words_are_in_the_log_before_the_exit_shows(bench: Bench) {
    let client = bench.client().await;
    let script = "echo out; echo err >&2; printf 'no end'; exit 3";
    for n in 0..10 {
        let id = format!("api-{n}");
        client.start(bench.spec(&id, script)).await.unwrap();
        let ended = becomes(&client, &id, |status| !status.exits.is_empty()).await;
        let at = ended.exits[0].at;
        let from = read_starts(&bench.dir).unwrap()[n].at;
        let window = read_log_window(&bench.log(&id), from, at, 10_000).unwrap();
        let words: Vec<_> = window
            .text
            .lines()
            .map(|line| line.split_once(' ').unwrap().1)
            .collect();
        assert_eq!(log(&bench.log(&id)).lines().count(), 3);
        assert_eq!(
            words,
            ["out", "err", "no end"],
            "in the order in which they were said"
        );
        assert_eq!(read_exits(&bench.dir).unwrap().len(), n + 1);
    }
}

async fn stop_ends_the_group_with_grandchildren(bench: Bench) {
    let client = bench.client().await;
    let script = "sh -c 'trap \"\" TERM; echo $$ > inner.new; mv inner.new inner; \
                  while :; do sleep 1; done' & wait";
    let started = client.start(bench.spec("api-1", script)).await.unwrap();
    let (outer, inner) = (process(&started), bench.written("inner").await);
    let stopped = client.stop("api-1", 5_000).await.unwrap().unwrap();
    assert!(stopped.exits[0].requested);
    assert_eq!(stopped.exits[0].signal, Some(15));
    until("end of the group", || !alive(&outer) && !alive(&inner)).await;
}

async fn stop_kills_what_does_not_listen(bench: Bench) {
    let client = bench.client().await;
    let script = "trap '' TERM; echo $$ > pid; while :; do sleep 1; done";
    client.start(bench.spec("api-1", script)).await.unwrap();
    bench.written("pid").await;
    let stopped = client.stop("api-1", 200).await.unwrap().unwrap();
    assert_eq!(stopped.exits[0].signal, Some(9));
    assert!(stopped.exits[0].requested);
}

async fn stop_ends_a_back_off(bench: Bench) {
    let client = bench.client().await;
    let spec = InstanceSpec {
        restart: RestartPolicy::Always,
        ..bench.spec("api-1", "exit 1")
    };
    client.start(spec).await.unwrap();
    becomes(&client, "api-1", |status| {
        status.state == InstanceState::BackingOff && status.exits.len() > 2
    })
    .await;
    let stopped = client.stop("api-1", 1_000).await.unwrap().unwrap();
    assert_eq!(stopped.state, InstanceState::Stopped);
    assert_eq!(stopped.pid, None);
}

async fn a_program_that_does_not_exist_says_so(bench: Bench) {
    let client = bench.client().await;
    let mut spec = bench.spec("api-1", "");
    spec.command = vec!["./no-such-program".to_owned()];
    client.start(spec).await.unwrap();
    let ended = becomes(&client, "api-1", |status| !status.exits.is_empty()).await;
    assert_eq!(ended.exits[0].code, Some(127));
    let text = log(&bench.log("api-1"));
    assert!(
        text.contains("cannot start ./no-such-program: No such file"),
        "{text}"
    );
}

async fn a_bad_specification_is_refused(bench: Bench) {
    let client = bench.client().await;
    let spec = InstanceSpec {
        cwd: "/no/such".into(),
        ..bench.spec("api-1", "true")
    };
    let error = client.start(spec).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "instance api-1: no such folder: /no/such"
    );
    let spec = InstanceSpec {
        command: Vec::new(),
        ..bench.spec("api-1", "true")
    };
    let error = client.start(spec).await.unwrap_err();
    assert_eq!(error.to_string(), "instance api-1: its command is empty");
    assert_eq!(client.status().await.unwrap(), []);
}

async fn the_environment_is_explicit(bench: Bench) {
    let client = bench.client().await;
    let mut spec = bench.spec("api-1", "env");
    spec.env.insert("GIVEN".to_owned(), "1".to_owned());
    client.start(spec).await.unwrap();
    becomes(&client, "api-1", |status| !status.exits.is_empty()).await;
    let text = log(&bench.log("api-1"));
    assert!(
        text.contains(" GIVEN=1") && text.contains(" PATH="),
        "{text}"
    );
    assert!(!text.contains("CARGO"), "{text}");
}

async fn an_expired_lease_stops_everything(bench: Bench) {
    let client = bench.client().await;
    let service = process(
        &client
            .start(bench.spec("api-1", "sleep 600"))
            .await
            .unwrap(),
    );
    client.lease(1).await.unwrap();
    let supervisor = client.process().clone();
    until("end of the lease", || {
        !alive(&service) && !alive(&supervisor)
    })
    .await;
    assert!(read_exits(&bench.dir).unwrap()[0].exit.requested);
    let error = client.ping().await.unwrap_err();
    assert!(matches!(error, ClientError::Lost { .. }), "{error}");
    let error = Client::connect(&bench.dir).await.unwrap_err();
    assert!(matches!(error, ClientError::NotRunning { .. }), "{error}");
}

async fn a_heartbeat_keeps_it_alive(bench: Bench) {
    let client = bench.client().await;
    client.lease(1).await.unwrap();
    let beat = client.heartbeat(Duration::from_millis(200));
    let watch = Stopwatch::start();
    while watch.elapsed() < Duration::from_millis(2_500) {
        assert!(alive(client.process()));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(beat);
    let supervisor = client.process().clone();
    until("end of the lease", || !alive(&supervisor)).await;
}

async fn a_killed_supervisor_leaves_no_process(bench: Bench) {
    let client = bench.client().await;
    let script = "sleep 600 & echo $! > inner; wait";
    let service = process(&client.start(bench.spec("api-1", script)).await.unwrap());
    let inner = bench.written("inner").await;
    signal(client.process(), "KILL");
    until("end of all", || !alive(&service) && !alive(&inner)).await;
    // Its socket and its files are still there, and in nobody's way.
    let next = bench.client().await;
    assert_ne!(next.process(), client.process());
    assert_eq!(next.status().await.unwrap(), []);
}

async fn a_service_dies_with_its_supervisor_even_without_a_warden(bench: Bench) {
    if !cfg!(target_os = "linux") {
        return;
    }
    let client = bench.client().await;
    let service = process(
        &client
            .start(bench.spec("api-1", "exec sleep 600"))
            .await
            .unwrap(),
    );
    let parent = format!(" {} ", client.process().pid);
    let warden = fs::read_dir("/proc").unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        let command = fs::read_to_string(path.join("cmdline")).ok()?;
        let stat = fs::read_to_string(path.join("stat")).ok()?;
        let ours = command.contains("--warden") && stat.contains(&parent);
        ours.then(|| path.file_name().unwrap().to_str().unwrap().parse().unwrap())
    });
    let warden = identity(warden.unwrap()).unwrap();
    signal(&warden, "KILL");
    until("end of the warden", || !alive(&warden)).await;
    client.ping().await.unwrap();
    signal(client.process(), "KILL");
    until("end of the service", || !alive(&service)).await;
}

async fn a_terminated_supervisor_stops_its_services(bench: Bench) {
    let client = bench.client().await;
    let service = process(
        &client
            .start(bench.spec("api-1", "sleep 600"))
            .await
            .unwrap(),
    );
    signal(client.process(), "HUP");
    client.ping().await.unwrap();
    signal(client.process(), "TERM");
    let supervisor = client.process().clone();
    until("end of all", || !alive(&service) && !alive(&supervisor)).await;
    assert!(!bench.dir.join("supervisor.json").exists());
}

fn signal(process: &ProcessIdentity, name: &str) {
    let pid = process.pid.to_string();
    let status = std::process::Command::new("/bin/sh")
        .args(["-c", &format!("kill -{name} {pid}")])
        .status()
        .unwrap();
    assert!(status.success() && status.signal().is_none());
}

async fn another_client_finds_everything(bench: Bench) {
    let first = bench.client().await;
    let started = first.start(bench.spec("api-1", "sleep 600")).await.unwrap();
    drop(first);
    let second = Client::connect(&bench.dir).await.unwrap();
    assert_eq!(second.status().await.unwrap(), [started]);
}

async fn many_clients_ensure_one_supervisor(bench: Bench) {
    let exe = std::env::current_exe().unwrap();
    let (one, two, three) = tokio::join!(
        Client::ensure(&bench.dir, &exe),
        Client::ensure(&bench.dir, &exe),
        Client::ensure(&bench.dir, &exe),
    );
    let one = one.unwrap();
    assert_eq!(one.process(), two.unwrap().process());
    assert_eq!(one.process(), three.unwrap().process());
}

async fn stale_files_are_replaced(bench: Bench) {
    let client = bench.client().await;
    let info = fs::read_to_string(bench.dir.join("supervisor.json")).unwrap();
    client.shutdown().await.unwrap();
    // The pid of a living process, with the start time of another.
    let me = std::process::id();
    let stale = info.replace(&client.process().pid.to_string(), &me.to_string());
    for content in [stale.as_str(), "{torn"] {
        fs::write(bench.dir.join("supervisor.json"), content).unwrap();
        let client = bench.client().await;
        assert_ne!(client.process().pid, me);
        client.shutdown().await.unwrap();
    }
}

async fn a_second_supervisor_is_refused(bench: Bench) {
    let client = bench.client().await;
    let error = serve(&bench.dir, Box::new(NoDoors)).unwrap_err();
    assert!(
        matches!(error, ServeError::AlreadyRunning { .. }),
        "{error}"
    );
    let pid = client.process().pid;
    assert!(
        error.to_string().contains(&format!("(pid {pid})")),
        "{error}"
    );
    client.ping().await.unwrap();
}

async fn a_long_path_works(mut bench: Bench) {
    let top = bench.dir.clone();
    bench.dir = top.join("x".repeat(110));
    let client = bench.client().await;
    client
        .start(bench.spec("api-1", "sleep 600"))
        .await
        .unwrap();
    client.shutdown().await.unwrap();
    fs::remove_dir_all(top).unwrap();
}

async fn a_flood_stalls_nobody(bench: Bench) {
    let client = bench.client().await;
    client
        .start(bench.spec("flood", "yes 0123456789012345678901234567890123456789"))
        .await
        .unwrap();
    client
        .start(bench.spec("line", "head -c 50000000 /dev/zero; echo; echo end"))
        .await
        .unwrap();
    becomes(&client, "line", |status| !status.exits.is_empty()).await;
    let full = bench.dir.join("var/flood.log.1");
    until("full log", || full.exists()).await;
    let watch = Stopwatch::start();
    for _ in 0..20 {
        client.ping().await.unwrap();
    }
    assert!(
        watch.elapsed() < Duration::from_secs(5),
        "{:?} for 20 pings",
        watch.elapsed()
    );
    let text = log(&bench.log("line"));
    assert!(text.lines().count() == 2 && text.ends_with(" end\n"));
    client.stop("flood", 1_000).await.unwrap();
    let cap = assay_world::supervisor::LOG_BYTES_MAX + 1_000_000;
    assert!(fs::metadata(full).unwrap().len() < cap);
    assert!(fs::metadata(bench.log("flood")).unwrap().len() < cap);
}

async fn shutdown_leaves_nothing(bench: Bench) {
    let client = bench.client().await;
    let service = process(
        &client
            .start(bench.spec("api-1", "sleep 600"))
            .await
            .unwrap(),
    );
    for _ in 0..2 {
        client.shutdown().await.unwrap();
        assert!(!alive(&service) && !alive(client.process()));
    }
    let left: Vec<_> = fs::read_dir(&bench.dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".sock") || name.ends_with(".json"))
        .collect();
    assert_eq!(left, [""; 0]);
}

async fn a_broken_program_is_named(bench: Bench) {
    let error = Client::ensure(&bench.dir, Path::new("/no/such/assay"))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("/no/such/assay: No such file"),
        "{error}"
    );
    let error = Client::ensure(&bench.dir, Path::new("/bin/false"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("it ended at once"), "{error}");
}

async fn doors_without_doors_are_refused(bench: Bench) {
    let client = bench.client().await;
    let addr = "127.0.0.1:0".parse().unwrap();
    let error = client.open_door(&"api".into(), addr).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "front door of api: this supervisor has no front doors"
    );
    assert_eq!(client.doors().await.unwrap(), []);
}
