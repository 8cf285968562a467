//! Files as text: their size, and paths of somebody's home in them.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a Rust file past which it is hard to hold in mind.
const LINES_MAX: usize = 1000;

/// Folders deep; far past any of ours, and an end to a circle of links.
const DEPTH_MAX: usize = 24;

/// Folders with nothing that a person wrote, or with state.
const SKIPPED: [&str; 4] = ["target", ".git", ".assay", "node_modules"];

/// Every file below `folder`, relative to it, in order; none if there is no such folder.
pub(crate) fn list(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    if folder.is_dir() {
        walk(folder, Path::new(""), 0, &mut files)?;
    }
    files.sort();
    Ok(files)
}

fn walk(root: &Path, below: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let folder = root.join(below);
    let cannot = |error| format!("cannot list {}: {error}", folder.display());
    for entry in fs::read_dir(&folder).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let name = entry.file_name();
        let path = below.join(&name);
        let kind = entry.file_type().map_err(cannot)?;
        if kind.is_file() {
            files.push(path);
        } else if kind.is_dir() && depth < DEPTH_MAX && !SKIPPED.iter().any(|skip| name == *skip) {
            walk(root, &path, depth + 1, files)?;
        }
    }
    Ok(())
}

/// A remark on a file that has grown too long.
pub(crate) fn too_long(path: &Path, text: &str) -> Option<String> {
    let lines = text.lines().count();
    let is_rust = path.extension().is_some_and(|extension| extension == "rs");
    (is_rust && lines > LINES_MAX)
        .then(|| format!("{}: {lines} lines, more than {LINES_MAX}", path.display()))
}

/// Lines that name a place on one person's machine.
pub(crate) fn home_paths(path: &Path, text: &str) -> Vec<String> {
    let has_home = |line: &str| {
        // Put together here, so that this file does not find itself.
        ["home", "Users", "root"]
            .iter()
            .any(|folder| has_path(line, &format!("/{folder}/")))
    };
    let lines = (1..).zip(text.lines()).filter(|(_, line)| has_home(line));
    lines
        .map(|(number, _)| format!("{}:{number}: a path of somebody's home", path.display()))
        .collect()
}

/// Whether `prefix` begins a path in `line`: nothing of a longer path or URL stands before it,
/// and a name follows.
fn has_path(line: &str, prefix: &str) -> bool {
    line.match_indices(prefix).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + prefix.len()..].chars().next();
        let joined =
            |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | '*' | '~');
        !before.is_some_and(joined) && after.is_some_and(|c| c.is_alphanumeric() || c == '.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: bool) {
        let line = line.replace('~', "/");
        let found = !home_paths(Path::new("x.rs"), &line).is_empty();
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn paths_of_a_home_are_found() {
        check("let x = \"~home~me~x\";", true);
        check("~Users~me", true);
        check("see ~root~.cargo", true);
        check("http:~~host~home~x", false);
        check("src~home~x", false);
        check("~home~", false);
        check("~homes~x", false);
        check("", false);
    }

    #[test]
    fn a_finding_names_its_line() {
        let text = ["fine", &["", "home", "me"].join("/")].join("\n");
        assert_eq!(
            home_paths(Path::new("a.md"), &text),
            ["a.md:2: a path of somebody's home"]
        );
    }

    #[test]
    fn long_files_are_remarked_upon() {
        let text = "\n".repeat(LINES_MAX + 1);
        assert_eq!(
            too_long(Path::new("a.rs"), &text).unwrap(),
            "a.rs: 1001 lines, more than 1000"
        );
        assert_eq!(too_long(Path::new("a.txt"), &text), None);
        assert_eq!(too_long(Path::new("a.rs"), &text[1..]), None);
    }

    #[test]
    fn files_are_listed_without_what_is_built() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["b.rs", "a/c.rs", "target/d.rs", "a/.git/e"] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let files = list(folder.path()).unwrap();
        assert_eq!(files, [Path::new("a/c.rs"), Path::new("b.rs")]);
        assert!(list(&folder.path().join("nowhere")).unwrap().is_empty());
    }
}
