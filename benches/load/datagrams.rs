//! Many datagrams of a connected socket with one system call; all memory is allocated once.
#![expect(unsafe_code, reason = "`sendmmsg(2)` and `recvmmsg(2)` have no safe wrapper")]

use std::io;
use std::mem::MaybeUninit;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use crate::queries::PACKET_LEN_MAX;

/// Datagrams of one system call.
pub const DATAGRAMS_MAX: u16 = 64;

const COUNT: usize = DATAGRAMS_MAX as usize;

/// Octets from one datagram to the next; see `kereru::sys::mmsg`.
const IN_STRIDE: usize = 4096 + 64;
const OUT_STRIDE: usize = PACKET_LEN_MAX + 64;

/// Memory for datagrams, and the structures that tell the kernel of it.
struct Room {
    octets: Vec<u8>,
    /// Pointed at by `headers`, and never changed in size.
    parts: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    stride: usize,
}

impl Room {
    fn new(stride: usize) -> Self {
        let mut octets = vec![0; COUNT * stride];
        let mut parts: Vec<_> = octets
            .chunks_exact_mut(stride)
            .map(|slot| libc::iovec { iov_base: slot.as_mut_ptr().cast(), iov_len: stride })
            .collect();
        let headers = parts
            .iter_mut()
            .map(|part| {
                // SAFETY: integers and pointers that may be null, for which all zeros is a value.
                let mut header = unsafe { MaybeUninit::<libc::mmsghdr>::zeroed().assume_init() };
                header.msg_hdr.msg_iov = &raw mut *part;
                header.msg_hdr.msg_iovlen = 1;
                header
            })
            .collect();
        Self { octets, parts, headers, stride }
    }

    /// Points at the memory anew, because it was used otherwise in between.
    fn point(&mut self, index: usize, len: usize) {
        let start = index * self.stride;
        self.parts[index].iov_base = self.octets[start..start + len].as_mut_ptr().cast();
        self.parts[index].iov_len = len;
        self.headers[index].msg_hdr.msg_iov = &raw mut self.parts[index];
    }
}

/// Datagrams to be sent together.
pub struct Outbox {
    room: Room,
    count: usize,
}

impl Outbox {
    pub fn new() -> Self {
        Self { room: Room::new(OUT_STRIDE), count: 0 }
    }

    /// Adds a packet, of which `rest` follows the ID; at most `DATAGRAMS_MAX`.
    pub fn push(&mut self, id: u16, rest: &[u8]) {
        let start = self.count * OUT_STRIDE;
        self.room.octets[start..start + 2].copy_from_slice(&id.to_be_bytes());
        self.room.octets[start + 2..start + 2 + rest.len()].copy_from_slice(rest);
        self.room.point(self.count, 2 + rest.len());
        self.count += 1;
    }

    /// Sends all that were added.
    pub fn send(&mut self, socket: &UdpSocket) -> io::Result<()> {
        let mut done = 0;
        let count = std::mem::take(&mut self.count);
        while done < count {
            let rest = &mut self.room.headers[done..count];
            let (fd, length) = (socket.as_raw_fd(), u32::try_from(rest.len()).unwrap_or(0));
            // SAFETY: there are `length` headers, each of which points at memory of this room with
            // the length it says, set by `point` after it was last written to.
            let sent = unsafe { libc::sendmmsg(fd, rest.as_mut_ptr(), length, libc::MSG_DONTWAIT) };
            match usize::try_from(sent) {
                Ok(sent) => done += sent,
                Err(_) => passing(io::Error::last_os_error())?,
            }
        }
        Ok(())
    }
}

/// Datagrams received together.
pub struct Inbox(Room);

impl Inbox {
    pub fn new() -> Self {
        let mut room = Room::new(IN_STRIDE);
        for index in 0..COUNT {
            room.point(index, IN_STRIDE);
        }
        Self(room)
    }

    /// Receives what is there, up to `DATAGRAMS_MAX`; returns how many.
    pub fn receive(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        let (fd, headers) = (socket.as_raw_fd(), self.0.headers.as_mut_ptr());
        let (length, flags) = (u32::from(DATAGRAMS_MAX), libc::MSG_DONTWAIT);
        // SAFETY: there are DATAGRAMS_MAX headers, each of which points at memory of this room with
        // the length it says; that memory is only read otherwise.
        let count = unsafe { libc::recvmmsg(fd, headers, length, flags, std::ptr::null_mut()) };
        match usize::try_from(count) {
            Ok(count) => Ok(count),
            Err(_) => passing(io::Error::last_os_error()).map(|()| 0),
        }
    }

    /// A datagram of those received last.
    pub fn datagram(&self, index: usize) -> &[u8] {
        let len = self.0.headers[index].msg_len as usize;
        let start = index * IN_STRIDE;
        &self.0.octets[start..start + len.min(IN_STRIDE)]
    }
}

/// Errors that only mean "not now" are none.
fn passing(error: io::Error) -> io::Result<()> {
    let is_passing = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted);
    if is_passing { Ok(()) } else { Err(error) }
}
