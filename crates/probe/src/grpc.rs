//! A gRPC probe: `grpc.health.v1.Health/Check`.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use assay_model::{Health, ProbeTarget, Status};
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::JoinSet;
use tonic::Code;
use tonic::body::Body;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tower_service::Service;
use url::Url;

use crate::address::{self, Address, unusable};
use crate::answer::cut;
use crate::connect::{self, Security, Start};
use crate::failure::{self, Failure};
use crate::request;
use crate::timeline::{self, Timeline};
use crate::tls::{Seen, Trust};

/// Bytes of an answer: it holds one number.
const ANSWER_BYTES_MAX: usize = 4 * 1024;

/// Bytes of all headers of an answer.
const HEAD_BYTES_MAX: u32 = 64 * 1024;

const NOT_HTTP2: &str = "the answer is not HTTP/2";

/// Asks once about `service`; empty is the server as a whole.
pub(crate) async fn once(target: &ProbeTarget, service: &str, trust: &Trust) -> (Health, Vec<u8>) {
    let mut timeline = Timeline::start("no address");
    let mut seen = None;
    let timeout_ms = target.probe.timeout_ms;
    let (shown, outcome) = match url(&target.url) {
        Ok(url) => {
            let outcome = exchange(target, service, trust, &url, &mut seen, &mut timeline);
            let outcome = tokio::time::timeout(Duration::from_millis(timeout_ms), outcome).await;
            let late = |_| Err(timeline.timed_out(timeout_ms));
            (
                address::without_password(&url),
                outcome.unwrap_or_else(late),
            )
        }
        Err(problem) => ("grpc://?".to_owned(), Err(problem)),
    };
    let mut health = Health::new(target.service.clone(), "grpc", shown, Status::Unreachable);
    health.latency_ms = timeline.elapsed_ms();
    health.certificate = seen.as_ref().and_then(Seen::certificate);
    (health.status, health.detail) = match outcome {
        Ok(()) => timeline::judge_pace("SERVING", health.latency_ms, target.probe.degraded_ms),
        Err(failure) => failure,
    };
    let exchange = format!(
        "POST {} grpc.health.v1.Health/Check service={service:?}\n{}[{}: {}]\n",
        health.target,
        timeline.render(),
        health.status.word(),
        health.detail
    );
    (health, exchange.into_bytes())
}

fn url(url: &str) -> Result<Url, Failure> {
    let url = address::parse(url)?;
    match url.scheme() {
        "grpc" | "grpcs" | "http" | "https" => Ok(url),
        other => Err(unusable(format!("`{other}` cannot be asked over gRPC"))),
    }
}

async fn exchange(
    target: &ProbeTarget,
    service: &str,
    trust: &Trust,
    url: &Url,
    seen: &mut Option<Seen>,
    timeline: &mut Timeline,
) -> Result<(), Failure> {
    let address = Address::of(url)?;
    let security = if address::is_secure(url) {
        let (security, shown) = Security::new(trust, &target.probe.tls, &address.host, &[b"h2"])?;
        *seen = Some(shown);
        Some(security)
    } else {
        None
    };
    let scheme = if security.is_some() { "https" } else { "http" };
    let origin = Uri::builder()
        .scheme(scheme)
        .authority(request::host(url, &address))
        .path_and_query("/")
        .build()
        .map_err(|error| unusable(format!("not a usable URL: {error}")))?;
    let stream = connect::dial(&address, security.as_ref(), timeline).await?;
    let start = stream.start();
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .max_header_list_size(HEAD_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| not_spoken(&error, &start))?;
    // Ends with this function, however that ends.
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);
    let mut client = HealthClient::with_origin(Http2(sender), origin)
        .max_decoding_message_size(ANSWER_BYTES_MAX);
    let mut ask = tonic::Request::new(HealthCheckRequest {
        service: service.to_owned(),
    });
    if let Some(credentials) = request::basic(url) {
        let credentials = credentials.to_str().unwrap_or_default().parse();
        let credentials = credentials.map_err(|_| unusable("the URL's password is unusable"))?;
        ask.metadata_mut().insert("authorization", credentials);
    }
    let answer = client.check(ask).await;
    timeline.reached("answered", "no answer");
    judge(
        service,
        answer.map(|answer| answer.into_inner().status()),
        &start,
    )
}

