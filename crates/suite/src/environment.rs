//! Variables of a test process: how the gateway's addresses reach a test.

use std::collections::BTreeMap;

use thiserror::Error;

const OPEN: &str = "{service.";
const CLOSE: &str = ".url}";

/// A value of `env` that cannot be filled in.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("variable {variable} refers to {{service.{service}.url}}, and no service is called that")]
pub struct TemplateError {
    /// The variable.
    pub variable: String,
    /// The service that it names.
    pub service: String,
}

/// Fills `{service.NAME.url}` in with what `url` knows of NAME.
pub(crate) fn resolve(
    env: &BTreeMap<String, String>,
    url: impl Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, String>, TemplateError> {
    env.iter()
        .map(|(variable, value)| {
            let value = fill(value, &url).map_err(|service| TemplateError {
                variable: variable.clone(),
                service: service.to_owned(),
            })?;
            Ok((variable.clone(), value))
        })
        .collect()
}

fn fill(value: &str, url: impl Fn(&str) -> Option<String>) -> Result<String, &str> {
    let mut filled = String::new();
    let mut rest = value;
    while let Some(at) = rest.find(OPEN) {
        let name_on = &rest[at + OPEN.len()..];
        let Some(end) = name_on.find(CLOSE) else {
            break;
        };
        let name = &name_on[..end];
        filled.push_str(&rest[..at]);
        filled.push_str(&url(name).ok_or(name)?);
        rest = &name_on[end + CLOSE.len()..];
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: Result<&str, &str>) {
        let url = |name: &str| (name == "api").then(|| "http://h:1".to_owned());
        assert_eq!(fill(value, url), expected.map(str::to_owned), "{value}");
    }

    #[test]
    fn templates_are_filled_in() {
        check("{service.api.url}", Ok("http://h:1"));
        check("{service.api.url}/v1", Ok("http://h:1/v1"));
        check(
            "a={service.api.url};b={service.api.url}",
            Ok("a=http://h:1;b=http://h:1"),
        );
        check("{service.web.url}", Err("web"));
        check("{service.api", Ok("{service.api"));
        check("{other}", Ok("{other}"));
        check("", Ok(""));
    }

    #[test]
    fn errors_name_the_variable() {
        let env = BTreeMap::from([("WEB".to_owned(), "{service.web.url}".to_owned())]);
        assert_eq!(
            resolve(&env, |_| None).unwrap_err().to_string(),
            "variable WEB refers to {service.web.url}, and no service is called that"
        );
    }
}
