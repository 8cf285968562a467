//! Kubernetes manifests: workloads, Services and Ingresses.
//!
//! [`read`] looks at one file at a time; [`finish`] joins what needs several: names of ports that
//! stand in another file, and overlays of kustomize that only patch a base.

mod head;
mod overlay;
mod pod;

use std::collections::BTreeMap;

use crate::yaml::Node;
use crate::{Clues, Front, Origin, Platform, Port, Unit, Variable, paths};
use head::Head;

/// Levels of `kind: List` in one another; the API allows one.
const LISTS_MAX: usize = 4;

/// What one file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Manifests {
    pub(crate) units: Vec<Unit>,
    pub(crate) fronts: Vec<PendingFront>,
    /// Keys of ConfigMaps.
    pub(crate) variables: Vec<Variable>,
    /// What a `kustomization.yaml` patches, and whether it builds on another folder.
    pub(crate) kustomization: Option<overlay::Kustomization>,
}

/// A front whose ports may name ports of pods in other files.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PendingFront {
    front: Front,
    /// Place in `front.ports`, and the name.
    names: Vec<(usize, String)>,
}

/// Whether a text may be a manifest, before it is parsed.
pub(crate) fn may_be(path: &str, text: &str) -> bool {
    overlay::is_kustomization(path) || (text.contains("apiVersion") && text.contains("kind"))
}

/// What the documents of a file say.
pub(crate) fn read(path: &str, documents: &[Node]) -> Manifests {
    let mut out = Manifests::default();
    if overlay::is_kustomization(path) {
        out.kustomization = documents.first().map(|node| overlay::read(path, node));
        return out;
    }
    for document in documents {
        object(path, document, 0, &mut out);
    }
    out
}

fn object(path: &str, node: &Node, depth: usize, out: &mut Manifests) {
    let Some(kind) = node.str_at("kind") else {
        return;
    };
    if node.get("apiVersion").is_none() {
        return;
    }
    if kind == "List" || kind.ends_with("List") && node.get("items").is_some() {
        for item in node.get("items").map_or(&[][..], Node::items) {
            if depth < LISTS_MAX {
                object(path, item, depth + 1, out);
            }
        }
        return;
    }
    let Some(name) = node
        .at(&["metadata", "name"])
        .or(node.at(&["metadata", "generateName"]))
    else {
        return;
    };
    let head = Head {
        name: name
            .as_str()
            .unwrap_or_default()
            .trim_end_matches('-')
            .to_owned(),
        origin: Origin {
            file: path.to_owned(),
            line: name.line,
        },
        namespace: node
            .at(&["metadata", "namespace"])
            .and_then(Node::as_str)
            .map(str::to_owned),
    };
    if let Some((template, one_shot)) = template(kind, node) {
        out.units.extend(pod::unit(head, template, one_shot));
        return;
    }
    match kind {
        "Service" => out.fronts.push(service(head, node)),
        "Ingress" => out.fronts.push(ingress(head, node)),
        "ConfigMap" => {
            let data = node.get("data").map_or(&[][..], Node::entries).iter();
            out.variables
                .extend(
                    data.filter(|entry| is_variable(&entry.key))
                        .map(|entry| Variable {
                            origin: Origin {
                                file: path.to_owned(),
                                line: entry.line,
                            },
                            name: entry.key.clone(),
                            example: String::new(),
                        }),
                );
        }
        _ => {}
    }
}

/// The pod that an object runs, and whether it runs to its end. Told by shape rather than by
/// kind, so that Rollouts, Knative Services and other kinds of their makers are seen too.
fn template<'a>(kind: &str, node: &'a Node) -> Option<(&'a Node, bool)> {
    let has_containers = |pod: &Node| {
        !pod.at(&["spec", "containers"])
            .map_or(&[][..], Node::items)
            .is_empty()
    };
    let spec = node.get("spec")?;
    let found = match kind {
        "Pod" => Some((node, false)),
        "CronJob" => spec
            .at(&["jobTemplate", "spec", "template"])
            .map(|pod| (pod, true)),
        _ => spec.get("template").map(|pod| (pod, kind.ends_with("Job"))),
    };
    found.filter(|(pod, _)| has_containers(pod))
}

