//! DNS over TCP (RFC 7766): one task a connection, many questions on it.
//!
//! All messages that have arrived whole are answered together and leave in one write. Knows nothing
//! of DNS but the two octets of length.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::answer::{Exchange, Snapshot, Transport, respond};
use crate::base::limits::{MESSAGE_LEN_MAX, WAITING_PER_CONNECTION_MAX};
use crate::base::pace::Pace;
use crate::base::time::Wall;
use crate::net::World;
use crate::net::seats::{Places, Seat, Seats};
use crate::net::settle::{Settled, Settler};
use crate::net::upstream::{Late, ReplyPath, Room, TcpPath, Upstream};
use crate::sys::socket::{BACKLOG, reset_when_closed, unacknowledged};

/// Octets read at once: some fifty questions.
const READ_LEN: usize = 4096;

/// Octets of replies after which no more are gathered before they are written: some hundred usual
/// ones. A client that asks faster than it reads waits.
const REPLIES_LEN_MAX: usize = 16 << 10;

/// How often it is looked whether a client who leaves has taken all replies.
const SEE_OFF_PAUSE: Duration = Duration::from_millis(50);

/// How long a pause is after an error that may last, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The bounds of connections.
#[derive(Clone, Copy, Debug)]
pub struct TcpLimits {
    /// Connections in all. One more takes the place of the idlest.
    pub connections: usize,
    /// Connections of one client. One more takes the place of the client's idlest.
    pub per_client: usize,
    /// How long a connection may be without a whole question, and a client without taking anything
    /// of what waits for it. Noticed within twice that.
    pub idle_timeout: Duration,
}

/// The TCP side of the server.
#[derive(Clone, Debug)]
pub struct TcpServer {
    world: Arc<World>,
    limits: Arc<ArcSwap<TcpLimits>>,
    seats: Seats,
    /// Turns true when the server stops. Every listener and connection holds one, so that the sender
    /// sees when all have ended.
    stopping: watch::Receiver<bool>,
}

impl TcpServer {
    /// A server without listeners. It drains when `stopping` turns true.
    pub fn new(world: Arc<World>, limits: TcpLimits, stopping: watch::Receiver<bool>) -> Self {
        let limits = Arc::new(ArcSwap::from_pointee(limits));
        Self { world, limits, seats: Seats::default(), stopping }
    }

    /// Sets other bounds, for connections that are opened from now on.
    pub fn set_limits(&self, limits: TcpLimits) {
        self.limits.store(Arc::new(limits));
    }

    /// Accepts connections until the server stops, or the sender of `leave` is gone; then those that
    /// wait by that time are accepted as well.
    pub async fn listen(self, listener: TcpListener, mut leave: oneshot::Receiver<()>) {
        let mut stopping = self.stopping.clone();
        let mut trouble = AcceptTrouble::default();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stopping.wait_for(|stopping| *stopping) => return,
                _ = &mut leave => return self.accept_rest(listener),
            };
            match accepted {
                Ok((stream, peer)) => self.serve(stream, peer),
                // A connection that was reset before it was accepted is no trouble of ours.
                Err(error) if is_passing(&error) => (),
                Err(error) => trouble.pause(&error, "TCP").await,
            }
        }
    }

    /// Accepts what waits at a listener that is given up: nobody else would.
    fn accept_rest(&self, listener: TcpListener) {
        let Ok(listener) = listener.into_std() else { return };
        for _ in 0..BACKLOG {
            // An error means mostly that nothing waits.
            let Ok((stream, peer)) = listener.accept() else { return };
            let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            if let Ok(stream) = stream {
                self.serve(stream, peer);
            }
        }
    }

    /// Tells how many connections are open, without keeping the server from ending.
    pub fn open_connections(&self) -> impl Fn() -> usize + Send + Sync + 'static {
        let seats = self.seats.clone();
        move || seats.taken()
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr) {
        let (Ok(local), Ok(())) = (stream.local_addr(), stream.set_nodelay(true)) else { return };
        let limits = self.limits.load();
        let places = Places { total: limits.connections, per_client: limits.per_client };
        // Whoever leaves for this one closes its socket when its task runs, which is before the
        // runtime lets a listener accept another round of 128.
        let seat = self.seats.take(peer, places);
        let leave = seat.leave();
        let connection = Connection {
            stream,
            peer,
            local,
            world: Arc::clone(&self.world),
            seat,
            idle_timeout: limits.idle_timeout,
            stopping: self.stopping.clone(),
            late: Lates::new(&self.world),
        };
        tokio::spawn(async move {
            tokio::select! {
                () = connection.run() => (),
                () = leave.notified() => (),
            }
        });
    }
}

