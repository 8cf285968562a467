//! The vault: evidence as compressed files that are named by their content.
//!
//! A file is eight bytes of format, the BLAKE3 of what follows, and the content in zstd. The
//! content is checked by the file's name; the hash inside it covers the bytes that a decompressor
//! would not notice.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use assay_model::Secret;
use tempfile::NamedTempFile;
use thiserror::Error;

use crate::chain::hex;
use crate::redact::Redactor;

/// Name and version of the file format.
const MAGIC: [u8; 8] = *b"ASSAYBL\x01";

/// Bytes before the compressed content.
const PREFIX_BYTES: usize = MAGIC.len() + 32;

/// Longest content that is kept whole. Tens of times the log of a service during one run, and
/// still small enough to hold in memory while it is read.
const CONTENT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Room for the note at the end of content that was cut.
const NOTE_BYTES_MAX: usize = 128;

/// Longest file that is read: content that cannot be compressed, with zstd's own overhead.
const FILE_BYTES_MAX: u64 = (CONTENT_BYTES_MAX + CONTENT_BYTES_MAX / 128 + 4096) as u64;

/// zstd's default: logs shrink tenfold at hundreds of megabytes per second.
const COMPRESSION_LEVEL: i32 = 3;

/// What was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// BLAKE3 of the redacted content, 64 lower-case hexadecimal digits: its name.
    pub hash: String,
    /// Length of the redacted content.
    pub bytes: u64,
}

