//! The Docker Engine, with data, runtime and socket of its own. It touches neither the machine's
//! network nor its firewall: containers get no network but their own loopback.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use super::DOCKER_HOST;
use super::daemon::{self, Daemon, Place, Running, exchange};

/// How long the engine may take to remove one container.
const ANSWER_MAX: Duration = Duration::from_secs(10);

pub(crate) fn start(place: &Place) -> Result<Running, String> {
    let socket = place.folder.join("docker.sock");
    let file = |name: &str| place.folder.join(name).display().to_string();
    // Without a file of our own the engine would read the machine's.
    daemon::write(&place.folder.join("daemon.json"), "{}")?;
    let arguments = [
        "--config-file".to_owned(),
        file("daemon.json"),
        "--data-root".to_owned(),
        file("data"),
        "--exec-root".to_owned(),
        file("exec"),
        "--pidfile".to_owned(),
        file("docker.pid"),
        "--host".to_owned(),
        format!("unix://{}", socket.display()),
        "--bridge=none".to_owned(),
        "--iptables=false".to_owned(),
        "--ip6tables=false".to_owned(),
        "--storage-driver=vfs".to_owned(),
        "--exec-opt=native.cgroupdriver=cgroupfs".to_owned(),
    ];
    let program = daemon::program("dockerd")?;
    let mut daemon = Daemon::spawn(&program, &arguments, place, None, Signal::TERM)?;
    daemon.wait_until(&place.stop, || {
        request(&socket, "GET", "/_ping").is_some_and(|body| body == b"OK")
    })?;
    let variables = vec![(DOCKER_HOST, format!("unix://{}", socket.display()))];
    let mut running = Running::new(daemon, variables);
    running.before_end = Box::new(move || remove_containers(&socket));
    Ok(running)
}

/// The engine would wait ten seconds for each container that does not heed its signal.
fn remove_containers(socket: &Path) {
    let listed = request(socket, "GET", "/containers/json?all=1").unwrap_or_default();
    let listed: Value = serde_json::from_slice(&listed).unwrap_or_default();
    let ids = listed.as_array().into_iter().flatten();
    for id in ids.filter_map(|container| container.get("Id")?.as_str()) {
        request(
            socket,
            "DELETE",
            &format!("/containers/{id}?force=true&v=true"),
        );
    }
}

/// The body of the engine's answer, if it is a success. HTTP/1.0, so that the body ends where the
/// connection does.
fn request(socket: &Path, method: &str, path: &str) -> Option<Vec<u8>> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(ANSWER_MAX)).ok()?;
    stream.set_write_timeout(Some(ANSWER_MAX)).ok()?;
    let question = format!("{method} {path} HTTP/1.0\r\nHost: docker\r\n\r\n");
    let answer = exchange(&mut stream, question.as_bytes(), |_| false)?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let is_success = answer.get(8..10)? == b" 2";
    is_success.then(|| answer[end + 4..].to_vec())
}
