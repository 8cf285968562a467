//! What both protocols of ClickHouse need to know.

use assay_model::TlsPolicy;

use crate::store::Login;
use crate::tls::Trust;

/// The user that every server has unless it was removed.
const USER: &str = "default";

/// What is asked, and by whom.
pub(super) struct Asked<'a> {
    pub(super) login: Login,
    pub(super) query: &'a str,
    pub(super) tls: &'a TlsPolicy,
    pub(super) trust: &'a Trust,
}

impl Asked<'_> {
    pub(super) fn user(&self) -> &str {
        self.login.user.as_deref().unwrap_or(USER)
    }

    pub(super) fn password(&self) -> &str {
        self.login.password.as_deref().unwrap_or_default()
    }
}

/// `ClickHouse 24.8.1`.
pub(super) fn describe(version: &str) -> String {
    format!("ClickHouse {version}")
}
