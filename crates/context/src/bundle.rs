//! From a source folder to what ships.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use assay_model::{Excluded, Manifest};
use assay_source::SourceTree;
use thiserror::Error;

use crate::{Decision, IgnoreFile, Line};

/// Name of the ignore file, at the root of the folder that is built.
pub const IGNORE_FILE: &str = ".bundleignore";

/// Never shipped: a repository's own store, and assay's state.
const NEVER_SHIPPED: [&str; 2] = [".git", ".assay"];

/// Files in one bundle. A service of a hundred thousand files is a forgotten ignore line (a
/// dependency store, a build folder), and would make every roll-out slow.
pub const SHIPPED_FILES_MAX: usize = 100_000;

/// Bytes in one bundle, for the same reason: it is copied and hashed at every roll-out.
pub const SHIPPED_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// Files that are listed with the line that left them out. Excluded stores are large by nature;
/// past this the manifest itself would be.
pub const EXCLUDED_FILES_MAX: usize = 500_000;

/// Folders inside each other. Far above any source tree, and far below where a stack ends.
pub const DEPTH_LEVELS_MAX: usize = 64;

/// Bytes of an ignore file. One that is longer was not written by a person.
const IGNORE_FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What a build ships, and its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// What ships, and what does not and why.
    pub manifest: Manifest,
    /// BLAKE3 over the sorted (path, content hash) pairs, 64 hexadecimal digits.
    pub hash: String,
}

/// What a build ships, with the facts of its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipment {
    /// What ships.
    pub built: Built,
    /// Facts of all code of the folder, shipped or not.
    pub source: SourceTree,
}

/// A folder could not be built.
#[derive(Debug, Error)]
pub enum ContextError {
    /// A file or folder could not be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no such folder.
    #[error("{path} is not a folder")]
    NotAFolder {
        /// Which.
        path: PathBuf,
    },
    /// A link would ship something from elsewhere.
    #[error("{path} links to {target}, outside of {root}")]
    LinkLeavesRoot {
        /// The link, relative to the root.
        path: String,
        /// Where it leads.
        target: PathBuf,
        /// The folder that is built.
        root: PathBuf,
    },
    /// A link leads to a folder that it lies in.
    #[error("{path} links to {target}, which it lies in")]
    LinkLoop {
        /// The link, relative to the root.
        path: String,
        /// Where it leads.
        target: PathBuf,
    },
    /// A link leads nowhere.
    #[error("{path} links to nothing")]
    LinkBroken {
        /// The link, relative to the root.
        path: String,
    },
    /// Neither file, folder nor link.
    #[error("{path} is neither a file nor a folder")]
    Special {
        /// Relative to the root.
        path: String,
    },
    /// A name that a manifest cannot hold.
    #[error("{path} is not named in UTF-8")]
    Name {
        /// As well as it can be shown.
        path: PathBuf,
    },
    /// A bound was passed.
    #[error("{root} holds more than {limit} {unit}")]
    TooLarge {
        /// The folder that is built.
        root: PathBuf,
        /// The bound.
        limit: u64,
        /// Of what.
        unit: &'static str,
    },
}

impl ContextError {
    /// The way out, where one is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::LinkLeavesRoot { .. } => {
                Some("copy the file into the folder, or list the link in .bundleignore")
            }
            Self::LinkLoop { .. } | Self::LinkBroken { .. } | Self::Special { .. } => {
                Some("remove it, or list it in .bundleignore")
            }
            Self::TooLarge { .. } => Some("list what does not belong there in .bundleignore"),
            Self::Read { .. } | Self::NotAFolder { .. } | Self::Name { .. } => None,
        }
    }
}

