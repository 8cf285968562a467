//! What a bundle's scripts may ask of the process that runs them.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Component, Path};
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, ImmutableString, Map};
use rusqlite::types::Value as Cell;
use serde_json::{Value, json};

use super::Role;
use super::crypto;
use super::hub::Hub;
use super::log::{Level, Log, now_ms};
use super::reply::{Reply, to_json, to_script};
use super::routes::{Route, WEBSOCKET};
use super::settings::Settings;
use super::store::{Row, Store};
use super::tokens::Keys;
use super::upstream::Upstream;

type Answer<T> = Result<T, Box<EvalAltResult>>;

/// Distinct names that can be counted; past that a new name is not counted.
const COUNTERS_MAX: usize = 1_000;
/// A static file, in bytes.
const STATIC_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Everything behind the host API.
pub(crate) struct Host {
    pub(crate) settings: Settings,
    pub(crate) log: Arc<Log>,
    pub(crate) store: Option<Arc<Store>>,
    /// Only where tokens are minted and verified.
    pub(crate) keys: Option<Arc<Keys>>,
    pub(crate) upstream: Upstream,
    pub(crate) hub: Hub,
    counters: Mutex<BTreeMap<String, i64>>,
    /// Declared so far; `None` once the entry script has loaded.
    routes: Mutex<Option<Vec<Route>>>,
}

impl Host {
    pub(crate) fn new(
        settings: Settings,
        log: Arc<Log>,
        store: Option<Arc<Store>>,
        keys: Option<Arc<Keys>>,
        upstream: Upstream,
    ) -> Self {
        Self {
            settings,
            log,
            store,
            keys,
            upstream,
            hub: Hub::default(),
            counters: Mutex::default(),
            routes: Mutex::new(Some(Vec::new())),
        }
    }

    /// The declared routes; from now on none can be added.
    pub(crate) fn take_routes(&self) -> Vec<Route> {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.take().unwrap_or_default()
    }

    fn add_route(&self, method: &str, path: &str, handler: &FnPtr) -> Answer<()> {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(routes) = routes.as_mut() else {
            return Err("routes are declared while the entry loads".into());
        };
        if routes
            .iter()
            .any(|route| route.method == method && route.path == path)
        {
            return Err(format!("route declared twice: {method} {path}").into());
        }
        routes.push(Route {
            method: method.to_owned(),
            path: path.to_owned(),
            handler: handler.fn_name().to_owned(),
        });
        Ok(())
    }

    fn count(&self, name: &str) {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        if counters.len() < COUNTERS_MAX || counters.contains_key(name) {
            *counters.entry(name.to_owned()).or_default() += 1;
        }
    }

    fn counters(&self) -> Map {
        let counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        counters
            .iter()
            .map(|(name, count)| (name.into(), Dynamic::from(*count)))
            .collect()
    }

    fn store(&self) -> Answer<&Store> {
        self.store
            .as_deref()
            .ok_or_else(|| "this service has no store".into())
    }

    /// A file of the bundle's static folder.
    pub(crate) fn static_file(&self, path: &str) -> Option<Vec<u8>> {
        let relative = Path::new(path);
        if !relative
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
        {
            return None;
        }
        let file = self.settings.bundle.join("static").join(relative);
        let size = std::fs::metadata(&file)
            .ok()
            .filter(|meta| meta.is_file())?
            .len();
        if size > STATIC_BYTES_MAX {
            None
        } else {
            std::fs::read(file).ok()
        }
    }
}

/// Gives the scripts of `engine` the host API of `host`.
pub(crate) fn register(engine: &mut Engine, host: &Arc<Host>) {
    register_log(engine, host);
    register_values(engine);
    register_routes(engine, host);
    register_network(engine, host);
    register_bundle(engine, host);
    if host.store.is_some() {
        register_store(engine, host);
    }
    if host.settings.role == Role::Auth
        && let Some(keys) = &host.keys
    {
        register_tokens(engine, keys);
    }
}

