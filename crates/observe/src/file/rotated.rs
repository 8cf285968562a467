//! The files that a log was rotated to, latest first: `api.log.1`, `api.log-20261123`,
//! `api.log.2.gz`, `api-2026-11-22.log`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use assay_model::Timestamp;

/// Rotated files that are read for one look: a week of daily ones, and the current one.
pub(super) const ROTATED_MAX: usize = 8;

/// Entries of the log's folder that are looked at.
const ENTRIES_MAX: usize = 10_000;

/// A file that a log was rotated to.
pub(super) struct Rotated {
    pub(super) path: PathBuf,
    pub(super) modified: Timestamp,
    pub(super) packed: Packed,
}

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packed {
    Not,
    Gzip,
    /// In a way that is not read here.
    Otherwise,
}

/// The files that `log` was rotated to and that were written at `from` or later, latest first.
pub(super) fn rotated(log: &Path, from: Timestamp) -> io::Result<Vec<Rotated>> {
    let Some(name) = log.file_name().and_then(|name| name.to_str()) else {
        return Ok(Vec::new());
    };
    let folder = match log.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)?.take(ENTRIES_MAX) {
        let entry = entry?;
        let Some(packed) = entry.file_name().to_str().and_then(|it| is_of(name, it)) else {
            continue;
        };
        // It may be rotated again at any moment.
        let Ok(seen) = entry.metadata() else { continue };
        let modified = seen
            .modified()
            .ok()
            .and_then(|at| Timestamp::try_from(at).ok());
        if let Some(modified) = modified.filter(|at| seen.is_file() && *at >= from) {
            found.push(Rotated {
                path: entry.path(),
                modified,
                packed,
            });
        }
    }
    found.sort_by(|a, b| b.modified.cmp(&a.modified).then(a.path.cmp(&b.path)));
    found.truncate(ROTATED_MAX);
    Ok(found)
}

/// Whether `other` is what a log called `name` is rotated to.
fn is_of(name: &str, other: &str) -> Option<Packed> {
    let (plain, packed) = match other.rsplit_once('.') {
        Some((plain, "gz")) => (plain, Packed::Gzip),
        Some((plain, "bz2" | "xz" | "zst" | "lz4" | "zip" | "Z")) => (plain, Packed::Otherwise),
        _ => (other, Packed::Not),
    };
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let after = plain.strip_prefix(name).or_else(|| {
        let rest = plain.strip_prefix(stem)?;
        rest.strip_suffix(extension)?.strip_suffix('.')
    })?;
    let mark = after.strip_prefix(['.', '-', '_'])?;
    let is_mark = mark.starts_with(|c: char| c.is_ascii_digit())
        && mark
            .chars()
            .all(|c| c.is_ascii_digit() || "-_.:T".contains(c));
    (is_mark || ["old", "bak"].contains(&mark)).then_some(packed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, other: &str, expected: Option<Packed>) {
        assert_eq!(is_of(name, other), expected, "{name} {other}");
    }

    #[test]
    fn names_of_rotated_files() {
        check("api.log", "api.log.1", Some(Packed::Not));
        check("api.log", "api.log.2.gz", Some(Packed::Gzip));
        check("api.log", "api.log-20261123", Some(Packed::Not));
        check("api.log", "api.log-20261123.zst", Some(Packed::Otherwise));
        check("api.log", "api.log.2026-11-23_10", Some(Packed::Not));
        check("api.log", "api-2026-11-22.log", Some(Packed::Not));
        check("api.log", "api-2026-11-22.log.gz", Some(Packed::Gzip));
        check("api.log", "api.log.old", Some(Packed::Not));
        check("api", "api.1", Some(Packed::Not));
        check("api.log", "api.log", None);
        check("api.log", "api.log.swp", None);
        check("api.log", "api-worker.log", None);
        check("api.log", "api-worker.log.1", None);
        check("api.log", "web.log.1", None);
    }
}
