//! The user's own `git`.
//!
//! Every call is isolated from the user's configuration: no global or system file, no hooks, no
//! signing, no prompts, an identity of its own. What was not asked for is not touched.

use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use crate::clock::Stopwatch;
use crate::files::{self, FileError};
use crate::process::{Command, Ended, Output, ProcessError};

/// Longer than a checkout of a large repository takes from a warm disk.
const TIMEOUT_S: u64 = 120;

/// How long another git may hold a lock of the repository before that is an error.
const LOCK_WAIT_MS: u64 = 5_000;

/// How often to look whether it still does.
const LOCK_POLL_MS: u64 = 50;

/// Settings that would otherwise come from the user, or run the user's programs.
const SETTINGS: [&str; 8] = [
    "core.hooksPath=/dev/null",
    "core.excludesFile=/dev/null",
    "core.attributesFile=/dev/null",
    "core.autocrlf=false",
    "core.quotePath=false",
    "commit.gpgSign=false",
    "gc.auto=0",
    "maintenance.auto=false",
];

/// A git command did not do what it was asked.
#[derive(Debug, Error)]
pub enum GitError {
    /// git is not installed.
    #[error("cannot find git")]
    Missing,
    /// git could not be run.
    #[error(transparent)]
    Process(ProcessError),
    /// git ran, and failed.
    #[error("`{command}` in {}: {ended}: {message}", root.display())]
    Failed {
        /// The command without the isolation around it.
        command: String,
        /// Where it ran.
        root: PathBuf,
        /// How it ended.
        ended: Ended,
        /// The first line of its complaint.
        message: String,
    },
    /// A folder that is in the way.
    #[error("{} is not a worktree of branch {branch} on top of {base}", dir.display())]
    NotThatWorktree {
        /// The folder.
        dir: PathBuf,
        /// The branch that was wanted there.
        branch: String,
        /// The commit that the branch was to start from.
        base: String,
    },
    /// What git printed is longer than assay reads.
    #[error("`{command}` printed too much")]
    TooLong {
        /// The command without the isolation around it.
        command: String,
    },
    /// A file around git failed.
    #[error(transparent)]
    File(#[from] FileError),
}

impl GitError {
    /// The way out, where one is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Missing => Some("install git and see that it is on PATH"),
            Self::NotThatWorktree { .. } => Some("move the folder or the branch out of the way"),
            _ => None,
        }
    }
}

/// Who commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Name.
    pub name: String,
    /// Address.
    pub email: String,
}

/// A folder inside a git repository. Paths that go in and come out are relative to it.
#[derive(Clone, Debug)]
pub struct Git {
    root: PathBuf,
}

