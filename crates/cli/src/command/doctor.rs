//! `assay doctor`: what this machine lacks for the project, and how to get it.

use std::path::Path;

use assay_doctor::{Checked, Machine, Status, examine, needs};

use crate::document::DoctorDocument;
use crate::failure::Failure;
use crate::output::{Output, Verbosity};
use crate::palette::{Meaning, paint};
use crate::session::{CONFIG_FILE, STATE_FOLDER, find_root};
use crate::terminal::{COLUMNS, fold};

/// Columns before what is said of a check.
const INDENT: usize = 4;

/// Columns of a status.
const STATUS_COLUMNS: usize = 14;

pub(crate) async fn run(folder: &Path, output: Output) -> Result<u8, Failure> {
    let project = assay_config::load(&find_root(folder)?.join(CONFIG_FILE))?;
    let machine = Machine::here(&project.root, &project.root.join(STATE_FOLDER));
    let checks = examine(&needs(&project), &machine).await;
    let blocking = checks.iter().any(|check| check.blocking);
    let document = DoctorDocument { checks };
    let verbose = output.verbosity == Verbosity::Verbose;
    let colour = output.colour();
    output.list(&document, &document.checks, || {
        text(&document.checks, verbose, colour)
    });
    Ok(u8::from(blocking))
}

fn text(checks: &[Checked], verbose: bool, colour: bool) -> String {
    let mut out = String::new();
    // What stands in the way first.
    let mut sorted: Vec<&Checked> = checks.iter().collect();
    sorted.sort_by_key(|check| (!check.blocking, !check.status.is_problem()));
    for check in sorted {
        let meaning = match (check.status, check.blocking) {
            (Status::Ok, _) => Meaning::Good,
            (_, true) => Meaning::Bad,
            (_, false) => Meaning::Warning,
        };
        let status = format!("{:<STATUS_COLUMNS$}", check.status.word());
        let found = check.found.as_ref().map(|found| format!(" {found}"));
        let path = check
            .path
            .as_ref()
            .map(|path| format!(" ({})", path.display()));
        let line = format!(
            "{}{}{}{}",
            paint(meaning, &status, colour),
            check.name,
            found.unwrap_or_default(),
            path.unwrap_or_default()
        );
        out.push_str(line.trim_end());
        out.push('\n');
        let mut say = |label: &str, text: &str| {
            let text = fold(&format!("{label}{text}"), INDENT, COLUMNS);
            out.push_str(&format!("{:INDENT$}{text}\n", ""));
        };
        if let Some(detail) = &check.detail {
            say("", detail);
        }
        if check.status == Status::Ok && !verbose {
            continue;
        }
        if let Some(required) = &check.required {
            say("required: ", required);
        }
        if !check.required_for.is_empty() {
            say("for: ", &check.required_for.join(", "));
        }
        if !check.why.is_empty() {
            say("because of: ", &check.why.join(", "));
        }
        for advice in &check.advice {
            say("→ ", advice);
        }
    }
    let problems = checks
        .iter()
        .filter(|check| check.status.is_problem())
        .count();
    let blocking = checks.iter().filter(|check| check.blocking).count();
    out.push_str(&match problems {
        0 => format!("\n{} checks, nothing is missing\n", checks.len()),
        _ => format!(
            "\n{} checks, {problems} not in order, {blocking} in the way of something\n",
            checks.len()
        ),
    });
    out
}
