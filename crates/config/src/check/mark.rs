//! Which environment a name belongs to, as far as the name says.

/// Words that mark a host or an environment, by what they mean.
const MARKS: [(&str, &[&str]); 5] = [
    ("production", &["prod", "production", "prd", "live"]),
    ("staging", &["staging", "stage", "stg"]),
    ("test", &["test", "testing", "qa", "uat"]),
    ("development", &["dev", "develop", "development"]),
    ("preview", &["preview", "review", "canary"]),
];

/// The environment that `name` marks itself with: one of the words between dots, dashes and
/// underscores, with or without digits behind it.
pub(crate) fn find(name: &str) -> Option<&'static str> {
    name.split(['.', '-', '_']).find_map(|word| {
        let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
        MARKS
            .iter()
            .find(|(_, words)| words.iter().any(|known| known.eq_ignore_ascii_case(word)))
            .map(|(mark, _)| *mark)
    })
}

/// Whether a host is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_matches(['[', ']']);
    bare.eq_ignore_ascii_case("localhost")
        || bare.to_ascii_lowercase().ends_with(".localhost")
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: Option<&str>) {
        assert_eq!(find(name), expected, "{name}");
    }

    #[test]
    fn marks_are_whole_words() {
        check("api.prod.example.com", Some("production"));
        check("api-stg2.example.com", Some("staging"));
        check("qa1", Some("test"));
        check("staging", Some("staging"));
        check("PROD-eu", Some("production"));
        check("product.example.com", None);
        check("latest.example.com", None);
        check("device.example.com", None);
        check("", None);
    }

    #[test]
    fn this_machine_has_several_names() {
        for host in [
            "localhost",
            "127.0.0.1",
            "127.9.9.9",
            "[::1]",
            "0.0.0.0",
            "api.localhost",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["10.0.0.1", "localhost.example.com", "api", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
