//! A port that this project's own supervisor holds, with a real supervisor. This program is also
//! the supervisor's own: it answers `supervise` and `launch` as assay does.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;

use assay_doctor::{Checked, Machine, Need, Reason, Status, Subject, examine};
use assay_model::ServiceName;
use assay_world::files::free_port;
use assay_world::supervisor::{Client, launch, serve};
use assay_world::{Door, DoorError, FrontDoors, Upstream};
use async_trait::async_trait;
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next().as_deref().and_then(|word| word.to_str()) {
        Some("supervise") => {
            let dir = PathBuf::from(args.next().unwrap());
            serve(&dir, Box::<Listeners>::default()).unwrap();
            ExitCode::SUCCESS
        }
        Some("launch") => {
            launch(args).unwrap();
            ExitCode::SUCCESS
        }
        _ => {
            let trial = Trial::test("a_port_of_our_own_is_told_from_one_of_others", || {
                let runtime = tokio::runtime::Runtime::new()?;
                runtime.block_on(a_port_of_our_own_is_told_from_one_of_others());
                Ok(())
            });
            libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
        }
    }
}

/// Front doors that listen, and lead nowhere.
#[derive(Default)]
struct Listeners(Mutex<BTreeMap<ServiceName, TcpListener>>);

#[async_trait]
impl FrontDoors for Listeners {
    async fn open(&self, service: &ServiceName, addr: SocketAddr) -> Result<Door, DoorError> {
        let listener = TcpListener::bind(addr).map_err(|source| DoorError::Bind {
            service: service.clone(),
            addr,
            source,
        })?;
        self.0.lock().unwrap().insert(service.clone(), listener);
        Ok(Door {
            service: service.clone(),
            addr,
            upstream: None,
        })
    }

    fn route(&self, service: &ServiceName, _upstream: Option<Upstream>) -> Result<(), DoorError> {
        let service = service.clone();
        Err(DoorError::Unsupported { service })
    }

    fn list(&self) -> Vec<Door> {
        let doors = self.0.lock().unwrap();
        let door = |(service, listener): (&ServiceName, &TcpListener)| Door {
            service: service.clone(),
            addr: listener.local_addr().unwrap(),
            upstream: None,
        };
        doors.iter().map(door).collect()
    }
}

async fn a_port_of_our_own_is_told_from_one_of_others() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join(".assay");
    let exe = std::env::current_exe().unwrap();
    let supervisor = Client::ensure(&state, &exe).await.unwrap();
    let port = free_port().unwrap();
    let addr = SocketAddr::from(([127, 0, 0, 1], port));
    supervisor.open_door(&"api".into(), addr).await.unwrap();

    let ours = look(port, &Machine::here(dir.path(), &state)).await;
    let elsewhere = dir.path().join("elsewhere");
    let others = look(port, &Machine::here(dir.path(), &elsewhere)).await;
    supervisor.shutdown().await.unwrap();

    assert_eq!(ours.status, Status::Ok, "{ours:?}");
    let held = "held by this project's supervisor";
    assert_eq!(ours.found.as_deref(), Some(held));
    assert_eq!(others.status, Status::InUse, "{others:?}");
}

async fn look(port: u16, machine: &Machine) -> Checked {
    let need = Need {
        subject: Subject::Port {
            service: "api".to_owned(),
            host: "127.0.0.1".to_owned(),
            port: Some(port),
        },
        reasons: vec![Reason {
            place: "[service.api] url".to_owned(),
            required_for: "deploying api".to_owned(),
            blocking: true,
        }],
    };
    examine(&[need], machine).await.remove(0)
}
