//! Which languages are read.

use serde::{Deserialize, Serialize};

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
}
