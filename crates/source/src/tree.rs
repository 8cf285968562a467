//! The facts of many files.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::facts::FileFacts;
use crate::language::Language;
use crate::path::Target;
use crate::read::{FILE_BYTES_MAX, facts};

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

#[cfg(test)]
mod tests {
    use super::*;

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
