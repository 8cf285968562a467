//! What a merged service means.

use std::collections::{BTreeMap, BTreeSet};

use super::load::{Layer, Loader};
use super::merge::merge;
use super::project::Project;
use crate::yaml::{Node, Value};
use crate::{
    Build, Clues, HealthCheck, HealthCheckKind, Origin, Platform, Unit, Variable, health, paths,
    ports, secret, shell,
};

/// Adds the units of a project.
pub(super) fn units(loader: &mut Loader<'_>, project: &Project, clues: &mut Clues) {
    let names = loader.services(project);
    let known: BTreeSet<String> = names.iter().cloned().collect();
    let mut awaited_to_end = BTreeSet::new();
    let first = clues.units.len();
    for name in names {
        let layers = loader.layers(project, &name);
        let Some(merged) = merged(&layers) else {
            continue;
        };
        let depends_on = merged.get("depends_on").map_or(&[][..], Node::entries);
        for entry in depends_on {
            if entry.value.str_at("condition") == Some("service_completed_successfully") {
                awaited_to_end.insert(entry.key.clone());
            }
        }
        let unit = unit(
            loader,
            &name,
            &layers,
            &merged,
            &known,
            &mut clues.variables,
        );
        clues.units.push(unit);
    }
    let asked_for = loader.profiles(project);
    for unit in &mut clues.units[first..] {
        if unit.profiles.iter().any(|own| asked_for.contains(own)) {
            unit.profiles.clear();
        }
        unit.one_shot |= awaited_to_end.contains(&unit.name);
    }
}

fn merged(layers: &[Layer]) -> Option<Node> {
    let nodes = layers.iter().map(|layer| layer.node.clone());
    nodes.reduce(|below, above| merge(below, above, ""))
}

fn unit(
    loader: &Loader<'_>,
    name: &str,
    layers: &[Layer],
    merged: &Node,
    known: &BTreeSet<String>,
    variables: &mut Vec<Variable>,
) -> Unit {
    // `extends` puts the other service below; the name stands where this one begins.
    let own = layers
        .iter()
        .rev()
        .find(|layer| layer.node.get("extends").is_some());
    let own = own.or(layers.first());
    let command = command(merged);
    let ports = ports::of_service(merged);
    Unit {
        name: name.to_owned(),
        origin: own.map_or_else(Origin::default, |layer| Origin {
            file: layer.file.clone(),
            line: layer.line,
        }),
        platform: Platform::Compose,
        namespace: None,
        image: merged.str_at("image").and_then(image),
        build: build(merged),
        one_shot: ports.is_empty() && runs_to_its_end(merged, &command),
        ports,
        env: env(loader, merged, known, variables),
        depends_on: depends_on(name, merged),
        depends_on_at: None,
        command: secret::words(command),
        health: health(layers, merged),
        labels: map(merged.get("labels"), &|_, value| secret::bare(value)),
        profiles: texts(merged.get("profiles")),
        container_name: merged
            .str_at("container_name")
            .filter(|name| !name.is_empty())
            .map(str::to_owned),
    }
}

/// A variable without a value leaves holes: `/app:` is `app`, and `:-app` names no image.
fn image(text: &str) -> Option<String> {
    let text = text
        .trim()
        .trim_start_matches('/')
        .trim_end_matches([':', '@']);
    let name = text.rsplit('/').next().unwrap_or(text);
    (!name.is_empty() && !name.starts_with([':', '@', '-'])).then(|| text.to_owned())
}

fn build(service: &Node) -> Option<Build> {
    let build = service.get("build")?;
    let context = build
        .str_at("context")
        .or_else(|| build.str_at("x-folder"))?;
    let dockerfile = match build.str_at("dockerfile") {
        _ if build.get("dockerfile_inline").is_some() => String::new(),
        Some(named) => paths::join(context, named)?,
        None => paths::join(context, "Dockerfile")?,
    };
    Some(Build {
        context: context.to_owned(),
        dockerfile,
    })
}

