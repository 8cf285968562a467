//! Every file in `samples/` is parsed; what a person sees of it is kept as a snapshot.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may fail like the test"
)]

use std::path::Path;

use assay_config::{Problems, parse};
use assay_model::Project;
use miette::{GraphicalReportHandler, GraphicalTheme};
use proptest::prelude::*;

/// The only password in the samples' environment; it must never be shown.
const PASSWORD: &str = "hunter2";

fn environment(name: &str) -> Option<String> {
    match name {
        "API_TOKEN" => Some("b7e1".to_owned()),
        "BROKEN_URL" => Some(format!("http://me:{PASSWORD}@host:port")),
        "DATABASE_URL" => Some(format!("postgres://me:{PASSWORD}@127.0.0.1:5432/shop")),
        _ => None,
    }
}

fn parse_sample(text: &str) -> Result<Project, Problems> {
    parse(text, "assay.toml", Path::new("project"), &environment)
}

fn render(problems: &Problems) -> String {
    let mut out = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(80)
        .render_report(&mut out, problems)
        .unwrap();
    out
}

/// Calls `check` with the name and the text of each file in a folder of samples.
fn for_each_sample(folder: &str, check: impl Fn(&str, &str)) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/samples")
        .join(folder);
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        check(&name, &std::fs::read_to_string(&path).unwrap());
        count += 1;
    }
    assert!(count > 2, "no samples in {}", folder.display());
}

#[test]
fn valid_samples_give_a_project() {
    for_each_sample("valid", |name, text| {
        let project = parse_sample(text).unwrap_or_else(|problems| panic!("{}", problems.plain()));
        let shown = serde_json::to_string_pretty(&project).unwrap();
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!(format!("valid-{name}"), shown);
        });
    });
}

#[test]
fn invalid_samples_show_every_problem_in_its_place() {
    for_each_sample("invalid", |name, text| {
        let problems = parse_sample(text).expect_err(name);
        let shown = format!(
            "{}\n---- plain ----\n{}",
            render(&problems),
            problems.plain()
        );
        assert!(
            !shown
                .replace(text, "")
                .contains(&format!("{PASSWORD}@host:port")),
            "{name}"
        );
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!(format!("invalid-{name}"), shown);
        });
    });
}

#[test]
fn secrets_are_collected_with_their_names() {
    let text = include_str!("samples/valid/everything.toml");
    let project = parse_sample(text).unwrap();
    let secrets: Vec<_> = project
        .secrets
        .iter()
        .map(|s| (&*s.name, &*s.value))
        .collect();
    let url = format!("postgres://me:{PASSWORD}@127.0.0.1:5432/shop");
    assert_eq!(
        secrets,
        [("DATABASE_URL", &*url), ("DATABASE_URL", PASSWORD)]
    );

    let project = parse_sample(include_str!("samples/valid/platform.toml")).unwrap();
    let secrets: Vec<_> = project
        .secrets
        .iter()
        .map(|s| (&*s.name, &*s.value))
        .collect();
    assert_eq!(secrets, [("API_TOKEN", "b7e1")]);
}

#[test]
fn the_gate_is_remembered_with_its_line() {
    let project = parse_sample(include_str!("samples/valid/platform.toml")).unwrap();
    let place = project.services["backend"]
        .deploy
        .as_ref()
        .unwrap()
        .gate_at
        .clone()
        .unwrap();
    assert_eq!((place.file.as_str(), place.line), ("assay.toml", 16));
    assert_eq!(place.text, "gate = \"none\" # blindly");
    assert_eq!(
        project.services["auth"].deploy.as_ref().unwrap().gate_at,
        None
    );
}

proptest! {
    /// Whatever is cut out of a good file or put into it, there is a project or a list of
    /// problems that can be shown, each inside the text.
    #[test]
    fn damaged_files_are_answered(from in 0_usize..1800, length in 0_usize..40, put in "[a-z\\[\\]{}=\" .\n0-9é-]{0,12}") {
        let mut text = include_str!("samples/valid/everything.toml").to_owned();
        let from = text.floor_char_boundary(from);
        let to = text.floor_char_boundary(from + length).max(from);
        text.replace_range(from..to, &put);
        if let Err(problems) = parse_sample(&text) {
            prop_assert!(problems.iter().count() > 0);
            prop_assert!(problems.iter().all(|problem| problem.span.end <= text.len()));
            prop_assert!(!render(&problems).is_empty());
        }
    }
}
