//! Why there was no answer: each reason calls for another remedy.

use std::error::Error;
use std::io;

use assay_model::Status;

use crate::refusal;

/// What the failure means, and one clause about it.
pub(crate) type Failure = (Status, String);

/// Said of an answer in another protocol.
pub(crate) const NOT_HTTP: &str = "the answer is not HTTP";

/// The deadline passed.
pub(crate) fn timed_out(what: &str, timeout_ms: u64) -> Failure {
    (
        Status::Unreachable,
        format!("{what} within {timeout_ms} ms"),
    )
}

/// Sorts the failure of a connection or of an exchange by the deepest reason that is known.
pub(crate) fn classify(error: &(dyn Error + 'static)) -> Failure {
    let mut deepest = error;
    let mut looked = Some(error);
    while let Some(error) = looked {
        if let Some(failure) = known(error) {
            return failure;
        }
        deepest = error;
        looked = error.source();
    }
    (Status::Unreachable, deepest.to_string())
}

fn known(error: &(dyn Error + 'static)) -> Option<Failure> {
    let unreachable = |detail: &str| Some((Status::Unreachable, detail.to_owned()));
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                Some((Status::Refused, "connection refused".to_owned()))
            }
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                unreachable("connection reset")
            }
            io::ErrorKind::UnexpectedEof => {
                unreachable("connection closed before the answer ended")
            }
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                unreachable("no route to the host")
            }
            io::ErrorKind::TimedOut => unreachable("connection timed out"),
            io::ErrorKind::AddrNotAvailable => unreachable("no such address on this network"),
            // What an `io::Error` wraps is not its source.
            _ => error.get_ref().map(|inner| classify(inner)),
        };
    }
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(refusal::explain(error));
    }
    let error = error.downcast_ref::<hyper::Error>()?;
    let unavailable = |detail: &str| Some((Status::Unavailable, detail.to_owned()));
    if error.is_parse_too_large() {
        unavailable("the headers of the answer are too long")
    } else if error.is_parse() {
        unavailable(NOT_HTTP)
    } else if error.is_incomplete_message() {
        unreachable("connection closed before the answer ended")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: io::ErrorKind, status: Status, detail: &str) {
        let (got, text) = classify(&io::Error::other(io::Error::from(kind)));
        assert_eq!(
            (got, text.contains(detail)),
            (status, true),
            "{kind:?}: {text}"
        );
    }

    #[test]
    fn failures_are_told_apart_however_deep_they_lie() {
        check(io::ErrorKind::ConnectionRefused, Status::Refused, "refused");
        check(io::ErrorKind::ConnectionReset, Status::Unreachable, "reset");
        check(io::ErrorKind::BrokenPipe, Status::Unreachable, "reset");
        check(io::ErrorKind::UnexpectedEof, Status::Unreachable, "closed");
        check(
            io::ErrorKind::NetworkUnreachable,
            Status::Unreachable,
            "no route",
        );
        check(
            io::ErrorKind::AddrNotAvailable,
            Status::Unreachable,
            "no such address",
        );
        check(io::ErrorKind::TimedOut, Status::Unreachable, "timed out");
        check(
            io::ErrorKind::PermissionDenied,
            Status::Unreachable,
            "permission denied",
        );
    }

    #[test]
    fn a_failed_handshake_is_told_apart_from_a_failed_connection() {
        let wrapped = io::Error::new(
            io::ErrorKind::InvalidData,
            rustls::Error::NoCertificatesPresented,
        );
        let (status, text) = classify(&wrapped);
        assert_eq!(
            (status, &*text),
            (Status::TlsFailed, "the server presented no certificate")
        );
    }
}
