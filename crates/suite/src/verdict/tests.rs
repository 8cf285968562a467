use assay_model::{Priority, TestId};

use super::*;

/// One test's attempts, as a line of words.
///
/// First word: what the first attempt reached and connected to. `api` an exchange with api,
/// `+addr` a connection, `blind` connections unknown. `0` no assertion.
/// `/api:OUTCOME[,refused][,nocontrol]` a blackout, `=OUTCOME` the confirming attempt.
struct Line {
    services: Vec<ServiceName>,
    first: Attempt,
    blackouts: Vec<Attempt>,
    confirm: Option<Attempt>,
}

fn attempt(purpose: Purpose, outcome: Outcome) -> Attempt {
    Attempt {
        test: TestId::from("e2e/x"),
        purpose,
        outcome,
        duration_ms: 10,
        assertions: Some(3),
        exchanges: Vec::new(),
        connects: Some(Vec::new()),
        message: None,
        refused: false,
        control: None,
        output: None,
    }
}

fn outcome(word: &str) -> Outcome {
    match word {
        "pass" => Outcome::Passed,
        "fail" => Outcome::Failed,
        "error" => Outcome::Errored,
        "skip" => Outcome::Skipped,
        "timeout" => Outcome::TimedOut,
        "notrun" => Outcome::NotRun,
        other => panic!("no outcome {other}"),
    }
}

fn exchange(service: &str, status: u16) -> Exchange {
    Exchange {
        service: service.into(),
        method: "GET".to_owned(),
        path: "/".to_owned(),
        status,
        duration_ms: 1,
        revision: None,
    }
}

fn parse(services: &str, text: &str) -> Line {
    let mut words = text.split_whitespace();
    let mut line = Line {
        services: services.split_whitespace().map(ServiceName::from).collect(),
        first: attempt(Purpose::First, outcome(words.next().unwrap())),
        blackouts: Vec::new(),
        confirm: None,
    };
    for word in words {
        if let Some(address) = word.strip_prefix('+') {
            line.first
                .connects
                .get_or_insert_default()
                .push(address.to_owned());
        } else if let Some(rest) = word.strip_prefix('/') {
            let (service, how) = rest.split_once(':').unwrap();
            let mut flags = how.split(',');
            let mut blackout = attempt(
                Purpose::Blackout(service.into()),
                outcome(flags.next().unwrap()),
            );
            blackout.control = Some(true);
            for flag in flags {
                match flag {
                    "refused" => blackout.refused = true,
                    "nocontrol" => blackout.control = Some(false),
                    address => blackout
                        .connects
                        .get_or_insert_default()
                        .push(address.to_owned()),
                }
            }
            line.blackouts.push(blackout);
        } else if let Some(word) = word.strip_prefix('=') {
            line.confirm = Some(attempt(Purpose::Confirm, outcome(word)));
        } else if word == "blind" {
            line.first.connects = None;
        } else if word == "0" {
            line.first.assertions = Some(0);
        } else if let Some(service) = word.strip_suffix("!cut") {
            line.first.exchanges.push(exchange(service, 0));
        } else {
            line.first.exchanges.push(exchange(word, 200));
        }
    }
    line
}

fn judged(services: &str, kind: SuiteKind, text: &str, unproved: Option<&str>) -> TestResult {
    let line = parse(services, text);
    let case = TestCase {
        id: TestId::from("e2e/x"),
        suite: "e2e".to_owned(),
        name: "x".to_owned(),
        category: None,
        priority: Priority::P1,
        services: line.services.clone(),
        risk: None,
        ignored: false,
    };
    let attempts = Attempts {
        first: &line.first,
        blackouts: &line.blackouts,
        confirm: line.confirm.as_ref(),
        unproved,
    };
    judge(&case, kind, &attempts)
}

fn check(services: &str, text: &str, expected: &str) {
    let result = judged(services, SuiteKind::E2e, text, None);
    let found = result.verdict.map_or(result.outcome.word(), Verdict::word);
    assert_eq!(found, expected, "{services} | {text}: {:?}", result.reasons);
    assert!(!result.reasons.is_empty(), "{text} has no reason");
}

#[test]
fn proven_takes_all_three_attempts() {
    check("api", "pass api /api:fail,refused =pass", "proven");
    check("api", "pass api /api:error,refused =pass", "proven");
    check("api", "pass api blind /api:fail,refused =pass", "proven");
    check(
        "api",
        "pass api +gateway:api /api:fail,refused,gateway:api =pass",
        "proven",
    );
    check("api", "pass api /api:fail,refused", "inconclusive");
    check("api", "pass api", "inconclusive");
    check("api", "pass api =pass", "inconclusive");
}

