//! Ports for servers that take a number and bind it later.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below what systems hand out to outgoing connections (Linux from 32,768, others from 49,152).
const FIRST: u32 = 20_000;
const COUNT: u32 = 12_000;
/// Far apart, so that processes whose ids follow each other do not meet.
const STRIDE: u32 = 7_919;

/// Takes a port of loopback that nobody listens on, for a server that is told its port or must come back on the same one.
/// Unlike one that the system would pick, no outgoing connection is given it while that server starts.
pub fn free_port() -> u16 {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(STRIDE);
    let ports = (0..COUNT).map(|_| FIRST + begin.wrapping_add(ASKED.fetch_add(1, Ordering::Relaxed)) % COUNT);
    let mut ports = ports.map(|port| u16::try_from(port).expect("it is below 32,768"));
    ports
        .find(|&port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
        .expect("loopback has free ports")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_free_below_those_of_connections_and_another_each_time() {
        let (one, other) = (free_port(), free_port());
        assert_ne!(one, other);
        for port in [one, other] {
            assert!(u32::from(port) < 32_768, "{port}");
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        }
    }
}
