//! The worker: one pinned thread that answers datagrams in batches.
//!
//! With one socket it blocks in receiving; with more it waits for the first that has something.
//! Knows nothing of DNS: `answer::respond` decides.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Cache};

use crate::answer::ahead::Drafts;
use crate::answer::{Exchange, Snapshot, Transport, Workspace};
use crate::base::limits::BATCH_MAX;
use crate::base::pace::Pace;
use crate::base::time::Wall;
use crate::metrics::DropReason;
use crate::net::World;
use crate::net::settle::{Settled, Settler};
use crate::net::upstream::ReplyPath;
use crate::sys::affinity;
use crate::sys::epoll::Epoll;
use crate::sys::mmsg::{Batch, Wait};
use crate::sys::socket::set_receive_timeout;

/// The longest an idle worker sleeps: how long it may take to notice a stop, and to let go of an old
/// snapshot.
const IDLE_MAX: Duration = Duration::from_millis(250);

/// Batches taken from one socket before the others get their turn: those wait for some 128 answers at
/// most, and waiting for sockets costs little beside so many.
const BATCHES_MAX: usize = 4;

/// Batches taken from a socket at the end, when clients may still be asking.
const LAST_BATCHES_MAX: usize = 256;

/// How long a worker pauses after an error that may last.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

/// Who sends what is not read.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// A socket and the address it is bound to. Sockets outlive the workers that serve them.
#[derive(Clone, Debug)]
pub struct Port {
    /// The socket.
    pub socket: Arc<UdpSocket>,
    /// The address.
    pub address: SocketAddr,
}

/// The workers that serve one set of sockets.
#[derive(Debug)]
pub struct WorkerGroup {
    threads: Vec<JoinHandle<()>>,
    stopping: Arc<AtomicBool>,
}

impl WorkerGroup {
    /// Starts a worker for each element of `ports`, on the CPUs in turn. They end when the world
    /// stops, or when they are told to.
    ///
    /// # Errors
    ///
    /// Fails if no thread can be made, or the kernel refuses to wait for the sockets; those workers
    /// that had begun have let go of them then.
    pub fn start(ports: Vec<Vec<Port>>, cpus: &[usize], world: &Arc<World>) -> io::Result<Self> {
        let mut workers = Self { threads: Vec::new(), stopping: Arc::default() };
        for (number, ports) in ports.into_iter().enumerate() {
            let cpu = cpus.get(number % cpus.len().max(1)).copied();
            let worker = Worker { ports, cpu, stopping: Arc::clone(&workers.stopping) };
            match worker.start(Arc::clone(world), number) {
                Ok(thread) => workers.threads.push(thread),
                Err(error) => {
                    workers.stop();
                    workers.join();
                    return Err(error);
                }
            }
        }
        Ok(workers)
    }

