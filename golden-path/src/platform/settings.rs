//! What a service is told by its environment.

use std::path::PathBuf;

use super::Role;

/// Everything that a process is told from outside.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) role: Role,
    /// Its name in logs and `/health`.
    pub(crate) service: String,
    pub(crate) revision: String,
    /// Port on 127.0.0.1.
    pub(crate) port: u16,
    /// Root of the bundle.
    pub(crate) bundle: PathBuf,
    /// Entry script, relative to the bundle.
    pub(crate) entry: String,
    pub(crate) auth_url: Option<String>,
    pub(crate) backend_url: Option<String>,
    /// Folder of the SQLite file.
    pub(crate) data_dir: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("missing environment variable: {0}")]
    Missing(&'static str),
    #[error("environment variable PORT is not a port: `{0}`")]
    Port(String),
}

impl Settings {
    /// Reads what `role` needs; `lookup` answers `None` for a variable that is not set.
    pub(crate) fn read(
        role: Role,
        bundle: PathBuf,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        let get = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let need = |name: &'static str| get(name).ok_or(SettingsError::Missing(name));
        let port = need("PORT")?;
        let port = port.parse().map_err(|_| SettingsError::Port(port))?;
        let url = |name: &str| get(name).map(|url| url.trim_end_matches('/').to_owned());
        let required: &[&'static str] = match role {
            Role::Auth => &["BACKEND_URL", "DATA_DIR"],
            Role::Backend => &["AUTH_URL", "DATA_DIR"],
            Role::Frontend => &["AUTH_URL", "BACKEND_URL"],
        };
        for name in required {
            need(name)?;
        }
        Ok(Self {
            role,
            service: get("SERVICE").unwrap_or_else(|| role.word().to_owned()),
            revision: get("REVISION").unwrap_or_else(|| "dev".to_owned()),
            port,
            bundle,
            entry: get("ENTRY").unwrap_or_else(|| "main.rhai".to_owned()),
            auth_url: url("AUTH_URL"),
            backend_url: url("BACKEND_URL"),
            data_dir: match role {
                Role::Frontend => None,
                Role::Auth | Role::Backend => get("DATA_DIR").map(PathBuf::from),
            },
        })
    }

    /// The services that this one asks: name and URL.
    pub(crate) fn upstreams(&self) -> Vec<(&'static str, String)> {
        let auth = self.auth_url.clone().map(|url| ("auth", url));
        let backend = self.backend_url.clone().map(|url| ("backend", url));
        let asked = match self.role {
            Role::Auth => vec![backend],
            Role::Backend => vec![auth],
            Role::Frontend => vec![auth, backend],
        };
        asked.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(role: Role, env: &[(&str, &str)], expected: Result<u16, SettingsError>) {
        let lookup = |name: &str| {
            env.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        let read = Settings::read(role, PathBuf::from("."), &lookup);
        assert_eq!(read.map(|settings| settings.port), expected);
    }

    #[test]
    fn a_missing_variable_is_named() {
        check(Role::Auth, &[], Err(SettingsError::Missing("PORT")));
        check(
            Role::Auth,
            &[("PORT", "")],
            Err(SettingsError::Missing("PORT")),
        );
        check(
            Role::Auth,
            &[("PORT", "1")],
            Err(SettingsError::Missing("BACKEND_URL")),
        );
        check(
            Role::Backend,
            &[("PORT", "1")],
            Err(SettingsError::Missing("AUTH_URL")),
        );
        check(
            Role::Backend,
            &[("PORT", "1"), ("AUTH_URL", "http://a")],
            Err(SettingsError::Missing("DATA_DIR")),
        );
        check(
            Role::Frontend,
            &[("PORT", "1"), ("AUTH_URL", "http://a")],
            Err(SettingsError::Missing("BACKEND_URL")),
        );
    }

    #[test]
    fn a_port_is_a_number() {
        check(
            Role::Auth,
            &[("PORT", "http")],
            Err(SettingsError::Port("http".into())),
        );
        check(
            Role::Auth,
            &[("PORT", "65536")],
            Err(SettingsError::Port("65536".into())),
        );
        let all = [
            ("PORT", "8080"),
            ("AUTH_URL", "http://a"),
            ("BACKEND_URL", "http://b"),
        ];
        check(Role::Frontend, &all, Ok(8080));
    }
}
