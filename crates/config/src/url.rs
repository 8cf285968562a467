//! The parts of a URL that a configuration is checked for.

/// A URL, split as far as it is checked here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    /// Before `://`, as written.
    pub(crate) scheme: &'a str,
    /// Between `:` and `@` of the authority, as written.
    pub(crate) password: Option<&'a str>,
    /// A name, an address, or an IPv6 address in brackets.
    pub(crate) host: &'a str,
    /// 1 to 65535.
    pub(crate) port: Option<u16>,
    /// Everything from the first `/`, `?` or `#` on.
    pub(crate) rest: &'a str,
}

/// Splits a URL with an authority, or says what is wrong with it. The text itself is not part
/// of the message, because it may hold a password.
pub(crate) fn split(text: &str) -> Result<Parts<'_>, &'static str> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("a URL holds no white space");
    }
    let (scheme, after) = text
        .split_once("://")
        .ok_or("a URL begins with `scheme://`")?;
    let scheme_is_valid = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if !scheme_is_valid {
        return Err("a URL's scheme is letters, digits, `+`, `-` and `.`");
    }
    let authority_end = after.find(['/', '?', '#']).unwrap_or(after.len());
    let (authority, rest) = after.split_at(authority_end);
    let (user, address) = match authority.rsplit_once('@') {
        Some((user, address)) => (Some(user), address),
        None => (None, authority),
    };
    let (host, port) = host_and_port(address)?;
    let password = user
        .and_then(|user| user.split_once(':'))
        .map(|(_, password)| password);
    Ok(Parts {
        scheme,
        password: password.filter(|p| !p.is_empty()),
        host,
        port,
        rest,
    })
}

fn host_and_port(address: &str) -> Result<(&str, Option<u16>), &'static str> {
    let host_end = if address.starts_with('[') {
        address
            .find(']')
            .ok_or("the bracket of an IPv6 address is not closed")?
            + 1
    } else {
        address.find(':').unwrap_or(address.len())
    };
    let (host, port) = address.split_at(host_end);
    if host.is_empty() {
        return Err("the URL names no host");
    }
    let host_is_valid = host.starts_with('[')
        || host
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
    if !host_is_valid {
        return Err("the URL's host holds a character that no host name has");
    }
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok((host, None)),
        None => Err("only `:PORT` may follow the host"),
        Some(port) => match port.parse::<u16>() {
            Ok(number) if number > 0 && !port.starts_with('+') => Ok((host, Some(number))),
            _ => Err("the URL's port is not a number from 1 to 65535"),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, scheme: &str, host: &str, port: Option<u16>, password: Option<&str>) {
        let got = split(text).unwrap();
        let got = (got.scheme, got.host, got.port, got.password);
        assert_eq!(got, (scheme, host, port, password), "{text}");
    }

    fn check_refused(text: &str, expected: &str) {
        let problem = split(text).unwrap_err();
        assert!(problem.contains(expected), "{text}: {problem}");
    }

    #[test]
    fn urls_are_split() {
        check(
            "http://127.0.0.1:8000",
            "http",
            "127.0.0.1",
            Some(8000),
            None,
        );
        check("http://api/health?x=1", "http", "api", None, None);
        check("http://[::1]:80/", "http", "[::1]", Some(80), None);
        check(
            "postgres://u:p:w@db:5432/x",
            "postgres",
            "db",
            Some(5432),
            Some("p:w"),
        );
        check("postgres://u@db", "postgres", "db", None, None);
        check("redis://:pw@cache", "redis", "cache", None, Some("pw"));
    }

    #[test]
    fn malformed_urls_are_refused() {
        check_refused("", "scheme://");
        check_refused("localhost:80", "scheme://");
        check_refused("1http://x", "scheme");
        check_refused("http://", "no host");
        check_refused("http://:80", "no host");
        check_refused("http://a:0", "port");
        check_refused("http://a:65536", "port");
        check_refused("http://a:+80", "port");
        check_refused("http://a:", "port");
        check_refused("http://a b", "white space");
        check_refused("http://a,b", "host");
        check_refused("http://[::1", "bracket");
        check_refused("http://[::1]x", "follow the host");
    }

    proptest! {
        #[test]
        fn any_text_is_split_or_refused(text in ".{0,40}") {
            let _outcome = split(&text);
        }

        #[test]
        fn parts_come_back(host in "[a-z][a-z0-9-]{0,9}", port in 1_u16.., path in "(/[a-z]{0,5})?") {
            let text = format!("http://{host}:{port}{path}");
            let parts = split(&text).unwrap();
            prop_assert_eq!((parts.host, parts.port, parts.rest), (&*host, Some(port), &*path));
        }
    }
}
