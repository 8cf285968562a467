//! Secrets are taken out on the way in, before anything is stored.
//!
//! Two kinds are known: values that the configuration declares (also as they look when they are
//! percent-encoded, base64-encoded or inside JSON), and shapes that are secret wherever they
//! stand: bearer and basic credentials, JSON web tokens, passwords in URLs, `password=…` pairs
//! and private keys. Each is replaced by `[redacted:KIND]`, which is never redacted again.

use std::borrow::Cow;

use assay_model::Secret;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use regex::bytes::{Captures, Regex};
use serde_json::Value;

/// Shorter values, in bytes, would be found everywhere by chance.
const VALUE_BYTES_MIN: usize = 4;

/// One shape of secret. The named group `secret` is what is replaced.
struct Shape {
    kind: &'static str,
    pattern: &'static str,
}

/// Longest first where one may hold another: a key block before what looks like a pair in it.
const SHAPES: &[Shape] = &[
    // RFC 7468; also when the end is missing, to the end of the text.
    Shape {
        kind: "private-key",
        pattern: r"(?-u)(?P<secret>-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\z))",
    },
    // RFC 7519 in the compact form of RFC 7515: a JSON object in base64url starts with `eyJ`.
    Shape {
        kind: "jwt",
        pattern: r"(?-u)(?P<secret>\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,})",
    },
    // RFC 6750 and RFC 7617.
    Shape {
        kind: "credentials",
        pattern: r"(?i-u)\b(?:bearer|basic)\s+(?P<secret>[A-Za-z0-9._~+/-]{8,}={0,2})",
    },
    // RFC 3986, userinfo.
    Shape {
        kind: "url-password",
        pattern: r"(?i-u)\b[a-z][a-z0-9+.-]{1,30}://[^\s/:@\x22']{0,200}:(?P<secret>[^\s/@\x22']{1,500})@",
    },
    // JSON and its escaped form, query strings, environment dumps.
    Shape {
        kind: "value",
        pattern: r#"(?i-u)\b(?:[a-z0-9_-]{0,40}(?:password|passwd|secret|api_?key|access_token|refresh_token|client_secret|code_verifier))\\?["']?\s*[:=]\s*\\?["']?(?P<secret>[^\s"'\\&,;}\[\]]{3,})"#,
    },
];

/// One look of a declared value, and what is put instead.
type Look = (Vec<u8>, String);

/// Takes secrets out of text.
#[derive(Debug, Default)]
pub struct Redactor {
    /// Every look of every declared value, and the name to put instead.
    declared: Option<(Regex, Vec<Look>)>,
    shapes: Vec<(&'static str, Regex)>,
    too_short: Vec<String>,
}

impl Redactor {
    /// A redactor that knows `secrets` by value, and all shapes.
    pub fn new(secrets: &[Secret]) -> Self {
        let mut looks: Vec<Look> = Vec::new();
        let mut too_short = Vec::new();
        for secret in secrets {
            if secret.value.len() < VALUE_BYTES_MIN {
                if !secret.value.is_empty() {
                    too_short.push(secret.name.clone());
                }
                continue;
            }
            let instead = format!("[redacted:{}]", secret.name);
            looks.extend(
                looks_of(&secret.value)
                    .into_iter()
                    .map(|look| (look, instead.clone())),
            );
        }
        // The longest first: the JSON form of a value may hold the value itself.
        looks.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
        looks.dedup_by(|a, b| a.0 == b.0);
        let alternatives: Vec<String> = looks
            .iter()
            .map(|(look, _)| regex::escape(&String::from_utf8_lossy(look)))
            .collect();
        let declared = (!looks.is_empty())
            .then(|| Regex::new(&alternatives.join("|")).ok())
            .flatten()
            .map(|regex| (regex, looks));
        let shapes = SHAPES
            .iter()
            .filter_map(|shape| Some((shape.kind, Regex::new(shape.pattern).ok()?)))
            .collect();
        Self {
            declared,
            shapes,
            too_short,
        }
    }

    /// Names of declared secrets whose value is too short to be looked for.
    pub fn too_short(&self) -> &[String] {
        &self.too_short
    }

    /// The text without its secrets. Redacting twice is redacting once.
    pub fn redact<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        let mut text = Cow::Borrowed(text);
        if let Some((regex, looks)) = &self.declared
            && regex.is_match(&text)
        {
            let replaced = regex.replace_all(&text, |found: &Captures<'_>| {
                let look = looks.iter().find(|(look, _)| look == &found[0]);
                look.map_or_else(
                    || b"[redacted]".to_vec(),
                    |(_, name)| name.clone().into_bytes(),
                )
            });
            text = Cow::Owned(replaced.into_owned());
        }
        for (kind, regex) in &self.shapes {
            if regex.is_match(&text) {
                let replaced =
                    regex.replace_all(&text, |found: &Captures<'_>| instead(kind, found));
                text = Cow::Owned(replaced.into_owned());
            }
        }
        text
    }

