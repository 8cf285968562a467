//! Agents and tools over REST.

use serde_json::{Value, json};

use crate::e2e::case::{Case, cases};
use crate::e2e::context::{Outcome, Target, Test};

pub(super) fn cases() -> Vec<Case> {
    cases! {
        "catalogue", risk 600.0 "tools cannot be used by hand";
        P3 ["auth" "backend"] agents_are_listed_in_their_order,
        P3 ["auth" "backend"] tools_are_listed,
        P2 ["auth" "backend"] summary_adds_up,
        P4 ["auth" "backend"] unknown_tool_is_not_found,
    }
}

fn names(list: Vec<Value>) -> Vec<String> {
    list.iter()
        .map(|one| one["name"].as_str().unwrap_or_default().to_owned())
        .collect()
}

async fn agents_are_listed_in_their_order(test: &Test) -> Outcome {
    let session = test.user().await?;
    let answer = test
        .get(Target::Backend, "/api/agents", Some(&session.token))
        .await?;
    answer.expect(test, 200)?;
    let expected = ["supervisor", "triage", "data", "optimization", "reporting"];
    test.equal(
        "agents",
        names(answer.list_at(test, "agents")?),
        expected.map(str::to_owned).into(),
    )
}

async fn tools_are_listed(test: &Test) -> Outcome {
    let session = test.user().await?;
    let answer = test
        .get(Target::Backend, "/api/tools", Some(&session.token))
        .await?;
    answer.expect(test, 200)?;
    let expected = ["spend_summary", "spend_forecast", "spend_outliers"];
    test.equal(
        "tools",
        names(answer.list_at(test, "tools")?),
        expected.map(str::to_owned).into(),
    )
}

async fn summary_adds_up(test: &Test) -> Outcome {
    let session = test.user().await?;
    let path = "/api/tools/spend_summary";
    let answer = test
        .post(Target::Backend, path, Some(&session.token), json!({}))
        .await?;
    answer.expect(test, 200)?;
    let result = &answer.json["result"];
    let parts = result["by_workload"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    test.equal("workloads", parts.len(), 8)?;
    let sum: i64 = parts.values().filter_map(Value::as_i64).sum();
    test.equal("total_cents", result["total_cents"].as_i64(), Some(sum))?;
    let top = parts.values().filter_map(Value::as_i64).max();
    test.equal("subject_cents", result["subject_cents"].as_i64(), top)
}

async fn unknown_tool_is_not_found(test: &Test) -> Outcome {
    let session = test.user().await?;
    let path = "/api/tools/shell";
    test.post(Target::Backend, path, Some(&session.token), json!({}))
        .await?
        .expect(test, 404)
}