/// What to do when connections cannot be accepted.
#[derive(Debug, Default)]
pub(super) struct AcceptTrouble {
    pace: Pace,
}

impl AcceptTrouble {
    /// Pauses, and logs what is wrong if that was not done just now.
    pub(super) async fn pause(&mut self, error: &io::Error, protocol: &str) {
        if self.pace.is_due(std::time::Instant::now()) {
            tracing::error!(%error, "cannot accept {protocol} connections");
        }
        sleep(ACCEPT_PAUSE).await;
    }
}

/// Whether accepting may be tried again at once.
pub(super) fn is_passing(error: &io::Error) -> bool {
    let passing = [
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::Interrupted,
        io::ErrorKind::WouldBlock,
    ];
    passing.contains(&error.kind())
}

/// A message, and when it was taken up.
#[derive(Clone, Copy, Debug)]
struct Received<'q> {
    query: &'q [u8],
    received: Wall,
}

/// One connection.
#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    local: SocketAddr,
    world: Arc<World>,
    seat: Seat,
    idle_timeout: Duration,
    stopping: watch::Receiver<bool>,
    late: Lates,
}

/// The replies to queries that had to wait for other servers.
#[derive(Debug)]
struct Lates {
    sender: mpsc::Sender<Late>,
    receiver: mpsc::Receiver<Late>,
    room: Option<Room>,
    /// Queries that still wait.
    waiting: usize,
}

impl Lates {
    fn new(world: &World) -> Self {
        // Each that waits brings one, so that there is always a place.
        let (sender, receiver) = mpsc::channel(WAITING_PER_CONNECTION_MAX);
        let room = world.upstream().map(Upstream::room_of_connection);
        Self { sender, receiver, room, waiting: 0 }
    }

    /// The way of one reply; `None` if nobody is asked.
    fn path(&self) -> Option<ReplyPath> {
        let room = self.room.clone()?;
        Some(ReplyPath::Tcp(TcpPath::new(self.sender.clone(), room)))
    }

    fn is_full(&self) -> bool {
        self.waiting >= WAITING_PER_CONNECTION_MAX
    }

    /// What the next that waited gets.
    async fn next(&mut self) -> Late {
        match self.receiver.recv().await {
            Some(late) => {
                self.waiting = self.waiting.saturating_sub(1);
                late
            }
            // Cannot be: there is always this sender.
            None => std::future::pending().await,
        }
    }
}

impl Connection {
    /// Answers until the client leaves, asks nothing that gets a reply for too long, takes nothing
    /// for too long, or the server stops.
    async fn run(mut self) {
        let mut received = Vec::with_capacity(READ_LEN);
        let mut replies = Vec::new();
        let mut deadline = Instant::now() + self.idle_timeout;
        loop {
            match self.read(&mut received, deadline).await {
                Next::Message => (),
                Next::Late(Late::Reply(reply)) => append_message(reply.octets(), &mut replies),
                Next::Late(Late::Nothing) => self.note_activity(),
                Next::Late(Late::TooMuch) => return,
                Next::Idle => return,
                Next::End => {
                    let Some(()) = self.write_late().await else { return };
                    return self.see_off().await;
                }
            }
            loop {
                let Some(taken) = self.answer_whole_messages(&received, &mut replies) else {
                    return self.see_off().await;
                };
                received.drain(..taken);
                if replies.is_empty() {
                    break;
                }
                let Some(()) = self.write(&replies).await else { return };
                replies.clear();
                deadline = Instant::now() + self.idle_timeout;
            }
            replies.shrink_to(READ_LEN);
            received.shrink_to(READ_LEN);
        }
    }

