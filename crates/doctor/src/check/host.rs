//! What assay itself stands on: folders, disk, limits, the clock, the repository, variables.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use assay_model::Timestamp;
use assay_world::clock;
use rustix::fs::{FlockOperation, StatVfsMountFlags, fcntl_lock, statvfs};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

use crate::checked::{Seen, Status};
use crate::machine::Machine;

/// A journal, its evidence, and for each service two logs of 16 MiB and a few bundles come to
/// less for all but huge projects.
const DISK_BYTES_MIN: u64 = 512 * MIB;

const MIB: u64 = 1024 * 1024;

/// 2026-01-01, in seconds since 1970: this program is not older, so no right clock shows less.
const CLOCK_S_MIN: i64 = 1_767_225_600;

/// How far a file may be ahead of the clock. Machines that share files agree better than this.
const CLOCK_AHEAD_S_MAX: i64 = 300;

pub(crate) fn variable(name: &str, machine: &Machine) -> Seen {
    if machine.variables.contains(name) {
        return Seen::new(Status::Ok).found("set");
    }
    Seen::wrong(Status::Missing, "it is not set, or empty").advise([format!("export {name}=…")])
}

pub(crate) fn log_file(path: &str, machine: &Machine) -> Seen {
    let path = machine.resolve(path);
    let shown = machine.show(&path);
    match fs::metadata(&path) {
        Ok(file) if file.is_dir() => Seen::wrong(Status::Broken, "is a folder").at(&path),
        Ok(_) => match File::open(&path) {
            Ok(_) => Seen::new(Status::Ok).found("readable").at(&path),
            Err(error) => Seen::wrong(Status::NotPermitted, error.to_string())
                .at(&path)
                .advise([format!("let this user read it: ls -l {shown}")]),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Seen::wrong(Status::Missing, "there is no such file yet")
                .at(&path)
                .advise(["start the service once, or correct `observe`".to_owned()])
        }
        Err(error) => Seen::wrong(Status::NotPermitted, error.to_string())
            .at(&path)
            .advise([format!("let this user read it: ls -ld {shown}")]),
    }
}

pub(crate) fn repository(machine: &Machine) -> Seen {
    // As git does it: a folder, or the file of a worktree or submodule, here or further up.
    let found = machine
        .root
        .ancestors()
        .map(|folder| folder.join(".git"))
        .find(|git| git.exists());
    match found {
        Some(git) => Seen::new(Status::Ok).at(git.parent().unwrap_or(&machine.root)),
        None => Seen::wrong(Status::Missing, "the project is in no git repository")
            .advise(["git init && git add --all && git commit -m 'first'"]),
    }
}

pub(crate) fn state_folder(machine: &Machine) -> Seen {
    let Some(folder) = existing(&machine.state) else {
        return no_way_to(machine);
    };
    let shown = folder.display();
    if !folder.is_dir() {
        return Seen::wrong(Status::Broken, format!("{shown} is not a folder"))
            .at(&folder)
            .advise([format!("remove or rename {shown}")]);
    }
    // It has no name, and is gone when it is closed.
    let file = match tempfile::tempfile_in(&folder) {
        Ok(file) => file,
        Err(error) => {
            let why = match error.kind() {
                ErrorKind::ReadOnlyFilesystem => "its disk is read-only".to_owned(),
                ErrorKind::PermissionDenied => "this user may not write there".to_owned(),
                ErrorKind::StorageFull => "its disk is full".to_owned(),
                _ => error.to_string(),
            };
            return Seen::wrong(
                Status::NotPermitted,
                format!("cannot write in {shown}: {why}"),
            )
            .at(&folder)
            .advise([format!("see who owns it: ls -ld {shown}")]);
        }
    };
    match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Seen::new(Status::Ok).found("writable").at(&machine.state),
        Err(error) => {
            let why = match error {
                Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL => {
                    "its file system knows no locks".to_owned()
                }
                error => error.to_string(),
            };
            Seen::wrong(
                Status::Broken,
                format!("cannot lock files in {shown}: {why}"),
            )
            .at(&folder)
            .advise(["move the project to a local disk"])
        }
    }
}

pub(crate) fn disk_space(machine: &Machine) -> Seen {
    let Some(folder) = existing(&machine.state) else {
        return no_way_to(machine);
    };
    let seen = match statvfs(&folder) {
        Ok(disk) => judge_disk(
            disk.f_flag.contains(StatVfsMountFlags::RDONLY),
            disk.f_bavail.saturating_mul(disk.f_frsize),
            &folder,
        ),
        Err(error) => Seen::wrong(Status::Unknown, error.to_string()),
    };
    seen.at(&folder)
        .required(format!("{} MiB free", DISK_BYTES_MIN / MIB))
}

