//! An address of a thing.

/// Where something is reached, and which of its own ports that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) scheme: &'static str,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Inside.
    pub(crate) target: u16,
}

impl Address {
    pub(crate) fn url(&self) -> String {
        let Self {
            scheme, host, port, ..
        } = self;
        match (*scheme, *port) {
            ("http", 80) | ("https", 443) => format!("{scheme}://{host}"),
            _ => format!("{scheme}://{host}:{port}"),
        }
    }

    pub(crate) fn is_http(&self) -> bool {
        matches!(self.scheme, "http" | "https")
    }
}
