//! Tools and other programs.

use std::env::join_paths;
use std::path::{Path, PathBuf};

use assay_world::process::{Command, Ended, Output, ProcessError};

use crate::catalogue;
use crate::checked::{Seen, Status};
use crate::command::file_name;
use crate::find::{Lookup, Odd, at, on_path};
use crate::machine::Machine;
use crate::tool::{Tool, Way};

/// Of each stream: a version is in the first lines.
const OUTPUT_BYTES_MAX: usize = 16 * 1024;

/// Characters of a line that somebody else wrote.
const LINE_CHARS_MAX: usize = 120;

/// A program of which nothing is known: it is found, and not run.
pub(crate) fn unknown(program: &str, machine: &Machine) -> Seen {
    match lookup(program, machine) {
        Lookup::Found(path) => Seen::new(Status::Ok).at(path),
        Lookup::Odd(path, odd) => self::odd(&path, &odd, machine),
        Lookup::Missing if program.contains('/') => {
            Seen::wrong(Status::Missing, "there is no such file")
                .at(machine.resolve(program))
                .advise([format!("make {program}, or correct the command")])
        }
        Lookup::Missing => Seen::wrong(Status::Missing, "it is in no folder of PATH")
            .advise([format!("install {program}, or put its folder into PATH")]),
    }
}

/// A tool: found, asked for its version, and held against what is required.
pub(crate) async fn tool(
    id: &str,
    program: Option<&str>,
    folders: &[String],
    machine: &Machine,
) -> Seen {
    let Some(tool) = catalogue::tool(id) else {
        return Seen::wrong(Status::Unknown, "nothing is known of this tool");
    };
    let mut seen = match program {
        Some(program) => named(tool, program, folders, machine).await,
        None => chosen(tool, folders, machine).await,
    };
    seen.required = tool.required();
    seen
}

fn lookup(program: &str, machine: &Machine) -> Lookup {
    if program.contains('/') {
        at(&machine.resolve(program), &machine.path)
    } else {
        on_path(program, &machine.path)
    }
}

/// The program that the configuration names, and no other.
async fn named(tool: &Tool, program: &str, folders: &[String], machine: &Machine) -> Seen {
    let Some(way) = tool.way_of(file_name(program)) else {
        return unknown(program, machine);
    };
    let found = lookup(program, machine);
    let missing = matches!(found, Lookup::Missing);
    let mut seen = one(tool, way, found, machine).await;
    if missing && program.contains('/') {
        seen = seen.at(machine.resolve(program));
        seen.detail = Some("there is no such file".to_owned());
    }
    let mut ways = tool.ways.iter();
    // A name without folders is looked up in PATH, even if a copy of the project's own is there.
    if seen.status != Status::Ok
        && !program.contains('/')
        && let Some(beside) = ways.find_map(|way| beside(way, folders, machine))
    {
        let shown = machine.show(&beside);
        let advice = format!("name {shown} instead of {program} in the command");
        seen.advice.insert(0, advice);
    }
    seen
}

/// The best program there is: a copy of the project's own, else what `PATH` has.
async fn chosen(tool: &Tool, folders: &[String], machine: &Machine) -> Seen {
    let mut best: Option<(bool, Seen)> = None;
    for way in &tool.ways {
        let beside = beside(way, folders, machine);
        let own = beside.is_some();
        let found = match beside {
            Some(path) => at(&path, &machine.path),
            None => in_path(way, machine),
        };
        let there = found != Lookup::Missing;
        let seen = one(tool, way, found, machine).await;
        if own || seen.status == Status::Ok {
            return seen;
        }
        // What is there and fails says more than what is not there.
        if best
            .as_ref()
            .is_none_or(|(was_there, _)| there && !was_there)
        {
            best = Some((there, seen));
        }
    }
    best.map_or_else(|| Seen::new(Status::Missing), |(_, seen)| seen)
}

