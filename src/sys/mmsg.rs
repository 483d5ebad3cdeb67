//! Receiving and sending many datagrams with one system call (`recvmmsg(2)`, `sendmmsg(2)`).
//!
//! A reply takes the place of its query. All memory is allocated once.

use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};

use socket2::{MsgHdr, SockAddr, SockRef};

use crate::base::limits::{BATCH_MAX, UDP_SIZE_MAX};

/// Octets from one slot to the next. Not a multiple of 4,096, or all slots would compete for the
/// same lines of the cache.
const STRIDE: usize = UDP_SIZE_MAX + 64;

/// Octets for the local address of a datagram: `CMSG_SPACE` of the larger of both structures is 40.
const CONTROL_LEN: usize = 64;

/// Control data as the kernel wants it aligned.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL_LEN]);

/// Whether receiving waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// For the first datagram, at most for the socket's timeout.
    ForFirst,
    /// Not at all.
    No,
}

/// Datagrams received together, and the replies to them.
pub struct Batch {
    slots: Vec<u8>,
    peers: Vec<libc::sockaddr_storage>,
    controls: Vec<Control>,
    parts: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    /// Octets of the reply in each slot; 0 where there is none.
    replies: [usize; BATCH_MAX],
    received: usize,
}

// SAFETY: the pointers in `parts` and `headers` lead into the vectors of the same batch, whose memory
// stays where it is when the batch moves, and none of them is used but by the batch itself.
unsafe impl Send for Batch {}

/// One datagram of a batch.
#[derive(Debug)]
pub struct Datagram<'b> {
    /// Room for the reply; the query stands at its start.
    pub message: &'b mut [u8],
    /// Octets of the query.
    pub len: usize,
    /// Who sent it.
    pub peer: SocketAddr,
    /// The address it was sent to, if the socket was bound to a wildcard address.
    pub local: Option<IpAddr>,
}

