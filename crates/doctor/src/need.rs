//! What a project needs, and which part of it says so.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// Something that a project needs of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Need {
    /// What is needed.
    pub subject: Subject,
    /// Who asks for it, in the order of the configuration; never empty.
    pub reasons: Vec<Reason>,
}

/// A part of the configuration that needs something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reason {
    /// Where it stands: `[suite.e2e] command`; the name of the file for the project as a whole.
    pub place: String,
    /// What cannot be done without it: `executing suite e2e`.
    pub required_for: String,
    /// Whether that cannot be done at all, rather than less well or not in every run.
    pub blocking: bool,
}

/// What is needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Subject {
    /// A tool that is known by its file in `tools/`.
    Tool {
        /// The stem of that file.
        id: String,
        /// The program as the configuration names it, relative to the project's root if it is a
        /// path; `None` where assay may choose.
        program: Option<String>,
        /// Folders, relative to the project's root, beside which a copy of the project's own may
        /// lie; the nearest first.
        folders: Vec<String>,
    },
    /// A program of which only its being there is checked.
    Program {
        /// A name to look up in `PATH`, or a path relative to the project's root.
        program: String,
    },
    /// A variable of the environment.
    Variable {
        /// Its name. Its value is never looked at.
        name: String,
    },
    /// A container engine that answers.
    DockerEngine {
        /// Its address; `DOCKER_HOST` or the usual socket if not set.
        host: Option<String>,
    },
    /// A system journal that this user may read.
    Journal {
        /// Whether the user's own is meant.
        user: bool,
    },
    /// A log file that this user may read.
    LogFile {
        /// Path relative to the project's root.
        path: String,
    },
    /// The project is in a git repository.
    Repository,
    /// A folder for the state that can be written, with files that can be locked.
    StateFolder,
    /// Room on the disk of the state folder.
    DiskSpace,
    /// Files that one process may have open.
    OpenFiles {
        /// How many.
        at_least: u64,
    },
    /// A clock that cannot be plainly wrong.
    Clock,
    /// An address that assay itself will listen on.
    Port {
        /// For which service.
        service: String,
        /// A name, or an address; IPv6 without brackets.
        host: String,
        /// The port; `None` where neither the URL nor its scheme says.
        port: Option<u16>,
    },
    /// A server that is asked.
    Server {
        /// The service or dependency that it is.
        name: String,
        /// Of its URL.
        scheme: String,
        /// A name, or an address; IPv6 without brackets.
        host: String,
        /// The port; `None` where neither the URL nor its scheme says.
        port: Option<u16>,
    },
}

impl fmt::Display for Subject {
    /// `python3`, `server postgres at db:5432`: the first column of a table.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tool { id, program, .. } => match program {
                Some(program) if program != id => write!(out, "{id} ({program})"),
                _ => out.write_str(id),
            },
            Self::Program { program } => out.write_str(program),
            Self::Variable { name } => write!(out, "variable {name}"),
            Self::DockerEngine { host: None } => out.write_str("docker engine"),
            Self::DockerEngine { host: Some(host) } => write!(out, "docker engine at {host}"),
            Self::Journal { user: false } => out.write_str("system journal"),
            Self::Journal { user: true } => out.write_str("user's journal"),
            Self::LogFile { path } => write!(out, "log {path}"),
            Self::Repository => out.write_str("git repository"),
            Self::StateFolder => out.write_str("state folder"),
            Self::DiskSpace => out.write_str("disk space"),
            Self::OpenFiles { .. } => out.write_str("open files"),
            Self::Clock => out.write_str("clock"),
            Self::Port {
                service,
                host,
                port,
            } => write!(out, "port of {service} at {}", endpoint(host, *port)),
            Self::Server {
                name, host, port, ..
            } => write!(out, "server {name} at {}", endpoint(host, *port)),
        }
    }
}

/// `db:5432`, `[::1]:80`.
pub(crate) fn endpoint(host: &str, port: Option<u16>) -> String {
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    port.map_or(host.clone(), |port| format!("{host}:{port}"))
}
