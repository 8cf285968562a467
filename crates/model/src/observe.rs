//! Observers, as the configuration describes them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a service can be watched from outside. Watching changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Observe {
    /// Containers, through the Engine API.
    Docker(DockerObserve),
    /// Pods, through the user's own `kubectl`.
    Kubernetes(KubernetesObserve),
    /// A log file, and those that it was rotated to.
    File {
        /// Path, relative to the project's root.
        path: String,
    },
    /// A unit's messages, through `journalctl`.
    Journald {
        /// The unit: `api.service`.
        unit: String,
        /// Whether it is a unit of the user's own manager.
        user: bool,
    },
    /// A program of the user's whose output is the log. `{since}` and `{until}` in its words are
    /// the window, as RFC 3339 in UTC.
    Command {
        /// Program and arguments.
        command: Vec<String>,
    },
}

impl Observe {
    /// The word used in tables and JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Docker(_) => "docker",
            Self::Kubernetes(_) => "kubernetes",
            Self::File { .. } => "file",
            Self::Journald { .. } => "journald",
            Self::Command { .. } => "command",
        }
    }
}

/// Which containers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DockerObserve {
    /// Name of the container; or, with `labels`, empty.
    pub container: Option<String>,
    /// `key=value` that all of the containers carry: `com.docker.compose.service=api`.
    pub labels: Vec<String>,
    /// Address of the engine; `DOCKER_HOST` or the usual socket if not set.
    pub host: Option<String>,
}

/// Which pods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KubernetesObserve {
    /// Label selector: `app=api`.
    pub selector: String,
    /// The namespace; that of the context if not set.
    pub namespace: Option<String>,
    /// The context of the user's kubeconfig; the current one if not set.
    pub context: Option<String>,
    /// The container within the pods; all of them if not set.
    pub container: Option<String>,
}
