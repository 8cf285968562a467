//! What an HTTP answer means. Pure: an answer in, a judgement out.

use std::collections::BTreeMap;

use assay_model::{HttpProbe, Reported, RevisionId, Status, StatusRange};
use http::{HeaderMap, header};
use serde_json::Value;

use crate::json_path;
use crate::timeline;

/// In which header a front door names the revision that answers.
const REVISION_HEADER: &str = "x-assay-revision";

/// Dependencies of one health document that are looked at. Far above what any one service has;
/// a document is somebody else's input.
const REPORTED_MAX: usize = 64;

/// Characters of a foreign value that fit into a line for a person.
const VALUE_CHARS_MAX: usize = 60;

/// What servers say, in a body with status 400, when a port that speaks TLS is asked without:
/// nginx and Go's `net/http`.
const WANTS_TLS: [&[u8]; 2] = [
    b"plain HTTP request was sent to HTTPS port",
    b"Client sent an HTTP request to an HTTPS server",
];

/// A whole answer to a probe.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    /// The body went on past what is read.
    pub(crate) truncated: bool,
    pub(crate) latency_ms: u64,
}

/// What it means.
pub(crate) struct Judgement {
    pub(crate) status: Status,
    pub(crate) detail: String,
    pub(crate) revision: Option<RevisionId>,
    pub(crate) reported: BTreeMap<String, Reported>,
}

/// Judges an answer.
pub(crate) fn judge(answer: &Answer<'_>, expected: &HttpProbe, degraded_ms: u64) -> Judgement {
    let document: Option<Value> = serde_json::from_slice(answer.body).ok();
    let text_at = |key: &str| {
        document
            .as_ref()
            .and_then(|d| d.get(key))
            .and_then(Value::as_str)
    };
    let says_degraded = text_at("status").is_some_and(|word| word.eq_ignore_ascii_case("degraded"));
    let says_broken = text_at("status").filter(|word| is_broken(word));
    let (code, took) = (answer.status, answer.latency_ms);
    let (status, detail) = if let Some(problem) = mismatch(answer, expected, document.as_ref()) {
        problem
    } else if let Some(word) = says_broken {
        (
            Status::Unavailable,
            format!("answered {code} in {took} ms and says of itself: {word}"),
        )
    } else if says_degraded {
        (
            Status::Degraded,
            format!("answered {code} in {took} ms and says of itself: degraded"),
        )
    } else {
        timeline::judge_pace(&format!("answered {code}"), took, degraded_ms)
    };
    let told = || {
        let told = text_at("revision").filter(|told| !told.is_empty());
        told.map(RevisionId::new)
    };
    Judgement {
        status,
        detail,
        revision: revision(answer.headers).or_else(told),
        reported: document.as_ref().map(reported).unwrap_or_default(),
    }
}

