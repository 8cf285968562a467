//! Variables that a file reads addresses from.

use crate::lexer::Source;

/// Words of a variable's name that say that it holds an address or a part of one.
const ADDRESS: [&str; 14] = [
    "URL", "URI", "HOST", "HOSTNAME", "ADDR", "ADDRESS", "ENDPOINT", "ORIGIN", "BASE", "PORT",
    "SERVER", "TARGET", "BASEURL", "DOMAIN",
];
/// More in one file are not addresses of services any more.
const VARIABLES_MAX: usize = 64;

/// The variables that are read for addresses, in the order of the file: `process.env.NAME`,
/// `process.env["NAME"]`, `const { NAME } = process.env`, `import.meta.env.NAME`,
/// `os.environ["NAME"]`, `os.environ.get("NAME")`, `os.getenv("NAME")`, `Cypress.env("NAME")`.
pub(super) fn read(source: &Source<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut add = |name: &str| {
        let is_address = name.split('_').any(|word| ADDRESS.contains(&word));
        if is_address && names.len() < VARIABLES_MAX && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    };
    for at in 0..source.len() {
        match source.word(at) {
            Some("env" | "environ") => {
                destructured(source, at).into_iter().for_each(&mut add);
                let next = at + 1;
                if source.is(next, b'.') && source.word(next + 1) == Some("get") {
                    if let Some(name) = source.literal(next + 3) {
                        add(&name);
                    }
                } else if source.is(next, b'.') {
                    source.word(next + 1).into_iter().for_each(&mut add);
                } else if (source.is(next, b'[') || source.is(next, b'('))
                    && let Some(name) = source.literal(next + 1)
                {
                    add(&name);
                }
            }
            Some("getenv") if source.is(at + 1, b'(') => {
                if let Some(name) = source.literal(at + 2) {
                    add(&name);
                }
            }
            _ => {}
        }
    }
    names
}

/// The names of `const { A, B } = process.env`, given by its `env`.
fn destructured<'a>(source: &Source<'a>, env: usize) -> Vec<&'a str> {
    let open = env
        .checked_sub(4)
        .filter(|close| source.is(close + 1, b'=') && source.word(close + 2) == Some("process"))
        .and_then(|close| source.mate(close).filter(|_| source.is(close, b'}')));
    let Some(open) = open else { return Vec::new() };
    let parts = source.arguments(open);
    parts
        .iter()
        .filter_map(|run| source.word(run.start))
        .collect()
}
