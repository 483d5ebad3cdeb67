//! Where the reply to a query goes that had to wait.
//!
//! Bounds what replies take that clients do not read, for each connection and for all together.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, oneshot};

use crate::base::limits::{LATE_LEN_ALL_MAX, LATE_LEN_MAX};
use crate::metrics::ReplyKind;
use crate::sys::mmsg::send_from;

/// Octets that replies take which wait to be written.
#[derive(Debug, Default)]
struct Load(AtomicUsize);

/// What late replies take of a connection, and of all connections together.
#[derive(Clone, Debug)]
pub struct Room {
    own: Arc<Load>,
    all: Arc<Load>,
}

impl Room {
    /// The room that all connections share.
    pub(super) fn shared() -> Self {
        Self { own: Arc::default(), all: Arc::default() }
    }

    /// That of one more connection.
    #[must_use]
    pub(super) fn of_connection(&self) -> Self {
        Self { own: Arc::default(), all: Arc::clone(&self.all) }
    }

    /// Takes room for a reply; `None` if there is no more. One reply always has room of its
    /// connection, however long it is.
    fn take(&self, len: usize) -> Option<Held> {
        let held = Held { room: self.clone(), len };
        let own = self.own.0.fetch_add(len, Ordering::Relaxed);
        let all = self.all.0.fetch_add(len, Ordering::Relaxed);
        let fits = (own == 0 || own + len <= LATE_LEN_MAX) && all + len <= LATE_LEN_ALL_MAX;
        // What was taken is given back when it is dropped.
        fits.then_some(held)
    }
}

/// Room that a reply takes.
#[derive(Debug)]
struct Held {
    room: Room,
    len: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.room.own.0.fetch_sub(self.len, Ordering::Relaxed);
        self.room.all.0.fetch_sub(self.len, Ordering::Relaxed);
    }
}

/// What a connection is told about a query that had to wait.
#[derive(Debug)]
pub enum Late {
    /// Its reply.
    Reply(LateReply),
    /// It gets none.
    Nothing,
    /// The client does not take its replies: there is no more room for them.
    TooMuch,
}

/// A reply on its way to a connection.
#[derive(Debug)]
pub struct LateReply {
    octets: Vec<u8>,
    _held: Held,
}

impl LateReply {
    /// The message.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }
}

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
    Tcp(TcpPath),
    /// To whoever asks from inside.
    Inside(oneshot::Sender<InsideReply>),
}

/// The reply to a question from inside.
#[derive(Debug)]
pub struct InsideReply {
    /// The message.
    pub octets: Vec<u8>,
    /// What it would be counted as.
    pub kind: ReplyKind,
}

/// The way to the task of a connection. Tells it something in any case: that there is no reply, if it is
/// dropped without one.
#[derive(Debug)]
pub struct TcpPath {
    replies: mpsc::Sender<Late>,
    room: Room,
    is_used: bool,
}

impl TcpPath {
    /// A way for one reply.
    pub fn new(replies: mpsc::Sender<Late>, room: Room) -> Self {
        Self { replies, room, is_used: false }
    }

    fn tell(&mut self, late: Late) -> bool {
        self.is_used = true;
        self.replies.try_send(late).is_ok()
    }
}

impl Drop for TcpPath {
    fn drop(&mut self) {
        if !self.is_used {
            self.tell(Late::Nothing);
        }
    }
}

impl ReplyPath {
    /// Sends a reply; false if it cannot be sent. Never waits: a client that does not take its
    /// replies loses them.
    pub(super) fn send(self, octets: &[u8], kind: ReplyKind) -> bool {
        match self {
            Self::Inside(sender) => {
                sender.send(InsideReply { octets: octets.to_vec(), kind }).is_ok()
            }
            Self::Udp { socket, peer, from } => {
                send_from(socket.as_fd(), octets, peer, from).is_ok()
            }
            Self::Tcp(mut path) => match path.room.take(octets.len()) {
                Some(held) => {
                    path.tell(Late::Reply(LateReply { octets: octets.to_vec(), _held: held }))
                }
                None => {
                    path.tell(Late::TooMuch);
                    false
                }
            },
        }
    }

    /// Whether it is a client who asks: what the server asks itself is not counted.
    pub(super) fn is_of_client(&self) -> bool {
        !matches!(self, Self::Inside(_))
    }

    /// Gives the way up: whoever made it answers at once.
    pub(super) fn give_up(self) {
        if let Self::Tcp(mut path) = self {
            path.is_used = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Late, ReplyPath, Room, TcpPath};
    use crate::base::limits::{LATE_LEN_ALL_MAX, LATE_LEN_MAX};
    use crate::metrics::{AnswerSource, ReplyKind};
    use crate::wire::numbers::Rcode;
    use tokio::sync::mpsc;

    const KIND: ReplyKind =
        ReplyKind { rcode: Rcode::NOERROR, source: AnswerSource::Resolver, is_truncated: false };

    #[test]
    fn replies_that_nobody_takes_are_bounded_and_give_their_room_back() {
        let shared = Room::shared();
        let room = shared.of_connection();
        let (sender, mut receiver) = mpsc::channel(100);
        let path = || ReplyPath::Tcp(TcpPath::new(sender.clone(), room.clone()));
        let reply = vec![0; 60_000];
        let sent = (0..100).take_while(|_| path().send(&reply, KIND)).count();
        assert!(sent * reply.len() <= LATE_LEN_MAX && sent > 1, "{sent}");
        for _ in 0..sent {
            assert!(matches!(receiver.try_recv(), Ok(Late::Reply(_))));
        }
        assert!(matches!(receiver.try_recv(), Ok(Late::TooMuch)));
        assert!(path().send(&reply, KIND), "the room is not given back");
    }

    #[test]
    fn replies_of_all_connections_are_bounded() {
        let shared = Room::shared();
        let mut kept = Vec::new();
        let reply = vec![0; 60_000];
        let sent = (0..10_000).take_while(|_| {
            let (sender, receiver) = mpsc::channel(1);
            kept.push(receiver);
            ReplyPath::Tcp(TcpPath::new(sender, shared.of_connection())).send(&reply, KIND)
        });
        assert_eq!(sent.count(), LATE_LEN_ALL_MAX / 60_000);
    }

    #[test]
    fn connection_is_told_when_its_query_gets_no_reply() {
        let (sender, mut receiver) = mpsc::channel(2);
        let room = Room::shared().of_connection();
        drop(ReplyPath::Tcp(TcpPath::new(sender.clone(), room.clone())));
        assert!(matches!(receiver.try_recv(), Ok(Late::Nothing)));
        ReplyPath::Tcp(TcpPath::new(sender, room)).give_up();
        assert!(receiver.try_recv().is_err());
    }
}
