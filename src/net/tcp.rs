//! DNS over TCP (RFC 7766): one task a connection, many questions on it.
//!
//! All messages that have arrived whole are answered together and leave in one write. Knows nothing
//! of DNS but the two octets of length.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::answer::{Exchange, Local, Outcome, Transport, respond};
use crate::base::limits::MESSAGE_LEN_MAX;
use crate::metrics::WorkerCounters;
use crate::net::World;

/// Octets read at once: some fifty questions.
const READ_LEN: usize = 4096;

/// Octets of replies that are gathered before they are written. A client that asks faster than it
/// reads waits.
const REPLIES_LEN_MAX: usize = 2 * MESSAGE_LEN_MAX;

/// How long a pause is after the system has no more files or memory for a connection.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The bounds of connections.
#[derive(Clone, Copy, Debug)]
pub struct TcpLimits {
    /// Connections in all.
    pub connections: usize,
    /// Connections of one client address.
    pub per_client: usize,
    /// How long a connection may be without a whole question, and a client without reading.
    pub idle_timeout: Duration,
}

/// The connections that are open.
#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_client: HashMap<IpAddr, usize>,
}

/// A place among the open connections, given back when dropped.
#[derive(Debug)]
struct Seat {
    open: Arc<Mutex<Open>>,
    client: IpAddr,
}

impl Seat {
    /// Takes a place; `None` if all, or all of this client, are taken.
    fn take(open: &Arc<Mutex<Open>>, client: IpAddr, limits: &TcpLimits) -> Option<Self> {
        let mut counts = open.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.total >= limits.connections {
            return None;
        }
        let of_client = counts.by_client.entry(client).or_insert(0);
        if *of_client >= limits.per_client {
            return None;
        }
        *of_client += 1;
        counts.total += 1;
        Some(Self { open: Arc::clone(open), client })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        counts.total = counts.total.saturating_sub(1);
        if let Some(of_client) = counts.by_client.get_mut(&self.client) {
            *of_client = of_client.saturating_sub(1);
            if *of_client == 0 {
                counts.by_client.remove(&self.client);
            }
        }
    }
}

/// The TCP side of the server.
#[derive(Clone, Debug)]
pub struct TcpServer {
    world: Arc<World>,
    limits: TcpLimits,
    open: Arc<Mutex<Open>>,
    /// Turns true when the server stops. Every listener and connection holds one, so that the sender
    /// sees when all have ended.
    stopping: watch::Receiver<bool>,
}

impl TcpServer {
    /// A server without listeners. It drains when `stopping` turns true.
    pub fn new(world: Arc<World>, limits: TcpLimits, stopping: watch::Receiver<bool>) -> Self {
        Self { world, limits, open: Arc::default(), stopping }
    }

    /// Accepts connections until the server stops.
    pub async fn listen(self, listener: TcpListener) {
        let mut stopping = self.stopping.clone();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stopping.wait_for(|stopping| *stopping) => return,
            };
            match accepted {
                Ok((stream, peer)) => self.serve(stream, peer),
                // A connection that was reset before it was accepted is no trouble of ours; a
                // system out of files needs time.
                Err(error) if is_lasting(&error) => tokio::time::sleep(ACCEPT_PAUSE).await,
                Err(_) => (),
            }
        }
    }

    /// Tells how many connections are open, without keeping the server from ending.
    pub fn open_connections(&self) -> impl Fn() -> usize + Send + Sync + 'static {
        let open = Arc::clone(&self.open);
        move || open.lock().unwrap_or_else(PoisonError::into_inner).total
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr) {
        let Some(seat) = Seat::take(&self.open, peer.ip().to_canonical(), &self.limits) else {
            return;
        };
        let (Ok(local), Ok(())) = (stream.local_addr(), stream.set_nodelay(true)) else { return };
        let connection = Connection {
            stream,
            peer,
            local,
            world: Arc::clone(&self.world),
            idle_timeout: self.limits.idle_timeout,
            stopping: self.stopping.clone(),
        };
        tokio::spawn(async move {
            connection.run().await;
            drop(seat);
        });
    }
}

