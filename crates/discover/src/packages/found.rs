//! What a reader of a manifest is given, and what it finds.

use std::collections::BTreeSet;

use crate::paths;

/// What a manifest says.
pub(super) struct Found {
    pub(super) name: Option<String>,
    pub(super) language: &'static str,
    pub(super) runs: bool,
    pub(super) dependencies: BTreeSet<String>,
}

/// The files around a manifest.
pub(super) struct Beside<'a> {
    pub(super) folder: &'a str,
    pub(super) exists: &'a dyn Fn(&str) -> bool,
}

impl Beside<'_> {
    pub(super) fn has(&self, relative: &str) -> bool {
        paths::join(self.folder, relative).is_some_and(|path| (self.exists)(&path))
    }

    pub(super) fn has_any(&self, relatives: &[&str]) -> bool {
        relatives.iter().any(|relative| self.has(relative))
    }
}

/// A text of a JSON or TOML value under a name.
pub(super) fn owned(value: Option<&str>) -> Option<String> {
    value.filter(|text| !text.is_empty()).map(str::to_owned)
}
