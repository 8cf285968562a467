//! What variables say of stores: how to log in, and stores that only a variable names.

use super::hosts::{Mention, mentions};
use super::names::fit;
use super::place::Address;
use super::probe;
use super::stores::{Store, of_scheme};
use super::types::{Draft, DraftDependency, Guess, Sureness};
use crate::clue::{Clues, Unit};
use crate::secret;

/// Who logs in to a store, and to which of its databases. Never with which password.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Login {
    user: Option<String>,
    database: Option<String>,
}

impl Login {
    /// By the store's own variables, else by the addresses of it that others use.
    pub(crate) fn of(store: &Store, units: &[&Unit], led_here: &[(String, Mention)]) -> Self {
        let (users, databases): (&[&str], &[&str]) = match store.kind.as_str() {
            "postgres" => (
                &["POSTGRES_USER", "POSTGRESQL_USERNAME", "PGUSER"],
                &["POSTGRES_DB", "POSTGRESQL_DATABASE", "PGDATABASE"],
            ),
            "mysql" | "mariadb" => (
                &["MYSQL_USER", "MARIADB_USER"],
                &["MYSQL_DATABASE", "MARIADB_DATABASE"],
            ),
            "clickhouse" => (&["CLICKHOUSE_USER"], &["CLICKHOUSE_DB"]),
            // Elsewhere the first part of an address may itself be the secret.
            _ => return Self::default(),
        };
        let own = |names: &[&str]| {
            let mut values = units.iter().flat_map(|unit| {
                let env = &unit.env;
                names.iter().filter_map(|name| env.get(*name).cloned())
            });
            values.find(|value| is_plain(value))
        };
        let told = |part: fn(&Mention) -> Option<&str>| {
            let mut values = led_here.iter().filter_map(|(_, mention)| {
                let scheme = mention.scheme.as_deref()?;
                of_scheme(scheme)
                    .and(part(mention))
                    .filter(|part| is_plain(part))
            });
            values.next().map(str::to_owned)
        };
        let usual = (store.kind == "postgres").then(|| "postgres".to_owned());
        let user = own(users).or_else(|| told(|mention| mention.user.as_deref()));
        let database = own(databases).or_else(|| told(|mention| Some(&mention.path)));
        Self {
            user: user.or(usual),
            database,
        }
    }

    /// The address with them, and without a password.
    pub(crate) fn url(&self, address: &Address) -> String {
        let base = address.url();
        let is_web = matches!(address.scheme, "http" | "https");
        let Some((scheme, rest)) = base.split_once("://").filter(|_| !is_web) else {
            return base;
        };
        let user = self.user.as_ref().map(|user| format!("{user}@"));
        let database = self.database.as_ref().map(|name| format!("/{name}"));
        let (user, database) = (user.unwrap_or_default(), database.unwrap_or_default());
        format!("{scheme}://{user}{rest}{database}")
    }
}

/// Whether a name may stand in a URL as it is.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// Whether anything says that a store wants a password.
pub(crate) fn asks_for_password(
    store: &Store,
    units: &[&Unit],
    led_here: &[(String, Mention)],
) -> Option<()> {
    let trusts = units.iter().any(|unit| {
        let method = unit.env.get("POSTGRES_HOST_AUTH_METHOD");
        method.is_some_and(|method| method == "trust")
    });
    let has_password = |unit: &&Unit| {
        let named = |name: &String| {
            let name = name.to_ascii_uppercase();
            name.contains("PASSWORD") && !name.contains("ALLOW_EMPTY")
        };
        let option = |word: &String| word == "--requirepass" || word.starts_with("--requirepass=");
        unit.env.keys().any(named) || unit.command.iter().any(option)
    };
    let told = led_here.iter().any(|(_, mention)| {
        let scheme = mention.scheme.as_deref();
        mention.has_password
            && scheme.is_some_and(|scheme| store.schemes.iter().any(|own| own == scheme))
    });
    let asks = !trusts && (units.iter().any(has_password) || told);
    asks.then_some(())
}