/// Words by which health documents say of themselves that they are not well, beside those of
/// draft-inadarei-api-health-check (`fail`), Spring Boot (`DOWN`, `OUT_OF_SERVICE`) and ASP.NET
/// (`Unhealthy`).
fn is_broken(word: &str) -> bool {
    const WORDS: [&str; 9] = [
        "critical",
        "down",
        "error",
        "fail",
        "failed",
        "failing",
        "out_of_service",
        "unavailable",
        "unhealthy",
    ];
    WORDS.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// The revision that a front door names.
pub(crate) fn revision(headers: &HeaderMap) -> Option<RevisionId> {
    text_of(headers, REVISION_HEADER)
        .filter(|named| !named.is_empty())
        .map(RevisionId::new)
}

fn mismatch(
    answer: &Answer<'_>,
    expected: &HttpProbe,
    document: Option<&Value>,
) -> Option<(Status, String)> {
    if let Some(problem) = wrong_status(answer, &expected.expect) {
        return Some(problem);
    }
    wrong_header(answer.headers, &expected.headers)
        .or_else(|| wrong_text(answer, expected.body.as_deref()))
        .or_else(|| wrong_json(answer, &expected.json, document))
        .map(|problem| (Status::Unavailable, problem))
}

fn wrong_status(answer: &Answer<'_>, expected: &[StatusRange]) -> Option<(Status, String)> {
    let got = answer.status;
    if expected.iter().any(|range| range.contains(got)) {
        return None;
    }
    let expected: Vec<_> = expected.iter().map(ToString::to_string).collect();
    let mut detail = format!("expected {}, got {got}", expected.join(" or "));
    let wants_tls = |said: &&[u8]| answer.body.windows(said.len()).any(|part| part == *said);
    let status = match got {
        401 | 403 | 407 => Status::AuthFailed,
        400 if WANTS_TLS.iter().any(wants_tls) => {
            detail.push_str(": the port speaks TLS, ask it with https");
            Status::TlsFailed
        }
        300..400 => {
            if let Some(to) = text_of(answer.headers, header::LOCATION.as_str()) {
                detail.push_str(&format!(", a redirect to {}", cut(to)));
            }
            Status::Unavailable
        }
        _ => Status::Unavailable,
    };
    Some((status, detail))
}

fn wrong_header(found: &HeaderMap, expected: &BTreeMap<String, String>) -> Option<String> {
    expected.iter().find_map(|(name, part)| {
        let values: Vec<_> = found
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        if values.is_empty() {
            Some(format!("expected the header {name}, got none"))
        } else if values.iter().any(|value| value.contains(&**part)) {
            None
        } else {
            let (part, got) = (cut(part), cut(&values.join(", ")));
            Some(format!("expected {name} to contain {part:?}, got {got:?}"))
        }
    })
}

fn wrong_text(answer: &Answer<'_>, expected: Option<&str>) -> Option<String> {
    let expected = expected?;
    let body = String::from_utf8_lossy(answer.body);
    if body.contains(expected) {
        return None;
    }
    let whole = if answer.truncated {
        format!("the first {} bytes of the body", answer.body.len())
    } else {
        "the body".to_owned()
    };
    let encoding = encoding_note(answer.headers);
    Some(format!(
        "expected {whole} to contain {:?}, got {:?}{encoding}",
        cut(expected),
        cut(body.trim())
    ))
}

fn wrong_json(
    answer: &Answer<'_>,
    expected: &BTreeMap<String, Value>,
    document: Option<&Value>,
) -> Option<String> {
    if expected.is_empty() {
        return None;
    }
    let Some(document) = document else {
        return Some(if answer.truncated {
            format!("the body is longer than {} bytes", answer.body.len())
        } else {
            format!("the body is not JSON{}", encoding_note(answer.headers))
        });
    };
    expected.iter().find_map(|(path, wanted)| {
        let found = json_path::find(document, path);
        if found.is_some_and(|found| same(found, wanted) || is_degraded_word(path, found)) {
            return None;
        }
        let found = found.map_or_else(|| "nothing".to_owned(), |found| cut(&found.to_string()));
        let wanted = cut(&wanted.to_string());
        Some(format!("expected {path} to be {wanted}, got {found}"))
    })
}

/// Compression was declined; a server that compresses all the same sends what cannot be read.
fn encoding_note(headers: &HeaderMap) -> String {
    match text_of(headers, header::CONTENT_ENCODING.as_str()) {
        Some(encoding) if encoding != "identity" => {
            format!(" (compressed as {}, unasked)", cut(encoding))
        }
        _ => String::new(),
    }
}

fn text_of<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
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

/// As much of a foreign text as fits into a line for a person.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
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
        let mut expected = HttpProbe::get("/");
        expected.json = wanted.as_object().unwrap().clone().into_iter().collect();
        judge_with(status, &[], body, took, &expected)
    }

    fn judge_with(
        status: u16,
        headers: &[(&'static str, &'static str)],
        body: &str,
        took: u64,
        expected: &HttpProbe,
    ) -> Judgement {
        let header = |(name, value): &(&'static str, &'static str)| {
            (
                http::HeaderName::from_static(name),
                http::HeaderValue::from_static(value),
            )
        };
        let answer = Answer {
            status,
            headers: &headers.iter().map(header).collect(),
            body: body.as_bytes(),
            truncated: false,
            latency_ms: took,
        };
        judge(&answer, expected, 100)
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

    fn check_expected(change: impl FnOnce(&mut HttpProbe), expected: (Status, &str)) {
        let mut probe = HttpProbe::get("/");
        change(&mut probe);
        let headers = [("content-type", "text/html"), ("location", "/login")];
        let status = if probe.method == "GET" { 200 } else { 302 };
        let got = judge_with(status, &headers, "all is well", 5, &probe);
        assert_eq!(got.status, expected.0, "{}", got.detail);
        assert!(got.detail.contains(expected.1), "{}", got.detail);
    }

    #[test]
    fn statuses_headers_and_text_are_expected() {
        use Status::{Healthy, Unavailable};
        let header = |name: &str, part: &str| BTreeMap::from([(name.to_owned(), part.to_owned())]);
        check_expected(
            |p| p.headers = header("Content-Type", "html"),
            (Healthy, ""),
        );
        check_expected(|p| p.headers = header("content-type", ""), (Healthy, ""));
        check_expected(
            |p| p.headers = header("content-type", "json"),
            (
                Unavailable,
                r#"content-type to contain "json", got "text/html""#,
            ),
        );
        check_expected(
            |p| p.headers = header("etag", ""),
            (Unavailable, "expected the header etag, got none"),
        );
        check_expected(|p| p.body = Some("well".to_owned()), (Healthy, ""));
        check_expected(
            |p| p.body = Some("ill".to_owned()),
            (Unavailable, r#"to contain "ill", got "all is well""#),
        );
        let range = StatusRange { from: 200, to: 299 };
        check_expected(|p| p.expect = vec![range], (Healthy, ""));
        check_expected(
            |p| {
                p.expect = vec![
                    StatusRange::exactly(204),
                    StatusRange { from: 300, to: 399 },
                ]
            },
            (Unavailable, "expected 204 or 300-399, got 200"),
        );
        check_expected(
            |p| p.method = "HEAD".to_owned(),
            (Unavailable, "got 302, a redirect to /login"),
        );
    }

    #[test]
    fn who_is_refused_is_told_apart() {
        let none = json!({});
        check(401, "", 5, &none, (Status::AuthFailed, "got 401"));
        check(403, "", 5, &none, (Status::AuthFailed, "got 403"));
        check(407, "", 5, &none, (Status::AuthFailed, "got 407"));
        check(404, "", 5, &none, (Status::Unavailable, "got 404"));
        let nginx = "<p>The plain HTTP request was sent to HTTPS port</p>";
        check(400, nginx, 5, &none, (Status::TlsFailed, "with https"));
        check(400, "no", 5, &none, (Status::Unavailable, "got 400"));
    }

    #[test]
    fn unasked_compression_is_named() {
        let mut expected = HttpProbe::get("/");
        expected.json = BTreeMap::from([("$.a".to_owned(), json!(1))]);
        let got = judge_with(200, &[("content-encoding", "gzip")], "\u{1f}", 5, &expected);
        assert_eq!(
            got.detail,
            "the body is not JSON (compressed as gzip, unasked)"
        );
    }

    #[test]
    fn the_header_names_the_revision_before_the_body_does() {
        let revision = |headers: &[(&'static str, &'static str)]| {
            let body = r#"{"revision":"from-body"}"#;
            let judged = judge_with(200, headers, body, 1, &HttpProbe::get("/"));
            judged.revision.unwrap()
        };
        assert_eq!(
            &*revision(&[("x-assay-revision", "from-header")]),
            "from-header"
        );
        assert_eq!(&*revision(&[]), "from-body");
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
