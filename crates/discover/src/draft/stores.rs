//! Backing stores: how they are told from services, and how they are asked.

use std::sync::LazyLock;

use super::hosts::Mention;
use super::join::Thing;
use super::names::{image_name, normal};
use super::types::{Guess, Sureness};
use crate::clue::{Clues, Dockerfile, Platform, Unit};

/// How a store shows that it is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Postgres,
    Redis,
    ClickHouse,
    /// A path of its HTTP interface.
    Http(String),
    Tcp,
}

/// One kind of store, as `stores.toml` describes it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Store {
    /// The word that names it.
    pub(crate) kind: String,
    /// Names of images: the last part of the path, or the last two.
    pub(crate) images: Vec<String>,
    /// Ports inside and what is spoken there, the preferred one first.
    pub(crate) ports: Vec<(u16, String)>,
    pub(crate) ask: Ask,
    /// Schemes of URLs that lead to one.
    pub(crate) schemes: Vec<String>,
    /// Variables that usually hold its URL.
    pub(crate) url_in: Vec<String>,
}

/// Words in the name of an image that do not change what it is.
const HARMLESS: [&str; 30] = [
    "alpine",
    "base",
    "bitnami",
    "cluster",
    "community",
    "container",
    "custom",
    "db",
    "dev",
    "docker",
    "enterprise",
    "ha",
    "image",
    "kraft",
    "leader",
    "local",
    "master",
    "node",
    "official",
    "oss",
    "primary",
    "prod",
    "replica",
    "server",
    "single",
    "slave",
    "stack",
    "standalone",
    "service",
    "test",
];

/// Every store that is known, in the order of their names.
static STORES: LazyLock<Vec<Store>> = LazyLock::new(|| {
    let table: toml::Table = include_str!("stores.toml")
        .parse()
        .expect("the table of stores is TOML, as a test sees");
    let stores = table.iter().map(|(kind, entry)| read(kind, entry));
    stores
        .collect::<Option<_>>()
        .expect("every store is complete, as a test sees")
});

fn read(kind: &str, entry: &toml::Value) -> Option<Store> {
    let texts = |key: &str| -> Option<Vec<String>> {
        let items = entry.get(key).map_or(&[][..], |array| {
            array.as_array().map_or(&[][..], Vec::as_slice)
        });
        items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect()
    };
    let ports = entry.get("ports")?.as_array()?.iter().map(|pair| {
        let number = u16::try_from(pair.get(0)?.as_integer()?).ok()?;
        Some((number, pair.get(1)?.as_str()?.to_owned()))
    });
    let ports: Vec<(u16, String)> = ports.collect::<Option<_>>()?;
    let ask = match entry.get("ask")?.as_str()? {
        "postgres" => Ask::Postgres,
        "redis" => Ask::Redis,
        "clickhouse" => Ask::ClickHouse,
        "tcp" => Ask::Tcp,
        path if path.starts_with('/') => Ask::Http(path.to_owned()),
        _ => return None,
    };
    (!ports.is_empty()).then_some(Store {
        kind: kind.to_owned(),
        images: texts("images")?,
        ports,
        ask,
        schemes: texts("schemes")?,
        url_in: texts("url_in")?,
    })
}

/// The store that an image is, where it is one.
pub(crate) fn of_image(image: &str) -> Option<&'static Store> {
    let (name, two) = image_name(image)?;
    let exact = STORES
        .iter()
        .find(|store| store.images.contains(&two) || store.images.contains(&name));
    exact.or_else(|| {
        STORES
            .iter()
            .find(|store| store.images.iter().any(|own| is_variant(&name, own)))
    })
}

/// Whether `name` is `own` with harmless words around it: `redis-ha`, `custom-postgres`.
fn is_variant(name: &str, own: &str) -> bool {
    let is_harmless = |words: &str| {
        words
            .split(['-', '_', '.'])
            .filter(|word| !word.is_empty())
            .all(|word| HARMLESS.contains(&word) || word.chars().all(|c| c.is_ascii_digit()))
    };
    name.match_indices(own).any(|(at, _)| {
        let (before, after) = (&name[..at], &name[at + own.len()..]);
        let starts = before.is_empty() || before.ends_with(['-', '_', '.']);
        let ends = after.is_empty() || after.starts_with(['-', '_', '.']) || is_number(after);
        starts && ends && is_harmless(before) && is_harmless(after)
    })
}

fn is_number(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit())
}

/// The store that URLs with this scheme lead to.
pub(crate) fn of_scheme(scheme: &str) -> Option<&'static Store> {
    STORES
        .iter()
        .find(|store| store.schemes.iter().any(|own| own == scheme))
}

/// What kind of store a thing is. `led_here` are the addresses in other things' variables that
/// lead to it.
pub(crate) fn tell(
    thing: &Thing<'_>,
    clues: &Clues,
    led_here: &[Mention],
) -> Option<Guess<&'static Store>> {
    for unit in &thing.units {
        let image = unit.image.as_deref().filter(|_| unit.build.is_none());
        if let Some(store) = image.and_then(of_image) {
            return Some(Guess::certain(store, &unit.origin, "its image"));
        }
        let Some(dockerfile) = dockerfile(unit, clues) else {
            continue;
        };
        let from = dockerfile.from.as_deref();
        if let Some(store) = from.and_then(of_image) {
            let why = "the image it is built from";
            return Some(Guess::likely(store, &dockerfile.origin, why));
        }
        if from.and_then(image_name).is_some() {
            return None;
        }
    }
    let lead = thing.units.first()?;
    let by_scheme = led_here
        .iter()
        .find_map(|mention| of_scheme(mention.scheme.as_deref()?));
    if let Some(store) = by_scheme {
        let why = "addresses of it in variables";
        return Some(Guess::new(store, Some(&lead.origin), Sureness::Likely, why));
    }
    by_name(thing).or_else(|| by_variables(lead))
}

