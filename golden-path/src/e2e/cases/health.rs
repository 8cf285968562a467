//! What each service says about itself.

use serde_json::json;

use crate::e2e::case::{Case, cases};
use crate::e2e::context::{Outcome, Target, Test};

pub(super) fn cases() -> Vec<Case> {
    cases! {
        "health", risk 300.0 "outages are noticed late";
        P3 ["auth"] auth_reports_its_dependencies,
        P3 ["backend"] backend_reports_its_dependencies,
        P3 ["frontend"] frontend_reports_its_dependencies,
        P5 ["backend"] unknown_routes_are_not_found,
    }
}

async fn check(test: &Test, target: Target, dependencies: &[&str]) -> Outcome {
    let health = test.get(target, "/health", None).await?;
    health.expect(test, 200)?;
    test.equal(
        "status",
        health.text_at(test, "status")?,
        "healthy".to_owned(),
    )?;
    for key in ["service", "version", "revision"] {
        health.text_at(test, key)?;
    }
    let seen = health.json["dependencies"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    let names: Vec<&str> = seen.keys().map(String::as_str).collect();
    test.equal("dependencies", names, dependencies.to_vec())?;
    for (name, dependency) in &seen {
        test.equal(name, &dependency["status"], &json!("healthy"))?;
        test.holds("latency is a number", dependency["latency_ms"].is_u64())?;
    }
    Ok(())
}

async fn auth_reports_its_dependencies(test: &Test) -> Outcome {
    check(test, Target::Auth, &["backend", "database"]).await
}

async fn backend_reports_its_dependencies(test: &Test) -> Outcome {
    check(test, Target::Backend, &["auth", "database"]).await
}

async fn frontend_reports_its_dependencies(test: &Test) -> Outcome {
    check(test, Target::Frontend, &["auth", "backend"]).await
}

async fn unknown_routes_are_not_found(test: &Test) -> Outcome {
    test.get(Target::Backend, "/api/nothing", None)
        .await?
        .expect(test, 404)?;
    test.get(Target::Backend, "/", None)
        .await?
        .expect(test, 404)?;
    test.post(Target::Backend, "/api/me", None, json!({}))
        .await?
        .expect(test, 405)
}
