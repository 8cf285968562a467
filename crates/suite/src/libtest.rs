//! Any test program that understands libtest's command line: Rust's own harness,
//! libtest-mimic, and harnesses that print one JSON object a line with our additions
//! (`category`, `priority`, `services`, `risk`; `assertions`, `connects`, `message`).

mod format;
mod listing;
mod outcome;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use assay_model::{Outcome, Suite, TestCase};
use assay_world::process::{Command, Ended, ProcessError};
use thiserror::Error;

pub use format::Format;
pub use listing::ListingError;

/// Listing runs no test, so it takes as long as a program needs to start.
const LIST_TIMEOUT: Duration = Duration::from_secs(30);

/// Room for the names and data of some ten thousand tests.
const LIST_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Of each stream of one attempt. Beginning and end are kept, so the result is not lost.
const OUTPUT_BYTES_MAX: usize = 1024 * 1024;

/// One suite's test program.
#[derive(Clone, Debug)]
pub struct Libtest {
    suite: String,
    command: Vec<String>,
    root: PathBuf,
    format: Format,
}

/// What one run of one test gave, before anybody asks where its traffic went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawAttempt {
    /// How it ended, all accounts reconciled.
    pub outcome: Outcome,
    /// Wall time of the process.
    pub duration_ms: u64,
    /// How many assertions held, where the program counts them.
    pub assertions: Option<u32>,
    /// Every address it connected to, where the program tells.
    pub connects: Option<Vec<String>>,
    /// First line of the failure.
    pub message: Option<String>,
    /// Everything that was printed, both streams, within bounds.
    pub output: Vec<u8>,
    /// The command as it was run.
    pub command: String,
}

/// The program cannot be used.
#[derive(Debug, Error)]
pub enum LibtestError {
    /// The suite's command is empty.
    #[error("suite {suite} has no command")]
    NoCommand {
        /// Which suite.
        suite: String,
    },
    /// The program cannot be started.
    #[error("suite {suite}: cannot start {program}")]
    Start {
        /// Which suite.
        suite: String,
        /// Its program.
        program: String,
        /// Why.
        #[source]
        source: ProcessError,
    },
    /// The program failed at listing.
    #[error("suite {suite}: `{command}` ended with {how} and listed nothing{}", said(.stderr))]
    List {
        /// Which suite.
        suite: String,
        /// The command.
        command: String,
        /// Exit code or signal.
        how: String,
        /// First line that it wrote to its error stream.
        stderr: Option<String>,
    },
    /// The program lists no test.
    #[error("suite {suite}: `{command}` lists no tests")]
    Empty {
        /// Which suite.
        suite: String,
        /// The command.
        command: String,
    },
    /// The list cannot be believed.
    #[error("suite {suite}: `{command}` gave a list that cannot be used")]
    Listing {
        /// Which suite.
        suite: String,
        /// The command.
        command: String,
        /// Why.
        #[source]
        source: ListingError,
    },
}

impl LibtestError {
    /// The way out, where one is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoCommand { suite } | Self::Start { suite, .. } | Self::List { suite, .. } => {
                Some(format!("look at `command` in [suite.{suite}]"))
            }
            Self::Empty { .. } => {
                Some("a suite without tests proves nothing; is its filter too narrow?".to_owned())
            }
            Self::Listing { .. } => None,
        }
    }
}

fn said(stderr: &Option<String>) -> String {
    stderr
        .as_ref()
        .map(|line| format!(": {line}"))
        .unwrap_or_default()
}

impl Libtest {
    /// Asks the program of `suite`, run in `root`, what tests it has, and learns how to read it.
    ///
    /// # Errors
    /// When it cannot be started, or lists nothing that can be used.
    pub async fn open(suite: &Suite, root: &Path) -> Result<(Self, Vec<TestCase>), LibtestError> {
        let mut runner = Self {
            suite: suite.name.clone(),
            command: suite.command.clone(),
            root: root.to_owned(),
            format: Format::Json,
        };
        let (command, text) = runner.list(&["--list", "--format", "json"]).await?;
        let cases = match listing::json(&text.stdout, suite) {
            Some(cases) => cases,
            None => {
                runner.format = Format::Plain;
                return runner.open_plain(suite).await;
            }
        };
        let cases = cases.map_err(|source| runner.unusable(&command, source))?;
        Ok((runner.clone(), runner.some(&command, cases)?))
    }

