//! Redaction: secrets are replaced before anything is stored.
//!
//! Every detector looks at the same text and reports [`Span`]s; spans that overlap become one,
//! and one marker takes its place. A marker that is already there is never cut or replaced by
//! another, so redacting twice gives what redacting once gave.

mod declared;
mod pem;
mod shapes;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use assay_model::Secret;
use regex::bytes::{Regex, RegexBuilder};

use self::declared::Declared;

/// A declared value shorter than this is not looked for: it would be found everywhere.
const DECLARED_BYTES_MIN: usize = 4;

/// What was hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
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
    fn marker(self) -> &'static str {
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

static MARKER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\[redacted:(?:secret|authorization|jwt|url-password|password|private-key)\]")
});

/// Bytes to be hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Span {
    range: Range<usize>,
    kind: Kind,
}

/// A declared secret that is not looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Its name, never its value.
    pub name: String,
    /// Why.
    pub reason: &'static str,
}

/// Replaces secrets by `[redacted:KIND]`. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Redactor {
    declared: Arc<Declared>,
}

impl Redactor {
    /// A redactor for what every project hides, and for the values of `secrets`, also where they
    /// are percent-encoded, escaped as in JSON, or in base64.
    pub fn new(secrets: &[Secret]) -> Self {
        Self::sparing(secrets, &[])
    }

    /// The same, but a secret whose value is one of `names` is not looked for: a password that is
    /// equal to the name of a service cannot be hidden without hiding the service.
    pub fn sparing(secrets: &[Secret], names: &[&str]) -> Self {
        Self {
            declared: Arc::new(Declared::new(secrets, names)),
        }
    }

    /// Declared secrets that are not looked for; a person should be told.
    pub fn ignored(&self) -> &[Ignored] {
        self.declared.ignored()
    }

    /// Hides every secret in `bytes`, which may be any bytes. Takes time in proportion to their
    /// length.
    pub fn redact<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let mut spans = Vec::new();
        self.declared.spans(bytes, &mut spans);
        shapes::spans(bytes, &mut spans);
        if spans.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let markers = MARKER.find_iter(bytes).map(|found| found.range()).collect();
        let spans = merge(spans, markers);
        if spans.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let mut clean = Vec::with_capacity(bytes.len());
        let mut done = 0;
        for span in spans {
            clean.extend_from_slice(&bytes[done..span.range.start]);
            clean.extend_from_slice(span.kind.marker().as_bytes());
            done = span.range.end;
        }
        clean.extend_from_slice(&bytes[done..]);
        Cow::Owned(clean)
    }

    /// The redacted text, or `None` when there is nothing to hide.
    pub(crate) fn redact_str(&self, text: &str) -> Option<String> {
        match self.redact(text.as_bytes()) {
            Cow::Borrowed(_) => None,
            Cow::Owned(clean) => Some(match String::from_utf8(clean) {
                Ok(clean) => clean,
                Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            }),
        }
    }

    /// Whether the whole text is a declared value.
    pub(crate) fn is_declared(&self, text: &str) -> bool {
        self.declared.is_value(text)
    }

    /// Whether a field of this name holds a secret.
    pub(crate) fn is_secret_key(&self, key: &str) -> bool {
        shapes::is_secret_key(key)
    }

    /// What stands in the place of the value of such a field.
    pub(crate) fn hidden_value(value: &str) -> String {
        let marked = MARKER
            .find(value.as_bytes())
            .is_some_and(|found| found.len() == value.len());
        if value.is_empty() || marked {
            value
        } else {
            Kind::Password.marker()
        }
        .to_owned()
    }
}

/// Joins spans that overlap, in order; each has the kind of its widest part. What begins
/// inside a marker was hidden before and is dropped; a marker in which a span ends is swallowed
/// whole.
fn merge(mut spans: Vec<Span>, markers: Vec<Range<usize>>) -> Vec<Span> {
    let around = |at: usize| {
        let next = markers.partition_point(|marker| marker.end <= at);
        markers.get(next).filter(|marker| marker.start <= at)
    };
    spans.retain_mut(|span| {
        if span.range.is_empty() || around(span.range.start).is_some() {
            return false;
        }
        if let Some(marker) = around(span.range.end - 1) {
            span.range.end = marker.end;
        }
        true
    });
    spans.sort_by_key(|span| (span.range.start, Reverse(span.range.end)));
    let mut merged: Vec<Span> = Vec::new();
    let mut widest = 0;
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.range.start < last.range.end => {
                if span.range.len() > widest {
                    widest = span.range.len();
                    last.kind = span.kind;
                }
                last.range.end = last.range.end.max(span.range.end);
            }
            _ => {
                widest = span.range.len();
                merged.push(span);
            }
        }
    }
    merged
}

/// Compiles a pattern over bytes; classes are ASCII, letters match in either case.
fn pattern(text: &str) -> Regex {
    RegexBuilder::new(text)
        .unicode(false)
        .case_insensitive(true)
        .build()
        .expect("the patterns of this crate are valid")
}

#[cfg(test)]
mod tests;
