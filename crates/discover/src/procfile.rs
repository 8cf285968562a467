//! Procfiles: one `name: command` a line.

use std::collections::BTreeMap;

use crate::{Origin, Platform, Port, Unit, Unreadable, health, paths, secret, shell};

/// Lines of one file; foreman's users have a dozen.
const LINES_MAX: usize = 1_000;

/// Options and commands whose next word is the folder that all else happens in.
const FOLDER_OPTIONS: [&str; 8] = [
    "cd",
    "-C",
    "--prefix",
    "--cwd",
    "--chdir",
    "--dir",
    "--project",
    "--app-dir",
];

/// Whether a file's name says that it is one.
pub(crate) fn is_procfile(path: &str) -> bool {
    let name = paths::name(path);
    name == "Procfile" || name.starts_with("Procfile.")
}

/// The processes of a Procfile, and its first line that is none.
pub(crate) fn read(path: &str, text: &str) -> (Vec<Unit>, Vec<Unreadable>) {
    let (mut units, mut unreadable) = (Vec::new(), Vec::new());
    for (at, line) in text.lines().take(LINES_MAX).enumerate() {
        let origin = Origin {
            file: path.to_owned(),
            line: at as u64 + 1,
        };
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let pair = line.split_once(':').filter(|(name, command)| {
            !command.trim().is_empty()
                && !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        });
        match pair {
            Some((name, command)) => units.push(unit(name, command, origin)),
            None if unreadable.is_empty() => unreadable.push(Unreadable {
                origin,
                reason: "no `name: command`".to_owned(),
            }),
            None => {}
        }
    }
    (units, unreadable)
}

fn unit(name: &str, command: &str, origin: Origin) -> Unit {
    let mut words = shell::words(command);
    let mut env = BTreeMap::new();
    if words.first().is_some_and(|word| word == "env") {
        words.remove(0);
    }
    while let Some((name, value)) = words.first().and_then(|word| assignment(word)) {
        env.insert(name.to_owned(), secret::value(name, value));
        words.remove(0);
    }
    let port = env
        .get("PORT")
        .and_then(|port| health::number(port))
        .or_else(|| port(&words));
    Unit {
        name: name.to_owned(),
        origin,
        platform: Platform::Procfile,
        namespace: None,
        image: None,
        build: None,
        ports: port.into_iter().map(on_this_machine).collect(),
        env,
        depends_on: Vec::new(),
        depends_on_at: None,
        command: secret::words(words),
        health: None,
        labels: BTreeMap::new(),
        profiles: Vec::new(),
        container_name: None,
        one_shot: name == "release" || name == "migrate",
    }
}

/// What the command of a line names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// Files of code, relative to the repository's root; they need not exist.
    pub(crate) files: Vec<String>,
    /// Folders that it is told to work in.
    pub(crate) folders: Vec<String>,
}

/// The files and folders that the command of a line names: `python3 api/server.py`,
/// `uvicorn api.main:app`, `cd web && npm start`, `yarn --cwd web dev`.
pub(crate) fn named(unit: &Unit) -> Named {
    let folder = paths::folder(&unit.origin.file);
    let mut named = Named::default();
    let mut before = "";
    for word in &unit.command {
        let (option, value) = match word.split_once('=') {
            Some((option, value)) if option.starts_with('-') => (option, value),
            _ => (before, word.as_str()),
        };
        let path = paths::join(folder, value);
        if FOLDER_OPTIONS.contains(&option) {
            named.folders.extend(path);
        } else if is_code(value) {
            named.files.extend(path);
        } else if option == "-m" || value.contains(':') {
            let module = value.split(':').next().unwrap_or_default();
            named
                .files
                .extend(module_file(module).and_then(|file| paths::join(folder, &file)));
        }
        before = word;
    }
    named
}

/// The file of a Python module: `api.main` → `api/main.py`.
fn module_file(module: &str) -> Option<String> {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.as_bytes()[0].is_ascii_digit()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let parts: Vec<&str> = module.split('.').collect();
    let is_module = parts.iter().all(|part| is_part(part));
    is_module.then(|| format!("{}.py", parts.join("/")))
}

fn is_code(word: &str) -> bool {
    let stem = word.rsplit_once('.');
    stem.is_some_and(|(before, end)| {
        !before.is_empty()
            && !word.contains(['$', '*', ':', '='])
            && [
                "py", "js", "mjs", "cjs", "ts", "rb", "php", "go", "exs", "ru",
            ]
            .contains(&end)
    })
}