/// Works out what ships of `root`, called `label_root` in the manifest. It only reads, and gives
/// the same answer for the same tree.
///
/// Everything ships but `.git`, the ignore file itself, and what the ignore file excludes. A
/// link ships as what it leads to, and counts as a folder when it leads to one.
///
/// # Errors
/// When something cannot be read, leads out of the folder, or passes a bound.
pub fn bundle(root: &Path, label_root: &str) -> Result<Built, ContextError> {
    let real_root = root.canonicalize().map_err(|source| ContextError::Read {
        path: root.to_owned(),
        source,
    })?;
    if !real_root.is_dir() {
        return Err(ContextError::NotAFolder {
            path: root.to_owned(),
        });
    }
    let (ignore_file, ignore) = read_ignore_file(root)?;
    let mut walk = Walk {
        root,
        ignore,
        bytes: 0,
        manifest: Manifest {
            root: label_root.to_owned(),
            ignore_file,
            files: BTreeMap::new(),
            excluded: BTreeMap::new(),
        },
        above: vec![real_root.clone()],
        real_root,
    };
    walk.folder(root, "", None)?;
    let hash = hash(&walk.manifest);
    Ok(Built {
        manifest: walk.manifest,
        hash,
    })
}

/// [`bundle()`], with the facts of all the code that the folder holds.
///
/// # Errors
/// As [`bundle()`].
pub fn read(root: &Path, label_root: &str) -> Result<Shipment, ContextError> {
    let built = bundle(root, label_root)?;
    let files = built
        .manifest
        .files
        .keys()
        .chain(built.manifest.excluded.keys());
    let source = assay_source::tree(root, files);
    Ok(Shipment { built, source })
}

/// The identity of what ships: BLAKE3 over `path`, a zero byte, content hash and a line end, for
/// every file in the order of paths.
pub fn hash(manifest: &Manifest) -> String {
    let mut hasher = blake3::Hasher::new();
    for (path, content) in &manifest.files {
        hasher
            .update(path.as_bytes())
            .update(b"\0")
            .update(content.as_bytes())
            .update(b"\n");
    }
    hasher.finalize().to_hex().to_string()
}

