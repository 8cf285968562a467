//! Evidence: bytes that were captured, named by their content.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A pointer to captured bytes in the vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceRef {
    /// BLAKE3 of the redacted bytes, 64 lower-case hexadecimal digits.
    pub hash: String,
    /// Length of the redacted bytes.
    pub bytes: u64,
    /// Where the bytes come from.
    pub source: Source,
    /// When they were captured.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
}

/// Where a piece of evidence was captured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "from")]
pub enum Source {
    /// A range of a log file; lines are 1-based and inclusive.
    Log {
        /// Path as it was opened, relative to the project where it lies inside.
        path: String,
        /// First line.
        from_line: u64,
        /// Last line.
        to_line: u64,
    },
    /// An HTTP request and its answer.
    Exchange {
        /// Method and URL.
        request: String,
    },
    /// A file, or one line of it.
    File {
        /// Path, relative to the project where it lies inside.
        path: String,
        /// 1-based line, where one line is meant.
        line: Option<u64>,
    },
    /// What a command printed.
    Command {
        /// Program and arguments as they were run.
        command: String,
    },
    /// Made by assay out of what it observed: a bundle's manifest, a list of exits.
    Derived {
        /// What it is, for a person.
        what: String,
    },
}

impl Source {
    /// A short name for a person: `.bundleignore:7`, `GET http://…/health`.
    pub fn label(&self) -> String {
        match self {
            Self::Log {
                path,
                from_line,
                to_line,
            } if from_line == to_line => {
                format!("{path}:{from_line}")
            }
            Self::Log {
                path,
                from_line,
                to_line,
            } => format!("{path}:{from_line}-{to_line}"),
            Self::Exchange { request } => request.clone(),
            Self::File {
                path,
                line: Some(line),
            } => format!("{path}:{line}"),
            Self::File { path, line: None } => path.clone(),
            Self::Command { command } => format!("`{command}`"),
            Self::Derived { what } => what.clone(),
        }
    }
}
