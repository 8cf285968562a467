//! From a body to the text that is stored: redacted, and known to be readable again.

use assay_model::{Body, Timestamp};
use serde_json::Value;
use thiserror::Error;

use crate::redact::Redactor;

/// Longest payload that is stored. A diagnosis with hundreds of symptoms is far below it; bytes
/// in such amounts belong in the vault.
const PAYLOAD_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A body cannot be stored.
#[derive(Debug, Error)]
pub enum EncodeError {
    /// It has no JSON form.
    #[error("event {kind} has no JSON form")]
    Json {
        /// Kind of the event.
        kind: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// Its stored form cannot be read again.
    #[error("event {kind} cannot be read back once it is stored")]
    Unreadable {
        /// Kind of the event.
        kind: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// Its stored form is too long.
    #[error("event {kind} takes {bytes} bytes; an event may take {PAYLOAD_BYTES_MAX}")]
    TooLong {
        /// Kind of the event.
        kind: &'static str,
        /// Length of its stored form.
        bytes: usize,
    },
}

/// A body that is ready to be stored.
#[derive(Debug)]
pub(crate) struct Encoded {
    /// The body as whoever reads the journal will see it.
    pub(crate) body: Body,
    /// Its JSON text.
    pub(crate) payload: String,
}

/// Which strings are left alone even though they contain a declared secret.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spare {
    /// Hashes and times.
    Shapes,
    /// Single words, too: a secret that is also a word of the stored form would make the event
    /// unreadable, and hides nothing there.
    Words,
}

/// Redacts the strings of a body.
pub(crate) fn encode(redactor: &Redactor, body: &Body) -> Result<Encoded, EncodeError> {
    let kind = body.kind();
    let json = |source| EncodeError::Json { kind, source };
    let mut last = None;
    for spare in [Spare::Shapes, Spare::Words] {
        let mut value = serde_json::to_value(body).map_err(json)?;
        redact_value(redactor, spare, &mut value);
        let payload = serde_json::to_string(&value).map_err(json)?;
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(EncodeError::TooLong {
                kind,
                bytes: payload.len(),
            });
        }
        // Read back here, so that what a stage is told is exactly what a resumed run will see,
        // and so that nothing is ever stored that a resumed run could not read.
        match serde_json::from_str::<Body>(&payload) {
            Ok(body) => return Ok(Encoded { body, payload }),
            Err(source) => last = Some(source),
        }
    }
    let source = last.unwrap_or_else(|| serde::de::Error::custom("it was never tried"));
    Err(EncodeError::Unreadable { kind, source })
}

fn redact_value(redactor: &Redactor, spare: Spare, value: &mut Value) {
    match value {
        Value::String(text) => redact_text(redactor, spare, text),
        Value::Array(values) => {
            for value in values {
                redact_value(redactor, spare, value);
            }
        }
        Value::Object(fields) => {
            let keys: Vec<String> = fields
                .keys()
                .filter(|key| !is_field_name(key))
                .cloned()
                .collect();
            for key in keys {
                if let Some(clean) = redactor.redact_str(&key)
                    && let Some(value) = fields.remove(&key)
                {
                    fields.insert(clean, value);
                }
            }
            for (key, value) in fields {
                match value {
                    Value::String(text) if redactor.is_secret_key(key) => {
                        *text = Redactor::hidden_value(text);
                    }
                    value => redact_value(redactor, spare, value),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn redact_text(redactor: &Redactor, spare: Spare, text: &mut String) {
    let shape = is_hash(text) || is_time(text);
    let word = spare == Spare::Words && is_word(text);
    if (shape || word) && !(shape && redactor.is_declared(text)) {
        return;
    }
    if let Some(clean) = redactor.redact_str(text) {
        *text = clean;
    }
}

/// What the fields of our own types look like.
fn is_field_name(key: &str) -> bool {
    key.bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn is_hash(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_time(text: &str) -> bool {
    text.len() >= 20 && text.ends_with('Z') && text.parse::<Timestamp>().is_ok()
}

fn is_word(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use assay_model::{EndState, Secret, Step};
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(secret: &str, body: &Body, expected: &Body) {
        let secrets = [Secret {
            name: "S".to_owned(),
            value: secret.to_owned(),
        }];
        let encoded = encode(&Redactor::new(&secrets), body).unwrap();
        assert_eq!(&encoded.body, expected);
        assert_eq!(
            &serde_json::from_str::<Body>(&encoded.payload).unwrap(),
            expected
        );
    }

    fn end(reason: &str) -> Body {
        Body::RunFinished {
            end: EndState::Green,
            reason: reason.to_owned(),
        }
    }

    fn act(result: Value) -> Body {
        Body::ActFinished {
            key: "k".to_owned(),
            result,
        }
    }

    #[test]
    fn secrets_in_strings_are_hidden() {
        check(
            "hunter22",
            &end("it was hunter22."),
            &end("it was [redacted:secret]."),
        );
        check(
            "hunter22",
            &act(json!(["a", {"b": "hunter22"}])),
            &act(json!(["a", {"b": "[redacted:secret]"}])),
        );
        check(
            "nothing",
            &act(json!({"access_token": "abc"})),
            &act(json!({"access_token": "[redacted:password]"})),
        );
        check(
            "hunter-22",
            &act(json!({"x hunter-22": 1})),
            &act(json!({"x [redacted:secret]": 1})),
        );
        check(
            "nothing",
            &act(json!({"n": 1.25, "t": true})),
            &act(json!({"n": 1.25, "t": true})),
        );
    }

    #[test]
    fn a_secret_that_is_a_word_of_the_format_does_not_make_the_event_unreadable() {
        check(
            "green",
            &end("green at last"),
            &end("[redacted:secret] at last"),
        );
        let started = Body::StepStarted {
            step: Step::Ready,
            cycle: 1,
            attempt: 1,
        };
        check("step_started", &started, &started);
        check("ready", &started, &started);
    }

    #[test]
    fn a_hash_that_happens_to_contain_a_secret_is_left_alone() {
        let hash = "beef".repeat(16);
        let evidence = json!({"hash": hash, "commit": "0123beef01230123012301230123012301230123"});
        check("beef", &act(evidence.clone()), &act(evidence));
        check(
            &hash.clone(),
            &act(json!({"key": hash})),
            &act(json!({"key": "[redacted:secret]"})),
        );
    }

    #[test]
    fn what_could_not_be_read_back_is_refused() {
        let mut deep = json!(1);
        for _ in 0..200 {
            deep = json!([deep]);
        }
        let refused = encode(&Redactor::new(&[]), &act(deep)).err().unwrap();
        assert!(matches!(
            refused,
            EncodeError::Unreadable {
                kind: "act_finished",
                ..
            }
        ));
    }
}
