//! A command probe: a program of the user's, without a shell, in the project's root.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use assay_model::{CommandProbe, Health, ProbeTarget, Status};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use crate::address::unusable;
use crate::answer::cut;
use crate::failure::Failure;
use crate::timeline::{self, Timeline};

/// Bytes of each of its outputs that are kept. What comes after is read and dropped, so that the
/// program is not held up.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 8 * 1024;

/// Time for the outputs to end once the program has: something that it left behind may keep them
/// open for ever.
const OUTPUT_GRACE: Duration = Duration::from_millis(200);

/// What it printed.
#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
    truncated: bool,
}

/// Runs it once.
pub(crate) async fn once(
    target: &ProbeTarget,
    probe: &CommandProbe,
    root: &Path,
) -> (Health, Vec<u8>) {
    let mut timeline = Timeline::start("did not end");
    let (mut stdout, mut stderr) = (Output::default(), Output::default());
    let shown = probe.command.join(" ");
    let timeout_ms = target.probe.timeout_ms;
    let outcome = match start(probe, root) {
        Ok((mut child, group)) => {
            let ended = run(&mut child, &mut stdout, &mut stderr);
            let ended = tokio::time::timeout(Duration::from_millis(timeout_ms), ended).await;
            finish(ended.ok(), &mut child, group).await
        }
        Err(problem) => Err(problem),
    };
    timeline.reached("ended", "did not end");
    let mut health = Health::new(
        target.service.clone(),
        "command",
        shown,
        Status::Unreachable,
    );
    health.latency_ms = timeline.elapsed_ms();
    let took = health.latency_ms;
    (health.status, health.detail) = match outcome {
        Ok(Some(exit)) => judge(
            probe,
            exit,
            took,
            target.probe.degraded_ms,
            &stdout,
            &stderr,
        ),
        Ok(None) => timeline.timed_out(timeout_ms),
        Err(failure) => failure,
    };
    let exchange = render(&health, &stdout, &stderr);
    (health, exchange)
}

/// The group of a program that runs; killed if this is dropped before [`Group::forget`].
struct Group(Option<Pid>);

impl Group {
    /// Everything in it has ended.
    fn forget(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may have ended by itself in between.
            let _gone = kill_process_group(group, Signal::KILL);
        }
    }
}

fn start(probe: &CommandProbe, root: &Path) -> Result<(Child, Group), Failure> {
    let Some((program, arguments)) = probe.command.split_first() else {
        return Err(unusable("the command is empty"));
    };
    // A path is relative to the root, a bare name is looked for on PATH.
    let path = if program.contains('/') {
        root.join(program)
    } else {
        PathBuf::from(program)
    };
    let child = Command::new(path)
        .args(arguments)
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound if !root.is_dir() => {
                unusable(format!("no such folder `{}`", root.display()))
            }
            io::ErrorKind::NotFound => unusable(format!("no such program `{program}`")),
            io::ErrorKind::PermissionDenied => unusable(format!("`{program}` may not be executed")),
            _ => unusable(format!("`{program}` cannot be run: {error}")),
        })?;
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    Ok((child, Group(pid)))
}

/// Waits for its end; then for the end of its outputs, but not for long. The second value says
/// whether they did end.
async fn run(
    child: &mut Child,
    stdout: &mut Output,
    stderr: &mut Output,
) -> io::Result<(ExitStatus, bool)> {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let read = async { tokio::join!(drain(out, stdout), drain(err, stderr)) };
    tokio::pin!(read);
    let exit = tokio::select! {
        exit = child.wait() => exit?,
        _ = &mut read => return Ok((child.wait().await?, true)),
    };
    let ended = tokio::time::timeout(OUTPUT_GRACE, read).await;
    Ok((exit, ended.is_ok()))
}

async fn drain(pipe: Option<impl AsyncRead + Unpin>, output: &mut Output) {
    let Some(mut pipe) = pipe else { return };
    let mut chunk = [0; CHUNK_BYTES];
    while let Ok(read @ 1..) = pipe.read(&mut chunk).await {
        let room = OUTPUT_BYTES_MAX - output.bytes.len();
        output.bytes.extend_from_slice(&chunk[..read.min(room)]);
        output.truncated |= read > room;
    }
}

/// Leaves nothing behind. `None` is a program that had to be killed.
async fn finish(
    ended: Option<io::Result<(ExitStatus, bool)>>,
    child: &mut Child,
    group: Group,
) -> Result<Option<ExitStatus>, Failure> {
    match ended {
        Some(Ok((exit, true))) => {
            group.forget();
            Ok(Some(exit))
        }
        // Something that it left behind still holds its outputs.
        Some(Ok((exit, false))) => Ok(Some(exit)),
        Some(Err(error)) => Err(unusable(format!("its end cannot be seen: {error}"))),
        None => {
            drop(group);
            // Nothing survives the signal, so this returns at once; its code means nothing.
            let _reaped = child.wait().await;
            Ok(None)
        }
    }
}

fn judge(
    probe: &CommandProbe,
    exit: ExitStatus,
    took: u64,
    degraded_ms: u64,
    stdout: &Output,
    stderr: &Output,
) -> (Status, String) {
    use std::os::unix::process::ExitStatusExt;
    let last = last_line(stderr).or_else(|| last_line(stdout));
    let because = last.map(|line| format!(": {line}")).unwrap_or_default();
    match (exit.code(), exit.signal()) {
        (Some(code), _) if code == probe.exit => {
            timeline::judge_pace(&format!("exit code {code}"), took, degraded_ms)
        }
        (Some(code), _) if Some(code) == probe.degraded_exit => (
            Status::Degraded,
            format!("exit code {code} means degraded{because}"),
        ),
        (Some(code), _) => (
            Status::Unavailable,
            format!("exit code {code}, expected {}{because}", probe.exit),
        ),
        (None, signal) => (
            Status::Unavailable,
            format!("ended by signal {}{because}", signal.unwrap_or_default()),
        ),
    }
}

fn last_line(output: &Output) -> Option<String> {
    let text = String::from_utf8_lossy(&output.bytes);
    let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
    Some(cut(line.trim()))
}

fn render(health: &Health, stdout: &Output, stderr: &Output) -> Vec<u8> {
    let mut out = format!("$ {}\n", health.target).into_bytes();
    for (name, output) in [("stdout", stdout), ("stderr", stderr)] {
        if output.bytes.is_empty() {
            continue;
        }
        out.extend_from_slice(format!("[{name}]\n").as_bytes());
        out.extend_from_slice(&output.bytes);
        if output.truncated {
            out.extend_from_slice(format!("\n[cut at {OUTPUT_BYTES_MAX} bytes]").as_bytes());
        }
        out.push(b'\n');
    }
    out.extend_from_slice(format!("[{}: {}]\n", health.status.word(), health.detail).as_bytes());
    out
}
