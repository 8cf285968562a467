//! What ships, and the line that decides, must be what git says of the same tree and the same
//! ignore file.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use assay_context::{IGNORE_FILE, bundle};
use proptest::prelude::*;

/// git, away from every configuration but its own defaults.
fn git(folder: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("XDG_CONFIG_HOME", "/dev/null")
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("git must be there to be the referee");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    // `check-ignore` exits 1 when nothing is ignored.
    let looked = output.status.code().is_some_and(|code| code <= 1);
    assert!(
        looked,
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

fn fields(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let text = text.strip_suffix('\0').unwrap_or(&text);
    if text.is_empty() {
        Vec::new()
    } else {
        text.split('\0').map(str::to_owned).collect()
    }
}

/// Writes the tree; a path that is in the way of another one is left out.
fn write(root: &Path, files: &BTreeSet<String>, ignore: &str) -> BTreeSet<String> {
    let mut written = BTreeSet::new();
    for path in files {
        let full = root.join(path);
        let made = full
            .parent()
            .is_none_or(|folder| std::fs::create_dir_all(folder).is_ok());
        if made && !full.is_dir() && std::fs::write(&full, path).is_ok() {
            written.insert(path.clone());
        }
    }
    std::fs::write(root.join(IGNORE_FILE), ignore).unwrap();
    written
}

fn check(files: &BTreeSet<String>, ignore: &str) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    git(root, &["init", "-q", "--template="], b"");
    let written = write(root, files, ignore);
    let manifest = bundle(root, "app").unwrap().manifest;

    let exclude = format!("--exclude-from={IGNORE_FILE}");
    let mut listed: BTreeSet<_> = fields(&git(root, &["ls-files", "-z", "-o", &exclude], b""))
        .into_iter()
        .collect();
    listed.remove(IGNORE_FILE);
    let shipped: BTreeSet<_> = manifest.files.keys().cloned().collect();
    assert_eq!(shipped, listed, "ships, with {ignore:?}");

    let excludes = format!("core.excludesFile={}", root.join(IGNORE_FILE).display());
    let paths = written
        .iter()
        .flat_map(|path| [path.as_str(), "\0"])
        .collect::<String>();
    let arguments = [
        "-c",
        &excludes,
        "check-ignore",
        "--no-index",
        "-v",
        "-z",
        "--stdin",
    ];
    let answers = fields(&git(root, &arguments, paths.as_bytes()));
    let decided: BTreeMap<_, _> = answers
        .chunks(4)
        .filter(|answer| !answer[2].starts_with('!'))
        .map(|answer| (answer[3].clone(), answer[1].parse::<u64>().unwrap()))
        .collect();
    let ours: BTreeMap<_, _> = manifest
        .excluded
        .iter()
        .map(|(path, by)| (path.clone(), by.line))
        .collect();
    assert_eq!(ours, decided, "deciding lines, with {ignore:?}");

    let lines: Vec<&str> = ignore.lines().collect();
    for excluded in manifest.excluded.values() {
        let line = usize::try_from(excluded.line).unwrap();
        assert_eq!(
            excluded.pattern,
            lines[line - 1],
            "the literal line, with {ignore:?}"
        );
    }
}

fn tree() -> impl Strategy<Value = BTreeSet<String>> {
    let name = prop_oneof![
        8 => "[abc]{1,2}",
        2 => "[abc]\\.(md|x)",
        1 => Just("a b".to_owned()),
        1 => Just("a ".to_owned()),
        1 => Just("#a".to_owned()),
        1 => Just("!a".to_owned()),
        1 => Just("[a]".to_owned()),
        1 => Just("a\\".to_owned()),
        1 => Just("{a,b}".to_owned()),
        1 => Just("é".to_owned()),
        1 => Just("-".to_owned()),
    ];
    let path = prop::collection::vec(name, 1..5).prop_map(|parts| parts.join("/"));
    prop::collection::btree_set(path, 1..16)
}

fn ignore_file() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => "[abc]",
        4 => Just("/".to_owned()),
        3 => Just("*".to_owned()),
        3 => Just("**".to_owned()),
        2 => Just("**/".to_owned()),
        2 => Just("/**".to_owned()),
        1 => Just("?".to_owned()),
        1 => Just("[ab]".to_owned()),
        1 => Just("[!a]".to_owned()),
        1 => Just("[a-c".to_owned()),
        1 => Just("[[:alpha:]]".to_owned()),
        1 => Just("[]-a]".to_owned()),
        1 => Just("[\\]a]".to_owned()),
        1 => Just("\\".to_owned()),
        1 => Just(" ".to_owned()),
        1 => Just("\\ ".to_owned()),
        1 => Just("\t".to_owned()),
        1 => Just(".md".to_owned()),
        1 => Just("{a,b}".to_owned()),
        1 => Just("#".to_owned()),
        1 => Just("!".to_owned()),
        1 => Just("é".to_owned()),
        1 => Just("-".to_owned()),
    ];
    let start = prop_oneof![5 => Just(""), 3 => Just("!"), 2 => Just("/"), 1 => Just("!/")];
    let end = prop_oneof![6 => Just(""), 3 => Just("/"), 1 => Just("  "), 1 => Just("\r")];
    let line = (start, prop::collection::vec(piece, 1..5), end)
        .prop_map(|(start, pieces, end)| format!("{start}{}{end}", pieces.concat()));
    let lines = prop::collection::vec(line, 0..7);
    (any::<bool>(), lines, any::<bool>()).prop_map(|(mark, lines, newline)| {
        let mark = if mark { "" } else { "\u{feff}" };
        format!(
            "{mark}{}{}",
            lines.join("\n"),
            if newline { "\n" } else { "" }
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_tree(files in tree(), ignore in ignore_file()) {
        check(&files, &ignore);
    }
}

#[test]
fn known_corners() {
    let files: BTreeSet<String> = [
        "a.md",
        "a/b.md",
        "a/b/c",
        "ax/y/b",
        "ab/b",
        "keep/a",
        "keep/b",
        "docs/x/y",
        "docs/z",
        "monitoring/metrics",
        "services/monitoring/x",
        "a ",
        "b",
    ]
    .map(str::to_owned)
    .into();
    for ignore in [
        "",
        "*.md\n",
        "monitoring/\n",
        "/monitoring\n",
        "docs/\n!docs/z\n",
        "docs/*\n!docs/z\n",
        "a**/b\n",
        "/a**/b\n",
        "**/b\n",
        "a/**\n",
        "**\n!b\n",
        "*\n!keep/\n",
        "/*\n!/keep/\n/keep/*\n!/keep/b\n",
        "a\\ \n",
        "a \n",
        "!b\nb\n",
        "b\n!b\n",
        "keep\r\n",
        "\u{feff}keep\n",
        "/\n",
        "//\n",
        "!\n",
        "[\n",
        "\\\n",
    ] {
        check(&files, ignore);
    }
}
