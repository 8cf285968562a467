//! `docker`: containers, through the Engine API. Only what reads is ever asked for.

mod engine;
mod logs;
mod story;

use std::time::Duration;

use assay_model::{DockerObserve, Sighting, Source, Timestamp};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;

use self::engine::{Engine, EngineError, encoded};
use self::logs::Demux;
use self::story::{Container, Event, evidence};
use crate::look::{CannotSee, INSTANCES_MAX, Look, Seen, blind};
use crate::tail::LOG_LINES_MAX;

pub(crate) const NAME: &str = "docker";

/// Containers that are read at once.
const AT_ONCE_MAX: usize = 4;

/// How long events are awaited, in ms. An engine whose clock is behind ours waits for the end of
/// the window; by then it has told what it knows.
const EVENTS_MS: u64 = 1_500;

/// Of the events of one look, in bytes: an engine remembers some hundred.
const EVENTS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The containers could not be seen.
#[derive(Debug, Error)]
pub(crate) enum DockerError {
    /// Neither a name nor a label.
    #[error("no container is named")]
    Nameless,
    /// The engine gave no answer.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine has no such container.
    #[error("no container {which}")]
    None { which: String },
    /// An answer has not the shape that the API promises.
    #[error("the answer of the Docker engine about {what} is not understood")]
    Shape {
        what: String,
        #[source]
        source: serde_json::Error,
    },
}

impl CannotSee for DockerError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Nameless => Some("name one, or its labels, in observe.docker".to_owned()),
            Self::Engine(error) => error.hint(),
            Self::None { .. } => Some("`docker ps --all` lists what there is".to_owned()),
            Self::Shape { .. } => None,
        }
    }
}

