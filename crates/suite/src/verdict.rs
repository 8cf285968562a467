//! What a pass is worth: DESIGN's table of verdicts, the first that holds from the top. Pure.

use std::collections::BTreeSet;

use assay_model::{
    Attempt, Exchange, Outcome, Purpose, ServiceName, SuiteKind, TestCase, TestResult, Verdict,
};

use crate::connects::Connect;

/// The attempts of one test.
#[derive(Clone, Copy, Debug)]
pub struct Attempts<'a> {
    /// The one that shows whether it passes.
    pub first: &'a Attempt,
    /// One for each service that was blacked out.
    pub blackouts: &'a [Attempt],
    /// The one after the blackouts.
    pub confirm: Option<&'a Attempt>,
    /// Why passes of this execution were not put to the proof, where they were not.
    pub unproved: Option<&'a str>,
}

impl<'a> Attempts<'a> {
    /// A first attempt alone.
    pub fn first(first: &'a Attempt) -> Self {
        Self {
            first,
            blackouts: &[],
            confirm: None,
            unproved: None,
        }
    }

    fn all(&self) -> impl Iterator<Item = &'a Attempt> {
        std::iter::once(self.first)
            .chain(self.blackouts)
            .chain(self.confirm)
    }

    fn blackout(&self, service: &ServiceName) -> Option<&'a Attempt> {
        self.blackouts
            .iter()
            .find(|attempt| matches!(&attempt.purpose, Purpose::Blackout(name) if name == service))
    }
}

/// A verdict and why.
pub type Judged = (Verdict, Vec<String>);

/// Judges one test of a suite of this kind.
pub fn judge(case: &TestCase, kind: SuiteKind, attempts: &Attempts<'_>) -> TestResult {
    let first = attempts.first;
    let (verdict, reasons) = match first.outcome {
        Outcome::Passed => {
            let (verdict, reasons) = of_pass(case, kind, attempts);
            (Some(verdict), reasons)
        }
        outcome => (None, vec![format!("its first attempt {}", ended(outcome))]),
    };
    TestResult {
        test: case.id.clone(),
        priority: case.priority,
        services: case.services.clone(),
        outcome: first.outcome,
        verdict,
        duration_ms: first.duration_ms,
        reasons,
        message: first.message.clone(),
        failing: first
            .exchanges
            .iter()
            .filter(|exchange| failing(exchange))
            .cloned()
            .collect(),
        evidence: attempts
            .all()
            .filter_map(|attempt| attempt.output.clone())
            .collect(),
    }
}

/// The verdict on a test whose first attempt passed.
pub fn of_pass(case: &TestCase, kind: SuiteKind, attempts: &Attempts<'_>) -> Judged {
    if let Some((verdict, reason)) = without_proof(kind, attempts) {
        return (verdict, vec![reason]);
    }
    if case.services.is_empty() {
        return of_any_service(attempts);
    }
    let judged: Vec<_> = case
        .services
        .iter()
        .map(|service| of_service(service, attempts))
        .collect();
    let worst = judged
        .iter()
        .map(|(verdict, _)| *verdict)
        .max()
        .unwrap_or(Verdict::Inconclusive);
    (worst, reasons(judged, worst))
}

/// What holds whichever service is looked at.
pub fn without_proof(kind: SuiteKind, attempts: &Attempts<'_>) -> Option<(Verdict, String)> {
    if kind == SuiteKind::Unit {
        return Some((
            Verdict::NotApplicable,
            "its suite is declared unit".to_owned(),
        ));
    }
    let elsewhere = attempts
        .all()
        .flat_map(|attempt| attempt.connects.iter().flatten())
        .find(|label| matches!(Connect::parse(label), Connect::Elsewhere(_)));
    if let Some(address) = elsewhere {
        let reason = format!("it connected to {address}, which is no part of the environment");
        return Some((Verdict::WrongTarget, reason));
    }
    (attempts.first.assertions == Some(0))
        .then(|| (Verdict::NotExamined, "it asserted nothing".to_owned()))
}

/// Services that answered at least one request of this attempt.
pub fn reached(attempt: &Attempt) -> BTreeSet<ServiceName> {
    attempt
        .exchanges
        .iter()
        .filter(|exchange| exchange.status != 0 || exchange.revision.is_some())
        .map(|exchange| exchange.service.clone())
        .collect()
}