/// Evidence cannot be stored or read.
#[derive(Debug, Error)]
pub enum VaultError {
    /// Not the name of a blob.
    #[error("{hash:?} is not the name of a blob, 64 hexadecimal digits")]
    BadName {
        /// What was asked for.
        hash: String,
    },
    /// There is no such blob.
    #[error("no blob {hash} at {}", path.display())]
    Missing {
        /// Its name.
        hash: String,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The blob is not what was stored.
    #[error("blob {} is damaged: {detail}", path.display())]
    Damaged {
        /// Its file.
        path: PathBuf,
        /// How it shows.
        detail: String,
    },
    /// The blob cannot be read.
    #[error("cannot read blob {}", path.display())]
    Read {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The blob cannot be written. Nothing of it is left behind.
    #[error("cannot write blob {}", path.display())]
    Write {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl VaultError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Write { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("free space on that disk, then resume the run")
            }
            Self::Write { .. } => Some("check the folder's permissions, then resume the run"),
            _ => None,
        }
    }

    /// What is wrong, without the blob's name.
    pub(crate) fn detail(&self) -> String {
        match self {
            Self::Damaged { detail, .. } => detail.clone(),
            Self::Read { source, .. } => source.to_string(),
            other => other.to_string(),
        }
    }
}

/// Evidence below one state folder. Its clones know of each other's blobs.
#[derive(Clone, Debug)]
pub struct Vault {
    folder: PathBuf,
    redactor: Redactor,
    /// Files and folders that were written and may not be on the disk yet.
    unsynced: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl Vault {
    /// The vault of a state folder. Nothing is created before something is stored.
    pub fn open(state_dir: &Path, redactor: Redactor) -> Self {
        Self {
            folder: state_dir.join("vault"),
            redactor,
            unsynced: Arc::default(),
        }
    }

    /// A vault that is only read.
    pub fn open_existing(state_dir: &Path) -> Self {
        Self::open(state_dir, Redactor::new(&[] as &[Secret]))
    }

    /// Redacts `bytes` and stores them; once [`Vault::sync`] has returned they are durable. The
    /// same content twice is one blob. Content that is too long is cut, and says so at its end.
    ///
    /// # Errors
    /// When the file cannot be written; nothing of it is left then.
    pub fn put(&self, bytes: &[u8]) -> Result<Stored, VaultError> {
        // Redacted before it is cut, so that no secret is cut into something unrecognisable.
        let content = bounded(self.redactor.redact(bytes));
        let hash = hex(&blake3::hash(&content));
        let path = self.path(&hash)?;
        let stored = Stored {
            hash,
            bytes: content.len() as u64,
        };
        if self.get(&stored.hash).is_ok() {
            // Whoever wrote it may have been killed before it was on the disk.
            self.note(&path);
            return Ok(stored);
        }
        match self.write(&path, &content) {
            Ok(()) => Ok(stored),
            Err(source) => Err(VaultError::Write { path, source }),
        }
    }

    /// Makes everything that was put durable; to be called before anything that names it is.
    /// Many blobs that were written first and are synced together cost one flush of the disk's
    /// cache or few, where each by itself would cost two. May be repeated.
    ///
    /// # Errors
    /// When a blob cannot be brought to the disk; it is tried again by the next call.
    pub fn sync(&self) -> Result<(), VaultError> {
        let pending = std::mem::take(&mut *self.pending());
        // Files before the folders that name them.
        let (files, folders): (Vec<_>, Vec<_>) = pending
            .iter()
            .partition(|path| path.extension().is_some_and(|ending| ending == "zst"));
        for path in files.into_iter().chain(folders) {
            if let Err(source) = File::open(path).and_then(|file| file.sync_all()) {
                let path = path.clone();
                self.pending().extend(pending);
                return Err(VaultError::Write { path, source });
            }
        }
        Ok(())
    }

    fn pending(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        // A set of paths is as good after a panic as before it.
        self.unsynced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The content of a blob, checked against its name.
    ///
    /// # Errors
    /// When there is none, when it cannot be read, or when any byte of it was changed.
    pub fn get(&self, hash: &str) -> Result<Vec<u8>, VaultError> {
        let path = self.path(hash)?;
        let file = match read_bounded(&path) {
            Ok(file) => file,
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                return Err(VaultError::Missing {
                    hash: hash.to_owned(),
                    path,
                });
            }
            Err(source) => return Err(VaultError::Read { path, source }),
        };
        match unpack(&file) {
            Ok(content) if hex(&blake3::hash(&content)) == hash => Ok(content),
            Ok(_) => {
                let detail = "its content is not what its name says".to_owned();
                Err(VaultError::Damaged { path, detail })
            }
            Err(detail) => Err(VaultError::Damaged { path, detail }),
        }
    }

    fn path(&self, hash: &str) -> Result<PathBuf, VaultError> {
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if hash.len() != 64 || !hash.bytes().all(digit) {
            return Err(VaultError::BadName {
                hash: hash.to_owned(),
            });
        }
        Ok(self.folder.join(&hash[..2]).join(format!("{hash}.zst")))
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let packed = zstd::bulk::compress(content, COMPRESSION_LEVEL)?;
        let folder = path.parent().unwrap_or(&self.folder);
        if !folder.is_dir() {
            fs::create_dir_all(folder)?;
            let state = self.folder.parent().map(Path::to_owned);
            self.pending()
                .extend(state.into_iter().chain([self.folder.clone()]));
        }
        let mut temporary = NamedTempFile::with_prefix_in(".new-", folder)?;
        temporary.write_all(&MAGIC)?;
        temporary.write_all(blake3::hash(&packed).as_bytes())?;
        temporary.write_all(&packed)?;
        temporary.persist(path).map_err(|error| error.error)?;
        self.note(path);
        Ok(())
    }

    /// Has a blob and the folder that names it brought to the disk by the next sync.
    fn note(&self, path: &Path) {
        let folder = path.parent().unwrap_or(&self.folder);
        self.pending().extend([path.to_owned(), folder.to_owned()]);
    }
}

/// Content that is not longer than may be stored.
fn bounded(content: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    if content.len() <= CONTENT_BYTES_MAX {
        return content;
    }
    let all = content.len();
    let mut content = content.into_owned();
    content.truncate(CONTENT_BYTES_MAX);
    let note = format!("\n[cut: the first {CONTENT_BYTES_MAX} of {all} bytes]\n");
    content.extend_from_slice(note.as_bytes());
    Cow::Owned(content)
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The content of a blob's file; an error says what is wrong with it.
fn unpack(file: &[u8]) -> Result<Vec<u8>, String> {
    if file.len() < PREFIX_BYTES {
        return Err(format!(
            "it is {} bytes long, too short for a blob",
            file.len()
        ));
    }
    if file.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("it is longer than {FILE_BYTES_MAX} bytes"));
    }
    let (prefix, packed) = file.split_at(PREFIX_BYTES);
    let (magic, sum) = prefix.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err("it does not begin like a blob of this format".to_owned());
    }
    if blake3::hash(packed).as_bytes() != sum {
        return Err("its checksum does not match".to_owned());
    }
    let mut content = Vec::new();
    let most = (CONTENT_BYTES_MAX + NOTE_BYTES_MAX) as u64;
    zstd::stream::read::Decoder::new(packed)
        .and_then(|decoder| decoder.take(most + 1).read_to_end(&mut content))
        .map_err(|error| error.to_string())?;
    if content.len() as u64 > most {
        return Err(format!("it unpacks to more than {most} bytes"));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault() -> (tempfile::TempDir, Vault) {
        let dir = tempfile::tempdir().unwrap();
        let secrets = [Secret {
            name: "S".to_owned(),
            value: "hunter22".to_owned(),
        }];
        let vault = Vault::open(dir.path(), Redactor::new(&secrets));
        (dir, vault)
    }

    #[track_caller]
    fn check(content: &[u8], expected: &[u8]) {
        let (_dir, vault) = vault();
        let stored = vault.put(content).unwrap();
        assert_eq!(stored.bytes, expected.len() as u64);
        assert_eq!(stored.hash, blake3::hash(expected).to_hex().as_str());
        assert_eq!(vault.get(&stored.hash).unwrap(), expected);
    }

    #[test]
    fn content_comes_back_redacted() {
        check(b"", b"");
        check(b"plain", b"plain");
        check(&[0, 255, 128], &[0, 255, 128]);
        check(b"a hunter22", b"a [redacted:secret]");
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(files(&path))
            } else {
                found.push(path)
            }
        }
        found
    }

    #[test]
    fn the_same_content_is_one_blob_and_leftovers_are_harmless() {
        let (dir, vault) = vault();
        let stored = vault.put(b"x").unwrap();
        let left = vault
            .path(&stored.hash)
            .unwrap()
            .with_file_name(".new-left");
        fs::write(&left, b"half").unwrap();
        assert_eq!(vault.put(b"x").unwrap(), stored);
        fs::remove_file(left).unwrap();
        assert_eq!(files(dir.path()).len(), 1);
    }

    #[test]
    fn any_changed_byte_shows_and_storing_again_mends_it() {
        let (_dir, vault) = vault();
        let content = b"some evidence, some evidence, and more of the same evidence";
        let stored = vault.put(content).unwrap();
        let path = vault.path(&stored.hash).unwrap();
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, bad).unwrap();
            let error = vault.get(&stored.hash).unwrap_err();
            assert!(
                matches!(error, VaultError::Damaged { .. }),
                "byte {at}: {error}"
            );
        }
        fs::write(&path, &good[..good.len() - 1]).unwrap();
        assert!(vault.get(&stored.hash).is_err());
        vault.put(content).unwrap();
        assert_eq!(vault.get(&stored.hash).unwrap(), content);
    }

    #[test]
    fn content_that_is_too_long_is_cut_and_says_so() {
        let (_dir, vault) = vault();
        let stored = vault.put(&vec![b'.'; CONTENT_BYTES_MAX + 5]).unwrap();
        let content = vault.get(&stored.hash).unwrap();
        let note = format!(
            ".\n[cut: the first {CONTENT_BYTES_MAX} of {} bytes]\n",
            CONTENT_BYTES_MAX + 5
        );
        assert!(content.ends_with(note.as_bytes()));
        assert!(note.len() <= NOTE_BYTES_MAX);
    }

    #[test]
    fn a_file_that_unpacks_to_too_much_is_refused() {
        let packed = zstd::bulk::compress(&vec![0; CONTENT_BYTES_MAX * 2], 1).unwrap();
        let file = [&MAGIC[..], blake3::hash(&packed).as_bytes(), &packed].concat();
        assert!(unpack(&file).unwrap_err().contains("unpacks to more"));
    }

    #[test]
    fn only_names_of_blobs_are_looked_for() {
        let (_dir, vault) = vault();
        for name in ["", "../../etc/passwd", &"A".repeat(64), &"é".repeat(32)] {
            assert!(
                matches!(vault.get(name), Err(VaultError::BadName { .. })),
                "{name}"
            );
        }
        assert!(matches!(
            vault.get(&"a".repeat(64)),
            Err(VaultError::Missing { .. })
        ));
    }
}
