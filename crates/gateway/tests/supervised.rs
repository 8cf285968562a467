//! Front doors inside a supervisor, before a service that is killed and comes back. This program
//! is the tests, the supervisor and the service.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test program fails loudly"
)]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use assay_gateway::FrontDoors;
use assay_model::{RestartPolicy, ServiceName};
use assay_world::clock::Stopwatch;
use assay_world::files::free_port;
use assay_world::supervisor::{Client, InstanceSpec, Target, launch, serve};
use assay_world::{FrontDoors as _, Upstream};
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let done = match args.next().as_deref().and_then(|word| word.to_str()) {
        Some("supervise") => {
            let dir = args.next().unwrap();
            serve(dir.as_ref(), Box::new(FrontDoors::new())).map_err(|error| error.to_string())
        }
        Some("launch") => launch(args).map_err(|error| error.to_string()),
        Some("service") => {
            answer_forever(args.next().unwrap().to_str().unwrap());
            Ok(())
        }
        _ => {
            let trial = Trial::test("a_door_outlives_what_is_behind_it", || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                runtime
                    .unwrap()
                    .block_on(a_door_outlives_what_is_behind_it());
                Ok(())
            });
            return libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code();
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn answer_forever(addr: &str) {
    for stream in TcpListener::bind(addr).unwrap().incoming() {
        let mut stream = stream.unwrap();
        let n = stream.read(&mut [0; 4096]).unwrap();
        assert!(n > 0);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            .unwrap();
    }
}

/// The head of an answer.
fn get(addr: SocketAddr) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text.to_lowercase()
}

async fn answers(addr: SocketAddr, words: &[&str]) {
    let watch = Stopwatch::start();
    loop {
        let text = get(addr);
        if words.iter().all(|word| text.contains(word)) {
            return;
        }
        assert!(
            watch.elapsed() < Duration::from_secs(15),
            "{words:?} is not in {text}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn a_door_outlives_what_is_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let exe = std::env::current_exe().unwrap();
    let client = Client::ensure(dir.path(), &exe).await.unwrap();
    client.lease(20).await.unwrap();
    let api: ServiceName = "api".into();
    let door = client
        .open_door(&api, "127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    answers(door.addr, &["503", "no upstream"]).await;

    let port = free_port().unwrap();
    let addr: SocketAddr = ([127, 0, 0, 1], port).into();
    let spec = InstanceSpec {
        id: "api-1".to_owned(),
        service: api.clone(),
        revision: "r1".into(),
        command: vec![
            exe.to_str().unwrap().to_owned(),
            "service".to_owned(),
            addr.to_string(),
        ],
        cwd: dir.path().to_owned(),
        env: BTreeMap::new(),
        port: Some(port),
        log_path: dir.path().join("api.log"),
        restart: RestartPolicy::Always,
    };
    client.start(spec).await.unwrap();
    let upstream = Upstream {
        addr,
        revision: "r1".into(),
        instance: "api-1".to_owned(),
    };
    for _ in 0..2 {
        client.route(&api, Some(upstream.clone())).await.unwrap();
    }
    assert_eq!(client.doors().await.unwrap()[0].upstream, Some(upstream));
    answers(door.addr, &["200 ok", "x-assay-revision: r1"]).await;
    client.kill(Target::Service(api.clone()), 9).await.unwrap();
    answers(door.addr, &["200 ok", "x-assay-revision: r1"]).await;
    assert_eq!(client.status().await.unwrap()[0].restarts, 1);
    client.stop("api-1", 2_000).await.unwrap();
    answers(
        door.addr,
        &["503", "connection refused", "\"revision\":\"r1\""],
    )
    .await;

    let taken = FrontDoors::new().open(&api, door.addr).await.unwrap_err();
    assert_eq!(
        taken.to_string(),
        format!("front door of api: {} is in use", door.addr)
    );
    let error = client
        .open_door(&"other".into(), door.addr)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("front door of other: {} is in use", door.addr)
    );
    client.shutdown().await.unwrap();
    assert!(TcpStream::connect(door.addr).is_err());
}
