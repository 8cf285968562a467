//! How a service is started so that it cannot outlive its supervisor.
//!
//! `launch PID -- PROGRAM ARGS…` becomes the program, after it has asked the system to be killed
//! with its parent. `launch --warden` is one process beside each supervisor that is told of
//! every process group and kills those that are left when the supervisor is gone, because
//! dying with one's parent is not inherited by a service's own children.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io::{self, BufRead, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, Signal, getppid, kill_process_group};
use thiserror::Error;

const WARDEN: &str = "--warden";

/// A service's process could not be started.
#[derive(Debug, Error)]
pub enum LaunchError {
    /// Called in another way than a supervisor does.
    #[error("launch is for the supervisor alone")]
    Usage,
    /// The supervisor died while the service was being started.
    #[error("the supervisor is gone")]
    Orphaned,
    /// The system refused to tie it to its supervisor.
    #[error("cannot tie {program} to its supervisor")]
    Tie {
        /// What was to be started.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The program cannot be run.
    #[error("cannot start {program}")]
    Exec {
        /// What was to be started.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl LaunchError {
    /// The exit code that shells use for the same: 127 not found, 126 found and not runnable.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Exec { source, .. } if source.kind() == io::ErrorKind::NotFound => 127,
            Self::Usage => 2,
            _ => 126,
        }
    }
}

/// Does what the hidden subcommand `launch` does; `args` are those after the word itself.
/// Returns `Ok` only as a warden whose supervisor has ended. Called first thing in `main`, while
/// the process has a single thread.
///
/// # Errors
/// When the program was not started. The caller prints the chain and ends with
/// [`LaunchError::exit_code`]; both end up with the supervisor, in log and exits.
pub fn launch(args: impl IntoIterator<Item = OsString>) -> Result<(), LaunchError> {
    let mut args = args.into_iter();
    let first = args.next().ok_or(LaunchError::Usage)?;
    if first == WARDEN {
        watch(io::stdin().lock());
        return Ok(());
    }
    let parent = first
        .to_str()
        .and_then(|pid| pid.parse().ok())
        .and_then(Pid::from_raw);
    let (Some(parent), true) = (parent, args.next().is_some_and(|arg| arg == "--")) else {
        return Err(LaunchError::Usage);
    };
    let program = args.next().ok_or(LaunchError::Usage)?;
    let name = program.to_string_lossy().into_owned();
    tie().map_err(|source| LaunchError::Tie {
        program: name.clone(),
        source,
    })?;
    // A parent that died before the tie held sends no signal any more.
    if getppid() != Some(parent) {
        return Err(LaunchError::Orphaned);
    }
    let source = Command::new(program).args(args).exec();
    Err(LaunchError::Exec {
        program: name,
        source,
    })
}

#[cfg(target_os = "linux")]
fn tie() -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(
        Signal::KILL,
    ))?)
}

/// Where the system has no such tie, the warden alone does it.
#[cfg(not(target_os = "linux"))]
fn tie() -> io::Result<()> {
    Ok(())
}

fn watch(orders: impl BufRead) {
    let mut groups = HashSet::new();
    // The end of input is the end of the supervisor, however it came.
    for line in orders.lines().map_while(Result::ok) {
        let group = line
            .get(1..)
            .and_then(|pid| pid.parse().ok())
            .and_then(Pid::from_raw);
        match (line.as_bytes().first(), group) {
            (Some(b'+'), Some(group)) => groups.insert(group),
            (Some(b'-'), Some(group)) => groups.remove(&group),
            _ => false,
        };
    }
    for group in groups {
        kill_process_group(group, Signal::KILL).ok();
    }
}

/// The supervisor's side: how to start processes, and the warden who hears of them.
pub(super) struct Launcher {
    exe: PathBuf,
    warden: Mutex<Child>,
}

impl Launcher {
    pub(super) fn start() -> io::Result<Self> {
        let exe = exe()?;
        let warden = Command::new(&exe)
            .args(["launch", WARDEN])
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()?;
        Ok(Self {
            exe,
            warden: Mutex::new(warden),
        })
    }

    /// A command that becomes `command`.
    pub(super) fn command(&self, command: &[String]) -> tokio::process::Command {
        let mut launch = tokio::process::Command::new(&self.exe);
        launch
            .arg("launch")
            .arg(std::process::id().to_string())
            .arg("--")
            .args(command);
        launch
    }

    pub(super) fn began(&self, group: u32) {
        self.tell('+', group);
    }

    pub(super) fn ended(&self, group: u32) {
        self.tell('-', group);
    }

    /// A warden that was killed hears nothing; the tie of each process still holds.
    fn tell(&self, what: char, group: u32) {
        let mut warden = self.warden.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(orders) = &mut warden.stdin {
            orders.write_all(format!("{what}{group}\n").as_bytes()).ok();
        }
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        let warden = self
            .warden
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        drop(warden.stdin.take());
        warden.wait().ok();
    }
}

/// Our own program, also when its file was replaced since we started.
fn exe() -> io::Result<PathBuf> {
    let exe = std::env::current_exe()?;
    let replaced = PathBuf::from("/proc/self/exe");
    Ok(if exe.exists() || !replaced.exists() {
        exe
    } else {
        replaced
    })
}
