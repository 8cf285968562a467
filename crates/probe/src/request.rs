//! One HTTP request over a connection of its own, and what came back.

use assay_model::{HttpProbe, Status, TlsPolicy};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use tokio::task::JoinSet;
use url::Url;

use crate::address::{self, Address, unusable};
use crate::connect::{self, Security, Start};
use crate::failure::{self, Failure, NOT_HTTP};
use crate::timeline::Timeline;
use crate::tls::{Seen, Trust};

/// Bytes of a body that are read and kept: a health document is a fraction of that, and
/// evidence is kept for ever.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Bytes of status line and headers. Servers send far less: proxies refuse more than 8 to 32 KiB.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Headers of an answer: hyper's own bound, stated here because evidence depends on it.
const HEADERS_MAX: usize = 100;

pub(crate) const USER_AGENT: &str = concat!("assay/", env!("CARGO_PKG_VERSION"));

/// What is asked next.
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) url: Url,
    headers: HeaderMap,
    body: Bytes,
    /// Whether it goes to the server that the configuration names.
    pub(crate) at_home: bool,
}

impl Ask {
    /// The request as the configuration describes it.
    pub(crate) fn new(probe: &HttpProbe, url: Url) -> Result<Self, Failure> {
        let method = Method::from_bytes(probe.method.as_bytes())
            .map_err(|_| unusable(format!("`{}` is not an HTTP method", probe.method)))?;
        let mut headers = HeaderMap::new();
        if let Some(credentials) = basic(&url) {
            headers.insert(header::AUTHORIZATION, credentials);
        }
        headers.extend(configured(&probe.request_headers)?);
        let body = probe.request_body.clone().unwrap_or_default();
        Ok(Self {
            method,
            url,
            headers,
            body: Bytes::from(body),
            at_home: true,
        })
    }

    /// The request that an answer sends to, as browsers do it (Fetch, "HTTP-redirect fetch").
    pub(crate) fn redirected(self, to: Url, by: &Hop) -> Result<Self, Failure> {
        let shown = address::without_password(&to);
        let refuse = |why: String| Err((Status::Unavailable, why));
        match (self.url.scheme(), to.scheme()) {
            ("https", "http") => return refuse(format!("redirected from https to {shown}")),
            (_, "http" | "https") => {}
            _ => return refuse(format!("redirected to {shown}, which is not HTTP")),
        }
        let status = by.head.as_ref().map(|head| head.status.as_u16());
        let keeps_method =
            matches!(status, Some(307 | 308)) || [Method::GET, Method::HEAD].contains(&self.method);
        let is_same = self.url.origin() == to.origin();
        let mut next = Self {
            method: if keeps_method {
                self.method
            } else {
                Method::GET
            },
            body: if keeps_method {
                self.body
            } else {
                Bytes::new()
            },
            headers: self.headers,
            at_home: self.at_home && is_same,
            url: to,
        };
        if !keeps_method {
            next.headers.remove(header::CONTENT_TYPE);
        }
        if !is_same {
            // Any header or body that is configured may be a credential of the first server.
            next.headers.clear();
            if !next.body.is_empty() {
                return refuse(format!(
                    "redirected with its body to another server: {shown}"
                ));
            }
        }
        Ok(next)
    }

    fn request(&self, address: &Address) -> Result<Request<Full<Bytes>>, Failure> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        let target = path_and_query(&self.url);
        *request.uri_mut() = target
            .parse()
            .map_err(|_| unusable(format!("`{target}` cannot be asked for")))?;
        let host = host(&self.url, address);
        let host = HeaderValue::from_str(&host).map_err(|_| unusable("the host has no name"))?;
        let headers = request.headers_mut();
        headers.insert(header::HOST, host);
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        // What is compressed cannot be judged, nor read by a person later.
        let identity = HeaderValue::from_static("identity");
        headers.insert(header::ACCEPT_ENCODING, identity);
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        Ok(request)
    }
}

