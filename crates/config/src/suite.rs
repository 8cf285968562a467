//! `[suite.NAME]`.

use assay_model::{Suite, SuiteKind};

use crate::claim::ClaimKind;
use crate::table::Field;

/// Known test runners, and whether assay needs to be told the command.
const RUNNERS: [(&str, (&str, bool)); 4] = [
    ("junit", ("junit", false)),
    ("libtest", ("libtest", true)),
    ("playwright", ("playwright", false)),
    ("pytest", ("pytest", false)),
];

/// Tests at once, unless the file says otherwise: what a machine of two cores bears.
const WORKERS: u64 = 2;

/// Tests at once: each worker has a listener per service.
const WORKERS_MAX: u64 = 64;

/// Milliseconds after which a test is timed out, unless the file says otherwise.
const TIMEOUT_MS: u64 = 30_000;

/// Reads one suite; `None` where nothing usable is there, which is then a problem already.
pub(crate) fn read(field: &Field<'_>) -> Option<Suite> {
    field.check_name();
    let table = field.table()?;
    let runner = table
        .required("runner")
        .and_then(|field| field.choice(&RUNNERS));
    let command = match runner {
        Some((_, true)) => table.required("command"),
        _ => table.optional("command"),
    };
    let command = command.and_then(|field| field.own_command());
    let paths = table
        .optional("paths")
        .and_then(|field| field.paths(ClaimKind::Path));
    let kind = table.optional("kind").and_then(|field| {
        field.choice(&[
            ("e2e", SuiteKind::E2e),
            ("integration", SuiteKind::Integration),
            ("unit", SuiteKind::Unit),
        ])
    });
    let env = table.optional("env").and_then(|field| field.variables());
    let covers = table
        .optional("covers")
        .and_then(|field| field.references(false));
    let default = table.optional("default").and_then(|field| field.boolean());
    let workers = table
        .optional("workers")
        .and_then(|field| field.integer(1..=WORKERS_MAX));
    let timeout_ms = table
        .optional("timeout_s")
        .and_then(|field| field.seconds_as_millis(1));
    let only = table.optional("only").and_then(|field| field.strings());
    table.finish();
    Some(Suite {
        name: field.key.clone(),
        runner: runner.map_or_else(String::new, |(name, _)| name.to_owned()),
        command: command.unwrap_or_default(),
        paths: paths.unwrap_or_default(),
        kind: kind.unwrap_or(SuiteKind::E2e),
        env: env.unwrap_or_default(),
        covers: covers.unwrap_or_default(),
        default: default.unwrap_or(true),
        workers: workers.unwrap_or(WORKERS) as usize,
        timeout_ms: timeout_ms.unwrap_or(TIMEOUT_MS),
        only: only.unwrap_or_default(),
    })
}