fn register_log(engine: &mut Engine, host: &Arc<Host>) {
    let levels = [
        ("log_info", Level::Info),
        ("log_warn", Level::Warn),
        ("log_error", Level::Error),
    ];
    for (name, level) in levels {
        let log = host.log.clone();
        engine.register_fn(name, move |msg: &str| log.write(level, msg, Value::Null));
        let log = host.log.clone();
        engine.register_fn(name, move |msg: &str, fields: Map| {
            log.write(level, msg, to_json(&Dynamic::from(fields)));
        });
    }
    let log = host.log.clone();
    engine.on_print(move |text| log.info(text, Value::Null));
    let log = host.log.clone();
    engine.on_debug(move |text, _, _| log.info(text, json!({"debug": true})));
    let counted = host.clone();
    engine.register_fn("count", move |name: &str| counted.count(name));
    let counted = host.clone();
    engine.register_fn("counters", move || counted.counters());
}

fn register_values(engine: &mut Engine) {
    engine.register_type_with_name::<Reply>("Reply");
    engine.register_fn("reply", |status: i64, body: Dynamic| -> Answer<Reply> {
        Ok(Reply::json(status_code(status)?, &to_json(&body)))
    });
    engine.register_fn("html", |body: &str| Reply::html(body.to_owned()));
    engine.register_fn(
        "refuse",
        |status: i64, error: &str, message: &str| -> Answer<Reply> {
            Ok(Reply::refusal(status_code(status)?, error, message))
        },
    );
    engine.register_fn("json_text", |value: Dynamic| to_json(&value).to_string());
    engine.register_fn("json_parse", |text: &str| -> Answer<Dynamic> {
        serde_json::from_str(text)
            .map(|value: Value| to_script(&value))
            .map_err(fail)
    });
    engine.register_fn("now_ms", now_ms);
    engine.register_fn("uuid", crypto::uuid);
}

fn register_routes(engine: &mut Engine, host: &Arc<Host>) {
    let routed = host.clone();
    engine.register_fn("route", move |method: &str, path: &str, handler: FnPtr| {
        routed.add_route(method, path, &handler)
    });
    let routed = host.clone();
    engine.register_fn("websocket", move |path: &str, handler: FnPtr| {
        routed.add_route(WEBSOCKET, path, &handler)
    });
    let emitting = host.clone();
    engine.register_fn("emit", move |event: Map| -> Answer<()> {
        let user = event
            .get("user")
            .and_then(|user| user.clone().into_string().ok());
        let user = user.ok_or("emit: the event names no user")?;
        emitting
            .hub
            .send(&user, &to_json(&Dynamic::from(event)).to_string());
        Ok(())
    });
}

fn register_network(engine: &mut Engine, host: &Arc<Host>) {
    let asking = host.clone();
    engine.register_fn("http_get", move |url: &str| {
        to_script(&asking.upstream.get(url, None))
    });
    let asking = host.clone();
    engine.register_fn("http_get", move |url: &str, token: &str| {
        to_script(&asking.upstream.get(url, Some(token)))
    });
    let asking = host.clone();
    engine.register_fn("http_post", move |url: &str, body: Dynamic| {
        to_script(&asking.upstream.post(url, &to_json(&body)))
    });
}

fn register_bundle(engine: &mut Engine, host: &Arc<Host>) {
    let settings = host.settings.clone();
    engine.register_fn("env", move |name: &str| -> Answer<String> {
        let value = match name {
            "SERVICE" => Some(settings.service.clone()),
            "REVISION" => Some(settings.revision.clone()),
            "AUTH_URL" => settings.auth_url.clone(),
            "BACKEND_URL" => settings.backend_url.clone(),
            _ => None,
        };
        value.ok_or_else(|| format!("environment variable is not offered: {name}").into())
    });
    let reading = host.clone();
    engine.register_fn("static_text", move |path: &str| -> Answer<String> {
        let bytes = reading
            .static_file(path)
            .ok_or_else(|| format!("no static file: {path}"))?;
        String::from_utf8(bytes).map_err(fail)
    });
}