/// Whether accepting will fail again at once.
pub(super) fn is_lasting(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

/// One connection.
#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    local: SocketAddr,
    world: Arc<World>,
    idle_timeout: Duration,
    stopping: watch::Receiver<bool>,
}

impl Connection {
    /// Answers until the client leaves, is idle for too long, does not read, or the server stops.
    async fn run(mut self) {
        let mut received = Vec::with_capacity(READ_LEN);
        let mut replies = Vec::new();
        loop {
            let Some(()) = self.read(&mut received).await else { return };
            loop {
                let taken = self.answer_whole_messages(&received, &mut replies);
                received.drain(..taken);
                if replies.is_empty() {
                    break;
                }
                let written = self.stream.write_all(&replies);
                if !matches!(timeout(self.idle_timeout, written).await, Ok(Ok(()))) {
                    return;
                }
                replies.clear();
            }
            replies.shrink_to(READ_LEN);
            received.shrink_to(READ_LEN);
        }
    }

    /// Reads until a message is whole; `None` when there will be none.
    async fn read(&mut self, received: &mut Vec<u8>) -> Option<()> {
        let Self { stream, stopping, idle_timeout, .. } = self;
        let whole = async {
            loop {
                let before = received.len();
                received.reserve(READ_LEN);
                if stream.read_buf(received).await.ok()? == 0 || received.len() == before {
                    return None;
                }
                if first_message(received).is_some() {
                    return Some(());
                }
            }
        };
        tokio::select! {
            whole = timeout(*idle_timeout, whole) => whole.ok()?,
            _ = stopping.wait_for(|stopping| *stopping) => None,
        }
    }

    /// Answers the messages that are whole, until the replies are many. Returns the octets that were
    /// dealt with.
    fn answer_whole_messages(&self, received: &[u8], replies: &mut Vec<u8>) -> usize {
        let snapshot = self.world.snapshot().load();
        let mut taken = 0;
        while replies.len() < REPLIES_LEN_MAX
            && let Some(query) = first_message(&received[taken..])
        {
            taken += 2 + query.len();
            SCRATCH.with_borrow_mut(|scratch| {
                let Scratch { local, message, counters } =
                    scratch.get_or_insert_with(|| Scratch::new(&self.world));
                let began = Instant::now();
                message[..query.len()].copy_from_slice(query);
                let mut exchange = Exchange {
                    message,
                    len: query.len(),
                    peer: self.peer,
                    local: self.local,
                    transport: Transport::Tcp,
                };
                counters.query(Transport::Tcp);
                match respond(&snapshot, local, &mut exchange, &mut ()) {
                    Outcome::Reply { len, kind } => {
                        counters.reply(kind);
                        let length = u16::try_from(len).unwrap_or(u16::MAX);
                        replies.extend_from_slice(&length.to_be_bytes());
                        replies.extend_from_slice(&message[..usize::from(length)]);
                    }
                    Outcome::Drop(reason) => counters.dropped(reason, 1),
                }
                counters.replies_left(began.elapsed());
            });
        }
        taken
    }
}

/// What a thread of the runtime needs to answer one message at a time.
struct Scratch {
    local: Local,
    message: Vec<u8>,
    counters: WorkerCounters,
}

impl Scratch {
    fn new(world: &World) -> Self {
        Self {
            local: Local::default(),
            message: vec![0; MESSAGE_LEN_MAX],
            counters: world.counters().join(),
        }
    }
}

thread_local! {
    /// Made with the first message that the thread answers. A runtime serves one world.
    static SCRATCH: RefCell<Option<Scratch>> = const { RefCell::new(None) };
}

/// The first message of a stream, without the two octets of its length, if it is whole.
fn first_message(stream: &[u8]) -> Option<&[u8]> {
    let (length, rest) = stream.split_first_chunk()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}
