//! How something is got on this system.

use serde::{Deserialize, Serialize};

/// A package manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the managers' own")]
pub enum Manager {
    Apt,
    Dnf,
    Apk,
    Pacman,
    Zypper,
    Brew,
}

impl Manager {
    /// All of them, in the order in which they are looked for where the system does not say.
    const ALL: [Self; 6] = [
        Self::Apt,
        Self::Dnf,
        Self::Apk,
        Self::Pacman,
        Self::Zypper,
        Self::Brew,
    ];

    /// The program that is it.
    fn program(self) -> &'static str {
        match self {
            Self::Apt => "apt-get",
            Self::Dnf => "dnf",
            Self::Apk => "apk",
            Self::Pacman => "pacman",
            Self::Zypper => "zypper",
            Self::Brew => "brew",
        }
    }

    /// What its command to install begins with.
    fn install(self) -> &'static str {
        match self {
            Self::Apt => "sudo apt-get install -y",
            Self::Dnf => "sudo dnf install -y",
            Self::Apk => "sudo apk add",
            Self::Pacman => "sudo pacman -S --noconfirm",
            Self::Zypper => "sudo zypper install -y",
            Self::Brew => "brew install",
        }
    }

    /// The manager of the system that `os_release` (os-release(5)) tells of, if its program is
    /// there; else the first whose program is.
    pub(crate) fn choose(os_release: &str, is_there: &dyn Fn(&str) -> bool) -> Option<Self> {
        let told = ["ID", "ID_LIKE"]
            .into_iter()
            .filter_map(|key| value(os_release, key))
            .flat_map(|names| names.split_ascii_whitespace())
            .find_map(Self::of_system);
        told.into_iter()
            .chain(Self::ALL)
            .find(|manager| is_there(manager.program()))
    }

    fn of_system(name: &str) -> Option<Self> {
        match name {
            "debian" | "ubuntu" | "linuxmint" | "raspbian" => Some(Self::Apt),
            "fedora" | "rhel" | "centos" | "rocky" | "almalinux" | "amzn" | "ol" => Some(Self::Dnf),
            "alpine" | "wolfi" | "chimera" => Some(Self::Apk),
            "arch" | "manjaro" | "endeavouros" => Some(Self::Pacman),
            "suse" | "opensuse" | "opensuse-leap" | "opensuse-tumbleweed" | "sles" => {
                Some(Self::Zypper)
            }
            _ => None,
        }
    }
}

/// One value of an os-release file, without its quotes.
fn value<'a>(os_release: &'a str, key: &str) -> Option<&'a str> {
    os_release.lines().find_map(|line| {
        let value = line.trim().strip_prefix(key)?.strip_prefix('=')?;
        Some(value.trim_matches(['"', '\'']))
    })
}

/// `[get]` of a tool or a server.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Get {
    apt: Option<String>,
    dnf: Option<String>,
    apk: Option<String>,
    pacman: Option<String>,
    zypper: Option<String>,
    brew: Option<String>,
    /// Commands that get it for the copy of `{program}` in `{folder}` beside the project.
    #[serde(default)]
    beside: Vec<String>,
    /// Commands that do on any system, better than the system's own package.
    #[serde(default)]
    any: Vec<String>,
    /// One sentence for where no command is known.
    other: String,
}

/// How commands are phrased on a machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Phrasing {
    pub(crate) manager: Option<Manager>,
    /// Whether this user is root already.
    pub(crate) root: bool,
}

impl Phrasing {
    /// A command that is written with `sudo`.
    pub(crate) fn command(self, command: &str) -> String {
        if self.root {
            command.replace("sudo ", "")
        } else {
            command.to_owned()
        }
    }
}

impl Get {
    /// How to get it, the best way first; never empty.
    pub(crate) fn advice(&self, phrasing: Phrasing) -> Vec<String> {
        let packages = phrasing
            .manager
            .and_then(|manager| Some((manager, self.packages(manager)?)));
        let by_package = packages
            .map(|(manager, packages)| format!("{} {packages}", manager.install()))
            .map(|command| phrasing.command(&command));
        let mut advice: Vec<String> = self.any.iter().cloned().chain(by_package).collect();
        if advice.is_empty() {
            advice.push(self.other.clone());
        }
        advice
    }

    /// How to get it in a later version than the one that is there: the system's package may
    /// well be what is too old.
    pub(crate) fn newer(&self, phrasing: Phrasing) -> Vec<String> {
        let mut advice = self.advice(phrasing);
        if !advice.contains(&self.other) {
            advice.push(self.other.clone());
        }
        advice
    }

    /// How to get it for a program beside the project.
    pub(crate) fn beside(&self, program: &str, folder: &str) -> Vec<String> {
        let fill = |command: &String| {
            command
                .replace("{program}", program)
                .replace("{folder}", folder)
        };
        self.beside.iter().map(fill).collect()
    }

    fn packages(&self, manager: Manager) -> Option<&str> {
        match manager {
            Manager::Apt => &self.apt,
            Manager::Dnf => &self.dnf,
            Manager::Apk => &self.apk,
            Manager::Pacman => &self.pacman,
            Manager::Zypper => &self.zypper,
            Manager::Brew => &self.brew,
        }
        .as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(os_release: &str, programs: &[&str], expected: Option<Manager>) {
        let found = Manager::choose(os_release, &|program| programs.contains(&program));
        assert_eq!(found, expected, "{os_release:?} with {programs:?}");
    }

    #[test]
    fn the_system_tells_its_manager() {
        check("ID=debian\n", &["apt-get", "dnf"], Some(Manager::Apt));
        check(
            "ID=\"rocky\"\nID_LIKE=\"rhel\"",
            &["apt-get", "dnf"],
            Some(Manager::Dnf),
        );
        check(
            "ID=mine\nID_LIKE='ubuntu debian'",
            &["brew", "apt-get"],
            Some(Manager::Apt),
        );
        check("VERSION_ID=1\nID=alpine", &["apk"], Some(Manager::Apk));
        check("ID=arch", &["pacman"], Some(Manager::Pacman));
        check("ID=opensuse-leap", &["zypper"], Some(Manager::Zypper));
    }

    #[test]
    fn without_a_word_of_it_the_path_tells() {
        check("", &["brew"], Some(Manager::Brew));
        check("ID=debian", &["brew"], Some(Manager::Brew));
        check("ID=nixos", &[], None);
        check("garbage", &[], None);
    }

    fn get(text: &str) -> Get {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn advice_is_for_this_system_and_never_empty() {
        let it = get("apt = 'a b'\nother = 'see x'");
        let on = |manager, root| Phrasing { manager, root };
        let user = on(Some(Manager::Apt), false);
        assert_eq!(it.advice(user), ["sudo apt-get install -y a b"]);
        assert_eq!(it.newer(user), ["sudo apt-get install -y a b", "see x"]);
        let root = on(Some(Manager::Apt), true);
        assert_eq!(it.advice(root), ["apt-get install -y a b"]);
        assert_eq!(it.advice(on(Some(Manager::Dnf), false)), ["see x"]);
        assert_eq!(it.newer(on(None, false)), ["see x"]);
    }
}
