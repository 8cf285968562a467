//! What files say, before anything is concluded from it.

use std::collections::BTreeMap;

/// Where a clue stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// Path relative to the repository's root, with `/`.
    pub file: String,
    /// 1-based; 0 where the whole file is meant.
    pub line: u64,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => out.write_str(&self.file),
            line => write!(out, "{}:{line}", self.file),
        }
    }
}

/// Everything that was read of one repository, in the order of paths.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clues {
    /// Things that run: compose services, Kubernetes workloads, Procfile lines, .NET projects.
    pub units: Vec<Unit>,
    /// Kubernetes Services and Ingresses: addresses in front of units.
    pub fronts: Vec<Front>,
    /// Dockerfiles.
    pub dockerfiles: Vec<Dockerfile>,
    /// nginx servers and what they pass on.
    pub proxies: Vec<ProxyRule>,
    /// Paths that a health check would ask, in code and in OpenAPI documents.
    pub routes: Vec<HealthRoute>,
    /// Folders with a manifest of some language.
    pub packages: Vec<Package>,
    /// Test suites.
    pub tests: Vec<TestProject>,
    /// Variables of `.env.example` and its like, and of `.env` files that units name. Values of
    /// `.env` itself are never kept, only its names.
    pub variables: Vec<Variable>,
    /// Where the code of a Procfile's lines reads those variables.
    pub uses: Vec<VariableUse>,
    /// Ports in files of settings that a program reads.
    pub settings: Vec<PortSetting>,
    /// Files that were recognised and could not be read.
    pub unreadable: Vec<Unreadable>,
}

/// Who describes a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Platform {
    /// A compose file.
    Compose,
    /// A Kubernetes manifest.
    Kubernetes,
    /// A Procfile.
    Procfile,
    /// A .NET project that is started by itself.
    Dotnet,
    /// A Dockerfile that none of the others builds.
    Dockerfile,
}

/// Something that runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Its name in the file.
    pub name: String,
    /// Where its name stands.
    pub origin: Origin,
    /// Who describes it.
    pub platform: Platform,
    /// The Kubernetes namespace, where the manifest names one.
    pub namespace: Option<String>,
    /// The image it runs, variables with a default replaced.
    pub image: Option<String>,
    /// How the image is built here.
    pub build: Option<Build>,
    /// Ports, those that are reachable from the machine first.
    pub ports: Vec<Port>,
    /// Environment, variables with a default replaced; values of names that smell of a secret are
    /// left empty.
    pub env: BTreeMap<String, String>,
    /// Units that it is started after or linked to, in the names of the same file.
    pub depends_on: Vec<String>,
    /// Where that stands, if not where the unit does.
    pub depends_on_at: Option<Origin>,
    /// What it runs, as words, where the file says.
    pub command: Vec<String>,
    /// How its owner checks it.
    pub health: Option<HealthCheck>,
    /// Labels: of the pods for Kubernetes, of the container for compose.
    pub labels: BTreeMap<String, String>,
    /// Only started when one of these compose profiles is asked for; empty means always.
    pub profiles: Vec<String>,
    /// Name that the container is given, where the file sets one.
    pub container_name: Option<String>,
    /// Runs to its end: a Job, a compose service with `restart: no` and a command that migrates,
    /// a Procfile `release` line.
    pub one_shot: bool,
}

/// How an image is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// Build context, relative to the repository's root; `.` for the root itself.
    pub context: String,
    /// The Dockerfile, relative to the repository's root.
    pub dockerfile: String,
}

/// A port of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// On the machine; `None` where it is only reachable inside.
    pub published: Option<u16>,
    /// Address on the machine that it is bound to, where the file says.
    pub host: Option<String>,
    /// Inside.
    pub target: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// Its name in the manifest, such as `http` or `grpc`.
    pub name: Option<String>,
}

/// How a unit is checked by whoever runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// What is asked.
    pub kind: HealthCheckKind,
    /// Where it stands.
    pub origin: Origin,
    /// Its own deadline.
    pub timeout_ms: Option<u64>,
}

