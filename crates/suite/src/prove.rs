//! Which passes are put to the proof, and how. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use assay_model::{
    Attempt, EvidenceRef, Health, Outcome, Priority, Purpose, ServiceName, SuiteKind, TestCase,
    Verdict,
};

use crate::verdict::{self, Attempts};

/// Time that a blackout attempt gets on top of its share of the first duration: a process has to
/// start, and clients give up after a few seconds.
const BLACKOUT_EXTRA: Duration = Duration::from_secs(5);

/// How much longer a blackout attempt may take than the first: retries on a refused connection
/// are quick, so what takes longer than this is waiting for something else.
const BLACKOUT_FACTOR: u32 = 3;

/// Names of failing things that a reason lists before it only counts.
const NAMED_MAX: usize = 3;

/// Why a proof against this system would be a waste; `None` when it would not be.
pub fn obstacle<'a>(
    health: &BTreeMap<ServiceName, (Health, Vec<EvidenceRef>)>,
    firsts: impl IntoIterator<Item = (&'a TestCase, &'a Attempt)>,
) -> Option<String> {
    let down: Vec<_> = health
        .values()
        .filter(|(health, _)| !health.status.serves())
        .map(|(health, _)| format!("{} is {}", health.service, health.status.word()))
        .collect();
    if !down.is_empty() {
        return Some(format!("not put to the proof: {}", listed(&down)));
    }
    let failed: Vec<_> = firsts
        .into_iter()
        .filter(|(case, first)| case.priority == Priority::P1 && first.outcome != Outcome::Passed)
        .map(|(case, first)| format!("{} {}", case.id, first.outcome.word()))
        .collect();
    (!failed.is_empty())
        .then(|| format!("not put to the proof: of priority P1, {}", listed(&failed)))
}

