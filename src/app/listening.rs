//! The addresses that are answered at: their sockets, who serves these, and how a reload goes from
//! some addresses to others without losing what came to either.

use std::error::Error;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::app::mail::{self, MailSocket};
use crate::config::{Config, Origin};
use crate::net::World;
use crate::net::inherited::Inherited;
use crate::net::listen::{self, ListenError, Listener, StreamListener};
use crate::net::tcp::{TcpLimits, TcpServer};
use crate::net::udp::{Port, WorkerGroup};
use crate::sys::socket::stop_receiving;

/// All sockets of the server, before anybody serves them.
pub(super) struct Sockets {
    pub(super) dns: Vec<Listener>,
    pub(super) http: Vec<StreamListener>,
    pub(super) mail: Vec<MailSocket>,
}

impl Sockets {
    /// Opens the sockets of a configuration, or takes those that were inherited.
    ///
    /// # Errors
    ///
    /// Fails with the first address that cannot be used.
    pub(super) fn open(
        config: &Config,
        workers: usize,
        inherited: &mut Inherited,
    ) -> Result<Self, ListenError> {
        let mut dns = Vec::new();
        for &address in &config.listen {
            match listen::inherit_or_open(address, workers, inherited) {
                Ok(listener) => dns.push(listener),
                Err(error) if may_be_missing(config, address) && error.is_missing_address() => {
                    tracing::warn!("{error}");
                }
                Err(error) => return Err(error),
            }
        }
        let http = config.http.listen.iter();
        let http = http.map(|&address| listen::inherit_or_open_stream(address, "HTTP", inherited));
        let http = http.collect::<Result<_, _>>()?;
        Ok(Self { dns, http, mail: mail::open_sockets(config, inherited)? })
    }

    /// The sockets for DNS.
    pub(super) fn of_dns(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.dns
            .iter()
            .flat_map(|listener| listener.udp.iter().map(AsFd::as_fd).chain([listener.tcp.as_fd()]))
    }
}

/// Whether the server does without an address that the machine does not have: one without IPv6 has no
/// ::1, and nobody asked for it by name.
fn may_be_missing(config: &Config, address: SocketAddr) -> bool {
    config.origin == Origin::BuiltIn && address.ip() == IpAddr::V6(Ipv6Addr::LOCALHOST)
}

/// An address that is listened on.
struct Listening {
    /// The address as configured; its port may be 0.
    configured: SocketAddr,
    /// The address, its port chosen.
    address: SocketAddr,
    /// A UDP socket for each worker.
    udp: Vec<Port>,
    /// Whether these are those of somebody who may use them again.
    is_lent: bool,
    /// The task that accepts TCP connections.
    accepting: JoinHandle<()>,
    /// Dropped to end that task, once it has taken the connections that wait for it.
    _leave: oneshot::Sender<()>,
}

/// Those who served addresses that others have taken over, until they have ended.
struct Retired {
    workers: WorkerGroup,
    accepting: Vec<JoinHandle<()>>,
}

/// What a reload changes, begun but not told to anybody.
pub(super) struct Move {
    new: Vec<Listening>,
    /// The addresses, as configured, that stay.
    kept: Vec<SocketAddr>,
    workers: WorkerGroup,
}

/// All addresses with those who serve them.
pub(super) struct Listeners {
    runtime: Handle,
    world: Arc<World>,
    tcp: TcpServer,
    /// The CPUs that workers are kept on.
    cpus: Vec<usize>,
    listening: Vec<Listening>,
    workers: WorkerGroup,
    retired: Vec<Retired>,
}

impl Listeners {
    /// Begins to serve.
    ///
    /// # Errors
    ///
    /// Fails as `WorkerGroup::start` does, or if the runtime takes no more sockets.
    pub(super) fn start(
        runtime: Handle,
        world: Arc<World>,
        tcp: TcpServer,
        cpus: Vec<usize>,
        sockets: Vec<Listener>,
    ) -> io::Result<Self> {
        let accept = |listener| accept(&runtime, &world, &tcp, listener);
        let listening = sockets.into_iter().map(accept).collect::<io::Result<Vec<_>>>()?;
        let workers = WorkerGroup::start(ports(listening.iter()), &cpus, &world)?;
        Ok(Self { runtime, world, tcp, cpus, listening, workers, retired: Vec::new() })
    }

