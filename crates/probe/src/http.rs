//! An HTTP probe: `GET path`, judged by status, body and time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use assay_model::{Health, ProbeTarget, Status};
use reqwest::header::HeaderMap;
use reqwest::{Client, StatusCode, Url, Version, redirect};
use serde_json::Value;

use crate::answer::{self, Answer, Expected};
use crate::failure::{self, Failure};

/// Bytes of a body that are read and kept: a health document is a fraction of that, and
/// evidence is kept for ever.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// In which header a front door names the revision that answers.
const REVISION_HEADER: &str = "x-assay-revision";

const USER_AGENT: &str = concat!("assay/", env!("CARGO_PKG_VERSION"));

/// Asks over HTTP.
#[derive(Clone, Debug)]
pub(crate) struct HttpProbe {
    client: Client,
}

/// What has come of an answer so far.
#[derive(Default)]
struct Received {
    head: Option<(Version, StatusCode, HeaderMap)>,
    body: Vec<u8>,
    truncated: bool,
}

impl HttpProbe {
    pub(crate) fn new() -> Self {
        // No redirects: the answer of another place says nothing about this one. No idle
        // connections: a probe that reuses one does not see that nobody listens any more.
        let client = Client::builder()
            .user_agent(USER_AGENT)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(0)
            .build()
            .expect("a client without TLS and proxies needs nothing that could be missing");
        Self { client }
    }

    /// Asks once.
    pub(crate) async fn probe(
        &self,
        target: &ProbeTarget,
        path: &str,
        expect: u16,
        json: &BTreeMap<String, Value>,
    ) -> (Health, Vec<u8>) {
        let started = Instant::now();
        let mut received = Received::default();
        let (shown, outcome) = match url(&target.url, path) {
            Ok(url) => {
                let shown = without_password(&url);
                (
                    shown,
                    self.exchange(url, target.probe.timeout_ms, &mut received)
                        .await,
                )
            }
            Err(problem) => (path.to_owned(), Err((Status::Unreachable, problem))),
        };
        let latency_ms = started.elapsed().as_millis() as u64;
        let mut health = Health {
            service: target.service.clone(),
            kind: "http".to_owned(),
            target: shown,
            status: Status::Unreachable,
            latency_ms,
            http_status: received.head.as_ref().map(|(_, status, _)| status.as_u16()),
            revision: None,
            detail: String::new(),
            reported: BTreeMap::new(),
        };
        match (outcome, &received.head) {
            (Ok(()), Some((_, status, headers))) => {
                let answer = Answer {
                    status: status.as_u16(),
                    revision: header(headers, REVISION_HEADER),
                    body: &received.body,
                    truncated: received.truncated,
                    latency_ms,
                };
                let degraded_ms = target.probe.degraded_ms;
                let judged = answer::judge(
                    &answer,
                    &Expected {
                        status: expect,
                        json,
                        degraded_ms,
                    },
                );
                health.status = judged.status;
                health.detail = judged.detail;
                health.revision = judged.revision;
                health.reported = judged.reported;
            }
            (Ok(()), None) => health.detail = "no answer".to_owned(),
            (Err((status, detail)), _) => (health.status, health.detail) = (status, detail),
        }
        let exchange = render(&health, &received);
        (health, exchange)
    }

    /// The deadline covers everything from the look-up of the name to the last byte.
    async fn exchange(
        &self,
        url: Url,
        timeout_ms: u64,
        received: &mut Received,
    ) -> Result<(), Failure> {
        let deadline = Duration::from_millis(timeout_ms);
        match tokio::time::timeout(deadline, self.receive(url, received)).await {
            Ok(outcome) => outcome,
            Err(_) if received.head.is_some() => {
                Err(failure::timed_out("the answer did not end", timeout_ms))
            }
            Err(_) => Err(failure::timed_out("no answer", timeout_ms)),
        }
    }

    async fn receive(&self, url: Url, received: &mut Received) -> Result<(), Failure> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let mut response = self.client.get(url).send().await.map_err(|error| {
            let failure = failure::classify(&error);
            // A name that cannot be looked up fails while connecting and has no socket error.
            let is_sorted = failure.0 == Status::Refused || !error.is_connect();
            let is_name = host.parse::<std::net::IpAddr>().is_err() && failure.1.contains("lookup");
            if !is_sorted && is_name {
                (Status::Unreachable, format!("no address for `{host}`"))
            } else {
                failure
            }
        })?;
        let headers = response.headers().clone();
        received.head = Some((response.version(), response.status(), headers));
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| failure::classify(&error))?
        {
            let room = BODY_BYTES_MAX - received.body.len();
            received
                .body
                .extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                received.truncated = true;
                break;
            }
        }
        Ok(())
    }
}

fn url(base: &str, path: &str) -> Result<Url, String> {
    let url = Url::parse(&format!("{}{path}", base.trim_end_matches('/')))
        .map_err(|error| format!("not a usable URL: {error}"))?;
    match url.scheme() {
        "http" => Ok(url),
        "https" => Err("https cannot be asked: this assay has no TLS".to_owned()),
        other => Err(format!("`{other}` cannot be asked over HTTP")),
    }
}

fn without_password(url: &Url) -> String {
    let mut url = url.clone();
    // Both calls fail only for URLs without a host, which hold no password.
    let _cleared = url.set_password(None).and_then(|()| url.set_username(""));
    url.to_string()
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}

/// The exchange as it would stand on the wire, with a note where it broke off.
fn render(health: &Health, received: &Received) -> Vec<u8> {
    let mut out = match Url::parse(&health.target) {
        Ok(url) => {
            let query = url
                .query()
                .map(|query| format!("?{query}"))
                .unwrap_or_default();
            let path = format!("{}{query}", url.path());
            format!(
                "GET {path} HTTP/1.1\nhost: {}\nuser-agent: {USER_AGENT}\n\n",
                url.authority()
            )
        }
        Err(_) => format!("GET {}\n\n", health.target),
    }
    .into_bytes();
    if let Some((version, status, headers)) = &received.head {
        out.extend_from_slice(format!("{version:?} {status}\n").as_bytes());
        for (name, value) in headers {
            out.extend_from_slice(format!("{name}: ").as_bytes());
            out.extend_from_slice(value.as_bytes());
            out.push(b'\n');
        }
        out.push(b'\n');
        out.extend_from_slice(&received.body);
        if received.truncated {
            out.extend_from_slice(format!("\n[cut at {BODY_BYTES_MAX} bytes]").as_bytes());
        }
        out.push(b'\n');
    }
    out.extend_from_slice(format!("[{}: {}]\n", health.status.word(), health.detail).as_bytes());
    out
}
