//! Dockerfiles: what the last stage runs, listens on and is made from.

use std::collections::BTreeMap;

use parse_dockerfile::{Command, HealthcheckArguments, Instruction, Source, Stage};

use crate::{Dockerfile, HealthCheck, Origin, Unreadable, health, paths, secret, shell};

/// `FROM a AS b`, `FROM b AS c`, …: stages that are followed to the ports of the last one.
const STAGES_MAX: usize = 64;

/// Whether a file's name says that it is one.
pub(crate) fn is_dockerfile(path: &str) -> bool {
    let name = paths::name(path);
    let lower = name.to_ascii_lowercase();
    let not_docker = [
        ".dockerignore",
        ".md",
        ".sh",
        ".py",
        ".yml",
        ".yaml",
        ".json",
        ".go",
    ];
    (lower == "dockerfile"
        || name.starts_with("Dockerfile.")
        || name.starts_with("Dockerfile-")
        || lower.ends_with(".dockerfile")
        || name == "Containerfile"
        || name.starts_with("Containerfile."))
        && !not_docker.iter().any(|end| lower.ends_with(end))
}

/// Reads one.
///
/// # Errors
/// Where it breaks off.
pub(crate) fn read(path: &str, text: &str) -> Result<Dockerfile, Unreadable> {
    let parsed = parse_dockerfile::parse(text).map_err(|error| broken(path, text, &error))?;
    let mut arguments = BTreeMap::new();
    for argument in parsed.global_args() {
        define(&mut arguments, &argument.arguments.value);
    }
    let stages: Vec<_> = parsed.stages().collect();
    let last = stages.last().ok_or_else(|| Unreadable {
        origin: origin(path, 0),
        reason: "no `FROM`".to_owned(),
    })?;
    let lines = Lines::of(text);
    let (chain, from) = chain(&stages, &arguments);
    let mut reader = StageReader {
        path,
        lines: &lines,
        arguments,
        exposes: Vec::new(),
        entrypoint: Vec::new(),
        command: Vec::new(),
        health: None,
    };
    for stage in chain.into_iter().rev() {
        for instruction in stage.instructions {
            reader.take(instruction);
        }
    }
    reader.exposes.sort_unstable();
    reader.exposes.dedup();
    reader.entrypoint.append(&mut reader.command);
    Ok(Dockerfile {
        origin: origin(path, lines.at(last.from.from.span.start)),
        from: Some(from).filter(|image| !image.is_empty()),
        exposes: reader.exposes,
        command: secret::words(reader.entrypoint),
        copies: copies(&parsed.instructions, &reader.arguments),
        health: reader.health,
    })
}

fn broken(path: &str, text: &str, error: &parse_dockerfile::Error) -> Unreadable {
    let message = error.to_string();
    // The library ends its message with the place, which `origin` says already.
    let reason = if text.contains("{{") {
        "a template"
    } else {
        message.split(" at line ").next().unwrap_or(&message)
    };
    Unreadable {
        origin: origin(path, error.line() as u64),
        reason: reason.to_owned(),
    }
}

/// The last stage, the stages of this file that it is built on, and the image below them all. A
/// stage has the ports and the command of what it is built on.
fn chain<'s, 'a, 'b>(
    stages: &'s [Stage<'a, 'b>],
    arguments: &BTreeMap<String, String>,
) -> (Vec<&'s Stage<'a, 'b>>, String) {
    let mut out = Vec::new();
    let mut image = String::new();
    let mut at = stages.len().checked_sub(1);
    while let Some(place) = at.filter(|_| out.len() < STAGES_MAX) {
        out.push(&stages[place]);
        image = expand(&stages[place].from.image.value, arguments);
        at = stages[..place].iter().rposition(|other| {
            let name = other.from.as_.as_ref().map(|(_, name)| &name.value);
            name.is_some_and(|name| name.eq_ignore_ascii_case(&image))
        });
    }
    (out, image)
}

/// What the instructions of a chain of stages come to.
struct StageReader<'t> {
    path: &'t str,
    lines: &'t Lines,
    arguments: BTreeMap<String, String>,
    exposes: Vec<u16>,
    entrypoint: Vec<String>,
    command: Vec<String>,
    health: Option<HealthCheck>,
}

