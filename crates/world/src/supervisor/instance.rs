//! One instance: a task that owns a service's process from its first start to its last exit.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use assay_model::{Exit, InstanceState, RestartPolicy};
use rustix::process::Signal;
use thiserror::Error;
use tokio::net::unix::pipe;
use tokio::process::Child;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::launch::Launcher;
use super::log::{Log, pump};
use super::protocol::{EXITS_SHOWN_MAX, GRACE_MS_MAX, InstanceSpec, InstanceStatus};
use super::records::{ExitRecord, Records, StartRecord};
use crate::clock::{self, Stopwatch};
use crate::process::{Group, base_env};

/// The wait before the first restart: long enough not to spin, too short to notice.
const BACKOFF_FIRST_MS: u64 = 100;

/// The wait doubles up to this, so that a service whose fault goes away is back soon after.
const BACKOFF_MAX_MS: u64 = 5_000;

/// A process that lived this long had started; its end is a new fault, not the old one.
const BACKOFF_RESET_MS: u64 = 10_000;

/// How long the end of output is awaited after the last process of the group was killed. Only a
/// process that left the group can still hold the pipe.
const DRAIN_MS: u64 = 500;

/// What a service's own children get for ending by themselves after it has ended on request.
const LINGER_MS: u64 = 500;

/// How often to look whether they have.
const LINGER_POLL_MS: u64 = 10;

/// Orders that wait for one instance; each client waits for its own.
const ORDERS_MAX: usize = 16;

/// What instances need from their supervisor.
pub(super) struct Means {
    pub(super) launcher: Launcher,
    pub(super) records: Records,
}

/// A process could not be started at all.
#[derive(Debug, Error)]
pub(super) enum SpawnError {
    #[error("instance {id}: its command is empty")]
    NoCommand { id: String },
    #[error("instance {id}: no such folder: {}", cwd.display())]
    NoFolder { id: String, cwd: std::path::PathBuf },
    #[error("instance {id}: cannot write its log {}: {source}", path.display())]
    Log {
        id: String,
        path: std::path::PathBuf,
        source: io::Error,
    },
    #[error("instance {id}: cannot be started: {source}")]
    Io { id: String, source: io::Error },
}

/// The supervisor's hold on an instance.
pub(super) struct Handle {
    pub(super) spec: InstanceSpec,
    status: watch::Receiver<InstanceStatus>,
    orders: mpsc::Sender<Order>,
}

enum Order {
    Stop {
        grace: Duration,
        done: oneshot::Sender<()>,
    },
    Signal {
        signal: Signal,
        done: oneshot::Sender<bool>,
    },
}

impl Handle {
    /// Starts the first process, and the task that looks after it.
    pub(super) fn start(spec: InstanceSpec, means: Arc<Means>) -> Result<Self, SpawnError> {
        let running = Running::spawn(&spec, &means)?;
        let status = InstanceStatus {
            id: spec.id.clone(),
            service: spec.service.clone(),
            revision: spec.revision.clone(),
            state: InstanceState::Running,
            pid: Some(running.pid),
            port: spec.port,
            starts: 1,
            restarts: 0,
            exits: Vec::new(),
            log_path: spec.log_path.clone(),
        };
        let (status, seen) = watch::channel(status);
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        let keeper = Keeper {
            spec: spec.clone(),
            means,
            status,
            orders: inbox,
        };
        tokio::spawn(keeper.live(running));
        Ok(Self {
            spec,
            status: seen,
            orders,
        })
    }

    pub(super) fn status(&self) -> InstanceStatus {
        self.status.borrow().clone()
    }

    /// Sends the order to stop. What comes back is ready once the process has ended.
    pub(super) fn stop(&self, grace_ms: u64) -> impl Future<Output = ()> + Send + use<> {
        let grace = Duration::from_millis(grace_ms.min(GRACE_MS_MAX));
        let (done, ended) = oneshot::channel();
        let orders = self.orders.clone();
        async move {
            if orders.send(Order::Stop { grace, done }).await.is_ok() {
                ended.await.ok();
            }
        }
    }

