//! Placeholders in commands and environments: `{assay}`, `{port}`, `{service.api.url}`.

use thiserror::Error;

/// A placeholder that means nothing here.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown placeholder {{{name}}} in {text:?}")]
pub struct UnknownPlaceholder {
    /// The name between the braces.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// Replaces each `{name}` by what `value` gives for it. Braces around anything other than
/// letters, digits, `_`, `-` and `.` are left as they are, so that JSON can be written plainly.
///
/// # Errors
/// When `value` knows nothing of a name.
pub fn expand(
    text: &str,
    value: &dyn Fn(&str) -> Option<String>,
) -> Result<String, UnknownPlaceholder> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        let inside = &rest[open + 1..];
        let name = inside.split('}').next().filter(|name| {
            name.len() < inside.len()
                && !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
        });
        let Some(name) = name else {
            out.push('{');
            rest = inside;
            continue;
        };
        out.push_str(&value(name).ok_or_else(|| UnknownPlaceholder {
            name: name.to_owned(),
            text: text.to_owned(),
        })?);
        rest = &inside[name.len() + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let found = expand(text, &|name| match name {
            "port" => Some("80".to_owned()),
            "service.api.url" => Some("http://a{port}".to_owned()),
            _ => None,
        });
        match expected {
            Ok(expected) => assert_eq!(found.as_deref(), Ok(expected)),
            Err(name) => assert_eq!(found.unwrap_err().name, name),
        }
    }

    #[test]
    fn placeholders() {
        check("", Ok(""));
        check("plain", Ok("plain"));
        check("--port={port}", Ok("--port=80"));
        check("{port}{port}", Ok("8080"));
        check("{service.api.url}/x", Ok("http://a{port}/x"));
        check("{nope}", Err("nope"));
        check(r#"{"a": 1}"#, Ok(r#"{"a": 1}"#));
        check("{}", Ok("{}"));
        check("{port", Ok("{port"));
        check("{{port}}", Ok("{80}"));
        check("ü{port}ü", Ok("ü80ü"));
    }
}
