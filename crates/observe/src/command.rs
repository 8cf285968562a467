//! `command`: a program of the user's whose output is the log.

use std::path::Path;

use assay_model::{Sighting, Source, UnknownPlaceholder, Window, expand};
use assay_world::clock::stamp;
use assay_world::process::Command;
use thiserror::Error;

use crate::log_time::Times;
use crate::look::{CannotSee, Look, Seen, log_only};
use crate::programs::{RunError, run};
use crate::tail::Tail;

/// The user's program gave no log.
#[derive(Debug, Error)]
pub(crate) enum CommandError {
    /// No program is named.
    #[error("the command is empty")]
    Empty,
    /// A word has a placeholder that means nothing here.
    #[error(transparent)]
    Placeholder(#[from] UnknownPlaceholder),
    /// It failed, hung or is not there.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl CannotSee for CommandError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Empty => Some("observe = { command = [\"program\", \"argument\"] }".to_owned()),
            Self::Placeholder(_) => Some("known are {since} and {until}".to_owned()),
            Self::Run(error) => error.hint(),
        }
    }
}

/// Runs the program in the project's root. It is not run for a look that wants no log.
pub(crate) async fn look(words: &[String], root: &Path, look: &Look) -> Result<Seen, CommandError> {
    if !look.wants_everything() {
        return Ok(Seen::default());
    }
    let words = filled(words, &look.window)?;
    let (program, args) = words.split_first().ok_or(CommandError::Empty)?;
    let command = Command::new(program).args(args).cwd(root);
    let output = run(&command, look).await?;
    let text = String::from_utf8_lossy(&output.stdout);
    let times = Times::utc(look.window.to);
    let log = in_window(&text, &times, look);
    let source = Source::Command {
        command: command.to_string(),
    };
    Ok(Seen {
        instances: vec![Sighting {
            instance: log_only("command", program),
            wanted: false,
            log: log.map(|log| (source, log)),
            record: None,
        }],
        ..Seen::default()
    })
}

fn filled(words: &[String], window: &Window) -> Result<Vec<String>, UnknownPlaceholder> {
    let value = |name: &str| match name {
        "since" => Some(stamp(window.from)),
        "until" => Some(stamp(window.to)),
        _ => None,
    };
    words.iter().map(|word| expand(word, &value)).collect()
}

/// Lines that say when they were written have to belong to the window; those before the first of
/// them, and all lines where none says it, are taken as they are.
fn in_window(text: &str, times: &Times, look: &Look) -> Option<String> {
    let mut tail = Tail::default();
    let mut last = None;
    for line in text.lines() {
        let (at, rest) = match times.of(line) {
            Some((at, rest)) => (Some(at), rest),
            None => (last, line),
        };
        last = at;
        match at {
            Some(at) if look.holds(at) => tail.push(at, rest),
            Some(_) => {}
            None => tail.push_bare(rest),
        }
    }
    tail.into_text()
}

#[cfg(test)]
mod tests {
    use assay_model::Detail;

    use super::*;

    fn window() -> Window {
        Window {
            from: "2026-11-23T10:00:00Z".parse().unwrap(),
            to: "2026-11-23T11:00:00Z".parse().unwrap(),
        }
    }

    #[track_caller]
    fn check(output: &str, expected: Option<&str>) {
        let look = Look::begin(&window(), Detail::Everything);
        let seen = in_window(output, &Times::utc(look.window.to), &look);
        assert_eq!(seen.as_deref(), expected);
    }

    #[test]
    fn lines_outside_the_window_are_left_out() {
        check("", None);
        check("no times\nat all\n", Some("no times\nat all\n"));
        check(
            "2026-11-23T09:59:59Z before\n  more of it\n2026-11-23T12:30:00+02:00 in\n  more\n2026-11-23T11:00:01Z after",
            Some("2026-11-23T10:30:00.000Z in\n2026-11-23T10:30:00.000Z   more\n"),
        );
    }

    #[test]
    fn the_window_is_in_the_words() {
        let words = ["logs", "--from={since}", "{until}", "{ print $1 }"].map(str::to_owned);
        assert_eq!(
            filled(&words, &window()).unwrap(),
            [
                "logs",
                "--from=2026-11-23T10:00:00.000Z",
                "2026-11-23T11:00:00.000Z",
                "{ print $1 }"
            ]
        );
        let error = filled(&["{from}".to_owned()], &window()).unwrap_err();
        assert!(error.to_string().contains("{from}"), "{error}");
    }
}