impl StageReader<'_> {
    fn take(&mut self, instruction: &Instruction<'_>) {
        match instruction {
            Instruction::Expose(expose) => {
                for word in &expose.arguments {
                    self.exposes
                        .extend(ports(&expand(&word.value, &self.arguments)));
                }
            }
            Instruction::Arg(argument) => define(&mut self.arguments, &argument.arguments.value),
            Instruction::Env(env) => define_env(&mut self.arguments, &env.arguments.value),
            Instruction::Cmd(cmd) => self.command = words(&cmd.arguments),
            Instruction::Entrypoint(entry) => {
                self.entrypoint = words(&entry.arguments);
                self.command = Vec::new();
            }
            Instruction::Healthcheck(check) => {
                let line = self.lines.at(check.healthcheck.span.start);
                self.health = healthcheck(check, origin(self.path, line), &self.arguments);
            }
            _ => {}
        }
    }
}

fn origin(path: &str, line: u64) -> Origin {
    Origin {
        file: path.to_owned(),
        line,
    }
}

/// Sources from the build context, in every stage.
fn copies(instructions: &[Instruction<'_>], arguments: &BTreeMap<String, String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for instruction in instructions {
        let (options, sources) = match instruction {
            Instruction::Copy(copy) => (&copy.options, &copy.src),
            Instruction::Add(add) => (&add.options, &add.src),
            _ => continue,
        };
        if options.iter().any(|option| option.name.value == "from") {
            continue;
        }
        for source in sources {
            let Source::Path(path) = source else { continue };
            let path = expand(&path.value, arguments);
            if !path.contains("://") && !path.is_empty() && !out.contains(&path) {
                out.push(path);
            }
        }
    }
    out
}

fn healthcheck(
    check: &parse_dockerfile::HealthcheckInstruction<'_>,
    origin: Origin,
    arguments: &BTreeMap<String, String>,
) -> Option<HealthCheck> {
    let HealthcheckArguments::Cmd {
        arguments: command, ..
    } = &check.arguments
    else {
        return None;
    };
    let kind = match command {
        Command::Exec(words) => {
            let words: Vec<_> = words
                .value
                .iter()
                .map(|word| expand(&word.value, arguments))
                .collect();
            health::of_words(&words)
        }
        Command::Shell(text) => health::of_script(&expand(&unfolded(text.value), arguments)),
        _ => return None,
    };
    let timeout = check
        .options
        .iter()
        .find(|flag| flag.name.value == "timeout");
    let timeout = timeout.and_then(|flag| flag.value.as_ref());
    Some(HealthCheck {
        kind,
        origin,
        timeout_ms: timeout.and_then(|value| health::duration_ms(&value.value)),
    })
}

fn words(command: &Command<'_>) -> Vec<String> {
    match command {
        Command::Exec(words) => words
            .value
            .iter()
            .map(|word| word.value.to_string())
            .collect(),
        Command::Shell(text) => shell::words(&unfolded(text.value)),
        _ => Vec::new(),
    }
}

/// A command over several lines as one, without the comments between them.
fn unfolded(text: &str) -> String {
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ")
}

/// `80`, `80/tcp`, `8000-8002`.
fn ports(word: &str) -> Vec<u16> {
    let (range, protocol) = word.split_once('/').unwrap_or((word, "tcp"));
    if protocol.eq_ignore_ascii_case("udp") {
        return Vec::new();
    }
    crate::ports::range(range).unwrap_or_default()
}

/// `ARG NAME=value`; without a value what an outer `ARG` said stays.
fn define(arguments: &mut BTreeMap<String, String>, text: &str) {
    for word in shell::words(text) {
        if let Some((name, value)) = word.split_once('=') {
            let value = expand(value, arguments);
            arguments.insert(name.to_owned(), value);
        }
    }
}

/// `ENV NAME=value …`, and the old `ENV NAME value`.
fn define_env(arguments: &mut BTreeMap<String, String>, text: &str) {
    match text.split_once(char::is_whitespace) {
        Some((name, value)) if !name.contains('=') => {
            let value = expand(value.trim(), arguments);
            arguments.insert(name.to_owned(), value);
        }
        _ => define(arguments, text),
    }
}

/// Fills in what the file itself says; variables without a value stay as they are.
fn expand(text: &str, arguments: &BTreeMap<String, String>) -> String {
    crate::interpolate::known(text, &|name| arguments.get(name).cloned())
}