/// An image of somebody's own that is set up like that of a store.
fn by_variables(unit: &Unit) -> Option<Guess<&'static Store>> {
    /// Variables that nobody but the image of the store itself reads.
    const OWN: [(&str, &str); 6] = [
        ("MYSQL_ROOT_PASSWORD", "mysql"),
        ("MYSQL_ALLOW_EMPTY_PASSWORD", "mysql"),
        ("MARIADB_ROOT_PASSWORD", "mariadb"),
        ("POSTGRES_HOST_AUTH_METHOD", "postgres"),
        ("POSTGRES_INITDB_ARGS", "postgres"),
        ("MONGO_INITDB_ROOT_USERNAME", "mongo"),
    ];
    let (name, image) = OWN.iter().find(|(name, _)| unit.env.contains_key(*name))?;
    let words = normal(&unit.name);
    let is_called_so = words
        .split('-')
        .any(|word| matches!(word, "db" | "database"));
    let store = of_image(image).filter(|_| is_called_so)?;
    let why = format!("its name and {name}");
    Some(Guess::new(store, Some(&unit.origin), Sureness::Likely, why))
}

fn dockerfile<'c>(unit: &Unit, clues: &'c Clues) -> Option<&'c Dockerfile> {
    let build = unit.build.as_ref()?;
    let mut files = clues.dockerfiles.iter();
    files.find(|file| file.origin.file == build.dockerfile)
}

/// A thing that is called like a store, and has its port or an image that cannot be told.
fn by_name(thing: &Thing<'_>) -> Option<Guess<&'static Store>> {
    let unit = thing.lead();
    let name = normal(&thing.name);
    let is_untold = match (&unit.build, &unit.image) {
        // Otherwise its base has told already, or nothing is known of it.
        (Some(_), _) => true,
        (None, image) => image.as_deref().and_then(image_name).is_none(),
    };
    let has_port = |store: &Store| {
        let mut ports = unit.ports.iter();
        ports.any(|port| port.target == store.ports[0].0)
    };
    // A line of a Procfile says what it runs.
    let runs = |store: &Store| {
        let program = unit.command.first().map(String::as_str).unwrap_or_default();
        unit.platform != Platform::Procfile
            || store.images.iter().any(|image| program.starts_with(image))
    };
    let exact = of_image(&name).filter(|store| runs(store));
    if let Some(store) = exact.filter(|store| is_untold || has_port(store)) {
        let both = has_port(store);
        let (sureness, why) = match both {
            true => (Sureness::Likely, "its name and its port"),
            false => (Sureness::Guess, "its name"),
        };
        return Some(Guess::new(store, Some(&unit.origin), sureness, why));
    }
    let word = name.split('-').find_map(of_image);
    let store = word.filter(|store| is_untold && unit.build.is_none() && has_port(store))?;
    let why = "a word of its name and its port";
    Some(Guess::new(store, Some(&unit.origin), Sureness::Guess, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(image: &str, expected: Option<&str>) {
        assert_eq!(
            of_image(image).map(|store| store.kind.as_str()),
            expected,
            "{image}"
        );
    }

    #[test]
    fn images_of_stores_are_known() {
        check("postgres", Some("postgres"));
        check("postgres:15-alpine", Some("postgres"));
        check("docker.io/library/postgres@sha256:00", Some("postgres"));
        check("bitnami/postgresql:15", Some("postgres"));
        check("registry.example.com:5000/infra/redis-ha:7", Some("redis"));
        check("timescale/timescaledb-ha:pg15", Some("postgres"));
        check("supabase/postgres:15", Some("postgres"));
        check("pgvector/pgvector:pg16", Some("postgres"));
        check("yandex/clickhouse-server", Some("clickhouse"));
        check("confluentinc/cp-kafka:7.5", Some("kafka"));
        check("redpandadata/redpanda", Some("kafka"));
        check("valkey/valkey:8", Some("redis"));
        check("docker.dragonflydb.io/dragonflydb/dragonfly", Some("redis"));
        check("jaegertracing/all-in-one:1", Some("jaeger"));
        check("mcr.microsoft.com/mssql/server:2022-latest", Some("mssql"));
        check(
            "otel/opentelemetry-collector-contrib",
            Some("otel-collector"),
        );
        check("scylladb/scylla", Some("cassandra"));
        check("myorg/postgres15", Some("postgres"));
    }

    #[test]
    fn companions_of_stores_are_no_stores() {
        check("prometheuscommunity/postgres-exporter", None);
        check("rediscommander/redis-commander", None);
        check("dpage/pgadmin4", None);
        check("myapp-redis-worker", None);
        check("mongo-express", None);
        check("redis/redisinsight", None);
        check("kafka-ui", None);
        check("provectuslabs/kafka-ui", None);
        check("bitnami/kafka-exporter", None);
        check("nginx", None);
        check("$IMAGE", None);
        check("", None);
        check("all-in-one", None);
    }

    #[test]
    fn schemes_lead_to_stores() {
        for (scheme, expected) in [
            ("postgresql", Some("postgres")),
            ("rediss", Some("redis")),
            ("amqp", Some("rabbitmq")),
            ("http", None),
        ] {
            assert_eq!(
                of_scheme(scheme).map(|store| store.kind.as_str()),
                expected,
                "{scheme}"
            );
        }
    }
}
