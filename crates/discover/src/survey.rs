//! One walk over a repository, each known file to the reader of its format.
//!
//! Files are read in the walker's threads. What needs several files at once (compose overrides,
//! nginx includes, named ports of Kubernetes) is joined afterwards, in the order of paths, so
//! that the answer is the same each time.

mod file;
mod uses;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ignore::{DirEntry, WalkBuilder, WalkState};
use thiserror::Error;

use crate::{Clues, Origin, Unreadable, compose, dotnet, kubernetes, nginx, routes};
use file::{FileClues, Reader};

/// Files of a repository that are looked at by name. The largest monorepos that are public have
/// some 400,000, of which an ordinary checkout shows fewer.
const FILES_MAX: usize = 500_000;

/// Levels of folders. Java packages reach 15.
const FOLDER_DEPTH_MAX: usize = 32;

/// Threads that read; more wait for the disk.
const THREADS_MAX: usize = 8;

/// Folders of other people's code and of what a build made.
const LEFT_OUT: &[&str] = &[
    "node_modules",
    "bower_components",
    "vendor",
    "third_party",
    "target",
    "dist",
    "build",
    "venv",
    "site-packages",
    "__pycache__",
];

/// Hidden folders in which people keep what this crate reads. All others belong to tools.
const HIDDEN_FOLDERS: &[&str] = &[
    ".docker",
    ".deploy",
    ".deployment",
    ".infra",
    ".k8s",
    ".kubernetes",
    ".nginx",
];

/// What a repository says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Survey {
    /// What its files say.
    pub clues: Clues,
    /// Files that were looked at by name.
    pub files: usize,
    /// Files whose text was read.
    pub read: usize,
    /// Whether the walk ended before the repository did.
    pub capped: bool,
}

/// A repository that cannot be looked at.
#[derive(Debug, Error)]
#[error("{} is no folder that can be read", root.display())]
pub struct SurveyError {
    /// The folder that was asked for.
    pub root: PathBuf,
    /// Why it cannot.
    pub source: std::io::Error,
}

/// Looks at every file below `root` that is not ignored, and reads those that say something of
/// services.
///
/// # Errors
/// When `root` is no folder or cannot be opened. Whatever is wrong inside of it is a clue.
pub fn survey(root: &Path) -> Result<Survey, SurveyError> {
    let cannot = |source| SurveyError {
        root: root.to_owned(),
        source,
    };
    let root = std::fs::canonicalize(root).map_err(cannot)?;
    std::fs::read_dir(&root).map_err(cannot)?;
    let reader = Reader { root: &root };
    let walk = Walk::default();
    walk.run(&root, &reader);
    let mut found = walk.found.into_inner().unwrap_or_default();
    found.sort_by(|one, other| one.path.cmp(&other.path));
    let read = walk.read.into_inner();
    let mut out = Survey {
        clues: join(&reader, found),
        files: walk.files.into_inner().min(FILES_MAX),
        read,
        capped: walk.capped.into_inner(),
    };
    tidy(&mut out.clues);
    Ok(out)
}

/// What the threads share.
#[derive(Default)]
struct Walk {
    found: Mutex<Vec<FileClues>>,
    files: AtomicUsize,
    read: AtomicUsize,
    capped: AtomicBool,
}

impl Walk {
    fn run(&self, root: &Path, reader: &Reader<'_>) {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let walker = WalkBuilder::new(root)
            .hidden(false)
            .follow_links(false)
            // Rules of the machine or of a folder above are not the repository's.
            .parents(false)
            .git_global(false)
            .require_git(false)
            .max_depth(Some(FOLDER_DEPTH_MAX))
            .threads(threads.clamp(2, THREADS_MAX))
            .filter_entry(is_wanted)
            .build_parallel();
        walker.run(|| {
            Box::new(move |entry| {
                let found = match entry {
                    Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                        if self.files.fetch_add(1, Ordering::Relaxed) >= FILES_MAX {
                            self.capped.store(true, Ordering::Relaxed);
                            return WalkState::Quit;
                        }
                        relative(root, entry.path()).and_then(|path| reader.read(&path, &self.read))
                    }
                    Ok(_) => None,
                    Err(error) => blocked(root, &error),
                };
                if let (Some(found), Ok(mut all)) = (found, self.found.lock()) {
                    all.push(found);
                }
                WalkState::Continue
            })
        });
    }
}

