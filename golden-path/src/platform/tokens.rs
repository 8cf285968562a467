//! JSON Web Tokens and the keys that sign them. Only the auth role has this.

use std::sync::Arc;

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
};
use rusqlite::types::Value as Cell;
use serde_json::{Map, Value, json};

use super::crypto::random_token;
use super::log::now_ms;
use super::store::{Row, Store, StoreError};

/// How long a retired key still verifies, in milliseconds: longer than any token lives.
const KEY_GRACE_MS: i64 = 60 * 60 * 1000;
/// The longest life of a token, in seconds.
const TOKEN_TTL_S_MAX: i64 = 15 * 60;

#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("no signing key")]
    NoKey,
    #[error("token cannot be signed")]
    Sign(#[source] jsonwebtoken::errors::Error),
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Malformed,
    UnknownKey,
    WrongSignature,
    Expired,
}

impl Refused {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownKey => "unknown key",
            Self::WrongSignature => "wrong signature",
            Self::Expired => "expired",
        }
    }
}

/// The signing keys; they live in the store, so that every process of the service shares them.
pub(crate) struct Keys {
    store: Arc<Store>,
}

impl Keys {
    /// Makes sure that there is a key to sign with.
    pub(crate) fn open(store: Arc<Store>) -> Result<Self, StoreError> {
        store.batch(
            "CREATE TABLE IF NOT EXISTS signing_keys (
                kid TEXT PRIMARY KEY, secret TEXT NOT NULL,
                created_ms INTEGER NOT NULL, retired_ms INTEGER)",
        )?;
        store.execute(
            "INSERT INTO signing_keys SELECT ?, ?, ?, NULL
             WHERE NOT EXISTS (SELECT 1 FROM signing_keys WHERE retired_ms IS NULL)",
            new_key(now_ms()),
        )?;
        Ok(Self { store })
    }

    /// A token over `claims` that lives `ttl_s` seconds; none or less makes one that has expired.
    pub(crate) fn mint(
        &self,
        mut claims: Map<String, Value>,
        ttl_s: i64,
    ) -> Result<String, TokenError> {
        let rows = self.store.query(
            "SELECT kid, secret FROM signing_keys WHERE retired_ms IS NULL
             ORDER BY created_ms DESC, rowid DESC LIMIT 1",
            vec![],
        )?;
        let row = rows.first().ok_or(TokenError::NoKey)?;
        let now_s = now_ms() / 1000;
        claims.insert("iat".into(), json!(now_s));
        claims.insert("exp".into(), json!(now_s + ttl_s.clamp(0, TOKEN_TTL_S_MAX)));
        claims.insert("jti".into(), json!(random_token()));
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(text(row, "kid"));
        let key = EncodingKey::from_secret(text(row, "secret").as_bytes());
        encode(&header, &claims, &key).map_err(TokenError::Sign)
    }

    /// The claims of a token that is valid now, with its key id as `kid`.
    pub(crate) fn verify(
        &self,
        token: &str,
    ) -> Result<Result<Map<String, Value>, Refused>, StoreError> {
        let Ok(header) = decode_header(token) else {
            return Ok(Err(Refused::Malformed));
        };
        let Some(kid) = header.kid else {
            return Ok(Err(Refused::UnknownKey));
        };
        let now = now_ms();
        let rows = self.store.query(
            "SELECT secret FROM signing_keys
             WHERE kid = ? AND (retired_ms IS NULL OR retired_ms + ? > ?)",
            vec![
                Cell::Text(kid.clone()),
                Cell::Integer(KEY_GRACE_MS),
                Cell::Integer(now),
            ],
        )?;
        let Some(row) = rows.first() else {
            return Ok(Err(Refused::UnknownKey));
        };
        let mut validation = Validation::new(Algorithm::HS256);
        // Judged below: a token is void from the second of its `exp` on, without leeway.
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        let key = DecodingKey::from_secret(text(row, "secret").as_bytes());
        let Ok(decoded) = decode::<Map<String, Value>>(token, &key, &validation) else {
            return Ok(Err(Refused::WrongSignature));
        };
        let mut claims = decoded.claims;
        if claims
            .get("exp")
            .and_then(Value::as_i64)
            .is_none_or(|exp| exp <= now / 1000)
        {
            return Ok(Err(Refused::Expired));
        }
        claims.insert("kid".into(), json!(kid));
        Ok(Ok(claims))
    }

    /// Signs with a new key from now on; answers its id. Keys past their grace are forgotten.
    pub(crate) fn rotate(&self) -> Result<String, StoreError> {
        let now = now_ms();
        let key = new_key(now);
        let kid = key.first().map_or_else(String::new, cell_text);
        self.store
            .execute("INSERT INTO signing_keys VALUES (?, ?, ?, NULL)", key)?;
        self.store.execute(
            "UPDATE signing_keys SET retired_ms = ? WHERE retired_ms IS NULL AND kid <> ?",
            vec![Cell::Integer(now), Cell::Text(kid.clone())],
        )?;
        self.store.execute(
            "DELETE FROM signing_keys WHERE retired_ms + ? < ?",
            vec![Cell::Integer(KEY_GRACE_MS), Cell::Integer(now)],
        )?;
        Ok(kid)
    }

    /// Ids and ages of the keys, never their secrets.
    pub(crate) fn list(&self) -> Result<Vec<Row>, StoreError> {
        self.store.query(
            "SELECT kid, created_ms, retired_ms FROM signing_keys ORDER BY created_ms DESC, rowid DESC",
            vec![],
        )
    }
}

