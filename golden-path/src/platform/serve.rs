//! HTTP: from a request to the handler that the bundle declared for it, and back.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, to_bytes};
use axum::extract::FromRequestParts;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::{Map, Value, json};

use super::health;
use super::reply::Reply;
use super::routes::{Match, Route, WEBSOCKET, find};
use super::service::{Service, unhandled};
use super::socket;

/// A request's body, in bytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// A WebSocket message, in bytes.
const FRAME_BYTES_MAX: usize = 64 * 1024;

/// Answers one request and logs it when it fails.
pub(crate) async fn handle(
    State(service): State<Arc<Service>>,
    request: Request<Body>,
) -> Response<Body> {
    let start = Instant::now();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let mut response = answer(&service, request).await;
    let status = response.status();
    if status.is_server_error() {
        let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let message = format!("request failed: {method} {path}: {}", status.as_u16());
        service.host.log.error(
            &message,
            json!({"method": method.as_str(), "path": path, "status": status.as_u16(), "ms": ms}),
        );
    }
    // The page lives on another origin; access is by bearer token, never by cookie.
    let headers = response.headers_mut();
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    if method == Method::OPTIONS {
        let allow = [
            (
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                "authorization, content-type",
            ),
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        ];
        for (name, value) in allow {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

async fn answer(service: &Arc<Service>, request: Request<Body>) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    if parts.method == Method::OPTIONS {
        let mut empty = Response::new(Body::empty());
        *empty.status_mut() = StatusCode::NO_CONTENT;
        return empty;
    }
    if parts.method == Method::GET {
        match path.as_str() {
            "/live" => return Reply::json(200, &json!({"status": "live"})).into_response(),
            "/health" => return health::report(&service.host).await.into_response(),
            _ => {}
        }
        if let Some(file) = path.strip_prefix("/static/")
            && let Some(found) = static_file(service, file).await
        {
            return found;
        }
    }
    let method = if is_upgrade(&parts.headers) {
        WEBSOCKET
    } else {
        parts.method.as_str()
    };
    let (route, params) = match find(&service.routes, method, &path) {
        Match::Found(route, params) => (route.clone(), params),
        Match::WrongMethod => {
            return Reply::refusal(405, "method_not_allowed", &path).into_response();
        }
        Match::Unknown => return Reply::refusal(404, "not_found", &path).into_response(),
    };
    let described = describe(&parts, params);
    if route.method == WEBSOCKET {
        return upgrade(service, &mut parts, route, described).await;
    }
    match with_body(described, &parts.headers, body).await {
        Ok(argument) => run(service, &route, argument).await.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn run(service: &Service, route: &Route, argument: Value) -> Reply {
    match service.call(&route.handler, argument).await {
        Ok(value) => Reply::from_script(value),
        Err(failure) => match failure.refusal {
            Some(refusal) => refusal,
            None => {
                unhandled(&service.host, &failure, &route.method, &route.path);
                Reply::refusal(500, "internal", "unhandled error")
            }
        },
    }
}

async fn upgrade(
    service: &Arc<Service>,
    parts: &mut Parts,
    route: Route,
    described: Value,
) -> Response<Body> {
    match WebSocketUpgrade::from_request_parts(parts, &()).await {
        Ok(upgrade) => {
            let service = service.clone();
            upgrade
                .max_message_size(FRAME_BYTES_MAX)
                .on_upgrade(move |socket| socket::serve(service, socket, route, described))
        }
        Err(_) => Reply::refusal(400, "bad_upgrade", "not a WebSocket handshake").into_response(),
    }
}

async fn static_file(service: &Arc<Service>, file: &str) -> Option<Response<Body>> {
    let host = service.host.clone();
    let name = file.to_owned();
    let bytes = tokio::task::spawn_blocking(move || host.static_file(&name))
        .await
        .ok()??;
    let content_type = match file.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let mut response = Response::new(Body::from(bytes));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    Some(response)
}

fn is_upgrade(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::UPGRADE)
        .and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

/// `{method, path, params, query, headers}`, as scripts see a request.
fn describe(parts: &Parts, params: Vec<(String, String)>) -> Value {
    let text = |pairs: Vec<(String, String)>| {
        Value::Object(
            pairs
                .into_iter()
                .map(|(name, value)| (name, json!(value)))
                .collect(),
        )
    };
    let headers = parts
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect();
    json!({
        "method": parts.method.as_str(),
        "path": parts.uri.path(),
        "params": text(params),
        "query": text(pairs(parts.uri.query().unwrap_or_default())),
        "headers": text(headers),
        "body": {},
    })
}

/// Adds the body: a JSON object, or a form, as OAuth clients send it.
async fn with_body(mut described: Value, headers: &HeaderMap, body: Body) -> Result<Value, Reply> {
    let Ok(bytes) = to_bytes(body, BODY_BYTES_MAX).await else {
        return Err(Reply::refusal(413, "too_large", "the body is too large"));
    };
    if bytes.is_empty() {
        return Ok(described);
    }
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let form = content_type.is_some_and(|kind| kind.starts_with("application/x-www-form"));
    let parsed = if form {
        let fields = pairs(&String::from_utf8_lossy(&bytes));
        Some(
            fields
                .into_iter()
                .map(|(name, value)| (name, json!(value)))
                .collect(),
        )
    } else {
        serde_json::from_slice::<Map<String, Value>>(&bytes).ok()
    };
    let Some(fields) = parsed else {
        return Err(Reply::refusal(
            400,
            "invalid_request",
            "the body is not a JSON object",
        ));
    };
    described["body"] = Value::Object(fields);
    Ok(described)
}

/// The decoded pairs of a query or a form.
fn pairs(text: &str) -> Vec<(String, String)> {
    let Ok(url) = reqwest::Url::parse(&format!("http://form/?{text}")) else {
        return Vec::new();
    };
    url.query_pairs()
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded() {
        let check = |text: &str, expected: &[(&str, &str)]| {
            let expected: Vec<(String, String)> = expected
                .iter()
                .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                .collect();
            assert_eq!(pairs(text), expected);
        };
        check("", &[]);
        check(
            "a=1&b=x%20y&c=p+q",
            &[("a", "1"), ("b", "x y"), ("c", "p q")],
        );
        check("a", &[("a", "")]);
    }
}