/// Headers of the configuration, checked.
pub(crate) fn configured(
    headers: &std::collections::BTreeMap<String, String>,
) -> Result<HeaderMap, Failure> {
    let header = |(name, value): (&String, &String)| {
        let bad = |what: &str| unusable(format!("`{name}` {what}"));
        let key = HeaderName::try_from(name).map_err(|_| bad("is not the name of a header"))?;
        let mut value = HeaderValue::try_from(value).map_err(|_| bad("has no usable value"))?;
        value.set_sensitive(is_secret(key.as_str()));
        Ok((key, value))
    };
    headers.iter().map(header).collect()
}

/// `Basic` credentials out of a URL.
pub(crate) fn basic(url: &Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let user = decoded(url.username());
    let password = decoded(url.password().unwrap_or_default());
    let encoded = STANDARD.encode(format!("{user}:{password}"));
    let mut value = HeaderValue::try_from(format!("Basic {encoded}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn is_secret(name: &str) -> bool {
    ["auth", "cookie", "key", "secret", "signature", "token"]
        .iter()
        .any(|word| name.contains(word))
}

/// What stands in the request line.
pub(crate) fn path_and_query(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

/// Host, with the port where it is not the scheme's own.
pub(crate) fn host(url: &Url, address: &Address) -> String {
    match (url.port(), url.host_str()) {
        (None, Some(host)) => host.to_owned(),
        _ => address.to_string(),
    }
}

/// The start of an answer.
pub(crate) struct Head {
    version: Version,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
}

/// One request and as much of its answer as came.
pub(crate) struct Hop {
    pub(crate) method: Method,
    pub(crate) url: Url,
    sent: HeaderMap,
    body_sent: usize,
    pub(crate) head: Option<Head>,
    pub(crate) body: Vec<u8>,
    pub(crate) truncated: bool,
    pub(crate) seen: Option<Seen>,
    start: Option<Start>,
}

impl Hop {
    /// Nothing came yet.
    pub(crate) fn new(ask: &Ask) -> Self {
        Self {
            method: ask.method.clone(),
            url: ask.url.clone(),
            sent: HeaderMap::new(),
            body_sent: ask.body.len(),
            head: None,
            body: Vec::new(),
            truncated: false,
            seen: None,
            start: None,
        }
    }

    /// Whether an answer began, and has not come to its headers' end.
    pub(crate) fn is_dripping(&self) -> bool {
        self.head.is_none() && self.start.as_ref().is_some_and(|start| !start.is_empty())
    }

    /// As it would stand on the wire, without secrets.
    pub(crate) fn render(&self, out: &mut Vec<u8>) {
        let line = format!("{} {} HTTP/1.1\n", self.method, path_and_query(&self.url));
        out.extend_from_slice(line.as_bytes());
        render_headers(&self.sent, out);
        if self.body_sent > 0 {
            out.extend_from_slice(format!("[{} bytes]\n\n", self.body_sent).as_bytes());
        }
        let Some(head) = &self.head else { return };
        out.extend_from_slice(format!("{:?} {}\n", head.version, head.status).as_bytes());
        render_headers(&head.headers, out);
        out.extend_from_slice(&self.body);
        if self.truncated {
            out.extend_from_slice(format!("\n[cut at {BODY_BYTES_MAX} bytes]").as_bytes());
        }
        out.push(b'\n');
    }
}

fn render_headers(headers: &HeaderMap, out: &mut Vec<u8>) {
    for (name, value) in headers {
        out.extend_from_slice(format!("{name}: ").as_bytes());
        if value.is_sensitive() || name == header::SET_COOKIE {
            out.extend_from_slice(b"[not shown]");
        } else {
            out.extend_from_slice(value.as_bytes());
        }
        out.push(b'\n');
    }
    out.push(b'\n');
}

/// Sends one request over a fresh connection: a reused one would not show that nobody listens
/// any more. `hop` holds what came, even if it fails.
pub(crate) async fn send(
    ask: &Ask,
    policy: &TlsPolicy,
    trust: &Trust,
    hop: &mut Hop,
    timeline: &mut Timeline,
) -> Result<(), Failure> {
    let address = Address::of(&ask.url)?;
    let request = ask.request(&address)?;
    hop.sent = request.headers().clone();
    let security = if address::is_secure(&ask.url) {
        let (security, seen) = Security::new(trust, policy, &address.host, &[b"http/1.1"])?;
        hop.seen = Some(seen);
        Some(security)
    } else {
        None
    };
    let stream = connect::dial(&address, security.as_ref(), timeline).await?;
    let start = stream.start();
    hop.start = Some(start.clone());
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| sort(&error, &start))?;
    // Ends with this function, however that ends.
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);
    let response = sender.send_request(request).await;
    let (head, mut body) = response.map_err(|error| sort(&error, &start))?.into_parts();
    timeline.reached("answered", "the answer did not end");
    hop.head = Some(Head {
        version: head.version,
        status: head.status,
        headers: head.headers,
    });
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| failure::classify(&error))?;
        let Ok(chunk) = frame.into_data() else {
            continue;
        };
        let room = BODY_BYTES_MAX - hop.body.len();
        hop.body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            hop.truncated = true;
            break;
        }
    }
    timeline.reached("ended", "the answer did not end");
    Ok(())
}