/// A copy of the project's own, in the nearest of `folders`; it may be broken.
fn beside(way: &Way, folders: &[String], machine: &Machine) -> Option<PathBuf> {
    let places = folders.iter().flat_map(|folder| {
        way.beside
            .iter()
            .map(|beside| machine.resolve(folder).join(beside))
    });
    places
        .flat_map(|place| way.programs.iter().map(move |program| place.join(program)))
        .find(|path| path.symlink_metadata().is_ok())
}

/// The first program of the way that is in `PATH`, preferring one that can be run.
fn in_path(way: &Way, machine: &Machine) -> Lookup {
    let mut first = Lookup::Missing;
    for program in &way.programs {
        match on_path(program, &machine.path) {
            found @ Lookup::Found(_) => return found,
            odd @ Lookup::Odd(..) if first == Lookup::Missing => first = odd,
            _ => {}
        }
    }
    first
}

async fn one(tool: &Tool, way: &Way, found: Lookup, machine: &Machine) -> Seen {
    let path = match found {
        Lookup::Found(path) => path,
        Lookup::Odd(path, odd) => {
            let mut seen = self::odd(&path, &odd, machine);
            let get = own(tool, way, &path, machine);
            seen.advice
                .extend(get.unwrap_or_else(|| tool.get.advice(machine.phrasing())));
            return seen;
        }
        Lookup::Missing => {
            return Seen::wrong(
                Status::Missing,
                format!("{} is in no folder of PATH", way.programs.join(" or ")),
            )
            .advise(tool.get.advice(machine.phrasing()));
        }
    };
    if of_the_project(way, &path, machine) {
        return Seen::new(Status::Ok)
            .at(path)
            .detail("the project's own, so not asked for its version");
    }
    let asked = ask(way, &path, machine).await;
    judge(tool, way, &path, asked, machine)
}

/// Whether a file is the project's own program rather than a copy of a tool.
fn of_the_project(way: &Way, path: &Path, machine: &Machine) -> bool {
    let folder = path.parent().unwrap_or(path);
    path.starts_with(&machine.root) && !way.beside.iter().any(|beside| folder.ends_with(beside))
}

/// How to get it into the project's own environment, where `path` lies in one.
fn own(tool: &Tool, way: &Way, path: &Path, machine: &Machine) -> Option<Vec<String>> {
    let folder = path.parent()?;
    let beside = way
        .beside
        .iter()
        .find(|beside| folder.ends_with(beside) && path.starts_with(&machine.root))?;
    let environment = folder
        .ancestors()
        .nth(Path::new(beside).components().count().saturating_sub(1))?;
    let advice = tool
        .get
        .beside(&machine.show(path), &machine.show(environment));
    (!advice.is_empty()).then_some(advice)
}

async fn ask(way: &Way, path: &Path, machine: &Machine) -> Result<Output, ProcessError> {
    let mut command = Command::new(path)
        .args(&way.args)
        .cwd(&machine.root)
        .timeout(machine.deadline)
        .output_bytes_max(OUTPUT_BYTES_MAX);
    if let Ok(path) = join_paths(&machine.path) {
        command = command.env("PATH", path);
    }
    for (name, value) in &way.env {
        command = command.env(name, value);
    }
    command.run().await
}

