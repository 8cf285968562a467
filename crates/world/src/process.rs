//! Commands that are run to their end, with a limit on time and on output, leaving nothing
//! behind.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::clock::Stopwatch;

/// Variables that every process gets from ours: without them hardly any program finds its
/// tools, its home or its language. Everything else is given explicitly.
pub const BASE_ENV: [&str; 4] = ["PATH", "HOME", "TMPDIR", "LANG"];

/// Longer than any command of ours should take, for those that do not say.
const TIMEOUT_S: u64 = 120;

/// Of each of the two streams, unless the command says otherwise: enough for a large diff, and
/// harmless in memory.
const OUTPUT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How long to wait for the end of output after the process has ended. Only a process that left
/// its group can still hold the pipe, and nobody waits for that one.
const DRAIN_MS: u64 = 500;

/// The variables of [`BASE_ENV`] that are set here.
pub fn base_env() -> impl Iterator<Item = (&'static str, OsString)> {
    BASE_ENV
        .into_iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)))
}

/// A program with its arguments and limits.
#[derive(Clone, Debug)]
pub struct Command {
    program: OsString,
    args: Vec<OsString>,
    cwd: Option<PathBuf>,
    env: BTreeMap<OsString, OsString>,
    clear_env: bool,
    timeout: Duration,
    output_bytes_max: usize,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this code.
    Exited(i32),
    /// By a signal that was not ours.
    Signalled(i32),
    /// It took too long and was killed.
    TimedOut,
}

/// What a command left.
#[derive(Clone, Debug)]
pub struct Output {
    /// How it ended.
    pub ended: Ended,
    /// What it printed, its middle cut out where it was too long.
    pub stdout: Vec<u8>,
    /// The same for its other stream.
    pub stderr: Vec<u8>,
    /// Whether something was cut out of either.
    pub truncated: bool,
    /// How long it ran.
    pub duration: Duration,
}

/// A command could not be run at all.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// There is no such program.
    #[error("cannot find the program {program}")]
    NotFound {
        /// As it was called.
        program: String,
    },
    /// The folder to run it in is missing.
    #[error("cannot run {program} in {}: no such folder", cwd.display())]
    NoFolder {
        /// As it was called.
        program: String,
        /// Where it was to run.
        cwd: PathBuf,
    },
    /// It could not be started, or its end could not be awaited.
    #[error("cannot run {program}")]
    Io {
        /// As it was called.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Command {
    /// A command with our own environment and the default limits.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            cwd: None,
            env: BTreeMap::new(),
            clear_env: false,
            timeout: Duration::from_secs(TIMEOUT_S),
            output_bytes_max: OUTPUT_BYTES_MAX,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Runs it in this folder.
    #[must_use]
    pub fn cwd(mut self, cwd: impl AsRef<Path>) -> Self {
        self.cwd = Some(cwd.as_ref().to_owned());
        self
    }

    /// Sets one variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .insert(name.as_ref().to_owned(), value.as_ref().to_owned());
        self
    }

    /// Inherits nothing but [`BASE_ENV`].
    #[must_use]
    pub fn clear_env(mut self) -> Self {
        self.clear_env = true;
        self
    }

    /// Kills it after this time.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Keeps at most this much of each stream: its beginning and its end.
    #[must_use]
    pub fn output_bytes_max(mut self, bytes: usize) -> Self {
        self.output_bytes_max = bytes;
        self
    }

    /// Runs it to its end. Its whole process group is gone when this returns, and also when the
    /// future is dropped before.
    ///
    /// # Errors
    /// When it could not be started. A failure of the program itself is in [`Output::ended`].
    pub async fn run(&self) -> Result<Output, ProcessError> {
        let watch = Stopwatch::start();
        let mut child = self.spawn()?;
        let group = Group::led_by(child.id());
        let mut out = Capture::new(self.output_bytes_max);
        let mut err = Capture::new(self.output_bytes_max);
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let ended = {
            let reading = async { tokio::join!(out.read(stdout), err.read(stderr)) };
            tokio::pin!(reading);
            let mut at_end = false;
            let deadline = tokio::time::sleep(self.timeout);
            tokio::pin!(deadline);
            let ended = loop {
                tokio::select! {
                    status = child.wait() => break Some(status),
                    _ = &mut reading, if !at_end => at_end = true,
                    () = &mut deadline => break None,
                }
            };
            group.kill();
            let ended = match ended {
                Some(status) => how(status.map_err(|source| self.failed(source))?),
                None => {
                    child.wait().await.map_err(|source| self.failed(source))?;
                    Ended::TimedOut
                }
            };
            if !at_end {
                let rest = Duration::from_millis(DRAIN_MS);
                tokio::time::timeout(rest, &mut reading).await.ok();
            }
            ended
        };
        Ok(Output {
            ended,
            truncated: out.is_cut() || err.is_cut(),
            stdout: out.finish(),
            stderr: err.finish(),
            duration: watch.elapsed(),
        })
    }

    fn spawn(&self) -> Result<tokio::process::Child, ProcessError> {
        let mut command = tokio::process::Command::new(&self.program);
        if self.clear_env {
            command.env_clear().envs(base_env());
        }
        command
            .args(&self.args)
            .envs(&self.env)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(cwd) = &self.cwd {
            // The system reports a missing folder just like a missing program.
            if !cwd.is_dir() {
                return Err(ProcessError::NoFolder {
                    program: self.name(),
                    cwd: cwd.clone(),
                });
            }
            command.current_dir(cwd);
        }
        command.spawn().map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => ProcessError::NotFound {
                program: self.name(),
            },
            _ => self.failed(source),
        })
    }

    fn name(&self) -> String {
        self.program.to_string_lossy().into_owned()
    }

    fn failed(&self, source: io::Error) -> ProcessError {
        ProcessError::Io {
            program: self.name(),
            source,
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.program.to_string_lossy())?;
        for arg in &self.args {
            let arg = arg.to_string_lossy();
            if arg.is_empty() || arg.contains(|c: char| c.is_whitespace() || c == '\'') {
                write!(out, " {arg:?}")?;
            } else {
                write!(out, " {arg}")?;
            }
        }
        Ok(())
    }
}

