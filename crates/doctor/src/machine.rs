//! The machine that is examined.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::geteuid;

use crate::get::{Manager, Phrasing};

/// How long one check may take. A virtual machine that starts cold on a busy disk needs a few
/// seconds to tell its version; nobody waits for longer.
const DEADLINE_S: u64 = 10;

/// Folders of `PATH` that are looked through. No sane `PATH` is longer.
const PATH_FOLDERS_MAX: usize = 256;

/// What checks are made against. It names variables and never holds their values.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The project's root.
    pub root: PathBuf,
    /// The folder of the project's state, `.assay`; it need not be there.
    pub state: PathBuf,
    /// Folders of `PATH`.
    pub path: Vec<PathBuf>,
    /// Names of the variables that are set and not empty.
    pub variables: BTreeSet<String>,
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// The system's package manager, where it is a known one.
    pub manager: Option<Manager>,
    /// Whether this user is root.
    pub superuser: bool,
    /// How long one check may take.
    pub deadline: Duration,
}

impl Machine {
    /// This machine, for the project in `root` with its state in `state`.
    pub fn here(root: &Path, state: &Path) -> Self {
        let path: Vec<PathBuf> = std::env::var_os("PATH")
            .map(|path| std::env::split_paths(&path).collect::<Vec<_>>())
            .unwrap_or_default()
            .into_iter()
            .filter(|folder| folder.is_absolute())
            .take(PATH_FOLDERS_MAX)
            .collect();
        let os_release = ["/etc/os-release", "/usr/lib/os-release"]
            .into_iter()
            .find_map(|file| std::fs::read_to_string(file).ok())
            .unwrap_or_default();
        let manager = Manager::choose(&os_release, &|program| {
            path.iter().any(|folder| folder.join(program).is_file())
        });
        Self {
            root: root.to_owned(),
            state: state.to_owned(),
            path,
            variables: std::env::vars_os()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, _)| name.to_string_lossy().into_owned())
                .collect(),
            docker_host: std::env::var("DOCKER_HOST")
                .ok()
                .filter(|host| !host.is_empty()),
            manager,
            superuser: geteuid().is_root(),
            deadline: Duration::from_secs(DEADLINE_S),
        }
    }

    pub(crate) fn phrasing(&self) -> Phrasing {
        Phrasing {
            manager: self.manager,
            root: self.superuser,
        }
    }

    /// A path of the configuration.
    pub(crate) fn resolve(&self, path: &str) -> PathBuf {
        self.root.join(path.strip_prefix("./").unwrap_or(path))
    }

    /// A path as it is shown: relative to the root where it is below it.
    pub(crate) fn show(&self, path: &Path) -> String {
        path.strip_prefix(&self.root)
            .map_or(path, |path| path)
            .display()
            .to_string()
    }
}
