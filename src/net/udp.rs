//! The worker: one pinned thread that answers datagrams in batches.
//!
//! With one socket it blocks in receiving; with more it waits for the first that has something.
//! Knows nothing of DNS: `answer::respond` decides.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Cache};

use crate::answer::{Exchange, Local, Outcome, Snapshot, Transport, respond};
use crate::base::limits::BATCH_MAX;
use crate::metrics::{DropReason, WorkerCounters};
use crate::net::World;
use crate::sys::affinity;
use crate::sys::epoll::Epoll;
use crate::sys::mmsg::{Batch, Wait};
use crate::sys::socket::set_receive_timeout;

/// The longest an idle worker sleeps: how long it may take to notice a stop, and to let go of an old
/// snapshot.
const IDLE_MAX: Duration = Duration::from_millis(250);

/// Batches taken from one socket before the others get their turn.
const BATCHES_MAX: usize = 4;

/// A socket and the address it is bound to.
#[derive(Debug)]
struct Port {
    socket: UdpSocket,
    address: SocketAddr,
}

/// The loop of one thread.
#[derive(Debug)]
pub struct Worker {
    ports: Vec<Port>,
    /// The CPU the thread is kept on.
    cpu: Option<usize>,
}

impl Worker {
    /// A worker for these sockets, each with the address it is bound to.
    pub fn new(sockets: Vec<(UdpSocket, SocketAddr)>, cpu: Option<usize>) -> Self {
        let ports = sockets.into_iter().map(|(socket, address)| Port { socket, address });
        Self { ports: ports.collect(), cpu }
    }

    /// Starts the thread. It ends when the world stops.
    ///
    /// # Errors
    ///
    /// Fails if no thread can be made, or the kernel refuses to wait for the sockets.
    pub fn start(self, world: Arc<World>, number: usize) -> io::Result<JoinHandle<()>> {
        for port in &self.ports {
            set_receive_timeout(&port.socket, IDLE_MAX)?;
        }
        let epoll = Epoll::new()?;
        for (token, port) in (0_u64..).zip(&self.ports) {
            epoll.add(port.socket.as_fd(), token)?;
        }
        let name = format!("kereru-udp-{number}");
        std::thread::Builder::new().name(name).spawn(move || self.run(&world, &epoll))
    }

    /// Serves until the world stops. A panic costs one batch and the thread's own state.
    fn run(&self, world: &World, epoll: &Epoll) {
        if let Some(cpu) = self.cpu
            && let Err(error) = affinity::pin_to(cpu)
        {
            tracing::warn!(cpu, %error, "cannot keep a worker on its CPU");
        }
        let mut counters = world.counters().join();
        while !world.is_stopping() {
            let served = catch_unwind(AssertUnwindSafe(|| self.serve(world, epoll, &mut counters)));
            match served {
                Ok(Ok(())) => (),
                Ok(Err(error)) => {
                    tracing::error!(%error, "a worker cannot wait for its sockets");
                    return;
                }
                Err(_) => {
                    world.count_panic();
                    tracing::error!("a worker panicked and goes on with fresh state");
                }
            }
        }
    }

    fn serve(&self, world: &World, epoll: &Epoll, counters: &mut WorkerCounters) -> io::Result<()> {
        let mut serving = Serving {
            batch: Batch::new(),
            local: Local::default(),
            counters,
            snapshot: Cache::new(world.snapshot()),
        };
        if let [port] = &self.ports[..] {
            while !world.is_stopping() {
                serving.serve_batch(port, Wait::ForFirst);
            }
            return Ok(());
        }
        while !world.is_stopping() {
            // An idle worker must not hold an old snapshot.
            serving.snapshot.load();
            epoll.wait(IDLE_MAX, |token| {
                let port = usize::try_from(token).ok().and_then(|index| self.ports.get(index));
                if let Some(port) = port {
                    serving.drain(port);
                }
            })?;
        }
        Ok(())
    }
}

/// What a worker keeps between batches.
struct Serving<'w> {
    batch: Batch,
    local: Local,
    counters: &'w mut WorkerCounters,
    snapshot: Cache<&'w ArcSwap<Snapshot>, Arc<Snapshot>>,
}

impl Serving<'_> {
    /// Answers what waits at a socket, up to `BATCHES_MAX` batches.
    fn drain(&mut self, port: &Port) {
        for _ in 0..BATCHES_MAX {
            if self.serve_batch(port, Wait::No) < BATCH_MAX {
                return;
            }
        }
    }

    /// Receives a batch, answers it and sends the replies; returns how many datagrams it had.
    fn serve_batch(&mut self, port: &Port, wait: Wait) -> usize {
        // What a socket reports besides datagrams, such as an ICMP error for an earlier reply, ends
        // nothing: the next call finds the next datagram.
        let received = self.batch.receive(port.socket.as_fd(), wait).unwrap_or(0);
        if received == 0 {
            return 0;
        }
        let began = Instant::now();
        let snapshot = self.snapshot.load();
        for index in 0..received {
            let Some(datagram) = self.batch.datagram(index) else { continue };
            let local = match datagram.local {
                Some(ip) => SocketAddr::new(ip, port.address.port()),
                None => port.address,
            };
            let mut exchange = Exchange {
                message: datagram.message,
                len: datagram.len,
                peer: datagram.peer,
                local,
                transport: Transport::Udp,
            };
            self.counters.query(Transport::Udp);
            match respond(snapshot, &mut self.local, &mut exchange, &mut ()) {
                Outcome::Reply { len, kind } => {
                    self.counters.reply(kind);
                    self.batch.reply(index, len);
                }
                Outcome::Drop(reason) => self.counters.dropped(reason, 1),
            }
        }
        let sent = self.batch.send(port.socket.as_fd());
        self.counters.dropped(DropReason::NotSent, sent.failed);
        self.counters.replies_left(began.elapsed());
        received
    }
}