    async fn open_plain(self, suite: &Suite) -> Result<(Self, Vec<TestCase>), LibtestError> {
        let (command, all) = self.list(&["--list", "--format", "terse"]).await?;
        if all.how != "exit code 0" {
            let Listed { how, stderr, .. } = all;
            return Err(LibtestError::List {
                suite: self.suite,
                command,
                how,
                stderr,
            });
        }
        let (_, ignored) = self
            .list(&["--list", "--format", "terse", "--ignored"])
            .await?;
        let cases = listing::terse(&all.stdout, &ignored.stdout, suite)
            .map_err(|source| self.unusable(&command, source))?;
        let cases = self.some(&command, cases)?;
        Ok((self, cases))
    }

    fn some(&self, command: &str, cases: Vec<TestCase>) -> Result<Vec<TestCase>, LibtestError> {
        if cases.is_empty() {
            return Err(LibtestError::Empty {
                suite: self.suite.clone(),
                command: command.to_owned(),
            });
        }
        Ok(cases)
    }

    fn unusable(&self, command: &str, source: ListingError) -> LibtestError {
        LibtestError::Listing {
            suite: self.suite.clone(),
            command: command.to_owned(),
            source,
        }
    }

    /// How the program tells what it does.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Runs the one test called `name`, alone in a process of its own.
    ///
    /// # Errors
    /// When the program cannot be started. Whatever it does then is an outcome.
    pub async fn run(
        &self,
        name: &str,
        env: &BTreeMap<String, String>,
        timeout: Duration,
    ) -> Result<RawAttempt, LibtestError> {
        // With one thread libtest prints the name before and the result after the test's own
        // output; with two it prints both at once, after it.
        let mut args = vec![name, "--exact", "--nocapture", "--test-threads", "2"];
        if self.format == Format::Json {
            args.extend(["--format", "json"]);
        }
        let command = env
            .iter()
            .fold(self.command(&args)?, |command, (name, value)| {
                command.env(name, value)
            })
            .timeout(timeout)
            .output_bytes_max(OUTPUT_BYTES_MAX);
        let output = command
            .run()
            .await
            .map_err(|source| self.cannot_start(source))?;
        let told = outcome::Told {
            name,
            ended: output.ended,
            stdout: &String::from_utf8_lossy(&output.stdout),
            stderr: &String::from_utf8_lossy(&output.stderr),
        };
        let found = outcome::reconcile(self.format, &told);
        let mut printed = output.stdout;
        printed.extend_from_slice(&output.stderr);
        Ok(RawAttempt {
            outcome: found.outcome,
            duration_ms: u64::try_from(output.duration.as_millis()).unwrap_or(u64::MAX),
            assertions: found.assertions,
            connects: found.connects,
            message: found.message,
            output: printed,
            command: command.to_string(),
        })
    }

    async fn list(&self, args: &[&str]) -> Result<(String, Listed), LibtestError> {
        let command = self
            .command(args)?
            .timeout(LIST_TIMEOUT)
            .output_bytes_max(LIST_BYTES_MAX);
        let output = command
            .run()
            .await
            .map_err(|source| self.cannot_start(source))?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        let listed = Listed {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: stderr
                .lines()
                .map(str::trim)
                .find(|line| !line.is_empty())
                .map(str::to_owned),
            how: output.ended.to_string(),
        };
        match output.ended {
            Ended::Exited(_) => Ok((command.to_string(), listed)),
            Ended::Signalled(_) | Ended::TimedOut => Err(LibtestError::List {
                suite: self.suite.clone(),
                command: command.to_string(),
                how: listed.how,
                stderr: listed.stderr,
            }),
        }
    }

    fn command(&self, args: &[&str]) -> Result<Command, LibtestError> {
        let (program, own) = self
            .command
            .split_first()
            .ok_or_else(|| LibtestError::NoCommand {
                suite: self.suite.clone(),
            })?;
        // A relative path means one thing only: relative to the project, whose folder it runs in.
        let program = match program.contains('/') {
            true => self.root.join(program),
            false => PathBuf::from(program),
        };
        Ok(Command::new(program).args(own).args(args).cwd(&self.root))
    }

    fn cannot_start(&self, source: ProcessError) -> LibtestError {
        let program = self.command.first().cloned().unwrap_or_default();
        LibtestError::Start {
            suite: self.suite.clone(),
            program,
            source,
        }
    }
}

struct Listed {
    stdout: String,
    stderr: Option<String>,
    how: String,
}