    /// Sends a signal. What comes back says whether there was a process to get it.
    pub(super) fn signal(&self, signal: Signal) -> impl Future<Output = bool> + Send + use<> {
        let (done, sent) = oneshot::channel();
        let orders = self.orders.clone();
        async move {
            orders.send(Order::Signal { signal, done }).await.is_ok() && sent.await.unwrap_or(false)
        }
    }
}

/// One process of an instance.
struct Running {
    child: Child,
    pid: u32,
    group: Group,
    uptime: Stopwatch,
    pump: JoinHandle<()>,
    enough: oneshot::Sender<()>,
}

impl Running {
    fn spawn(spec: &InstanceSpec, means: &Means) -> Result<Self, SpawnError> {
        let id = || spec.id.clone();
        if spec.command.is_empty() {
            return Err(SpawnError::NoCommand { id: id() });
        }
        // The system reports a missing folder just like a missing program.
        if !spec.cwd.is_dir() {
            return Err(SpawnError::NoFolder {
                id: id(),
                cwd: spec.cwd.clone(),
            });
        }
        let log = Log::open(&spec.log_path).map_err(|source| SpawnError::Log {
            id: id(),
            path: spec.log_path.clone(),
            source,
        })?;
        Self::spawn_into(log, spec, means).map_err(|source| SpawnError::Io { id: id(), source })
    }

    fn spawn_into(log: Log, spec: &InstanceSpec, means: &Means) -> io::Result<Self> {
        // One pipe for both streams keeps their lines in the order in which they were written.
        let (reader, writer) = io::pipe()?;
        let mut command = means.launcher.command(&spec.command);
        command
            .env_clear()
            .envs(base_env())
            .envs(&spec.env)
            .current_dir(&spec.cwd)
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .process_group(0)
            .kill_on_drop(true);
        let reader = pipe::Receiver::from_owned_fd(reader.into())?;
        let child = command.spawn()?;
        // It holds our ends of the pipe; the output would never end.
        drop(command);
        let pid = child
            .id()
            .ok_or_else(|| io::Error::other("it has no pid"))?;
        means.launcher.began(pid);
        means.records.start(&StartRecord {
            instance: spec.id.clone(),
            service: spec.service.clone(),
            revision: spec.revision.clone(),
            at: clock::now(),
            pid,
            port: spec.port,
        })?;
        let (enough, stop) = oneshot::channel();
        Ok(Self {
            child,
            pid,
            group: Group::led_by(Some(pid)),
            uptime: Stopwatch::start(),
            pump: tokio::spawn(pump(reader, Ok(log), stop)),
            enough,
        })
    }

    /// Ends what is left of the group, and waits until all output is in the log.
    async fn bury(self, means: &Means, polite: bool) {
        let watch = Stopwatch::start();
        while polite && self.group.exists() && watch.elapsed_ms() < LINGER_MS {
            sleep(Duration::from_millis(LINGER_POLL_MS)).await;
        }
        self.group.kill();
        means.launcher.ended(self.pid);
        let mut pump = self.pump;
        if timeout(Duration::from_millis(DRAIN_MS), &mut pump)
            .await
            .is_err()
        {
            self.enough.send(()).ok();
            pump.await.ok();
        }
    }
}

/// How the life of one process ended.
struct End {
    requested: bool,
    uptime: Duration,
    /// Those who asked for it, and wait.
    waiting: Vec<oneshot::Sender<()>>,
}

struct Keeper {
    spec: InstanceSpec,
    means: Arc<Means>,
    status: watch::Sender<InstanceStatus>,
    orders: mpsc::Receiver<Order>,
}

impl Keeper {
    async fn live(mut self, mut running: Running) {
        let mut backoff = Duration::from_millis(BACKOFF_FIRST_MS);
        loop {
            let end = self.until_end(running).await;
            if end.requested {
                self.enter(InstanceState::Stopped);
            } else if self.spec.restart == RestartPolicy::Never {
                self.enter(InstanceState::Exited);
            } else {
                self.enter(InstanceState::BackingOff);
            }
            for waiting in end.waiting {
                waiting.send(()).ok();
            }
            if self.status.borrow().state != InstanceState::BackingOff {
                break;
            }
            if end.uptime >= Duration::from_millis(BACKOFF_RESET_MS) {
                backoff = Duration::from_millis(BACKOFF_FIRST_MS);
            }
            let Some(next) = self.restart(&mut backoff).await else {
                break;
            };
            running = next;
        }
        // The dead answer too, so that every request may be repeated.
        while let Some(order) = self.orders.recv().await {
            answer(order);
        }
    }

