//! git, on repositories that each test makes for itself.

#![expect(clippy::unwrap_used, reason = "a test program fails loudly")]

use std::fs;
use std::path::Path;

use assay_world::git::{Git, GitError, Identity};

fn who() -> Identity {
    Identity {
        name: "assay".to_owned(),
        email: "assay@localhost".to_owned(),
    }
}

async fn commit(git: &Git, files: &[(&str, &str)]) -> String {
    for (path, text) in files {
        let path = git.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    git.commit(&["."], "change", &who()).await.unwrap()
}

async fn repository(dir: &Path) -> Git {
    let git = Git::init(dir.join("repo").tap_mkdir(), "main")
        .await
        .unwrap();
    Git::init(git.root(), "main").await.unwrap();
    git
}

trait TapMkdir {
    fn tap_mkdir(self) -> Self;
}

impl TapMkdir for std::path::PathBuf {
    fn tap_mkdir(self) -> Self {
        fs::create_dir_all(&self).unwrap();
        self
    }
}

#[tokio::test]
async fn commits_are_made_once_and_can_be_compared() {
    let dir = tempfile::tempdir().unwrap();
    let git = repository(dir.path()).await;
    assert!(git.is_repository().await.unwrap());
    assert_eq!(git.head().await.unwrap(), None);
    let one = commit(&git, &[("a.txt", "1\n"), ("sub/b.txt", "1\n")]).await;
    assert_eq!(
        commit(&git, &[]).await,
        one,
        "nothing to commit is the same commit"
    );
    let two = commit(&git, &[("a.txt", "2\n")]).await;
    assert_eq!(git.head().await.unwrap().as_ref(), Some(&two));
    assert_eq!(
        git.changed_files(&one, Some(&two)).await.unwrap(),
        ["a.txt"]
    );
    let diff = git.diff(&one, Some(&two), &[]).await.unwrap();
    assert!(diff.contains("-1\n+2\n"), "{diff}");
    assert_eq!(git.diff(&one, Some(&two), &["sub"]).await.unwrap(), "");
    assert_eq!(git.show(&one, "a.txt").await.unwrap().unwrap(), b"1\n");
    assert_eq!(git.show(&one, "none.txt").await.unwrap(), None);
    assert_eq!(git.branch().await.unwrap().as_deref(), Some("main"));
    fs::write(git.root().join("new"), "x").unwrap();
    fs::remove_file(git.root().join("a.txt")).unwrap();
    assert_eq!(git.uncommitted().await.unwrap(), ["a.txt", "new"]);
}

#[tokio::test]
async fn paths_are_relative_to_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let top = repository(dir.path()).await;
    let one = commit(&top, &[("sub/b.txt", "1\n")]).await;
    let two = commit(&top, &[("sub/b.txt", "2\n"), ("a.txt", "1\n")]).await;
    let sub = Git::at(top.root().join("sub"));
    assert_eq!(
        sub.changed_files(&one, Some(&two)).await.unwrap(),
        ["b.txt"]
    );
    assert_eq!(sub.show(&one, "b.txt").await.unwrap().unwrap(), b"1\n");
    assert_eq!(
        sub.top().await.unwrap(),
        Some(top.root().canonicalize().unwrap())
    );
}

#[tokio::test]
async fn a_worktree_is_added_and_removed_twice() {
    let dir = tempfile::tempdir().unwrap();
    let git = repository(dir.path()).await;
    let base = commit(&git, &[("a.txt", "1\n")]).await;
    let folder = dir.path().join("tree");
    let tree = git.worktree_add(&folder, "fix", &base).await.unwrap();
    let fixed = commit(&tree, &[("a.txt", "2\n")]).await;
    git.worktree_add(&folder, "fix", &base).await.unwrap();
    assert_eq!(
        tree.head().await.unwrap().as_ref(),
        Some(&fixed),
        "the work is still there"
    );
    assert_eq!(fs::read(git.root().join("a.txt")).unwrap(), b"1\n");

    let error = git.worktree_add(&folder, "other", &base).await.unwrap_err();
    assert!(matches!(error, GitError::NotThatWorktree { .. }), "{error}");

    for _ in 0..2 {
        git.worktree_remove(&folder).await.unwrap();
    }
    assert!(!folder.exists());
    assert!(git.branch_exists("fix").await.unwrap());
    let again = git.worktree_add(&folder, "fix", &base).await.unwrap();
    assert_eq!(again.head().await.unwrap(), Some(fixed));
    git.worktree_remove(&folder).await.unwrap();
    for _ in 0..2 {
        git.branch_delete("fix").await.unwrap();
    }
    assert!(!git.branch_exists("fix").await.unwrap());
}

#[tokio::test]
async fn an_export_is_exactly_the_commit() {
    let dir = tempfile::tempdir().unwrap();
    let git = repository(dir.path()).await;
    let one = commit(
        &git,
        &[("a.txt", "1\n"), ("sub/b.txt", "1\n"), ("sub/c/d", "1\n")],
    )
    .await;
    fs::write(git.root().join("sub/b.txt"), "dirty").unwrap();
    let dest = dir.path().join("out/dest");
    git.export(&one, None, &dest).await.unwrap();
    assert_eq!(fs::read(dest.join("sub/b.txt")).unwrap(), b"1\n");
    git.export(&one, Some("sub"), &dest).await.unwrap();
    assert_eq!(fs::read(dest.join("c/d")).unwrap(), b"1\n");
    assert!(!dest.join("a.txt").exists() && !dest.join("sub").exists());
    assert_eq!(
        fs::read_dir(dir.path().join("out")).unwrap().count(),
        1,
        "no scratch is left"
    );
    assert_eq!(git.uncommitted().await.unwrap(), ["sub/b.txt"]);
}

#[tokio::test]
async fn errors_name_command_code_and_reason() {
    let dir = tempfile::tempdir().unwrap();
    let git = Git::at(dir.path());
    assert!(!git.is_repository().await.unwrap());
    let error = git.head().await.unwrap_err().to_string();
    assert!(error.contains("`git rev-parse --git-dir`"), "{error}");
    assert!(
        error.contains("exit code 128: fatal: not a git repository"),
        "{error}"
    );
}
