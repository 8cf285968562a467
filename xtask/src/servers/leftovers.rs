//! What servers leave behind: mounts, helpers that outlive them, folders.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// A guard's folder is this and its process id.
const PREFIX: &str = "assay-servers-";

/// Programs that the Docker Engine starts in groups of their own.
const HELPERS: [&str; 2] = ["containerd", "containerd-shim-runc-v2"];

/// A new folder for this process, that others may look into but not change.
pub(crate) fn make_folder() -> Result<PathBuf, String> {
    let folder = std::env::temp_dir().join(format!("{PREFIX}{}", std::process::id()));
    remove(&folder)?;
    fs::create_dir(&folder)
        .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    Ok(folder)
}

/// Removes the folders of guards that were killed.
pub(crate) fn remove_abandoned() {
    let entries = fs::read_dir(std::env::temp_dir()).into_iter().flatten();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let Some(owner) = owner.and_then(|owner| owner.parse::<u32>().ok()) else {
            continue;
        };
        let is_gone =
            Path::new("/proc/self").exists() && !Path::new(&format!("/proc/{owner}")).exists();
        if is_gone {
            // Another user's folder stays, and harms nobody.
            drop(remove(&entry.path()));
        }
    }
}

/// Ends what still works in `folder`, and removes it.
pub(crate) fn remove(folder: &Path) -> Result<(), String> {
    if !folder.exists() {
        return Ok(());
    }
    for pid in helpers_in(folder) {
        kill_process(pid, Signal::KILL).ok();
    }
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    for mount in mounts_in(&mounts, folder) {
        let mut umount = Command::new("umount");
        drop(umount.arg("-l").arg(mount).stderr(Stdio::null()).status());
    }
    fs::remove_dir_all(folder)
        .map_err(|error| format!("cannot remove {}: {error}", folder.display()))
}

/// Where something is mounted below `folder`, the innermost first.
fn mounts_in(mounts: &str, folder: &Path) -> Vec<PathBuf> {
    let targets = mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(1).map(PathBuf::from));
    let mut below: Vec<PathBuf> = targets
        .filter(|target| target.starts_with(folder) && target != folder)
        .collect();
    below.reverse();
    below
}

fn helpers_in(folder: &Path) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_helper = |process: &Path| {
        let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
        is_helper_in(&arguments, folder)
    };
    processes
        .filter(|process| is_helper(&process.path()))
        .filter_map(|process| Pid::from_raw(process.file_name().to_str()?.parse().ok()?))
        .collect()
}

/// Whether a process with these arguments, each ended by a zero, is a helper that works there.
fn is_helper_in(arguments: &[u8], folder: &Path) -> bool {
    let text = String::from_utf8_lossy(arguments);
    let mut words = text.split('\0');
    let program = words.next().unwrap_or_default();
    let name = program.rsplit('/').next().unwrap_or_default();
    HELPERS.contains(&name) && words.any(|word| Path::new(word).starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &str, expected: bool) {
        let got = is_helper_in(arguments.as_bytes(), Path::new("/tmp/own-7"));
        assert_eq!(got, expected, "{arguments:?}");
    }

    #[test]
    fn only_helpers_of_the_folder_are_ended() {
        check("containerd\0--config\0/tmp/own-7/exec/c.toml\0", true);
        check(
            "/usr/bin/containerd-shim-runc-v2\0-address\0/tmp/own-7/c.sock\0",
            true,
        );
        check("containerd\0--config\0/tmp/own-71/exec/c.toml\0", false);
        check("containerd\0", false);
        check("tail\0-f\0/tmp/own-7/output.log\0", false);
        check("", false);
    }

    #[test]
    fn mounts_are_listed_from_within() {
        let mounts = "a /tmp/own-7 ext4 rw 0 0\nb /tmp/own-7/data ext4 rw 0 0\n\
                      c /tmp/own-7/data/x ext4 rw 0 0\nd /tmp/own-71/data ext4 rw 0 0\n";
        let expected = ["/tmp/own-7/data/x", "/tmp/own-7/data"].map(PathBuf::from);
        assert_eq!(mounts_in(mounts, Path::new("/tmp/own-7")), expected);
    }
}
