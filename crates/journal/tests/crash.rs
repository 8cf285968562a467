//! What is left when an appending process is killed, and when its disk refuses to take more.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

use assay_journal::{AppendError, Journal, ReadError, Redactor, RunError, RunWriter};
use assay_model::{Body, RunId, Timestamp};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::json;

/// Rounds of killing; each one resumes what the last one left.
const KILLS: u64 = 25;

/// Tasks that append at once.
const TASKS: u64 = 8;

/// Bytes that a file may have in the test of a refusing disk; in the shell's units of 512 or 1024.
const FILE_BLOCKS: u64 = 200;

fn main() -> Result<ExitCode, Failed> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("append") {
        let dir = arguments.next().unwrap_or_default();
        append(Path::new(&dir))?;
        return Ok(ExitCode::SUCCESS);
    }
    let trials = vec![
        Trial::test("a_killed_writer_loses_nothing_that_it_acknowledged", killed),
        Trial::test(
            "a_disk_that_takes_no_more_is_named_and_leaves_nothing_half_written",
            refused,
        ),
    ];
    Ok(libtest_mimic::run(&Arguments::from_args(), trials).exit_code())
}

/// The program that is killed: appends without end from several tasks, and prints the number of
/// each event once it was acknowledged.
fn append(dir: &Path) -> Result<(), Failed> {
    let journal = Journal::open(dir, Redactor::new(&[]))?;
    let run = RunId::new("r");
    let writer = match journal.reopen(&run) {
        Ok((writer, _)) => writer,
        Err(RunError::Read(ReadError::Unknown { .. })) => journal.begin(&run)?,
        Err(error) => return Err(error.into()),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()?;
    let failed = runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..TASKS {
            tasks.spawn(append_until_it_fails(writer.clone(), task));
        }
        tasks.join_all().await.into_iter().next()
    });
    let error = failed.ok_or("no task")?;
    let source = std::error::Error::source(&error).map(ToString::to_string);
    writeln!(
        std::io::stdout(),
        "error: {error}: {}",
        source.unwrap_or_default()
    )?;
    Ok(())
}

async fn append_until_it_fails(writer: RunWriter, task: u64) -> AppendError {
    for n in 0_u64.. {
        let result = json!({ "task": task, "n": n, "text": ".".repeat(300) });
        let body = Body::ActFinished {
            key: format!("{task}/{n}"),
            result,
        };
        let events = match writer.append(Timestamp::UNIX_EPOCH, None, vec![body]).await {
            Ok(events) => events,
            Err(error) => return error,
        };
        for event in events {
            // Nobody reads any more once the one who kills has gone.
            drop(writeln!(std::io::stdout(), "{}", event.seq));
        }
    }
    unreachable!("the numbers do not end")
}

fn start(dir: &Path) -> std::io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("append")
        .arg(dir)
        .stdout(Stdio::piped())
        .spawn()
}

fn killed() -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let run = RunId::new("r");
    let mut last = 0;
    for round in 0..KILLS {
        let mut child = start(dir.path())?;
        let output = child.stdout.take();
        // Killed after a number of acknowledgements that differs from round to round; what it
        // printed until it was dead counts as acknowledged.
        let mut lines = BufReader::new(output.ok_or("no output")?).lines();
        let mut acknowledged = last;
        for line in lines.by_ref().take(1 + (round as usize * 37) % 200) {
            acknowledged = acknowledged.max(line?.parse()?);
        }
        child.kill()?;
        child.wait()?;
        for line in lines {
            // The last line may have been cut off in the middle of its number.
            if let Ok(seq) = line?.parse::<u64>() {
                acknowledged = acknowledged.max(seq);
            }
        }
        let journal = Journal::open_existing(dir.path())?;
        let found = journal.verify(&run, None)?;
        if !found.ok() {
            return Err(format!("round {round}: {:?}", found.problems).into());
        }
        if found.events < acknowledged || acknowledged <= last {
            let text = format!(
                "round {round}: {} events, {acknowledged} acknowledged",
                found.events
            );
            return Err(text.into());
        }
        last = found.events;
    }
    Ok(())
}

/// The limit is set by a shell that also has the signal for it ignored, so that the write fails
/// as it would on a full disk.
fn refused() -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let script = format!("trap '' XFSZ; ulimit -f {FILE_BLOCKS}; exec \"$@\"");
    let output = Command::new("sh")
        .args(["-c", &script, "sh"])
        .arg(std::env::current_exe()?)
        .arg("append")
        .arg(dir.path())
        .output()?;
    std::io::stderr().write_all(&output.stderr)?;
    let printed = String::from_utf8(output.stdout)?;
    let error = printed
        .lines()
        .find(|line| line.starts_with("error: "))
        .unwrap_or_default();
    if !error.contains("journal.db") {
        return Err(format!("no error that names the journal: {printed:.300}").into());
    }
    let acknowledged = printed
        .lines()
        .filter_map(|line| line.parse().ok())
        .max()
        .unwrap_or(0);
    let journal = Journal::open(dir.path(), Redactor::new(&[]))?;
    let found = journal.verify(&RunId::new("r"), None)?;
    if !found.ok() || found.events < acknowledged || acknowledged == 0 {
        let text = format!(
            "{acknowledged} acknowledged, {} events: {:?}",
            found.events, found.problems
        );
        return Err(text.into());
    }
    // Once there is space, the run goes on.
    let (writer, events) = journal.reopen(&RunId::new("r"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let body = Body::RunResumed {
        found: events.len() as u64,
    };
    let appended = runtime.block_on(writer.append(Timestamp::UNIX_EPOCH, None, vec![body]))?;
    if appended[0].seq != events.len() as u64 + 1 {
        return Err(format!("event {} after {} events", appended[0].seq, events.len()).into());
    }
    Ok(())
}
