//! Registration, login with PKCE, renewal, key rotation.

use serde_json::json;

use crate::e2e::case::{Case, cases};
use crate::e2e::context::{Outcome, Target, Test};
use crate::e2e::user::{Pkce, REDIRECT, User};

pub(super) fn cases() -> Vec<Case> {
    cases! {
        "auth", risk 3100.0 "nobody can log in";
        P1 ["auth"] login_returns_tokens,
        P1 ["auth"] wrong_password_is_refused,
        P1 ["auth"] wrong_verifier_is_refused,
        P2 ["auth"] code_is_good_for_one_use,
        P2 ["auth"] unknown_client_is_refused,
        P2 ["auth"] refresh_token_gives_new_tokens_once,
        P2 ["auth"] redirect_elsewhere_is_refused,
        P3 ["auth"] taken_name_is_refused,
        P2 ["auth"] token_of_a_retired_key_stays_good,
        P2 ["auth"] only_an_administrator_rotates_keys,
        P3 ["auth"] key_list_holds_no_secret,
    }
}

async fn login_returns_tokens(test: &Test) -> Outcome {
    let session = test.user().await?;
    let user = &session.answer["user"];
    test.equal(
        "token_type",
        &session.answer["token_type"],
        &json!("Bearer"),
    )?;
    test.equal("expires_in", &session.answer["expires_in"], &json!(300))?;
    test.equal("user.id", &user["id"], &json!(session.user.name))?;
    let display = user["display_name"].as_str().unwrap_or_default();
    test.equal(
        "user.display_name",
        display.to_lowercase(),
        session.user.name.clone(),
    )?;
    test.equal("user.plan", &user["plan"], &json!("starter"))
}

async fn wrong_password_is_refused(test: &Test) -> Outcome {
    let user = test.register().await?;
    let pkce = Pkce::random();
    let wrong = User {
        password: "not-the-password".to_owned(),
        ..user.clone()
    };
    test.authorize(&wrong, &pkce).await?.expect(test, 401)?;
    let nobody = User::random();
    test.authorize(&nobody, &pkce).await?.expect(test, 401)?;
    test.authorize(&user, &pkce).await?.expect(test, 200)
}

async fn wrong_verifier_is_refused(test: &Test) -> Outcome {
    let user = test.register().await?;
    let pkce = Pkce::random();
    let code = test.authorize(&user, &pkce).await?.text_at(test, "code")?;
    let other = Pkce::random();
    let answer = test.exchange_code(&code, &other.verifier, None).await?;
    answer.expect(test, 400)?;
    test.equal(
        "error",
        answer.text_at(test, "error")?,
        "invalid_grant".to_owned(),
    )?;
    test.exchange_code(&code, &pkce.verifier, None)
        .await?
        .expect(test, 200)
}

async fn code_is_good_for_one_use(test: &Test) -> Outcome {
    let user = test.register().await?;
    let pkce = Pkce::random();
    let answer = test.authorize(&user, &pkce).await?;
    answer.expect(test, 200)?;
    test.equal("state", answer.text_at(test, "state")?, "s-1".to_owned())?;
    let code = answer.text_at(test, "code")?;
    test.exchange_code(&code, &pkce.verifier, None)
        .await?
        .expect(test, 200)?;
    test.exchange_code(&code, &pkce.verifier, None)
        .await?
        .expect(test, 400)
}

async fn unknown_client_is_refused(test: &Test) -> Outcome {
    let user = test.register().await?;
    let body = json!({
        "username": user.name, "password": user.password, "client_id": "stranger",
        "redirect_uri": REDIRECT, "code_challenge": Pkce::random().challenge,
    });
    let answer = test.post(Target::Auth, "/authorize", None, body).await?;
    answer.expect(test, 400)?;
    test.equal(
        "error",
        answer.text_at(test, "error")?,
        "invalid_client".to_owned(),
    )
}

async fn refresh_token_gives_new_tokens_once(test: &Test) -> Outcome {
    let session = test.user().await?;
    let renewed = test.renew(&session.refresh).await?;
    renewed.expect(test, 200)?;
    let token = renewed.text_at(test, "access_token")?;
    test.holds("the access token is a new one", token != session.token)?;
    let next = renewed.text_at(test, "refresh_token")?;
    test.renew(&session.refresh).await?.expect(test, 400)?;
    test.renew(&next).await?.expect(test, 200)
}

async fn redirect_elsewhere_is_refused(test: &Test) -> Outcome {
    let user = test.register().await?;
    let body = json!({
        "username": user.name, "password": user.password, "client_id": "e2e",
        "redirect_uri": "http://elsewhere.example/callback",
        "code_challenge": Pkce::random().challenge,
    });
    test.post(Target::Auth, "/authorize", None, body)
        .await?
        .expect(test, 400)
}

async fn taken_name_is_refused(test: &Test) -> Outcome {
    let user = test.register().await?;
    let body = json!({"username": user.name, "password": "another-password"});
    test.post(Target::Auth, "/register", None, body)
        .await?
        .expect(test, 409)?;
    let short = json!({"username": User::random().name, "password": "short"});
    test.post(Target::Auth, "/register", None, short)
        .await?
        .expect(test, 400)
}

async fn token_of_a_retired_key_stays_good(test: &Test) -> Outcome {
    let before = test.user().await?;
    let operator = test.log_in(User::operator(), None).await?;
    let rotated = test
        .post(
            Target::Auth,
            "/keys/rotate",
            Some(&operator.token),
            json!({}),
        )
        .await?;
    rotated.expect(test, 200)?;
    let kid = rotated.text_at(test, "kid")?;
    let body = json!({"token": before.token});
    let seen = test.post(Target::Auth, "/introspect", None, body).await?;
    test.equal("active", &seen.json["active"], &json!(true))?;
    test.holds(
        "it was signed with another key",
        seen.text_at(test, "kid")? != kid,
    )
}

async fn only_an_administrator_rotates_keys(test: &Test) -> Outcome {
    let session = test.user().await?;
    let path = "/keys/rotate";
    test.post(Target::Auth, path, Some(&session.token), json!({}))
        .await?
        .expect(test, 403)?;
    test.post(Target::Auth, path, Some("garbage"), json!({}))
        .await?
        .expect(test, 401)?;
    test.post(Target::Auth, path, None, json!({}))
        .await?
        .expect(test, 401)
}

async fn key_list_holds_no_secret(test: &Test) -> Outcome {
    let answer = test.get(Target::Auth, "/.well-known/jwks", None).await?;
    answer.expect(test, 200)?;
    let keys = answer.list_at(test, "keys")?;
    let active = keys.iter().filter(|key| key["status"] == "active").count();
    test.holds("a key is active", active >= 1)?;
    test.holds("no secret is shown", !answer.text.contains("secret"))
}
