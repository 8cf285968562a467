//! HTTP for tests: one connection for each request, every address noted.

use std::io::ErrorKind;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::context::{Failure, Outcome, Target, Test};

/// One whole exchange, in milliseconds.
pub(crate) const EXCHANGE_MS_MAX: u64 = 3_000;
/// One answer, in bytes.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// An answer and the request that it answers.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// `GET /api/me`.
    pub(crate) request: String,
    pub(crate) status: u16,
    pub(crate) text: String,
    /// The body as JSON, or null.
    pub(crate) json: Value,
}

impl Answer {
    /// Asserts the status.
    pub(crate) fn expect(&self, test: &Test, status: u16) -> Outcome {
        test.count();
        if self.status == status {
            return Ok(());
        }
        Err(Failure(format!(
            "{}: expected {status}, got {}",
            self.request, self.status
        )))
    }

    /// Asserts that there is a text at `key` of the body, and gives it.
    pub(crate) fn text_at(&self, test: &Test, key: &str) -> Result<String, Failure> {
        test.count();
        match self.json[key].as_str() {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(Failure(format!(
                "{}: no text `{key}` in the answer",
                self.request
            ))),
        }
    }

    /// Asserts that there is a list at `key` of the body, and gives it.
    pub(crate) fn list_at(&self, test: &Test, key: &str) -> Result<Vec<Value>, Failure> {
        test.count();
        match self.json[key].as_array() {
            Some(list) => Ok(list.clone()),
            None => Err(Failure(format!(
                "{}: no list `{key}` in the answer",
                self.request
            ))),
        }
    }
}

impl Test {
    pub(crate) async fn get(
        &self,
        target: Target,
        path: &str,
        token: Option<&str>,
    ) -> Result<Answer, Failure> {
        self.exchange(target, "GET", path, token, None).await
    }

    pub(crate) async fn post(
        &self,
        target: Target,
        path: &str,
        token: Option<&str>,
        body: Value,
    ) -> Result<Answer, Failure> {
        self.exchange(target, "POST", path, token, Some(body)).await
    }

    async fn exchange(
        &self,
        target: Target,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Result<Answer, Failure> {
        let request = format!("{method} {path}");
        let place = Place::of(&self.url(target)?)?;
        let limit = Duration::from_millis(EXCHANGE_MS_MAX);
        let sent = self.send(&place, method, path, token, body);
        let result = match tokio::time::timeout(limit, sent).await {
            Ok(result) => result,
            Err(_) => Err(format!("timed out after {EXCHANGE_MS_MAX} ms")),
        };
        match result {
            Ok((status, text)) => {
                self.note(format!("{request}: {status}"));
                let json = serde_json::from_str(&text).unwrap_or(Value::Null);
                Ok(Answer {
                    request,
                    status,
                    text,
                    json,
                })
            }
            Err(reason) => {
                self.note(format!("{request}: {reason}"));
                Err(Failure(format!("{request}: {reason}")))
            }
        }
    }

    async fn send(
        &self,
        place: &Place,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Result<(u16, String), String> {
        let stream = self.connect(place).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| reason(&error))?;
        let driver = tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", place.prefix))
            .header("host", &place.authority)
            .header("connection", "close");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Bytes::from(body.to_string())
            }
            None => Bytes::new(),
        };
        let request = request
            .body(Full::new(body))
            .map_err(|error| error.to_string())?;
        let answer = sender
            .send_request(request)
            .await
            .map_err(|error| reason(&error))?;
        let status = answer.status().as_u16();
        let bytes = Limited::new(answer.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| reason(&*error))?
            .to_bytes();
        driver.abort();
        Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Connects and notes the address, also when the connection fails.
    pub(crate) async fn connect(&self, place: &Place) -> Result<TcpStream, String> {
        let addresses = tokio::net::lookup_host(&place.authority)
            .await
            .map_err(|error| format!("cannot resolve {}: {error}", place.authority))?;
        let mut last = format!("no address for {}", place.authority);
        for address in addresses {
            self.connects(address.to_string());
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    stream.set_nodelay(true).map_err(|error| reason(&error))?;
                    return Ok(stream);
                }
                Err(error) => last = reason(&error),
            }
        }
        Err(last)
    }
}

/// Where a base URL points.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// `host:port`.
    pub(crate) authority: String,
    /// Path in front of every path, or empty.
    pub(crate) prefix: String,
}

impl Place {
    pub(crate) fn of(url: &str) -> Result<Self, Failure> {
        let rest = url
            .strip_prefix("http://")
            .ok_or_else(|| Failure(format!("not an http:// address: {url}")))?;
        let (host, prefix) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let authority = if host.contains(':') {
            host.to_owned()
        } else {
            format!("{host}:80")
        };
        Ok(Self {
            authority,
            prefix: prefix.trim_end_matches('/').to_owned(),
        })
    }
}

/// Why an exchange failed, in the words that stand at the bottom of the chain of errors.
pub(crate) fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    loop {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            match io.kind() {
                ErrorKind::ConnectionRefused => return "connection refused".to_owned(),
                ErrorKind::ConnectionReset => return "connection reset".to_owned(),
                ErrorKind::BrokenPipe => return "connection closed".to_owned(),
                _ => {}
            }
        }
        match cause.source() {
            Some(inner) => cause = inner,
            None => return cause.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_taken_apart() {
        let check = |url: &str, authority: &str, prefix: &str| {
            let expected = Place {
                authority: authority.into(),
                prefix: prefix.into(),
            };
            assert_eq!(Place::of(url), Ok(expected), "{url}");
        };
        check("http://127.0.0.1:80", "127.0.0.1:80", "");
        check("http://localhost", "localhost:80", "");
        check("http://h:1/a/b/", "h:1", "/a/b");
        assert!(Place::of("https://h").is_err());
    }
}
