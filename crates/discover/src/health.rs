//! What a health-check command asks, told from its words.

use crate::HealthCheckKind;
use crate::shell;

/// What a command given to a shell asks.
pub(crate) fn of_script(script: &str) -> HealthCheckKind {
    of_commands(&shell::commands(script))
        .unwrap_or_else(|| command(&["sh".to_owned(), "-c".to_owned(), script.to_owned()]))
}

/// What a program with arguments asks.
pub(crate) fn of_words(words: &[String]) -> HealthCheckKind {
    of_commands(&shell::commands_of(words)).unwrap_or_else(|| command(words))
}

/// `10s`, `1m30s`, `500ms` in milliseconds.
pub(crate) fn duration_ms(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    let mut total = 0.0_f64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (value, tail) = rest.split_at(number);
        let unit = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let scale = match unit {
            "ns" => 1e-6,
            "us" | "µs" => 1e-3,
            "ms" => 1.0,
            "s" => 1e3,
            "m" => 6e4,
            "h" => 3.6e6,
            _ => return None,
        };
        total += value.parse::<f64>().ok()? * scale;
        rest = tail;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float that is out of range becomes the nearest number, and none is negative"
    )]
    Some(total as u64)
}

fn command(words: &[String]) -> HealthCheckKind {
    HealthCheckKind::Command(crate::secret::words(words.to_vec()))
}

fn of_commands(commands: &[Vec<String>]) -> Option<HealthCheckKind> {
    commands.iter().find_map(|words| known(words))
}

/// What one program with its arguments asks; `None` for those that are not known.
fn known(words: &[String]) -> Option<HealthCheckKind> {
    let (program, arguments) = words.split_first()?;
    match program.rsplit('/').next().unwrap_or(program) {
        "curl" | "wget" | "http" | "https" | "xh" | "lynx" => {
            let plain = without_option_values(arguments);
            plain.iter().find_map(|word| http(word, true))
        }
        "nc" | "ncat" | "netcat" | "telnet" => tcp_last(arguments),
        "grpc_health_probe" | "grpc-health-probe" => grpc(arguments),
        "pg_isready" => Some(HealthCheckKind::Tcp {
            port: option(arguments, &["-p", "--port"]).unwrap_or(5432),
        }),
        "redis-cli" | "valkey-cli" => Some(HealthCheckKind::Tcp {
            port: option(arguments, &["-p"]).unwrap_or(6379),
        }),
        "mysqladmin" | "mariadb-admin" => Some(HealthCheckKind::Tcp {
            port: option(arguments, &["-P", "--port"]).unwrap_or(3306),
        }),
        "wait-for-it" | "wait-for-it.sh" | "wait-for" | "dockerize" => {
            let address = arguments.iter().find_map(|word| {
                let word = word.strip_prefix("tcp://").unwrap_or(word);
                word.rsplit_once(':')?.1.parse().ok()
            });
            address.map(|port| HealthCheckKind::Tcp { port })
        }
        _ => words
            .iter()
            .find_map(|word| dev_tcp(word))
            .or_else(|| in_code(program, arguments)),
    }
}

/// A URL inside of a program given to an interpreter: `node -e "fetch('http://localhost/x')"`.
fn in_code(program: &str, arguments: &[String]) -> Option<HealthCheckKind> {
    let name = program.rsplit('/').next().unwrap_or(program);
    let interpreter = ["python", "node", "ruby", "php", "perl", "bun", "deno"]
        .iter()
        .any(|known| name.starts_with(known));
    if !interpreter {
        return None;
    }
    arguments.iter().find_map(|code| {
        let url = code.find("http://").or_else(|| code.find("https://"));
        let Some(at) = url else {
            return connection(code);
        };
        let url = &code[at..];
        let end = url
            .find(|c: char| c.is_whitespace() || "'\"`)\\,".contains(c))
            .unwrap_or(url.len());
        http(&url[..end], false)
    })
}