fn read_ignore_file(root: &Path) -> Result<(Option<String>, IgnoreFile), ContextError> {
    let path = root.join(IGNORE_FILE);
    let read = fs::metadata(&path).and_then(|metadata| {
        if metadata.len() > IGNORE_FILE_BYTES_MAX {
            let message = format!("longer than {IGNORE_FILE_BYTES_MAX} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        fs::read_to_string(&path)
    });
    match read {
        Ok(text) => Ok((Some(IGNORE_FILE.to_owned()), IgnoreFile::parse(&text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((None, IgnoreFile::default())),
        Err(source) => Err(ContextError::Read { path, source }),
    }
}

struct Walk<'a> {
    root: &'a Path,
    real_root: PathBuf,
    ignore: IgnoreFile,
    manifest: Manifest,
    bytes: u64,
    /// Real paths of the folders that the walk is in.
    above: Vec<PathBuf>,
}

impl Walk<'_> {
    /// `out` is the line that excludes the whole folder.
    fn folder(&mut self, at: &Path, prefix: &str, out: Option<&Line>) -> Result<(), ContextError> {
        if self.above.len() > DEPTH_LEVELS_MAX {
            return Err(self.too_large(DEPTH_LEVELS_MAX as u64, "folders inside each other"));
        }
        let fail = |source| ContextError::Read {
            path: at.to_owned(),
            source,
        };
        let mut entries = BTreeMap::new();
        for entry in fs::read_dir(at).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let name = entry
                .file_name()
                .into_string()
                .map_err(|_| ContextError::Name { path: entry.path() })?;
            entries.insert(name, entry.file_type().map_err(fail)?);
        }
        for (name, kind) in entries {
            if NEVER_SHIPPED.contains(&name.as_str()) || (prefix.is_empty() && name == IGNORE_FILE)
            {
                continue;
            }
            self.entry(&at.join(&name), format!("{prefix}{name}"), kind, out)?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        at: &Path,
        path: String,
        kind: fs::FileType,
        out: Option<&Line>,
    ) -> Result<(), ContextError> {
        let folder = if kind.is_symlink() {
            at.is_dir()
        } else {
            kind.is_dir()
        };
        let decided = match (out, self.ignore.decide(&path, folder)) {
            (Some(line), _) => Some(line.clone()),
            (None, Decision::Excluded(line)) => Some(line.clone()),
            (None, _) => None,
        };
        match decided {
            // What does not ship is listed, and a link in it is not followed.
            Some(line) if kind.is_dir() => self.inside(at, &path, None, Some(&line)),
            Some(line) => self.exclude(path, &line),
            None if kind.is_symlink() => {
                let real = self.follow(at, &path)?;
                if folder {
                    self.inside(at, &path, Some(real), None)
                } else if real.is_file() {
                    self.ship(at, path)
                } else {
                    Err(ContextError::Special { path })
                }
            }
            None if folder => self.inside(at, &path, None, None),
            None if kind.is_file() => self.ship(at, path),
            None => Err(ContextError::Special { path }),
        }
    }

    fn inside(
        &mut self,
        at: &Path,
        path: &str,
        real: Option<PathBuf>,
        out: Option<&Line>,
    ) -> Result<(), ContextError> {
        let real = match real {
            Some(real) => real,
            None => self.above[self.above.len() - 1].join(at.file_name().unwrap_or_default()),
        };
        self.above.push(real);
        self.folder(at, &format!("{path}/"), out)?;
        self.above.pop();
        Ok(())
    }

    fn follow(&self, at: &Path, path: &str) -> Result<PathBuf, ContextError> {
        let real = match at.canonicalize() {
            Ok(real) => real,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(ContextError::LinkBroken {
                    path: path.to_owned(),
                });
            }
            Err(source) => {
                return Err(ContextError::Read {
                    path: at.to_owned(),
                    source,
                });
            }
        };
        if !real.starts_with(&self.real_root) {
            return Err(ContextError::LinkLeavesRoot {
                path: path.to_owned(),
                target: real,
                root: self.root.to_owned(),
            });
        }
        if self.above.contains(&real) {
            return Err(ContextError::LinkLoop {
                path: path.to_owned(),
                target: real,
            });
        }
        Ok(real)
    }

    fn ship(&mut self, at: &Path, path: String) -> Result<(), ContextError> {
        if self.manifest.files.len() == SHIPPED_FILES_MAX {
            return Err(self.too_large(SHIPPED_FILES_MAX as u64, "files that ship"));
        }
        let left = SHIPPED_BYTES_MAX - self.bytes;
        let (content, bytes) = hash_file(at, left).map_err(|source| ContextError::Read {
            path: at.to_owned(),
            source,
        })?;
        if bytes > left {
            return Err(self.too_large(SHIPPED_BYTES_MAX, "bytes that ship"));
        }
        self.bytes += bytes;
        self.manifest.files.insert(path, content);
        Ok(())
    }

    fn exclude(&mut self, path: String, line: &Line) -> Result<(), ContextError> {
        if self.manifest.excluded.len() == EXCLUDED_FILES_MAX {
            return Err(self.too_large(EXCLUDED_FILES_MAX as u64, "files that do not ship"));
        }
        let excluded = Excluded {
            file: IGNORE_FILE.to_owned(),
            line: line.number,
            pattern: line.text.clone(),
        };
        self.manifest.excluded.insert(path, excluded);
        Ok(())
    }

    fn too_large(&self, limit: u64, unit: &'static str) -> ContextError {
        ContextError::TooLarge {
            root: self.root.to_owned(),
            limit,
            unit,
        }
    }
}

/// Hash of the content and its length; it stops one byte after `limit`.
pub(crate) fn hash_file(path: &Path, limit: u64) -> io::Result<(String, u64)> {
    let file = fs::File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    let bytes = io::copy(
        &mut io::Read::take(file, limit.saturating_add(1)),
        &mut hasher,
    )?;
    Ok((hasher.finalize().to_hex().to_string(), bytes))
}