/// What became of the replies of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Replies handed to the kernel.
    pub sent: usize,
    /// Replies the kernel did not take.
    pub failed: usize,
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").field("received", &self.received).finish_non_exhaustive()
    }
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        // SAFETY: a structure of integers, for which all zeros is a value.
        let peer = unsafe { MaybeUninit::<libc::sockaddr_storage>::zeroed().assume_init() };
        // SAFETY: integers and pointers that may be null, for which all zeros is a value.
        let part = unsafe { MaybeUninit::<libc::iovec>::zeroed().assume_init() };
        // SAFETY: integers and pointers that may be null, for which all zeros is a value.
        let header = unsafe { MaybeUninit::<libc::mmsghdr>::zeroed().assume_init() };
        Self {
            slots: vec![0; BATCH_MAX * STRIDE],
            peers: vec![peer; BATCH_MAX],
            controls: vec![Control([0; CONTROL_LEN]); BATCH_MAX],
            parts: vec![part; BATCH_MAX],
            headers: vec![header; BATCH_MAX],
            replies: [0; BATCH_MAX],
            received: 0,
        }
    }

    /// Receives up to `BATCH_MAX` datagrams; returns how many there are.
    ///
    /// # Errors
    ///
    /// Fails as `recvmmsg(2)` does; `WouldBlock` when nothing came in time.
    pub fn receive(&mut self, socket: BorrowedFd<'_>, wait: Wait) -> io::Result<usize> {
        self.received = 0;
        self.replies = [0; BATCH_MAX];
        let parts = self.slots.chunks_exact_mut(STRIDE).zip(&mut self.parts);
        let addresses = self.peers.iter_mut().zip(&mut self.controls);
        for (((slot, part), (peer, control)), header) in parts.zip(addresses).zip(&mut self.headers)
        {
            part.iov_base = slot.as_mut_ptr().cast();
            part.iov_len = UDP_SIZE_MAX;
            let header = &mut header.msg_hdr;
            header.msg_name = (&raw mut *peer).cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_iov = &raw mut *part;
            header.msg_iovlen = 1;
            header.msg_control = (&raw mut *control).cast();
            header.msg_controllen = CONTROL_LEN;
        }
        let flags = match wait {
            Wait::ForFirst => libc::MSG_WAITFORONE,
            Wait::No => libc::MSG_DONTWAIT,
        };
        let (fd, headers) = (socket.as_raw_fd(), self.headers.as_mut_ptr());
        // SAFETY: there are BATCH_MAX headers, and each points at memory of this batch with the
        // lengths it says; nothing else uses that memory during the call.
        let count =
            unsafe { libc::recvmmsg(fd, headers, BATCH_MAX as u32, flags, std::ptr::null_mut()) };
        self.received = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        Ok(self.received)
    }

    /// The octets of a datagram that was received, and who sent it; `None` as for `datagram`.
    pub fn peek(&self, index: usize) -> Option<(&[u8], IpAddr)> {
        let header = self.headers.get(index).filter(|_| index < self.received)?;
        if header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0 {
            return None;
        }
        let (start, len) = (index * STRIDE, (header.msg_len as usize).min(UDP_SIZE_MAX));
        let peer = read_address(self.peers.get(index)?);
        Some((self.slots.get(start..start + len)?, peer.ip()))
    }

    /// A datagram that was received; `None` if it was longer than its slot.
    pub fn datagram(&mut self, index: usize) -> Option<Datagram<'_>> {
        let header = self.headers.get(index).filter(|_| index < self.received)?;
        if header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0 {
            return None;
        }
        let peer = read_address(self.peers.get(index)?);
        let local = local_address(&header.msg_hdr);
        let len = (header.msg_len as usize).min(UDP_SIZE_MAX);
        let start = index * STRIDE;
        let message = self.slots.get_mut(start..start + UDP_SIZE_MAX)?;
        Some(Datagram { message, len, peer, local })
    }

    /// Marks a datagram as replied to: the first `len` octets of its message are sent back.
    pub fn reply(&mut self, index: usize, len: usize) {
        if let Some(slot) = self.replies.get_mut(index) {
            *slot = len.min(UDP_SIZE_MAX);
        }
    }

    /// Sends all replies of the batch. One that the kernel refuses does not hold up the others.
    pub fn send(&mut self, socket: BorrowedFd<'_>) -> Sent {
        let mut count = 0;
        for index in 0..self.received {
            let len = self.replies[index];
            if len == 0 {
                continue;
            }
            // The datagram was lent out since it was received, so the pointer is made anew.
            let start = index * STRIDE;
            self.parts[index].iov_base = self.slots[start..start + len].as_mut_ptr().cast();
            self.parts[index].iov_len = len;
            let mut header = self.headers[index];
            header.msg_hdr.msg_flags = 0;
            if header.msg_hdr.msg_controllen == 0 {
                header.msg_hdr.msg_control = std::ptr::null_mut();
            } else {
                forget_interface(&mut header.msg_hdr);
            }
            // Survivors move to the front; what stood there was sent or has no reply.
            self.headers[count] = header;
            count += 1;
        }
        self.received = 0;
        let mut done = Sent::default();
        while done.sent + done.failed < count {
            let at = done.sent + done.failed;
            let rest = &mut self.headers[at..count];
            let (fd, headers) = (socket.as_raw_fd(), rest.as_mut_ptr());
            // SAFETY: the headers point at memory of this batch, as set up when receiving; the
            // lengths were only made shorter.
            let sent =
                unsafe { libc::sendmmsg(fd, headers, rest.len() as u32, libc::MSG_DONTWAIT) };
            match usize::try_from(sent) {
                Ok(sent) if sent > 0 => done.sent += sent,
                // The call stops at the first datagram that fails, and tells of it by failing when
                // that is the first of all.
                Ok(_) => done.failed += 1,
                Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => (),
                Err(_) => done.failed += 1,
            }
        }
        done
    }
}

/// Sends one datagram without waiting, from `from` if the socket is bound to a wildcard address.
///
/// # Errors
///
/// Fails as `sendmsg(2)` does; `WouldBlock` if the kernel has no room for it.
pub fn send_from(
    socket: BorrowedFd<'_>,
    octets: &[u8],
    peer: SocketAddr,
    from: Option<IpAddr>,
) -> io::Result<()> {
    let peer = SockAddr::from(peer);
    let parts = [io::IoSlice::new(octets)];
    let mut control = Control([0; CONTROL_LEN]);
    let control = from.map_or(&[][..], |from| write_packet_info(&mut control, from));
    let header = MsgHdr::new().with_addr(&peer).with_buffers(&parts).with_control(control);
    SockRef::from(&socket).sendmsg(&header, libc::MSG_DONTWAIT).map(|_| ())
}