/// What came of a request that got no head of an answer. A server that speaks first is named by what
/// it said, whether its words came before or after the request was on its way.
fn sort(error: &hyper::Error, start: &Start) -> Failure {
    let failure = failure::classify(error);
    if failure.1 == NOT_HTTP || !(start.is_empty() || start.is_http1()) {
        start.explain(NOT_HTTP)
    } else if start.is_http1() && error.is_canceled() {
        start.explain("it answered before it was asked")
    } else {
        failure
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn ask(method: &str, url: &str) -> Ask {
        let mut probe = HttpProbe::get("/");
        probe.method = method.to_owned();
        probe.request_body = (method == "POST").then(|| "x".to_owned());
        probe.request_headers = BTreeMap::from([("x-api-key".to_owned(), "hush".to_owned())]);
        Ask::new(&probe, Url::parse(url).unwrap()).unwrap()
    }

    fn check(method: &str, from: &str, status: u16, to: &str, expected: &str) {
        let ask = ask(method, from);
        let mut hop = Hop::new(&ask);
        hop.head = Some(Head {
            version: Version::HTTP_11,
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
        });
        let got = match ask.redirected(Url::parse(to).unwrap(), &hop) {
            Ok(next) => format!(
                "{} {} key {} bytes {}",
                next.method,
                next.url,
                next.headers.contains_key("x-api-key"),
                next.body.len()
            ),
            Err((_, problem)) => problem,
        };
        assert_eq!(got, expected, "{method} {from} {status} {to}");
    }

    #[test]
    fn redirects_change_what_is_asked() {
        check(
            "GET",
            "http://a/",
            302,
            "http://a/b",
            "GET http://a/b key true bytes 0",
        );
        check(
            "POST",
            "http://a/",
            302,
            "http://a/b",
            "GET http://a/b key true bytes 0",
        );
        check(
            "POST",
            "http://a/",
            307,
            "http://a/b",
            "POST http://a/b key true bytes 1",
        );
        check(
            "HEAD",
            "http://a/",
            303,
            "http://a/b",
            "HEAD http://a/b key true bytes 0",
        );
        check(
            "GET",
            "http://a/",
            302,
            "http://b/",
            "GET http://b/ key false bytes 0",
        );
        check(
            "GET",
            "http://a/",
            302,
            "http://a:81/",
            "GET http://a:81/ key false bytes 0",
        );
        check(
            "GET",
            "http://a/",
            302,
            "https://a/",
            "GET https://a/ key false bytes 0",
        );
        check(
            "GET",
            "https://a/",
            302,
            "http://a/",
            "redirected from https to http://a/",
        );
        check(
            "GET",
            "http://a/",
            302,
            "ftp://a/",
            "redirected to ftp://a/, which is not HTTP",
        );
        check(
            "POST",
            "http://a/",
            307,
            "http://me:hush@b/",
            "redirected with its body to another server: http://b/",
        );
    }

    #[test]
    fn credentials_in_the_url_are_decoded() {
        let url = Url::parse("http://me%40x:a+b%2Fc@host/").unwrap();
        let expected = format!("Basic {}", STANDARD.encode("me@x:a+b/c"));
        assert_eq!(basic(&url).unwrap(), expected.as_str());
        assert_eq!(basic(&Url::parse("http://host/").unwrap()), None);
    }
}
