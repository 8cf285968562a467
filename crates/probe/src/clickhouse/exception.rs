//! What an error of ClickHouse means. Pure.

use assay_model::Status;

use crate::failure::Failure;
use crate::store::first_line;

/// An error that the server sent. Codes are those of `src/Common/ErrorCodes.cpp` in ClickHouse's
/// sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exception {
    pub(super) code: i32,
    pub(super) message: String,
}

/// `READONLY`.
const READONLY: i32 = 164;

impl Exception {
    /// From an answer over HTTP: `Code: 60. DB::Exception: Table …`, or in older servers
    /// `Code: 60, e.displayText() = DB::Exception: Table …, e.what() = …`.
    pub(super) fn find(body: &str) -> Option<Self> {
        let said = body.match_indices("Code: ").find_map(|(at, key)| {
            let rest = &body[at + key.len()..];
            let digits = rest.find(|char: char| !char.is_ascii_digit())?;
            let code = rest[..digits].parse().ok()?;
            rest.contains("Exception").then(|| (code, &rest[digits..]))
        });
        let (code, rest) = said?;
        let rest = rest.trim_start_matches(['.', ',', ' ']);
        let rest = rest.strip_prefix("e.displayText() = ").unwrap_or(rest);
        let rest = rest.split(", e.what() = ").next().unwrap_or(rest);
        Some(Self {
            code,
            message: rest.to_owned(),
        })
    }

    pub(super) fn failure(&self) -> Failure {
        let status = match self.code {
            // UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, IP_ADDRESS_NOT_ALLOWED,
            // DATABASE_ACCESS_DENIED, ACCESS_DENIED, AUTHENTICATION_FAILED.
            192..=195 | 291 | 497 | 516 => Status::AuthFailed,
            _ => Status::Unavailable,
        };
        let text = self.message.trim_start_matches("DB::Exception: ");
        (status, format!("code {}: {}", self.code, first_line(text)))
    }

    /// The user may change no settings, not even for the worse.
    pub(super) fn is_about_settings(&self) -> bool {
        self.code == READONLY && self.message.contains("setting")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(body: &str, expected: Option<(Status, &str)>) {
        let got = Exception::find(body).map(|exception| exception.failure());
        let expected = expected.map(|(status, detail)| (status, detail.to_owned()));
        assert_eq!(got, expected, "{body}");
    }

    #[test]
    fn errors_are_read_from_answers() {
        use Status::{AuthFailed, Unavailable};
        check(
            "Code: 60, e.displayText() = DB::Exception: Table default.x doesn't exist., e.what() = DB::Exception\n",
            Some((Unavailable, "code 60: Table default.x doesn't exist.")),
        );
        check(
            "Code: 516. DB::Exception: me: Authentication failed. (AUTHENTICATION_FAILED)\nmore",
            Some((
                AuthFailed,
                "code 516: me: Authentication failed. (AUTHENTICATION_FAILED)",
            )),
        );
        check(
            "1\t2\nCode: 395. DB::Exception: Value passed to throwIf",
            Some((Unavailable, "code 395: Value passed to throwIf")),
        );
        check(
            "Code: 193. DB::Exception: x",
            Some((AuthFailed, "code 193: x")),
        );
        check("Code: what", None);
        check("Code: 12", None);
        check("1\n", None);
    }

    fn check_settings(code: i32, message: &str, expected: bool) {
        let message = message.to_owned();
        let exception = Exception { code, message };
        assert_eq!(exception.is_about_settings(), expected, "{exception:?}");
    }

    #[test]
    fn a_user_that_may_change_no_settings_is_told_from_a_query_that_writes() {
        check_settings(
            164,
            "Cannot modify 'readonly' setting in readonly mode",
            true,
        );
        check_settings(164, "Cannot execute query in readonly mode", false);
        check_settings(60, "a setting", false);
    }

    proptest! {
        #[test]
        fn any_body_is_read(body in "(Code: |[0-9]{1,12}|Exception|é|, e.what\\(\\) = |.){0,12}") {
            let _found = Exception::find(&body);
        }
    }
}
