//! What an HTTP answer means. Pure: an answer in, a judgement out.

use std::collections::BTreeMap;

use assay_model::{Reported, RevisionId, Status};
use serde_json::Value;

use crate::json_path;

/// Dependencies of one health document that are looked at. Far above what any one service has;
/// a document is somebody else's input.
const REPORTED_MAX: usize = 64;

/// Characters of a foreign value that fit into a line for a person.
const VALUE_CHARS_MAX: usize = 60;

/// A whole answer to a probe.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    /// Value of the header `x-assay-revision`.
    pub(crate) revision: Option<String>,
    pub(crate) body: &'a [u8],
    /// The body went on past what is read.
    pub(crate) truncated: bool,
    pub(crate) latency_ms: u64,
}

/// What was expected of it.
pub(crate) struct Expected<'a> {
    pub(crate) status: u16,
    pub(crate) json: &'a BTreeMap<String, Value>,
    pub(crate) degraded_ms: u64,
}

/// What it means.
pub(crate) struct Judgement {
    pub(crate) status: Status,
    pub(crate) detail: String,
    pub(crate) revision: Option<RevisionId>,
    pub(crate) reported: BTreeMap<String, Reported>,
}

/// Judges an answer.
pub(crate) fn judge(answer: &Answer<'_>, expected: &Expected<'_>) -> Judgement {
    let document: Option<Value> = serde_json::from_slice(answer.body).ok();
    let text_at = |key: &str| {
        document
            .as_ref()
            .and_then(|d| d.get(key))
            .and_then(Value::as_str)
    };
    let says_degraded = text_at("status").is_some_and(|word| word.eq_ignore_ascii_case("degraded"));
    let (code, took) = (answer.status, answer.latency_ms);
    let (status, detail) = if let Some(problem) = mismatch(answer, expected, document.as_ref()) {
        (Status::Unavailable, problem)
    } else if says_degraded {
        (
            Status::Degraded,
            format!("answered {code} in {took} ms and says of itself: degraded"),
        )
    } else if took > expected.degraded_ms {
        let limit = expected.degraded_ms;
        (
            Status::Degraded,
            format!("answered {code} in {took} ms, slower than {limit} ms"),
        )
    } else {
        (Status::Healthy, format!("answered {code} in {took} ms"))
    };
    let revision = answer.revision.as_deref().or_else(|| text_at("revision"));
    Judgement {
        status,
        detail,
        revision: revision
            .filter(|revision| !revision.is_empty())
            .map(RevisionId::new),
        reported: document.as_ref().map(reported).unwrap_or_default(),
    }
}

fn mismatch(
    answer: &Answer<'_>,
    expected: &Expected<'_>,
    document: Option<&Value>,
) -> Option<String> {
    if answer.status != expected.status {
        return Some(format!(
            "expected {}, got {}",
            expected.status, answer.status
        ));
    }
    if expected.json.is_empty() {
        return None;
    }
    let Some(document) = document else {
        return Some(if answer.truncated {
            format!("the body is longer than {} bytes", answer.body.len())
        } else {
            "the body is not JSON".to_owned()
        });
    };
    expected.json.iter().find_map(|(path, wanted)| {
        let found = json_path::find(document, path);
        if found.is_some_and(|found| same(found, wanted) || is_degraded_word(path, found)) {
            return None;
        }
        let found = found.map_or_else(|| "nothing".to_owned(), shorten);
        Some(format!(
            "expected {path} to be {}, got {found}",
            shorten(wanted)
        ))
    })
}

/// `1` and `1.0` are one number, whichever of them a person or a program writes.
fn same(found: &Value, wanted: &Value) -> bool {
    found == wanted
        || found
            .as_f64()
            .is_some_and(|number| wanted.as_f64() == Some(number))
}

/// A service that says "degraded" where "healthy" is expected still serves.
fn is_degraded_word(path: &str, found: &Value) -> bool {
    path == "$.status"
        && found
            .as_str()
            .is_some_and(|word| word.eq_ignore_ascii_case("degraded"))
}