    /// Tells the workers to end, which they do within `IDLE_MAX`, and after they have answered what
    /// has arrived.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether all workers have ended.
    pub fn has_ended(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Waits until all workers have ended.
    pub fn join(self) {
        for thread in self.threads {
            // None ends in a panic: it would have begun again.
            let _ = thread.join();
        }
    }
}

/// The loop of one thread.
#[derive(Debug)]
struct Worker {
    ports: Vec<Port>,
    /// The CPU the thread is kept on.
    cpu: Option<usize>,
    /// Turns true when other workers have taken over.
    stopping: Arc<AtomicBool>,
}

impl Worker {
    /// Starts the thread.
    fn start(self, world: Arc<World>, number: usize) -> io::Result<JoinHandle<()>> {
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

    fn is_stopping(&self, world: &World) -> bool {
        world.is_stopping() || self.stopping.load(Ordering::Relaxed)
    }

    /// Serves until it is told to stop, whatever happens.
    fn run(&self, world: &World, epoll: &Epoll) {
        if let Some(cpu) = self.cpu
            && let Err(error) = affinity::pin_to(cpu)
        {
            tracing::warn!(cpu, %error, "cannot keep a worker on its CPU");
        }
        begin_again(|| self.is_stopping(world), || self.serve(world, epoll));
    }

    /// Serves until it is told to stop, or cannot wait for its sockets.
    fn serve(&self, world: &World, epoll: &Epoll) {
        let mut serving = Serving {
            world,
            batch: Batch::new(),
            drafts: Drafts::default(),
            settler: Settler::new(world),
            snapshot: Cache::new(world.snapshot()),
            errors: Errors::default(),
        };
        if let Err(error) = self.answer_all(&mut serving, epoll) {
            tracing::error!(%error, "a worker cannot wait for its sockets");
            world.fail();
        }
        // What arrived before the end was told is answered, up to a bound.
        for port in &self.ports {
            for _ in 0..LAST_BATCHES_MAX {
                if serving.serve_batch(port, Wait::No) == 0 {
                    break;
                }
            }
        }
    }

    /// Answers until it is told to stop.
    fn answer_all(&self, serving: &mut Serving<'_>, epoll: &Epoll) -> io::Result<()> {
        if let [port] = &self.ports[..] {
            while !self.is_stopping(serving.world) {
                serving.serve_batch(port, Wait::ForFirst);
            }
            return Ok(());
        }
        while !self.is_stopping(serving.world) {
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

/// Serves again after each panic, which is a bug of ours and costs what was being answered. The pause
/// keeps one that comes back from keeping the CPU busy.
fn begin_again(is_stopping: impl Fn() -> bool, mut serve: impl FnMut()) {
    while catch_unwind(AssertUnwindSafe(&mut serve)).is_err() && !is_stopping() {
        std::thread::sleep(ERROR_PAUSE);
    }
}

/// What `first` gives or, if it panics, which is a bug of ours, what `otherwise` gives.
fn unless_it_panics<T>(first: impl FnOnce() -> T, otherwise: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(first)).unwrap_or_else(|_| otherwise())
}

/// What a worker keeps between batches.
struct Serving<'w> {
    world: &'w World,
    batch: Batch,
    drafts: Drafts,
    settler: Settler,
    snapshot: Cache<&'w ArcSwap<Snapshot>, Arc<Snapshot>>,
    errors: Errors,
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
        let received = match self.batch.receive(port.socket.as_fd(), wait) {
            Ok(received) => received,
            Err(error) => {
                self.errors.take(&error, port.address);
                // An idle worker must not hold an old snapshot.
                self.snapshot.load();
                return 0;
            }
        };
        let began = Instant::now();
        self.drafts.clear();
        let mut next = 0;
        while next < received {
            // A panic, which is a bug of ours, costs the one reply.
            if catch_unwind(AssertUnwindSafe(|| self.answer(port, &mut next, received))).is_err() {
                self.settler.workspace = Workspace::default();
            }
        }
        let sent = self.batch.send(port.socket.as_fd());
        self.settler.counters.dropped(DropReason::NotSent, sent.failed);
        self.settler.counters.replies_left(began.elapsed());
        received
    }

    /// Answers the datagrams of the batch from `next` on, which counts those begun.
    fn answer(&mut self, port: &Port, next: &mut usize, received: usize) {
        let (snapshot, received_at) = (self.snapshot.load(), Wall::now());
        let now = self.world.now();
        if self.drafts.len() < received {
            for index in self.drafts.len()..received {
                let (octets, client) = self.batch.peek(index).unwrap_or((&[], NOBODY));
                self.drafts.push(octets, client);
            }
        }
        let drafts = &self.drafts;
        // Otherwise a panic here would come again and again, with nothing answered.
        let ahead = unless_it_panics(|| drafts.look_ahead(snapshot), || drafts.as_read(snapshot));
        while *next < received {
            let index = *next;
            *next += 1;
            self.settler.counters.query(Transport::Udp);
            let Some(datagram) = self.batch.datagram(index) else {
                self.settler.counters.dropped(DropReason::TooLong, 1);
                continue;
            };
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
                received: received_at,
                now,
            };
            let outcome = ahead.respond(index, &mut self.settler.workspace, &mut exchange, &mut ());
            let (peer, from) = (datagram.peer, datagram.local);
            let path = || Some(ReplyPath::Udp { socket: Arc::clone(&port.socket), peer, from });
            match self.settler.settle(self.world, outcome, exchange.message, path) {
                Settled::Reply(len) => self.batch.reply(index, len),
                Settled::Later | Settled::Nothing => (),
            }
        }
    }
}

/// Errors of sockets, which end nothing.
#[derive(Debug, Default)]
struct Errors {
    pace: Pace,
}

impl Errors {
    /// Takes an error of receiving. Nothing to receive, or an ICMP error for an earlier reply, is
    /// none; after any other the worker pauses, so that a lasting one does not keep the CPU busy.
    fn take(&mut self, error: &io::Error, address: SocketAddr) {
        let passing = [
            io::ErrorKind::WouldBlock,
            io::ErrorKind::Interrupted,
            io::ErrorKind::ConnectionRefused,
            io::ErrorKind::HostUnreachable,
            io::ErrorKind::NetworkUnreachable,
        ];
        if passing.contains(&error.kind()) {
            return;
        }
        if self.pace.is_due(Instant::now()) {
            tracing::error!(%address, %error, "cannot receive");
        }
        std::thread::sleep(ERROR_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::{begin_again, unless_it_panics};
    use std::cell::Cell;

    #[test]
    fn batch_is_answered_without_what_panics() {
        let panics = || std::panic::resume_unwind(Box::new("a bug"));
        assert_eq!(unless_it_panics(panics, || 2), 2);
        assert_eq!(unless_it_panics(|| 1, || 2), 1);
    }

    #[test]
    fn worker_that_panics_serves_again_until_it_is_told_to_stop() {
        let (times, last) = (Cell::new(0), 4);
        begin_again(
            || times.get() == last,
            || {
                times.set(times.get() + 1);
                std::panic::resume_unwind(Box::new("a bug"));
            },
        );
        assert_eq!(times.get(), last);
        begin_again(|| false, || times.set(times.get() + 1));
        assert_eq!(times.get(), last + 1);
    }
}
