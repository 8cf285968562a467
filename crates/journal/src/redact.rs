//! Redaction: secrets are replaced before anything is stored.
//!
//! Every detector looks at the same text and reports spans; spans that overlap become one, and
//! one marker takes its place. A marker that is already there is never cut or replaced by another,
//! and a text is looked through until nothing is found: redacting twice gives what redacting once
//! gave.

mod declared;
mod pem;
mod shapes;
mod span;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use assay_model::Secret;
use regex::bytes::Regex;

use self::declared::Declared;
pub use self::declared::Ignored;
use self::span::{Kind, Span, pattern};

/// Times that a text is looked through. A marker may make what stands beside it look like a
/// secret, which the second look then hides; the rest is caution.
const ROUNDS_MAX: u32 = 8;

static MARKER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\[redacted:(?:secret|authorization|jwt|url-password|password|private-key)\]")
});

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
        let mut clean = Cow::Borrowed(bytes);
        for _ in 0..ROUNDS_MAX {
            let spans = self.spans(&clean);
            if spans.is_empty() {
                break;
            }
            clean = Cow::Owned(replace(&clean, spans));
        }
        clean
    }

    /// What is to be hidden, in order and without overlaps.
    fn spans(&self, bytes: &[u8]) -> Vec<Span> {
        let mut spans = Vec::new();
        self.declared.spans(bytes, &mut spans);
        shapes::spans(bytes, &mut spans);
        if spans.is_empty() {
            return spans;
        }
        let markers = MARKER.find_iter(bytes).map(|found| found.range());
        merge(spans, markers.collect())
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

/// The text with a marker in the place of each span.
fn replace(text: &[u8], spans: Vec<Span>) -> Vec<u8> {
    let mut clean = Vec::with_capacity(text.len());
    let mut done = 0;
    for span in spans {
        clean.extend_from_slice(&text[done..span.range.start]);
        clean.extend_from_slice(span.kind.marker().as_bytes());
        done = span.range.end;
    }
    clean.extend_from_slice(&text[done..]);
    clean
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

#[cfg(test)]
mod tests;
