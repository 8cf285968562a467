//! Putting what ships where it will run.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use assay_model::Manifest;
use thiserror::Error;

use crate::SHIPPED_BYTES_MAX;
use crate::bundle::{DEPTH_LEVELS_MAX, hash_file};

/// What ships could not be copied. The destination is as it was before.
#[derive(Debug, Error)]
pub enum CopyError {
    /// A file or folder could not be read or written.
    #[error("cannot {doing} {path}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The source is no longer what the manifest says.
    #[error("{path} has changed since the manifest was made")]
    Changed {
        /// The file, in the source.
        path: PathBuf,
    },
    /// Something else is there already.
    #[error("{path} exists and is not this bundle")]
    Occupied {
        /// The destination.
        path: PathBuf,
    },
    /// A path that leads out of the destination.
    #[error("{path} in the manifest leads out of its folder")]
    Unsafe {
        /// As the manifest has it.
        path: String,
    },
}

/// Copies exactly the files of `manifest` from `root` to the new folder `dest`, permissions
/// included. Nothing is half-written: the folder appears complete or not at all. It may be
/// repeated; a `dest` that holds exactly these files is done.
///
/// # Errors
/// When something cannot be read or written, when the source has changed since the manifest was
/// made, or when `dest` holds something else.
pub fn copy(manifest: &Manifest, root: &Path, dest: &Path) -> Result<(), CopyError> {
    if let Some(path) = manifest.files.keys().find(|path| !stays_inside(path)) {
        return Err(CopyError::Unsafe { path: path.clone() });
    }
    if dest.exists() {
        return already_there(manifest, dest);
    }
    let parent = dest.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(io_error("create", parent))?;
    let partial = tempfile::Builder::new()
        .prefix(".partial-")
        .tempdir_in(parent)
        .map_err(io_error("create a folder in", parent))?;
    for (path, expected) in &manifest.files {
        let (from, to) = (root.join(path), partial.path().join(path));
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).map_err(io_error("create", folder))?;
        }
        fs::copy(&from, &to).map_err(io_error("copy", &from))?;
        // The copy is what will run, so the copy is what is checked.
        let (found, _) = hash_file(&to, SHIPPED_BYTES_MAX).map_err(io_error("read", &to))?;
        if found != *expected {
            return Err(CopyError::Changed { path: from });
        }
    }
    open_for_others(partial.path())?;
    match fs::rename(partial.path(), dest) {
        Ok(()) => {
            // Nothing is left under the old name to be removed.
            let _moved = partial.keep();
            Ok(())
        }
        // Another copy of the same bundle may have come first.
        Err(_) if dest.exists() => already_there(manifest, dest),
        Err(source) => Err(CopyError::Io {
            doing: "rename the copy to",
            path: dest.to_owned(),
            source,
        }),
    }
}

/// A temporary folder is for its owner alone; a bundle is as open as any new folder.
#[cfg(unix)]
fn open_for_others(folder: &Path) -> Result<(), CopyError> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).map_err(io_error("open", folder))
}

#[cfg(not(unix))]
fn open_for_others(_folder: &Path) -> Result<(), CopyError> {
    Ok(())
}

fn stays_inside(path: &str) -> bool {
    !path.starts_with('/') && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn already_there(manifest: &Manifest, dest: &Path) -> Result<(), CopyError> {
    let occupied = || CopyError::Occupied {
        path: dest.to_owned(),
    };
    let mut there = BTreeSet::new();
    list(dest, "", 0, &mut there).map_err(io_error("read", dest))?;
    if !there.iter().eq(manifest.files.keys()) {
        return Err(occupied());
    }
    for (path, expected) in &manifest.files {
        let path = dest.join(path);
        let (found, _) = hash_file(&path, SHIPPED_BYTES_MAX).map_err(io_error("read", &path))?;
        if found != *expected {
            return Err(occupied());
        }
    }
    Ok(())
}

/// Files below `at`; a copy holds no links.
fn list(at: &Path, prefix: &str, depth: usize, into: &mut BTreeSet<String>) -> io::Result<()> {
    if depth > DEPTH_LEVELS_MAX {
        return Err(io::Error::other(format!(
            "more than {DEPTH_LEVELS_MAX} folders deep"
        )));
    }
    for entry in fs::read_dir(at)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &format!("{path}/"), depth + 1, into)?;
        } else {
            into.insert(path);
        }
    }
    Ok(())
}

fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CopyError {
    move |source| CopyError::Io {
        doing,
        path: path.to_owned(),
        source,
    }
}
