//! What a URL of PostgreSQL asks for. Pure.

use std::fmt;

use assay_model::{Probe, TlsPolicy};
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use url::Url;

use crate::address::{self, Address};
use crate::failure::Failure;
use crate::store::Login;

/// Schemes and their usual port.
const PORTS: [(&str, u16); 2] = [("postgres", 5432), ("postgresql", 5432)];

/// By which the server's own lists name us.
const APPLICATION: &str = "assay";

/// `sslmode`, with the meaning that libpq gives it (PostgreSQL documentation, 34.19.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl Mode {
    fn parse(word: &str) -> Result<Self, Failure> {
        match word {
            "disable" => Ok(Self::Disable),
            // `allow` asks for TLS only after being refused without it; who is let in is the same.
            "allow" | "prefer" => Ok(Self::Prefer),
            "require" => Ok(Self::Require),
            "verify-ca" => Ok(Self::VerifyCa),
            "verify-full" => Ok(Self::VerifyFull),
            _ => Err(address::unusable(
                "sslmode is none of disable, allow, prefer, require, verify-ca and verify-full",
            )),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        })
    }
}

/// Where a session is kept from writing, and from running for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// From the startup on.
    Startup,
    /// In the transaction alone: poolers refuse startup options.
    Transaction,
}

/// Everything that a connection needs.
pub(super) struct Settings {
    pub(super) url: Url,
    pub(super) host: String,
    pub(super) mode: Mode,
    pub(super) tls: TlsPolicy,
    /// TLS without a look at the certificate, although the probe would have looked.
    pub(super) is_unverified: bool,
    pub(super) timeout_ms: u64,
    login: Login,
    options: Option<String>,
}

impl Settings {
    pub(super) fn parse(url: &str, probe: &Probe) -> Result<Self, Failure> {
        let login = Login::parse(url, &PORTS)?;
        if !PORTS
            .iter()
            .any(|(scheme, _)| *scheme == login.url.scheme())
        {
            return Err(address::unusable(
                "the URL of PostgreSQL starts with postgres://",
            ));
        }
        let host = Address::of(&login.url)?.host;
        let mode = login.parameter("sslmode").map(|word| Mode::parse(&word));
        let mode = mode.transpose()?.unwrap_or(Mode::Prefer);
        let mut tls = probe.tls.clone();
        if tls.ca.is_none() {
            tls.ca = login
                .parameter("sslrootcert")
                .filter(|path| path != "system");
        }
        // An authority that is named is there to be asked, whatever the mode.
        let is_asked = matches!(mode, Mode::VerifyCa | Mode::VerifyFull) || tls.ca.is_some();
        tls.verify = tls.verify && is_asked;
        let is_unverified = probe.tls.verify && !tls.verify;
        Ok(Self {
            url: login.url.clone(),
            host,
            mode,
            tls,
            is_unverified,
            timeout_ms: probe.timeout_ms,
            options: login.parameter("options"),
            login,
        })
    }

    /// For the client library.
    pub(super) fn config(&self, guard: Guard) -> Config {
        let mut config = Config::new();
        config.application_name(APPLICATION);
        config.ssl_mode(match self.mode {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        });
        if let Some(user) = &self.login.user {
            config.user(user);
        }
        if let Some(password) = &self.login.password {
            config.password(password);
        }
        if let Some(database) = &self.login.database {
            config.dbname(database);
        }
        if let Some(options) = self.options(guard) {
            config.options(options);
        }
        config
    }

    /// The statements that open the transaction.
    pub(super) fn begin(&self, guard: Guard) -> String {
        match guard {
            Guard::Startup => "begin read only".to_owned(),
            Guard::Transaction => {
                let timeout_ms = self.timeout_ms;
                format!("begin read only; set local statement_timeout = {timeout_ms}")
            }
        }
    }