    /// The addresses, ports chosen.
    pub(super) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.listening.iter().map(|listening| listening.address)
    }

    /// Workers for each address.
    pub(super) fn workers(&self) -> usize {
        self.listening.first().map_or(1, |listening| listening.udp.len())
    }

    /// Sets other bounds for TCP connections.
    pub(super) fn set_limits(&self, limits: TcpLimits) {
        self.tcp.set_limits(limits);
    }

    /// Begins to serve the addresses of a configuration that are not served yet, beside all others;
    /// `None` if no address comes or goes. If it fails, nothing has begun.
    ///
    /// # Errors
    ///
    /// Fails with the first address that cannot be used, or if there can be no more workers.
    pub(super) async fn begin(&mut self, config: &Config) -> Result<Option<Move>, Box<dyn Error>> {
        // An address that the last reload took away may come back.
        self.wait_for_retired().await;
        let is_kept = |address: &SocketAddr| {
            self.listening.iter().any(|listening| listening.configured == *address)
        };
        let (kept, coming): (Vec<_>, Vec<_>) = config.listen.iter().copied().partition(is_kept);
        let mut opened = Vec::new();
        for address in coming {
            match self.open(address, &config.listen) {
                Ok(listener) => opened.push(listener),
                Err(error) if may_be_missing(config, address) && error.is_missing_address() => {}
                Err(error) => return Err(self.explained(&error, &config.origin)),
            }
        }
        if opened.is_empty() && kept.len() == self.listening.len() {
            return Ok(None);
        }
        let accept = |listener| accept(&self.runtime, &self.world, &self.tcp, listener);
        let new = opened.into_iter().map(accept).collect::<io::Result<Vec<_>>>()?;
        let stays = |listening: &&Listening| kept.contains(&listening.configured);
        let served = self.listening.iter().filter(stays).chain(&new);
        let workers = WorkerGroup::start(ports(served), &self.cpus, &self.world)?;
        Ok(Some(Move { new, kept, workers }))
    }

    /// Goes on with what was begun, and ends what is not served any more.
    pub(super) fn finish(&mut self, Move { new, kept, workers }: Move) {
        for listening in &new {
            tracing::info!("listening on {}, too", listening.address);
        }
        let (stay, go): (Vec<_>, Vec<_>) = std::mem::take(&mut self.listening)
            .into_iter()
            .partition(|listening| kept.contains(&listening.configured));
        self.listening = stay.into_iter().chain(new).collect();
        for port in go.iter().filter(|listening| !listening.is_lent).flat_map(|going| &going.udp) {
            // What comes from now on is for those who take over. Where the kernel refuses, some of it
            // may be lost with the socket.
            let _ = stop_receiving(&port.socket);
        }
        let workers = std::mem::replace(&mut self.workers, workers);
        workers.stop();
        // Their `leave` is dropped here.
        let accepting = go.into_iter().map(|listening| listening.accepting).collect();
        self.retired.push(Retired { workers, accepting });
    }

    /// Opens an address that comes, though one that goes may be in its way.
    fn open(&self, address: SocketAddr, staying: &[SocketAddr]) -> Result<Listener, ListenError> {
        let workers = self.workers();
        listen::open(address, workers).or_else(|error| {
            let goes = |listening: &&Listening| !staying.contains(&listening.configured);
            let mut going = self.listening.iter().filter(goes);
            match going.any(|listening| error.is_held_by(listening.address)) {
                true => listen::open_beside(address, workers),
                false => Err(error),
            }
        })
    }

    /// Why an address of a configuration cannot be opened; says so if one that is listened on is in
    /// its way.
    fn explained(&self, error: &ListenError, origin: &Origin) -> Box<dyn Error> {
        let place = match origin {
            Origin::File(path) => format!("{}: `listen`: ", path.display()),
            Origin::BuiltIn => String::new(),
        };
        match self.addresses().find(|&address| error.is_held_by(address)) {
            Some(held) => format!(
                "{place}cannot listen on {} as long as the server itself listens on {held}; start \
                 it again to go from one to the other",
                error.address
            )
            .into(),
            None => format!("{place}{error}").into(),
        }
    }

    /// Waits until those who were relieved have let go of their sockets, which takes them a quarter
    /// of a second at most.
    async fn wait_for_retired(&mut self) {
        for Retired { workers, accepting } in std::mem::take(&mut self.retired) {
            for task in accepting {
                // One that panicked holds no socket either.
                let _ = task.await;
            }
            let _ = self.runtime.spawn_blocking(move || workers.join()).await;
        }
    }

    /// All workers, for the end.
    pub(super) fn into_workers(self) -> impl Iterator<Item = WorkerGroup> {
        self.retired.into_iter().map(|retired| retired.workers).chain([self.workers])
    }
}

/// Begins to accept TCP connections at an address.
fn accept(
    runtime: &Handle,
    world: &Arc<World>,
    tcp: &TcpServer,
    listener: Listener,
) -> io::Result<Listening> {
    let Listener { configured, address, udp, is_lent, tcp: stream } = listener;
    let _guard = runtime.enter();
    let stream = tokio::net::TcpListener::from_std(stream)?;
    let (leave, left) = oneshot::channel();
    let accepting = runtime.spawn(world.needing(tcp.clone().listen(stream, left)));
    let udp = udp.into_iter().map(|socket| Port { socket: Arc::new(socket), address });
    Ok(Listening { configured, address, udp: udp.collect(), is_lent, accepting, _leave: leave })
}

/// The sockets of each worker: one of every address.
fn ports<'l>(listening: impl Iterator<Item = &'l Listening>) -> Vec<Vec<Port>> {
    let mut ports: Vec<Vec<Port>> = Vec::new();
    for listening in listening {
        ports.resize_with(listening.udp.len(), Vec::new);
        for (ports, port) in ports.iter_mut().zip(&listening.udp) {
            ports.push(port.clone());
        }
    }
    ports
}
