//! The line of the configuration that sets a key of a service.

/// The 1-based line and its text at which `key` of `[service.NAME]`, or of its `deploy` table,
/// is set, in a table of its own or inline.
pub(crate) fn find(text: &str, service: &str, key: &str) -> Option<(u64, String)> {
    let mut table = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let trimmed = line.trim();
        if let Some(header) = trimmed.strip_prefix('[') {
            table = path(header.split(']').next().unwrap_or(header));
            continue;
        }
        let Some((name, value)) = trimmed.split_once('=') else {
            continue;
        };
        let full: Vec<String> = table.iter().cloned().chain(path(name)).collect();
        let full: Vec<&str> = full.iter().map(String::as_str).collect();
        let found = match full.as_slice() {
            ["service", owner, rest @ ..] if *owner == service => match rest {
                [last] | ["deploy", last] if *last == key => true,
                ["deploy"] => sets_inline(value, key),
                _ => false,
            },
            _ => false,
        };
        if found {
            return Some((number, line.to_owned()));
        }
    }
    None
}

fn path(text: &str) -> Vec<String> {
    text.split('.')
        .map(|part| part.trim().trim_matches(['"', '\'']).to_owned())
        .collect()
}

/// `{ a = 1, key = "x" }` sets `key`.
fn sets_inline(value: &str, key: &str) -> bool {
    value
        .split(['{', ','])
        .any(|part| part.split('=').next().is_some_and(|k| k.trim() == key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(
            find(text, "api", "restart").map(|(line, _)| line),
            expected,
            "{text}"
        );
    }

    #[test]
    fn every_way_to_write_it() {
        check("[service.api.deploy]\nrestart = \"never\"", Some(2));
        check("[service.\"api\".deploy]\n\n restart=\"never\"", Some(3));
        check(
            "[service.api]\ndeploy = { gate = \"probe\", restart = \"never\" }",
            Some(2),
        );
        check("[service.api]\ndeploy.restart = \"never\"", Some(2));
        check("[service.web.deploy]\nrestart = \"never\"", None);
        check("[service.api.deploy]\n# restart\ngate = \"restart\"", None);
        check("", None);
    }
}
