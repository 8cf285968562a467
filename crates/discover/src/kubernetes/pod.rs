//! What a pod runs.

use std::collections::BTreeMap;

use super::head::Head;
use crate::yaml::{Node, Value};
use crate::{HealthCheck, HealthCheckKind, Origin, Platform, Port, Unit, health, secret};

/// Containers that stand beside the one that matters.
const SIDECARS: &[&str] = &[
    "istio-proxy",
    "linkerd-proxy",
    "envoy",
    "cloud-sql-proxy",
    "cloudsql-proxy",
    "fluent-bit",
    "fluentd",
    "vault-agent",
    "dapr",
];

/// The unit of a pod template.
pub(super) fn unit(head: Head, pod: &Node, one_shot: bool) -> Option<Unit> {
    let containers = pod.at(&["spec", "containers"])?.items();
    let main = main(&head.name, containers)?;
    let text = |key: &str| {
        main.str_at(key)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let mut all_ports: Vec<Port> = ports(main).collect();
    let others = containers
        .iter()
        .filter(|other| !std::ptr::eq(*other, main));
    all_ports.extend(others.flat_map(ports));
    all_ports.sort_by_key(|port| port.published.is_none());
    let command = texts(main.get("command")).chain(texts(main.get("args")));
    Some(Unit {
        image: text("image"),
        build: None,
        health: probe(main, &all_ports, &head.origin),
        env: env(main),
        depends_on: Vec::new(),
        depends_on_at: None,
        command: secret::words(command.collect()),
        labels: labels(pod.at(&["metadata", "labels"])),
        profiles: Vec::new(),
        container_name: None,
        platform: Platform::Kubernetes,
        name: head.name,
        origin: head.origin,
        namespace: head.namespace,
        ports: all_ports,
        one_shot,
    })
}

/// The container that the workload is named after, else the first that is no known companion.
fn main<'a>(workload: &str, containers: &'a [Node]) -> Option<&'a Node> {
    let name = |container: &Node| container.str_at("name").unwrap_or_default().to_owned();
    let companion = |container: &Node| {
        let name = name(container);
        SIDECARS.contains(&name.as_str())
            || name.ends_with("-exporter")
            || name.ends_with("-sidecar")
    };
    let named = containers
        .iter()
        .find(|container| name(container) == workload);
    named
        .or_else(|| containers.iter().find(|container| !companion(container)))
        .or(containers.first())
}

fn ports(container: &Node) -> impl Iterator<Item = Port> + use<'_> {
    let ports = container.get("ports").map_or(&[][..], Node::items).iter();
    ports.filter_map(|port| {
        Some(Port {
            published: port.get("hostPort").and_then(Node::as_port),
            host: port.str_at("hostIP").map(str::to_owned),
            target: port.get("containerPort")?.as_port()?,
            protocol: port
                .str_at("protocol")
                .unwrap_or("TCP")
                .to_ascii_lowercase(),
            name: port.str_at("name").map(str::to_owned),
        })
    })
}

/// Variables; those that come from a Secret or a ConfigMap have no value here.
fn env(container: &Node) -> BTreeMap<String, String> {
    let env = container.get("env").map_or(&[][..], Node::items).iter();
    let pairs = env.filter_map(|variable| {
        let name = variable.str_at("name")?;
        let value = variable.str_at("value").unwrap_or_default();
        Some((name.to_owned(), secret::value(name, value)))
    });
    pairs.collect()
}

/// The first probe that says when the container can be asked.
fn probe(container: &Node, ports: &[Port], origin: &Origin) -> Option<HealthCheck> {
    ["readinessProbe", "livenessProbe", "startupProbe"]
        .iter()
        .find_map(|name| {
            let entry = container.entry(name)?;
            let seconds = entry.value.str_at("timeoutSeconds");
            Some(HealthCheck {
                kind: kind(&entry.value, ports)?,
                origin: Origin {
                    file: origin.file.clone(),
                    line: entry.line,
                },
                timeout_ms: seconds
                    .and_then(|text| text.parse::<u64>().ok())
                    .map(|s| s.saturating_mul(1_000)),
            })
        })
}

fn kind(probe: &Node, ports: &[Port]) -> Option<HealthCheckKind> {
    let port = |node: &Node| {
        let port = node.get("port")?;
        let named = |other: &&Port| other.name.as_deref() == port.as_str();
        port.as_port()
            .or_else(|| ports.iter().find(named).map(|port| port.target))
    };
    if let Some(http) = probe.get("httpGet") {
        let path = http.str_at("path").unwrap_or("/");
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        return Some(HealthCheckKind::Http {
            scheme: http.str_at("scheme").unwrap_or("HTTP").to_ascii_lowercase(),
            port: port(http),
            path,
        });
    }
    if let Some(tcp) = probe.get("tcpSocket") {
        return port(tcp).map(|port| HealthCheckKind::Tcp { port });
    }
    if let Some(grpc) = probe.get("grpc") {
        return port(grpc).map(|port| HealthCheckKind::Grpc {
            port,
            service: grpc.str_at("service").unwrap_or_default().to_owned(),
        });
    }
    let words: Vec<_> = texts(probe.at(&["exec", "command"])).collect();
    (!words.is_empty()).then(|| health::of_words(&words))
}

/// A mapping of texts.
pub(super) fn labels(node: Option<&Node>) -> BTreeMap<String, String> {
    let entries = node.map_or(&[][..], Node::entries).iter();
    let pairs = entries.filter_map(|entry| match &entry.value.value {
        Value::Text(text) => Some((entry.key.clone(), text.clone())),
        _ => None,
    });
    pairs.collect()
}

fn texts(node: Option<&Node>) -> impl Iterator<Item = String> + use<'_> {
    let items = node.map_or(&[][..], Node::one_or_many).iter();
    items.filter_map(Node::as_str).map(str::to_owned)
}
