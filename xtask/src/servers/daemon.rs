//! One server's process: started with its log in its folder, waited for, ended.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::certificates::Certificates;
use crate::command;

/// How long a server may take until it answers: the slowest needs 2 s on an idle machine, and a
/// build may keep every core busy.
const READY_MAX: Duration = Duration::from_secs(60);

/// How long a server may take to end by itself before it is killed.
const END_MAX: Duration = Duration::from_secs(15);

/// Between two looks at a server that starts or ends.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// How long one answer of a server that is up may take.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Bytes of an answer that are read: far more than any that is asked for.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// Lines of a server's log that are shown when it did not start.
const LOG_LINES_SHOWN: usize = 15;

/// The word to all that it is time to end.
#[derive(Clone, Default)]
pub(crate) struct Stop(Arc<(Mutex<bool>, Condvar)>);

impl Stop {
    pub(crate) fn set(&self) {
        let (flag, changed) = &*self.0;
        *flag.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }

    /// Returns when the word was given.
    pub(crate) fn wait(&self) {
        let (flag, changed) = &*self.0;
        let guard = flag.lock().unwrap_or_else(PoisonError::into_inner);
        drop(changed.wait_while(guard, |set| !*set));
    }

    /// Returns when the word was given, or after `time`; whether it was given.
    pub(crate) fn wait_for(&self, time: Duration) -> bool {
        let (flag, changed) = &*self.0;
        let guard = flag.lock().unwrap_or_else(PoisonError::into_inner);
        let (guard, _) = changed
            .wait_timeout_while(guard, time, |set| !*set)
            .unwrap_or_else(PoisonError::into_inner);
        *guard
    }
}

/// Where a server is started.
pub(crate) struct Place {
    /// The server's own, and empty.
    pub(crate) folder: PathBuf,
    pub(crate) certificates: Arc<Certificates>,
    pub(crate) stop: Stop,
}

/// A server that answers.
pub(crate) struct Running {
    pub(crate) daemon: Daemon,
    /// How tests reach it.
    pub(crate) variables: Vec<(&'static str, String)>,
    /// What is done before it ends.
    pub(crate) before_end: Box<dyn FnOnce()>,
}

impl Running {
    pub(crate) fn new(daemon: Daemon, variables: Vec<(&'static str, String)>) -> Self {
        Self {
            daemon,
            variables,
            before_end: Box::new(|| ()),
        }
    }

    pub(crate) fn end(self) {
        (self.before_end)();
        drop(self.daemon);
    }
}

/// Another user than the one who runs this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// A server's process. It ends when this is dropped.
pub(crate) struct Daemon {
    child: Child,
    name: String,
    log: PathBuf,
    end: Signal,
}

impl Daemon {
    /// Starts `program`. `end` is the signal that makes it end at once and take its children
    /// along; the kernel sends it too when the thread that calls this ends, so that the thread
    /// has to outlive the server.
    pub(crate) fn spawn(
        program: &Path,
        arguments: &[String],
        place: &Place,
        account: Option<Account>,
        end: Signal,
    ) -> Result<Self, String> {
        let name = program.file_name().unwrap_or(program.as_os_str());
        let name = name.to_string_lossy().into_owned();
        let log = place.folder.join("output.log");
        let cannot = |error| format!("cannot start {name}: {error}");
        let out = File::create(&log).map_err(cannot)?;
        let mut command = told_of_our_end(program, end);
        command
            .args(arguments)
            .current_dir(&place.folder)
            .env("TMPDIR", &place.folder)
            .stdin(Stdio::null())
            .stderr(out.try_clone().map_err(cannot)?)
            .stdout(out)
            .process_group(0);
        if let Some(Account { uid, gid }) = account {
            command.uid(uid).gid(gid);
        }
        let child = command.spawn().map_err(cannot)?;
        Ok(Self {
            child,
            name,
            log,
            end,
        })
    }

    /// Waits until `is_ready`, unless it ends first.
    pub(crate) fn wait_until(
        &mut self,
        stop: &Stop,
        is_ready: impl Fn() -> bool,
    ) -> Result<(), String> {
        let started = Instant::now();
        loop {
            let ended = self.child.try_wait().map_err(|error| error.to_string())?;
            if let Some(status) = ended {
                return Err(self.with_log(&format!("ended with {status}")));
            }
            if is_ready() {
                return Ok(());
            }
            if started.elapsed() > READY_MAX {
                let seconds = READY_MAX.as_secs();
                return Err(self.with_log(&format!("did not answer within {seconds} s")));
            }
            if stop.wait_for(LOOK_EVERY) {
                return Err(format!("{} was no longer wanted", self.name));
            }
        }
    }

    fn with_log(&self, what: &str) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n    ");
        format!("{} {what}\n    {last}", self.name)
    }

    fn pid(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.child.id()).ok()?)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // The pid is that of our own child, which nobody else waits for: it cannot be another's.
        if let (Ok(None), Some(pid)) = (self.child.try_wait(), self.pid()) {
            kill_process(pid, self.end).ok();
            let (started, pause) = (Instant::now(), Stop::default());
            while matches!(self.child.try_wait(), Ok(None)) {
                if started.elapsed() > END_MAX {
                    kill_process_group(pid, Signal::KILL).ok();
                    drop(self.child.wait());
                    return;
                }
                pause.wait_for(LOOK_EVERY);
            }
            // Its children are of its group, whose id stays taken for as long as they live.
            kill_process_group(pid, Signal::KILL).ok();
        }
    }
}

/// A command that runs `program`, which gets `signal` when this process is no more, where the
/// system can do so.
fn told_of_our_end(program: &Path, signal: Signal) -> Command {
    let Some(setpriv) = command::find("setpriv") else {
        return Command::new(program);
    };
    let name = if signal == Signal::QUIT {
        "QUIT"
    } else {
        "TERM"
    };
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", name]);
    command.arg(program);
    command
}

/// What a server on `port` sends back for `question`, up to where `is_whole`, or until it closes;
/// `None` if it cannot be reached or says nothing.
pub(crate) fn ask(port: u16, question: &[u8], is_whole: fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(ANSWER_MAX)).ok()?;
    stream.set_write_timeout(Some(ANSWER_MAX)).ok()?;
    exchange(&mut stream, question, is_whole)
}

/// [`ask`] on any connection whose reads end in time.
pub(crate) fn exchange(
    stream: &mut (impl Read + Write),
    question: &[u8],
    is_whole: fn(&[u8]) -> bool,
) -> Option<Vec<u8>> {
    stream.write_all(question).ok()?;
    let (mut answer, mut bytes) = (Vec::new(), [0; 4096]);
    while !is_whole(&answer) && (answer.len() as u64) < ANSWER_BYTES_MAX {
        match stream.read(&mut bytes) {
            Ok(0) | Err(_) => break,
            Ok(count) => answer.extend(&bytes[..count]),
        }
    }
    (!answer.is_empty()).then_some(answer)
}

/// Whether an HTTP server on `port` answers `path` with 200.
pub(crate) fn answers_http(port: u16, path: &str) -> bool {
    let question = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n");
    ask(port, question.as_bytes(), |_| false)
        .is_some_and(|answer| answer.starts_with(b"HTTP/1") && answer[8..].starts_with(b" 200"))
}

/// Writes one file of a server's own.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Where a server's program lies.
pub(crate) fn program(name: &str) -> Result<PathBuf, String> {
    command::find(name).ok_or_else(|| format!("no {name} on this machine"))
}
