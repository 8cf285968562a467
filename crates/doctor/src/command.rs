//! Which programs a command of the configuration calls.

/// Programs that run the command behind them, and how many words of their own come before it.
const WRAPPERS: [(&str, usize); 6] = [
    ("env", 0),
    ("nice", 0),
    ("nohup", 0),
    ("sudo", 0),
    ("timeout", 1),
    ("xvfb-run", 0),
];

/// Programs that run another tool by its name.
const RUNNERS: [(&str, &[&str]); 5] = [
    ("npx", &[]),
    ("pnpm", &["exec"]),
    ("yarn", &["run", "exec"]),
    ("uv", &["run"]),
    ("poetry", &["run"]),
];

/// A program that a command calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Called {
    /// As it is written.
    pub(crate) program: String,
    /// What it is told to run: `pytest` of `python3 -m pytest`.
    pub(crate) module: Option<String>,
}

/// The programs that `words` call, as far as the words show. Nothing is guessed: what comes
/// behind an option that may take a value is left out.
pub(crate) fn called(words: &[String]) -> Vec<Called> {
    let mut called = Vec::new();
    let mut rest = words;
    while let Some((program, after)) = rest.split_first() {
        // A placeholder is this very program, or a file that there is only once it runs.
        if program.contains('{') || program.is_empty() {
            break;
        }
        let name = file_name(program);
        called.push(Called {
            program: program.clone(),
            module: module(name, after),
        });
        match WRAPPERS.iter().find(|(wrapper, _)| *wrapper == name) {
            Some((_, operands)) => {
                let after = after.get(*operands..).unwrap_or_default();
                let assignments = after.iter().take_while(|word| is_assignment(word));
                rest = &after[assignments.count()..];
                if rest.first().is_some_and(|word| word.starts_with('-')) {
                    break;
                }
            }
            None => break,
        }
    }
    called
}

/// The last part of a path.
pub(crate) fn file_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=')
        .is_some_and(|(name, _)| !name.is_empty() && !name.contains(['-', '/']))
}

fn module(name: &str, after: &[String]) -> Option<String> {
    if name.starts_with("python") {
        let at = after
            .iter()
            .position(|word| !matches!(word.as_str(), "-u" | "-B" | "-I" | "-s" | "-E" | "-P"))?;
        return match &after[at..] {
            [flag, module, ..] if flag == "-m" => Some(module.clone()),
            _ => None,
        };
    }
    let (_, verbs) = RUNNERS.iter().find(|(runner, _)| *runner == name)?;
    let mut words = after
        .iter()
        .skip_while(|word| matches!(word.as_str(), "-y" | "--yes" | "--no" | "--no-install"));
    let first = words.next()?;
    let module = match (verbs.is_empty(), verbs.contains(&first.as_str())) {
        (true, _) => first,
        (false, true) => words.next()?,
        (false, false) => return None,
    };
    (!module.starts_with('-')).then(|| module.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &str, expected: &[(&str, Option<&str>)]) {
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        let found = called(&words);
        let found: Vec<_> = found
            .iter()
            .map(|it| (&*it.program, it.module.as_deref()))
            .collect();
        assert_eq!(found, expected, "{command}");
    }

    #[test]
    fn commands() {
        check("cargo test", &[("cargo", None)]);
        check("./run.sh --all", &[("./run.sh", None)]);
        check("{assay} e2e", &[]);
        check("{state}/bin/x", &[]);
        check("", &[]);
        check("python3 -m pytest -q", &[("python3", Some("pytest"))]);
        check(
            ".venv/bin/python -u -m pytest",
            &[(".venv/bin/python", Some("pytest"))],
        );
        check("python3 main.py -m pytest", &[("python3", None)]);
        check("npx playwright test", &[("npx", Some("playwright"))]);
        check("npx --yes playwright", &[("npx", Some("playwright"))]);
        check("npx", &[("npx", None)]);
        check("npx -p x y", &[("npx", None)]);
        check("uv run pytest", &[("uv", Some("pytest"))]);
        check("uv sync", &[("uv", None)]);
        check("uv run --frozen pytest", &[("uv", None)]);
    }

    #[test]
    fn wrappers_are_looked_through() {
        check("env A=1 B=2 cargo run", &[("env", None), ("cargo", None)]);
        check("timeout 5 node x.js", &[("timeout", None), ("node", None)]);
        check("nice -n 5 node", &[("nice", None)]);
        check("env", &[("env", None)]);
        check("timeout", &[("timeout", None)]);
        check("env {assay} x", &[("env", None)]);
        check(
            "sudo env A=b ./x=y",
            &[("sudo", None), ("env", None), ("./x=y", None)],
        );
    }
}
