//! Opens the sockets of all listen addresses, or says which one cannot be opened.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use crate::net::inherited::Inherited;
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
    /// Whether the UDP sockets are those of somebody who may use them again.
    pub is_lent: bool,
    /// The TCP socket.
    pub tcp: TcpListener,
}

/// The socket of one address for HTTP or mail.
#[derive(Debug)]
pub struct StreamListener {
    /// The address, its port chosen.
    pub address: SocketAddr,
    /// The socket.
    pub socket: TcpListener,
}

/// A listen address that cannot be used.
#[derive(Debug)]
pub struct ListenError {
    /// The address.
    pub address: SocketAddr,
    /// What it was for: UDP, TCP, HTTP or mail.
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

    /// Whether a socket that is bound to this other address is in the way.
    pub fn is_held_by(&self, other: SocketAddr) -> bool {
        let (ip, other_ip) = (self.address.ip(), other.ip());
        let overlap = ip == other_ip || ip.is_unspecified() || other_ip.is_unspecified();
        self.error.kind() == io::ErrorKind::AddrInUse
            && self.address.port() == other.port()
            && ip.is_ipv4() == other_ip.is_ipv4()
            && overlap
    }
}

impl std::error::Error for ListenError {}

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

/// Uses the sockets of one address that were inherited, and opens those that were not.
///
/// # Errors
///
/// Fails as `open` does.
pub fn inherit_or_open(
    address: SocketAddr,
    workers: usize,
    inherited: &mut Inherited,
) -> Result<Listener, ListenError> {
    let (udp, tcp) = (inherited.take_udp(address), inherited.take_tcp(address));
    if udp.is_none() && tcp.is_none() {
        return open(address, workers);
    }
    let udp_error = |error| ListenError { address, transport: "UDP", error };
    let is_lent = udp.is_some();
    let udp = match udp {
        // Workers take turns at one socket: others of theirs could not join its address.
        Some(socket) => (0..workers).map(|_| socket.try_clone()).collect(),
        None => {
            drop(bind_udp(address, Sharing::Alone).map_err(udp_error)?);
            bind_shared(address, workers)
        }
    };
    let tcp = match tcp {
        Some(socket) => Ok(socket),
        None => bind_tcp(address, Sharing::Alone),
    };
    let tcp = tcp.map_err(|error| ListenError { address, transport: "TCP", error })?;
    Ok(Listener { configured: address, address, udp: udp.map_err(udp_error)?, is_lent, tcp })
}

/// Uses the socket of an address for HTTP or mail that was inherited, or opens it.
///
/// # Errors
///
/// Fails if the address is in use, is not one of this machine, or may not be bound.
pub fn inherit_or_open_stream(
    address: SocketAddr,
    transport: &'static str,
    inherited: &mut Inherited,
) -> Result<StreamListener, ListenError> {
    let error = |error| ListenError { address, transport, error };
    let socket = match inherited.take_tcp(address) {
        Some(socket) => socket,
        None => bind_tcp(address, Sharing::Alone).map_err(error)?,
    };
    Ok(StreamListener { address: socket.local_addr().map_err(error)?, socket })
}

fn open_port(address: SocketAddr, workers: usize) -> Result<Listener, ListenError> {
    let udp_error = |error| ListenError { address, transport: "UDP", error };
    let tcp_error = |error| ListenError { address, transport: "TCP", error };
    // Another server of the same user could be in the reuse-port group, and would take a share of
    // the queries. Binding alone shows that there is none.
    let configured = address;
    let alone = bind_udp(address, Sharing::Alone).map_err(udp_error)?;
    let address = alone.local_addr().map_err(udp_error)?;
    drop(bind_tcp(address, Sharing::Alone).map_err(tcp_error)?);
    drop(alone);
    Ok(Listener { configured, ..open_beside(address, workers)? })
}

/// Opens the sockets of one address, which may overlap one that the server listens on and will give
/// up: 0.0.0.0 and each address of this machine do, on the same port. Until then the kernel prefers
/// the exact address.
///
/// # Errors
///
/// Fails as `open` does, unless the sockets in the way are those of a server of this user.
pub fn open_beside(address: SocketAddr, workers: usize) -> Result<Listener, ListenError> {
    let udp = bind_shared(address, workers);
    let udp = udp.map_err(|error| ListenError { address, transport: "UDP", error })?;
    let tcp = bind_tcp(address, Sharing::Shared);
    let tcp = tcp.map_err(|error| ListenError { address, transport: "TCP", error })?;
    Ok(Listener { configured: address, address, udp, is_lent: false, tcp })
}

fn bind_shared(address: SocketAddr, workers: usize) -> io::Result<Vec<UdpSocket>> {
    (0..workers).map(|_| bind_udp(address, Sharing::Shared)).collect()
}
