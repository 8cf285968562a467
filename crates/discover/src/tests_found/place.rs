//! Where a file of a test framework stands, and the suites that it makes.

use crate::clue::{Origin, TestProject};
use crate::paths;

/// Folders whose tests are known to go over the network.
const END_TO_END: [&str; 10] = [
    "e2e",
    "end2end",
    "end_to_end",
    "end-to-end",
    "integration",
    "integrationtest",
    "acceptance",
    "smoke",
    "functional",
    "blackbox",
];
/// Folders that a test folder is divided into.
const DIVISIONS: [&str; 7] = [
    "unit",
    "e2e",
    "end_to_end",
    "integration",
    "acceptance",
    "smoke",
    "functional",
];

/// Where a file stands, and what stands around it.
pub(super) struct Place<'a> {
    pub(super) path: &'a str,
    pub(super) folder: &'a str,
    pub(super) exists: &'a dyn Fn(&str) -> bool,
}

impl Place<'_> {
    pub(super) fn join(&self, relative: &str) -> Option<String> {
        paths::join(self.folder, relative)
    }

    pub(super) fn has(&self, relative: &str) -> bool {
        self.join(relative).is_some_and(|path| (self.exists)(&path))
    }

    /// Those of some folders beside the file that exist, relative to the repository's root.
    pub(super) fn existing(&self, relatives: &[&str]) -> Vec<String> {
        relatives
            .iter()
            .filter(|relative| self.has(relative))
            .filter_map(|relative| self.join(relative))
            .collect()
    }

    pub(super) fn suite(&self, runner: &str, line: u64, paths: Vec<String>) -> TestProject {
        let end_to_end = paths.iter().any(|path| is_end_to_end(path))
            || paths.is_empty() && is_end_to_end(self.folder);
        TestProject {
            origin: Origin {
                file: self.path.to_owned(),
                line,
            },
            runner: runner.to_owned(),
            folder: self.folder.to_owned(),
            paths,
            end_to_end,
            variables: Vec::new(),
        }
    }

    /// One suite for each folder that the paths are divided into, and one for what is left.
    pub(super) fn divided(&self, runner: &str, line: u64, paths: Vec<String>) -> Vec<TestProject> {
        let mut suites = Vec::new();
        let mut whole = Vec::new();
        for path in paths {
            let parts: Vec<String> = DIVISIONS
                .iter()
                .filter_map(|division| paths::join(&path, division))
                .filter(|part| (self.exists)(part))
                .collect();
            // Without a folder for unit tests they stand beside the others: the suite stays whole
            // as well, so that none of them is lost.
            if !parts.iter().any(|part| part.ends_with("/unit")) {
                whole.push(path);
            }
            suites.extend(
                parts
                    .into_iter()
                    .map(|part| self.suite(runner, line, vec![part])),
            );
        }
        if !whole.is_empty() {
            suites.insert(0, self.suite(runner, line, whole));
        }
        suites
    }
}

/// Whether a path has a folder whose tests go over the network.
pub(super) fn is_end_to_end(path: &str) -> bool {
    path.split('/').any(|part| {
        let part = part.to_ascii_lowercase();
        END_TO_END.contains(&part.as_str())
            || part
                .split(['-', '_', '.'])
                .any(|word| word == "e2e" || word == "integration")
    })
}

/// The 1-based line on which a text stands alone; 0 where none does.
pub(super) fn line_of(text: &str, wanted: &str) -> u64 {
    text.lines()
        .position(|line| line.trim() == wanted)
        .map_or(0, |line| line as u64 + 1)
}
