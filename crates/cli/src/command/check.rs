//! `assay check`: the configuration, and whether it fits the world around it.

use std::path::Path;

use assay_config::{ConfigError, Problems};

use crate::args::CheckArgs;
use crate::document::{CheckDocument, Describes, ProblemRow};
use crate::failure::Failure;
use crate::output::Output;
use crate::session::{CONFIG_FILE, find_root};
use crate::terminal;

pub(crate) fn run(folder: &Path, args: &CheckArgs, output: Output) -> Result<u8, Failure> {
    let path = find_root(folder)?.join(CONFIG_FILE);
    let (describes, problems, code) = match assay_config::check(&path) {
        Ok(checked) => {
            let project = &checked.project;
            let describes = Describes {
                services: project.services.len(),
                dependencies: project.dependencies.len(),
                suites: project.suites.len(),
            };
            let problems = checked.problems;
            let bad = problems
                .as_ref()
                .is_some_and(|problems| args.strict || problems.has_errors());
            let empty = describes.services == 0;
            let code = if bad { 1 } else { u8::from(empty) * 3 };
            (Some(describes), problems, code)
        }
        Err(ConfigError::Invalid(problems)) => (None, Some(problems), 2),
        Err(error) => return Err(error.into()),
    };
    let rows = problems.as_ref().map(rows).unwrap_or_default();
    let document = CheckDocument {
        file: CONFIG_FILE.to_owned(),
        describes,
        problems: rows,
    };
    let text = || text(&document, problems);
    output.list(&document, &document.problems, text);
    Ok(code)
}

fn rows(problems: &Problems) -> Vec<ProblemRow> {
    problems
        .iter()
        .map(|problem| {
            let (line, column) = problems.position(problem);
            ProblemRow {
                severity: problem.severity.word().to_owned(),
                message: problem.message.clone(),
                label: problem.label.clone(),
                hint: problem.hint.clone(),
                line,
                column,
            }
        })
        .collect()
}

/// Each problem with its line and a caret on a terminal, one line each elsewhere.
fn text(document: &CheckDocument, problems: Option<Problems>) -> String {
    let mut text = String::new();
    if let Some(problems) = problems {
        text = if terminal::is_screen() {
            format!("{:?}\n", miette::Report::new(problems))
        } else {
            problems.plain()
        };
    }
    let count = |severity: &str| {
        let rows = document.problems.iter();
        rows.filter(|row| row.severity == severity).count()
    };
    let found = match (count("error"), count("warning")) {
        (0, 0) => "nothing is wrong with it".to_owned(),
        (errors, warnings) => format!("errors: {errors}, warnings: {warnings}"),
    };
    let describes = document.describes.as_ref().map_or_else(
        || "cannot be used".to_owned(),
        |describes| {
            format!(
                "services: {}, dependencies: {}, suites: {}",
                describes.services, describes.dependencies, describes.suites
            )
        },
    );
    text.push_str(&format!("{}: {describes}; {found}", document.file));
    text
}
