//! Files of variables: `.env.example` and its like.

use crate::{Origin, Unreadable, Variable, paths, secret};

/// Lines of one file. A hundred times what the longest seen example has.
const LINES_MAX: usize = 20_000;

/// Lines that one quoted value may take: a key in PEM has 50.
const VALUE_LINES_MAX: usize = 100;

/// Stands for `$` while the line is parsed: the parser would fill in this process's environment.
const DOLLAR: &str = "\u{f8ff}";

/// What a file of variables is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Made to be copied: its values are examples.
    Example,
    /// In use: its values are nobody else's business.
    Real,
}

/// What a file's name says of it; `None` where it is no file of variables.
pub(crate) fn kind(path: &str) -> Option<Kind> {
    let name = paths::name(path).to_ascii_lowercase();
    let is_env = name == ".env"
        || name.starts_with(".env.")
        || name.starts_with(".env-")
        || name.starts_with(".env_")
        || name.starts_with("env.")
        || name.ends_with(".env")
        || name == "dotenv"
        || name == "env-example";
    let other = [
        ".ts", ".js", ".mjs", ".py", ".rb", ".go", ".rs", ".sh", ".md", ".json", ".yml", ".yaml",
        ".patch", ".enc", ".gpg", ".age", ".lock",
    ];
    if !is_env || other.iter().any(|end| name.ends_with(end)) {
        return None;
    }
    let example = name.split(['.', '-', '_']).any(|part| {
        [
            "example", "sample", "template", "dist", "tmpl", "tpl", "default", "defaults",
        ]
        .contains(&part)
    });
    if example {
        Some(Kind::Example)
    } else if name.starts_with("env.") {
        None
    } else {
        Some(Kind::Real)
    }
}

/// The variables of a file with their values as written, and the lines that could not be read.
pub(crate) fn read(path: &str, text: &str) -> (Vec<Variable>, Vec<Unreadable>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines: Vec<&str> = text.lines().take(LINES_MAX).collect();
    let (mut variables, mut unreadable) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < lines.len() {
        let origin = Origin {
            file: path.to_owned(),
            line: at as u64 + 1,
        };
        let (used, found) = one(&lines[at..]);
        match found {
            Found::Nothing => {}
            Found::Variable(name, example) => variables.push(Variable {
                origin,
                name,
                example,
            }),
            Found::Broken => unreadable.push(Unreadable {
                origin,
                reason: "neither a comment nor `NAME=value`".to_owned(),
            }),
        }
        at += used;
    }
    // One line that says it is enough: a file in another format would give hundreds.
    unreadable.truncate(1);
    (variables, unreadable)
}

/// The same with the values that may be kept: those of examples, without secrets.
pub(crate) fn clues(path: &str, text: &str, kind: Kind) -> (Vec<Variable>, Vec<Unreadable>) {
    let (mut variables, unreadable) = read(path, text);
    for variable in &mut variables {
        variable.example = match kind {
            Kind::Example => secret::value(&variable.name, &variable.example),
            Kind::Real => String::new(),
        };
    }
    (variables, unreadable)
}

enum Found {
    Nothing,
    Variable(String, String),
    Broken,
}

/// Reads the variable at the head of `lines`, and says how many lines it takes.
fn one(lines: &[&str]) -> (usize, Found) {
    let first = lines[0].trim();
    if first.is_empty() || first.starts_with('#') {
        return (1, Found::Nothing);
    }
    if let Some(pair) = parse(first) {
        return (1, Found::Variable(pair.0, pair.1));
    }
    let Some((name, value)) = first.split_once('=') else {
        // Compose reads a name that stands alone as "from the environment".
        let found = if is_name(first) {
            Found::Variable(first.to_owned(), String::new())
        } else {
            Found::Broken
        };
        return (1, found);
    };
    let name = name.trim().trim_start_matches("export ").trim();
    if !is_name(name) {
        return (1, Found::Broken);
    }
    let value = value.trim();
    if let Some(quote) = value.chars().next().filter(|c| "\"'".contains(*c)) {
        let mut joined = first.to_owned();
        for (more, line) in lines.iter().enumerate().skip(1).take(VALUE_LINES_MAX) {
            joined.push('\n');
            joined.push_str(line);
            if line.contains(quote) {
                if let Some(pair) = parse(&joined) {
                    return (more + 1, Found::Variable(pair.0, pair.1));
                }
                break;
            }
        }
    }
    // `NAME=two words` and `NAME=Bob's`, which only some readers take.
    let value = value.split(" #").next().unwrap_or(value).trim_end();
    (1, Found::Variable(name.to_owned(), value.to_owned()))
}

