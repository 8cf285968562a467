//! Everybody else's side of the control socket.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use assay_model::ServiceName;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::place::{Place, ServeInfo};
use super::protocol::{
    GRACE_MS_MAX, InstanceSpec, InstanceStatus, PROTOCOL, RESPONSE_BYTES_MAX, Request, Response,
    Target,
};
use crate::clock::Stopwatch;
use crate::doors::{Door, Upstream};
use crate::files::FileError;
use crate::identity::{ProcessIdentity, alive};

/// An answer takes this long at most, beside the time that a service gets for ending.
const ANSWER_TIMEOUT_MS: u64 = 10_000;

/// From starting a supervisor to its first answer, or to the end of the one before it: generous
/// for a busy machine.
const ENSURE_TIMEOUT_MS: u64 = 15_000;

/// How often to look meanwhile.
const ENSURE_POLL_MS: u64 = 20;

/// How much of a supervisor's log an error shows, from its end.
const LOG_SHOWN_BYTES: usize = 2_000;

/// A request to the supervisor failed.
#[derive(Debug, Error)]
pub enum ClientError {
    /// No supervisor runs for this folder.
    #[error("no supervisor runs for {}", dir.display())]
    NotRunning {
        /// The folder.
        dir: PathBuf,
    },
    /// It is from another assay.
    #[error("the supervisor for {} is assay {version}, which speaks another protocol", dir.display())]
    OtherVersion {
        /// The folder.
        dir: PathBuf,
        /// Its version.
        version: String,
    },
    /// It could not be started.
    #[error("cannot start a supervisor for {}: {detail}", dir.display())]
    NotStarted {
        /// The folder.
        dir: PathBuf,
        /// What it said, or why there was nothing to say it.
        detail: String,
    },
    /// The state folder cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The connection failed: it has ended, or is ending.
    #[error("supervisor: lost at {}", socket.display())]
    Lost {
        /// Its socket.
        socket: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It did not answer in time.
    #[error("supervisor: no answer within {after_ms} ms")]
    TimedOut {
        /// How long it had.
        after_ms: u64,
    },
    /// It answered that it cannot.
    #[error("{message}")]
    Refused {
        /// Why, naming the thing.
        message: String,
        /// The way out.
        hint: Option<String>,
    },
    /// It answered something else.
    #[error("supervisor: unexpected answer")]
    Unexpected,
}

impl ClientError {
    /// The way out, where one is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Refused { hint, .. } => hint.as_deref(),
            Self::OtherVersion { .. } => Some("end it with the assay that started it"),
            _ => None,
        }
    }
}

/// A supervisor to talk to. It holds no connection, so it may be cloned, kept and used from
/// anywhere; every request finds the supervisor anew and renews its lease.
#[derive(Clone, Debug)]
pub struct Client {
    dir: PathBuf,
    info: ServeInfo,
}

impl Client {
    /// Finds the supervisor that runs for `dir`.
    ///
    /// # Errors
    /// When there is none, or it does not answer.
    pub async fn connect(dir: &Path) -> Result<Self, ClientError> {
        let not_running = || ClientError::NotRunning {
            dir: dir.to_owned(),
        };
        let absolute = dir.canonicalize().map_err(|_| not_running())?;
        let info = Place { dir: absolute }.running().ok_or_else(not_running)?;
        if info.protocol != PROTOCOL {
            let version = info.version;
            return Err(ClientError::OtherVersion {
                dir: dir.to_owned(),
                version,
            });
        }
        let client = Self {
            dir: dir.to_owned(),
            info,
        };
        client.ping().await?;
        Ok(client)
    }

