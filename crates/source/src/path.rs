//! Paths as imports mean them.

use serde::{Deserialize, Serialize};

/// What an import means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Target {
    /// A file below the root of the tree, whether it exists or not.
    Inside(String),
    /// A path that leaves the root of the tree, starting with `..`.
    Outside(String),
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