/// One assignment by the rules of dotenv, nothing filled in.
fn parse(line: &str) -> Option<(String, String)> {
    let line = line.replace('$', DOLLAR);
    let mut found = dotenvy::from_read_iter(line.as_bytes());
    let (name, value) = found.next()?.ok()?;
    Some((name, value.replace(DOLLAR, "$")))
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
        && !text.as_bytes()[0].is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str) {
        let (variables, unreadable) = read(".env.example", text);
        let mut found: Vec<_> = variables
            .iter()
            .map(|v| format!("{}:{}={}", v.origin.line, v.name, v.example))
            .collect();
        found.extend(unreadable.iter().map(|u| format!("{}!", u.origin.line)));
        assert_eq!(found.join("|"), expected, "{text:?}");
    }

    #[test]
    fn variables() {
        check("", "");
        check("# c\n\nA=1\n  B = 2 # c\n", "3:A=1|4:B=2");
        check("export A=1", "1:A=1");
        check("A=", "1:A=");
        check("A", "1:A=");
        check("A=\"x y\"\nB='z'", "1:A=x y|2:B=z");
        check("A=\"x\ny\"\nB=1", "1:A=x\ny|3:B=1");
        check("A='open\nB=1", "1:A='open|2:B=1");
        check(
            "A=two words\nB=Bob's app\nC=3",
            "1:A=two words|2:B=Bob's app|3:C=3",
        );
        check("A=http://x:80/#y", "1:A=http://x:80/#y");
        check("A=${B:-c}\nC=$HOME", "1:A=${B:-c}|2:C=$HOME");
        check("A=1\r\nB=2\r\n", "1:A=1|2:B=2");
        check("A-B=1", "1:A-B=1");
        check("{\n\"x\": 1\n}", "1!");
        check("\u{feff}A=1", "1:A=1");
    }

    #[test]
    fn what_may_be_kept() {
        let text = "PORT=1\nAPI_KEY=x\nURL=redis://:p@c:1";
        let show = |kind| {
            let found = clues("f", text, kind).0;
            found
                .iter()
                .map(|v| v.example.clone())
                .collect::<Vec<_>>()
                .join("|")
        };
        assert_eq!(show(Kind::Example), "1||redis://@c:1");
        assert_eq!(show(Kind::Real), "||");
    }

    #[test]
    fn names_of_files() {
        let check = |path, expected| assert_eq!(kind(path), expected, "{path}");
        check(".env", Some(Kind::Real));
        check("a/.env.local", Some(Kind::Real));
        check("api.env", Some(Kind::Real));
        check(".env.example", Some(Kind::Example));
        check("x/.env.dist", Some(Kind::Example));
        check(".env.local.sample", Some(Kind::Example));
        check("example.env", Some(Kind::Example));
        check("env.example", Some(Kind::Example));
        check(".env-template", Some(Kind::Example));
        check("env.py", None);
        check("env.d.ts", None);
        check("environment", None);
        check(".envrc", None);
        check(".env.patch", None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\PC|[\\n\"'=#$ \\\\]){0,80}") {
            let (variables, _) = read("f", &text);
            prop_assert!(variables.iter().all(|v| v.origin.line >= 1));
        }
    }
}
