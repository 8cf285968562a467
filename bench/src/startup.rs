//! How long a command takes that has nothing to wait for.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::measure::{assay, is_here, measure, middle};
use crate::table::{Measured, Table};

/// The middle one of so many runs counts.
const ROUNDS: usize = 20;

/// Time that any command may take.
const STARTUP_MAX: Duration = Duration::from_millis(30);

const COMMANDS: [&[&str]; 5] = [
    &["--version"],
    &["--help"],
    &["check"],
    &["runs"],
    &["schema", "config"],
];

const PEERS: [(&str, &str); 2] = [("git", "--version"), ("rg", "--version")];

const CONFIG: &str = "[project]\nname = \"bench\"\n[environment.local]\n\
    [service.api]\nurl = \"http://127.0.0.1:8000\"\nprobe = { http = \"/health\" }\n";

pub(crate) fn run() -> Measured {
    let assay = assay()?;
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("assay.toml"), CONFIG)?;
    let mut table = Table::default();
    for arguments in COMMANDS {
        let run = middle(ROUNDS, || {
            let mut command = Command::new(&assay);
            command.current_dir(folder.path()).args(arguments);
            // 1 and 3 are answers, too: problems, nothing to look at.
            measure(&mut command)?.ended_with(&[0, 1, 3])
        })?;
        table.require(
            &format!("assay {}", arguments.join(" ")),
            format!("{:.1} ms", run.ms()),
            &format!("less than {} ms", STARTUP_MAX.as_millis()),
            run.took < STARTUP_MAX,
        );
    }
    for (program, argument) in PEERS {
        let name = format!("{program} {argument}");
        if !is_here(program) {
            table.note(&name, "-".to_owned(), "not installed".to_owned());
            continue;
        }
        let run = middle(ROUNDS, || {
            measure(Command::new(program).arg(argument))?.ended_with(&[0])
        })?;
        table.note(&name, format!("{:.1} ms", run.ms()), String::new());
    }
    Ok(table)
}
