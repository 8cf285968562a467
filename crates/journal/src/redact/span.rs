//! What the detectors report, and how they are written.

use std::ops::Range;

use regex::bytes::{Regex, RegexBuilder};

/// What was hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A declared value.
    Secret,
    Authorization,
    Jwt,
    UrlPassword,
    /// The value of a key such as `password` or `access_token`.
    Password,
    PrivateKey,
}

impl Kind {
    pub(super) fn marker(self) -> &'static str {
        match self {
            Self::Secret => "[redacted:secret]",
            Self::Authorization => "[redacted:authorization]",
            Self::Jwt => "[redacted:jwt]",
            Self::UrlPassword => "[redacted:url-password]",
            Self::Password => "[redacted:password]",
            Self::PrivateKey => "[redacted:private-key]",
        }
    }
}

/// Bytes to be hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) range: Range<usize>,
    pub(super) kind: Kind,
}

/// Compiles a pattern over bytes; classes are ASCII, letters match in either case.
pub(super) fn pattern(text: &str) -> Regex {
    RegexBuilder::new(text)
        .unicode(false)
        .case_insensitive(true)
        .build()
        .expect("the patterns of this crate are valid")
}