/// Offsets of the beginnings of lines.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self(breaks.map(|(at, _)| at).collect())
    }

    fn at(&self, offset: usize) -> u64 {
        self.0.partition_point(|line| *line < offset) as u64 + 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::HealthCheckKind;

    fn check(text: &str, expected: &str) {
        let found = match read("Dockerfile", text) {
            Ok(file) => format!(
                "{} {} {:?} {} <{}>",
                file.origin.line,
                file.from.unwrap_or_default(),
                file.exposes,
                file.command.join("·"),
                file.copies.join(",")
            ),
            Err(error) => format!("{}!", error.origin.line),
        };
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn the_last_stage() {
        check("FROM a", "1 a []  <>");
        check(
            "FROM a\nEXPOSE 80 443/tcp 53/udp\nCMD [\"x\", \"y\"]",
            "1 a [80, 443] x·y <>",
        );
        check("FROM a AS b\nEXPOSE 1\nFROM c\nEXPOSE 2", "3 c [2]  <>");
        check(
            "FROM a AS b\nEXPOSE 1\nCMD x\nFROM b\nEXPOSE 2",
            "4 a [1, 2] x <>",
        );
        check("ARG V=3\nFROM a:${V}\nEXPOSE $V", "2 a:3 [3]  <>");
        check("ARG V\nFROM a:${V:-9}", "2 a:9 []  <>");
        check("FROM a\nENV PORT=80\nEXPOSE $PORT", "1 a [80]  <>");
        check("FROM a\nENV PORT 80\nEXPOSE ${PORT}", "1 a [80]  <>");
        check("FROM a\nEXPOSE 8000-8002", "1 a [8000, 8001, 8002]  <>");
        check("FROM a\nENTRYPOINT [\"x\"]\nCMD [\"y\"]", "1 a [] x·y <>");
        check("FROM a\nCMD [\"y\"]\nENTRYPOINT x -p 1", "1 a [] x·-p·1 <>");
        check("FROM a\nCMD x \\\n  # why\n  y", "1 a [] x·y <>");
        check("from a\nexpose 80", "1 a [80]  <>");
        check("FROM --platform=linux/amd64 a AS b", "1 a []  <>");
        check("FROM a\nRUN <<EOF\nEXPOSE 1\nEOF\nEXPOSE 2", "1 a [2]  <>");
    }

    #[test]
    fn what_is_copied() {
        check(
            "FROM a\nCOPY x y /z/\nADD http://u/f .\nCOPY x .",
            "1 a []  <x,y>",
        );
        check(
            "FROM a AS b\nCOPY s .\nFROM c\nCOPY --from=b /s .",
            "3 c []  <s>",
        );
        check("FROM a\nCOPY [\"x y\", \"z\"]", "1 a []  <x y>");
        check("FROM a\nCOPY <<EOF /f\nx\nEOF", "1 a []  <>");
    }

    #[test]
    fn broken_files() {
        check("", "0!");
        check("# nothing", "0!");
        check("FROM a\nNONSENSE x", "2!");
        check("FROM", "1!");
        check("RUN x", "1!");
    }

    #[test]
    fn health_checks() {
        let check = |text: &str, expected: Option<(HealthCheckKind, Option<u64>, u64)>| {
            let file = read("Dockerfile", &format!("FROM a\n{text}")).expect("valid");
            let found = file.health.map(|h| (h.kind, h.timeout_ms, h.origin.line));
            assert_eq!(found, expected, "{text}");
        };
        let http = |port, path: &str| HealthCheckKind::Http {
            scheme: "http".to_owned(),
            port: Some(port),
            path: path.to_owned(),
        };
        check("HEALTHCHECK NONE", None);
        check(
            "HEALTHCHECK --timeout=3s CMD curl -f http://localhost:80/h || exit 1",
            Some((http(80, "/h"), Some(3_000), 2)),
        );
        check(
            "HEALTHCHECK CMD [\"curl\", \"http://localhost:81/h\"]",
            Some((http(81, "/h"), None, 2)),
        );
        check(
            "ENV PORT=82\nHEALTHCHECK --interval=1s \\\n  CMD wget -q http://localhost:$PORT/ || exit 1",
            Some((http(82, "/"), None, 3)),
        );
    }

    #[test]
    fn names_of_files() {
        let check = |path, expected| assert_eq!(is_dockerfile(path), expected, "{path}");
        check("Dockerfile", true);
        check("a/Dockerfile.prod", true);
        check("api.Dockerfile", true);
        check("api.dockerfile", true);
        check("Containerfile", true);
        check("Dockerfile.dockerignore", false);
        check("dockerfile.go", false);
        check("Dockerfile.md", false);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(FROM a\n|COPY |ADD |EXPOSE |CMD |HEALTHCHECK |ENV |ARG |<<EOF|--from=|\\[|\\]|\"|,|\\\\|\n|\\PC|[a-z0-9 $={}]){0,40}") {
            if let Ok(file) = read("Dockerfile", &text) {
                prop_assert!(file.origin.line >= 1);
            }
        }
    }
}