    /// Reads until a message is whole. While the client still takes replies, it is not idle.
    async fn read(&mut self, received: &mut Vec<u8>, mut deadline: Instant) -> Next {
        let mut left = usize::MAX;
        loop {
            let Self { stream, stopping, late, .. } = self;
            let may_read = !late.is_full();
            let next = async {
                // What has arrived is answered before the stop is obeyed, also if it is not looked at
                // yet for want of room.
                tokio::select! {
                    biased;
                    reply = late.next() => Next::Late(reply),
                    next = read_message(stream, received), if may_read => next,
                    _ = stopping.wait_for(|stopping| *stopping), if may_read => Next::End,
                }
            };
            if let Ok(next) = timeout_at(deadline, next).await {
                return next;
            }
            // Who waits for us is not idle; it does not take long (`LOOKUP_US_MAX`).
            if self.late.waiting > 0 {
                deadline += self.idle_timeout;
                continue;
            }
            let before = std::mem::replace(&mut left, self.unacknowledged());
            if left == 0 || left >= before {
                return Next::Idle;
            }
            deadline += self.idle_timeout;
        }
    }

    /// Writes all of the replies; `None` if that cannot be. The connection is active whenever some of
    /// them are taken, so that one which asks and does not read is as idle as one that is silent.
    async fn write(&mut self, mut replies: &[u8]) -> Option<()> {
        while !replies.is_empty() {
            let taken = self.write_some(replies).await.filter(|&taken| taken > 0)?;
            self.note_activity();
            replies = replies.get(taken..)?;
        }
        Some(())
    }

    /// Notes for its place that it has been active.
    fn note_activity(&self) {
        if self.late.waiting > 0 {
            self.seat.wait();
        } else {
            self.seat.touch();
        }
    }

    /// Writes what there is room for. There is room again when the client has taken a good part of
    /// what the kernel holds, which may take a slow one longer than the timeout: it is waited for as
    /// long as it takes anything.
    async fn write_some(&self, replies: &[u8]) -> Option<usize> {
        loop {
            match self.stream.try_write(replies) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => (),
                written => return written.ok(),
            }
            self.seat.stall();
            let mut left = self.unacknowledged();
            while timeout(self.idle_timeout, self.stream.writable()).await.is_err() {
                let before = std::mem::replace(&mut left, self.unacknowledged());
                if left >= before {
                    return None;
                }
            }
        }
    }

    /// Writes the replies that are still to come, though nothing more is asked; `None` if that cannot
    /// be.
    async fn write_late(&mut self) -> Option<()> {
        while self.late.waiting > 0 {
            let mut replies = Vec::new();
            match self.late.next().await {
                Late::Reply(reply) => append_message(reply.octets(), &mut replies),
                Late::Nothing => (),
                Late::TooMuch => return None,
            }
            self.write(&replies).await?;
        }
        Some(())
    }

    /// Waits until the client has all replies, as long as it takes some. Its place is not given to
    /// another before, because what the kernel holds for it would be beyond all bounds otherwise.
    async fn see_off(&self) {
        let mut left = self.unacknowledged();
        let mut deadline = Instant::now() + self.idle_timeout;
        while left > 0 && Instant::now() < deadline && matches!(self.stream.take_error(), Ok(None))
        {
            sleep(SEE_OFF_PAUSE).await;
            let before = std::mem::replace(&mut left, self.unacknowledged());
            if left < before {
                deadline = Instant::now() + self.idle_timeout;
            }
        }
    }

    /// Octets that the client has not taken yet.
    fn unacknowledged(&self) -> usize {
        unacknowledged(self.stream.as_fd()).unwrap_or_default()
    }

    /// Answers the messages that are whole, until the replies are many. Returns the octets that were
    /// dealt with; `None` after a panic, which is a bug of ours and ends the connection.
    fn answer_whole_messages(&mut self, received: &[u8], replies: &mut Vec<u8>) -> Option<usize> {
        let world = Arc::clone(&self.world);
        let (snapshot, wall) = (world.snapshot().load(), Wall::now());
        let mut taken = 0;
        while replies.len() < REPLIES_LEN_MAX
            && !self.late.is_full()
            && let Some(query) = first_message(&received[taken..])
        {
            taken += 2 + query.len();
            let answered = PER_THREAD.with_borrow_mut(|per_thread| {
                let used = per_thread.get_or_insert_with(|| PerThread::new(&self.world));
                let arrived = Received { query, received: wall };
                let answer = AssertUnwindSafe(|| self.answer(&snapshot, arrived, used, replies));
                let answered = catch_unwind(answer);
                if answered.is_err() {
                    *per_thread = None;
                }
                answered
            });
            answered.ok()?;
        }
        Some(taken)
    }

    /// Answers one message, and counts it.
    fn answer(
        &mut self,
        snapshot: &Snapshot,
        arrived: Received<'_>,
        per_thread: &mut PerThread,
        replies: &mut Vec<u8>,
    ) {
        let Received { query, received } = arrived;
        let PerThread { settler, message } = per_thread;
        let began = Instant::now();
        message[..query.len()].copy_from_slice(query);
        let mut exchange = Exchange {
            message,
            len: query.len(),
            peer: self.peer,
            local: self.local,
            transport: Transport::Tcp,
            received,
            now: self.world.now(),
        };
        settler.counters.query(Transport::Tcp);
        let outcome = respond(snapshot, &mut settler.workspace, &mut exchange, &mut ());
        match settler.settle(&self.world, outcome, exchange.message, || self.late.path()) {
            Settled::Reply(len) => append_message(message.get(..len).unwrap_or_default(), replies),
            Settled::Later => {
                if self.late.waiting == 0 {
                    self.seat.wait();
                }
                self.late.waiting += 1;
            }
            Settled::Nothing => (),
        }
        settler.counters.replies_left(began.elapsed());
    }
}

