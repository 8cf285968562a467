//! nginx: one port without TLS, and one for each kind of certificate.

use std::net::{Ipv4Addr, TcpListener};

use rustix::process::Signal;

use super::certificates::Kind;
use super::daemon::{self, Daemon, Place, Running, answers_http};
use super::{
    HTTP_URL, HTTPS_EXPIRED_URL, HTTPS_EXPIRING_URL, HTTPS_GOOD_URL, HTTPS_SELF_SIGNED_URL,
    HTTPS_WRONG_HOST_URL, TLS_CA, ports,
};
use crate::command;

/// Seconds until `/slow` answers.
const SLOW_S: u64 = 2;

pub(crate) fn start(place: &Place) -> Result<Running, String> {
    // `/slow` asks here and gets no answer: nobody accepts the connections.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .map_err(|error| format!("cannot listen: {error}"))?;
    let silent_port = silent
        .local_addr()
        .map_err(|error| format!("cannot listen: {error}"))?
        .port();
    let port = ports::free()?;
    let mut servers = server(&format!("listen 127.0.0.1:{port};"));
    let ca = place.certificates.authority_file().display().to_string();
    let mut variables = vec![(HTTP_URL, format!("http://127.0.0.1:{port}")), (TLS_CA, ca)];
    for kind in Kind::ALL {
        let port = ports::free()?;
        servers += &server(&format!(
            "listen 127.0.0.1:{port} ssl; ssl_certificate {}; ssl_certificate_key {};",
            place.certificates.certificate(kind).display(),
            place.certificates.key(kind).display()
        ));
        variables.push((variable(kind), format!("https://127.0.0.1:{port}")));
    }
    let file = |name: &str| place.folder.join(name).display().to_string();
    daemon::write(&place.folder.join("drip"), &"drip\n".repeat(100))?;
    daemon::write(&place.folder.join("nginx.conf"), &settings(place, &servers))?;
    daemon::write(
        &place.folder.join("locations.conf"),
        &locations(place, silent_port),
    )?;
    let arguments = ["-e", "stderr", "-p", &file(""), "-c", &file("nginx.conf")].map(str::to_owned);
    let program = daemon::program("nginx")?;
    let mut daemon = Daemon::spawn(&program, &arguments, place, None, Signal::TERM)?;
    daemon.wait_until(&place.stop, || answers_http(port, "/health"))?;
    let mut running = Running::new(daemon, variables);
    running.before_end = Box::new(move || drop(silent));
    Ok(running)
}

fn variable(kind: Kind) -> &'static str {
    match kind {
        Kind::Good => HTTPS_GOOD_URL,
        Kind::Expired => HTTPS_EXPIRED_URL,
        Kind::WrongHost => HTTPS_WRONG_HOST_URL,
        Kind::SelfSigned => HTTPS_SELF_SIGNED_URL,
        Kind::Expiring => HTTPS_EXPIRING_URL,
    }
}

fn server(listen: &str) -> String {
    format!("    server {{ {listen} include locations.conf; }}\n")
}

fn settings(place: &Place, servers: &str) -> String {
    let folder = place.folder.display();
    // The folder belongs to whoever runs this, so that the workers have to as well.
    let user = if command::is_root() { "user root;" } else { "" };
    format!(
        "daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 512; }}
http {{
    access_log off;
    default_type application/json;
    absolute_redirect off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{servers}}}
"
    )
}

fn locations(place: &Place, silent_port: u16) -> String {
    let folder = place.folder.display();
    format!(
        r#"location = /health {{ return 200 '{{"status":"healthy"}}'; }}
location = /error {{ return 200 '{{"status":"error"}}'; }}
location = /500 {{ return 500 '{{"status":"broken"}}'; }}
location = /401 {{
    add_header WWW-Authenticate 'Basic realm="tests"' always;
    return 401 '{{"status":"who are you"}}';
}}
location = /redirect {{ return 302 /health; }}
location = /redirect-loop {{ return 302 /redirect-loop; }}
location = /drip {{ alias {folder}/drip; limit_rate 1; }}
location = /slow {{
    proxy_pass http://127.0.0.1:{silent_port};
    proxy_connect_timeout {SLOW_S}s;
    proxy_read_timeout {SLOW_S}s;
    error_page 504 =200 /health;
}}
"#
    )
}