/// Whether a file or folder is looked at.
fn is_wanted(entry: &DirEntry) -> bool {
    let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
    if !is_folder || entry.depth() == 0 {
        return true;
    }
    let name = entry.file_name().to_str().unwrap_or_default();
    !LEFT_OUT.contains(&name) && (!name.starts_with('.') || HIDDEN_FOLDERS.contains(&name))
}

/// The path below the root with `/`; none for a name that is not UTF-8, which no format can name.
fn relative(root: &Path, path: &Path) -> Option<String> {
    let parts = path.strip_prefix(root).ok()?.iter().map(OsStr::to_str);
    parts
        .collect::<Option<Vec<_>>>()
        .map(|parts| parts.join("/"))
}

/// A folder that may not be entered.
fn blocked(root: &Path, error: &ignore::Error) -> Option<FileClues> {
    let mut inner = error;
    let mut path = None;
    loop {
        match inner {
            ignore::Error::WithPath { path: at, err } => {
                path = Some(at);
                inner = err;
            }
            ignore::Error::WithDepth { err, .. } => inner = err,
            _ => break,
        }
    }
    let path = relative(root, path?)?;
    let reason = error.io_error()?.kind().to_string();
    Some(FileClues::unreadable(&path, 0, reason))
}

/// Puts together what the threads read, and reads what needs several files.
fn join(reader: &Reader<'_>, found: Vec<FileClues>) -> Clues {
    let mut clues = Clues::default();
    let mut compose_texts = BTreeMap::new();
    let (mut manifests, mut nginx_files) = (Vec::new(), Vec::new());
    let mut procfiles = Vec::new();
    let (mut mounts, mut launches, mut hosts) = (Vec::new(), Vec::new(), Vec::new());
    for file in found {
        if let Some(text) = file.compose {
            compose_texts.insert(file.path, text);
        }
        manifests.extend(file.manifests);
        nginx_files.extend(file.nginx);
        mounts.extend(file.mounts);
        launches.extend(file.launch);
        hosts.extend(file.host);
        procfiles.extend(file.clues.units);
        clues.dockerfiles.extend(file.clues.dockerfiles);
        clues.routes.extend(file.clues.routes);
        clues.packages.extend(file.clues.packages);
        clues.tests.extend(file.clues.tests);
        clues.settings.extend(file.clues.settings);
        clues.variables.extend(file.clues.variables);
        clues.unreadable.extend(file.clues.unreadable);
    }
    let names: BTreeSet<String> = compose_texts.keys().cloned().collect();
    let files = |path: &str| {
        let known = compose_texts.get(path).cloned();
        known.or_else(|| reader.text(path).ok().flatten())
    };
    compose::read(&names, &files, &mut clues);
    kubernetes::finish(manifests, &mut clues);
    clues.uses = uses::find(reader, &procfiles, &clues.variables);
    clues.units.extend(procfiles);
    dotnet::finish(launches, hosts, &mut clues);
    routes::mount(&mounts, &clues.packages, &mut clues.routes);
    nginx::finish(&nginx_files, &mut clues);
    clues
}

/// Orders what stands in no order yet, and says nothing twice.
fn tidy(clues: &mut Clues) {
    clues
        .unreadable
        .sort_by(|one, other| one.origin.cmp(&other.origin));
    clues.unreadable.dedup();
    let place = |variable: &crate::Variable| {
        // What an example says comes before the bare name that a compose file's `env_file` gives.
        let Origin { file, line } = variable.origin.clone();
        (file, variable.name.clone(), line == 0, line)
    };
    clues.variables.sort_by_key(place);
    clues.variables.dedup_by(|later, first| {
        later.origin.file == first.origin.file && later.name == first.name
    });
    clues
        .variables
        .sort_by(|one, other| one.origin.cmp(&other.origin));
}

impl FileClues {
    /// A file of which only the failure is known.
    fn unreadable(path: &str, line: u64, reason: impl Into<String>) -> Self {
        let mut out = Self::new(path);
        out.clues.unreadable.push(Unreadable {
            origin: Origin {
                file: path.to_owned(),
                line,
            },
            reason: reason.into(),
        });
        out
    }
}
