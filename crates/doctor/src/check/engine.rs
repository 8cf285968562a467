//! The container engine: is it there, may this user talk to it, does it answer a ping?

use std::io::{self, ErrorKind};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::catalogue;
use crate::checked::{Seen, Status};
use crate::machine::Machine;

/// Where the engine listens, unless told otherwise.
const SOCKET: &str = "/var/run/docker.sock";

/// The answer to a ping is a few headers and `OK`.
const ANSWER_BYTES_MAX: u64 = 8 * 1024;

/// HTTP/1.0, so that the end of the answer is the end of the connection.
const PING: &[u8] = b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n";

/// Variable that asks for TLS on a TCP address.
const TLS: &str = "DOCKER_TLS_VERIFY";

pub(crate) async fn look(host: Option<&str>, machine: &Machine) -> Seen {
    let host = host.or(machine.docker_host.as_deref());
    match host.map(|host| host.split_once("://")) {
        None => unix(Path::new(SOCKET), machine).await,
        Some(Some(("unix", path))) => unix(Path::new(path), machine).await,
        Some(Some(("tcp" | "http", address))) => tcp(address, machine).await,
        Some(Some((scheme, _))) => Seen::wrong(
            Status::Unknown,
            format!("an engine behind {scheme}:// cannot be looked at"),
        )
        .advise(["use unix:// or tcp:// in `host` or DOCKER_HOST"]),
        Some(None) => Seen::wrong(Status::Unknown, "its address has no scheme")
            .advise(["write it as unix:///path or tcp://host:port"]),
    }
}

async fn unix(path: &Path, machine: &Machine) -> Seen {
    match path.metadata() {
        Ok(file) if file.file_type().is_socket() => {}
        Ok(_) => {
            let detail = format!("{} is not a socket", path.display());
            return Seen::wrong(Status::Broken, detail).at(path);
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let detail = format!("there is no socket {}", path.display());
            return Seen::wrong(Status::Missing, detail)
                .at(path)
                .advise(start(machine))
                .advise(get(machine));
        }
        Err(error) => return failed(&error, path, machine),
    }
    let talk = async { ping(UnixStream::connect(path).await?).await };
    match timeout(machine.deadline, talk).await {
        Ok(Ok(answer)) => judge(&answer).at(path),
        Ok(Err(error)) => failed(&error, path, machine),
        Err(_) => silent(machine).at(path),
    }
}

async fn tcp(address: &str, machine: &Machine) -> Seen {
    let address = address.trim_end_matches('/');
    let tls = machine.variables.contains(TLS);
    let talk = async {
        let stream = TcpStream::connect(address).await?;
        if tls {
            return Ok(None);
        }
        ping(stream).await.map(Some)
    };
    match timeout(machine.deadline, talk).await {
        Ok(Ok(Some(answer))) => judge(&answer),
        Ok(Ok(None)) => Seen::new(Status::Ok)
            .found("answers")
            .detail("connected to and not asked, because it speaks TLS"),
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => {
            Seen::wrong(Status::Refused, format!("nothing listens on {address}"))
                .advise(start(machine))
        }
        Ok(Err(error)) => Seen::wrong(Status::Unreachable, format!("no way to {address}: {error}"))
            .advise(["check `host` in the configuration, and DOCKER_HOST"]),
        Err(_) => silent(machine),
    }
}

async fn ping(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<Vec<u8>> {
    stream.write_all(PING).await?;
    let mut answer = Vec::new();
    stream
        .take(ANSWER_BYTES_MAX)
        .read_to_end(&mut answer)
        .await?;
    Ok(answer)
}

fn judge(answer: &[u8]) -> Seen {
    let answer = String::from_utf8_lossy(answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.lines().next().unwrap_or_default();
    let ok = status.starts_with("HTTP/1.") && status.split(' ').nth(1) == Some("200");
    if !ok || body.trim() != "OK" {
        return Seen::wrong(
            Status::Broken,
            "what answers there is not a container engine",
        );
    }
    let version = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let named = name.eq_ignore_ascii_case("api-version");
        named.then(|| format!("API {}", value.trim()))
    });
    Seen::new(Status::Ok).found(version.unwrap_or_else(|| "answers".to_owned()))
}

fn failed(error: &io::Error, path: &Path, machine: &Machine) -> Seen {
    let shown = path.display();
    match error.kind() {
        ErrorKind::PermissionDenied => Seen::wrong(
            Status::NotPermitted,
            format!("this user may not read and write {shown}"),
        )
        .advise([
            "sudo usermod -aG docker \"$USER\", then log in again".to_owned(),
            "members of that group are as good as root on this machine; \
             or run a rootless engine and set DOCKER_HOST"
                .to_owned(),
        ]),
        ErrorKind::ConnectionRefused => Seen::wrong(
            Status::Refused,
            format!("{shown} is there, and no engine listens behind it"),
        )
        .advise(start(machine)),
        _ => Seen::wrong(Status::Broken, format!("cannot talk to {shown}: {error}"))
            .advise(start(machine)),
    }
    .at(path)
}

fn silent(machine: &Machine) -> Seen {
    let seconds = machine.deadline.as_secs_f32();
    Seen::wrong(
        Status::Broken,
        format!("it accepts, and does not answer a ping within {seconds} s"),
    )
    .advise([machine.phrasing().command("sudo systemctl restart docker")])
}

fn get(machine: &Machine) -> Vec<String> {
    let advice = catalogue::tool("docker").map(|tool| tool.get.advice(machine.phrasing()));
    let advice = advice.into_iter().flatten();
    advice
        .map(|advice| format!("if no engine is installed: {advice}"))
        .collect()
}

fn start(machine: &Machine) -> Vec<String> {
    let start = machine.phrasing().command("sudo systemctl start docker");
    vec![start]
}
