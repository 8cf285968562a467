//! The supervisor's side of the control socket.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::Signal;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::instance::{Handle, Means};
use super::launch::Launcher;
use super::log::Log;
use super::place::{Place, ServeInfo};
use super::protocol::{
    INSTANCES_MAX, InstanceSpec, InstanceStatus, LEASE_S, LEASE_S_MAX, PROTOCOL, REQUEST_BYTES_MAX,
    Request, Response, Target,
};
use super::records::Records;
use crate::doors::{DoorError, FrontDoors};
use crate::files::FileError;
use crate::identity::identity;

/// Connections at a time. Each client has one, for as long as a request takes.
const CONNECTIONS_MAX: usize = 128;

/// A client that connects and then says nothing is dropped.
const REQUEST_TIMEOUT_S: u64 = 10;

/// What services get for ending when the supervisor ends.
const SHUTDOWN_GRACE_MS: u64 = 3_000;

/// How long the last answers may take once everything has ended.
const FAREWELL_MS: u64 = 1_000;

/// Pause after a connection could not be accepted, for want of file descriptors say.
const ACCEPT_PAUSE_MS: u64 = 50;

/// A supervisor could not do its work.
#[derive(Debug, Error)]
pub enum ServeError {
    /// Another one has the folder.
    #[error("a supervisor already runs for {}{}", dir.display(), pid_note(*pid))]
    AlreadyRunning {
        /// The folder.
        dir: PathBuf,
        /// Its process, where known.
        pid: Option<u32>,
    },
    /// The state folder cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The system refused something.
    #[error("supervisor: cannot {doing}")]
    Io {
        /// What.
        doing: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

fn pid_note(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
}

fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> ServeError {
    move |source| ServeError::Io { doing, source }
}

/// Supervises until somebody says stop or nobody says anything, and then leaves no process
/// behind. Must run on the main thread: services are tied to the thread that starts them.
///
/// # Errors
/// When another supervisor has the folder, or the folder or the socket cannot be used.
pub fn serve(dir: &Path, doors: Box<dyn FrontDoors>) -> Result<(), ServeError> {
    let place = Place::make(dir)?;
    let Some(lock) = place.lock()? else {
        let pid = place.running().map(|info| info.process.pid);
        return Err(ServeError::AlreadyRunning {
            dir: place.dir,
            pid,
        });
    };
    // One thread, because the tie between parent and child is one between threads.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed("start its runtime"))?;
    let served = runtime.block_on(run(&place, doors));
    drop(lock);
    served
}

async fn run(place: &Place, doors: Box<dyn FrontDoors>) -> Result<(), ServeError> {
    let means = Means {
        records: Records::open(&place.dir)?,
        launcher: Launcher::start().map_err(failed("start its warden"))?,
    };
    let socket = place.socket()?;
    // We hold the lock, so whoever made this socket is dead.
    crate::files::remove(&socket)?;
    let listener = UnixListener::bind(&socket).map_err(FileError::of("listen on", &socket))?;
    std::fs::set_permissions(&socket, Permissions::from_mode(0o600))
        .map_err(FileError::of("protect", &socket))?;
    let process = identity(std::process::id())
        .ok_or_else(|| failed("find its own process")(io::Error::other("not listed")))?;
    place.publish(&ServeInfo {
        process,
        socket: socket.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: PROTOCOL,
    })?;
    let server = Arc::new(Server {
        means: Arc::new(means),
        doors,
        instances: Mutex::default(),
        lease: Mutex::new(Lease {
            span: Duration::from_secs(LEASE_S),
            last: Instant::now(),
        }),
        lease_changed: Notify::new(),
        connections: Semaphore::new(CONNECTIONS_MAX),
        phase: watch::Sender::new(Phase::Open),
    });
    note(place, "supervisor started");
    let reason = server.clone().accept_until_end(&listener).await;
    note(place, &format!("supervisor ends: {}", reason?));
    server.stop_all().await;
    server.phase.send_replace(Phase::Ended);
    // Whoever asked for the end hears that it has come.
    let everybody = u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX);
    let farewell = server.connections.acquire_many(everybody);
    timeout(Duration::from_millis(FAREWELL_MS), farewell)
        .await
        .ok();
    place.clear(&socket);
    note(place, "supervisor ended");
    Ok(())
}

/// The log is for a person afterwards; that it cannot be written stops nothing.
fn note(place: &Place, line: &str) {
    Log::open(&place.log())
        .and_then(|mut log| log.line(line))
        .ok();
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// Nothing new is begun.
    Ending,
    Ended,
}

struct Lease {
    span: Duration,
    last: Instant,
}

struct Server {
    means: Arc<Means>,
    doors: Box<dyn FrontDoors>,
    instances: Mutex<BTreeMap<String, Handle>>,
    lease: Mutex<Lease>,
    /// A shorter lease ends earlier than the wait for the one before.
    lease_changed: Notify,
    connections: Semaphore,
    phase: watch::Sender<Phase>,
}

/// Nothing that holds one of these locks can panic half-way through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    /// Serves, and says why it stopped.
    async fn accept_until_end(
        self: Arc<Self>,
        listener: &UnixListener,
    ) -> Result<&'static str, ServeError> {
        let listen = |kind| signal(kind).map_err(failed("listen for signals"));
        let mut term = listen(SignalKind::terminate())?;
        let mut int = listen(SignalKind::interrupt())?;
        // A terminal that closes takes its programs along, but not this one.
        let mut hup = listen(SignalKind::hangup())?;
        let mut phase = self.phase.subscribe();
        let reason = loop {
            let expires = {
                let lease = lock(&self.lease);
                lease.last + lease.span
            };
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        tokio::spawn(self.clone().attend(stream));
                    }
                    Err(_) => sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await,
                },
                () = sleep_until(expires) => {
                    if self.expired() {
                        break "nobody asked for anything within the lease";
                    }
                }
                () = self.lease_changed.notified() => {}
                _ = phase.wait_for(|phase| *phase != Phase::Open) => break "it was told to",
                _ = term.recv() => break "it was terminated",
                _ = int.recv() => break "it was interrupted",
                _ = hup.recv() => {}
            }
        };
        self.phase.send_replace(Phase::Ending);
        Ok(reason)
    }

    fn expired(&self) -> bool {
        let mut lease = lock(&self.lease);
        // Whoever still waits for an answer is somebody.
        if self.connections.available_permits() < CONNECTIONS_MAX {
            lease.last = Instant::now();
        }
        lease.last + lease.span <= Instant::now()
    }

    async fn stop_all(&self) {
        let stops: Vec<_> = lock(&self.instances)
            .values()
            .map(|instance| tokio::spawn(instance.stop(SHUTDOWN_GRACE_MS)))
            .collect();
        for stop in stops {
            stop.await.ok();
        }
    }

    fn renew(&self) {
        lock(&self.lease).last = Instant::now();
    }

    /// One connection: requests and answers in turn. A client that goes away ends it.
    async fn attend(self: Arc<Self>, stream: UnixStream) {
        let Ok(_permit) = self.connections.acquire().await else {
            return;
        };
        let (from, mut to) = stream.into_split();
        let mut from = BufReader::new(from);
        loop {
            let mut line = Vec::new();
            let mut bounded = (&mut from).take(REQUEST_BYTES_MAX);
            let reading = bounded.read_until(b'\n', &mut line);
            match timeout(Duration::from_secs(REQUEST_TIMEOUT_S), reading).await {
                Ok(Ok(1..)) => {}
                _ => return,
            }
            self.renew();
            let response = match serde_json::from_slice(&line) {
                Ok(request) => self.answer(request).await,
                Err(error) => refused(format!("request not understood: {error}"), None),
            };
            self.renew();
            let Ok(mut json) = serde_json::to_vec(&response) else {
                return;
            };
            json.push(b'\n');
            if to.write_all(&json).await.is_err() {
                return;
            }
        }
    }

    async fn answer(&self, request: Request) -> Response {
        let phase = *self.phase.borrow();
        match request {
            Request::Shutdown => self.end().await,
            _ if phase != Phase::Open => {
                refused("the supervisor is ending".to_owned(), Some("try again"))
            }
            Request::Ping => Response::Done,
            Request::Lease { seconds } => {
                lock(&self.lease).span = Duration::from_secs(seconds.clamp(1, LEASE_S_MAX));
                self.lease_changed.notify_one();
                Response::Done
            }
            Request::Start { spec } => self.start(spec),
            Request::Stop { id, grace_ms } => self.stop(&id, grace_ms).await,
            Request::Kill { target, signal } => self.kill(&target, signal).await,
            Request::Status => Response::Instances {
                instances: self.statuses(),
            },
            Request::OpenDoor { service, addr } => match self.doors.open(&service, addr).await {
                Ok(door) => Response::Door { door },
                Err(error) => door_refused(&error),
            },
            Request::Route { service, upstream } => match self.doors.route(&service, upstream) {
                Ok(()) => Response::Done,
                Err(error) => door_refused(&error),
            },
            Request::Doors => Response::Doors {
                doors: self.doors.list(),
            },
        }
    }

    /// Asks for the end, and waits until it has come.
    async fn end(&self) -> Response {
        self.phase.send_if_modified(|phase| {
            let open = *phase == Phase::Open;
            if open {
                *phase = Phase::Ending;
            }
            open
        });
        self.phase
            .subscribe()
            .wait_for(|phase| *phase == Phase::Ended)
            .await
            .ok();
        Response::Done
    }

    fn statuses(&self) -> Vec<InstanceStatus> {
        lock(&self.instances).values().map(Handle::status).collect()
    }

    fn start(&self, spec: InstanceSpec) -> Response {
        let mut instances = lock(&self.instances);
        if let Some(known) = instances.get(&spec.id) {
            return Response::Instance {
                status: Some(known.status()),
            };
        }
        if instances.len() >= INSTANCES_MAX {
            let message = format!("instance {}: already {INSTANCES_MAX} instances", spec.id);
            return refused(message, Some("shut the supervisor down and start it again"));
        }
        match Handle::start(spec, self.means.clone()) {
            Ok(handle) => {
                let status = handle.status();
                instances.insert(handle.spec.id.clone(), handle);
                Response::Instance {
                    status: Some(status),
                }
            }
            Err(error) => refused(error.to_string(), None),
        }
    }

    async fn stop(&self, id: &str, grace_ms: u64) -> Response {
        let stopping = lock(&self.instances)
            .get(id)
            .map(|handle| handle.stop(grace_ms));
        if let Some(stopping) = stopping {
            stopping.await;
        }
        Response::Instance {
            status: lock(&self.instances).get(id).map(Handle::status),
        }
    }

    async fn kill(&self, target: &Target, signal: i32) -> Response {
        let Some(signal) = Signal::from_named_raw(signal) else {
            return refused(format!("signal {signal}: no such signal"), None);
        };
        let meant = |handle: &&Handle| match target {
            Target::Instance(id) => handle.spec.id == *id,
            Target::Service(service) => handle.spec.service == *service,
        };
        let sending: Vec<_> = lock(&self.instances)
            .values()
            .filter(meant)
            .map(|handle| handle.signal(signal))
            .collect();
        let mut instances = 0;
        for sent in sending {
            instances += u32::from(sent.await);
        }
        Response::Signalled { instances }
    }
}

fn refused(message: String, hint: Option<&str>) -> Response {
    Response::Refused {
        message,
        hint: hint.map(str::to_owned),
    }
}

/// A chain of errors does not survive the socket, so it is told here.
fn door_refused(error: &DoorError) -> Response {
    let cause = std::error::Error::source(error).map(|source| format!(": {source}"));
    refused(
        format!("{error}{}", cause.unwrap_or_default()),
        error.hint(),
    )
}