    /// Waits for the process to end by itself or by order, and for its traces to be complete.
    async fn until_end(&mut self, mut running: Running) -> End {
        let mut waiting = Vec::new();
        let mut kill_at: Option<Instant> = None;
        let mut requested = false;
        let status = loop {
            let kill = kill_at.unwrap_or_else(Instant::now);
            tokio::select! {
                status = running.child.wait() => break status,
                Some(order) = self.orders.recv() => match order {
                    Order::Stop { grace, done } => {
                        if !requested {
                            running.group.signal(Signal::TERM);
                        }
                        requested = true;
                        let at = Instant::now() + grace;
                        kill_at = Some(kill_at.map_or(at, |earlier| earlier.min(at)));
                        waiting.push(done);
                    }
                    Order::Signal { signal, done } => {
                        running.group.signal(signal);
                        done.send(true).ok();
                    }
                },
                () = sleep_until(kill), if kill_at.is_some() => {
                    running.group.signal(Signal::KILL);
                    kill_at = None;
                }
            }
        };
        let uptime = running.uptime.elapsed();
        running.bury(&self.means, requested).await;
        // Only now, because the last words, which may be its cause, carry the time at which they
        // were read, and a cause never follows its effect.
        self.record(status.ok(), clock::now(), uptime, requested);
        End {
            requested,
            uptime,
            waiting,
        }
    }

    fn record(
        &self,
        status: Option<ExitStatus>,
        at: assay_model::Timestamp,
        uptime: Duration,
        requested: bool,
    ) {
        let exit = Exit {
            at,
            code: status.and_then(|status| status.code()),
            signal: status.and_then(|status| status.signal()),
            uptime_ms: u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX),
            requested,
            out_of_memory: false,
        };
        let record = ExitRecord {
            instance: self.spec.id.clone(),
            service: self.spec.service.clone(),
            revision: self.spec.revision.clone(),
            exit: exit.clone(),
        };
        // With a full disk the status in memory still tells.
        self.means.records.exit(&record).ok();
        self.status.send_modify(|status| {
            status.pid = None;
            status.exits.push(exit);
            if status.exits.len() > EXITS_SHOWN_MAX {
                status.exits.remove(0);
            }
        });
    }

    fn enter(&self, state: InstanceState) {
        self.status.send_modify(|status| status.state = state);
    }

    /// Waits, and starts the next process; `None` when it was told to stop instead. A start that
    /// fails is tried again like a process that ends at once.
    async fn restart(&mut self, backoff: &mut Duration) -> Option<Running> {
        loop {
            if !self.wait(*backoff).await {
                self.enter(InstanceState::Stopped);
                return None;
            }
            *backoff = (*backoff * 2).min(Duration::from_millis(BACKOFF_MAX_MS));
            match Running::spawn(&self.spec, &self.means) {
                Ok(running) => {
                    self.status.send_modify(|status| {
                        status.state = InstanceState::Running;
                        status.pid = Some(running.pid);
                        status.starts = status.starts.saturating_add(1);
                        status.restarts = status.restarts.saturating_add(1);
                    });
                    return Some(running);
                }
                Err(error) => {
                    let line = format!("assay: {error}");
                    Log::open(&self.spec.log_path)
                        .and_then(|mut log| log.line(&line))
                        .ok();
                }
            }
        }
    }

    /// Waits; says whether nobody gave the order to stop meanwhile.
    async fn wait(&mut self, backoff: Duration) -> bool {
        let until = Instant::now() + backoff;
        loop {
            tokio::select! {
                () = sleep_until(until) => return true,
                Some(order) = self.orders.recv() => {
                    let stop = matches!(order, Order::Stop { .. });
                    if stop {
                        self.enter(InstanceState::Stopped);
                    }
                    answer(order);
                    if stop {
                        return false;
                    }
                }
            }
        }
    }
}

/// Answers for an instance without a process.
fn answer(order: Order) {
    match order {
        Order::Stop { done, .. } => done.send(()).ok(),
        Order::Signal { done, .. } => done.send(false).ok(),
    };
}
