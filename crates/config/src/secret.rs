//! Which values must never be stored.

use assay_model::Secret;

use crate::url;

/// Whether a key or a variable of this name holds something to keep quiet about.
pub(crate) fn smells(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let tells = [
        "password",
        "passwd",
        "passphrase",
        "token",
        "secret",
        "credential",
        "apikey",
    ];
    tells.iter().any(|tell| name.contains(tell))
        || name
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|word| word == "key")
}

/// The secrets in one value: `key` is where it stands, `variable` where it came from.
pub(crate) fn find(key: &str, variable: Option<&str>, value: &str) -> Vec<Secret> {
    let mut found = Vec::new();
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            found.push(Secret {
                name: name.to_owned(),
                value: value.to_owned(),
            });
        }
    };
    let name = variable.unwrap_or(key);
    let password = url::split(value).ok().and_then(|parts| parts.password);
    // A value that stands in the file is public; one from the environment may be a secret.
    if variable.is_some() && (password.is_some() || smells(key) || smells(name)) {
        add(name, value);
    }
    if let Some(password) = password {
        add(name, password);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(key: &str, variable: Option<&str>, value: &str, expected: &[&str]) {
        let found: Vec<String> = find(key, variable, value)
            .into_iter()
            .map(|secret| secret.value)
            .collect();
        assert_eq!(found, expected, "{key} = {value} from {variable:?}");
    }

    #[test]
    fn secrets_are_known_by_their_names() {
        check("API_TOKEN", Some("X"), "abc", &["abc"]);
        check("x", Some("DB_PASSWORD"), "abc", &["abc"]);
        check("signing_key", Some("X"), "abc", &["abc"]);
        check("monkey", Some("X"), "abc", &[]);
        check("url", Some("HOST"), "http://a", &[]);
        check("API_TOKEN", None, "abc", &[]);
        check("API_TOKEN", Some("X"), "", &[]);
    }

    #[test]
    fn a_password_in_a_url_is_a_secret_wherever_it_stands() {
        let url = "postgres://me:hush@db/x";
        check("url", Some("DATABASE_URL"), url, &[url, "hush"]);
        check("url", None, url, &["hush"]);
    }
}
