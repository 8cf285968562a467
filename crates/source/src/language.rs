//! Which languages are read, and the one way in.

use serde::{Deserialize, Serialize};

use crate::{FileFacts, SyntaxError, Target, rhai};

/// Bytes of the longest file that is parsed. Code that a person wrote stays far below; what is
/// longer is generated, and would cost more memory than its facts are worth.
pub const FILE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// A language that facts are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the languages' own")]
pub enum Language {
    Rhai,
}

impl Language {
    /// The language of a file, by its name.
    pub fn of(path: &str) -> Option<Self> {
        let (stem, extension) = path.rsplit_once('.')?;
        match extension {
            "rhai" if !stem.is_empty() && !stem.ends_with('/') => Some(Self::Rhai),
            _ => None,
        }
    }

    /// The file that `module` means when a file of this language imports it.
    pub fn resolve(self, module: &str) -> Target {
        match self {
            Self::Rhai => rhai::resolve(module),
        }
    }

    /// The name by which others import the file at `path`.
    pub fn module(self, path: &str) -> &str {
        match self {
            Self::Rhai => rhai::module(path),
        }
    }
}

/// Reads the facts of one file. Never fails: code that cannot be parsed gives facts with an
/// [`error`](FileFacts::error) and nothing else.
pub fn facts(language: Language, path: &str, text: &str) -> FileFacts {
    if text.len() > FILE_BYTES_MAX {
        let message = format!(
            "{} bytes; files over {FILE_BYTES_MAX} are not parsed",
            text.len()
        );
        return FileFacts {
            error: Some(SyntaxError {
                line: 1,
                column: 1,
                message,
            }),
            ..FileFacts::empty(path, language)
        };
    }
    match language {
        Language::Rhai => rhai::facts(path, text),
    }
}