/// Files first, then what the service says itself.
fn env(
    loader: &Loader<'_>,
    service: &Node,
    known: &BTreeSet<String>,
    variables: &mut Vec<Variable>,
) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for file in texts(service.get("env_file")) {
        for (name, value) in loader.env_file(&file, known) {
            variables.push(Variable {
                origin: Origin {
                    file: file.clone(),
                    line: 0,
                },
                name: name.clone(),
                example: String::new(),
            });
            out.insert(name, value);
        }
    }
    out.extend(map(service.get("environment"), &secret::value));
    out
}

fn depends_on(name: &str, service: &Node) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let named = service
        .get("depends_on")
        .map_or(&[][..], Node::entries)
        .iter();
    let links = texts(service.get("links"));
    let network = service
        .str_at("network_mode")
        .and_then(|mode| mode.strip_prefix("service:"));
    let all = named
        .map(|entry| entry.key.as_str())
        .chain(
            links
                .iter()
                .map(|link| link.split(':').next().unwrap_or(link)),
        )
        .chain(network);
    for other in all {
        if other != name && !other.is_empty() && !out.iter().any(|known| known == other) {
            out.push(other.to_owned());
        }
    }
    out
}

/// `entrypoint` and `command` in one.
fn command(service: &Node) -> Vec<String> {
    let words = |key| {
        let node: Option<&Node> = service.get(key);
        match node.map(|node| &node.value) {
            Some(Value::Text(text)) => shell::words(text),
            _ => texts(node),
        }
    };
    let mut out = words("entrypoint");
    out.extend(words("command"));
    out
}

fn runs_to_its_end(service: &Node, command: &[String]) -> bool {
    let restart = service.str_at("restart");
    let condition = service.at(&["deploy", "restart_policy", "condition"]);
    if condition.and_then(Node::as_str) == Some("none") {
        return true;
    }
    if restart.is_some_and(|restart| restart == "always" || restart == "unless-stopped") {
        return false;
    }
    // `migrate && serve` goes on after it has migrated: the last command decides.
    let last = shell::commands_of(command).pop().unwrap_or_default();
    last.iter().any(|word| {
        let word = word.to_ascii_lowercase();
        word.contains("migrat") || word.ends_with("seed") || word.contains("db:setup")
    }) || (last.first().is_some_and(|word| word == "alembic"))
}

fn health(layers: &[Layer], merged: &Node) -> Option<HealthCheck> {
    let check = merged.get("healthcheck")?;
    if check.get("disable").is_some_and(Node::is_true) {
        return None;
    }
    let test = check.get("test")?;
    let kind = match &test.value {
        Value::Text(text) => script(text)?,
        _ => {
            let words = texts(Some(test));
            match words.split_first()? {
                (first, _) if first == "NONE" => return None,
                (first, rest) if first == "CMD-SHELL" => script(&rest.join(" "))?,
                (first, rest) if first == "CMD" => health::of_words(rest),
                _ => health::of_words(&words),
            }
        }
    };
    let from = layers.iter().rev().find_map(|layer| {
        let entry = layer.node.entry("healthcheck")?;
        entry.value.get("test")?;
        Some(Origin {
            file: layer.file.clone(),
            line: entry.line,
        })
    });
    Some(HealthCheck {
        kind,
        origin: from.unwrap_or_default(),
        timeout_ms: check.str_at("timeout").and_then(health::duration_ms),
    })
}

fn script(text: &str) -> Option<HealthCheckKind> {
    let text = text.trim();
    (text != "NONE" && !text.is_empty()).then(|| health::of_script(text))
}

fn texts(node: Option<&Node>) -> Vec<String> {
    let items = node.map_or(&[][..], Node::one_or_many).iter();
    items.filter_map(Node::as_str).map(str::to_owned).collect()
}

fn map(node: Option<&Node>, value: &dyn Fn(&str, &str) -> String) -> BTreeMap<String, String> {
    let entries = node.map_or(&[][..], Node::entries).iter();
    let pairs = entries.map(|entry| {
        let text = entry.value.as_str().unwrap_or_default();
        (entry.key.clone(), value(&entry.key, text))
    });
    pairs.collect()
}
