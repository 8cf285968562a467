//! Who asks, as a URL says it. Pure.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::address;
use crate::failure::Failure;

/// A URL of a store, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Login {
    /// With a port, and without `+driver` in its scheme.
    pub(crate) url: Url,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    /// The path, without its slash.
    pub(crate) database: Option<String>,
}

impl Login {
    /// Reads `url`; `ports` are those that its schemes usually have.
    ///
    /// # Errors
    /// When it is no URL, or not readable as text. The message does not repeat it.
    pub(crate) fn parse(url: &str, ports: &[(&str, u16)]) -> Result<Self, Failure> {
        let mut url = address::parse(&without_driver(url))?;
        let known = ports.iter().find(|(scheme, _)| *scheme == url.scheme());
        if let (None, Some((_, port))) = (url.port_or_known_default(), known) {
            url.set_port(Some(*port))
                .map_err(|()| address::unusable("the URL names no host"))?;
        }
        let password = url.password().map(decode).transpose()?;
        Ok(Self {
            user: filled(decode(url.username())?),
            password,
            database: filled(decode(url.path().trim_start_matches('/'))?),
            url,
        })
    }

    /// The last value of a parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let found = self.url.query_pairs().filter(|(key, _)| key == name).last();
        found.and_then(|(_, value)| filled(value.into_owned()))
    }
}

fn filled(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// `postgresql+asyncpg://` is how some libraries name the driver beside the protocol.
fn without_driver(url: &str) -> Cow<'_, str> {
    match url.split_once("://") {
        Some((scheme, rest)) => match scheme.split_once('+') {
            Some((scheme, _driver)) => format!("{scheme}://{rest}").into(),
            None => url.into(),
        },
        None => url.into(),
    }
}

fn decode(text: &str) -> Result<String, Failure> {
    percent_decode_str(text)
        .decode_utf8()
        .map(Cow::into_owned)
        .map_err(|_| address::unusable("the URL is not UTF-8 once decoded"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(url: &str, expected: (Option<u16>, Option<&str>, Option<&str>, Option<&str>)) {
        let login = Login::parse(url, &[("redis", 6379), ("postgresql", 5432)]).unwrap();
        let text = |text: &Option<String>| text.clone();
        let owned = |text: Option<&str>| text.map(str::to_owned);
        assert_eq!(
            (
                login.url.port_or_known_default(),
                text(&login.user),
                text(&login.password),
                text(&login.database)
            ),
            (
                expected.0,
                owned(expected.1),
                owned(expected.2),
                owned(expected.3)
            ),
            "{url}"
        );
    }

    #[test]
    fn who_asks_comes_from_the_url() {
        check("redis://host", (Some(6379), None, None, None));
        check(
            "redis://:p%40ss@host/2",
            (Some(6379), None, Some("p@ss"), Some("2")),
        );
        check("redis://me:@host:1/", (Some(1), Some("me"), None, None));
        check(
            "postgresql+asyncpg://me:pw@host/shop%20one?x=y",
            (Some(5432), Some("me"), Some("pw"), Some("shop one")),
        );
        check("http://host", (Some(80), None, None, None));
        check("other://host", (None, None, None, None));
    }

    #[test]
    fn parameters_are_found_by_name() {
        let login = Login::parse("redis://h?db=1&db=2&empty=", &[]).unwrap();
        assert_eq!(login.parameter("db").as_deref(), Some("2"));
        assert_eq!(login.parameter("empty"), None);
        assert_eq!(login.parameter("other"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_being_repeated(url in "[a-z+]{0,8}(://)?.{0,40}") {
            if let Err((_, detail)) = Login::parse(&url, &[]) {
                prop_assert!(url.len() < 8 || !detail.contains(&url));
            }
        }
    }
}