impl Git {
    /// The repository around `root`, which is not looked at yet.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Makes `root` a repository with `branch` checked out. One that is there already stays.
    ///
    /// # Errors
    /// When git fails.
    pub async fn init(root: impl Into<PathBuf>, branch: &str) -> Result<Self, GitError> {
        let git = Self::at(root);
        if !git.root.join(".git").exists() {
            let initial = format!("--initial-branch={branch}");
            git.run(["init", "--quiet", &initial]).await?;
        }
        Ok(git)
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether the folder lies in a checked-out repository.
    ///
    /// # Errors
    /// When git is missing.
    pub async fn is_repository(&self) -> Result<bool, GitError> {
        let output = self.output(["rev-parse", "--is-inside-work-tree"]).await?;
        Ok(output.success() && output.stdout.starts_with(b"true"))
    }

    /// The top folder of the checked-out repository; `None` outside of one.
    ///
    /// # Errors
    /// When git is missing.
    pub async fn top(&self) -> Result<Option<PathBuf>, GitError> {
        let output = self.output(["rev-parse", "--show-toplevel"]).await?;
        Ok(output.success().then(|| PathBuf::from(line(&output))))
    }

    /// The commit that is checked out; `None` before the first one.
    ///
    /// # Errors
    /// When this is no repository.
    pub async fn head(&self) -> Result<Option<String>, GitError> {
        self.run(["rev-parse", "--git-dir"]).await?;
        self.resolve("HEAD").await
    }

    /// The commit that a branch, tag or abbreviated hash means; `None` when it means none.
    ///
    /// # Errors
    /// When git is missing.
    pub async fn resolve(&self, name: &str) -> Result<Option<String>, GitError> {
        let commit = format!("{name}^{{commit}}");
        let args = [
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &commit,
        ];
        let output = self.output(args).await?;
        Ok(output.success().then(|| line(&output)))
    }

    /// The branch that is checked out; `None` on a detached head.
    ///
    /// # Errors
    /// When git is missing.
    pub async fn branch(&self) -> Result<Option<String>, GitError> {
        let output = self
            .output(["symbolic-ref", "--short", "--quiet", "HEAD"])
            .await?;
        Ok(output.success().then(|| line(&output)))
    }

    /// Whether there is a local branch of that name.
    ///
    /// # Errors
    /// When git is missing.
    pub async fn branch_exists(&self, branch: &str) -> Result<bool, GitError> {
        let name = format!("refs/heads/{branch}");
        Ok(self
            .output(["show-ref", "--verify", "--quiet", &name])
            .await?
            .success())
    }

    /// Commits the state of `paths` (`["."]` for all) and says which commit holds it. With
    /// nothing to commit that is the one that is checked out, so this may be repeated.
    ///
    /// # Errors
    /// When a path is unknown, or there is nothing to commit in an empty repository.
    pub async fn commit(
        &self,
        paths: &[&str],
        message: &str,
        who: &Identity,
    ) -> Result<String, GitError> {
        let add = ["add", "--all", "--"]
            .into_iter()
            .chain(paths.iter().copied());
        self.run(add).await?;
        let staged = ["diff", "--cached", "--quiet", "--"]
            .into_iter()
            .chain(paths.iter().copied());
        let clean = self.output(staged).await?.success();
        if clean && let Some(head) = self.head().await? {
            return Ok(head);
        }
        let name = format!("user.name={}", who.name);
        let email = format!("user.email={}", who.email);
        let commit = [
            "-c",
            &name,
            "-c",
            &email,
            "commit",
            "--quiet",
            "--no-verify",
            "-m",
            message,
            "--",
        ];
        self.run(commit.into_iter().chain(paths.iter().copied()))
            .await?;
        let output = self.run(["rev-parse", "HEAD"]).await?;
        Ok(line(&output))
    }

    /// The unified diff from `base` to `head`, or to the working tree's tracked files if that is
    /// `None`, of `paths` or of everything.
    ///
    /// # Errors
    /// When a commit is unknown.
    pub async fn diff(
        &self,
        base: &str,
        head: Option<&str>,
        paths: &[&str],
    ) -> Result<String, GitError> {
        let options = [
            "diff",
            "--no-color",
            "--no-ext-diff",
            "--relative",
            "--end-of-options",
        ];
        let args = options.into_iter().chain([base]).chain(head).chain(["--"]);
        let output = self.run(args.chain(paths.iter().copied())).await?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The files that differ, by path; see [`Git::diff`].
    ///
    /// # Errors
    /// When a commit is unknown.
    pub async fn changed_files(
        &self,
        base: &str,
        head: Option<&str>,
    ) -> Result<Vec<String>, GitError> {
        let options = ["diff", "--name-only", "-z", "--no-renames", "--relative"];
        let args = options
            .into_iter()
            .chain(["--end-of-options", base])
            .chain(head)
            .chain(["--"]);
        let output = self.run(args).await?;
        let names = output
            .stdout
            .split(|&byte| byte == 0)
            .filter(|name| !name.is_empty());
        Ok(names
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect())
    }

    /// Files that differ from what is checked out, untracked ones included.
    ///
    /// # Errors
    /// When this is no repository.
    pub async fn uncommitted(&self) -> Result<Vec<String>, GitError> {
        let args = [
            "ls-files",
            "-z",
            "--modified",
            "--deleted",
            "--others",
            "--exclude-standard",
        ];
        let output = self.run(args).await?;
        let names = output
            .stdout
            .split(|&byte| byte == 0)
            .filter(|name| !name.is_empty());
        let mut names: Vec<_> = names
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// A file as `commit` has it; `None` where it has none.
    ///
    /// # Errors
    /// When the commit is unknown.
    pub async fn show(&self, commit: &str, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        let object = format!("{commit}:./{path}");
        if !self.output(["cat-file", "-e", &object]).await?.success() {
            self.run(["cat-file", "-e", &format!("{commit}^{{commit}}")])
                .await?;
            return Ok(None);
        }
        Ok(Some(self.run(["cat-file", "blob", &object]).await?.stdout))
    }

    /// Checks `branch` out in a folder of its own, and makes the branch at `base` if it is new.
    /// A worktree that is there already stays when it is that branch, grown from that base.
    ///
    /// # Errors
    /// When the folder or the branch is something else.
    pub async fn worktree_add(
        &self,
        dir: &Path,
        branch: &str,
        base: &str,
    ) -> Result<Self, GitError> {
        // Forget worktrees whose folder somebody removed; they block their branch.
        self.run(["worktree", "prune"]).await?;
        let there = Self::at(dir);
        let wrong = || GitError::NotThatWorktree {
            dir: dir.to_owned(),
            branch: branch.to_owned(),
            base: base.to_owned(),
        };
        let new = !self.branch_exists(branch).await?;
        if !new && !self.grown_from(base, branch).await? {
            return Err(wrong());
        }
        if dir.join(".git").exists() {
            let right = there.branch().await?.as_deref() == Some(branch);
            return if right { Ok(there) } else { Err(wrong()) };
        }
        let folder = dir.to_string_lossy();
        if new {
            self.run(["worktree", "add", "--quiet", "-b", branch, &folder, base])
                .await?;
        } else {
            self.run(["worktree", "add", "--quiet", &folder, branch])
                .await?;
        }
        Ok(there)
    }

    async fn grown_from(&self, base: &str, branch: &str) -> Result<bool, GitError> {
        Ok(self
            .output(["merge-base", "--is-ancestor", base, branch])
            .await?
            .success())
    }

    /// Removes a worktree with everything in it; its branch stays. May be repeated.
    ///
    /// # Errors
    /// When the folder cannot be removed.
    pub async fn worktree_remove(&self, dir: &Path) -> Result<(), GitError> {
        files::remove(dir)?;
        self.run(["worktree", "prune"]).await.map(drop)
    }

    /// Deletes a branch that is checked out nowhere. May be repeated.
    ///
    /// # Errors
    /// When it is checked out somewhere.
    pub async fn branch_delete(&self, branch: &str) -> Result<(), GitError> {
        if self.branch_exists(branch).await? {
            self.run(["branch", "--quiet", "-D", branch]).await?;
        }
        Ok(())
    }

    /// Writes the files of `commit`, or of one subfolder of it, to `dest`, which afterwards
    /// holds nothing else. The checkout and its index are not touched.
    ///
    /// # Errors
    /// When the commit or the subfolder is unknown, or `dest` cannot be replaced.
    pub async fn export(
        &self,
        commit: &str,
        subfolder: Option<&str>,
        dest: &Path,
    ) -> Result<(), GitError> {
        let tree = match subfolder {
            Some(subfolder) => format!("{commit}:./{subfolder}"),
            None => format!("{commit}^{{tree}}"),
        };
        let parent = dest.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(parent).map_err(FileError::of("create folder", parent))?;
        let scratch = tempfile::Builder::new()
            .prefix(".assay-export-")
            .tempdir_in(parent)
            .map_err(FileError::of("create folder in", parent))?;
        let path = scratch
            .path()
            .canonicalize()
            .map_err(FileError::of("find", scratch.path()))?;
        let (index, files) = (path.join("index"), path.join("files"));
        std::fs::create_dir(&files).map_err(FileError::of("create folder", &files))?;
        let indexed = |command: Command| command.env("GIT_INDEX_FILE", &index);
        self.checked(indexed(self.command(["read-tree", &tree])))
            .await?;
        // Without a work tree of its own, git would write relative to the checkout's top.
        let prefix = format!("--prefix={}/", files.to_string_lossy());
        self.checked(indexed(self.command([
            "checkout-index",
            "--all",
            "--force",
            &prefix,
        ])))
        .await?;
        files::remove(dest)?;
        std::fs::rename(&files, dest).map_err(FileError::of("rename", dest))?;
        Ok(())
    }

    fn command<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        let settings = SETTINGS.into_iter().flat_map(|setting| ["-c", setting]);
        Command::new("git")
            .args(settings)
            .args(args)
            .cwd(&self.root)
            .clear_env()
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("LC_ALL", "C")
            .timeout(Duration::from_secs(TIMEOUT_S))
    }

    async fn output<'a>(
        &self,
        args: impl IntoIterator<Item = &'a str>,
    ) -> Result<Output, GitError> {
        run(&self.command(args)).await
    }

    async fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Result<Output, GitError> {
        self.checked(self.command(args)).await
    }

    async fn checked(&self, command: Command) -> Result<Output, GitError> {
        let watch = Stopwatch::start();
        let output = loop {
            let output = run(&command).await?;
            // A git whose caller was killed finishes on its own, and holds the lock until then.
            let locked = !output.success() && locked(&output);
            if !locked || watch.elapsed_ms() > LOCK_WAIT_MS {
                break output;
            }
            tokio::time::sleep(Duration::from_millis(LOCK_POLL_MS)).await;
        };
        let shown = || shown(&command);
        if !output.success() {
            let complaint = String::from_utf8_lossy(&output.stderr);
            return Err(GitError::Failed {
                command: shown(),
                root: self.root.clone(),
                ended: output.ended,
                message: complaint.lines().next().unwrap_or("no message").to_owned(),
            });
        }
        if output.truncated {
            return Err(GitError::TooLong { command: shown() });
        }
        Ok(output)
    }
}

async fn run(command: &Command) -> Result<Output, GitError> {
    command.run().await.map_err(|error| match error {
        ProcessError::NotFound { .. } => GitError::Missing,
        error => GitError::Process(error),
    })
}

fn locked(output: &Output) -> bool {
    let complaint = String::from_utf8_lossy(&output.stderr);
    complaint.contains(".lock': File exists")
}

fn line(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned()
}

/// The command as a person would type it.
fn shown(command: &Command) -> String {
    let mut text = command.to_string();
    for setting in SETTINGS {
        text = text.replacen(&format!(" -c {setting}"), "", 1);
    }
    text
}
