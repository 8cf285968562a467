//! A user's own account.

use serde_json::json;

use crate::e2e::case::{Case, cases};
use crate::e2e::context::{Outcome, Target, Test};

pub(super) fn cases() -> Vec<Case> {
    cases! {
        "account", risk 1200.0 "users do not see their own account";
        P2 ["auth" "backend"] me_names_the_user,
        P1 ["auth" "backend"] foreign_profile_is_refused,
        P3 ["auth" "backend"] usage_counts_own_work_alone,
    }
}

async fn me_names_the_user(test: &Test) -> Outcome {
    let session = test.user().await?;
    let me = test
        .get(Target::Backend, "/api/me", Some(&session.token))
        .await?;
    me.expect(test, 200)?;
    test.equal("user", &me.json["user"], &json!(session.user.name))?;
    test.equal("plan", &me.json["plan"], &json!("starter"))?;
    test.equal("role", &me.json["role"], &json!("user"))
}

async fn foreign_profile_is_refused(test: &Test) -> Outcome {
    let (ada, bob) = (test.user().await?, test.user().await?);
    let path = format!("/internal/profiles/{}", bob.user.name);
    test.get(Target::Backend, &path, Some(&ada.token))
        .await?
        .expect(test, 403)?;
    test.get(Target::Backend, &path, None)
        .await?
        .expect(test, 401)
}

async fn usage_counts_own_work_alone(test: &Test) -> Outcome {
    let (ada, bob) = (test.user().await?, test.user().await?);
    test.thread(&ada, "one").await?;
    test.thread(&ada, "two").await?;
    let path = "/api/tools/spend_summary";
    test.post(Target::Backend, path, Some(&ada.token), json!({}))
        .await?
        .expect(test, 200)?;
    for (session, threads, tool_calls) in [(&ada, 2, 1), (&bob, 0, 0)] {
        let usage = test
            .get(Target::Backend, "/api/usage", Some(&session.token))
            .await?;
        usage.expect(test, 200)?;
        test.equal("threads", &usage.json["threads"], &json!(threads))?;
        test.equal("tool_calls", &usage.json["tool_calls"], &json!(tool_calls))?;
    }
    Ok(())
}
