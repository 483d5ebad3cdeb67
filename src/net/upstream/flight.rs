//! One request to another server: a socket of its own, from a port that nobody can foretell.
//!
//! Brings back whatever the server's address sends until the request is given up: which of it is the
//! response is not decided here.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use siphasher::sip::SipHasher24;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, UdpSocket};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::answer::Transport;
use crate::base::entropy::Entropy;
use crate::resolver::{Channel, RequestId, Transmit};
use crate::sys::random::SystemEntropy;

/// The first port that a request may leave from: those below belong to services.
const FIRST_PORT: u16 = 1024;

/// Ports that are tried before the system chooses one: most are free.
const PORTS_TRIED: usize = 8;

/// Octets of a datagram that are looked at: more than is ever asked for.
const DATAGRAM_LEN: usize = 4096;

/// Something that became of a request.
#[derive(Debug)]
pub(super) struct Event {
    /// The resolver that made it.
    pub(super) epoch: u64,
    /// The request.
    pub(super) request: RequestId,
    /// What it is.
    pub(super) what: What,
}

/// What became of a request.
#[derive(Debug)]
pub(super) enum What {
    /// A message came from the server's address.
    Response(Vec<u8>),
    /// It did not reach the server.
    Unreachable,
    /// It did not leave, because this machine has no room for it.
    NotSent(io::Error),
    /// Nothing more will come.
    Over,
}

/// Where requests may leave from, and where they may not go.
#[derive(Clone, Copy)]
pub(super) struct Source<'s> {
    /// Our addresses to choose from.
    pub(super) sources: &'s [IpAddr],
    /// What chooses among them.
    pub(super) keyed: &'s SipHasher24,
    /// Wildcard addresses that we listen on.
    pub(super) wildcards: &'s [SocketAddr],
}

impl Source<'_> {
    /// The address that a server is asked from. Each is asked from one, whatever there are, or the
    /// cookies that it told would not be good the next time (RFC 7873 §4.1); nobody else can foretell
    /// which.
    fn address_for(&self, to: IpAddr) -> IpAddr {
        let usable = || self.sources.iter().filter(|source| source.is_ipv4() == to.is_ipv4());
        let (any, hash): (IpAddr, u64) = match to {
            IpAddr::V4(to) => (Ipv4Addr::UNSPECIFIED.into(), self.keyed.hash(&to.octets())),
            IpAddr::V6(to) => (Ipv6Addr::UNSPECIFIED.into(), self.keyed.hash(&to.octets())),
        };
        let number = hash.checked_rem(usable().count() as u64).unwrap_or(0);
        let chosen = usize::try_from(number).ok().and_then(|number| usable().nth(number));
        chosen.copied().unwrap_or(any)
    }
}

/// A request that is about to leave.
#[derive(Debug)]
pub(super) struct Flight {
    transmit: Transmit,
    from: IpAddr,
    /// Ports to leave from, of which the first that is free is taken.
    ports: [u16; PORTS_TRIED],
    /// Whether the server would be this one, if its address is one of the machine.
    has_own_port: bool,
    until: Instant,
}

impl Flight {
    /// A request that is given up at `until`.
    pub(super) fn new(
        transmit: Transmit,
        source: Source<'_>,
        until: Instant,
        entropy: &mut SystemEntropy,
    ) -> Self {
        let to = transmit.to;
        let is_own = |own: &SocketAddr| own.port() == to.port() && own.is_ipv4() == to.is_ipv4();
        let has_own_port = source.wildcards.iter().any(is_own);
        let from = source.address_for(to.ip());
        Self { transmit, from, ports: draw_ports(entropy), has_own_port, until }
    }

    /// How it goes.
    pub(super) fn transport(&self) -> Transport {
        match self.transmit.channel {
            Channel::Udp => Transport::Udp,
            Channel::Tcp => Transport::Tcp,
        }
    }

    /// Sends the request and brings back what comes.
    pub(super) async fn fly(self, epoch: u64, events: mpsc::Sender<Event>) {
        let desk = Desk { epoch, request: self.transmit.request, events };
        let flown = async {
            self.check_own()?;
            match self.transmit.channel {
                Channel::Udp => self.fly_udp(&desk).await,
                Channel::Tcp => self.fly_tcp(&desk).await,
            }
        };
        let last = match timeout_at(self.until, flown).await {
            Ok(Err(error)) if is_our_lack(&error) => What::NotSent(error),
            Ok(Err(_)) => What::Unreachable,
            Ok(Ok(())) | Err(_) => What::Over,
        };
        desk.bring(last).await;
    }