    /// Finds the supervisor that runs for `dir`, or starts one: `assay_exe supervise DIR`, in a
    /// process group of its own, so that no Ctrl-C meant for us reaches it.
    ///
    /// # Errors
    /// When none runs and none can be started.
    pub async fn ensure(dir: &Path, assay_exe: &Path) -> Result<Self, ClientError> {
        let place = Place::make(dir)?;
        let watch = Stopwatch::start();
        let mut started = None;
        loop {
            let last = match Self::connect(dir).await {
                Ok(client) => return Ok(client),
                Err(error @ ClientError::OtherVersion { .. }) => return Err(error),
                Err(error) => error,
            };
            // One that lives and does not answer is ending; its successor has to wait for it.
            if place.running().is_none() {
                let child = match &mut started {
                    Some(child) => child,
                    None => started.insert(spawn(&place, assay_exe)?),
                };
                let over = child.try_wait().is_ok_and(|status| status.is_some());
                if over && place.lock()?.is_some() {
                    return Err(not_started(&place, "it ended at once"));
                }
            }
            if watch.elapsed_ms() > ENSURE_TIMEOUT_MS {
                return Err(not_started(&place, &last.to_string()));
            }
            sleep(Duration::from_millis(ENSURE_POLL_MS)).await;
        }
    }

    /// The supervisor's process.
    pub fn process(&self) -> &ProcessIdentity {
        &self.info.process
    }

    /// Its state folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Asks whether it is there.
    ///
    /// # Errors
    /// When it is not.
    pub async fn ping(&self) -> Result<(), ClientError> {
        self.done(&Request::Ping).await
    }