/// Writes the control message that chooses the address a datagram leaves from.
fn write_packet_info(control: &mut Control, from: IpAddr) -> &[u8] {
    // The layout of `cmsghdr`: its whole length, level and type; then the data, which begin aligned.
    const HEAD_LEN: usize = size_of::<libc::cmsghdr>();
    let (level, kind, data): (_, _, [u8; 20]) = match from {
        IpAddr::V4(address) => {
            // `in_pktinfo`: interface, local address, and one that is not looked at.
            let mut data = [0; 20];
            data[4..8].copy_from_slice(&address.octets());
            (libc::IPPROTO_IP, libc::IP_PKTINFO, data)
        }
        IpAddr::V6(address) => {
            // `in6_pktinfo`: address, interface.
            let mut data = [0; 20];
            data[..16].copy_from_slice(&address.octets());
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, data)
        }
    };
    let data_len = if from.is_ipv4() { size_of::<libc::in_pktinfo>() } else { data.len() };
    let length = HEAD_LEN + data_len;
    let word = size_of::<usize>();
    control.0[..word].copy_from_slice(&length.to_ne_bytes());
    control.0[word..word + 4].copy_from_slice(&level.to_ne_bytes());
    control.0[word + 4..word + 8].copy_from_slice(&kind.to_ne_bytes());
    control.0[HEAD_LEN..length].copy_from_slice(&data[..data_len]);
    // The kernel wants whole words.
    &control.0[..length.next_multiple_of(word)]
}

/// The address of a sender. A UDP socket has none of another family; if it had, there would be nobody
/// to reply to, which port 0 says.
fn read_address(storage: &libc::sockaddr_storage) -> SocketAddr {
    let start = &raw const *storage;
    match i32::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: a `sockaddr_storage` is larger than and aligned for this structure, which is
            // what the kernel wrote for the family.
            let address = unsafe { &*start.cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr));
            SocketAddrV4::new(ip, u16::from_be(address.sin_port)).into()
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let address = unsafe { &*start.cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(address.sin6_addr.s6_addr);
            let port = u16::from_be(address.sin6_port);
            SocketAddrV6::new(ip, port, 0, address.sin6_scope_id).into()
        }
        _ => SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0).into(),
    }
}

/// The control message that tells the local address, if there is one.
fn packet_info(header: &libc::msghdr) -> Option<PacketInfo> {
    if header.msg_controllen == 0 {
        return None;
    }
    // SAFETY: `msg_control` points at a `Control` of the batch, of which the kernel has filled
    // `msg_controllen` octets; CMSG_FIRSTHDR checks that they hold a header.
    let first = unsafe { libc::CMSG_FIRSTHDR(&raw const *header) };
    if first.is_null() {
        return None;
    }
    // SAFETY: `first` is not null, so it points at a header within the control data, which is
    // aligned for it.
    let header = unsafe { first.read() };
    // SAFETY: the data follows the header, within the control data.
    let data = unsafe { libc::CMSG_DATA(first) };
    match (header.cmsg_level, header.cmsg_type) {
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => Some(PacketInfo::V4(data.cast())),
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => Some(PacketInfo::V6(data.cast())),
        _ => None,
    }
}

/// Where the kernel wrote the local address of a datagram.
enum PacketInfo {
    V4(*mut libc::in_pktinfo),
    V6(*mut libc::in6_pktinfo),
}

fn local_address(header: &libc::msghdr) -> Option<IpAddr> {
    match packet_info(header)? {
        PacketInfo::V4(info) => {
            // SAFETY: the kernel wrote an `in_pktinfo` there; it may be unaligned.
            let info = unsafe { info.read_unaligned() };
            Some(Ipv4Addr::from(u32::from_be(info.ipi_spec_dst.s_addr)).into())
        }
        PacketInfo::V6(info) => {
            // SAFETY: the kernel wrote an `in6_pktinfo` there; it may be unaligned.
            let info = unsafe { info.read_unaligned() };
            Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into())
        }
    }
}

/// Leaves the way of the reply to the routing table: only a link-local address needs the interface
/// it came from.
fn forget_interface(header: &mut libc::msghdr) {
    match packet_info(header) {
        Some(PacketInfo::V4(info)) => {
            // SAFETY: the kernel wrote an `in_pktinfo` there; it may be unaligned.
            let mut value = unsafe { info.read_unaligned() };
            value.ipi_ifindex = 0;
            // SAFETY: as above, and nothing else refers to the control data.
            unsafe { info.write_unaligned(value) };
        }
        Some(PacketInfo::V6(info)) => {
            // SAFETY: the kernel wrote an `in6_pktinfo` there; it may be unaligned.
            let mut value = unsafe { info.read_unaligned() };
            let address = Ipv6Addr::from(value.ipi6_addr.s6_addr);
            if !address.is_unicast_link_local() {
                value.ipi6_ifindex = 0;
            }
            // SAFETY: as above, and nothing else refers to the control data.
            unsafe { info.write_unaligned(value) };
        }
        None => (),
    }
}

#[cfg(test)]
mod tests;