    async fn fly_udp(&self, desk: &Desk) -> io::Result<()> {
        let socket = UdpSocket::from_std(bind(self.from, &self.ports)?)?;
        socket.connect(self.transmit.to).await?;
        socket.send(&self.transmit.octets).await?;
        let mut datagram = vec![0; DATAGRAM_LEN];
        loop {
            let length = socket.recv(&mut datagram).await?;
            let octets = datagram.get(..length).unwrap_or_default().to_vec();
            desk.bring(What::Response(octets)).await;
        }
    }

    /// Over TCP one message is taken: nobody forges there, so that any other is of no use.
    async fn fly_tcp(&self, desk: &Desk) -> io::Result<()> {
        let to = self.transmit.to;
        let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if !self.from.is_unspecified() {
            socket.bind(SocketAddr::new(self.from, 0))?;
        }
        let mut stream = socket.connect(to).await?;
        stream.set_nodelay(true)?;
        let length = u16::try_from(self.transmit.octets.len()).map_err(io::Error::other)?;
        let framed = [&length.to_be_bytes()[..], &self.transmit.octets].concat();
        stream.write_all(&framed).await?;
        let length = stream.read_u16().await?;
        let mut octets = vec![0; usize::from(length)];
        stream.read_exact(&mut octets).await?;
        desk.bring(What::Response(octets)).await;
        Ok(())
    }

    /// Refuses to ask ourselves: a server at an address of this machine, and a port that we listen on
    /// at all addresses.
    fn check_own(&self) -> io::Result<()> {
        if self.has_own_port && is_here(self.transmit.to) {
            return Err(io::ErrorKind::HostUnreachable.into());
        }
        Ok(())
    }
}

/// Whether an error says that this machine lacks something, whichever server is asked: files, memory
/// or ports.
///
/// All others are of the way to the one server, also where we say so ourselves: there is no route or
/// no address of our own for its family, or a firewall of ours lets nothing through to it. Another
/// server may be reached then.
fn is_our_lack(error: &io::Error) -> bool {
    const LACKS: [i32; 6] = [
        libc::EMFILE,
        libc::ENFILE,
        libc::ENOMEM,
        libc::ENOBUFS,
        // Ports, after those of our choice and that of the system.
        libc::EADDRINUSE,
        // Sockets that are watched (epoll).
        libc::ENOSPC,
    ];
    error.raw_os_error().is_some_and(|number| LACKS.contains(&number))
}

/// Where what became of a request is brought.
struct Desk {
    epoch: u64,
    request: RequestId,
    events: mpsc::Sender<Event>,
}

impl Desk {
    async fn bring(&self, what: What) {
        let Self { epoch, request, events } = self;
        // Fails if nobody resolves any more.
        let _ = events.send(Event { epoch: *epoch, request: *request, what }).await;
    }
}

/// Whether an address is one of this machine: then a datagram to it would leave from it. Sends nothing.
pub(in crate::net) fn is_here(to: SocketAddr) -> bool {
    let any: IpAddr = match to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let source = || {
        let probe = std::net::UdpSocket::bind((any, 0)).ok()?;
        probe.connect(to).ok()?;
        probe.local_addr().ok()
    };
    to.ip().is_loopback() || source().is_some_and(|source| source.ip() == to.ip())
}

/// Ports of random choice.
fn draw_ports(entropy: &mut impl Entropy) -> [u16; PORTS_TRIED] {
    let count = u32::from(u16::MAX - FIRST_PORT) + 1;
    std::array::from_fn(|_| {
        u16::try_from(entropy.below(count)).unwrap_or(0).saturating_add(FIRST_PORT)
    })
}

/// A socket with the first of these ports that may be had.
fn bind(from: IpAddr, ports: &[u16]) -> io::Result<std::net::UdpSocket> {
    for port in ports {
        match std::net::UdpSocket::bind((from, *port)) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied
                ) => {}
            bound => return bound.and_then(nonblocking),
        }
    }
    std::net::UdpSocket::bind((from, 0)).and_then(nonblocking)
}

fn nonblocking(socket: std::net::UdpSocket) -> io::Result<std::net::UdpSocket> {
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests;