/// The health answer of a server, or the status that it refused with.
fn judge(
    service: &str,
    answer: Result<ServingStatus, tonic::Status>,
    start: &Start,
) -> Result<(), Failure> {
    let who = if service.is_empty() {
        "the server".to_owned()
    } else {
        format!("`{service}`")
    };
    let unavailable = |detail: String| Err((Status::Unavailable, detail));
    match answer {
        Ok(ServingStatus::Serving) => Ok(()),
        Ok(ServingStatus::NotServing) => unavailable(format!("{who} is NOT_SERVING")),
        Ok(ServingStatus::ServiceUnknown) => {
            unavailable(format!("{who} is not known there (SERVICE_UNKNOWN)"))
        }
        Ok(ServingStatus::Unknown) => unavailable(format!("{who} does not say (UNKNOWN)")),
        Err(status) => Err(refused(&who, &status, start)),
    }
}

fn refused(who: &str, status: &tonic::Status, start: &Start) -> Failure {
    if let Some(error) = broken_connection(status) {
        return not_spoken(error, start);
    }
    let message = cut(status.message());
    let word = word(status.code());
    match status.code() {
        Code::NotFound => (
            Status::Unavailable,
            format!("{who} is not known there ({word})"),
        ),
        Code::Unimplemented => (
            Status::Unavailable,
            format!("the server has no health service ({word})"),
        ),
        Code::Unauthenticated | Code::PermissionDenied => {
            (Status::AuthFailed, format!("{word}: {message}"))
        }
        _ => (Status::Unavailable, format!("{word}: {message}")),
    }
}

/// The reason below a status that the client made up itself.
fn broken_connection(status: &tonic::Status) -> Option<&hyper::Error> {
    let mut looked = std::error::Error::source(status);
    while let Some(error) = looked {
        if let Some(error) = error.downcast_ref() {
            return Some(error);
        }
        looked = error.source();
    }
    None
}

/// The connection broke, or something else than HTTP/2 came over it.
fn not_spoken(error: &hyper::Error, start: &Start) -> Failure {
    if start.is_empty() || start.is_http2() {
        failure::classify(error)
    } else {
        start.explain(NOT_HTTP2)
    }
}

/// The codes as gRPC's documentation writes them.
fn word(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// A connection as tonic wants one.
struct Http2(SendRequest<Body>);

impl Service<Request<Body>> for Http2 {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = hyper::Result<Response<Incoming>>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: Result<ServingStatus, tonic::Status>, expected: (Status, &str)) {
        let (status, detail) = judge("shop.Orders", answer, &Start::default()).unwrap_err();
        assert_eq!((status, &*detail), expected);
    }

    #[test]
    fn answers_are_told_apart() {
        use Status::{AuthFailed, Unavailable};
        check(
            Ok(ServingStatus::NotServing),
            (Unavailable, "`shop.Orders` is NOT_SERVING"),
        );
        check(
            Ok(ServingStatus::ServiceUnknown),
            (
                Unavailable,
                "`shop.Orders` is not known there (SERVICE_UNKNOWN)",
            ),
        );
        check(
            Err(tonic::Status::not_found("x")),
            (Unavailable, "`shop.Orders` is not known there (NOT_FOUND)"),
        );
        check(
            Err(tonic::Status::unimplemented("x")),
            (
                Unavailable,
                "the server has no health service (UNIMPLEMENTED)",
            ),
        );
        check(
            Err(tonic::Status::unauthenticated("no token")),
            (AuthFailed, "UNAUTHENTICATED: no token"),
        );
        check(
            Err(tonic::Status::internal("boom")),
            (Unavailable, "INTERNAL: boom"),
        );
    }
}
