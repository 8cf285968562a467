//! From a configuration to what it needs. Nothing is looked at.

use assay_model::{Observe, Probe, ProbeKind, Project, Service, Suite};

use crate::address::{self, Address};
use crate::catalogue;
use crate::command::{called, file_name};
use crate::need::{Need, Reason, Subject};

/// Files of assay itself: the journal, the vault, the terminal, sockets of the supervisor.
const FILES_BASE: u64 = 256;

/// Connections at a time through one listener of the gateway, both sides together: a browser
/// opens six.
const FILES_PER_LISTENER: u64 = 16;

/// Everything that `project` needs of the machine that it is examined on, each thing once, in
/// the order of the configuration. Pure.
pub fn needs(project: &Project) -> Vec<Need> {
    let mut list = List::default();
    of_assay(project, &mut list);
    for service in project.services.values() {
        of_service(service, &mut list);
    }
    for (name, dependency) in &project.dependencies {
        let at = At::new("dependency", name);
        let to = format!("the readiness of {name}");
        of_probe(&dependency.probe, &at, &to, &mut list);
        if let Some(url) = &dependency.url {
            of_server(name, url, &dependency.probe, &at, &to, &mut list);
        }
        of_observers(&dependency.observe, &at, name, &mut list);
    }
    for suite in &project.suites {
        of_suite(suite, &mut list);
    }
    for secret in &project.secrets {
        // A password that stands in the file is kept under the key that holds it.
        if is_variable(&secret.name) {
            let name = secret.name.clone();
            let place = project.config_file.clone();
            let reason = reason(place, "keeping its value out of every report", false);
            list.add(Subject::Variable { name }, reason);
        }
    }
    list.0
}

/// Needs in order, each subject once.
#[derive(Default)]
struct List(Vec<Need>);

impl List {
    fn add(&mut self, subject: Subject, reason: Reason) {
        match self.0.iter_mut().find(|need| need.subject == subject) {
            Some(need) if need.reasons.contains(&reason) => {}
            Some(need) => need.reasons.push(reason),
            None => self.0.push(Need {
                subject,
                reasons: vec![reason],
            }),
        }
    }
}

fn reason(place: impl Into<String>, required_for: &str, blocking: bool) -> Reason {
    Reason {
        place: place.into(),
        required_for: required_for.to_owned(),
        blocking,
    }
}

/// A table of the configuration.
struct At(String);

impl At {
    fn new(section: &str, name: &str) -> Self {
        Self(format!("[{section}.{name}]"))
    }

    fn key(&self, key: &str) -> String {
        format!("{} {key}", self.0)
    }
}

fn of_assay(project: &Project, list: &mut List) {
    let place = &project.config_file;
    let deploys = project.services.values().any(|it| it.deploy.is_some());
    let source = "building revisions, and seeing and mending what changed";
    list.add(tool("git", None, &[]), reason(place, source, deploys));
    list.add(Subject::Repository, reason(place, source, deploys));
    list.add(
        Subject::StateFolder,
        reason(place, "keeping a journal of what was done", true),
    );
    list.add(
        Subject::DiskSpace,
        reason(place, "keeping evidence, logs and bundles", true),
    );
    let nodes = (project.services.len() + project.dependencies.len()) as u64;
    let workers = project.suites.iter().map(|it| it.workers).max();
    let listeners = workers.unwrap_or(0) as u64 * nodes;
    list.add(
        Subject::OpenFiles {
            at_least: FILES_BASE + FILES_PER_LISTENER * listeners + nodes,
        },
        reason(place, "asking everything at once", false),
    );
    list.add(
        Subject::Clock,
        reason(place, "times in evidence, and certificates", false),
    );
}

fn of_service(service: &Service, list: &mut List) {
    let name = service.name.as_str();
    let at = At::new("service", name);
    let readiness = format!("the readiness of {name}");
    of_probe(&service.probe, &at, &readiness, list);
    if let Some(plan) = &service.deploy {
        let deploying = format!("deploying {name}");
        let place = format!("[service.{name}.deploy] command");
        // A command is run inside the bundle, whose root is the first folder of the source.
        let folder = service.source.first().map_or(".", String::as_str);
        of_command(
            &plan.command,
            folder,
            &[],
            &reason(place, &deploying, true),
            list,
        );
        if let Some(Address { scheme, host, port }) = address::read(&service.url) {
            let port = port.or_else(|| catalogue::usual_port(&scheme));
            let subject = Subject::Port {
                service: name.to_owned(),
                host,
                port,
            };
            list.add(subject, reason(at.key("url"), &deploying, true));
        }
    } else {
        of_server(name, &service.url, &service.probe, &at, &readiness, list);
    }
    if service.container.is_some() {
        // What an image holds is read from its Dockerfile; only building one takes more.
        let building = format!("building the image of {name}");
        let reason = reason(at.key("container"), &building, false);
        list.add(tool("docker", None, &[]), reason);
    }
    of_observers(&service.observe, &at, name, list);
}