/// A connection that a program opens: `fsockopen('localhost', 80)`, `net.connect(80, …)`.
fn connection(code: &str) -> Option<HealthCheckKind> {
    const CALLS: &[&str] = &[
        "TCPSocket.new(",
        "TCPSocket.open(",
        "fsockopen(",
        ".connect(",
        "create_connection(",
        "createConnection(",
    ];
    let (at, call) = CALLS
        .iter()
        .find_map(|call| Some((code.find(call)?, call)))?;
    let arguments = &code[at + call.len()..];
    let arguments = arguments.split([')', ';', '{']).next()?;
    let mut words = arguments.split(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_');
    let port = words.find_map(number)?;
    Some(HealthCheckKind::Tcp { port })
}

/// Arguments that are no option and no value of one that is known to take a value.
fn without_option_values(arguments: &[String]) -> Vec<&String> {
    const WITH_VALUE: &[&str] = &[
        "-o",
        "-O",
        "-H",
        "-w",
        "-X",
        "-d",
        "-u",
        "-m",
        "-A",
        "-e",
        "-b",
        "-T",
        "-t",
        "-U",
        "--output",
        "--header",
        "--write-out",
        "--request",
        "--data",
        "--user",
        "--max-time",
        "--connect-timeout",
        "--retry",
        "--retry-delay",
        "--cacert",
        "--cert",
        "--key",
        "--resolve",
        "--timeout",
        "--tries",
        "--user-agent",
        "--output-document",
        "--post-data",
        "--unix-socket",
        "--proxy",
        "-x",
    ];
    let mut out = Vec::new();
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let bundle = word.starts_with('-') && !word.starts_with("--") && word.len() > 2;
        // The last letter of `-fsSo` takes the value.
        let last = if bundle {
            word.chars().last().map(|c| format!("-{c}"))
        } else {
            None
        };
        let name = last.as_deref().unwrap_or(word);
        if word == "--url" {
            continue;
        } else if WITH_VALUE.contains(&name) {
            // `wget -O- URL` and `wget -qO- URL` carry their value inside.
            rest.next();
        } else if !word.starts_with('-') {
            out.push(word);
        }
    }
    out
}

/// A URL as a check; a word without a scheme only where `bare` and it looks like an address.
fn http(word: &str, bare: bool) -> Option<HealthCheckKind> {
    let (scheme, rest) = match word.split_once("://") {
        Some((scheme @ ("http" | "https"), rest)) => (scheme, rest),
        Some(_) => return None,
        None if bare => ("http", word),
        None => return None,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let authority = authority.rsplit('@').next().unwrap_or(authority);
    let (host, port) = split_port(authority);
    if word.len() == rest.len() && port.is_none() && !host.contains('.') && host != "localhost" {
        return None;
    }
    let path = path.split('#').next().unwrap_or(path);
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    // A port that is a variable cannot be known; the default of `${PORT:-80}` can.
    let port = match port {
        Some(text) => number(text),
        None => Some(if scheme == "https" { 443 } else { 80 }),
    };
    Some(HealthCheckKind::Http {
        scheme: scheme.to_owned(),
        port,
        path,
    })
}

/// Host and port of an authority; a variable such as `${HOST:-x}` may stand for either.
pub(crate) fn split_port(authority: &str) -> (&str, Option<&str>) {
    let mut depth = 0_usize;
    let mut split = None;
    for (at, c) in authority.char_indices() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => split = Some(at),
            _ => {}
        }
    }
    split.map_or((authority, None), |at| {
        (&authority[..at], Some(&authority[at + 1..]))
    })
}

/// A port, or the default of a variable that holds one.
pub(crate) fn number(text: &str) -> Option<u16> {
    let text = match text
        .strip_prefix("${")
        .and_then(|text| text.strip_suffix('}'))
    {
        Some(inside) => inside.split_once('-')?.1,
        None => text,
    };
    text.parse().ok().filter(|port| *port != 0)
}

fn option(arguments: &[String], names: &[&str]) -> Option<u16> {
    arguments.iter().enumerate().find_map(|(at, word)| {
        if names.contains(&word.as_str()) {
            return number(arguments.get(at + 1)?);
        }
        let name = names.iter().find(|name| word.starts_with(**name))?;
        number(word[name.len()..].trim_start_matches('='))
    })
}

fn tcp_last(arguments: &[String]) -> Option<HealthCheckKind> {
    let mut plain = Vec::new();
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        if ["-w", "-i", "-q"].contains(&word.as_str()) {
            rest.next();
        } else if !word.starts_with('-') {
            plain.push(word);
        }
    }
    match plain.as_slice() {
        [_, port, ..] => number(port).map(|port| HealthCheckKind::Tcp { port }),
        [one] => number(one.rsplit(':').next()?).map(|port| HealthCheckKind::Tcp { port }),
        [] => None,
    }
}

fn grpc(arguments: &[String]) -> Option<HealthCheckKind> {
    let value = |name: &str| {
        arguments.iter().enumerate().find_map(|(at, word)| {
            let word = word.trim_start_matches('-');
            match word.split_once('=') {
                Some((key, value)) => (key == name).then_some(value),
                None if word == name => arguments.get(at + 1).map(String::as_str),
                None => None,
            }
        })
    };
    Some(HealthCheckKind::Grpc {
        port: number(split_port(value("addr")?).1?)?,
        service: value("service").unwrap_or_default().to_owned(),
    })
}

