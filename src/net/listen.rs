//! Opens the sockets of all listen addresses, or says which one cannot be opened.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use crate::sys::socket::{Sharing, bind_tcp, bind_udp};

/// Ports the kernel chose for UDP that are tried until one is free for TCP, too.
const PORT_TRIES_MAX: usize = 32;

/// The sockets of one listen address.
#[derive(Debug)]
pub struct Listener {
    /// The address as configured; its port may be 0.
    pub configured: SocketAddr,
    /// The address, its port chosen.
    pub address: SocketAddr,
    /// One UDP socket for each worker.
    pub udp: Vec<UdpSocket>,
    /// The TCP socket.
    pub tcp: TcpListener,
}

impl std::error::Error for ListenError {}

/// A listen address that cannot be used.
#[derive(Debug)]
pub struct ListenError {
    /// The address.
    pub address: SocketAddr,
    /// Whether it was UDP or TCP.
    pub transport: &'static str,
    /// What the system said.
    pub error: io::Error,
}

impl ListenError {
    /// Whether this machine does not have the address, or not its family.
    pub fn is_missing_address(&self) -> bool {
        self.error.kind() == io::ErrorKind::AddrNotAvailable
            || self.error.raw_os_error() == Some(libc::EAFNOSUPPORT)
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {} ({}): {}", self.address, self.transport, self.error)?;
        f.write_str(hint(self.error.kind()).unwrap_or_default())
    }
}

/// What to look at when an address cannot be bound.
fn hint(kind: io::ErrorKind) -> Option<&'static str> {
    const HINTS: [(io::ErrorKind, &str); 3] = [
        (io::ErrorKind::AddrInUse, "; another program has the port"),
        (io::ErrorKind::AddrNotAvailable, "; this machine does not have the address"),
        (io::ErrorKind::PermissionDenied, "; ports below 1024 need root or CAP_NET_BIND_SERVICE"),
    ];
    HINTS.iter().find(|(known, _)| *known == kind).map(|(_, hint)| *hint)
}

/// Opens the sockets of one address for so many workers. Port 0 lets the kernel choose one that is
/// free for UDP and TCP.
///
/// # Errors
///
/// Fails if the address is in use, is not one of this machine, or may not be bound.
pub fn open(address: SocketAddr, workers: usize) -> Result<Listener, ListenError> {
    if address.port() != 0 {
        return open_port(address, workers);
    }
    let mut tries = 1;
    loop {
        match open_port(address, workers) {
            Err(error)
                if error.error.kind() == io::ErrorKind::AddrInUse && tries < PORT_TRIES_MAX =>
            {
                tries += 1;
            }
            result => return result,
        }
    }
}

fn open_port(address: SocketAddr, workers: usize) -> Result<Listener, ListenError> {
    let udp_error = |error| ListenError { address, transport: "UDP", error };
    let tcp_error = |error| ListenError { address, transport: "TCP", error };
    // Another server of the same user could be in the reuse-port group, and would take a share of
    // the queries. Binding alone shows that there is none.
    let configured = address;
    let alone = bind_udp(address, Sharing::Alone).map_err(udp_error)?;
    let address = alone.local_addr().map_err(udp_error)?;
    let tcp = bind_tcp(address).map_err(tcp_error)?;
    drop(alone);
    let udp: Result<Vec<UdpSocket>, io::Error> =
        (0..workers).map(|_| bind_udp(address, Sharing::Shared)).collect();
    Ok(Listener { configured, address, udp: udp.map_err(udp_error)?, tcp })
}