impl Output {
    /// It ended by itself with code 0.
    pub fn success(&self) -> bool {
        self.ended == Ended::Exited(0)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(out, "exit code {code}"),
            Self::Signalled(signal) => write!(out, "signal {signal}"),
            Self::TimedOut => out.write_str("timed out"),
        }
    }
}

fn how(status: ExitStatus) -> Ended {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Exited(code),
        (None, signal) => Ended::Signalled(signal.unwrap_or_default()),
    }
}

/// A process group that is killed when this goes away.
#[derive(Debug)]
pub(crate) struct Group(Option<Pid>);

impl Group {
    pub(crate) fn led_by(pid: Option<u32>) -> Self {
        Self(
            pid.and_then(|pid| i32::try_from(pid).ok())
                .and_then(Pid::from_raw),
        )
    }

    /// Whether any process of the group is left.
    pub(crate) fn exists(&self) -> bool {
        self.0
            .is_some_and(|group| test_kill_process_group(group).is_ok())
    }

    /// A group that is gone already cannot be signalled, which is as good.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            kill_process_group(group, signal).ok();
        }
    }

    /// Kills what is left of it.
    pub(crate) fn kill(self) {
        drop(self);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// The beginning and the end of a stream, in bounded memory.
struct Capture {
    head: Vec<u8>,
    tail: Vec<u8>,
    half: usize,
    cut: usize,
}

impl Capture {
    fn new(bytes_max: usize) -> Self {
        Self {
            head: Vec::new(),
            tail: Vec::new(),
            half: bytes_max / 2,
            cut: 0,
        }
    }

    async fn read(&mut self, stream: Option<impl AsyncRead + Unpin>) {
        let Some(mut stream) = stream else { return };
        let mut chunk = vec![0; 16 * 1024];
        // A broken pipe is the end of the output like any other.
        while let Ok(n @ 1..) = stream.read(&mut chunk).await {
            self.push(&chunk[..n]);
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        let room = self.half.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        self.tail.extend_from_slice(&bytes[room..]);
        // Twice the size before cutting, so that each byte is moved once on average.
        if self.tail.len() > 2 * self.half {
            self.shorten();
        }
    }

    fn shorten(&mut self) {
        let surplus = self.tail.len().saturating_sub(self.half);
        self.tail.drain(..surplus);
        self.cut += surplus;
    }

    /// Whether something is or will be left out of what [`Capture::finish`] gives.
    fn is_cut(&self) -> bool {
        self.cut > 0 || self.tail.len() > self.half
    }

    fn finish(mut self) -> Vec<u8> {
        if self.is_cut() {
            self.shorten();
            self.head
                .extend_from_slice(format!("\n… {} bytes cut …\n", self.cut).as_bytes());
        }
        self.head.append(&mut self.tail);
        self.head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        Command::new("/bin/sh")
            .args(["-c", script])
            .timeout(Duration::from_secs(20))
    }

    #[track_caller]
    fn check(chunks: &[&str], expected: &str) {
        let mut capture = Capture::new(8);
        for chunk in chunks {
            capture.push(chunk.as_bytes());
        }
        assert_eq!(String::from_utf8(capture.finish()).unwrap(), expected);
    }

    #[test]
    fn a_capture_keeps_both_ends() {
        check(&[], "");
        check(&["abcdefgh"], "abcdefgh");
        check(&["abc", "defgh"], "abcdefgh");
        check(&["abcdefghi"], "abcd\n… 1 bytes cut …\nfghi");
        check(
            &["ab", "cdefghijklmnop", "q", "rs"],
            "abcd\n… 11 bytes cut …\npqrs",
        );
    }

    #[tokio::test]
    async fn output_and_code_come_back() {
        let output = sh("echo out; echo err >&2; exit 3").run().await.unwrap();
        assert_eq!(output.ended, Ended::Exited(3));
        assert_eq!(output.stdout, b"out\n");
        assert_eq!(output.stderr, b"err\n");
        assert!(!output.truncated);
    }

    #[tokio::test]
    async fn a_signal_is_told_from_a_code() {
        assert_eq!(
            sh("kill -9 $$").run().await.unwrap().ended,
            Ended::Signalled(9)
        );
    }

    #[tokio::test]
    async fn too_much_output_is_cut_and_says_so() {
        // Far too much, and just too much.
        for bytes in [300_000, 1_001] {
            let script = format!("head -c {bytes} /dev/zero | tr '\\0' x");
            let output = sh(&script).output_bytes_max(1000).run().await.unwrap();
            assert!(output.success() && output.truncated, "{bytes}");
            assert!(output.stdout.len() < 1100, "{bytes}");
        }
    }

    #[tokio::test]
    async fn a_timeout_kills_the_whole_group() {
        let command = sh("sleep 600 & echo $!; wait").timeout(Duration::from_millis(300));
        let output = command.run().await.unwrap();
        assert_eq!(output.ended, Ended::TimedOut);
        gone(&output.stdout).await;
    }

    #[tokio::test]
    async fn what_outlives_its_leader_is_killed() {
        let output = sh("sleep 600 & echo $!").run().await.unwrap();
        assert!(output.success());
        gone(&output.stdout).await;
    }

    #[tokio::test]
    async fn a_dropped_run_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        let command = sh("sleep 600 & echo $! > pid.new; mv pid.new pid; wait").cwd(dir.path());
        tokio::select! {
            _ = command.run() => panic!("it cannot end"),
            () = until(|| file.exists()) => {}
        }
        gone(&std::fs::read(file).unwrap()).await;
    }

    #[tokio::test]
    async fn missing_things_are_named() {
        let error = Command::new("no-such-program-here")
            .run()
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot find the program no-such-program-here"
        );
        let error = sh("true").cwd("/no/such/folder").run().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot run /bin/sh in /no/such/folder: no such folder"
        );
    }

    #[tokio::test]
    async fn a_cleared_environment_has_the_base_only() {
        let output = sh("env")
            .clear_env()
            .env("X_GIVEN", "1")
            .run()
            .await
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            text.contains("X_GIVEN=1") && text.contains("PATH="),
            "{text}"
        );
        assert!(!text.contains("CARGO"), "{text}");
    }

    async fn gone(pid: &[u8]) {
        let pid: u32 = std::str::from_utf8(pid).unwrap().trim().parse().unwrap();
        until(|| crate::identity(pid).is_none()).await;
    }

    async fn until(holds: impl Fn() -> bool) {
        let watch = Stopwatch::start();
        while !holds() {
            assert!(
                watch.elapsed() < Duration::from_secs(10),
                "it never came true"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
