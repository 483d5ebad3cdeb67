//! One request to another server: a socket of its own, from a port that nobody can foretell.
//!
//! Brings back whatever the server's address sends until the request is given up: which of it is the
//! response is not decided here.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

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

/// Something that came back.
#[derive(Debug)]
pub(super) enum Event {
    /// A message from the server's address.
    Response {
        /// The request.
        request: RequestId,
        /// The message.
        octets: Vec<u8>,
    },
    /// The request did not reach the server.
    Unreachable(RequestId),
    /// Nothing more will come.
    Over(RequestId),
}

/// Where requests may leave from, and where they may not go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'s> {
    /// Our addresses to choose from.
    pub(super) sources: &'s [IpAddr],
    /// Ports that we listen on at all our addresses.
    pub(super) own_ports: &'s [u16],
}

/// A request that is about to leave.
#[derive(Debug)]
pub(super) struct Flight {
    transmit: Transmit,
    from: IpAddr,
    /// Whether the server would be this one, if its address is one of the machine.
    has_own_port: bool,
    until: Instant,
}

impl Flight {
    /// A request that is given up at `until`.
    pub(super) fn new(transmit: Transmit, source: Source<'_>, until: Instant) -> Self {
        let to = transmit.to;
        let usable: Vec<IpAddr> = source
            .sources
            .iter()
            .copied()
            .filter(|source| source.is_ipv4() == to.is_ipv4())
            .collect();
        let count = u32::try_from(usable.len()).unwrap_or(0);
        let chosen = SystemEntropy::default().below(count.max(1));
        let chosen = usize::try_from(chosen).ok().and_then(|index| usable.get(index).copied());
        let any = if to.is_ipv4() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED)
        } else {
            IpAddr::V6(Ipv6Addr::UNSPECIFIED)
        };
        let has_own_port = source.own_ports.contains(&to.port());
        Self { transmit, from: chosen.unwrap_or(any), has_own_port, until }
    }

    /// How it goes.
    pub(super) fn transport(&self) -> Transport {
        match self.transmit.channel {
            Channel::Udp => Transport::Udp,
            Channel::Tcp => Transport::Tcp,
        }
    }

    /// Sends the request and brings back what comes.
    pub(super) async fn fly(self, events: mpsc::Sender<Event>) {
        let request = self.transmit.request;
        let flown = async {
            match self.transmit.channel {
                Channel::Udp => self.fly_udp(&events).await,
                Channel::Tcp => self.fly_tcp(&events).await,
            }
        };
        let last = match timeout_at(self.until, flown).await {
            Ok(Err(_)) => Event::Unreachable(request),
            Ok(Ok(())) | Err(_) => Event::Over(request),
        };
        // Fails if nobody resolves any more.
        let _ = events.send(last).await;
    }

    async fn fly_udp(&self, events: &mpsc::Sender<Event>) -> io::Result<()> {
        let socket = UdpSocket::from_std(bind(self.from)?)?;
        socket.connect(self.transmit.to).await?;
        self.check_own(socket.local_addr()?)?;
        socket.send(&self.transmit.octets).await?;
        let mut datagram = vec![0; DATAGRAM_LEN];
        loop {
            let length = socket.recv(&mut datagram).await?;
            self.bring(datagram.get(..length).unwrap_or_default().to_vec(), events).await;
        }
    }

    async fn fly_tcp(&self, events: &mpsc::Sender<Event>) -> io::Result<()> {
        let to = self.transmit.to;
        let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if !self.from.is_unspecified() {
            socket.bind(SocketAddr::new(self.from, 0))?;
        }
        let mut stream = socket.connect(to).await?;
        self.check_own(stream.local_addr()?)?;
        stream.set_nodelay(true)?;
        let length = u16::try_from(self.transmit.octets.len()).map_err(io::Error::other)?;
        let framed = [&length.to_be_bytes()[..], &self.transmit.octets].concat();
        stream.write_all(&framed).await?;
        loop {
            let length = stream.read_u16().await?;
            let mut octets = vec![0; usize::from(length)];
            stream.read_exact(&mut octets).await?;
            self.bring(octets, events).await;
        }
    }

    async fn bring(&self, octets: Vec<u8>, events: &mpsc::Sender<Event>) {
        let request = self.transmit.request;
        // Fails if nobody resolves any more.
        let _ = events.send(Event::Response { request, octets }).await;
    }

    /// Refuses to ask ourselves: a server at an address of this machine, and a port that we listen on
    /// at all addresses.
    fn check_own(&self, local: SocketAddr) -> io::Result<()> {
        if self.has_own_port && local.ip() == self.transmit.to.ip() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        Ok(())
    }
}

/// A socket with a port of random choice.
fn bind(from: IpAddr) -> io::Result<std::net::UdpSocket> {
    let mut entropy = SystemEntropy::default();
    let ports = u32::from(u16::MAX - FIRST_PORT) + 1;
    for _ in 0..PORTS_TRIED {
        let port = u16::try_from(entropy.below(ports)).unwrap_or(0).saturating_add(FIRST_PORT);
        match std::net::UdpSocket::bind((from, port)) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => (),
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
