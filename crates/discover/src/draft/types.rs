//! The nouns of a draft: what is proposed, from where, and how sure that is.

use std::collections::BTreeMap;

use crate::clue::{Build, Origin};

/// How sure a proposal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sureness {
    /// A file says so.
    Certain,
    /// A convention that seldom fails.
    Likely,
    /// Resemblance only: a person should look at it.
    Guess,
}

impl Sureness {
    /// The word used in comments and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Guess => "guess",
        }
    }
}

/// A proposed value.
#[derive(Clone, Debug, PartialEq)]
pub struct Guess<T> {
    /// What is proposed.
    pub value: T,
    /// The file that led to it, where one did.
    pub origin: Option<Origin>,
    /// How sure it is.
    pub sureness: Sureness,
    /// What in that file, or which convention, in a few words.
    pub why: String,
}

impl<T> Guess<T> {
    pub(crate) fn new(
        value: T,
        origin: Option<&Origin>,
        sureness: Sureness,
        why: impl Into<String>,
    ) -> Self {
        Self {
            value,
            origin: origin.cloned(),
            sureness,
            why: why.into(),
        }
    }

    pub(crate) fn certain(value: T, origin: &Origin, why: impl Into<String>) -> Self {
        Self::new(value, Some(origin), Sureness::Certain, why)
    }

    pub(crate) fn likely(value: T, origin: &Origin, why: impl Into<String>) -> Self {
        Self::new(value, Some(origin), Sureness::Likely, why)
    }

    /// The same proposal with another value.
    pub(crate) fn map<U>(&self, value: U) -> Guess<U> {
        Guess {
            value,
            origin: self.origin.clone(),
            sureness: self.sureness,
            why: self.why.clone(),
        }
    }
}

/// A configuration that a repository suggests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// `[project] name`.
    pub project: String,
    /// By name.
    pub services: Vec<DraftService>,
    /// By name.
    pub dependencies: Vec<DraftDependency>,
    /// By name.
    pub suites: Vec<DraftSuite>,
    /// Variables that smell of a secret, in the order of their files.
    pub secrets: Vec<Guess<String>>,
    /// What was used, what was left out and why, one sentence each.
    pub notes: Vec<String>,
}

/// `[service.NAME]`.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftService {
    /// Fit for the configuration.
    pub name: String,
    /// Where it is described.
    pub origin: Origin,
    /// Why it is only proposed as a comment; `None` where it is proposed in full.
    pub disabled: Option<String>,
    /// Why it has no address and is only watched.
    pub unasked: Option<String>,
    /// Where it is reached.
    pub url: Option<Guess<String>>,
    /// How it is asked whether it is ready.
    pub probe: Option<Guess<DraftProbe>>,
    /// Names of the draft that it calls.
    pub depends_on: Vec<Guess<String>>,
    /// Folders of its source.
    pub source: Option<Guess<Vec<String>>>,
    /// How its image is built.
    pub container: Option<Guess<Build>>,
    /// How it is started here.
    pub deploy: Option<Guess<DraftDeploy>>,
    /// Where it can be watched.
    pub observe: Option<Guess<DraftObserve>>,
    /// What else a person should know, one sentence each.
    pub remarks: Vec<String>,
}

/// `[dependency.NAME]`.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftDependency {
    /// Fit for the configuration.
    pub name: String,
    /// Where it is described.
    pub origin: Origin,
    /// What it is: `postgres`, `redis`, ….
    pub kind: Guess<String>,
    /// Why it is only proposed as a comment; `None` where it is proposed in full.
    pub disabled: Option<String>,
    /// Why it has no address and is only watched.
    pub unasked: Option<String>,
    /// Where it is reached, without a password; `None` where it cannot be reached from here.
    pub url: Option<Guess<String>>,
    /// The variable that could hold its whole URL, where it asks for a password.
    pub url_variable: Option<String>,
    /// How it is asked whether it is ready.
    pub probe: Option<Guess<DraftProbe>>,
    /// Where it can be watched.
    pub observe: Option<Guess<DraftObserve>>,
    /// What else a person should know, one sentence each.
    pub remarks: Vec<String>,
}

/// `[suite.NAME]`.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftSuite {
    /// Fit for the configuration.
    pub name: String,
    /// What shows that there is one.
    pub origin: Origin,
    /// Why it is only proposed as a comment; `None` where it is proposed in full.
    pub disabled: Option<String>,
    /// Which framework runs it.
    pub runner: Guess<String>,
    /// The program, for runners that need one.
    pub command: Option<Guess<Vec<String>>>,
    /// Its folders and files.
    pub paths: Guess<Vec<String>>,
    /// `unit`, `integration` or `e2e`.
    pub kind: Guess<String>,
    /// Variables that tell it where the services are.
    pub env: Option<Guess<BTreeMap<String, String>>>,
    /// Services that it tests.
    pub covers: Option<Guess<Vec<String>>>,
}

/// A probe, as far as it can be drafted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DraftProbe {
    /// `GET`.
    Http {
        /// Starting with `/`.
        path: String,
        /// Whether any answer below 400 will do, because the path is only a guess.
        lenient: bool,
    },
    /// A connection.
    Tcp,
    /// `grpc.health.v1` about this service; empty for the server.
    Grpc(String),
    /// A PostgreSQL query.
    Postgres,
    /// A Redis command.
    Redis,
    /// A ClickHouse query.
    ClickHouse,
    /// Nothing: whether its observers see it run.
    Runtime,
}

/// How a service is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftDeploy {
    /// Program and arguments, with `{port}`.
    pub command: Vec<String>,
    /// Variables.
    pub env: BTreeMap<String, String>,
}

/// Where something can be watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DraftObserve {
    /// A container of this name.
    Container(String),
    /// Containers with these labels.
    ContainerLabels(Vec<String>),
    /// Pods with these labels.
    Kubernetes {
        /// `app=api`.
        selector: String,
        /// The namespace, where it is known.
        namespace: Option<String>,
    },
}