impl Drop for Connection {
    /// Whoever is cut off while there is something to take leaves nothing behind in the kernel.
    fn drop(&mut self) {
        if self.unacknowledged() > 0 {
            // Then the kernel forgets it in its own time.
            let _ = reset_when_closed(self.stream.as_fd());
        }
    }
}

/// How waiting for a message ends.
#[derive(Debug)]
enum Next {
    /// A message is whole.
    Message,
    /// A query that had to wait has come to its end.
    Late(Late),
    /// None comes any more.
    End,
    /// None came in time.
    Idle,
}

/// Reads until a message is whole, or none comes any more: both an error and an end mean that.
async fn read_message(stream: &mut TcpStream, received: &mut Vec<u8>) -> Next {
    loop {
        received.reserve(READ_LEN);
        if !stream.read_buf(received).await.is_ok_and(|count| count > 0) {
            return Next::End;
        }
        if first_message(received).is_some() {
            return Next::Message;
        }
    }
}

/// What a thread of the runtime needs to answer one message at a time.
struct PerThread {
    settler: Settler,
    message: Vec<u8>,
}

impl PerThread {
    fn new(world: &World) -> Self {
        Self { settler: Settler::new(world), message: vec![0; MESSAGE_LEN_MAX] }
    }
}

thread_local! {
    /// Made with the first message that the thread answers. A runtime serves one world.
    static PER_THREAD: RefCell<Option<PerThread>> = const { RefCell::new(None) };
}

/// Puts a message behind others, with its length before it; nothing if it is empty.
fn append_message(message: &[u8], stream: &mut Vec<u8>) {
    if let Ok(length @ 1..) = u16::try_from(message.len()) {
        stream.extend_from_slice(&length.to_be_bytes());
        stream.extend_from_slice(message);
    }
}

/// The first message of a stream, without the two octets of its length, if it is whole.
fn first_message(stream: &[u8]) -> Option<&[u8]> {
    let (length, rest) = stream.split_first_chunk()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}