fn of_probe(probe: &Probe, at: &At, required_for: &str, list: &mut List) {
    if let ProbeKind::Command(command) = &probe.kind {
        let reason = reason(at.key("probe"), required_for, true);
        of_command(&command.command, ".", &[], &reason, list);
    }
}

fn of_server(name: &str, url: &str, probe: &Probe, at: &At, required_for: &str, list: &mut List) {
    // A DNS server is asked by datagrams, to which a connection says nothing.
    if matches!(probe.kind, ProbeKind::Dns(_)) {
        return;
    }
    if let Some(Address { scheme, host, port }) = address::read(url) {
        let subject = Subject::Server {
            name: name.to_owned(),
            port: port.or_else(|| catalogue::usual_port(&scheme)),
            scheme,
            host,
        };
        // A command may well ask something else than the URL.
        let blocking = !matches!(probe.kind, ProbeKind::Command(_));
        list.add(subject, reason(at.key("url"), required_for, blocking));
    }
}

fn of_observers(observers: &[Observe], at: &At, name: &str, list: &mut List) {
    let observing = format!("observing {name}");
    let reason = reason(at.key("observe"), &observing, true);
    for observer in observers {
        match observer {
            Observe::Docker(docker) => {
                let host = docker.host.clone();
                list.add(Subject::DockerEngine { host }, reason.clone());
            }
            Observe::Kubernetes(_) => list.add(tool("kubectl", None, &[]), reason.clone()),
            Observe::File { path } => {
                let path = path.clone();
                // It may not have been written yet.
                let reason = Reason {
                    blocking: false,
                    ..reason.clone()
                };
                list.add(Subject::LogFile { path }, reason);
            }
            Observe::Journald { user, .. } => {
                list.add(tool("journalctl", None, &[]), reason.clone());
                list.add(tool("systemctl", None, &[]), reason.clone());
                list.add(Subject::Journal { user: *user }, reason.clone());
            }
            Observe::Command { command } => of_command(command, ".", &[], &reason, list),
        }
    }
}

fn of_suite(suite: &Suite, list: &mut List) {
    let at = At::new("suite", &suite.name);
    let executing = format!("executing suite {}", suite.name);
    let folders = folders(&suite.paths);
    if suite.command.is_empty() {
        let reason = reason(at.key("runner"), &executing, suite.default);
        for needed in catalogue::of_runner(&suite.runner) {
            list.add(tool(&needed.id, None, &folders), reason.clone());
        }
    } else {
        let reason = reason(at.key("command"), &executing, suite.default);
        of_command(&suite.command, ".", &folders, &reason, list);
    }
}

/// The programs of a command that is run in `cwd`, relative to the project's root.
fn of_command(words: &[String], cwd: &str, folders: &[String], reason: &Reason, list: &mut List) {
    for call in called(words) {
        let program = if call.program.contains('/') && !call.program.starts_with('/') {
            join(cwd, &call.program)
        } else {
            call.program.clone()
        };
        let name = file_name(&program);
        match catalogue::of_program(name) {
            Some(known) => list.add(tool(&known.id, Some(&program), folders), reason.clone()),
            None => {
                let program = program.clone();
                list.add(Subject::Program { program }, reason.clone());
            }
        }
        // What `uv run` finds lies in an environment of its own, which only it can open.
        let module = call.module.as_deref().and_then(catalogue::of_module);
        if let Some(known) = module.filter(|known| known.is_program(name)) {
            list.add(tool(&known.id, Some(&program), folders), reason.clone());
        }
    }
}

fn tool(id: &str, program: Option<&str>, folders: &[String]) -> Subject {
    Subject::Tool {
        id: id.to_owned(),
        program: program.map(str::to_owned),
        folders: if folders.is_empty() {
            vec![".".to_owned()]
        } else {
            folders.to_vec()
        },
    }
}

/// The folders of `paths` and all above them, the deepest first and the root last.
fn folders(paths: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for path in paths {
        let mut parts: Vec<&str> = path
            .split('/')
            .filter(|part| !part.is_empty() && *part != ".")
            .collect();
        while !parts.is_empty() {
            let folder = parts.join("/");
            if !found.contains(&folder) {
                found.push(folder);
            }
            parts.pop();
        }
    }
    found.sort_by_key(|folder| std::cmp::Reverse(folder.matches('/').count()));
    found.push(".".to_owned());
    found
}

fn join(folder: &str, path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    match folder.trim_end_matches('/') {
        "" | "." => format!("./{path}"),
        folder => format!("{folder}/{path}"),
    }
}

/// Whether a name is one that only variables of the environment have.
fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}
