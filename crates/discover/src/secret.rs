//! What must not be carried from a file into a draft.

/// Parts of a name, between `_`, `-` and `.`, that mark its value as a secret.
const PARTS: &[&str] = &[
    "SECRET",
    "SECRETS",
    "PASSWORD",
    "PASSWD",
    "PASS",
    "PASSPHRASE",
    "PWD",
    "PW",
    "TOKEN",
    "TOKENS",
    "CREDENTIAL",
    "CREDENTIALS",
    "CREDS",
    "SALT",
    "PEPPER",
    "JWT",
    "DSN",
    "COOKIE",
    "LICENSE",
    "WEBHOOK",
    "SIGNATURE",
    "CERT",
    "PRIVATE",
    "ENCRYPTION",
    "REQUIREPASS",
    "APIKEY",
];

/// How values begin that are secrets under any name.
const VALUES: &[&str] = &[
    "-----BEGIN",
    "eyJ",
    "sk-",
    "sk_",
    "pk_",
    "rk_",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xox",
    "AKIA",
    "ASIA",
    "AIza",
    "SG.",
    "whsec_",
    "hf_",
    "npm_",
    "dckr_pat_",
];

/// Whether a name smells of a secret.
pub(crate) fn smells(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let mut parts = name.split(|c: char| !c.is_ascii_alphanumeric()).peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        if PARTS.contains(&part)
            || (part == "KEY" && last)
            || ["PASSWORD", "SECRET", "TOKEN", "APIKEY"]
                .iter()
                .any(|end| part.ends_with(end))
        {
            return true;
        }
    }
    false
}

/// A value as it may be kept: empty where it is a secret, a URL without its password.
pub(crate) fn value(name: &str, value: &str) -> String {
    if smells(name) && !is_plain_address(value) {
        return String::new();
    }
    bare(value)
}

/// A value without what is secret in it, whatever its name.
pub(crate) fn bare(value: &str) -> String {
    let trimmed = value.trim();
    if VALUES.iter().any(|start| trimmed.starts_with(start)) {
        return String::new();
    }
    without_passwords(value)
}

/// `DSN`s and webhooks are often addresses with nothing secret in them.
fn is_plain_address(value: &str) -> bool {
    value.split_once("://").is_some_and(|(_, rest)| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        !authority.contains('@')
            && rest[authority.len()..].chars().all(|c| c == '/')
            && !authority.is_empty()
    })
}

/// Takes the password out of every URL in a text.
fn without_passwords(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after
            .find(|c: char| c.is_whitespace() || "\"'<>".contains(c))
            .unwrap_or(after.len());
        // Lists of URLs are joined with commas; a password may hold one too.
        let next = after[..end]
            .find("://")
            .and_then(|next| after[..next].rfind(','));
        let (url, tail) = after.split_at(next.unwrap_or(end));
        push_url(&mut out, url);
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// Adds what follows `://`, without the password and without secrets in the query.
fn push_url(out: &mut String, url: &str) {
    let authority = url.split(['/', '?', '#']).next().unwrap_or_default();
    let at = authority.rfind('@').or_else(|| {
        // A password that holds a `/` hides the `@` behind it.
        let (_, port) = authority.rsplit_once(':')?;
        let number = port.bytes().all(|byte| byte.is_ascii_digit());
        if number { None } else { url.rfind('@') }
    });
    let rest = at.map_or(url, |at| {
        out.push_str(url[..at].split(':').next().unwrap_or_default());
        &url[at..]
    });
    let Some((path, query)) = rest.split_once('?') else {
        out.push_str(rest);
        return;
    };
    out.push_str(path);
    for (place, pair) in query.split('&').enumerate() {
        out.push(if place == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((name, _)) if smells(name) => {
                out.push_str(name);
                out.push('=');
            }
            _ => out.push_str(pair),
        }
    }
}

/// Words of a command without the secrets among them: values of options that smell of one.
pub(crate) fn words(words: Vec<String>) -> Vec<String> {
    let mut hide = false;
    words
        .into_iter()
        .map(|word| {
            if std::mem::take(&mut hide) && !word.starts_with('-') {
                return String::new();
            }
            if let Some((name, _)) = word.split_once('=') {
                let plain = name.trim_start_matches('-');
                if !plain.contains(char::is_whitespace) && smells(plain) {
                    return format!("{name}=");
                }
                return bare(&word);
            }
            hide = word.starts_with('-') && smells(&word);
            bare(&word)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, text: &str, expected: &str) {
        assert_eq!(value(name, text), expected, "{name}={text}");
    }

    #[test]
    fn values() {
        check("PORT", "8080", "8080");
        check("POSTGRES_PASSWORD", "x", "");
        check("api_key", "x", "");
        check("KEYCLOAK_URL", "http://k", "http://k");
        check("KEY_PREFIX", "x", "x");
        check("JWT_SECRET", "x", "");
        check("DBPASSWORD", "x", "");
        check("PASSENGER_PORT", "1", "1");
        check("AUTH_URL", "http://auth:1", "http://auth:1");
        check(
            "DATABASE_URL",
            "postgres://u:p@db:5432/x",
            "postgres://u@db:5432/x",
        );
        check(
            "DATABASE_URL",
            "postgres://u:p@ss@db/x",
            "postgres://u@db/x",
        );
        check("REDIS_URL", "redis://:p@cache:6379", "redis://@cache:6379");
        check("DATABASE_URL", "postgres://u:p/q@db/x", "postgres://u@db/x");
        check(
            "DATABASE_URL",
            "postgres://db/x?user=u&password=p",
            "postgres://db/x?user=u&password=",
        );
        check(
            "HOSTS",
            "amqp://a:b@m1:5672,amqp://a:b,c@m2:5672",
            "amqp://a@m1:5672,amqp://a@m2:5672",
        );
        check("X", "sk-abc", "");
        check("X", "-----BEGIN PRIVATE KEY-----", "");
        check("TOKEN_URL", "http://auth:8000", "http://auth:8000");
        check("WEBHOOK", "https://hooks.example/T0/B0", "");
        check("A", "", "");
    }

    #[test]
    fn commands() {
        let check = |text: &str, expected: &str| {
            let found = words(text.split(' ').map(str::to_owned).collect());
            assert_eq!(found.join(" "), expected);
        };
        check(
            "redis-server --requirepass x --port 1",
            "redis-server --requirepass  --port 1",
        );
        check("x --api-key=abc y", "x --api-key= y");
        check("x --token --port 1", "x --token --port 1");
        check("psql postgres://u:p@db/x", "psql postgres://u@db/x");
    }
}
