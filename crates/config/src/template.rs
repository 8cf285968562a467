//! `{service.NAME.url}` and its like inside commands and variables.

use std::ops::Range;

use crate::reader::{Reader, nearest};

/// Placeholders without parts.
const WORDS: [&str; 3] = ["assay", "port", "state"];

/// One `{name}` in a text.
#[derive(Debug, PartialEq, Eq)]
struct Placeholder<'a> {
    name: &'a str,
    range: Range<usize>,
}

/// Every `{name}` whose name is made of words and dots; other braces are left alone, so that
/// JSON may stand in a variable.
fn placeholders(text: &str) -> Vec<Placeholder<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(open) = text[from..].find('{').map(|at| from + at) {
        from = open + 1;
        let Some(close) = text[from..].find('}').map(|at| from + at) else {
            break;
        };
        let name = &text[from..close];
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        if is_name {
            found.push(Placeholder {
                name,
                range: open..close + 1,
            });
            from = close + 1;
        }
    }
    found
}

/// What is wrong with the placeholders of `text`: the problem, what belongs there, and a hint.
pub(crate) fn check(reader: &Reader<'_>, text: &str) -> Vec<(String, String, Option<String>)> {
    placeholders(text)
        .iter()
        .filter_map(|placeholder| check_one(reader, placeholder))
        .collect()
}

fn check_one(
    reader: &Reader<'_>,
    placeholder: &Placeholder<'_>,
) -> Option<(String, String, Option<String>)> {
    let name = placeholder.name;
    let known = || {
        let services = reader
            .services()
            .map(|service| format!("service.{service}.url"));
        services.collect::<Vec<_>>()
    };
    if let Some((first, _)) = name.split_once('.') {
        let is_reference = matches!(first, "service" | "services" | "dependency");
        if !is_reference || known().iter().any(|known| known == name) {
            return None;
        }
        let known = known();
        let hint = nearest(name, known.iter().map(String::as_str));
        return Some((
            format!("unknown reference `{{{name}}}`"),
            "only `{service.NAME.url}` is known".to_owned(),
            hint.map(|hint| format!("did you mean `{{{hint}}}`?")),
        ));
    }
    // A word that is not ours may mean something to the program that gets it; one that is a
    // slip of the pen away from ours would only fail later, and worse.
    let meant = WORDS
        .into_iter()
        .find(|word| strsim::damerau_levenshtein(word, name) == 1)?;
    Some((
        format!("unknown placeholder `{{{name}}}`"),
        "this is not replaced by anything".to_owned(),
        Some(format!("did you mean `{{{meant}}}`?")),
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let names: Vec<&str> = placeholders(text).iter().map(|found| found.name).collect();
        assert_eq!(names, expected, "{text}");
    }

    #[test]
    fn placeholders_are_names_in_braces() {
        check("", &[]);
        check("{assay}", &["assay"]);
        check("a{b}c{d.e-f}", &["b", "d.e-f"]);
        check("{{x}}", &["x"]);
        check(r#"{"a": {b}}"#, &["b"]);
        check("{}", &[]);
        check("{open", &[]);
        check("{with space}", &[]);
    }

    proptest! {
        #[test]
        fn ranges_hold_the_placeholder(text in "[a-z{}.]{0,20}") {
            for found in placeholders(&text) {
                prop_assert_eq!(&text[found.range.clone()], format!("{{{}}}", found.name));
            }
        }
    }
}