/// Looks at containers, also at those that have ended.
pub(crate) async fn look(which: &DockerObserve, look: &Look) -> Result<Seen, DockerError> {
    let engine = Engine::find(which.host.as_deref(), look).await?;
    let mut containers = Vec::new();
    for id in ids(&engine, which, look).await? {
        match engine.json(&inspect_path(&id), look).await {
            Ok(inspect) => containers.push(understood(&id, inspect)?),
            // It was removed a moment ago.
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
    }
    if containers.is_empty() {
        return Err(DockerError::None {
            which: name_of(which),
        });
    }
    containers.sort_by_key(|(container, _)| container.created());
    let mut seen = Seen::default();
    let events = match events(&engine, &containers, look).await {
        Ok(events) => events,
        Err(error) => {
            seen.blind.push(blind(NAME, &error));
            Vec::new()
        }
    };
    let mut looks: Vec<BoxFuture<'_, _>> = Vec::new();
    for (container, inspect) in &containers {
        looks.push(sighting(&engine, container, inspect, &events, look).boxed());
    }
    let sightings: Vec<_> = stream::iter(looks).buffered(AT_ONCE_MAX).collect().await;
    for (sighting, no_log) in sightings {
        seen.instances.push(sighting);
        seen.blind.extend(no_log.map(|error| blind(NAME, &error)));
    }
    Ok(seen)
}

fn inspect_path(id: &str) -> String {
    format!("/containers/{}/json", encoded(id))
}

fn understood(id: &str, inspect: Value) -> Result<(Container, Value), DockerError> {
    let container = Container::deserialize(&inspect).map_err(|source| DockerError::Shape {
        what: id.to_owned(),
        source,
    })?;
    Ok((container, inspect))
}

fn name_of(which: &DockerObserve) -> String {
    match &which.container {
        Some(name) => name.clone(),
        None => format!("with {}", which.labels.join(", ")),
    }
}

/// The one that is named, or the latest of those with the labels.
async fn ids(
    engine: &Engine,
    which: &DockerObserve,
    look: &Look,
) -> Result<Vec<String>, DockerError> {
    #[derive(Deserialize)]
    struct Listed {
        #[serde(rename = "Id")]
        id: String,
    }
    if let Some(name) = which.container.as_ref().filter(|name| !name.is_empty()) {
        return Ok(vec![name.trim_start_matches('/').to_owned()]);
    }
    if which.labels.is_empty() {
        return Err(DockerError::Nameless);
    }
    let filters = encoded(&json!({ "label": which.labels }).to_string());
    let path = format!("/containers/json?all=true&limit={INSTANCES_MAX}&filters={filters}");
    let listed = engine.json(&path, look).await?;
    let listed: Vec<Listed> =
        serde_json::from_value(listed).map_err(|source| DockerError::Shape {
            what: name_of(which),
            source,
        })?;
    Ok(listed.into_iter().map(|listed| listed.id).collect())
}

/// What the engine remembers of the containers in the window, oldest first.
async fn events(
    engine: &Engine,
    containers: &[(Container, Value)],
    look: &Look,
) -> Result<Vec<Event>, EngineError> {
    let ids: Vec<&str> = containers.iter().map(|(it, _)| it.id.as_str()).collect();
    let filters = json!({ "type": ["container"], "container": ids }).to_string();
    let path = format!(
        "/events?since={}&until={}&filters={}",
        seconds(look.window.from),
        seconds(look.window.to),
        encoded(&filters)
    );
    let mut bytes = Vec::new();
    let limit = look.left().min(Duration::from_millis(EVENTS_MS));
    engine
        .stream(&path, limit, |chunk| {
            bytes.extend_from_slice(chunk);
            bytes.len() < EVENTS_BYTES_MAX
        })
        .await?;
    // The last one may be torn where the time was over.
    let mut events: Vec<Event> = serde_json::Deserializer::from_slice(&bytes)
        .into_iter::<Event>()
        .map_while(Result::ok)
        .filter(|event| event.tells() && look.holds(event.at()))
        .collect();
    events.sort_by_key(Event::at);
    Ok(events)
}

/// Seconds since 1970 with nine digits after the point.
fn seconds(at: Timestamp) -> String {
    let nanoseconds = at.as_nanosecond().max(0);
    let second = 1_000_000_000;
    format!("{}.{:09}", nanoseconds / second, nanoseconds % second)
}

/// One container, and why its log could not be read.
async fn sighting(
    engine: &Engine,
    container: &Container,
    inspect: &Value,
    events: &[Event],
    look: &Look,
) -> (Sighting, Option<EngineError>) {
    let events: Vec<Event> = events
        .iter()
        .filter(|event| event.is_of(&container.id))
        .cloned()
        .collect();
    let instance = container.observed(&events, look);
    let wanted = container.is_wanted(instance.state);
    let (log, error) = if look.wants_everything() {
        match log(engine, container, look).await {
            Ok(log) => (log, None),
            Err(error) => (None, Some(error)),
        }
    } else {
        (None, None)
    };
    let mut record = format!("{:#}\n", evidence(inspect));
    record.extend(events.iter().map(Event::line));
    let path = inspect_path(container.plain_name());
    let source = Source::Derived {
        what: format!("GET {path} without its environment, and its events"),
    };
    let sighting = Sighting {
        instance,
        wanted,
        log,
        record: Some((source, record.into_bytes())),
    };
    (sighting, error)
}

async fn log(
    engine: &Engine,
    container: &Container,
    look: &Look,
) -> Result<Option<(Source, String)>, EngineError> {
    let query = format!(
        "stdout=true&stderr=true&timestamps=true&since={}&until={}&tail={LOG_LINES_MAX}",
        seconds(look.window.from),
        seconds(look.window.to)
    );
    let path = format!("/containers/{}/logs?{query}", container.id);
    let mut demux = Demux::new(&look.window, container.has_terminal());
    let whole = engine
        .stream(&path, look.left(), |bytes| {
            demux.push(bytes);
            true
        })
        .await?;
    if !whole {
        return Err(engine.timed_out(&path));
    }
    let request = format!("GET /containers/{}/logs?{query}", container.plain_name());
    Ok(demux
        .finish()
        .map(|log| (Source::Exchange { request }, log)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(at: &str, expected: &str) {
        assert_eq!(seconds(at.parse().unwrap()), expected);
    }

    #[test]
    fn moments_in_queries() {
        check("2026-11-23T10:00:00.25Z", "1795428000.250000000");
        check("1969-12-31T23:59:59Z", "0.000000000");
    }
}
