//! What an error of PostgreSQL means. Pure.

use std::error::Error as _;

use assay_model::Status;
use tokio_postgres::Error;

use crate::failure::Failure;
use crate::store::first_line;

/// `query_canceled`: by `statement_timeout`, or by an administrator.
const CANCELLED: &str = "57014";

/// `protocol_violation`, by which PgBouncer refuses a startup parameter.
const PROTOCOL: &str = "08P01";

/// `feature_not_supported`, by which other poolers do.
const UNSUPPORTED: &str = "0A000";

/// What the client library says of a server without TLS, and of a missing password; it has no
/// other way to tell.
const NO_TLS: &str = "server does not support TLS";
const NO_PASSWORD: &str = "password missing";

/// What an error means.
pub(super) enum Meant {
    Failure(Failure),
    /// The query took too long, by the server's own clock.
    Cancelled,
    /// There is no TLS, and it was required.
    NoTls,
    /// No error of the server's: of the connection, or no PostgreSQL at all.
    Broken,
}

/// Sorts an error.
pub(super) fn of(error: &Error) -> Meant {
    if let Some(said) = error.as_db_error() {
        return match said.code().code() {
            CANCELLED if said.message().contains("timeout") => Meant::Cancelled,
            code => Meant::Failure(by_code(code, said.message())),
        };
    }
    match error.source().map(ToString::to_string).as_deref() {
        Some(NO_TLS) => Meant::NoTls,
        Some(NO_PASSWORD) => Meant::Failure((
            Status::AuthFailed,
            "the server asks for a password, and the URL has none".to_owned(),
        )),
        _ => Meant::Broken,
    }
}

/// Whether it was the startup options that the server or a pooler in front of it refused.
pub(super) fn is_about_options(error: &Error) -> bool {
    error
        .as_db_error()
        .is_some_and(|said| refuses_options(said.code().code(), said.message()))
}

fn refuses_options(code: &str, message: &str) -> bool {
    matches!(code, PROTOCOL | UNSUPPORTED)
        && (message.contains("startup parameter") || message.contains("options"))
}

/// By SQLSTATE (PostgreSQL documentation, appendix A).
fn by_code(code: &str, message: &str) -> Failure {
    let known = match code {
        // invalid_password, invalid_authorization_specification (pg_hba.conf as well),
        // insufficient_privilege.
        "28P01" | "28000" | "42501" => return (Status::AuthFailed, said(message, code)),
        "53300" => "too many connections: ",
        "57P03" => "not accepting connections: ",
        "57P01" | "57P02" => "shutting down: ",
        "3D000" => "wrong database: ",
        "25006" => "the query writes, and a probe may not: ",
        _ => "",
    };
    (
        Status::Unavailable,
        format!("{known}{}", said(message, code)),
    )
}

fn said(message: &str, code: &str) -> String {
    format!("{} (SQLSTATE {code})", first_line(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str, status: Status, detail: &str) {
        assert_eq!(
            by_code(code, "what it says\nand more"),
            (status, detail.to_owned())
        );
    }

    #[test]
    fn codes_are_told_apart() {
        use Status::{AuthFailed, Unavailable};
        check("28P01", AuthFailed, "what it says (SQLSTATE 28P01)");
        check("28000", AuthFailed, "what it says (SQLSTATE 28000)");
        check("42501", AuthFailed, "what it says (SQLSTATE 42501)");
        check(
            "53300",
            Unavailable,
            "too many connections: what it says (SQLSTATE 53300)",
        );
        check(
            "57P03",
            Unavailable,
            "not accepting connections: what it says (SQLSTATE 57P03)",
        );
        check(
            "3D000",
            Unavailable,
            "wrong database: what it says (SQLSTATE 3D000)",
        );
        check("42P01", Unavailable, "what it says (SQLSTATE 42P01)");
    }

    #[test]
    fn poolers_refuse_options_in_their_own_words() {
        assert!(refuses_options(
            "08P01",
            "unsupported startup parameter: options"
        ));
        assert!(refuses_options(
            "0A000",
            "command-line options are not supported"
        ));
        assert!(!refuses_options("08P01", "invalid message"));
        assert!(!refuses_options("28P01", "options"));
    }
}
