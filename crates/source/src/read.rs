//! The one way in: what is asked of a language goes to its adapter.

use crate::facts::{FileFacts, SyntaxError};
use crate::language::Language;
use crate::path::Target;
use crate::rhai;

/// Bytes of the longest file that is parsed. Code that a person wrote stays far below; what is
/// longer is generated, and would cost more memory than its facts are worth.
pub const FILE_BYTES_MAX: usize = 2 * 1024 * 1024;

impl Language {
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