    /// Sets how long it lives without any request, in seconds, at least 1.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn lease(&self, seconds: u64) -> Result<(), ClientError> {
        self.done(&Request::Lease { seconds }).await
    }

    /// Renews the lease in the background until what comes back is dropped.
    pub fn heartbeat(&self, every: Duration) -> Heartbeat {
        let client = self.clone();
        Heartbeat(tokio::spawn(async move {
            let mut ticks = interval(every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                // A supervisor that is gone is noticed by whoever needs it next.
                client.ping().await.ok();
            }
        }))
    }

    /// Starts an instance. One whose name is known is not started again, whatever became of it:
    /// its status comes back.
    ///
    /// # Errors
    /// When no process can be started. A program that does not run is an exit, not an error.
    pub async fn start(&self, spec: InstanceSpec) -> Result<InstanceStatus, ClientError> {
        match self.ask(&Request::Start { spec }).await? {
            Response::Instance {
                status: Some(status),
            } => Ok(status),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Ends an instance for good, and returns when it has ended: SIGTERM to its group, and
    /// SIGKILL after the grace. `None` when the name is unknown.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn stop(
        &self,
        id: &str,
        grace_ms: u64,
    ) -> Result<Option<InstanceStatus>, ClientError> {
        match self
            .ask(&Request::Stop {
                id: id.to_owned(),
                grace_ms,
            })
            .await?
        {
            Response::Instance { status } => Ok(status),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Sends a signal to the process groups of an instance or of a service, as an outsider would,
    /// and says how many instances had a process to get it.
    ///
    /// # Errors
    /// When there is no such signal.
    pub async fn kill(&self, target: Target, signal: i32) -> Result<u32, ClientError> {
        match self.ask(&Request::Kill { target, signal }).await? {
            Response::Signalled { instances } => Ok(instances),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// All instances by name, the dead ones included.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn status(&self) -> Result<Vec<InstanceStatus>, ClientError> {
        match self.ask(&Request::Status).await? {
            Response::Instances { instances } => Ok(instances),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Opens a service's front door; see [`crate::FrontDoors::open`].
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn open_door(
        &self,
        service: &ServiceName,
        addr: SocketAddr,
    ) -> Result<Door, ClientError> {
        match self
            .ask(&Request::OpenDoor {
                service: service.clone(),
                addr,
            })
            .await?
        {
            Response::Door { door } => Ok(door),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Sends a service's traffic to another upstream, or nowhere.
    ///
    /// # Errors
    /// When the service has no door.
    pub async fn route(
        &self,
        service: &ServiceName,
        upstream: Option<Upstream>,
    ) -> Result<(), ClientError> {
        self.done(&Request::Route {
            service: service.clone(),
            upstream,
        })
        .await
    }

    /// All front doors.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn doors(&self) -> Result<Vec<Door>, ClientError> {
        match self.ask(&Request::Doors).await? {
            Response::Doors { doors } => Ok(doors),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Stops every service and then the supervisor itself; returns when its process is gone. One
    /// that is gone already is as good.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn shutdown(&self) -> Result<(), ClientError> {
        let watch = Stopwatch::start();
        match self.done(&Request::Shutdown).await {
            Ok(()) | Err(ClientError::Lost { .. }) => {}
            Err(error) => return Err(error),
        }
        while alive(&self.info.process) {
            if watch.elapsed_ms() > ENSURE_TIMEOUT_MS {
                return Err(ClientError::TimedOut {
                    after_ms: ENSURE_TIMEOUT_MS,
                });
            }
            sleep(Duration::from_millis(ENSURE_POLL_MS)).await;
        }
        Ok(())
    }

    async fn done(&self, request: &Request) -> Result<(), ClientError> {
        match self.ask(request).await? {
            Response::Done => Ok(()),
            _ => Err(ClientError::Unexpected),
        }
    }

    async fn ask(&self, request: &Request) -> Result<Response, ClientError> {
        let after_ms = match request {
            Request::Stop { grace_ms, .. } => ANSWER_TIMEOUT_MS + (*grace_ms).min(GRACE_MS_MAX),
            _ => ANSWER_TIMEOUT_MS,
        };
        let answer = timeout(Duration::from_millis(after_ms), self.exchange(request))
            .await
            .map_err(|_| ClientError::TimedOut { after_ms })?
            .map_err(|source| ClientError::Lost {
                socket: self.info.socket.clone(),
                source,
            })?;
        match answer {
            Response::Refused { message, hint } => Err(ClientError::Refused { message, hint }),
            answer => Ok(answer),
        }
    }

    async fn exchange(&self, request: &Request) -> io::Result<Response> {
        let stream = UnixStream::connect(&self.info.socket).await?;
        let (from, mut to) = stream.into_split();
        let mut json = serde_json::to_vec(request)?;
        json.push(b'\n');
        to.write_all(&json).await?;
        let mut line = Vec::new();
        BufReader::new(from)
            .take(RESPONSE_BYTES_MAX)
            .read_until(b'\n', &mut line)
            .await?;
        if line.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_slice(&line)?)
    }
}

/// Renews a lease for as long as it is kept.
#[derive(Debug)]
#[must_use = "the lease is renewed only while this is kept"]
pub struct Heartbeat(JoinHandle<()>);

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn spawn(place: &Place, assay_exe: &Path) -> Result<tokio::process::Child, ClientError> {
    let path = place.log();
    let log = fs::File::options().create(true).append(true).open(&path);
    let log = log.map_err(FileError::of("open", &path))?;
    let other = log.try_clone().map_err(FileError::of("open", &path))?;
    // Its end is awaited by the runtime, so that it does not stay as a zombie of ours.
    tokio::process::Command::new(assay_exe)
        .arg("supervise")
        .arg(&place.dir)
        .current_dir(&place.dir)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(other)
        .process_group(0)
        .spawn()
        .map_err(|error| ClientError::NotStarted {
            dir: place.dir.clone(),
            detail: format!("{}: {error}", assay_exe.display()),
        })
}

fn not_started(place: &Place, what: &str) -> ClientError {
    let log = fs::read(place.log()).unwrap_or_default();
    let end = &log[log.len().saturating_sub(LOG_SHOWN_BYTES)..];
    let end = String::from_utf8_lossy(end);
    let last = end
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("no log");
    ClientError::NotStarted {
        dir: place.dir.clone(),
        detail: format!("{what}: {last}"),
    }
}
