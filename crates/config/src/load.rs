//! Reading the file.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use assay_model::Project;
use miette::Diagnostic;
use thiserror::Error;

use crate::{Problems, parse};

/// A file of this size, in bytes, is not a configuration that a person wrote.
const CONFIG_BYTES_MAX: u64 = 1024 * 1024;

/// There is no usable configuration: exit code 2.
#[derive(Debug, Error, Diagnostic)]
pub enum ConfigError {
    /// There is no file.
    #[error("no configuration at {path}", path = path.display())]
    #[diagnostic(help(
        "run `assay init` to have one written, or `assay demo` to see assay at work"
    ))]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read {path}", path = path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is not a configuration.
    #[error("{path} is larger than {CONFIG_BYTES_MAX} bytes", path = path.display())]
    #[diagnostic(help("is this the right file?"))]
    TooLarge {
        /// Which file.
        path: PathBuf,
    },
    /// The file is wrong.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Invalid(#[from] Problems),
}

/// A configuration file as it lies there.
pub(crate) struct ConfigFile {
    pub(crate) text: String,
    /// Its name, relative to `root`.
    pub(crate) name: String,
    /// Its folder, without symbolic links.
    pub(crate) root: PathBuf,
}

/// Reads and checks a configuration file; `env:NAME` is answered by the process's environment.
///
/// # Errors
/// When there is no such file, it cannot be read, or anything in it is wrong.
pub fn load(path: &Path) -> Result<Project, ConfigError> {
    let file = read(path)?;
    Ok(parse(&file.text, &file.name, &file.root, &|variable| {
        std::env::var(variable).ok()
    })?)
}

pub(crate) fn read(path: &Path) -> Result<ConfigFile, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    };
    // Opening a pipe waits for its other end.
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(unreadable(io::Error::other("it is not a file")));
    }
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ConfigError::Missing {
                path: path.to_owned(),
            });
        }
        other => other.map_err(unreadable)?,
    };
    let mut text = String::new();
    // One byte more than allowed tells a file that is too large from one that just fits.
    file.take(CONFIG_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    if text.len() as u64 > CONFIG_BYTES_MAX {
        return Err(ConfigError::TooLarge {
            path: path.to_owned(),
        });
    }
    let path = path.canonicalize().map_err(unreadable)?;
    let root = path.parent().unwrap_or(Path::new("/"));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(ConfigFile {
        name: name.into_owned(),
        root: root.to_owned(),
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_named_and_has_a_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("assay.toml");
        let error = load(&path).unwrap_err();
        assert!(matches!(error, ConfigError::Missing { .. }), "{error:?}");
        assert!(error.to_string().contains("assay.toml"), "{error}");
        assert!(error.help().unwrap().to_string().contains("assay demo"));
    }

    #[test]
    fn a_folder_is_not_a_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let error = load(folder.path()).unwrap_err();
        assert!(matches!(error, ConfigError::Unreadable { .. }), "{error:?}");
    }

    #[test]
    fn a_huge_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("assay.toml");
        fs::write(&path, "#".repeat(CONFIG_BYTES_MAX as usize + 1)).unwrap();
        let error = load(&path).unwrap_err();
        assert!(matches!(error, ConfigError::TooLarge { .. }), "{error:?}");
    }

    #[test]
    fn the_root_is_the_folder_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.toml");
        fs::write(&path, "[project]\nname = \"shop\"\n").unwrap();
        let project = load(&path).unwrap();
        assert_eq!(project.root, folder.path().canonicalize().unwrap());
        assert_eq!(project.config_file, "other.toml");
    }
}
