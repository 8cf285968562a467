//! Servers that are asked, and ports that assay will listen on.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpListener};

use assay_world::supervisor::Client;
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::catalogue;
use crate::checked::{Seen, Status};
use crate::machine::Machine;
use crate::need::endpoint;

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

/// The addresses that this project's own supervisor listens on, asked for once.
#[derive(Default)]
pub(crate) struct Doors(OnceCell<Vec<SocketAddr>>);

impl Doors {
    async fn hold(&self, addr: SocketAddr, machine: &Machine) -> bool {
        let ask = async || {
            let doors = async { Client::connect(&machine.state).await?.doors().await };
            match timeout(machine.deadline, doors).await {
                Ok(Ok(doors)) => doors.into_iter().map(|door| door.addr).collect(),
                // Without a supervisor nothing is held by it.
                _ => Vec::new(),
            }
        };
        self.0.get_or_init(ask).await.contains(&addr)
    }
}

/// Whether assay could listen on behalf of a service, or does so already.
pub(crate) async fn port(
    service: &str,
    host: &str,
    port: Option<u16>,
    machine: &Machine,
    doors: &Doors,
) -> Seen {
    let Some(port) = port else {
        return no_port(service);
    };
    let addr = match resolve(host, port, machine).await {
        Ok(addresses) => addresses[0],
        Err(seen) => return seen,
    };
    match TcpListener::bind(addr) {
        Ok(_) => Seen::new(Status::Ok).found("free"),
        Err(error) => match error.kind() {
            ErrorKind::AddrInUse if doors.hold(addr, machine).await => {
                Seen::new(Status::Ok).found("held by this project's supervisor")
            }
            ErrorKind::AddrInUse => {
                Seen::wrong(Status::InUse, format!("somebody else listens on {addr}")).advise([
                    machine
                        .phrasing()
                        .command(&format!("sudo ss -ltnp 'sport = :{port}'")),
                    format!("stop what it shows, or give {service} another port"),
                ])
            }
            ErrorKind::PermissionDenied => Seen::wrong(
                Status::NotPermitted,
                format!("this user may not listen on port {port}"),
            )
            .advise([
                format!("give {service} a port above 1023"),
                format!("sudo sysctl net.ipv4.ip_unprivileged_port_start={port}"),
            ]),
            ErrorKind::AddrNotAvailable => {
                let detail = format!("{} is no address of this machine", addr.ip());
                Seen::wrong(Status::Missing, detail).advise([format!(
                    "give {service} an address of this machine, or drop its `deploy` table"
                )])
            }
            _ => Seen::wrong(Status::Unknown, format!("cannot listen on {addr}: {error}")),
        },
    }
}

/// Whether a server accepts a connection. What it says is for `assay ready` to judge.
pub(crate) async fn server(
    name: &str,
    scheme: &str,
    host: &str,
    port: Option<u16>,
    machine: &Machine,
) -> Seen {
    let Some(port) = port else {
        return no_port(name);
    };
    let addresses = match resolve(host, port, machine).await {
        Ok(addresses) => addresses,
        Err(seen) => return seen,
    };
    match timeout(machine.deadline, connect(&addresses)).await {
        Ok(Ok(())) => Seen::new(Status::Ok).found("answers"),
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => {
            let detail = format!("nothing listens on {}", endpoint(host, Some(port)));
            Seen::wrong(Status::Refused, detail)
                .advise(refused(name, scheme, host, &addresses, machine))
        }
        Ok(Err(error)) => unreachable(host, port, &error.to_string()),
        Err(_) => {
            let seconds = machine.deadline.as_secs_f32();
            unreachable(host, port, &format!("no answer within {seconds} s"))
        }
    }
}

/// The first that answers will do; a refusal says more than an address without a way to it.
async fn connect(addresses: &[SocketAddr]) -> io::Result<()> {
    let mut worst = None;
    for addr in addresses {
        match TcpStream::connect(addr).await {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => worst = Some(error),
            Err(error) => {
                worst.get_or_insert(error);
            }
        }
    }
    Err(worst.unwrap_or_else(|| ErrorKind::NotFound.into()))
}

/// At least one address, or what is wrong with the name.
async fn resolve(host: &str, port: u16, machine: &Machine) -> Result<Vec<SocketAddr>, Seen> {
    let unknown = |reason: &str| {
        let detail = format!("the name {host} cannot be resolved: {reason}");
        let seen = Seen::wrong(Status::Unreachable, detail);
        if host.contains('.') {
            seen.advise([format!("check the name: getent hosts {host}")])
        } else {
            seen.advise([format!(
                "if {host} is a name inside a container network, publish its port and use 127.0.0.1"
            )])
        }
    };
    match timeout(machine.deadline, lookup_host((host, port))).await {
        Ok(Ok(found)) => {
            let addresses: Vec<_> = found.take(ADDRESSES_MAX).collect();
            if addresses.is_empty() {
                return Err(unknown("it has no address"));
            }
            Ok(addresses)
        }
        Ok(Err(error)) => Err(unknown(&error.to_string())),
        Err(_) => Err(unknown("no answer in time")),
    }
}

fn refused(
    name: &str,
    scheme: &str,
    host: &str,
    addresses: &[SocketAddr],
    machine: &Machine,
) -> Vec<String> {
    let here = addresses.iter().all(|addr| match addr.ip() {
        IpAddr::V4(ip) => ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_loopback(),
    });
    if !here {
        return vec![format!("start {name} on {host}, or correct its URL")];
    }
    let Some(known) = catalogue::of_scheme(scheme) else {
        return vec![format!(
            "start {name}, or give it a `deploy` table so that assay does"
        )];
    };
    let phrasing = machine.phrasing();
    let start = known.start.iter().map(|command| phrasing.command(command));
    let get = known.get.advice(phrasing).into_iter();
    let get = get.map(|advice| format!("if {} is not installed: {advice}", known.name));
    start.chain(get).collect()
}

fn unreachable(host: &str, port: u16, reason: &str) -> Seen {
    let endpoint = endpoint(host, Some(port));
    Seen::wrong(
        Status::Unreachable,
        format!("no way to {endpoint}: {reason}"),
    )
    .advise([format!(
        "check the route and the firewalls between here and there: nc -vz -w 5 {host} {port}"
    )])
}

fn no_port(name: &str) -> Seen {
    Seen::wrong(Status::Unknown, "its URL names no port")
        .advise([format!("write the port into the URL of {name}")])
}