    /// Redacts every string in a JSON value, names of fields excepted; says whether any changed.
    pub fn redact_json(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => {
                let redacted = match self.redact(text.as_bytes()) {
                    Cow::Borrowed(_) => return false,
                    Cow::Owned(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                };
                let changed = redacted != *text;
                *text = redacted;
                changed
            }
            // No short-circuit: all of them must be looked at.
            Value::Array(items) => items
                .iter_mut()
                .fold(false, |changed, item| self.redact_json(item) | changed),
            Value::Object(fields) => fields
                .values_mut()
                .fold(false, |changed, item| self.redact_json(item) | changed),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
}

/// The match with its secret replaced; left alone where that was done before.
fn instead(kind: &str, found: &Captures<'_>) -> Vec<u8> {
    let whole = found.get(0).map_or(&[][..], |whole| whole.as_bytes());
    let Some(secret) = found.name("secret") else {
        return whole.to_vec();
    };
    let start = found.get(0).map_or(0, |whole| whole.start());
    let mut out = whole[..secret.start() - start].to_vec();
    if secret.as_bytes().starts_with(b"[redacted:") {
        return whole.to_vec();
    }
    out.extend_from_slice(format!("[redacted:{kind}]").as_bytes());
    out.extend_from_slice(&whole[secret.end() - start..]);
    out
}

/// How a value may look in a log or an exchange.
fn looks_of(value: &str) -> Vec<Vec<u8>> {
    let bytes = value.as_bytes();
    let quoted = Value::String(value.to_owned()).to_string();
    let mut looks = vec![
        bytes.to_vec(),
        percent_encoded(bytes, b"-._~").into_bytes(),
        percent_encoded(bytes, b"-._~!*'()").into_bytes(),
        quoted.trim_matches('"').as_bytes().to_vec(),
        STANDARD.encode(bytes).into_bytes(),
        STANDARD_NO_PAD.encode(bytes).into_bytes(),
        URL_SAFE_NO_PAD.encode(bytes).into_bytes(),
    ];
    looks.sort();
    looks.dedup();
    looks
}

/// RFC 3986, with `plain` left as it is beside letters and digits.
fn percent_encoded(bytes: &[u8], plain: &[u8]) -> String {
    let mut out = String::new();
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || plain.contains(byte) {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redactor() -> Redactor {
        Redactor::new(&[
            Secret {
                name: "DB_PASSWORD".into(),
                value: "s3cr3t/+\"x".into(),
            },
            Secret {
                name: "PIN".into(),
                value: "123".into(),
            },
        ])
    }

    fn check(text: &str, expected: &str) {
        let found = redactor().redact(text.as_bytes()).into_owned();
        assert_eq!(String::from_utf8_lossy(&found), expected);
        assert_eq!(
            redactor().redact(&found),
            found,
            "redacting twice is redacting once"
        );
    }

    #[test]
    fn declared_values_in_every_look() {
        check("pw s3cr3t/+\"x.", "pw [redacted:DB_PASSWORD].");
        check("q=s3cr3t%2F%2B%22x", "q=[redacted:DB_PASSWORD]");
        check(
            r#"{"a":"s3cr3t/+\"x"}"#,
            r#"{"a":"[redacted:DB_PASSWORD]"}"#,
        );
        check("czNjcjN0LysieA==", "[redacted:DB_PASSWORD]");
        check("pin 123", "pin 123");
        assert_eq!(redactor().too_short(), ["PIN"]);
    }

    #[test]
    fn shapes() {
        check(
            "Authorization: Bearer abcdefgh1234",
            "Authorization: Bearer [redacted:credentials]",
        );
        check(
            "authorization: basic dXNlcjpwYXNz",
            "authorization: basic [redacted:credentials]",
        );
        check(
            "t eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl end",
            "t [redacted:jwt] end",
        );
        check(
            "postgres://app:hunter2@db:5432/x",
            "postgres://app:[redacted:url-password]@db:5432/x",
        );
        check("password=hunter2&x=1", "password=[redacted:value]&x=1");
        check(
            r#"{"password":"hunter2","x":1}"#,
            r#"{"password":"[redacted:value]","x":1}"#,
        );
        check(
            r#"{\"client_secret\":\"abc123\"}"#,
            r#"{\"client_secret\":\"[redacted:value]\"}"#,
        );
        check("DB_PASSWORD=hunter2 x", "DB_PASSWORD=[redacted:value] x");
        check(
            "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----\nrest",
            "[redacted:private-key]\nrest",
        );
        check(
            "-----BEGIN PRIVATE KEY-----\nMIIB",
            "[redacted:private-key]",
        );
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in [
            "http://127.0.0.1:8000/health",
            "bearer of bad news",
            "the password is wrong",
            "4f1c2d3e4a5b6c7d8e9f00112233445566778899aabbccddeeff001122334455",
            "0b5f8a2e-1f64-4c1c-9d2b-6a1f0c9d8e7f",
            "secret",
            "2026-11-23T18:44:55.123Z GET /api/me 200",
        ] {
            check(text, text);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_redacted_once(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let once = redactor().redact(&bytes).into_owned();
            let twice = redactor().redact(&once).into_owned();
            prop_assert_eq!(once, twice);
        }

        #[test]
        fn a_declared_value_never_comes_through(
            before in "[ -~]{0,20}", after in "[ -~]{0,20}", value in "[A-Za-z0-9/+&=]{8,30}",
        ) {
            let redactor = Redactor::new(&[Secret { name: "X".into(), value: value.clone() }]);
            for look in looks_of(&value) {
                let text = [before.as_bytes(), &look, after.as_bytes()].concat();
                let out = redactor.redact(&text).into_owned();
                let found = out.windows(value.len()).any(|part| part == value.as_bytes());
                prop_assert!(!found);
            }
        }
    }
}
