//! The facts of many files.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{FILE_BYTES_MAX, FileFacts, Language, facts};

/// The facts of many files, by path relative to one folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceTree {
    /// Files of a language that is read.
    pub files: BTreeMap<String, FileFacts>,
    /// Files of such a language that could not be read, and why.
    pub skipped: BTreeMap<String, String>,
    /// How many files are of no language that is read.
    pub others: u32,
}

/// What an import means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Target {
    /// A file below the root of the tree, whether it exists or not.
    Inside(String),
    /// A path that leaves the root of the tree, starting with `..`.
    Outside(String),
}

impl SourceTree {
    /// The facts of texts that are already in memory.
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            match Language::of(path) {
                Some(language) => {
                    tree.files
                        .insert(path.to_owned(), facts(language, path, text));
                }
                None => tree.others += 1,
            }
        }
        tree
    }

    /// The file that `module` means when `importer` imports it; `None` when the importer is no
    /// file of this tree.
    pub fn resolve(&self, module: &str, importer: &str) -> Option<Target> {
        Some(self.files.get(importer)?.language.resolve(module))
    }
}

/// Reads `files`, given relative to `root`. A file that cannot be read is listed as skipped.
pub fn tree<P: AsRef<str>>(root: &Path, files: impl IntoIterator<Item = P>) -> SourceTree {
    let mut tree = SourceTree::default();
    for path in files {
        let path = path.as_ref();
        let Some(language) = Language::of(path) else {
            tree.others += 1;
            continue;
        };
        match read(&root.join(path)) {
            Ok(text) => {
                tree.files
                    .insert(path.to_owned(), facts(language, path, &text));
            }
            Err(reason) => {
                tree.skipped.insert(path.to_owned(), reason);
            }
        }
    }
    tree
}

/// One byte more than is parsed is enough to see that a file is too long.
fn read(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| error.to_string())?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(format!("longer than {FILE_BYTES_MAX} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())
}

/// Takes `.` and `..` out of a path with `/` between its parts; what leaves the root keeps its
/// leading `..`.
pub fn normalise(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: &str) {
        assert_eq!(normalise(path), expected, "{path}");
    }

    #[test]
    fn paths_are_normalised() {
        check("a/b", "a/b");
        check("./a//b/", "a/b");
        check("a/../b", "b");
        check("../b", "../b");
        check("a/../../b", "../b");
        check("../../b/..", "../..");
        check("", "");
    }

    #[test]
    fn a_tree_says_what_it_could_not_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.rhai"), "fn f() {}").unwrap();
        std::fs::write(folder.path().join("b.rhai"), [0xff, 0xfe]).unwrap();
        std::fs::write(
            folder.path().join("big.rhai"),
            " ".repeat(FILE_BYTES_MAX + 1),
        )
        .unwrap();
        let read = tree(
            folder.path(),
            ["a.rhai", "b.rhai", "big.rhai", "c.rhai", "page.html"],
        );
        assert_eq!(read.files.keys().collect::<Vec<_>>(), ["a.rhai"]);
        assert_eq!(
            read.skipped.keys().collect::<Vec<_>>(),
            ["b.rhai", "big.rhai", "c.rhai"]
        );
        assert_eq!(read.skipped["b.rhai"], "not UTF-8");
        assert_eq!(read.others, 1);
    }
}
