//! Cargo.toml.

use toml::Table;

use super::found::{Beside, Found, owned};

/// Web frameworks and clients of stores and queues.
pub(super) const NOTABLE: &[&str] = &[
    "actix-web",
    "async-nats",
    "axum",
    "clickhouse",
    "deadpool-postgres",
    "diesel",
    "elasticsearch",
    "fred",
    "hyper",
    "klickhouse",
    "lapin",
    "mongodb",
    "mysql",
    "mysql_async",
    "poem",
    "postgres",
    "rdkafka",
    "redis",
    "rocket",
    "rusqlite",
    "salvo",
    "sea-orm",
    "sqlx",
    "tide",
    "tokio-postgres",
    "tokio-tungstenite",
    "tonic",
    "tonic-health",
    "warp",
];

pub(super) fn read(text: &str, beside: &Beside<'_>) -> Option<Found> {
    let manifest: Table = text.parse().ok()?;
    let package = manifest.get("package")?.as_table()?;
    let bins = manifest
        .get("bin")
        .and_then(|bins| bins.as_array())
        .is_some_and(|b| !b.is_empty());
    let mut dependencies = names(&manifest);
    let targets = manifest.get("target").and_then(|target| target.as_table());
    for target in targets
        .into_iter()
        .flatten()
        .filter_map(|(_, target)| target.as_table())
    {
        dependencies.extend(names(target));
    }
    Some(Found {
        name: owned(package.get("name").and_then(|name| name.as_str())),
        language: "rust",
        runs: bins
            || package.contains_key("default-run")
            || beside.has_any(&["src/main.rs", "src/bin"]),
        dependencies: dependencies.into_iter().collect(),
    })
}

/// Names of dependencies, the real ones where they are renamed.
fn names(table: &Table) -> Vec<String> {
    let dependencies = table.get("dependencies").and_then(|all| all.as_table());
    dependencies
        .into_iter()
        .flatten()
        .map(|(key, value)| {
            let renamed = value.get("package").and_then(|name| name.as_str());
            renamed.unwrap_or(key).to_owned()
        })
        .collect()
}
