//! Redis, with a password, and with TLS beside where it was built with it.

use rustix::process::Signal;

use super::certificates::Kind;
use super::daemon::{self, Daemon, Place, Running, ask};
use super::{REDIS_URL, REDISS_URL, ports};

const PASSWORD: &str = "correct-horse";

pub(crate) fn start(place: &Place) -> Result<Running, String> {
    let (port, tls_port) = (ports::free()?, ports::free()?);
    let url = |scheme: &str, port: u16| format!("{scheme}://:{PASSWORD}@127.0.0.1:{port}");
    let tls = [
        format!("tls-port {tls_port}"),
        format!(
            "tls-cert-file {}",
            place.certificates.certificate(Kind::Good).display()
        ),
        format!(
            "tls-key-file {}",
            place.certificates.key(Kind::Good).display()
        ),
        format!(
            "tls-ca-cert-file {}",
            place.certificates.authority_file().display()
        ),
        "tls-auth-clients no".to_owned(),
    ];
    match run(place, port, &tls.join("\n")) {
        Ok(daemon) => Ok(Running::new(
            daemon,
            vec![
                (REDIS_URL, url("redis", port)),
                (REDISS_URL, url("rediss", tls_port)),
            ],
        )),
        // A build without TLS ends at the first line that it does not know.
        Err(_) => {
            let daemon = run(place, port, "")?;
            Ok(Running::new(daemon, vec![(REDIS_URL, url("redis", port))]))
        }
    }
}

fn run(place: &Place, port: u16, more: &str) -> Result<Daemon, String> {
    let file = place.folder.join("redis.conf");
    let folder = place.folder.display();
    let settings = format!(
        "bind 127.0.0.1\nport {port}\nrequirepass {PASSWORD}\ndaemonize no\ndir {folder}\n\
         save \"\"\nappendonly no\n{more}\n"
    );
    daemon::write(&file, &settings)?;
    let arguments = [file.display().to_string()];
    let program = daemon::program("redis-server")?;
    let mut daemon = Daemon::spawn(&program, &arguments, place, None, Signal::TERM)?;
    daemon.wait_until(&place.stop, || answers(port))?;
    Ok(daemon)
}

fn answers(port: u16) -> bool {
    let question = format!("AUTH {PASSWORD}\r\nPING\r\n");
    let answer = ask(port, question.as_bytes(), |answer| {
        answer.ends_with(b"PONG\r\n") || answer.starts_with(b"-")
    });
    answer.is_some_and(|answer| answer == b"+OK\r\n+PONG\r\n")
}
