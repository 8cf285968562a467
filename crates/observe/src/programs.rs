//! The user's own programs: found through `PATH` when they are called, run in bounded time and
//! memory, and gone with everything that they started when the look is over.

use std::path::PathBuf;

use assay_world::process::{Command, Ended, Output, ProcessError};
use thiserror::Error;

use crate::look::{CannotSee, Look, one_line};

/// What is read of one answer, in bytes: the pods or events of a busy namespace, and some times
/// the part of a log that is kept.
pub(crate) const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Where the programs are that observers call.
#[derive(Clone, Debug)]
pub struct Programs {
    /// For `kubernetes`.
    pub kubectl: PathBuf,
    /// For `journald`: the messages.
    pub journalctl: PathBuf,
    /// For `journald`: how the unit stands.
    pub systemctl: PathBuf,
}

impl Default for Programs {
    /// By name, so that `PATH` decides.
    fn default() -> Self {
        Self {
            kubectl: "kubectl".into(),
            journalctl: "journalctl".into(),
            systemctl: "systemctl".into(),
        }
    }
}

/// A program gave no answer.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    /// It could not be started.
    #[error(transparent)]
    Start(#[from] ProcessError),
    /// It was cut off.
    #[error("`{command}` gave no answer within {after_ms} ms and was ended")]
    TimedOut { command: String, after_ms: u128 },
    /// It ended with something other than 0.
    #[error("`{command}`: {how}: {said}")]
    Failed {
        command: String,
        how: Ended,
        /// The last line that it printed as an error.
        said: String,
    },
    /// Its answer was longer than what is read.
    #[error("`{command}` answered more than {} MiB", ANSWER_BYTES_MAX / 1024 / 1024)]
    TooLong { command: String },
}

impl CannotSee for RunError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Start(ProcessError::NotFound { program }) => Some(format!(
                "install {program}, or put the folder that has it on PATH"
            )),
            Self::TimedOut { command, .. } => Some(format!("see what it waits for: {command}")),
            _ => None,
        }
    }
}

impl RunError {
    /// What the program itself said, where it did.
    pub(crate) fn said(&self) -> &str {
        match self {
            Self::Failed { said, .. } => said,
            _ => "",
        }
    }
}

/// Runs a program to its end with what is left of the look's time; too long an answer is cut in
/// its middle.
pub(crate) async fn run(command: &Command, look: &Look) -> Result<Output, RunError> {
    let left = look.left();
    let output = command
        .clone()
        .timeout(left)
        // Of which the beginning and the end are kept, in equal parts.
        .output_bytes_max(ANSWER_BYTES_MAX)
        .run()
        .await?;
    match output.ended {
        Ended::Exited(0) => Ok(output),
        Ended::TimedOut => Err(RunError::TimedOut {
            command: command.to_string(),
            after_ms: left.as_millis(),
        }),
        how => Err(RunError::Failed {
            command: command.to_string(),
            how,
            said: last_words(&output),
        }),
    }
}

/// Runs a program whose answer is of use only when it is whole.
pub(crate) async fn run_whole(command: &Command, look: &Look) -> Result<Vec<u8>, RunError> {
    let output = run(command, look).await?;
    if output.truncated {
        return Err(RunError::TooLong {
            command: command.to_string(),
        });
    }
    Ok(output.stdout)
}

/// What it complained about last; else what it printed last.
fn last_words(output: &Output) -> String {
    let is_blank = output.stderr.iter().all(u8::is_ascii_whitespace);
    last_line(if is_blank {
        &output.stdout
    } else {
        &output.stderr
    })
}

fn last_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    one_line(last.unwrap_or("it said nothing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(stderr: &str, expected: &str) {
        assert_eq!(last_line(stderr.as_bytes()), expected);
    }

    #[test]
    fn the_last_line_is_what_a_program_says() {
        check("", "it said nothing");
        check(
            "warning: x\nerror: no such context\n\n",
            "error: no such context",
        );
    }
}
