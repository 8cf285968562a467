//! Asking another service over HTTP.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Handle;

/// A whole exchange with another service, in milliseconds.
const UPSTREAM_TIMEOUT_MS: u64 = 8_000;
/// Asking whether another service lives, in milliseconds.
const LIVE_TIMEOUT_MS: u64 = 1_000;
/// An answer of another service, in bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// An HTTP client for use from scripts and from `/health`.
pub(crate) struct Upstream {
    client: reqwest::Client,
    runtime: Handle,
}

impl Upstream {
    pub(crate) fn new(runtime: Handle) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_millis(UPSTREAM_TIMEOUT_MS))
            .build()?;
        Ok(Self { client, runtime })
    }

    /// `{status, body, error}`; status 0 when there was no answer. Blocks.
    pub(crate) fn get(&self, url: &str, token: Option<&str>) -> Value {
        let mut request = self.client.get(url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        self.runtime.block_on(exchange(request))
    }

    /// Like [`Upstream::get`], sending JSON. Blocks.
    pub(crate) fn post(&self, url: &str, body: &Value) -> Value {
        self.runtime
            .block_on(exchange(self.client.post(url).json(body)))
    }

    /// Whether the service at `url` answers its `/live`.
    pub(crate) async fn lives(&self, url: &str) -> bool {
        let asked = self.client.get(format!("{url}/live"));
        let answer = asked
            .timeout(Duration::from_millis(LIVE_TIMEOUT_MS))
            .send()
            .await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }
}

async fn exchange(request: reqwest::RequestBuilder) -> Value {
    let mut response = match request.send().await {
        Ok(response) => response,
        Err(error) => return json!({"status": 0, "body": null, "error": reason(&error)}),
    };
    let status = response.status().as_u16();
    let mut text = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if text.len() + chunk.len() <= ANSWER_BYTES_MAX => {
                text.extend_from_slice(&chunk);
            }
            Ok(Some(_)) => return json!({"status": 0, "body": null, "error": "answer too large"}),
            Ok(None) => break,
            Err(error) => return json!({"status": 0, "body": null, "error": reason(&error)}),
        }
    }
    let body = serde_json::from_slice(&text)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&text).into_owned()));
    json!({"status": status, "body": body, "error": ""})
}

/// The innermost cause in a word or two; the outer ones repeat the URL.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        if let Some(io) = inner.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::ConnectionRefused
        {
            return "connection refused".to_owned();
        }
        cause = inner;
    }
    cause.to_string().to_lowercase()
}
