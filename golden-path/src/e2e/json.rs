//! libtest's JSON lines, with fields of our own.

use serde_json::{Value, json};

use super::case::Case;
use super::context::Record;

/// How one executed test ended.
#[derive(Debug, PartialEq)]
pub(crate) struct Ended {
    /// First line of the failure; `None` when it passed.
    pub(crate) message: Option<String>,
    pub(crate) exec_s: f64,
    pub(crate) record: Record,
}

/// Counts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Totals {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) ignored: usize,
    pub(crate) filtered_out: usize,
}

/// The lines of `--list`.
pub(crate) fn list(cases: &[Case], renames: &[(String, String)]) -> Vec<Value> {
    let ignored = cases.iter().filter(|case| case.ignored).count();
    let mut lines = vec![json!({"type": "suite", "event": "discovery"})];
    lines.extend(cases.iter().map(|case| discovered(case, renames)));
    lines.push(json!({
        "type": "suite", "event": "completed", "tests": cases.len(), "benchmarks": 0,
        "total": cases.len(), "ignored": ignored,
    }));
    lines
}

fn discovered(case: &Case, renames: &[(String, String)]) -> Value {
    let services: Vec<&str> = case
        .services
        .iter()
        .map(|service| renamed(service, renames))
        .collect();
    json!({
        "type": "test", "event": "discovered", "name": case.name, "ignore": case.ignored,
        "category": case.category, "priority": case.priority, "services": services,
        "risk": {"money_per_hour": case.risk.money_per_hour, "impact": case.risk.impact},
    })
}

fn renamed<'a>(service: &'a str, renames: &'a [(String, String)]) -> &'a str {
    renames
        .iter()
        .find(|(old, _)| old == service)
        .map_or(service, |(_, new)| new)
}

pub(crate) fn suite_started(tests: usize) -> Value {
    json!({"type": "suite", "event": "started", "test_count": tests})
}

pub(crate) fn test_started(name: &str) -> Value {
    json!({"type": "test", "event": "started", "name": name})
}

pub(crate) fn test_ignored(name: &str) -> Value {
    json!({"type": "test", "name": name, "event": "ignored"})
}

pub(crate) fn test_ended(name: &str, ended: &Ended) -> Value {
    let mut line = json!({
        "type": "test", "name": name,
        "event": if ended.message.is_none() { "ok" } else { "failed" },
        "exec_time": rounded(ended.exec_s),
        "assertions": ended.record.assertions,
        "connects": ended.record.connects,
        "stdout": ended.record.notes,
    });
    if let Some(message) = &ended.message {
        line["message"] = json!(message);
    }
    line
}

pub(crate) fn suite_ended(totals: Totals, exec_s: f64) -> Value {
    json!({
        "type": "suite", "event": if totals.failed == 0 { "ok" } else { "failed" },
        "passed": totals.passed, "failed": totals.failed, "ignored": totals.ignored,
        "measured": 0, "filtered_out": totals.filtered_out, "exec_time": rounded(exec_s),
    })
}

/// Seconds to the microsecond.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::super::case::cases;
    use super::super::context::{Outcome, Test};
    use super::*;

    async fn nothing(_: &Test) -> Outcome {
        Ok(())
    }

    fn sample() -> Vec<Case> {
        cases! {
            "auth", risk 12.5 "nobody can log in";
            P1 ["auth" "backend"] nothing,
            P6 [] nothing (ignored),
        }
    }

    #[test]
    fn the_list_declares_every_test() {
        let renames = [("auth".to_owned(), "login".to_owned())];
        let lines = list(&sample(), &renames);
        let expected = [
            json!({"type": "suite", "event": "discovery"}),
            json!({
                "type": "test", "event": "discovered", "name": "auth::nothing", "ignore": false,
                "category": "auth", "priority": "P1", "services": ["login", "backend"],
                "risk": {"money_per_hour": 12.5, "impact": "nobody can log in"},
            }),
            json!({
                "type": "test", "event": "discovered", "name": "auth::nothing", "ignore": true,
                "category": "auth", "priority": "P6", "services": [],
                "risk": {"money_per_hour": 12.5, "impact": "nobody can log in"},
            }),
            json!({
                "type": "suite", "event": "completed", "tests": 2, "benchmarks": 0, "total": 2,
                "ignored": 1,
            }),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_failure_has_a_message_and_a_pass_has_none() {
        let record = Record {
            assertions: 7,
            connects: vec!["127.0.0.1:4711".into()],
            notes: "GET /: 200\n".into(),
        };
        let mut ended = Ended {
            message: Some("broken".into()),
            exec_s: 0.012_000_04,
            record,
        };
        let mut expected = json!({
            "type": "test", "name": "a::b", "event": "failed", "exec_time": 0.012,
            "assertions": 7, "connects": ["127.0.0.1:4711"], "message": "broken",
            "stdout": "GET /: 200\n",
        });
        assert_eq!(test_ended("a::b", &ended), expected);
        ended.message = None;
        expected["event"] = json!("ok");
        expected.as_object_mut().unwrap().remove("message");
        assert_eq!(test_ended("a::b", &ended), expected);
    }

    #[test]
    fn a_suite_with_a_failure_failed() {
        let totals = Totals {
            passed: 2,
            failed: 1,
            ignored: 3,
            filtered_out: 4,
        };
        let expected = json!({
            "type": "suite", "event": "failed", "passed": 2, "failed": 1, "ignored": 3,
            "measured": 0, "filtered_out": 4, "exec_time": 1.5,
        });
        assert_eq!(suite_ended(totals, 1.5), expected);
        let event = &suite_ended(Totals::default(), 0.0)["event"];
        assert_eq!(event, "ok");
    }
}
