//! Where a supervisor is found: its state folder, its lock, its socket.

use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files::{FileError, write_atomic};
use crate::identity::{ProcessIdentity, alive};

/// The shortest limit on the path of a Unix socket among the systems we run on is 104 bytes with
/// a closing zero.
const SOCKET_PATH_BYTES_MAX: usize = 100;

/// What a supervisor says about itself in `supervisor.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServeInfo {
    /// Its process.
    #[serde(flatten)]
    pub process: ProcessIdentity,
    /// Its control socket.
    pub socket: PathBuf,
    /// Version of assay.
    pub version: String,
    /// Version of the messages that it understands.
    pub protocol: u32,
}

/// The paths of one supervisor.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The state folder, absolute.
    pub(super) dir: PathBuf,
}

impl Place {
    /// The place in `dir`, which is made if missing.
    pub(super) fn make(dir: &Path) -> Result<Self, FileError> {
        fs::create_dir_all(dir).map_err(FileError::of("create folder", dir))?;
        let dir = dir.canonicalize().map_err(FileError::of("find", dir))?;
        Ok(Self { dir })
    }

    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("supervisor.log")
    }

    fn info(&self) -> PathBuf {
        self.dir.join("supervisor.json")
    }

    /// Holds for as long as the file is open, and not longer, whatever becomes of the holder.
    pub(super) fn lock(&self) -> Result<Option<File>, FileError> {
        let path = self.dir.join("supervisor.lock");
        let file = File::options().create(true).append(true).open(&path);
        let file = file.map_err(FileError::of("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(FileError::of("lock", &path)(error)),
        }
    }

    /// The path for the socket; its folder exists and is ours alone.
    pub(super) fn socket(&self) -> Result<PathBuf, FileError> {
        let near = self.dir.join("supervisor.sock");
        if near.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
            return Ok(near);
        }
        let name = blake3::hash(self.dir.as_os_str().as_encoded_bytes()).to_hex();
        let folder = std::env::temp_dir().join(format!("assay-{}", &name[..16]));
        private_folder(&folder).map_err(FileError::of("create private folder", &folder))?;
        Ok(folder.join("supervisor.sock"))
    }

    pub(super) fn publish(&self, info: &ServeInfo) -> Result<(), FileError> {
        let path = self.info();
        let json = serde_json::to_vec(info)
            .map_err(io::Error::from)
            .map_err(FileError::of("write", &path))?;
        write_atomic(&path, &json)
    }

    /// What the file says, whether or not that supervisor still lives. A damaged file says
    /// nothing, and the next supervisor replaces it.
    pub(super) fn read_info(&self) -> Option<ServeInfo> {
        serde_json::from_slice(&fs::read(self.info()).ok()?).ok()
    }

    /// The supervisor that runs here.
    pub(super) fn running(&self) -> Option<ServeInfo> {
        self.read_info().filter(|info| alive(&info.process))
    }

    /// Takes the traces of a living supervisor away; what is missing already does not matter.
    pub(super) fn clear(&self, socket: &Path) {
        fs::remove_file(self.info()).ok();
        fs::remove_file(socket).ok();
        if let Some(folder) = socket.parent()
            && folder != self.dir
        {
            fs::remove_dir(folder).ok();
        }
    }
}

/// A folder that nobody else can enter. In a temporary folder others may have been faster.
fn private_folder(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(folder)?;
    let ours = found.uid() == rustix::process::geteuid().as_raw();
    if !found.is_dir() || !ours {
        return Err(io::Error::other("it belongs to somebody else"));
    }
    fs::set_permissions(folder, Permissions::from_mode(0o700))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_moves_the_socket_to_a_private_folder() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::make(&dir.path().join("x".repeat(120))).unwrap();
        let socket = place.socket().unwrap();
        assert!(socket.as_os_str().len() <= SOCKET_PATH_BYTES_MAX);
        assert_eq!(place.socket().unwrap(), socket, "the same every time");
        let folder = fs::metadata(socket.parent().unwrap()).unwrap();
        assert_eq!(folder.permissions().mode() & 0o777, 0o700);
        place.clear(&socket);
        assert!(!socket.parent().unwrap().exists());
    }

    #[test]
    fn one_lock_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::make(dir.path()).unwrap();
        let held = place.lock().unwrap();
        assert!(held.is_some());
        assert!(place.lock().unwrap().is_none());
        drop(held);
        assert!(place.lock().unwrap().is_some());
    }
}
