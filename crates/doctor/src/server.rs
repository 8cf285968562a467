//! What is known of a kind of server: `servers/*.toml`.

use serde::Deserialize;
use thiserror::Error;

use crate::get::Get;

/// A kind of server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Server {
    id: String,
    /// For a sentence.
    pub(crate) name: String,
    /// Schemes of its URLs.
    pub(crate) schemes: Vec<String>,
    /// Where it listens, unless told otherwise.
    pub(crate) port: u16,
    /// Commands that start one that is installed.
    pub(crate) start: Vec<String>,
    pub(crate) get: Get,
}

/// A file of a server is not valid.
#[derive(Debug, Error)]
#[error("server {id}: {problem}")]
pub(crate) struct ServerError {
    id: String,
    problem: String,
}

impl Server {
    /// Reads the file of the server `stem`.
    ///
    /// # Errors
    /// When it is not valid.
    pub(crate) fn checked(stem: &str, text: &str) -> Result<Self, ServerError> {
        let wrong = |problem: String| ServerError {
            id: stem.to_owned(),
            problem,
        };
        let server: Self = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if server.id != stem {
            return Err(wrong(format!("its id is {:?}", server.id)));
        }
        Ok(server)
    }
}