fn judge(
    tool: &Tool,
    way: &Way,
    path: &Path,
    asked: Result<Output, ProcessError>,
    machine: &Machine,
) -> Seen {
    let get =
        || own(tool, way, path, machine).unwrap_or_else(|| tool.get.advice(machine.phrasing()));
    let output = match asked {
        Ok(output) => output,
        Err(error) => return cannot_run(&error, machine).at(path).advise(get()),
    };
    let texts = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    let version = texts.iter().find_map(|text| tool.version(text));
    let said = texts.iter().find_map(|text| last_words(text, &output));
    match (output.ended, version) {
        (Ended::Exited(0), Some(version)) => {
            let seen = match &tool.min {
                Some((min, _)) if version < *min => Seen::new(Status::TooOld)
                    .detail(format!("{} {version} is before {min}", tool.name))
                    .advise(own(tool, way, path, machine).unwrap_or_default())
                    .advise(tool.get.newer(machine.phrasing())),
                _ => Seen::new(Status::Ok),
            };
            seen.found(version.to_string()).at(path)
        }
        (Ended::Exited(0), None) => {
            let detail = match said {
                Some(said) => format!("asked for its version, it says: {said}"),
                None => "asked for its version, it says nothing".to_owned(),
            };
            Seen::wrong(Status::Unknown, detail).at(path).advise(get())
        }
        (Ended::TimedOut, _) => {
            let seconds = machine.deadline.as_secs_f32();
            let detail = format!("asked for its version, it does not answer within {seconds} s");
            Seen::wrong(Status::Broken, detail).at(path).advise(get())
        }
        (ended, _) => {
            let absent = way.absent.as_ref();
            if absent.is_some_and(|absent| texts.iter().any(|text| absent.is_match(text))) {
                let detail = format!("{} does not have it", machine.show(path));
                return Seen::wrong(Status::Missing, detail).advise(get());
            }
            let said = said.map(|said| format!(": {said}")).unwrap_or_default();
            let detail = format!("asked for its version, it ends with {ended}{said}");
            Seen::wrong(Status::Broken, detail).at(path).advise(get())
        }
    }
}

fn cannot_run(error: &ProcessError, machine: &Machine) -> Seen {
    match error {
        ProcessError::NotFound { .. } => Seen::wrong(
            Status::Broken,
            "cannot be run: the loader or interpreter that it names is missing",
        ),
        ProcessError::NoFolder { .. } => {
            let root = machine.root.display();
            Seen::wrong(Status::Unknown, format!("there is no folder {root}"))
        }
        ProcessError::Io { source, .. } => match source.raw_os_error() {
            Some(code) if code == rustix::io::Errno::NOEXEC.raw_os_error() => {
                Seen::wrong(Status::Broken, "is not a program that this system can run")
            }
            Some(code) if code == rustix::io::Errno::ACCESS.raw_os_error() => Seen::wrong(
                Status::NotPermitted,
                "this user may not run it; its disk may be mounted without programs (noexec)",
            ),
            _ => Seen::wrong(Status::Broken, format!("cannot be run: {source}")),
        },
    }
}

fn odd(path: &Path, odd: &Odd, machine: &Machine) -> Seen {
    let shown = machine.show(path);
    let status = match odd {
        Odd::NotExecutable | Odd::Hidden => Status::NotPermitted,
        Odd::Unreadable(_) => Status::Unknown,
        _ => Status::Broken,
    };
    let advice = match odd {
        Odd::NotExecutable => format!("chmod +x {shown}"),
        Odd::NoInterpreter(interpreter) => {
            format!("install {interpreter}, or correct the first line of {shown}")
        }
        Odd::BrokenLink(target) => {
            format!(
                "bring back {}, or remove the link {shown}",
                target.display()
            )
        }
        Odd::Folder | Odd::Special | Odd::LinkLoop => format!("remove or rename {shown}"),
        Odd::Hidden | Odd::Unreadable(_) => format!("see who may read {shown}: ls -ld {shown}"),
    };
    Seen::wrong(status, odd.describe())
        .at(path)
        .advise([advice])
}

/// What a program said that tells most: of a failure the last line, as interpreters put the
/// error below where it happened; else the first. Without control characters, and short.
fn last_words(text: &str, output: &Output) -> Option<String> {
    let clean = |line: &str| {
        let line: String = line.chars().filter(|c| !c.is_control()).collect();
        let line = line.trim();
        let short: String = line.chars().take(LINE_CHARS_MAX).collect();
        let cut = if short.len() < line.len() { "…" } else { "" };
        (!short.is_empty()).then(|| format!("{short}{cut}"))
    };
    let mut lines = text.lines().filter_map(clean);
    if output.success() {
        lines.next()
    } else {
        lines.next_back()
    }
}