fn register_store(engine: &mut Engine, host: &Arc<Host>) {
    let stored = host.clone();
    engine.register_fn(
        "db_query",
        move |sql: &str, params: Array| -> Answer<Array> {
            let rows = stored.store()?.query(sql, cells(params)?).map_err(chain)?;
            Ok(rows
                .into_iter()
                .map(|row| Dynamic::from(map(row)))
                .collect())
        },
    );
    let stored = host.clone();
    engine.register_fn(
        "db_execute",
        move |sql: &str, params: Array| -> Answer<i64> {
            let changed = stored
                .store()?
                .execute(sql, cells(params)?)
                .map_err(chain)?;
            Ok(i64::try_from(changed).unwrap_or(i64::MAX))
        },
    );
    let stored = host.clone();
    engine.register_fn("db_batch", move |sql: &str| -> Answer<()> {
        stored.store()?.batch(sql).map_err(chain)
    });
}

fn register_tokens(engine: &mut Engine, keys: &Arc<Keys>) {
    let signing = keys.clone();
    engine.register_fn(
        "jwt_mint",
        move |claims: Map, ttl_s: i64| -> Answer<String> {
            let claims = match to_json(&Dynamic::from(claims)) {
                Value::Object(claims) => claims,
                _ => serde_json::Map::new(),
            };
            signing.mint(claims, ttl_s).map_err(chain)
        },
    );
    let verifying = keys.clone();
    engine.register_fn("jwt_verify", move |token: &str| -> Answer<Dynamic> {
        Ok(match verifying.verify(token).map_err(chain)? {
            Ok(claims) => to_script(&json!({"valid": true, "claims": claims})),
            Err(refused) => to_script(&json!({"valid": false, "reason": refused.word()})),
        })
    });
    let rotating = keys.clone();
    engine.register_fn("keys_rotate", move || -> Answer<String> {
        rotating.rotate().map_err(chain)
    });
    let listing = keys.clone();
    engine.register_fn("keys_list", move || -> Answer<Array> {
        let rows = listing.list().map_err(chain)?;
        Ok(rows
            .into_iter()
            .map(|row| Dynamic::from(map(row)))
            .collect())
    });
    engine.register_fn("password_hash", |password: &str| -> Answer<String> {
        crypto::password_hash(password).map_err(fail)
    });
    engine.register_fn("password_matches", crypto::password_matches);
    engine.register_fn("pkce_challenge", crypto::pkce_challenge);
    engine.register_fn("random_token", crypto::random_token);
}

fn status_code(status: i64) -> Answer<u16> {
    u16::try_from(status)
        .ok()
        .filter(|status| (200..600).contains(status))
        .ok_or_else(|| format!("not an HTTP status: {status}").into())
}

fn cells(params: Array) -> Answer<Vec<Cell>> {
    params.into_iter().map(cell).collect()
}

fn cell(value: Dynamic) -> Answer<Cell> {
    if value.is_unit() {
        Ok(Cell::Null)
    } else if let Ok(number) = value.as_int() {
        Ok(Cell::Integer(number))
    } else if let Ok(number) = value.as_float() {
        Ok(Cell::Real(number))
    } else if let Ok(truth) = value.as_bool() {
        Ok(Cell::Integer(i64::from(truth)))
    } else {
        let kind = value.type_name();
        value
            .try_cast::<ImmutableString>()
            .map(|text| Cell::Text(text.into_owned()))
            .ok_or_else(|| format!("not a store value: {kind}").into())
    }
}

fn map(row: Row) -> Map {
    row.into_iter()
        .map(|(name, cell)| {
            let value = match cell {
                Cell::Null | Cell::Blob(_) => Dynamic::UNIT,
                Cell::Integer(number) => Dynamic::from(number),
                Cell::Real(number) => Dynamic::from(number),
                Cell::Text(text) => Dynamic::from(text),
            };
            (name.into(), value)
        })
        .collect()
}

fn fail(error: impl Display) -> Box<EvalAltResult> {
    error.to_string().into()
}

/// The whole chain of an error, since a script cannot ask for its source.
fn chain(error: impl std::error::Error) -> Box<EvalAltResult> {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text.into()
}