/// A name that may stand in an environment; a ConfigMap also holds whole files.
fn is_variable(key: &str) -> bool {
    key.bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

fn service(head: Head, node: &Node) -> PendingFront {
    let mut names = Vec::new();
    let mut ports = Vec::new();
    for port in node.at(&["spec", "ports"]).map_or(&[][..], Node::items) {
        let Some(own) = port.get("port").and_then(Node::as_port) else {
            continue;
        };
        let target = port.get("targetPort");
        if let (None, Some(name)) = (
            target.and_then(Node::as_port),
            target.and_then(Node::as_str),
        ) {
            names.push((ports.len(), name.to_owned()));
        }
        ports.push(Port {
            published: port.get("nodePort").and_then(Node::as_port).or(Some(own)),
            host: None,
            target: target.and_then(Node::as_port).unwrap_or(own),
            protocol: port
                .str_at("protocol")
                .unwrap_or("TCP")
                .to_ascii_lowercase(),
            name: port.str_at("name").map(str::to_owned),
        });
    }
    PendingFront {
        front: Front {
            name: head.name,
            origin: head.origin,
            namespace: head.namespace,
            selector: pod::labels(node.at(&["spec", "selector"])),
            ports,
            rules: Vec::new(),
        },
        names,
    }
}

fn ingress(head: Head, node: &Node) -> PendingFront {
    let behind = |backend: &Node| {
        let name = backend
            .at(&["service", "name"])
            .or_else(|| backend.get("serviceName"))?;
        name.as_str().map(str::to_owned)
    };
    let mut rules = Vec::new();
    for rule in node.at(&["spec", "rules"]).map_or(&[][..], Node::items) {
        let host = rule.str_at("host").map(str::to_owned);
        for path in rule.at(&["http", "paths"]).map_or(&[][..], Node::items) {
            if let Some(service) = path.get("backend").and_then(behind) {
                let prefix = path.str_at("path").unwrap_or("/").to_owned();
                rules.push((host.clone(), prefix, service));
            }
        }
    }
    let default = node
        .at(&["spec", "defaultBackend"])
        .or_else(|| node.at(&["spec", "backend"]));
    if let Some(service) = default.and_then(behind) {
        rules.push((None, "/".to_owned(), service));
    }
    PendingFront {
        front: Front {
            name: head.name,
            origin: head.origin,
            namespace: head.namespace,
            selector: BTreeMap::new(),
            ports: Vec::new(),
            rules,
        },
        names: Vec::new(),
    }
}

/// Joins what was read of every file, in the order of paths.
pub(crate) fn finish(found: Vec<Manifests>, clues: &mut Clues) {
    let mut units = Vec::new();
    let mut fronts = Vec::new();
    let mut kustomizations = Vec::new();
    for manifests in found {
        units.extend(manifests.units);
        fronts.extend(manifests.fronts);
        kustomizations.extend(manifests.kustomization);
        clues.variables.extend(manifests.variables);
    }
    let units = overlay::without_patches(units, &kustomizations);
    for PendingFront { mut front, names } in fronts {
        if overlay::is_patch(&front.origin.file, &kustomizations) {
            continue;
        }
        for (place, name) in names {
            if let Some(port) = named_port(&units, &front, &name) {
                front.ports[place].target = port;
            }
        }
        clues.fronts.push(front);
    }
    clues.units.extend(units);
}

/// The port of that name in the pods behind a Service; pods of its own folder first, because
/// the same labels are used for several environments.
fn named_port(units: &[Unit], front: &Front, name: &str) -> Option<u16> {
    let behind = units.iter().filter(|unit| {
        let all = front
            .selector
            .iter()
            .all(|(key, value)| unit.labels.get(key) == Some(value));
        let same = unit.namespace == front.namespace
            || unit.namespace.is_none()
            || front.namespace.is_none();
        unit.platform == Platform::Kubernetes && !front.selector.is_empty() && all && same
    });
    let folder = paths::folder(&front.origin.file);
    let mut behind: Vec<_> = behind.collect();
    behind.sort_by_key(|unit| paths::folder(&unit.origin.file) != folder);
    let ports = behind.iter().flat_map(|unit| &unit.ports);
    let mut named = ports.filter(|port| port.name.as_deref() == Some(name));
    named.next().map(|port| port.target)
}

#[cfg(test)]
mod tests;
