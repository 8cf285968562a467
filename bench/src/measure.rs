//! Other programs, measured from outside.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Between two looks at the memory of a process. The kernel keeps the peak, so that only what
/// grows in the last of these intervals can be missed.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// One run of a program.
pub(crate) struct Measurement {
    pub(crate) took: Duration,
    /// Highest resident size, in units of 1,024 bytes.
    pub(crate) peak_kb: u64,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Measurement {
    pub(crate) fn ms(&self) -> f64 {
        self.took.as_secs_f64() * 1e3
    }

    /// An error that shows what the program said, unless it ended with one of `codes`.
    pub(crate) fn ended_with(self, codes: &[i32]) -> Result<Self, Box<dyn Error>> {
        if self.status.code().is_some_and(|code| codes.contains(&code)) {
            return Ok(self);
        }
        let said = String::from_utf8_lossy(&self.stderr);
        Err(format!("it ended with {}: {}", self.status, said.trim()).into())
    }
}

/// Runs a program to its end.
pub(crate) fn measure(command: &mut Command) -> Result<Measurement, Box<dyn Error>> {
    let program = command.get_program().display().to_string();
    let start = Instant::now();
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    let pid = child.id();
    let (ended, end) = mpsc::channel::<()>();
    let looker = thread::spawn(move || {
        let mut peak = 0;
        while end.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
            peak = peak.max(peak_kb(pid).unwrap_or(0));
        }
        peak
    });
    let output = child.wait_with_output()?;
    let took = start.elapsed();
    drop(ended);
    Ok(Measurement {
        took,
        peak_kb: looker.join().unwrap_or(0),
        status: output.status,
        stdout: output.stdout,
        stderr: output.stderr,
    })
}

/// The middle one of so many runs, by time; the first run only warms the caches up.
pub(crate) fn middle(
    rounds: usize,
    mut run: impl FnMut() -> Result<Measurement, Box<dyn Error>>,
) -> Result<Measurement, Box<dyn Error>> {
    run()?;
    let mut runs = (0..rounds)
        .map(|_| run())
        .collect::<Result<Vec<Measurement>, _>>()?;
    runs.sort_by_key(|run| run.took);
    Ok(runs.swap_remove(rounds / 2))
}

/// A folder on the disk that holds the build, since the one for temporary files may be memory.
pub(crate) fn folder() -> std::io::Result<TempDir> {
    let target = Path::new("target");
    if target.is_dir() {
        TempDir::with_prefix_in("bench-", target)
    } else {
        TempDir::new_in(".")
    }
}

/// The assay that was built beside this benchmark.
pub(crate) fn assay() -> Result<PathBuf, Box<dyn Error>> {
    let assay = std::env::current_exe()?.with_file_name("assay");
    if assay.is_file() {
        Ok(assay)
    } else {
        Err("no assay beside the benchmark: run `cargo build --release` first".into())
    }
}

/// Whether a program to compare with is on this machine.
pub(crate) fn is_here(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// `/proc` counts in units of 1,024 bytes.
pub(crate) fn megabytes(kb: u64) -> f64 {
    (kb * 1_024) as f64 / 1e6
}

/// The highest resident size of a process so far.
pub(crate) fn peak_kb(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