/// `/dev/tcp/host/port`, which bash opens as a connection.
fn dev_tcp(word: &str) -> Option<HealthCheckKind> {
    let address = &word[word.find("/dev/tcp/")? + "/dev/tcp/".len()..];
    let port = address.split('/').nth(1)?;
    let port = port.split(|c: char| !c.is_ascii_digit()).next()?;
    number(port).map(|port| HealthCheckKind::Tcp { port })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn show(kind: &HealthCheckKind) -> String {
        match kind {
            HealthCheckKind::Http { scheme, port, path } => {
                let port = port.map_or("?".to_owned(), |port| port.to_string());
                format!("{scheme} {port} {path}")
            }
            HealthCheckKind::Tcp { port } => format!("tcp {port}"),
            HealthCheckKind::Grpc { port, service } => format!("grpc {port} {service}"),
            HealthCheckKind::Command(words) => format!("command {}", words.join("·")),
        }
    }

    fn check(script: &str, expected: &str) {
        assert_eq!(show(&of_script(script)), expected, "{script}");
    }

    #[test]
    fn http_checks() {
        check(
            "curl -f http://localhost:8000/health || exit 1",
            "http 8000 /health",
        );
        check("curl --fail http://localhost/", "http 80 /");
        check(
            "curl -fsS https://localhost:8443/x?y=1",
            "https 8443 /x?y=1",
        );
        check("curl -f localhost:3000/health", "http 3000 /health");
        check("curl -f localhost", "http 80 /");
        check(
            "curl -so /dev/null -w '%{http_code}' http://127.0.0.1:9/z",
            "http 9 /z",
        );
        check("curl -H 'Host: a.b' http://[::1]:80/x", "http 80 /x");
        check("curl -X POST http://u:p@localhost:81", "http 81 /");
        check(
            "wget --no-verbose --tries=1 --spider http://localhost:3000/ || exit 1",
            "http 3000 /",
        );
        check("wget -qO- http://localhost:3000/ok", "http 3000 /ok");
        check("wget -q -O - http://localhost:3000/ok", "http 3000 /ok");
        check("[ \"$(curl -s localhost:1/a)\" = ok ]", "http 1 /a");
        check("curl http://localhost:${PORT:-8080}/h", "http 8080 /h");
        check("curl http://localhost:$PORT/h", "http ? /h");
        check("bash -c 'curl -f http://localhost:5/x'", "http 5 /x");
        check(
            "node -e \"require('http').get('http://localhost:3000/h', r => 0)\"",
            "http 3000 /h",
        );
        check(
            "python -c 'import urllib.request as u; u.urlopen(\"http://localhost:8000/h\")'",
            "http 8000 /h",
        );
    }

    #[test]
    fn other_checks() {
        check("nc -z localhost 5432", "tcp 5432");
        check("nc -zv -w 3 localhost 80", "tcp 80");
        check("pg_isready -U postgres", "tcp 5432");
        check("pg_isready -p 5433 -d x", "tcp 5433");
        check("redis-cli ping | grep PONG", "tcp 6379");
        check("redis-cli -p 6380 ping", "tcp 6380");
        check("mysqladmin ping -h localhost", "tcp 3306");
        check("grpc_health_probe -addr=:50051", "grpc 50051 ");
        check(
            "/bin/grpc_health_probe -addr=:50051 -service=a.B",
            "grpc 50051 a.B",
        );
        check("exec 3<>/dev/tcp/127.0.0.1/9000", "tcp 9000");
        check(
            "ruby -e \"TCPSocket.new('localhost', 6060).close\"",
            "tcp 6060",
        );
        check(
            "php -r \"fsockopen('127.0.0.1', 8090) or die(1);\"",
            "tcp 8090",
        );
        check("node -e \"require('net').connect(8080, 'h')\"", "tcp 8080");
        check(
            "python -c \"import socket; socket.create_connection(('h', 81), 2)\"",
            "tcp 81",
        );
        check(
            "python -c 'import app'",
            "command sh·-c·python -c 'import app'",
        );
        check("test -f /tmp/ready", "command sh·-c·test -f /tmp/ready");
        check(
            "rabbitmq-diagnostics ping",
            "command sh·-c·rabbitmq-diagnostics ping",
        );
        check("curl", "command sh·-c·curl");
    }

    #[test]
    fn words_are_not_scripts() {
        let given = ["curl", "-f", "http://localhost:1/x"].map(str::to_owned);
        assert_eq!(show(&of_words(&given)), "http 1 /x");
        let given = ["sh", "-c", "nc -z h 2"].map(str::to_owned);
        assert_eq!(show(&of_words(&given)), "tcp 2");
        assert_eq!(show(&of_words(&[])), "command ");
    }

    #[test]
    fn durations() {
        let check = |text: &str, expected| assert_eq!(duration_ms(text), expected, "{text}");
        check("10s", Some(10_000));
        check("1m30s", Some(90_000));
        check("500ms", Some(500));
        check("1.5s", Some(1_500));
        check("10", None);
        check("", None);
        check("s", None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(curl |nc |http://|localhost|:|/dev/tcp/|\\$\\{|-p|\\PC){0,12}") {
            let _ = (of_script(&text), duration_ms(&text), number(&text));
        }
    }
}
