//! Bundles on disk: identity, copies, links and bounds.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use assay_context::{ContextError, CopyError, DEPTH_LEVELS_MAX, bundle, copy, frontier, read};

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn names(root: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

const APP: &[(&str, &str)] = &[
    ("main.rhai", "import \"monitoring/metrics\" as m;"),
    ("monitoring/metrics.rhai", "fn count() { 1 }"),
    ("docs/a.md", "a"),
    (".bundleignore", "# tidy\ndocs/\n"),
    (".git/config", ""),
    (".assay/journal.db", ""),
    (".hidden", "x"),
];

#[test]
fn the_same_content_has_the_same_identity() {
    let (one, two) = (folder(APP), folder(APP));
    let (built, again) = (
        bundle(one.path(), "x").unwrap(),
        bundle(two.path(), "y").unwrap(),
    );
    assert_eq!(built.hash, again.hash);
    assert_eq!(built.hash.len(), 64);
    assert_eq!(built.manifest.root, "x");
    assert_eq!(built.manifest.ignore_file.as_deref(), Some(".bundleignore"));
    let shipped: Vec<_> = built.manifest.files.keys().collect();
    assert_eq!(shipped, [".hidden", "main.rhai", "monitoring/metrics.rhai"]);
    let excluded: Vec<_> = built.manifest.excluded.iter().collect();
    assert_eq!(excluded.len(), 1);
    assert_eq!(
        (excluded[0].0.as_str(), excluded[0].1.line),
        ("docs/a.md", 2)
    );

    fs::write(two.path().join("docs/a.md"), "other").unwrap();
    assert_eq!(
        bundle(two.path(), "y").unwrap().hash,
        built.hash,
        "what is left out"
    );
    fs::write(two.path().join(".hidden"), "y").unwrap();
    assert_ne!(bundle(two.path(), "y").unwrap().hash, built.hash, "content");
    fs::write(two.path().join(".hidden"), "x").unwrap();
    fs::rename(two.path().join(".hidden"), two.path().join(".other")).unwrap();
    assert_ne!(bundle(two.path(), "y").unwrap().hash, built.hash, "name");
}

#[test]
fn an_ignore_line_opens_a_frontier() {
    let app = folder(APP);
    let whole = read(app.path(), "app").unwrap();
    assert_eq!(
        frontier(&whole.built.manifest, &whole.source, "main.rhai"),
        []
    );
    fs::write(app.path().join(".bundleignore"), "docs/\nmonitoring/\n").unwrap();
    let torn = read(app.path(), "app").unwrap();
    let missing = frontier(&torn.built.manifest, &torn.source, "main.rhai");
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0].module, "monitoring/metrics");
    let assay_context::Absence::Excluded(by) = &missing[0].reason else {
        panic!("{missing:?}")
    };
    assert_eq!((by.line, by.pattern.as_str()), (2, "monitoring/"));
}

#[test]
fn a_copy_holds_exactly_what_ships_and_may_be_repeated() {
    let app = folder(APP);
    let store = tempfile::tempdir().unwrap();
    let dest = store.path().join("bundles/one");
    let built = bundle(app.path(), "app").unwrap();
    copy(&built.manifest, app.path(), &dest).unwrap();
    copy(&built.manifest, app.path(), &dest).unwrap();
    assert_eq!(bundle(&dest, "copy").unwrap().hash, built.hash);
    assert_eq!(names(&dest), [".hidden", "main.rhai", "monitoring"]);
    assert_eq!(
        names(&store.path().join("bundles")),
        ["one"],
        "nothing else is left"
    );

    fs::write(dest.join("extra"), "").unwrap();
    assert!(matches!(
        copy(&built.manifest, app.path(), &dest),
        Err(CopyError::Occupied { .. })
    ));
    fs::remove_file(dest.join("extra")).unwrap();
    fs::write(dest.join(".hidden"), "tampered").unwrap();
    assert!(matches!(
        copy(&built.manifest, app.path(), &dest),
        Err(CopyError::Occupied { .. })
    ));
}

