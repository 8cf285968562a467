//! Users of the platform, each made for one test.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::client::Answer;
use super::context::{Failure, Target, Test};

/// Where the suite says that it wants its codes.
pub(crate) const REDIRECT: &str = "http://127.0.0.1/callback";

/// A registered user.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) password: String,
}

/// A user who is logged in.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) user: User,
    pub(crate) token: String,
    pub(crate) refresh: String,
    /// The whole answer of `/token`.
    pub(crate) answer: Value,
}

/// A PKCE pair.
#[derive(Clone, Debug)]
pub(crate) struct Pkce {
    pub(crate) verifier: String,
    pub(crate) challenge: String,
}

impl Pkce {
    pub(crate) fn random() -> Self {
        let verifier = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        Self {
            verifier,
            challenge,
        }
    }
}

impl User {
    pub(crate) fn random() -> Self {
        Self {
            name: format!("u-{:016x}", rand::random::<u64>()),
            password: URL_SAFE_NO_PAD.encode(rand::random::<[u8; 12]>()),
        }
    }

    /// The seeded account that may rotate keys.
    pub(crate) fn operator() -> Self {
        Self {
            name: "operator".to_owned(),
            password: "operator-demo".to_owned(),
        }
    }
}

impl Test {
    /// Registers a new user.
    pub(crate) async fn register(&self) -> Result<User, Failure> {
        let user = User::random();
        let body = json!({"username": user.name, "password": user.password});
        let answer = self.post(Target::Auth, "/register", None, body).await?;
        answer.expect(self, 201)?;
        Ok(user)
    }

    /// Asks for a code.
    pub(crate) async fn authorize(&self, user: &User, pkce: &Pkce) -> Result<Answer, Failure> {
        let body = json!({
            "username": user.name, "password": user.password, "client_id": "e2e",
            "redirect_uri": REDIRECT, "code_challenge": pkce.challenge,
            "code_challenge_method": "S256", "state": "s-1",
        });
        self.post(Target::Auth, "/authorize", None, body).await
    }

    /// Exchanges a code for tokens; `life_s` asks for a shorter life.
    pub(crate) async fn exchange_code(
        &self,
        code: &str,
        verifier: &str,
        life_s: Option<i64>,
    ) -> Result<Answer, Failure> {
        let mut body = json!({
            "grant_type": "authorization_code", "client_id": "e2e", "redirect_uri": REDIRECT,
            "code": code, "code_verifier": verifier,
        });
        if let Some(life_s) = life_s {
            body["expires_in"] = json!(life_s);
        }
        self.post(Target::Auth, "/token", None, body).await
    }

    /// Renews tokens.
    pub(crate) async fn renew(&self, refresh: &str) -> Result<Answer, Failure> {
        let body = json!({
            "grant_type": "refresh_token", "client_id": "e2e", "refresh_token": refresh,
        });
        self.post(Target::Auth, "/token", None, body).await
    }

    /// The whole login.
    pub(crate) async fn log_in(&self, user: User, life_s: Option<i64>) -> Result<Session, Failure> {
        let pkce = Pkce::random();
        let answer = self.authorize(&user, &pkce).await?;
        answer.expect(self, 200)?;
        let code = answer.text_at(self, "code")?;
        let answer = self.exchange_code(&code, &pkce.verifier, life_s).await?;
        answer.expect(self, 200)?;
        Ok(Session {
            user,
            token: answer.text_at(self, "access_token")?,
            refresh: answer.text_at(self, "refresh_token")?,
            answer: answer.json,
        })
    }

    /// A new user who is logged in.
    pub(crate) async fn user(&self) -> Result<Session, Failure> {
        let user = self.register().await?;
        self.log_in(user, None).await
    }

    /// A new conversation of a user; answers its id.
    pub(crate) async fn thread(&self, session: &Session, title: &str) -> Result<String, Failure> {
        let body = json!({"title": title});
        let answer = self
            .post(Target::Backend, "/api/threads", Some(&session.token), body)
            .await?;
        answer.expect(self, 201)?;
        answer.text_at(self, "id")
    }
}
