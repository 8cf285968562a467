//! The journal of systemd: may this user read it?

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::process::getuid;

use crate::checked::{Seen, Status};
use crate::machine::Machine;

/// Where journals are kept (systemd-journald.service(8)): on disk, or until the next start.
const FOLDERS: [&str; 2] = ["/var/log/journal", "/run/log/journal"];

/// Folders of machines in one of those, and files in one of them; rotation keeps a hundred.
const ENTRIES_MAX: usize = 1_000;

pub(crate) fn look(user: bool, machine: &Machine) -> Seen {
    judge(&FOLDERS.map(PathBuf::from), user, machine)
}

/// A user's own messages go to a file of their own, or to the system's where there is none.
fn judge(folders: &[PathBuf], user: bool, machine: &Machine) -> Seen {
    let own = format!("user-{}.journal", getuid().as_raw());
    let files: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| entries(folder))
        .flat_map(|of_machine| {
            let name = if user { own.as_str() } else { "system.journal" };
            [of_machine.join(name), of_machine.join("system.journal")]
        })
        .filter(|file| file.exists())
        .collect();
    let readable = files
        .iter()
        .find(|file| access(file.as_path(), Access::READ_OK).is_ok());
    match (readable, files.first()) {
        (Some(file), _) => Seen::new(Status::Ok).found("readable").at(file),
        (None, Some(file)) => {
            let detail = format!("this user may not read {}", file.display());
            Seen::wrong(Status::NotPermitted, detail)
                .at(file)
                .advise(["sudo usermod -aG systemd-journal \"$USER\", then log in again"])
        }
        (None, None) if folders.iter().any(|folder| hidden(folder)) => Seen::wrong(
            Status::NotPermitted,
            "this user may not look for the journal",
        )
        .advise(["sudo usermod -aG systemd-journal \"$USER\", then log in again"]),
        (None, None) => {
            Seen::wrong(Status::Missing, "no journal is kept on this machine").advise([
                machine.phrasing().command(
                    "sudo mkdir -p /var/log/journal && sudo systemctl restart systemd-journald",
                ),
                "where systemd does not run, observe the service's log file instead".to_owned(),
            ])
        }
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .take(ENTRIES_MAX)
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect()
}

fn hidden(folder: &Path) -> bool {
    folder.exists() && fs::read_dir(folder).is_err()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_journal_is_there_or_not() {
        let dir = tempfile::tempdir().unwrap();
        let mut machine = Machine::here(dir.path(), &dir.path().join(".assay"));
        machine.deadline = Duration::from_secs(1);
        let folders = [dir.path().to_owned(), dir.path().join("none")];
        assert_eq!(judge(&folders, false, &machine).status, Status::Missing);
        let of_machine = dir.path().join("0123");
        fs::create_dir(&of_machine).unwrap();
        assert_eq!(judge(&folders, false, &machine).status, Status::Missing);
        fs::write(of_machine.join("system.journal"), "").unwrap();
        for user in [false, true] {
            let seen = judge(&folders, user, &machine);
            assert_eq!(seen.status, Status::Ok);
            assert_eq!(seen.path, Some(of_machine.join("system.journal")));
        }
    }
}