#[test]
fn a_source_that_changed_is_not_copied() {
    let app = folder(APP);
    let store = tempfile::tempdir().unwrap();
    let built = bundle(app.path(), "app").unwrap();
    fs::write(app.path().join("main.rhai"), "changed").unwrap();
    let dest = store.path().join("one");
    let error = copy(&built.manifest, app.path(), &dest).unwrap_err();
    assert!(matches!(error, CopyError::Changed { .. }), "{error}");
    assert_eq!(names(store.path()), Vec::<String>::new());

    let mut hostile = built.manifest.clone();
    hostile.files.insert("../escape".into(), String::new());
    assert!(matches!(
        copy(&hostile, app.path(), &dest),
        Err(CopyError::Unsafe { .. })
    ));
}

#[test]
fn a_link_ships_as_what_it_leads_to() {
    let app = folder(&[("lib/a.rhai", "a"), ("main.rhai", "m")]);
    symlink("lib", app.path().join("alias")).unwrap();
    symlink("main.rhai", app.path().join("same.rhai")).unwrap();
    let built = bundle(app.path(), "app").unwrap();
    let shipped: BTreeSet<_> = built.manifest.files.keys().map(String::as_str).collect();
    assert_eq!(
        shipped,
        ["alias/a.rhai", "lib/a.rhai", "main.rhai", "same.rhai"].into()
    );
    let store = tempfile::tempdir().unwrap();
    let dest = store.path().join("one");
    copy(&built.manifest, app.path(), &dest).unwrap();
    assert!(!dest.join("same.rhai").is_symlink());
}

#[test]
fn a_link_that_leaves_the_root_is_named() {
    let elsewhere = folder(&[("secret", "s")]);
    let app = folder(&[("main.rhai", "m")]);
    symlink(elsewhere.path().join("secret"), app.path().join("out")).unwrap();
    let error = bundle(app.path(), "app").unwrap_err();
    assert!(matches!(&error, ContextError::LinkLeavesRoot { path, .. } if path == "out"));
    assert!(error.to_string().contains("secret") && error.hint().is_some());
    fs::write(app.path().join(".bundleignore"), "out\n").unwrap();
    assert_eq!(bundle(app.path(), "app").unwrap().manifest.files.len(), 1);
}

#[test]
fn links_in_a_circle_end() {
    let app = folder(&[("a/b/main.rhai", "m")]);
    symlink("../..", app.path().join("a/b/up")).unwrap();
    let error = bundle(app.path(), "app").unwrap_err();
    assert!(
        matches!(&error, ContextError::LinkLoop { path, .. } if path == "a/b/up"),
        "{error}"
    );

    let app = folder(&[("a/x", ""), ("b/x", "")]);
    symlink("../b", app.path().join("a/to_b")).unwrap();
    symlink("../a", app.path().join("b/to_a")).unwrap();
    assert!(matches!(
        bundle(app.path(), "app"),
        Err(ContextError::LinkLoop { .. })
    ));

    let app = folder(&[]);
    symlink("me", app.path().join("me")).unwrap();
    assert!(bundle(app.path(), "app").is_err());
    fs::remove_file(app.path().join("me")).unwrap();
    symlink("nothing", app.path().join("me")).unwrap();
    assert!(matches!(
        bundle(app.path(), "app"),
        Err(ContextError::LinkBroken { .. })
    ));
}

#[test]
fn depth_is_bounded() {
    let deep = "d/".repeat(DEPTH_LEVELS_MAX + 1) + "x";
    let app = folder(&[(deep.as_str(), "")]);
    assert!(matches!(
        bundle(app.path(), "app"),
        Err(ContextError::TooLarge { .. })
    ));
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let app = folder(&[("file", "")]);
    let missing = app.path().join("nowhere");
    let error = bundle(&missing, "app").unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
    assert!(matches!(
        bundle(&app.path().join("file"), "x"),
        Err(ContextError::NotAFolder { .. })
    ));
}

#[test]
fn what_is_no_file_is_named_and_never_opened() {
    let app = folder(&[("main.rhai", "m")]);
    let _socket = UnixListener::bind(app.path().join("control")).unwrap();
    let special = |path: &str| match bundle(app.path(), "app") {
        Err(ContextError::Special { path: found }) => assert_eq!(found, path),
        other => panic!("{other:?}"),
    };
    special("control");
    symlink("control", app.path().join("alias")).unwrap();
    special("alias");
    fs::write(app.path().join(".bundleignore"), "alias\ncontrol\n").unwrap();
    assert_eq!(
        bundle(app.path(), "app").unwrap().manifest.excluded.len(),
        2
    );
}