fn assignment(word: &str) -> Option<(&str, &str)> {
    word.split_once('=').filter(|(name, _)| {
        !name.is_empty()
            && !name.as_bytes()[0].is_ascii_digit()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// The port that an option of the command names.
fn port(words: &[String]) -> Option<u16> {
    const NAMES: &[&str] = &[
        "-p",
        "--port",
        "-b",
        "--bind",
        "--listen",
        "--address",
        "--addr",
        "--http",
        "--host",
    ];
    let number = |value: &str| {
        // `0.0.0.0:${PORT:-80}`: the colon inside of the braces belongs to the default.
        let start = value.find("${").unwrap_or(value.len());
        match value[..start].rsplit_once(':') {
            Some((host, port)) => health::number(&value[host.len() + 1..]).or(health::number(port)),
            None => health::number(value),
        }
    };
    words.iter().enumerate().find_map(|(at, word)| {
        if NAMES.contains(&word.as_str()) {
            return number(words.get(at + 1)?);
        }
        let (name, value) = word.split_once('=')?;
        NAMES.contains(&name).then(|| number(value))?
    })
}

fn on_this_machine(port: u16) -> Port {
    Port {
        published: Some(port),
        host: None,
        target: port,
        protocol: "tcp".to_owned(),
        name: None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str) {
        let (units, unreadable) = read("Procfile", text);
        let mut found: Vec<_> = units
            .iter()
            .map(|unit| {
                let ports: Vec<_> = unit.ports.iter().map(|port| port.target).collect();
                format!("{} {:?} {}", unit.name, ports, unit.command.join("·"))
            })
            .collect();
        found.extend(unreadable.iter().map(|u| format!("{}!", u.origin.line)));
        assert_eq!(found.join("|"), expected, "{text:?}");
    }

    #[test]
    fn processes() {
        check("", "");
        check("web: gunicorn app", "web [] gunicorn·app");
        check("# c\n\nweb: a\nworker: b c\n", "web [] a|worker [] b·c");
        check(
            "web: x --bind 0.0.0.0:$PORT",
            "web [] x·--bind·0.0.0.0:$PORT",
        );
        check(
            "web: x --bind=0.0.0.0:${PORT:-8000}",
            "web [8000] x·--bind=0.0.0.0:${PORT:-8000}",
        );
        check(
            "web: rails server -p ${PORT:-3000}",
            "web [3000] rails·server·-p·${PORT:-3000}",
        );
        check("web: x -p 80", "web [80] x·-p·80");
        check("web: PORT=90 x", "web [90] x");
        check("web: a && b", "web [] a·&&·b");
        check("web: bash -c 'a b'", "web [] bash·-c·a b");
        check("nothing here\nweb: a", "web [] a|1!");
        check("web:", "1!");
        check("a b: c", "1!");
    }

    #[test]
    fn a_release_line_runs_to_its_end() {
        let (units, _) = read("Procfile", "release: ./migrate\nweb: SECRET_KEY=x A=1 b");
        assert!(units[0].one_shot && !units[1].one_shot);
        assert_eq!(units[1].env["A"], "1");
        assert_eq!(units[1].env["SECRET_KEY"], "");
        assert_eq!(units[1].origin.line, 2);
    }

    fn check_named(command: &str, expected: &str) {
        let (units, _) = read("shop/Procfile", &format!("web: {command}"));
        let found = named(&units[0]);
        let all = [found.files.join(","), found.folders.join(",")].join("|");
        assert_eq!(all, expected, "{command}");
    }

    #[test]
    fn commands_name_files_and_folders() {
        check_named("python3 web/server.py", "shop/web/server.py|");
        check_named("PORT=1 node ./index.js --x", "shop/index.js|");
        check_named("uvicorn api.main:app --reload", "shop/api/main.py|");
        check_named("python -m api.server", "shop/api/server.py|");
        check_named("cd web && npm start", "|shop/web");
        check_named("npm --prefix=web start", "|shop/web");
        check_named("yarn start --services=web", "|");
        check_named("x --bind 0.0.0.0:80", "|");
        check_named("python ../../x.py", "|");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\PC|[\\n:='\"$ ]|web: |-p |\\$\\{){0,40}") {
            for unit in read("Procfile", &text).0 {
                let _named = named(&unit);
            }
        }
    }
}
