//! Random values, password hashes and the PKCE challenge.

use std::sync::{Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Memory of one password hash, in KiB: small, so that a login takes milliseconds on any machine.
const ARGON2_MEMORY_KIB: u32 = 4 * 1024;
/// Passes over that memory.
const ARGON2_PASSES: u32 = 1;

/// Length of a hash, in bytes.
const HASH_BYTES: usize = 32;

/// The memory of password hashes, shared by all: logins at the same moment wait for each other for
/// milliseconds, and the process never holds more than one such block.
static MEMORY: Mutex<Vec<Block>> = Mutex::new(Vec::new());

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("password cannot be hashed: {0}")]
pub(crate) struct HashError(argon2::Error);

fn argon2id(password: &str, salt: &[u8]) -> Result<String, HashError> {
    let params = Params::new(ARGON2_MEMORY_KIB, ARGON2_PASSES, 1, Some(HASH_BYTES));
    let params = params.map_err(HashError)?;
    let mut memory = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    memory.resize(params.block_count(), Block::new());
    let mut hash = [0; HASH_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password.as_bytes(), salt, &mut hash, &mut *memory)
        .map_err(HashError)?;
    Ok(URL_SAFE_NO_PAD.encode(hash))
}

/// `SALT.HASH`, with a fresh salt.
pub(crate) fn password_hash(password: &str) -> Result<String, HashError> {
    let salt = rand::random::<[u8; 16]>();
    let hash = argon2id(password, &salt)?;
    Ok(format!("{}.{hash}", URL_SAFE_NO_PAD.encode(salt)))
}

/// Whether `hash` was made from `password`; a malformed hash matches nothing.
pub(crate) fn password_matches(password: &str, hash: &str) -> bool {
    let Some((salt, expected)) = hash.split_once('.') else {
        return false;
    };
    let Ok(salt) = URL_SAFE_NO_PAD.decode(salt) else {
        return false;
    };
    argon2id(password, &salt).is_ok_and(|found| same(found.as_bytes(), expected.as_bytes()))
}

/// Compares in a time that does not tell where the difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    let differences = a.iter().zip(b).fold(0, |seen, (a, b)| seen | (a ^ b));
    a.len() == b.len() && differences == 0
}

/// `BASE64URL(SHA256(verifier))`, RFC 7636 section 4.2.
pub(crate) fn pkce_challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

/// 256 random bits, safe in a URL.
pub(crate) fn random_token() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// A random UUID, RFC 9562 version 4.
pub(crate) fn uuid() -> String {
    let bits = rand::random::<u128>() & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(
            pkce_challenge(verifier),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn only_the_right_password_matches() {
        let hash = password_hash("correct horse").unwrap();
        assert!(password_matches("correct horse", &hash));
        assert!(!password_matches("wrong horse", &hash));
        assert!(!password_matches("correct horse", "not a hash"));
        assert!(!password_matches("correct horse", "a.b"));
        assert!(!password_matches("correct horse", &hash[..hash.len() - 1]));
        assert_ne!(hash, password_hash("correct horse").unwrap());
    }

    #[test]
    fn a_uuid_says_its_version_and_variant() {
        let id = uuid();
        assert_eq!(id.len(), 36);
        assert_eq!(&id[14..15], "4");
        assert!("89ab".contains(&id[19..20]), "{id}");
        assert_ne!(id, uuid());
    }
}