/// The variable that holds the URL of a store, by what others use, else by custom.
pub(crate) fn variable(store: &Store, led_here: &[(String, Mention)]) -> String {
    let used = led_here.iter().find(|(_, mention)| {
        let scheme = mention.scheme.as_deref();
        scheme.is_some_and(|scheme| store.schemes.iter().any(|own| own == scheme))
    });
    match (used, store.url_in.first()) {
        (Some((name, _)), _) => name.clone(),
        (None, Some(usual)) => usual.clone(),
        (None, None) => format!(
            "{}_URL",
            fit(&store.kind).to_ascii_uppercase().replace('-', "_")
        ),
    }
}

/// Adds stores that only a variable names, and that are on this machine.
pub(crate) fn add(draft: &mut Draft, clues: &Clues) {
    for variable in &clues.variables {
        for mention in mentions(&variable.name, &variable.example) {
            let store = mention.scheme.as_deref().and_then(of_scheme);
            let Some(store) = store.filter(|_| is_here(&mention.host)) else {
                continue;
            };
            let is_known = draft
                .dependencies
                .iter()
                .any(|own| own.kind.value == store.kind);
            let name = store.kind.clone();
            let is_taken = draft.services.iter().any(|service| service.name == name);
            if is_known || is_taken {
                continue;
            }
            draft
                .dependencies
                .push(only_named(store, &mention, variable));
        }
    }
}

fn is_here(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1")
}

fn only_named(
    store: &'static Store,
    mention: &Mention,
    variable: &crate::clue::Variable,
) -> DraftDependency {
    let (target, scheme) = (store.ports[0].0, store.ports[0].1.as_str());
    let address = Address {
        scheme,
        host: "127.0.0.1".to_owned(),
        port: mention.port.filter(|port| *port != 0).unwrap_or(target),
        target,
    };
    let led_here = [(variable.name.clone(), mention.clone())];
    let login = Login::of(store, &[], &led_here);
    let url = login.url(&address);
    let asks = mention.has_password || secret::smells(&variable.name);
    let origin = &variable.origin;
    let kind = Guess::likely(store, origin, format!("the example of {}", variable.name));
    DraftDependency {
        name: store.kind.clone(),
        origin: origin.clone(),
        disabled: None,
        unasked: None,
        url: Some(kind.map(url)),
        url_variable: asks.then(|| variable.name.clone()),
        probe: Some(probe::of_store(&kind, scheme)),
        observe: None,
        remarks: vec![format!(
            "Only {} tells of it; which services use it is not known.",
            variable.name
        )],
        kind: Guess {
            value: store.kind.clone(),
            sureness: Sureness::Likely,
            ..kind.map(String::new())
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clue::{Origin, Variable};

    fn check(name: &str, example: &str, expected: Option<&str>) {
        let clues = Clues {
            variables: vec![Variable {
                origin: Origin::default(),
                name: name.to_owned(),
                example: example.to_owned(),
            }],
            ..Clues::default()
        };
        let mut draft = Draft::default();
        add(&mut draft, &clues);
        let url = draft.dependencies.first().and_then(|own| own.url.as_ref());
        assert_eq!(url.map(|url| url.value.as_str()), expected, "{example}");
    }

    #[test]
    fn stores_on_this_machine_are_drafted_without_passwords() {
        check(
            "DATABASE_URL",
            "postgres://shop:hush@localhost/orders",
            Some("postgres://shop@127.0.0.1:5432/orders"),
        );
        check(
            "REDIS_URL",
            "redis://hush@127.0.0.1:6380/0",
            Some("redis://127.0.0.1:6380"),
        );
        check("DATABASE_URL", "postgres://u@db.example.com/x", None);
        check("API_URL", "http://localhost:8000", None);
        check("X", "", None);
    }
}
