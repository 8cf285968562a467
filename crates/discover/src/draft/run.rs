//! How a thing is started here, and where it can be watched.

use std::collections::BTreeMap;

use super::home::Home;
use super::join::Thing;
use super::names::{folder_of, is_variable};
use super::types::{DraftDeploy, DraftObserve, Guess, Sureness};
use crate::clue::{Platform, Unit};
use crate::paths;

/// Labels that name a workload, the usual ones first.
const NAMING_LABELS: [&str; 5] = [
    "app",
    "app.kubernetes.io/name",
    "app.kubernetes.io/component",
    "k8s-app",
    "name",
];

/// How something is started that only a Procfile knows, where its line is plain words.
/// `urls` are variables that take the address of another service, and that service.
pub(crate) fn deploy(
    thing: &Thing<'_>,
    home: &Home<'_>,
    urls: &[(String, String)],
) -> Option<Guess<DraftDeploy>> {
    let [unit] = thing.started()[..] else {
        return None;
    };
    if unit.platform != Platform::Procfile {
        return None;
    }
    let words = words_in(unit, home)?;
    let words: Option<Vec<String>> = words.iter().map(|word| plain_word(word)).collect();
    let command = words.filter(|words| is_program(words.first()))?;
    let own = unit.env.iter().filter(|(name, _)| is_variable(name));
    let own = own.filter(|(_, value)| plain_word(value).as_deref() == Some(value));
    let mut env: BTreeMap<String, String> = own
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    env.insert("PORT".to_owned(), "{port}".to_owned());
    let mut deploy = Guess::certain((), &unit.origin, "its line");
    for (variable, service) in urls.iter().filter(|(name, _)| is_variable(name)) {
        env.insert(variable.clone(), format!("{{service.{service}.url}}"));
        deploy.sureness = Sureness::Likely;
        deploy
            .why
            .push_str(&format!(", {variable} names {service}"));
    }
    Some(deploy.map(DraftDeploy { command, env }))
}

/// The words of a line as they are run in the first folder of its source, which is what is
/// bundled and started.
fn words_in(unit: &Unit, home: &Home<'_>) -> Option<Vec<String>> {
    let folder = folder_of(&unit.origin.file);
    let bundled = home.folders().first().map_or(folder, String::as_str);
    if bundled == folder {
        return Some(unit.command.clone());
    }
    if let [cd, into, and, rest @ ..] = &unit.command[..]
        && (cd.as_str(), and.as_str()) == ("cd", "&&")
        && paths::join(folder, into).as_deref() == Some(bundled)
    {
        return Some(rest.to_vec());
    }
    let inside = |word: &String| {
        let path = paths::join(folder, word)?;
        let rest = path.strip_prefix(bundled)?.strip_prefix('/')?;
        home.files.contains(&path).then(|| rest.to_owned())
    };
    let words = unit.command.iter();
    let words: Vec<String> = words
        .map(|word| inside(word).unwrap_or_else(|| word.clone()))
        .collect();
    // Otherwise an option names the folder, and would be wrong inside of it.
    (words != unit.command).then_some(words)
}

fn is_program(word: Option<&String>) -> bool {
    const BUILTINS: [&str; 4] = ["cd", "export", "source", "."];
    word.is_some_and(|word| !word.contains('=') && !BUILTINS.contains(&word.as_str()))
}

/// A word without anything that only a shell understands, `$PORT` replaced.
fn plain_word(word: &str) -> Option<String> {
    let mut plain = String::new();
    let mut rest = word;
    while let Some(at) = rest
        .find("$PORT")
        .into_iter()
        .chain(rest.find("${PORT"))
        .min()
    {
        plain.push_str(checked(&rest[..at])?);
        plain.push_str("{port}");
        let after = &rest[at..];
        rest = match after.strip_prefix("${PORT") {
            Some(after) if after.starts_with(['}', ':', '-']) => after.split_once('}')?.1,
            Some(_) => return None,
            None => &after["$PORT".len()..],
        };
        if rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
            return None;
        }
    }
    plain.push_str(checked(rest)?);
    // The configuration would take such a word from the environment.
    let is_reference = plain.starts_with("env:");
    (!plain.is_empty() && !is_reference).then_some(plain)
}

fn checked(text: &str) -> Option<&str> {
    let is_shell = |c: char| "|&;<>()$`*?{}~#!\\\"'".contains(c) || c.is_control();
    (!text.contains(is_shell)).then_some(text)
}

/// Where a thing can be watched, by whoever runs it first.
pub(crate) fn observe(thing: &Thing<'_>) -> Option<Guess<DraftObserve>> {
    thing.units.iter().find_map(|unit| match unit.platform {
        Platform::Compose => Some(container(unit)),
        Platform::Kubernetes => pods(unit),
        Platform::Procfile | Platform::Dotnet | Platform::Dockerfile => None,
    })
}

fn container(unit: &Unit) -> Guess<DraftObserve> {
    let is_name = |name: &&String| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        !name.is_empty() && name.chars().all(is_part)
    };
    match unit.container_name.as_ref().filter(is_name) {
        Some(name) => Guess::certain(
            DraftObserve::Container(name.clone()),
            &unit.origin,
            "its container_name",
        ),
        None => {
            let label = format!("com.docker.compose.service={}", unit.name);
            let why = "the label that compose sets";
            Guess::certain(
                DraftObserve::ContainerLabels(vec![label]),
                &unit.origin,
                why,
            )
        }
    }
}

fn pods(unit: &Unit) -> Option<Guess<DraftObserve>> {
    // Anything else is no label of a cluster, whatever the file says.
    let is_name = |text: &str| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/');
        !text.is_empty() && text.chars().all(is_part)
    };
    let mut labels = unit.labels.iter();
    let usual = NAMING_LABELS
        .iter()
        .find_map(|key| unit.labels.get_key_value(*key))
        .filter(|(_, value)| is_name(value));
    let (key, value) =
        usual.or_else(|| labels.find(|(key, value)| is_name(key) && is_name(value)))?;
    let observe = DraftObserve::Kubernetes {
        selector: format!("{key}={value}"),
        namespace: unit.namespace.clone().filter(|name| is_name(name)),
    };
    Some(Guess::certain(
        observe,
        &unit.origin,
        "the labels of its pods",
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(word: &str, expected: Option<&str>) {
        assert_eq!(plain_word(word).as_deref(), expected, "{word}");
    }

    #[test]
    fn words_are_plain_or_of_a_shell() {
        check("gunicorn", Some("gunicorn"));
        check("$PORT", Some("{port}"));
        check("0.0.0.0:$PORT", Some("0.0.0.0:{port}"));
        check("${PORT}", Some("{port}"));
        check("${PORT:-5000}", Some("{port}"));
        check("--bind=:$PORT/", Some("--bind=:{port}/"));
        check("$PORTAL", None);
        check("${PORTAL}", None);
        check("$HOME", None);
        check("a|b", None);
        check("&&", None);
        check("{x}", None);
        check("$(date)", None);
        check("", None);
        check("${PORT", None);
        check("env:HOME", None);
    }

    proptest! {
        #[test]
        fn only_our_own_braces_are_left(word in "[a-z$PORT{}:|-]{0,12}") {
            if let Some(plain) = plain_word(&word) {
                let without = plain.replace("{port}", "");
                prop_assert!(!without.contains(['{', '}', '$', '|']), "{plain}");
            }
        }
    }
}