fn listed(items: &[String]) -> String {
    let named = items[..items.len().min(NAMED_MAX)].join(", ");
    match items.len().saturating_sub(NAMED_MAX) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// The services that are blacked out for this test, one after the other.
pub fn blackouts(case: &TestCase, kind: SuiteKind, first: &Attempt) -> Vec<ServiceName> {
    let decided = first.outcome != Outcome::Passed
        || verdict::without_proof(kind, &Attempts::first(first)).is_some();
    if decided {
        return Vec::new();
    }
    let mut reached = verdict::reached(first);
    if !case.services.is_empty() {
        reached.retain(|service| case.services.contains(service));
    }
    reached.into_iter().collect()
}

/// Whether another pass would prove the test, so that it is worth running once more.
pub fn worth_confirming(
    case: &TestCase,
    kind: SuiteKind,
    first: &Attempt,
    blackouts: &[Attempt],
) -> bool {
    let confirm = Attempt {
        purpose: Purpose::Confirm,
        ..first.clone()
    };
    let attempts = Attempts {
        first,
        blackouts,
        confirm: Some(&confirm),
        unproved: None,
    };
    first.outcome == Outcome::Passed && verdict::of_pass(case, kind, &attempts).0 == Verdict::Proven
}

/// How long a blackout attempt may take.
pub fn blackout_timeout(first: &Attempt) -> Duration {
    Duration::from_millis(first.duration_ms) * BLACKOUT_FACTOR + BLACKOUT_EXTRA
}

#[cfg(test)]
mod tests {
    use assay_model::{Exchange, Status, TestId};

    use super::*;

    fn case(priority: u8, services: &[&str]) -> TestCase {
        TestCase {
            id: TestId::from("e2e/x"),
            suite: "e2e".to_owned(),
            name: "x".to_owned(),
            category: None,
            priority: Priority::new(priority).unwrap(),
            services: services
                .iter()
                .map(|name| ServiceName::from(*name))
                .collect(),
            risk: None,
            ignored: false,
        }
    }

    fn attempt(purpose: Purpose, outcome: Outcome, reached: &[&str]) -> Attempt {
        Attempt {
            test: TestId::from("e2e/x"),
            purpose,
            outcome,
            duration_ms: 100,
            assertions: Some(1),
            exchanges: reached
                .iter()
                .map(|service| Exchange {
                    service: ServiceName::from(*service),
                    method: "GET".to_owned(),
                    path: "/".to_owned(),
                    status: 200,
                    duration_ms: 1,
                    revision: None,
                })
                .collect(),
            connects: Some(Vec::new()),
            message: None,
            refused: true,
            control: Some(true),
            output: None,
        }
    }

    fn health(service: &str, status: Status) -> (ServiceName, (Health, Vec<EvidenceRef>)) {
        let health = Health {
            service: service.into(),
            kind: "http".to_owned(),
            target: String::new(),
            status,
            latency_ms: 1,
            http_status: None,
            revision: None,
            detail: String::new(),
            reported: BTreeMap::new(),
            samples: None,
            certificate: None,
            runtime: None,
        };
        (service.into(), (health, Vec::new()))
    }

    fn check_obstacle(api: Status, priority: u8, outcome: Outcome, expected: Option<&str>) {
        let health = BTreeMap::from([health("api", api)]);
        let (case, first) = (
            case(priority, &["api"]),
            attempt(Purpose::First, outcome, &["api"]),
        );
        let found = obstacle(&health, [(&case, &first)]);
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn a_broken_system_is_not_put_to_the_proof() {
        check_obstacle(Status::Healthy, 1, Outcome::Passed, None);
        check_obstacle(Status::Degraded, 1, Outcome::Passed, None);
        check_obstacle(Status::Healthy, 2, Outcome::Failed, None);
        check_obstacle(
            Status::Refused,
            1,
            Outcome::Passed,
            Some("not put to the proof: api is refused"),
        );
        check_obstacle(
            Status::Healthy,
            1,
            Outcome::TimedOut,
            Some("not put to the proof: of priority P1, e2e/x timed out"),
        );
    }

    #[test]
    fn long_reasons_count() {
        let items: Vec<_> = ["a", "b", "c", "d", "e"].map(str::to_owned).into();
        assert_eq!(listed(&items), "a, b, c and 2 more");
        assert_eq!(listed(&items[..3]), "a, b, c");
    }

    fn check_blackouts(declared: &[&str], reached: &[&str], expected: &[&str]) {
        let first = attempt(Purpose::First, Outcome::Passed, reached);
        let found = blackouts(&case(1, declared), SuiteKind::E2e, &first);
        let found: Vec<_> = found.iter().map(|service| service.as_str()).collect();
        assert_eq!(found, expected, "{declared:?} {reached:?}");
    }

    #[test]
    fn declared_services_that_were_reached_are_blacked_out() {
        check_blackouts(&["api", "web"], &["api", "api"], &["api"]);
        check_blackouts(&["api"], &["api", "web"], &["api"]);
        check_blackouts(&[], &["web", "api"], &["api", "web"]);
        check_blackouts(&["api"], &[], &[]);
        let failed = attempt(Purpose::First, Outcome::Failed, &["api"]);
        assert!(blackouts(&case(1, &["api"]), SuiteKind::E2e, &failed).is_empty());
        let unit = attempt(Purpose::First, Outcome::Passed, &["api"]);
        assert!(blackouts(&case(1, &["api"]), SuiteKind::Unit, &unit).is_empty());
    }

    #[test]
    fn only_what_another_pass_would_prove_is_confirmed() {
        let case = case(1, &["api"]);
        let first = attempt(Purpose::First, Outcome::Passed, &["api"]);
        let check = |outcome: Outcome, expected: bool| {
            let blackout = attempt(Purpose::Blackout("api".into()), outcome, &[]);
            let found = worth_confirming(&case, SuiteKind::E2e, &first, &[blackout]);
            assert_eq!(found, expected, "{outcome:?}");
        };
        check(Outcome::Failed, true);
        check(Outcome::Passed, false);
        check(Outcome::TimedOut, false);
        assert!(!worth_confirming(&case, SuiteKind::E2e, &first, &[]));
    }

    #[test]
    fn blackouts_are_bounded() {
        let first = attempt(Purpose::First, Outcome::Passed, &[]);
        assert_eq!(blackout_timeout(&first), Duration::from_millis(5_300));
    }
}
