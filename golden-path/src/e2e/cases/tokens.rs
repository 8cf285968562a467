//! What a token is worth, at auth and at the backend's door.

use serde_json::json;

use crate::e2e::case::{Case, cases};
use crate::e2e::context::{Outcome, Target, Test};

pub(super) fn cases() -> Vec<Case> {
    cases! {
        "tokens", risk 5000.0 "strangers read what users said";
        P1 ["auth"] introspection_names_the_user,
        P1 ["backend"] missing_token_is_refused,
        P1 ["backend"] garbage_token_is_refused,
        P1 ["auth" "backend"] expired_token_is_refused,
        P2 ["auth" "backend"] tampered_token_is_refused,
    }
}

async fn introspection_names_the_user(test: &Test) -> Outcome {
    let session = test.user().await?;
    let body = json!({"token": session.token});
    let seen = test.post(Target::Auth, "/introspect", None, body).await?;
    seen.expect(test, 200)?;
    test.equal("active", &seen.json["active"], &json!(true))?;
    test.equal("sub", &seen.json["sub"], &json!(session.user.name))?;
    let body = json!({"token": "garbage"});
    let seen = test.post(Target::Auth, "/introspect", None, body).await?;
    test.equal("active", &seen.json["active"], &json!(false))
}

async fn missing_token_is_refused(test: &Test) -> Outcome {
    for path in ["/api/me", "/api/threads", "/api/usage", "/api/agents"] {
        test.get(Target::Backend, path, None)
            .await?
            .expect(test, 401)?;
    }
    Ok(())
}

async fn garbage_token_is_refused(test: &Test) -> Outcome {
    test.get(Target::Backend, "/api/me", Some("garbage"))
        .await?
        .expect(test, 401)?;
    test.get(Target::Backend, "/api/me", Some("a.b.c"))
        .await?
        .expect(test, 401)
}

async fn expired_token_is_refused(test: &Test) -> Outcome {
    let user = test.register().await?;
    let stale = test.log_in(user.clone(), Some(0)).await?;
    let answer = test
        .get(Target::Backend, "/api/me", Some(&stale.token))
        .await?;
    answer.expect(test, 401)?;
    test.equal(
        "message",
        answer.text_at(test, "message")?,
        "expired".to_owned(),
    )?;
    let fresh = test.log_in(user, None).await?;
    test.get(Target::Backend, "/api/me", Some(&fresh.token))
        .await?
        .expect(test, 200)
}

async fn tampered_token_is_refused(test: &Test) -> Outcome {
    let (ada, bob) = (test.user().await?, test.user().await?);
    let (body, _) = ada.token.rsplit_once('.').unwrap_or_default();
    let (_, signature) = bob.token.rsplit_once('.').unwrap_or_default();
    let mixed = format!("{body}.{signature}");
    test.get(Target::Backend, "/api/me", Some(&mixed))
        .await?
        .expect(test, 401)
}
