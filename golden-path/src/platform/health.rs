//! `/health`: what a service says about itself and about what it depends on.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value, json};

use super::host::Host;
use super::reply::Reply;

/// A store that answers more slowly than this makes its service degraded, in milliseconds.
const DEGRADED_MS: u64 = 800;

/// Asks the store and, by their `/live`, the services next to this one; never their `/health`,
/// which would ask back.
pub(crate) async fn report(host: &Arc<Host>) -> Reply {
    let upstreams = host.settings.upstreams();
    let asked = futures_util::future::join_all(upstreams.iter().map(|(name, url)| async move {
        let start = Instant::now();
        let status = if host.upstream.lives(url).await {
            "healthy"
        } else {
            "unavailable"
        };
        (
            (*name).to_owned(),
            json!({"status": status, "latency_ms": ms_since(start)}),
        )
    }));
    let (database, services) = tokio::join!(database(host), asked);
    let mut dependencies = Map::new();
    let mut status = "healthy";
    if let Some((word, latency_ms)) = database {
        status = word;
        let seen = json!({"status": word, "latency_ms": latency_ms});
        dependencies.insert("database".to_owned(), seen);
    }
    dependencies.extend(services);
    let settings = &host.settings;
    let body = json!({
        "status": status,
        "service": settings.service,
        "version": env!("CARGO_PKG_VERSION"),
        "revision": settings.revision,
        "dependencies": Value::Object(dependencies),
    });
    Reply::json(if status == "unavailable" { 503 } else { 200 }, &body)
}

/// How the store is and how long it took to say so; `None` where there is no store.
async fn database(host: &Arc<Host>) -> Option<(&'static str, u64)> {
    let store = host.store.clone()?;
    let start = Instant::now();
    let asked = tokio::task::spawn_blocking(move || store.query("SELECT 1", Vec::new())).await;
    let latency_ms = ms_since(start);
    let answered = matches!(asked, Ok(Ok(_)));
    let word = match answered {
        false => "unavailable",
        true if latency_ms > DEGRADED_MS => "degraded",
        true => "healthy",
    };
    Some((word, latency_ms))
}

fn ms_since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}
