//! How long the demo takes, and how much memory assay itself needs for it.
//!
//! The peak is the kernel's own (`VmHWM` in `/proc/PID/status`), read for the run and for its
//! supervisor until they end. The platform's services and the tests are not assay's own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::measure::{assay, megabytes, peak_kb};
use crate::table::{Measured, Table};

/// Peak memory of assay that is allowed, in MB of 1,000,000 bytes.
const MEMORY_MB_MAX: f64 = 100.0;

/// Time that the demo may take.
const DEMO_MAX: Duration = Duration::from_secs(60);

pub(crate) fn run() -> Measured {
    let assay = assay()?;
    let folder = tempfile::tempdir()?;
    let project = folder.path().join("demo");
    let start = Instant::now();
    let mut demo = Command::new(&assay)
        .arg("demo")
        .arg("--dir")
        .arg(&project)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let (mut run_kb, mut supervisor_kb) = (0, 0);
    let status = loop {
        run_kb = run_kb.max(peak_kb(demo.id()).unwrap_or(0));
        let supervisor = supervisor_pid(&project).and_then(peak_kb);
        supervisor_kb = supervisor_kb.max(supervisor.unwrap_or(0));
        if let Some(status) = demo.try_wait()? {
            break status;
        }
        // A peak is never lost between two looks: the kernel keeps it until the process ends.
        std::thread::yield_now();
    };
    let took = start.elapsed();
    if !status.success() {
        return Err(format!("the demo ended with {status}").into());
    }
    let mb = |kb: u64| format!("{:.1} MB", megabytes(kb));
    let mut table = Table::default();
    table.require(
        "demo, from start to end",
        format!("{:.1} s", took.as_secs_f64()),
        "less than 60 s",
        took < DEMO_MAX,
    );
    table.note("peak memory of the run", mb(run_kb), String::new());
    table.note(
        "peak memory of the supervisor",
        mb(supervisor_kb),
        String::new(),
    );
    let both = megabytes(run_kb + supervisor_kb);
    table.require(
        "both together",
        format!("{both:.1} MB"),
        "less than 100 MB",
        both < MEMORY_MB_MAX,
    );
    Ok(table)
}

fn supervisor_pid(project: &Path) -> Option<u32> {
    let path: PathBuf = project.join(".assay/supervisor.json");
    let text = std::fs::read_to_string(path).ok()?;
    let info: serde_json::Value = serde_json::from_str(&text).ok()?;
    let pid = info
        .get("pid")
        .or_else(|| info.get("process")?.get("pid"))?;
    u32::try_from(pid.as_u64()?).ok()
}
