//! Which host and port a URL means.

/// The parts of a URL that say whom to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// In lower case.
    pub(crate) scheme: String,
    /// A name or an address; IPv6 without brackets.
    pub(crate) host: String,
    /// As written.
    pub(crate) port: Option<u16>,
}

/// Reads the scheme, host and port of a URL; `None` if it names no host.
pub(crate) fn read(url: &str) -> Option<Address> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let address = authority.rsplit_once('@').map_or(authority, |(_, it)| it);
    let (host, port) = match address.strip_prefix('[') {
        Some(v6) => {
            let (host, after) = v6.split_once(']')?;
            (host, after.strip_prefix(':'))
        }
        None => match address.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        },
    };
    let port = match port {
        Some(port) => Some(port.parse().ok().filter(|port| *port > 0)?),
        None => None,
    };
    (!host.is_empty()).then(|| Address {
        scheme: scheme.to_ascii_lowercase(),
        host: host.to_owned(),
        port,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(url: &str, expected: Option<(&str, &str, Option<u16>)>) {
        let found = read(url);
        let found = found.as_ref().map(|it| (&*it.scheme, &*it.host, it.port));
        assert_eq!(found, expected, "{url}");
    }

    #[test]
    fn urls() {
        check("http://a:80/x", Some(("http", "a", Some(80))));
        check("HTTP://a?x", Some(("http", "a", None)));
        check("postgres://u:p:w@db:5/x", Some(("postgres", "db", Some(5))));
        check(
            "redis://:p%40@[::1]:6379",
            Some(("redis", "::1", Some(6379))),
        );
        check("tcp://[::1]", Some(("tcp", "::1", None)));
        check("http://a:0", None);
        check("http://a:x", None);
        check("http://:80", None);
        check("http://[::1", None);
        check("a:80", None);
        check("", None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            if let Some(address) = read(&text) {
                prop_assert!(!address.host.is_empty());
            }
        }

        #[test]
        fn a_password_is_never_part_of_the_address(
            secret in "[a-z0-9:@!]{1,12}",
            port in 1_u16..,
        ) {
            let found = read(&format!("postgres://user:{secret}@db:{port}/x")).unwrap();
            prop_assert_eq!((&*found.host, found.port), ("db", Some(port)));
        }
    }
}