fn new_key(now: i64) -> Vec<Cell> {
    vec![
        Cell::Text(format!("k-{}", &random_token()[..16])),
        Cell::Text(random_token()),
        Cell::Integer(now),
    ]
}

fn text(row: &Row, name: &str) -> String {
    row.iter()
        .find(|(key, _)| key == name)
        .map_or_else(String::new, |(_, cell)| cell_text(cell))
}

fn cell_text(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => text.clone(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::log::Log;
    use super::*;

    fn with_keys(act: impl FnOnce(&Keys)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let log = Arc::new(Log::new("auth", "r"));
        let store = Store::open(folder.path(), runtime.handle().clone(), log).unwrap();
        act(&Keys::open(Arc::new(store)).unwrap());
    }

    fn claims() -> Map<String, Value> {
        json!({"sub": "ada"}).as_object().unwrap().clone()
    }

    fn refused(keys: &Keys, token: &str) -> Option<Refused> {
        keys.verify(token).unwrap().err()
    }

    #[test]
    fn a_token_verifies_until_it_expires() {
        with_keys(|keys| {
            let good = keys.mint(claims(), 60).unwrap();
            let found = keys.verify(&good).unwrap().unwrap();
            assert_eq!(found["sub"], "ada");
            let stale = keys.mint(claims(), 0).unwrap();
            assert_eq!(refused(keys, &stale), Some(Refused::Expired));
        });
    }

    #[test]
    fn a_retired_key_still_verifies_and_no_longer_signs() {
        with_keys(|keys| {
            let old = keys.mint(claims(), 60).unwrap();
            let kid = keys.rotate().unwrap();
            assert!(keys.verify(&old).unwrap().is_ok());
            let new = keys.mint(claims(), 60).unwrap();
            assert_eq!(keys.verify(&new).unwrap().unwrap()["kid"], json!(kid));
            assert_eq!(keys.list().unwrap().len(), 2);
        });
    }

    #[test]
    fn what_was_tampered_with_is_refused() {
        with_keys(|keys| {
            let token = keys.mint(claims(), 60).unwrap();
            let other = keys.mint(claims(), 60).unwrap();
            let (head, _) = token.rsplit_once('.').unwrap();
            let (_, signature) = other.rsplit_once('.').unwrap();
            let mixed = format!("{head}.{signature}");
            assert_eq!(refused(keys, &mixed), Some(Refused::WrongSignature));
            assert_eq!(refused(keys, "garbage"), Some(Refused::Malformed));
            assert_eq!(refused(keys, ""), Some(Refused::Malformed));
        });
    }

    #[test]
    fn opening_twice_keeps_the_key() {
        with_keys(|keys| {
            let again = Keys::open(keys.store.clone()).unwrap();
            assert_eq!(keys.list().unwrap(), again.list().unwrap());
        });
    }
}
