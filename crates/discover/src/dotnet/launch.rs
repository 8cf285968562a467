//! `Properties/launchSettings.json`: JSON with comments.

use serde_json::Value;

use super::place::project_folder;
use crate::clue::Origin;
use crate::paths;

/// Addresses of one project that are kept; each profile has one or two.
const URLS_MAX: usize = 16;

/// Where a project listens when it is started for development.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Launch {
    pub(crate) folder: String,
    pub(crate) origin: Origin,
    /// Scheme and port, each once.
    pub(crate) urls: Vec<(String, u16)>,
}

/// Whether a file is one.
pub(crate) fn is_settings(path: &str) -> bool {
    paths::name(path).eq_ignore_ascii_case("launchSettings.json")
}

/// The addresses of every profile that starts the project itself; `None` for what cannot be read.
pub(crate) fn read(path: &str, text: &str) -> Option<Launch> {
    let plain = without_comments(text.trim_start_matches('\u{feff}'));
    let settings: Value = serde_json::from_str(&plain).ok()?;
    let mut urls: Vec<(String, u16)> = Vec::new();
    for profile in settings.get("profiles")?.as_object()?.values() {
        let command = profile.get("commandName").and_then(Value::as_str);
        if command.is_some_and(|command| command != "Project") {
            continue;
        }
        let listed = profile.get("applicationUrl").and_then(Value::as_str);
        for url in listed.unwrap_or_default().split(';').filter_map(address) {
            if urls.len() < URLS_MAX && !urls.contains(&url) {
                urls.push(url);
            }
        }
    }
    let line = text
        .lines()
        .position(|line| line.contains("applicationUrl"));
    Some(Launch {
        folder: project_folder(path),
        origin: Origin {
            file: path.to_owned(),
            line: line.map_or(0, |line| line as u64 + 1),
        },
        urls,
    })
}

/// `http://localhost:5221/` → `http` and 5221.
fn address(url: &str) -> Option<(String, u16)> {
    let (scheme, rest) = url.trim().split_once("://")?;
    let authority = rest.split('/').next()?;
    let usual = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let port = match authority.rsplit_once(':') {
        Some((_, port)) => port.parse().ok().filter(|port| *port != 0)?,
        None => usual,
    };
    Some((scheme.to_owned(), port))
}

/// JSON without its comments and the commas before a closing bracket.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut in_text = false;
    while let Some(c) = chars.next() {
        match (in_text, c, chars.peek()) {
            (true, '\\', _) => {
                out.push(c);
                out.extend(chars.next());
            }
            (_, '"', _) => {
                in_text = !in_text;
                out.push(c);
            }
            (false, '/', Some('/')) => {
                while chars.peek().is_some_and(|c| *c != '\n') {
                    chars.next();
                }
            }
            (false, '/', Some('*')) => {
                chars.next();
                let mut last = ' ';
                for c in chars.by_ref() {
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
            }
            (false, '}' | ']', _) => {
                let kept = out.trim_end();
                if let Some(before) = kept.strip_suffix(',') {
                    out.truncate(before.len());
                }
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str) {
        let found = read("src/Api/Properties/launchSettings.json", text).map(|launch| {
            let urls = launch.urls.iter();
            let urls: Vec<String> = urls
                .map(|(scheme, port)| format!("{scheme}:{port}"))
                .collect();
            format!(
                "{}:{} {}",
                launch.folder,
                launch.origin.line,
                urls.join(",")
            )
        });
        assert_eq!(found.as_deref().unwrap_or("-"), expected, "{text}");
    }

    #[test]
    fn addresses_of_profiles() {
        let profiles = |inner: &str| format!("\u{feff}{{\n\"profiles\": {{ {inner} }}\n}}");
        check(
            &profiles(
                r#""http": {"commandName": "Project", "applicationUrl": "http://localhost:5221/"}"#,
            ),
            "src/Api:2 http:5221",
        );
        check(
            &profiles(
                "/* x */ \"a\": {\"applicationUrl\": \"https://localhost:7001;http://+:5001\", }, // y\n",
            ),
            "src/Api:2 https:7001,http:5001",
        );
        check(
            &profiles(
                r#""IIS": {"commandName": "IISExpress", "applicationUrl": "http://localhost:1"}"#,
            ),
            "src/Api:2 ",
        );
        check(
            &profiles(r#""a": {"x": "// \" no comment", "applicationUrl": "http://h"}"#),
            "src/Api:2 http:80",
        );
        check(
            &profiles(r#""a": {"applicationUrl": "http://h:99999"}"#),
            "src/Api:2 ",
        );
        check("{", "-");
        check("{}", "-");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\PC|[\\n\"/*,{}\\\\])*") {
            let _found = read("Properties/launchSettings.json", &text);
        }

        #[test]
        fn plain_json_stays(text in "[a-z \"{}:0-9\\[\\]]{0,40}") {
            prop_assert_eq!(without_comments(&text), text);
        }
    }
}
