//! Files: written whole or not at all, copied, removed; and ports, which are taken like files.

use std::collections::hash_map::RandomState;
use std::fs::{self, File, Permissions};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Folders inside folders. Deeper trees than this are loops or attacks, not source.
const TREE_DEPTH_MAX: usize = 64;

/// A file or folder could not be handled.
#[derive(Debug, Error)]
#[error("cannot {doing} {}", path.display())]
pub struct FileError {
    /// `write`, `copy`, `remove`.
    pub doing: &'static str,
    /// What it was about.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

impl FileError {
    pub(crate) fn of(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self {
            doing,
            path: path.to_owned(),
            source,
        }
    }
}

/// Replaces `path` by `bytes` so that readers, and a crash at any moment, see the old content or
/// the new, never a part. Missing folders are made. May be repeated.
///
/// # Errors
/// When the folder cannot be written; `path` is then as it was.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).map_err(FileError::of("create folder", folder))?;
    // 0666 is what any program asks for; the user's umask takes from it.
    let mode = fs::metadata(path).map_or(0o666, |old| old.permissions().mode() & 0o7777);
    let written = || -> io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(".assay-")
            .permissions(Permissions::from_mode(mode))
            .tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|failed| failed.error)?;
        // The new name is only durable once the folder is.
        File::open(folder)?.sync_all()
    };
    written().map_err(FileError::of("write", path))
}

/// Ports that [`free_port`] gives: above what needs a privilege and below 32768, where Linux by
/// default begins to take ports for outgoing connections (`ip_local_port_range`). A port from
/// there could be taken by anybody's connection between being found and being used.
const PORTS: std::ops::Range<u16> = 10_000..32_768;

/// Ports that are tried before giving up.
const PORT_TRIES_MAX: u32 = 1_000;

/// A TCP port of the loopback address that was free a moment ago, chosen at random, so that two
/// who ask at the same time rarely get the same.
///
/// # Errors
/// When none of many can be bound.
pub fn free_port() -> io::Result<u16> {
    let span = u64::from(PORTS.end - PORTS.start);
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..PORT_TRIES_MAX {
        // The standard library's own source of randomness.
        let offset = RandomState::new().build_hasher().finish() % span;
        let port = PORTS.start + u16::try_from(offset).unwrap_or_default();
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Copies files, folders and symbolic links (as links) with their modes into `to`, which is made
/// if missing. May be repeated; files that are only in `to` stay.
///
/// # Errors
/// At the first entry that cannot be copied, and at anything that is neither file, folder nor
/// link.
pub fn copy_tree(from: &Path, to: &Path) -> Result<(), FileError> {
    copy_level(from, to, 0)
}

fn copy_level(from: &Path, to: &Path, depth: usize) -> Result<(), FileError> {
    if depth > TREE_DEPTH_MAX {
        let deep = io::Error::other(format!("more than {TREE_DEPTH_MAX} folders deep"));
        return Err(FileError::of("copy", from)(deep));
    }
    fs::create_dir_all(to).map_err(FileError::of("create folder", to))?;
    for entry in fs::read_dir(from).map_err(FileError::of("read", from))? {
        let entry = entry.map_err(FileError::of("read", from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(FileError::of("read", &source))?;
        if kind.is_dir() {
            copy_level(&source, &target, depth + 1)?;
        } else if kind.is_symlink() {
            copy_link(&source, &target).map_err(FileError::of("copy", &source))?;
        } else if kind.is_file() {
            fs::copy(&source, &target).map_err(FileError::of("copy", &source))?;
        } else {
            let odd = io::Error::other("neither file, folder nor symbolic link");
            return Err(FileError::of("copy", &source)(odd));
        }
    }
    Ok(())
}

fn copy_link(source: &Path, target: &Path) -> io::Result<()> {
    if fs::symlink_metadata(target).is_ok() {
        fs::remove_file(target)?;
    }
    std::os::unix::fs::symlink(fs::read_link(source)?, target)
}

/// Removes a file or a folder with everything in it. One that is not there is removed already.
///
/// # Errors
/// When something of it cannot be removed.
pub fn remove(path: &Path) -> Result<(), FileError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(entry) if entry.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(missing) => Err(missing),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FileError::of("remove", path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn an_atomic_write_replaces_keeps_the_mode_and_leaves_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/file");
        write_atomic(&path, b"one").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o640
        );
        assert_eq!(names(path.parent().unwrap()), ["file"]);
    }

    #[test]
    fn a_failed_write_names_the_path_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("folder");
        fs::create_dir(&path).unwrap();
        let error = write_atomic(&path, b"x").unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot write {}", path.display())
        );
        assert_eq!(names(dir.path()), ["folder"]);
    }

    #[test]
    fn a_tree_is_copied_twice_with_modes_and_links() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("a/b")).unwrap();
        fs::write(from.join("a/b/run"), "x").unwrap();
        fs::set_permissions(from.join("a/b/run"), Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink("a/b/run", from.join("link")).unwrap();
        for _ in 0..2 {
            copy_tree(&from, &to).unwrap();
        }
        assert_eq!(
            fs::read_link(to.join("link")).unwrap(),
            Path::new("a/b/run")
        );
        assert_eq!(
            fs::metadata(to.join("link")).unwrap().permissions().mode() & 0o777,
            0o755
        );
    }

    #[test]
    fn removing_twice_is_removing_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::create_dir_all(path.join("b")).unwrap();
        for _ in 0..2 {
            remove(&path).unwrap();
        }
        assert!(!path.exists());
    }

    #[test]
    fn a_free_port_can_be_bound() {
        TcpListener::bind((Ipv4Addr::LOCALHOST, free_port().unwrap())).unwrap();
    }
}
