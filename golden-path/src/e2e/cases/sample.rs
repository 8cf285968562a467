//! Tests that pass and prove nothing, each in its own way: what a verdict has to notice.

use crate::e2e::case::{Case, cases};
use crate::e2e::context::{Outcome, Target, Test};

pub(super) fn cases() -> Vec<Case> {
    cases! {
        "sample", risk 1.0 "none: these tests show what is noticed";
        P4 ["backend"] vacuous,
        P4 ["backend"] unreached,
        P4 ["backend"] not_examined (ignored),
        P4 ["backend"] asserts_nothing,
    }
}

/// Asks the backend, and holds whatever comes.
async fn vacuous(test: &Test) -> Outcome {
    let answer = test.get(Target::Backend, "/health", None).await;
    let status = answer.map_or(0, |answer| answer.status);
    test.holds("the status is a number", status < 1000)
}

/// Says that it covers the backend, and asks the frontend.
async fn unreached(test: &Test) -> Outcome {
    test.get(Target::Frontend, "/config.json", None)
        .await?
        .expect(test, 200)
}

/// Would notice an outage, and never runs.
async fn not_examined(test: &Test) -> Outcome {
    test.get(Target::Backend, "/health", None)
        .await?
        .expect(test, 200)
}

/// Notices that nobody answers, and nothing about the answer.
async fn asserts_nothing(test: &Test) -> Outcome {
    test.get(Target::Backend, "/health", None).await.map(drop)
}