fn judge_disk(read_only: bool, free: u64, folder: &Path) -> Seen {
    if read_only {
        return Seen::wrong(Status::NotPermitted, "the disk is read-only").advise([
            "move the project to a disk that can be written, or mount this one so".to_owned(),
        ]);
    }
    let found = format!("{} MiB free", free / MIB);
    if free >= DISK_BYTES_MIN {
        return Seen::new(Status::Ok).found(found);
    }
    let largest = format!("make room: du -xh {} | sort -h | tail", folder.display());
    Seen::wrong(Status::TooLittle, "there is not enough room on the disk")
        .found(found)
        .advise([largest])
}

pub(crate) fn open_files(at_least: u64) -> Seen {
    let limit = getrlimit(Resource::Nofile);
    judge_files(limit.current, limit.maximum, at_least)
}

fn judge_files(soft: Option<u64>, hard: Option<u64>, at_least: u64) -> Seen {
    let required = format!("{at_least} at once");
    let seen = match soft {
        None => Seen::new(Status::Ok).found("unlimited"),
        Some(soft) if soft >= at_least => Seen::new(Status::Ok).found(soft.to_string()),
        Some(soft) => {
            let seen = Seen::wrong(Status::TooLittle, "a process may not open enough files")
                .found(soft.to_string());
            if hard.is_none_or(|hard| hard >= at_least) {
                seen.advise([format!("ulimit -n {at_least}")])
            } else {
                seen.advise([format!(
                    "raise the hard limit: `* hard nofile {at_least}` in /etc/security/limits.conf, \
                     or LimitNOFILE={at_least} in the unit"
                )])
            }
        }
    };
    seen.required(required)
}

pub(crate) fn clock(machine: &Machine) -> Seen {
    let newest = fs::metadata(&machine.root)
        .and_then(|root| root.modified())
        .ok()
        .and_then(|time| Timestamp::try_from(time).ok());
    judge_clock(clock::now(), newest)
}

fn judge_clock(now: Timestamp, newest: Option<Timestamp>) -> Seen {
    let found = clock::stamp(now);
    let wrong = if now.as_second() < CLOCK_S_MIN {
        Some("it shows a time before this program was made".to_owned())
    } else {
        newest
            .filter(|newest| newest.as_second() - now.as_second() > CLOCK_AHEAD_S_MAX)
            .map(|newest| {
                let newest = clock::stamp(newest);
                format!("the project's folder was changed at {newest}, which is still to come")
            })
    };
    match wrong {
        Some(wrong) => Seen::wrong(Status::Broken, wrong)
            .advise(["see what the clock follows: timedatectl status"])
            .found(found),
        None => Seen::new(Status::Ok).found(found),
    }
}

/// The folder itself, or the nearest above it that is there.
fn existing(folder: &Path) -> Option<PathBuf> {
    let there = folder.ancestors().find(|it| it.symlink_metadata().is_ok());
    there.map(Path::to_owned)
}

fn no_way_to(machine: &Machine) -> Seen {
    let detail = format!(
        "{} and all above it cannot be seen",
        machine.state.display()
    );
    Seen::wrong(Status::Unknown, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(soft: Option<u64>, hard: Option<u64>, expected: Status, advice: &str) {
        let seen = judge_files(soft, hard, 1000);
        assert_eq!(seen.status, expected);
        assert!(seen.advice.concat().contains(advice), "{:?}", seen.advice);
    }

    #[test]
    fn limits_of_open_files() {
        files(None, None, Status::Ok, "");
        files(Some(1000), Some(1000), Status::Ok, "");
        files(Some(999), Some(4096), Status::TooLittle, "ulimit -n 1000");
        files(Some(999), None, Status::TooLittle, "ulimit -n 1000");
        files(Some(256), Some(999), Status::TooLittle, "hard limit");
    }

    fn disk(read_only: bool, free: u64, expected: Status) {
        let seen = judge_disk(read_only, free, Path::new("/shop"));
        assert_eq!(seen.status, expected);
        assert_eq!(seen.advice.is_empty(), expected == Status::Ok);
    }

    #[test]
    fn disks() {
        disk(false, DISK_BYTES_MIN, Status::Ok);
        disk(false, DISK_BYTES_MIN - 1, Status::TooLittle);
        disk(true, DISK_BYTES_MIN, Status::NotPermitted);
    }

    fn time(now: i64, newest: Option<i64>, expected: Status) {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(judge_clock(at(now), newest.map(at)).status, expected);
    }

    #[test]
    fn clocks() {
        time(CLOCK_S_MIN, None, Status::Ok);
        time(CLOCK_S_MIN, Some(CLOCK_S_MIN + 300), Status::Ok);
        time(CLOCK_S_MIN, Some(CLOCK_S_MIN + 301), Status::Broken);
        time(CLOCK_S_MIN - 1, None, Status::Broken);
        time(0, Some(0), Status::Broken);
    }
}
