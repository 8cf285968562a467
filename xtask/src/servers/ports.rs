//! Ports for the servers.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the ports that Linux gives out by itself (32,768 and up), so that no test that asks for
/// any port is handed one of these between the look and the server's own start.
const FIRST: u32 = 20_000;

/// How many ports there are to choose from, in ports.
const SPAN: u32 = 12_000;

/// Distance in ports between the first choices of two processes with neighbouring ids.
const STRIDE: u32 = 37;

/// How many of this process's choices were made.
static TAKEN: AtomicU32 = AtomicU32::new(0);

/// A port of 127.0.0.1 that is free now, and that this process is given only once.
pub(crate) fn free() -> Result<u16, String> {
    let start = std::process::id().wrapping_mul(STRIDE);
    loop {
        let taken = TAKEN.fetch_add(1, Ordering::Relaxed);
        if taken >= SPAN {
            return Err("no free port".to_owned());
        }
        let candidate = FIRST + start.wrapping_add(taken) % SPAN;
        let port = u16::try_from(candidate).map_err(|error| error.to_string())?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_once_and_can_be_listened_on() {
        let ports: Vec<u16> = (0..4).map(|_| free().unwrap()).collect();
        let mut unique = ports.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), ports.len(), "{ports:?}");
        for port in ports {
            assert!(u32::from(port) >= FIRST && u32::from(port) < FIRST + SPAN);
            assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok());
        }
    }
}
