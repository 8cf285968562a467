//! The vault: evidence as compressed blobs, named by their content.
//!
//! A blob file is eight bytes that say what it is, the BLAKE3 of the compressed bytes, and the
//! compressed bytes (zstd). Its name is the BLAKE3 of the content. The inner hash is there because
//! a changed byte of a zstd frame may still unpack to the same content.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use crate::redact::Redactor;

/// Largest content of one blob, in bytes. Longer content is cut, and says so at its end: evidence
/// is read by people and by diagnosis, and neither reads more of one thing.
pub const BLOB_BYTES_MAX: usize = 16 << 20;

const MAGIC: &[u8; 8] = b"asyblob1";

/// Fast, and still a third of the size of typical logs.
const LEVEL: i32 = 3;

/// A blob cannot be stored or read.
#[derive(Debug, Error)]
pub enum VaultError {
    /// A file cannot be read or written.
    #[error("{doing} {path}", path = path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The blob is not there.
    #[error("blob {hash} is missing from the vault")]
    Missing {
        /// Its name.
        hash: String,
    },
    /// The blob's bytes are not those that were written.
    #[error("blob {hash} was changed: {reason}")]
    Changed {
        /// Its name.
        hash: String,
        /// What does not fit.
        reason: String,
    },
    /// The name is no hash.
    #[error("{hash:?} does not name a blob")]
    BadName {
        /// What was given.
        hash: String,
    },
}

/// What was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// BLAKE3 of the redacted content.
    pub hash: String,
    /// Its length.
    pub bytes: u64,
}

/// The evidence of one project.
#[derive(Clone, Debug)]
pub struct Vault {
    folder: PathBuf,
    redactor: Arc<Redactor>,
}

impl Vault {
    /// The vault in a state folder. Values that `redactor` knows never reach it.
    pub fn new(state: &Path, redactor: Arc<Redactor>) -> Self {
        Self {
            folder: state.join("vault"),
            redactor,
        }
    }

    /// Redacts and stores. The same content is stored once, so this may be repeated.
    ///
    /// # Errors
    /// When the blob could not be made durable; then there is no blob, or the whole of it.
    pub fn put(&self, bytes: &[u8]) -> Result<Stored, VaultError> {
        let mut content = self.redactor.redact(bytes).into_owned();
        if content.len() > BLOB_BYTES_MAX {
            let note = format!("\n[cut: {} bytes in all]\n", content.len());
            content.truncate(BLOB_BYTES_MAX - note.len());
            content.extend_from_slice(note.as_bytes());
        }
        let hash = blake3::hash(&content).to_hex().to_string();
        let stored = Stored {
            hash,
            bytes: content.len() as u64,
        };
        let path = self.path(&stored.hash);
        if !path.exists() {
            self.write(&path, &content)?;
        }
        Ok(stored)
    }

    /// Reads and checks a blob.
    ///
    /// # Errors
    /// When it is missing, or any byte of it was changed.
    pub fn get(&self, hash: &str) -> Result<Vec<u8>, VaultError> {
        if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(VaultError::BadName {
                hash: hash.to_owned(),
            });
        }
        let path = self.path(hash);
        let file = std::fs::read(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => VaultError::Missing {
                hash: hash.to_owned(),
            },
            _ => VaultError::File {
                doing: "read",
                path: path.clone(),
                source,
            },
        })?;
        let changed = |reason: &str| VaultError::Changed {
            hash: hash.to_owned(),
            reason: reason.to_owned(),
        };
        let rest = file
            .strip_prefix(MAGIC)
            .ok_or_else(|| changed("its first bytes"))?;
        let (inner, packed) = rest
            .split_at_checked(32)
            .ok_or_else(|| changed("it is cut off"))?;
        if blake3::hash(packed).as_bytes() != inner {
            return Err(changed("its compressed bytes"));
        }
        let mut content = Vec::new();
        let decoder = zstd::Decoder::new(packed).map_err(|error| changed(&error.to_string()))?;
        decoder
            .take(BLOB_BYTES_MAX as u64 + 1)
            .read_to_end(&mut content)
            .map_err(|error| changed(&error.to_string()))?;
        if blake3::hash(&content).to_hex().as_str() != hash {
            return Err(changed("its content"));
        }
        Ok(content)
    }

    fn path(&self, hash: &str) -> PathBuf {
        let first = hash.get(..2).unwrap_or("xx");
        self.folder.join(first).join(format!("{hash}.zst"))
    }

    /// Beside, synced, renamed, and the folder synced: after a crash the blob is whole or absent.
    fn write(&self, path: &Path, content: &[u8]) -> Result<(), VaultError> {
        let failed = |doing: &'static str| {
            let path = path.to_owned();
            move |source| VaultError::File {
                doing,
                path,
                source,
            }
        };
        let folder = path.parent().unwrap_or(&self.folder);
        std::fs::create_dir_all(folder).map_err(failed("make the folder of"))?;
        let packed = zstd::bulk::compress(content, LEVEL).map_err(failed("compress"))?;
        let mut file = tempfile::Builder::new()
            .prefix(".blob-")
            .tempfile_in(folder)
            .map_err(failed("write"))?;
        file.write_all(MAGIC)
            .and_then(|()| file.write_all(blake3::hash(&packed).as_bytes()))
            .and_then(|()| file.write_all(&packed))
            .and_then(|()| file.as_file().sync_all())
            .map_err(failed("write"))?;
        file.persist(path)
            .map_err(|error| failed("write")(error.error))?;
        std::fs::File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed("sync the folder of"))
    }
}