#[test]
fn a_test_that_did_not_pass_has_no_verdict() {
    check("api", "fail api", "failed");
    check("api", "error", "errored");
    check("api", "skip", "skipped");
    check("api", "timeout api", "timed out");
    check("api", "notrun", "not run");
    check("api", "fail +10.0.0.1:80", "failed");
}

#[test]
fn traffic_to_something_else() {
    check(
        "api",
        "pass api +10.0.0.1:80 /api:fail,refused =pass",
        "wrong-target",
    );
    check("api", "pass api 0 +10.0.0.1:80", "wrong-target");
    check(
        "api",
        "pass api /api:pass,10.0.0.1:80 =pass",
        "wrong-target",
    );
    check("", "pass +?gateway:api", "wrong-target");
}

#[test]
fn asserting_nothing() {
    check("api", "pass api 0 /api:fail,refused =pass", "not-examined");
    check("api", "pass 0", "not-examined");
}

#[test]
fn reaching_nothing() {
    check("api", "pass", "unreached");
    check("api", "pass web +gateway:web", "unreached");
    check("api", "pass api!cut", "unreached");
    check("api", "pass blind", "inconclusive");
    check("api", "pass +direct:api", "inconclusive");
    check("api", "pass +direct:db", "unreached");
    check("", "pass", "unreached");
    check("", "pass blind", "inconclusive");
    check("", "pass +direct:db", "inconclusive");
}

#[test]
fn passing_under_blackout() {
    check("api", "pass api /api:pass", "vacuous");
    check("api", "pass api /api:pass =pass", "vacuous");
    check("api", "pass api /api:pass,nocontrol =pass", "inconclusive");
    check(
        "api",
        "pass api +direct:api /api:pass =pass",
        "inconclusive",
    );
}

#[test]
fn unstable_or_unexplained_proofs() {
    check("api", "pass api /api:fail =pass", "inconclusive");
    check("api", "pass api /api:error =pass", "inconclusive");
    check("api", "pass api /api:timeout,refused =pass", "inconclusive");
    check("api", "pass api /api:notrun,refused =pass", "inconclusive");
    check(
        "api",
        "pass api /api:fail,refused,nocontrol =pass",
        "inconclusive",
    );
    check("api", "pass api /api:fail,refused =fail", "inconclusive");
    check("api", "pass api /api:fail,refused =timeout", "inconclusive");
    check("api", "pass api /web:fail,refused =pass", "inconclusive");
}

#[test]
fn the_worst_of_the_declared_services() {
    check(
        "api web",
        "pass api web /api:fail,refused /web:fail,refused =pass",
        "proven",
    );
    check(
        "api web",
        "pass api web /api:fail,refused /web:pass =pass",
        "vacuous",
    );
    check("api web", "pass api /api:fail,refused =pass", "unreached");
    check("api web", "pass api web /api:pass", "vacuous");
    check(
        "api web",
        "pass api web /api:fail /web:fail,refused =pass",
        "inconclusive",
    );
}

#[test]
fn any_reached_service_where_none_is_declared() {
    check(
        "",
        "pass api web /api:fail,refused /web:pass =pass",
        "proven",
    );
    check("", "pass api web /api:fail /web:pass =pass", "inconclusive");
    check("", "pass api web /api:pass /web:pass", "vacuous");
}

#[test]
fn unit_tests_are_outside() {
    let result = judged("api", SuiteKind::Unit, "pass 0 +10.0.0.1:80", None);
    assert_eq!(result.verdict, Some(Verdict::NotApplicable));
    assert_eq!(judged("api", SuiteKind::Unit, "fail", None).verdict, None);
}

#[test]
fn an_execution_without_proofs_says_why() {
    let result = judged("api", SuiteKind::E2e, "pass api", Some("web is refused"));
    assert_eq!(result.verdict, Some(Verdict::Inconclusive));
    assert_eq!(result.reasons, ["web is refused"]);
    let unreached = judged("api", SuiteKind::E2e, "pass", Some("web is refused"));
    assert_eq!(unreached.verdict, Some(Verdict::Unreached));
}

#[test]
fn failing_requests_are_named() {
    let statuses = |status: u16| failing(&exchange("api", status));
    let found: Vec<u16> = [0, 200, 404, 500, 503, 1000, 1001, 1005, 1006, 1011, 4401]
        .into_iter()
        .filter(|status| statuses(*status))
        .collect();
    assert_eq!(found, [0, 500, 503, 1006, 1011]);
}
