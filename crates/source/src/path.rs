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
}