    /// For the transcript.
    pub(super) fn describe(&self, guard: Guard) -> String {
        let said = |name: &str, value: Option<&str>| {
            value
                .map(|value| format!(" {name}={value}"))
                .unwrap_or_default()
        };
        format!(
            "startup{}{} application_name={APPLICATION} sslmode={}{}",
            said("user", self.login.user.as_deref()),
            said("database", self.login.database.as_deref()),
            self.mode,
            said("options", self.options(guard).as_deref()),
        )
    }

    fn options(&self, guard: Guard) -> Option<String> {
        let own = format!(
            "-c default_transaction_read_only=on -c statement_timeout={}",
            self.timeout_ms
        );
        match (guard, &self.options) {
            (Guard::Startup, Some(given)) => Some(format!("{given} {own}")),
            (Guard::Startup, None) => Some(own),
            (Guard::Transaction, given) => given.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use assay_model::{ProbeKind, QueryProbe};

    use super::*;

    fn settings(url: &str, ca: Option<&str>) -> Result<Settings, Failure> {
        let mut probe = Probe::new(ProbeKind::Postgres(QueryProbe {
            query: "select 1".to_owned(),
            answer: None,
        }));
        probe.tls.ca = ca.map(str::to_owned);
        Settings::parse(url, &probe)
    }

    fn check(url: &str, ca: Option<&str>, expected: (Mode, bool)) {
        let settings = settings(url, ca).map_err(|(_, detail)| detail).unwrap();
        assert_eq!(
            (settings.mode, settings.tls.verify),
            expected,
            "{url} {ca:?}"
        );
    }

    #[test]
    fn modes_mean_what_they_mean_elsewhere() {
        check("postgres://h/d", None, (Mode::Prefer, false));
        check("postgres://h/d", Some("ca.pem"), (Mode::Prefer, true));
        check(
            "postgres://h/d?sslmode=disable",
            None,
            (Mode::Disable, false),
        );
        check("postgres://h/d?sslmode=allow", None, (Mode::Prefer, false));
        check(
            "postgres://h/d?sslmode=require",
            None,
            (Mode::Require, false),
        );
        check(
            "postgres://h/d?sslmode=require",
            Some("ca.pem"),
            (Mode::Require, true),
        );
        check(
            "postgres://h/d?sslmode=require&sslrootcert=x",
            None,
            (Mode::Require, true),
        );
        check(
            "postgresql+psycopg://h/d?sslmode=verify-ca",
            None,
            (Mode::VerifyCa, true),
        );
        check(
            "postgres://h/d?sslmode=verify-full",
            None,
            (Mode::VerifyFull, true),
        );
    }

    fn check_refused(url: &str, part: &str) {
        let (_, detail) = settings(url, None).err().unwrap();
        assert!(detail.contains(part), "{url}: {detail}");
        assert!(!detail.contains("hush"), "{detail}");
    }

    #[test]
    fn what_cannot_be_asked_is_said() {
        check_refused("postgres://me:hush@h/d?sslmode=hush", "sslmode is none of");
        check_refused("mysql://me:hush@h/d", "starts with postgres://");
        check_refused("postgres:///d", "names no host");
        check_refused("postgres://h1:1,h2:2/d", "not a usable URL");
    }

    #[test]
    fn every_session_is_read_only_and_ends() {
        let url = "postgres://me:hush@h/shop?options=-csearch_path%3Da";
        let settings = settings(url, None).map_err(|(_, detail)| detail).unwrap();
        let said = settings.describe(Guard::Startup);
        let options = settings
            .config(Guard::Startup)
            .get_options()
            .unwrap()
            .to_owned();
        assert!(said.contains("user=me database=shop"), "{said}");
        assert!(!said.contains("hush"), "{said}");
        let own = "-c default_transaction_read_only=on -c statement_timeout=5000";
        assert_eq!(options, format!("-csearch_path=a {own}"));
        let without = settings.config(Guard::Transaction);
        assert_eq!(without.get_options(), Some("-csearch_path=a"));
        let begin = settings.begin(Guard::Transaction);
        assert_eq!(begin, "begin read only; set local statement_timeout = 5000");
    }
}
