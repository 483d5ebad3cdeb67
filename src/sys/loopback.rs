//! The loopback device of a network namespace of our own: up, and with more addresses
//! (`rtnetlink(7)`).
//!
//! No unsafe code, but a system call all the same: messages to the kernel over a netlink socket.

use std::io::{self, Read, Write};
use std::net::Ipv4Addr;

use socket2::{Domain, Protocol, Socket, Type};

/// The number of the loopback device, which is the first of every network namespace.
const INDEX: u32 = 1;

/// Octets of the header of a message (`netlink(7)`).
const HEADER_LEN: usize = 16;

/// Octets for the kernel's reply, which repeats the message.
const REPLY_LEN_MAX: usize = 1024;

/// A way to the kernel to change the loopback device.
#[derive(Debug)]
pub struct Loopback(Socket);

impl Loopback {
    /// Opens it.
    ///
    /// # Errors
    ///
    /// Fails if the process may not open more files.
    pub fn open() -> io::Result<Self> {
        let route = Protocol::from(libc::NETLINK_ROUTE);
        Socket::new(Domain::from(libc::AF_NETLINK), Type::RAW, Some(route)).map(Self)
    }

    /// Brings the device up, which gives it 127.0.0.0/8 and, where the kernel has IPv6, ::1.
    ///
    /// # Errors
    ///
    /// Fails if the network namespace is not one of the process's own.
    pub fn bring_up(&self) -> io::Result<()> {
        let up = libc::IFF_UP.cast_unsigned();
        // A `struct ifinfomsg`: family and type are 0, then the device, its flags, and which of them
        // to change.
        let body = [0, INDEX, up, up].map(u32::to_ne_bytes).concat();
        self.tell(libc::RTM_NEWLINK, 0, &body)
    }

    /// Adds an address, and no network around it.
    ///
    /// # Errors
    ///
    /// Fails if the device has it already, or the network namespace is not one of the process's own.
    pub fn add(&self, address: Ipv4Addr) -> io::Result<()> {
        // A `struct ifaddrmsg`: family, length of the prefix, flags, scope (0 is the widest), device.
        let mut body = vec![libc::AF_INET as u8, 32, 0, 0];
        body.extend(INDEX.to_ne_bytes());
        // One attribute: its length and type, then the address in network order.
        body.extend(8_u16.to_ne_bytes());
        body.extend(libc::IFA_LOCAL.to_ne_bytes());
        body.extend(address.octets());
        self.tell(libc::RTM_NEWADDR, libc::NLM_F_CREATE | libc::NLM_F_EXCL, &body)
    }

    /// Sends a message, and waits for the kernel to say what became of it.
    fn tell(&self, kind: u16, flags: i32, body: &[u8]) -> io::Result<()> {
        let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK | flags) as u16;
        let mut message = ((HEADER_LEN + body.len()) as u32).to_ne_bytes().to_vec();
        message.extend(kind.to_ne_bytes());
        message.extend(flags.to_ne_bytes());
        // One message at a time needs no number, and the kernel knows the sender.
        message.extend([0; 8]);
        message.extend(body);
        (&self.0).write_all(&message)?;
        let mut reply = [0; REPLY_LEN_MAX];
        let len = (&self.0).read(&mut reply)?;
        outcome(reply.get(..len).unwrap_or_default())
    }
}

/// What an acknowledgement says (`struct nlmsgerr`): a negative error number, or 0.
fn outcome(reply: &[u8]) -> io::Result<()> {
    let kind = reply.get(4..).and_then(|rest| rest.first_chunk());
    let number = reply.get(HEADER_LEN..).and_then(|rest| rest.first_chunk());
    match (kind.map(|octets| u16::from_ne_bytes(*octets)), number) {
        (Some(kind), Some(number)) if i32::from(kind) == libc::NLMSG_ERROR => {
            match i32::from_ne_bytes(*number) {
                0 => Ok(()),
                error => Err(io::Error::from_raw_os_error(-error)),
            }
        }
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::outcome;

    /// An acknowledgement with this error number.
    fn acknowledgement(error: i32) -> Vec<u8> {
        let mut reply = vec![0; 36];
        reply[4..6].copy_from_slice(&2_u16.to_ne_bytes());
        reply[16..20].copy_from_slice(&(-error).to_ne_bytes());
        reply
    }

    #[test]
    fn acknowledgement_says_that_it_was_done_or_why_not() {
        assert!(outcome(&acknowledgement(0)).is_ok());
        let error = outcome(&acknowledgement(libc::EPERM)).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EPERM));
    }

    #[test]
    fn what_is_no_acknowledgement_is_an_error() {
        for reply in [&[][..], &acknowledgement(0)[..19], &[0; 36]] {
            assert!(outcome(reply).is_err());
        }
    }
}
