//! Where the reply to a query goes that had to wait.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::sys::mmsg::send_from;

/// A reply on its way to a connection; without octets if there is none.
#[derive(Debug)]
pub struct Late(pub Vec<u8>);

/// Where the reply to a query goes that had to wait.
#[derive(Debug)]
pub enum ReplyPath {
    /// From the socket that the query came to.
    Udp {
        /// The socket.
        socket: Arc<UdpSocket>,
        /// Who asked.
        peer: SocketAddr,
        /// The address that was asked, if the socket has more than one.
        from: Option<IpAddr>,
    },
    /// To the task of the connection.
    Tcp(mpsc::Sender<Late>),
}

impl ReplyPath {
    /// Sends a reply; false if it cannot be sent. Never waits: a client that does not take its
    /// replies loses them.
    pub(super) fn send(self, octets: &[u8]) -> bool {
        match self {
            Self::Udp { socket, peer, from } => {
                send_from(socket.as_fd(), octets, peer, from).is_ok()
            }
            Self::Tcp(replies) => replies.try_send(Late(octets.to_vec())).is_ok(),
        }
    }

    /// Tells a connection that a query gets no reply.
    pub(super) fn send_nothing(self) {
        match self {
            Self::Udp { .. } => (),
            Self::Tcp(replies) => {
                let _ = replies.try_send(Late(Vec::new()));
            }
        }
    }
}
