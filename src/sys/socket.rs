//! Sockets with the options a DNS server wants.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

/// Octets of the buffers of a UDP socket: some 20,000 queries, a tenth of a second of a flood.
const UDP_BUFFER_LEN: usize = 4 << 20;

/// Octets that the kernel keeps of what a TCP client has sent and we have not read, and the same of
/// what we wrote and it has not acknowledged: a message as long as there can be. The kernel takes
/// twice that with what its own structures cost, and would go up to many MiB by itself. Costs speed
/// where the way is long: so much goes out in each round trip.
const TCP_BUFFER_LEN: usize = 64 << 10;

/// Octets that the kernel takes from us beyond those it may send at once: enough to go on with when
/// there is room, and all that a client costs who does not read.
const TCP_UNSENT_LEN: u32 = 16 << 10;

/// Connections that may wait to be accepted.
pub const BACKLOG: i32 = 1024;

/// Whether other sockets may be bound to the same address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// None may: binding fails if there is one.
    Alone,
    /// Sockets of the same user may; the kernel spreads datagrams and connections over them
    /// (SO_REUSEPORT).
    Shared,
}

/// Opens a UDP socket.
///
/// Datagrams to a wildcard address are received with the address they were sent to, so that the
/// reply leaves from it.
///
/// # Errors
///
/// Fails if the address is in use, is not one of this machine, or may not be bound.
pub fn bind_udp(address: SocketAddr, sharing: Sharing) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    if sharing == Sharing::Shared {
        socket.set_reuse_port(true)?;
    }
    set_udp_options(&socket, address)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Makes a UDP socket that somebody else has bound to `address` one of ours.
///
/// # Errors
///
/// Fails if the kernel refuses an option.
pub fn adopt_udp(socket: OwnedFd, address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::from(socket);
    socket.set_nonblocking(false)?;
    set_udp_options(&socket, address)?;
    Ok(socket.into())
}

/// Makes a TCP socket that listens already one of ours.
///
/// # Errors
///
/// Fails if the kernel refuses an option.
pub fn adopt_tcp(socket: OwnedFd) -> io::Result<TcpListener> {
    let socket = TcpListener::from(socket);
    bound_tcp_buffers(&socket)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn set_udp_options(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    // The kernel grants what its own limit allows, which is no reason not to serve.
    let _ = socket.set_recv_buffer_size(UDP_BUFFER_LEN);
    let _ = socket.set_send_buffer_size(UDP_BUFFER_LEN);
    if address.ip().is_unspecified() {
        ask_for_local_address(socket, address)?;
    }
    ignore_path_mtu(socket, address);
    Ok(())
}

/// Lets a UDP socket get nothing more, so that what is sent to its address goes to other sockets that
/// are bound there. What it has got can still be received, and replies be sent.
///
/// # Errors
///
/// Fails if the kernel refuses it.
pub fn stop_receiving(socket: &UdpSocket) -> io::Result<()> {
    let mut peer = socket.local_addr()?;
    match peer {
        SocketAddr::V4(_) if peer.ip().is_unspecified() => peer.set_ip(Ipv4Addr::LOCALHOST.into()),
        SocketAddr::V6(_) if peer.ip().is_unspecified() => peer.set_ip(Ipv6Addr::LOCALHOST.into()),
        SocketAddr::V4(_) | SocketAddr::V6(_) => (),
    }
    // A connected socket gets what its peer sends; this one's is itself.
    socket.connect(peer)
}

/// Ends a connection whose peer has taken nothing for `pause` though there was something to take.
///
/// # Errors
///
/// Fails if the kernel refuses the option.
pub fn set_send_timeout(socket: BorrowedFd<'_>, pause: Duration) -> io::Result<()> {
    SockRef::from(&socket).set_tcp_user_timeout(Some(pause))
}

/// Opens a listening TCP socket.
///
/// # Errors
///
/// Fails if the address is in use, is not one of this machine, or may not be bound.
pub fn bind_tcp(address: SocketAddr, sharing: Sharing) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Without this, connections that the last run closed would count as a listener.
    socket.set_reuse_address(true)?;
    if sharing == Sharing::Shared {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&address.into())?;
    bound_tcp_buffers(&socket)?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Bounds what the kernel keeps for each connection that a listener accepts from now on; they
/// inherit it.
fn bound_tcp_buffers(listener: &impl AsFd) -> io::Result<()> {
    let socket = SockRef::from(listener);
    socket.set_recv_buffer_size(TCP_BUFFER_LEN)?;
    socket.set_send_buffer_size(TCP_BUFFER_LEN)?;
    socket.set_tcp_notsent_lowat(TCP_UNSENT_LEN)
}

/// Octets written to a connection that its peer has not acknowledged.
///
/// # Errors
///
/// Fails if the socket is none of TCP.
pub fn unacknowledged(socket: BorrowedFd<'_>) -> io::Result<usize> {
    let mut octets: libc::c_int = 0;
    // SAFETY: `octets` is the integer that this request writes, and outlives the call.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut octets) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(usize::try_from(octets).unwrap_or_default())
}

/// Makes closing a connection forget what its peer has not acknowledged, and tell the peer by a
/// reset: otherwise the kernel would keep it for minutes after the place is another's.
///
/// # Errors
///
/// Fails if the kernel refuses the option.
pub fn reset_when_closed(socket: BorrowedFd<'_>) -> io::Result<()> {
    SockRef::from(&socket).set_linger(Some(Duration::ZERO))
}

/// Makes receiving return after `timeout` when nothing comes.
///
/// # Errors
///
/// Fails if the kernel refuses the option.
pub fn set_receive_timeout(socket: &UdpSocket, timeout: Duration) -> io::Result<()> {
    socket.set_read_timeout(Some(timeout))
}

/// Asks for the local address of each datagram (RFC 3542 §6.2; `ip(7)`).
fn ask_for_local_address(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    let (level, option) = match address {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_PKTINFO),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
    };
    set_option(socket, level, option, 1)
}

/// Ignores reports of a smaller path MTU: anyone can forge them, and the reply size is bounded
/// anyway (draft-ietf-dnsop-avoid-fragmentation, now RFC 9715 §3.1).
fn ignore_path_mtu(socket: &Socket, address: SocketAddr) {
    let (level, option, value) = match address {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_OMIT),
        SocketAddr::V6(_) => {
            (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_OMIT)
        }
    };
    // A kernel without the option serves as well.
    let _ = set_option(socket, level, option, value);
}

fn set_option(socket: &Socket, level: i32, option: i32, value: i32) -> io::Result<()> {
    let length = size_of::<i32>() as libc::socklen_t;
    let (fd, value) = (socket.as_raw_fd(), (&raw const value).cast());
    // SAFETY: `value` points at an integer of `length` octets that outlives the call.
    let result = unsafe { libc::setsockopt(fd, level, option, value, length) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests;