/// What a health check asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealthCheckKind {
    /// An HTTP request: from `httpGet`, or from a `curl` or `wget` command.
    Http {
        /// `http` or `https`.
        scheme: String,
        /// The port inside, where it is known.
        port: Option<u16>,
        /// Starting with `/`.
        path: String,
    },
    /// A connection.
    Tcp {
        /// The port inside.
        port: u16,
    },
    /// `grpc.health.v1`.
    Grpc {
        /// The port inside.
        port: u16,
        /// The service asked about.
        service: String,
    },
    /// Any other command, run inside.
    Command(Vec<String>),
}

/// An address in front of units: a Kubernetes Service or Ingress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Front {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub origin: Origin,
    /// The namespace, where the manifest names one.
    pub namespace: Option<String>,
    /// Labels of the pods behind it; empty for an Ingress.
    pub selector: BTreeMap<String, String>,
    /// Ports: `published` is the Service's own, or its node port where it has one.
    pub ports: Vec<Port>,
    /// For an Ingress: host, path prefix, and the Service behind.
    pub rules: Vec<(Option<String>, String, String)>,
}

/// A Dockerfile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dockerfile {
    /// Its path, and the line of the last `FROM`.
    pub origin: Origin,
    /// The image of the last stage.
    pub from: Option<String>,
    /// `EXPOSE`d ports of the last stage.
    pub exposes: Vec<u16>,
    /// `ENTRYPOINT` and `CMD` of the last stage as words.
    pub command: Vec<String>,
    /// Sources of `COPY` and `ADD` from the context, in every stage.
    pub copies: Vec<String>,
    /// `HEALTHCHECK`.
    pub health: Option<HealthCheck>,
}

/// Something that nginx passes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyRule {
    /// Where `proxy_pass` stands.
    pub origin: Origin,
    /// Ports that the server listens on.
    pub listens: Vec<u16>,
    /// Whether it listens with TLS.
    pub tls: bool,
    /// `server_name`s.
    pub names: Vec<String>,
    /// The location's path.
    pub location: String,
    /// `host:port` or the name of an upstream, resolved to its servers.
    pub upstreams: Vec<String>,
}

/// A path that a health check would ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthRoute {
    /// Where it stands.
    pub origin: Origin,
    /// Starting with `/`.
    pub path: String,
    /// From an OpenAPI document, which is sure, or from a route in code, which is likely.
    pub documented: bool,
    /// Whether another file may put a prefix in front of it that is not known.
    pub adrift: bool,
}

/// A folder with a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// The manifest.
    pub origin: Origin,
    /// Folder, relative to the repository's root; `.` for the root itself.
    pub folder: String,
    /// Its name in the manifest.
    pub name: Option<String>,
    /// `rust`, `go`, `node`, `python`, `java`, `dotnet`.
    pub language: String,
    /// Whether it can be started: a binary, a `start` script, a `main` package.
    pub runs: bool,
    /// Web frameworks and clients of stores among its dependencies, by their package names.
    pub notable: Vec<String>,
    /// Folders of other packages of this repository that it is made with.
    pub uses: Vec<String>,
}

/// A test suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestProject {
    /// What shows that it is one.
    pub origin: Origin,
    /// `pytest`, `playwright`, `libtest`, `go`, `jest`, `vitest`, `mocha`, `junit`.
    pub runner: String,
    /// Folder it is run in, relative to the repository's root.
    pub folder: String,
    /// Test folders or files, relative to the repository's root.
    pub paths: Vec<String>,
    /// Whether its name or place says that it tests over the network (`e2e`, `integration`, …).
    pub end_to_end: bool,
    /// Variables that its files read for addresses, such as `BASE_URL`.
    pub variables: Vec<String>,
}

/// A variable that a repository expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Where it stands.
    pub origin: Origin,
    /// Its name.
    pub name: String,
    /// Its example value; empty where the name smells of a secret.
    pub example: String,
}

/// A place in code where a variable is read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VariableUse {
    /// Where it stands.
    pub origin: Origin,
    /// The variable's name.
    pub name: String,
}

/// A port that a file of settings has a program listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortSetting {
    /// Where it stands.
    pub origin: Origin,
    /// The port.
    pub port: u16,
}

/// A file that was recognised and could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Where it breaks off.
    pub origin: Origin,
    /// Why, in one line.
    pub reason: String,
}