fn of_any_service(attempts: &Attempts<'_>) -> Judged {
    let reached = reached(attempts.first);
    let judged: Vec<_> = reached
        .iter()
        .map(|service| of_service(service, attempts))
        .collect();
    let best = judged.iter().map(|(verdict, _)| *verdict).min();
    match best {
        Some(best) => (best, reasons(judged, best)),
        None => {
            let (verdict, reason) = not_reached("any service", None, attempts.first);
            (verdict, vec![reason])
        }
    }
}

fn reasons(judged: Vec<(Verdict, String)>, verdict: Verdict) -> Vec<String> {
    judged
        .into_iter()
        .filter(|(each, _)| *each == verdict)
        .map(|(_, reason)| reason)
        .collect()
}

fn of_service(service: &ServiceName, attempts: &Attempts<'_>) -> (Verdict, String) {
    let inconclusive = |reason: String| (Verdict::Inconclusive, reason);
    if !reached(attempts.first).contains(service) {
        return not_reached(service, Some(service), attempts.first);
    }
    if let Some(address) = past_gateway(Some(service), attempts.all()) {
        return inconclusive(format!("it also connected to {address}, past the gateway"));
    }
    if let Some(reason) = attempts.unproved {
        return inconclusive(reason.to_owned());
    }
    let Some(blackout) = attempts.blackout(service) else {
        return inconclusive(format!("it was not run with {service} blacked out"));
    };
    if blackout.control != Some(true) {
        return inconclusive(format!("the blackout of {service} was not seen to work"));
    }
    match blackout.outcome {
        Outcome::Passed => {
            return (
                Verdict::Vacuous,
                format!("it still passed with {service} blacked out"),
            );
        }
        Outcome::Failed | Outcome::Errored if blackout.refused => {}
        Outcome::Failed | Outcome::Errored => {
            return inconclusive(format!(
                "with {service} blacked out it {}, but not because of the refused connection",
                ended(blackout.outcome)
            ));
        }
        outcome => {
            return inconclusive(format!("with {service} blacked out it {}", ended(outcome)));
        }
    }
    match attempts.confirm.map(|attempt| attempt.outcome) {
        Some(Outcome::Passed) => (
            Verdict::Proven,
            format!("passed, was refused with {service} blacked out, passed again"),
        ),
        Some(outcome) => inconclusive(format!("after the blackout it {}", ended(outcome))),
        None => inconclusive("it was not run again after the blackout".to_owned()),
    }
}

fn not_reached(what: &str, service: Option<&ServiceName>, first: &Attempt) -> (Verdict, String) {
    if first.connects.is_none() {
        let reason =
            format!("no request to {what} was seen, and its connections cannot be observed");
        return (Verdict::Inconclusive, reason);
    }
    match past_gateway(service, std::iter::once(first)) {
        Some(address) => (
            Verdict::Inconclusive,
            format!("it connected to {address}, past the gateway"),
        ),
        None => (
            Verdict::Unreached,
            format!("no request of it reached {what}"),
        ),
    }
}

/// A connection to `service`, or to any service, that the gateway could not see.
fn past_gateway<'a>(
    service: Option<&ServiceName>,
    attempts: impl Iterator<Item = &'a Attempt>,
) -> Option<&'a str> {
    attempts
        .flat_map(|attempt| attempt.connects.iter().flatten())
        .find_map(|label| match Connect::parse(label) {
            Connect::Direct(name) if service.is_none_or(|wanted| wanted.as_str() == name) => {
                Some(name)
            }
            _ => None,
        })
}

/// Answered with 5xx, closed by a failing WebSocket peer (RFC 6455, section 7.4.1), or not
/// answered at all.
fn failing(exchange: &Exchange) -> bool {
    matches!(exchange.status, 0 | 500..=599 | 1002 | 1003 | 1006..=1015)
}

fn ended(outcome: Outcome) -> String {
    match outcome {
        Outcome::Skipped => "was skipped".to_owned(),
        Outcome::NotRun => "was not run to its end".to_owned(),
        outcome => outcome.word().to_owned(),
    }
}

#[cfg(test)]
mod tests;
