//! A test program with libtest's command line, for the tests of this crate: its first argument
//! says how it behaves. `serve` makes it a small HTTP service instead.

use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, ExitCode};
use std::time::Duration;

/// Longer than any test of these tests waits.
const HANG: Duration = Duration::from_secs(120);

fn main() -> io::Result<ExitCode> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let has = |word: &str| args.iter().any(|arg| arg == word);
    let mode = args.first().map(String::as_str).unwrap_or_default();
    if mode == "serve" {
        return serve(args.get(1).map(String::as_str).unwrap_or_default());
    }
    let json = has("json");
    match (mode, has("--list")) {
        ("broken", _) => {
            writeln!(io::stderr(), "error: cannot load the tests\n")?;
            Ok(ExitCode::from(2))
        }
        ("empty", true) => list(&[], json),
        ("plain", true) if json => Ok(ExitCode::from(1)),
        ("plain", true) if has("--ignored") => Ok(ExitCode::SUCCESS),
        ("plain", true) => list(&["proven", "vacuous", "unreached"], false),
        ("hostile", true) => list(&HOSTILE, json),
        (_, true) => list(&TESTS, json),
        ("hostile", false) => hostile(args.get(1).map(String::as_str).unwrap_or_default()),
        (_, false) => run(args.get(1).map(String::as_str).unwrap_or_default(), json),
    }
}

const TESTS: [&str; 10] = [
    "asserts_nothing",
    "fails",
    "flaky",
    "ignored",
    "past_gateway",
    "proven",
    "proven_twice",
    "unreached",
    "vacuous",
    "wrong_target",
];

const HOSTILE: [&str; 9] = [
    "dies_midway",
    "dies_early",
    "floods",
    "hangs",
    "invalid_utf8",
    "leaves_a_child",
    "lies_about_counts",
    "lies_about_the_code",
    "runs_nothing",
];