fn shorten(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// `dependencies: { name: { status, latency_ms } }` of a health document.
fn reported(document: &Value) -> BTreeMap<String, Reported> {
    let Some(dependencies) = document.get("dependencies").and_then(Value::as_object) else {
        return BTreeMap::new();
    };
    let entry = |(name, said): (&String, &Value)| {
        let status = said.get("status")?.as_str()?.to_owned();
        let latency = said.get("latency_ms").and_then(Value::as_f64);
        let latency_ms = latency.filter(|ms| *ms >= 0.0).map(|ms| ms.round() as u64);
        Some((name.clone(), Reported { status, latency_ms }))
    };
    dependencies
        .iter()
        .take(REPORTED_MAX)
        .filter_map(entry)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn judge_answer(status: u16, body: &str, took: u64, wanted: &Value) -> Judgement {
        let json = wanted.as_object().unwrap().clone().into_iter().collect();
        let body = body.as_bytes();
        let answer = Answer {
            status,
            revision: None,
            body,
            truncated: false,
            latency_ms: took,
        };
        judge(
            &answer,
            &Expected {
                status: 200,
                json: &json,
                degraded_ms: 100,
            },
        )
    }

    fn check(status: u16, body: &str, took: u64, wanted: &Value, expected: (Status, &str)) {
        let got = judge_answer(status, body, took, wanted);
        assert_eq!(
            got.status, expected.0,
            "{status} {body} in {took} ms: {}",
            got.detail
        );
        assert!(got.detail.contains(expected.1), "{}", got.detail);
    }

    #[test]
    fn answers_are_told_apart() {
        use Status::{Degraded, Healthy, Unavailable};
        let none = json!({});
        let healthy = json!({ "$.status": "healthy" });
        let body = r#"{"status":"healthy"}"#;
        check(200, "", 5, &none, (Healthy, "answered 200 in 5 ms"));
        check(200, "not json", 100, &none, (Healthy, ""));
        check(200, "", 101, &none, (Degraded, "slower than 100 ms"));
        check(503, "", 5, &none, (Unavailable, "expected 200, got 503"));
        check(204, "", 5, &none, (Unavailable, "expected 200, got 204"));
        check(
            503,
            r#"{"status":"degraded"}"#,
            5,
            &none,
            (Unavailable, "got 503"),
        );
        check(
            200,
            r#"{"status":"degraded"}"#,
            5,
            &none,
            (Degraded, "says of itself"),
        );
        check(
            200,
            r#"{"status":"Degraded"}"#,
            5,
            &healthy,
            (Degraded, "says of itself"),
        );
        check(200, body, 5, &healthy, (Healthy, ""));
        check(200, body, 500, &healthy, (Degraded, "slower"));
        check(
            200,
            r#"{"status":"starting"}"#,
            5,
            &healthy,
            (Unavailable, "got \"starting\""),
        );
        check(200, "{}", 5, &healthy, (Unavailable, "got nothing"));
        check(200, "<html>", 5, &healthy, (Unavailable, "not JSON"));
        check(200, r#"{"n":1}"#, 5, &json!({ "$.n": 1.0 }), (Healthy, ""));
        check(
            200,
            r#"{"n":"1"}"#,
            5,
            &json!({ "$.n": 1 }),
            (Unavailable, "got \"1\""),
        );
    }

    #[test]
    fn the_header_names_the_revision_before_the_body_does() {
        let body = br#"{"revision":"from-body"}"#;
        let revision = |header: Option<&str>| {
            let revision = header.map(str::to_owned);
            let answer = Answer {
                status: 200,
                revision,
                body,
                truncated: false,
                latency_ms: 1,
            };
            let expected = Expected {
                status: 200,
                json: &BTreeMap::new(),
                degraded_ms: 100,
            };
            judge(&answer, &expected).revision.unwrap()
        };
        assert_eq!(&*revision(Some("from-header")), "from-header");
        assert_eq!(&*revision(None), "from-body");
    }

    #[test]
    fn what_a_service_says_of_its_dependencies_is_kept() {
        let body = json!({ "dependencies": {
            "db": { "status": "degraded", "latency_ms": 5000.4 },
            "auth": { "status": "healthy" },
            "odd": 3,
        } });
        let reported = judge_answer(503, &body.to_string(), 1, &json!({})).reported;
        let seen: Vec<_> = reported
            .iter()
            .map(|(name, said)| (&**name, &*said.status, said.latency_ms))
            .collect();
        assert_eq!(
            seen,
            [("auth", "healthy", None), ("db", "degraded", Some(5000))]
        );
    }

    #[test]
    fn a_huge_document_is_cut() {
        let many: serde_json::Map<_, _> = (0..1000)
            .map(|n| (n.to_string(), json!({ "status": "healthy" })))
            .collect();
        let body = json!({ "dependencies": many }).to_string();
        assert_eq!(
            judge_answer(200, &body, 1, &json!({})).reported.len(),
            REPORTED_MAX
        );
        let wanted = json!({ "$.dependencies": "x" });
        assert!(judge_answer(200, &body, 1, &wanted).detail.len() < 200);
    }

    proptest! {
        #[test]
        fn any_body_is_judged(body in "[{}\\[\\]\":,a-z0-9é ]{0,60}", took in 0_u64..300) {
            let judgement = judge_answer(200, &body, took, &json!({ "$.a": 1 }));
            prop_assert!(!judgement.detail.is_empty());
        }
    }
}
