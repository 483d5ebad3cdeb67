//! Sockets that the service manager opened before the server began (socket activation).
//!
//! Each is used in the place of one that the server would open itself at the same address; the
//! configuration says which these are. Where descriptors come from is for `app`.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;

use socket2::{SockRef, Type};

use crate::sys::socket::{adopt_tcp, adopt_udp};

/// One socket that was handed over.
#[derive(Debug)]
enum Handed {
    Udp(UdpSocket),
    Tcp(TcpListener),
}

/// Sockets that nobody has taken yet.
#[derive(Debug, Default)]
pub struct Inherited {
    sockets: Vec<(SocketAddr, Handed)>,
}

/// Why a descriptor is not a socket that can be served.
#[derive(Debug)]
pub enum NotServed {
    /// It is no UDP socket with an address and no listening TCP socket.
    OtherKind,
    /// The system refused to tell or to change something about it.
    System(io::Error),
}

impl fmt::Display for NotServed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherKind => f.write_str("it is neither a UDP nor a listening TCP socket"),
            Self::System(error) => error.fmt(f),
        }
    }
}

impl From<io::Error> for NotServed {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl Inherited {
    /// Adds a socket.
    ///
    /// # Errors
    ///
    /// Fails if it is not one that can be served.
    pub fn add(&mut self, descriptor: OwnedFd) -> Result<(), NotServed> {
        let (kind, address, is_listener) = {
            let socket = SockRef::from(&descriptor);
            let address = socket.local_addr()?.as_socket();
            (socket.r#type()?, address.ok_or(NotServed::OtherKind)?, socket.is_listener()?)
        };
        let socket = match kind {
            Type::DGRAM => Handed::Udp(adopt_udp(descriptor, address)?),
            Type::STREAM if is_listener => Handed::Tcp(adopt_tcp(descriptor)?),
            _ => return Err(NotServed::OtherKind),
        };
        self.sockets.push((address, socket));
        Ok(())
    }

    /// The UDP socket of an address, if there is one.
    pub(super) fn take_udp(&mut self, address: SocketAddr) -> Option<UdpSocket> {
        match self.take(address, |socket| matches!(socket, Handed::Udp(_)))? {
            Handed::Udp(socket) => Some(socket),
            Handed::Tcp(_) => None,
        }
    }

    /// The TCP socket of an address, if there is one.
    pub(super) fn take_tcp(&mut self, address: SocketAddr) -> Option<TcpListener> {
        match self.take(address, |socket| matches!(socket, Handed::Tcp(_)))? {
            Handed::Tcp(socket) => Some(socket),
            Handed::Udp(_) => None,
        }
    }

    fn take(&mut self, address: SocketAddr, is_wanted: impl Fn(&Handed) -> bool) -> Option<Handed> {
        let mut sockets = self.sockets.iter();
        let at = sockets.position(|(bound, socket)| *bound == address && is_wanted(socket))?;
        Some(self.sockets.swap_remove(at).1)
    }

    /// The sockets that nobody has taken, each with its address and its transport.
    pub fn left(&self) -> impl Iterator<Item = (SocketAddr, &'static str)> {
        self.sockets.iter().map(|(address, socket)| match socket {
            Handed::Udp(_) => (*address, "UDP"),
            Handed::Tcp(_) => (*address, "TCP"),
        })
    }
}