fn list(names: &[&str], json: bool) -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    for name in names {
        if !json {
            writeln!(out, "{name}: test")?;
            continue;
        }
        let services = match *name {
            "proven_twice" => r#"["api","web"]"#,
            _ => r#"["api"]"#,
        };
        writeln!(
            out,
            r#"{{"type":"test","event":"discovered","name":"{name}","ignore":{},"category":"c","priority":"P{}","services":{services}}}"#,
            *name == "ignored",
            if *name == "fails" { 2 } else { 1 }
        )?;
    }
    if json {
        writeln!(
            out,
            r#"{{"type":"suite","event":"completed","total":{}}}"#,
            names.len()
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One running test, which counts what it asserts and where it connects to.
#[derive(Default)]
struct Running {
    assertions: u32,
    connects: Vec<String>,
}

type Checked = Result<(), String>;

impl Running {
    fn get(&mut self, variable: &str) -> Result<u16, String> {
        let url = std::env::var(variable).map_err(|error| format!("{variable}: {error}"))?;
        let authority = url
            .trim_start_matches("http://")
            .split('/')
            .next()
            .unwrap_or_default();
        self.connects.push(authority.to_owned());
        let failed = |error: io::Error| format!("GET {url}: {error}");
        let mut stream = TcpStream::connect(authority).map_err(failed)?;
        write!(
            stream,
            "GET /thing?secret=1 HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n"
        )
        .map_err(failed)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).map_err(failed)?;
        let text = String::from_utf8_lossy(&answer);
        text.split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .ok_or_else(|| format!("GET {url}: no status in {text:?}"))
    }

    fn expect(&mut self, variable: &str, status: u16) -> Checked {
        let found = self.get(variable)?;
        self.assertions += 1;
        match found == status {
            true => Ok(()),
            false => Err(format!("GET /thing: expected {status}, got {found}")),
        }
    }

    fn test(&mut self, name: &str) -> Checked {
        match name {
            "proven" => self.expect("API_URL", 200),
            "proven_twice" => {
                self.expect("API_URL", 200)?;
                self.expect("WEB_URL", 200)
            }
            "vacuous" => {
                self.get("API_URL").ok();
                self.assertions += 1;
                Ok(())
            }
            "unreached" => self.expect("WEB_URL", 200),
            "asserts_nothing" => self.get("API_URL").map(drop),
            "wrong_target" => {
                self.expect("API_URL", 200)?;
                self.expect("OTHER_URL", 200)
            }
            "past_gateway" => self.expect("DIRECT_URL", 200),
            "fails" => self.expect("API_URL", 418),
            // Passes once.
            "flaky" => {
                self.expect("API_URL", 200)?;
                match runs_of("flaky") {
                    1 => Ok(()),
                    n => Err(format!("run {n} fails")),
                }
            }
            other => Err(format!("there is no test {other}")),
        }
    }
}

/// Notes that a test ran, where somebody asked for it.
fn note(name: &str) -> io::Result<()> {
    let Ok(path) = std::env::var("RUNS_FILE") else {
        return Ok(());
    };
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    // In one write: other tests append to the same file at the same time.
    file.write_all(format!("{name}\n").as_bytes())
}

fn runs_of(name: &str) -> usize {
    let text = std::env::var("RUNS_FILE")
        .and_then(|path| std::fs::read_to_string(path).map_err(|_| std::env::VarError::NotPresent));
    text.unwrap_or_default()
        .lines()
        .filter(|line| *line == name)
        .count()
}

fn run(name: &str, json: bool) -> io::Result<ExitCode> {
    note(name)?;
    let mut test = Running::default();
    if json {
        begin(name)?;
    } else {
        writeln!(io::stdout(), "running 1 test")?;
    }
    let checked = test.test(name);
    if !json {
        let (word, result, passed) = match &checked {
            Ok(()) => ("ok", "ok", 1),
            Err(_) => ("FAILED", "FAILED", 0),
        };
        if let Err(message) = &checked {
            writeln!(
                io::stderr(),
                "thread '{name}' panicked at x.rs:1:1:\n{message}"
            )?;
        }
        writeln!(io::stdout(), "test {name} ... {word}\n")?;
        writeln!(
            io::stdout(),
            "test result: {result}. {passed} passed; {} failed; 0 ignored; 0 measured; 2 filtered out",
            1 - passed
        )?;
        return Ok(code(checked.is_ok()));
    }
    let connects = format!("{:?}", test.connects);
    end(
        name,
        checked.as_ref().err().map(String::as_str),
        &format!(r#","assertions":{},"connects":{connects}"#, test.assertions),
    )?;
    Ok(code(checked.is_ok()))
}

fn code(passed: bool) -> ExitCode {
    ExitCode::from(if passed { 0 } else { 101 })
}

fn begin(name: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        r#"{{"type":"suite","event":"started","test_count":1}}"#
    )?;
    writeln!(
        out,
        r#"{{"type":"test","event":"started","name":"{name}"}}"#
    )
}

fn end(name: &str, message: Option<&str>, more: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let (event, passed, failed) = match message {
        None => ("ok", 1, 0),
        Some(_) => ("failed", 0, 1),
    };
    let message = message
        .map(|text| format!(r#","message":{text:?}"#))
        .unwrap_or_default();
    writeln!(
        out,
        r#"{{"type":"test","name":"{name}","event":"{event}"{more}{message}}}"#
    )?;
    writeln!(
        out,
        r#"{{"type":"suite","event":"{event}","passed":{passed},"failed":{failed},"ignored":0}}"#
    )
}

fn hostile(name: &str) -> io::Result<ExitCode> {
    match name {
        "runs_nothing" => {
            let mut out = io::stdout().lock();
            writeln!(
                out,
                r#"{{"type":"suite","event":"started","test_count":0}}"#
            )?;
            writeln!(
                out,
                r#"{{"type":"suite","event":"ok","passed":0,"failed":0,"ignored":0}}"#
            )?;
            return Ok(ExitCode::SUCCESS);
        }
        "dies_early" => std::process::abort(),
        _ => begin(name)?,
    }
    match name {
        "dies_midway" => std::process::abort(),
        "hangs" => std::thread::park_timeout(HANG),
        "floods" => {
            let line = [b'x'; 1024];
            for _ in 0..8 * 1024 {
                io::stdout().write_all(&line)?;
                io::stdout().write_all(b"\n")?;
            }
        }
        "invalid_utf8" => io::stdout().write_all(b"\xff\xfe{\"type\":\"\xff\n\xc3\x28")?,
        "leaves_a_child" => {
            let child = Command::new("/bin/sh").args(["-c", "sleep 120"]).spawn()?;
            note(&child.id().to_string())?;
        }
        "lies_about_counts" => {
            let mut out = io::stdout().lock();
            writeln!(out, r#"{{"type":"test","name":"{name}","event":"ok"}}"#)?;
            writeln!(
                out,
                r#"{{"type":"suite","event":"ok","passed":7,"failed":0,"ignored":0}}"#
            )?;
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    end(name, None, "")?;
    Ok(code(name != "lies_about_the_code"))
}

/// `serve good`, `serve bad` (every answer is a logged error), `serve dies` (it never listens);
/// what follows a `-` is only a name.
fn serve(how: &str) -> io::Result<ExitCode> {
    let how = how.split('-').next().unwrap_or_default();
    if how == "dies" {
        writeln!(io::stderr(), "start failed: part is missing")?;
        return Ok(ExitCode::from(3));
    }
    let port = std::env::var("PORT").unwrap_or_default();
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    for stream in listener.incoming() {
        // A probe connects and goes away again.
        answer(&mut stream?, how == "bad").ok();
    }
    Ok(ExitCode::SUCCESS)
}

fn answer(stream: &mut TcpStream, bad: bool) -> io::Result<()> {
    let mut lines = BufReader::new(&mut *stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let failing = bad && first.contains("/thing");
    if failing {
        writeln!(io::stderr(), "unhandled error: part is missing")?;
    }
    let status = if failing {
        "500 Internal Server Error"
    } else {
        "200 OK"
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"
    )
}
