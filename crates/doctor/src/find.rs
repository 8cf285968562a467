//! Whether a file is a program that can be run, and if not, what it is instead.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// As much as Linux reads of the first line of a script.
const FIRST_LINE_BYTES: u64 = 256;

/// What looking for a program came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// It can be run.
    Found(PathBuf),
    /// It is there, and cannot.
    Odd(PathBuf, Odd),
    /// It is not there.
    Missing,
}

/// Why a file cannot be run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Odd {
    Folder,
    Special,
    BrokenLink(PathBuf),
    LinkLoop,
    NotExecutable,
    NoInterpreter(String),
    Hidden,
    Unreadable(String),
}

impl Odd {
    /// In one line, with the program before it.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Folder => "is a folder".to_owned(),
            Self::Special => "is neither a file nor a link to one".to_owned(),
            Self::BrokenLink(target) => {
                format!("is a broken symbolic link to {}", target.display())
            }
            Self::LinkLoop => "is a symbolic link in a circle".to_owned(),
            Self::NotExecutable => "is not executable for this user".to_owned(),
            Self::NoInterpreter(interpreter) => {
                format!("is a script whose interpreter {interpreter} is missing")
            }
            Self::Hidden => "is in a folder that this user may not look into".to_owned(),
            Self::Unreadable(error) => format!("cannot be looked at: {error}"),
        }
    }
}

/// Looks a name up in folders, as a shell does: what cannot be run is passed over, and is only
/// told of when nothing else is found.
pub(crate) fn on_path(program: &str, folders: &[PathBuf]) -> Lookup {
    let mut first_odd = None;
    for folder in folders {
        match at(&folder.join(program), folders) {
            Lookup::Missing => {}
            found @ Lookup::Found(_) => return found,
            odd @ Lookup::Odd(..) => {
                // A script without its interpreter is what a shell would run, and fail.
                if matches!(odd, Lookup::Odd(_, Odd::NoInterpreter(_))) {
                    return first_odd.unwrap_or(odd);
                }
                // A folder that nobody may look into says nothing of what is in it.
                if !matches!(odd, Lookup::Odd(_, Odd::Hidden)) {
                    first_odd.get_or_insert(odd);
                }
            }
        }
    }
    first_odd.unwrap_or(Lookup::Missing)
}

/// Looks at one path. `folders` are where an interpreter is looked up that is named through
/// `env`.
pub(crate) fn at(path: &Path, folders: &[PathBuf]) -> Lookup {
    let odd = |odd| Lookup::Odd(path.to_owned(), odd);
    let link = match fs::symlink_metadata(path) {
        Ok(link) => link,
        Err(error) => {
            return match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Lookup::Missing,
                io::ErrorKind::PermissionDenied => odd(Odd::Hidden),
                _ => odd(Odd::Unreadable(error.to_string())),
            };
        }
    };
    let target = match fs::metadata(path) {
        Ok(target) => target,
        Err(error) if link.is_symlink() && error.kind() == io::ErrorKind::NotFound => {
            return odd(Odd::BrokenLink(fs::read_link(path).unwrap_or_default()));
        }
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return odd(Odd::LinkLoop);
        }
        Err(error) => return odd(Odd::Unreadable(error.to_string())),
    };
    if target.is_dir() {
        return odd(Odd::Folder);
    }
    let kind = target.file_type();
    if kind.is_fifo() || kind.is_socket() || kind.is_block_device() || kind.is_char_device() {
        return odd(Odd::Special);
    }
    if access(path, Access::EXEC_OK).is_err() {
        return odd(Odd::NotExecutable);
    }
    match missing_interpreter(path, folders) {
        Some(interpreter) => odd(Odd::NoInterpreter(interpreter)),
        None => Lookup::Found(path.to_owned()),
    }
}

/// The interpreter that a script names and that is not there.
fn missing_interpreter(path: &Path, folders: &[PathBuf]) -> Option<String> {
    let mut start = Vec::new();
    let file = fs::File::open(path).ok()?;
    file.take(FIRST_LINE_BYTES).read_to_end(&mut start).ok()?;
    let line = start.strip_prefix(b"#!")?;
    let line = line.split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    // A carriage return stays: it is what the system takes for a part of the name.
    let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
    let interpreter = words.next()?;
    if !Path::new(interpreter).exists() {
        return Some(interpreter.escape_debug().to_string());
    }
    if !interpreter.ends_with("/env") {
        return None;
    }
    let named = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
    let missing = if named.contains('/') {
        !Path::new(named).exists()
    } else {
        !folders.iter().any(|folder| folder.join(named).is_file())
    };
    missing.then(|| named.escape_debug().to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn script(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Makes a file in an empty folder and looks it up by the name `it`.
    fn check(make: impl Fn(&Path), expected: Option<&str>) {
        let dir = tempfile::tempdir().unwrap();
        let it = dir.path().join("it");
        make(&it);
        let found = match on_path("it", &[dir.path().to_owned()]) {
            Lookup::Found(path) => {
                assert_eq!(path, it);
                None
            }
            Lookup::Odd(_, odd) => Some(odd.describe()),
            Lookup::Missing => Some("missing".to_owned()),
        };
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn each_is_named_for_what_it_is() {
        check(|_| {}, Some("missing"));
        check(|it| script(it, "#!/bin/sh\n", 0o755), None);
        check(|it| script(it, "\u{7f}ELF", 0o755), None);
        check(
            |it| script(it, "#!/bin/sh\n", 0o644),
            Some("is not executable for this user"),
        );
        check(|it| fs::create_dir(it).unwrap(), Some("is a folder"));
        check(
            |it| symlink("/no/such", it).unwrap(),
            Some("is a broken symbolic link to /no/such"),
        );
        check(
            |it| symlink("it", it).unwrap(),
            Some("is a symbolic link in a circle"),
        );
        check(
            |it| symlink("/dev/null", it).unwrap(),
            Some("is neither a file nor a link to one"),
        );
    }

    #[test]
    fn a_missing_interpreter_is_named() {
        let missing = |name: &str| format!("is a script whose interpreter {name} is missing");
        let with = |line: &'static str| move |it: &Path| script(it, line, 0o755);
        check(with("#!/no/such -x\n"), Some(&missing("/no/such")));
        check(with("#! /no/such\n"), Some(&missing("/no/such")));
        check(with("#!/bin/sh\r\n"), Some(&missing("/bin/sh\\r")));
        check(with("#!/usr/bin/env no-such\n"), Some(&missing("no-such")));
        check(
            with("#!/usr/bin/env -S A=b no-such\n"),
            Some(&missing("no-such")),
        );
        check(with("#!/usr/bin/env it\n"), None);
        check(with("#!\n"), None);
    }

    #[test]
    fn a_later_folder_helps_out() {
        let dir = tempfile::tempdir().unwrap();
        let folders = ["a", "b"].map(|name| dir.path().join(name));
        for folder in &folders {
            fs::create_dir(folder).unwrap();
        }
        script(&folders[0].join("it"), "#!/bin/sh\n", 0o644);
        let odd = Lookup::Odd(folders[0].join("it"), Odd::NotExecutable);
        assert_eq!(on_path("it", &folders), odd);
        script(&folders[1].join("it"), "#!/bin/sh\n", 0o755);
        assert_eq!(
            on_path("it", &folders),
            Lookup::Found(folders[1].join("it"))
        );
    }
}
