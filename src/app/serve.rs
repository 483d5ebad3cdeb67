//! `kereru serve`: from the configuration to a server that answers, and its end.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::answer::{AnswerOptions, AnyPolicy, Snapshot, View, ZoneState, ZoneTable};
use crate::app::cli::ServeArgs;
use crate::app::notify::Notifier;
use crate::app::privileges::PrivilegeError;
use crate::app::{Exit, activation, load, logging, metrics, output, privileges, report, zones};
use crate::base::diagnostic::{Diagnostics, Severity};
use crate::base::limits::DRAIN_SECONDS_MAX;
use crate::config::{AnyReply, Config, Origin, Workers};
use crate::http::Site;
use crate::net::World;
use crate::net::http::HttpServer;
use crate::net::inherited::Inherited;
use crate::net::listen::{self, HttpListener, Listener};
use crate::net::tcp::{TcpLimits, TcpServer};
use crate::net::udp::Worker;
use crate::sys::affinity;
use crate::zone::load::Loaded;

/// Problems of one zone that are logged. `kereru check` shows all of them.
const LOGGED_MAX: usize = 20;

/// Threads for TCP and signals.
const RUNTIME_THREADS: usize = 2;

/// Runs the server until it is told to stop.
pub(super) fn run(args: &ServeArgs) -> Exit {
    let config = match load::configuration(args.config.as_deref()) {
        Ok((config, problems)) => {
            logging::start(&config.log);
            log_problems(&problems);
            config
        }
        Err(problems) => return refuse(&problems),
    };
    let mut inherited = activation::sockets();
    let notifier = Notifier::from_environment();
    let cpus = affinity::allowed_cpus();
    let sockets = match open_sockets(&config, worker_count(&config, &cpus), &mut inherited) {
        Ok(sockets) => sockets,
        Err(error) => {
            tracing::error!("{error}");
            return Exit::Failed;
        }
    };
    for (address, transport) in inherited.left() {
        tracing::warn!("the socket {address} ({transport}) of systemd is not in the configuration");
    }
    drop(inherited);
    if let Err(error) = privileges::give_up(&config) {
        tracing::error!("{error}");
        return match error {
            PrivilegeError::UnknownUser(_) => Exit::Input,
            PrivilegeError::Users(_) | PrivilegeError::Become(..) => Exit::Failed,
        };
    }
    let loaded = match zones::load_configured(&config) {
        Ok(loaded) => loaded,
        Err(problems) => return refuse(&problems),
    };
    for zone in &loaded {
        log_problems(&zone.diagnostics);
    }
    let started = Server::start(&config, sockets, snapshot(&config, loaded), &cpus);
    match started {
        Ok(server) => {
            server.announce_ready(&notifier);
            server.run(&notifier)
        }
        Err(error) => {
            tracing::error!("cannot start: {error}");
            Exit::Failed
        }
    }
}

/// Ends the start of a server whose configuration has errors.
fn refuse(problems: &Diagnostics) -> Exit {
    output::note(&report::text(problems, false));
    Exit::Input
}

fn log_problems(problems: &Diagnostics) {
    for problem in problems.iter().take(LOGGED_MAX) {
        match problem.severity {
            Severity::Error => tracing::error!("{problem}"),
            Severity::Warning => tracing::warn!("{problem}"),
        }
    }
    let left = (problems.errors() + problems.warnings()).saturating_sub(LOGGED_MAX);
    if left > 0 {
        tracing::warn!("{left} more problems; `kereru check` shows all of them");
    }
}

fn worker_count(config: &Config, cpus: &[usize]) -> usize {
    match config.workers {
        Workers::Count(count) => count.as_usize(),
        Workers::Auto if cpus.is_empty() => 1,
        Workers::Auto => cpus.len(),
    }
}

/// All sockets of the server.
struct Sockets {
    dns: Vec<Listener>,
    http: Vec<HttpListener>,
}

fn open_sockets(
    config: &Config,
    workers: usize,
    inherited: &mut Inherited,
) -> Result<Sockets, listen::ListenError> {
    let mut dns = Vec::new();
    for &address in &config.listen {
        match listen::inherit_or_open(address, workers, inherited) {
            Ok(listener) => dns.push(listener),
            // A machine without IPv6 has no ::1, and nobody asked for it by name.
            Err(error)
                if config.origin == Origin::BuiltIn
                    && address.ip() == IpAddr::V6(Ipv6Addr::LOCALHOST) =>
            {
                tracing::warn!("{error}");
            }
            Err(error) => return Err(error),
        }
    }
    let http = config.http.listen.iter();
    let http = http.map(|&address| listen::inherit_or_open_http(address, inherited));
    Ok(Sockets { dns, http: http.collect::<Result<_, _>>()? })
}

/// The world to serve, of one view.
fn snapshot(config: &Config, loaded: Vec<Loaded>) -> Snapshot {
    let mut zones = ZoneTable::default();
    for Loaded { apex, zone, .. } in loaded {
        let state = zone.map_or(ZoneState::Broken, |zone| ZoneState::Loaded(Arc::new(zone)));
        zones.insert(apex.as_name(), state);
    }
    let options = AnswerOptions {
        minimal_responses: config.minimal_responses,
        any: match config.any {
            AnyReply::Minimal => AnyPolicy::Minimal,
            AnyReply::Full => AnyPolicy::Full,
        },
        udp_size: u16::try_from(config.edns.udp_size.get()).unwrap_or(u16::MAX),
    };
    let view = View { addresses: Vec::new(), zones, options };
    Snapshot { views: vec![Arc::new(view)] }
}

/// A server that answers.
struct Server {
    world: Arc<World>,
    runtime: Runtime,
    /// Where DNS and HTTP are answered, ports chosen.
    addresses: (Vec<SocketAddr>, Vec<SocketAddr>),
    /// Whether questions are answered, as `/readyz` tells it.
    is_ready: Arc<AtomicBool>,
    workers: Vec<thread::JoinHandle<()>>,
    /// What tells the server to stop. Listened to before anybody is told that it is ready.
    signals: Signals,
    /// Turns true to stop; closed when all listeners and connections have ended.
    stop: watch::Sender<bool>,
}

impl Server {
    fn start(
        config: &Config,
        sockets: Sockets,
        snapshot: Snapshot,
        cpus: &[usize],
    ) -> io::Result<Self> {
        let Sockets { dns, http } = sockets;
        let addresses: (Vec<SocketAddr>, Vec<SocketAddr>) = (
            dns.iter().map(|listener| listener.address).collect(),
            http.iter().map(|listener| listener.address).collect(),
        );
        announce(config, &snapshot, &addresses.0);
        let world = Arc::new(World::new(snapshot));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(RUNTIME_THREADS)
            .thread_name("kereru-tcp")
            .enable_all()
            .build()?;
        let limits = TcpLimits {
            connections: config.tcp.connections.as_usize(),
            per_client: config.tcp.per_client.as_usize(),
            idle_timeout: config.tcp.idle_timeout.duration(),
        };
        let (stop, stopping) = watch::channel(false);
        let tcp = TcpServer::new(Arc::clone(&world), limits, stopping.clone());
        let is_ready = Arc::new(AtomicBool::new(false));
        let site = site(config, &world, &tcp, &is_ready)?;
        let pages = HttpServer::new(move |peer, request| site.respond(peer, request), stopping);
        let mut sockets: Vec<Vec<_>> = Vec::new();
        let signals;
        {
            let _guard = runtime.enter();
            signals = Signals::new()?;
            for listener in http {
                let stream = tokio::net::TcpListener::from_std(listener.socket)?;
                runtime.spawn(pages.clone().listen(stream));
            }
            for listener in dns {
                let stream = tokio::net::TcpListener::from_std(listener.tcp)?;
                runtime.spawn(tcp.clone().listen(stream));
                sockets.resize_with(listener.udp.len(), Vec::new);
                for (worker, socket) in sockets.iter_mut().zip(listener.udp) {
                    worker.push((socket, listener.address));
                }
            }
        }
        let mut workers = Vec::new();
        for (number, sockets) in sockets.into_iter().enumerate() {
            let cpu = cpus.get(number % cpus.len().max(1)).copied();
            workers.push(Worker::new(sockets, cpu).start(Arc::clone(&world), number)?);
        }
        Ok(Self { world, runtime, addresses, is_ready, workers, signals, stop })
    }

    /// Tells everyone that questions are answered; the log line last, so that whoever sees it finds
    /// all the rest true.
    fn announce_ready(&self, notifier: &Notifier) {
        self.is_ready.store(true, Ordering::Release);
        notifier.ready();
        let (dns, http) = &self.addresses;
        let http = if http.is_empty() { "-".to_owned() } else { joined(http) };
        tracing::info!(dns = %joined(dns), %http, "ready");
    }

    /// Serves until a signal comes, then lets replies on their way leave.
    fn run(self, notifier: &Notifier) -> Exit {
        let Self { world, runtime, is_ready, workers, mut signals, stop, addresses: _ } = self;
        runtime.block_on(async {
            signals.wait_for_stop().await;
            tracing::info!("stopping");
            is_ready.store(false, Ordering::Release);
            notifier.stopping();
            world.stop();
            // Fails if there is nobody left to tell.
            let _ = stop.send(true);
            // Whoever has not taken its replies by then will not get them.
            let _ = timeout(Duration::from_secs(DRAIN_SECONDS_MAX), stop.closed()).await;
        });
        for worker in workers {
            // A worker that panicked has said so already.
            let _ = worker.join();
        }
        runtime.shutdown_timeout(Duration::from_millis(100));
        tracing::info!("stopped");
        Exit::Fine
    }
}

/// What is shown over HTTP.
fn site(
    config: &Config,
    world: &Arc<World>,
    tcp: &TcpServer,
    is_ready: &Arc<AtomicBool>,
) -> io::Result<Site> {
    let connections = Box::new(tcp.open_connections());
    let zones_max = config.zones_with_metrics.as_usize();
    let (registry, _) =
        metrics::register(world, zones_max, connections).map_err(io::Error::other)?;
    let (allow, names) = (config.http.allow.clone(), config.http.names.clone());
    Site::new(allow, names, registry, Arc::clone(is_ready)).map_err(io::Error::other)
}

fn joined(addresses: &[SocketAddr]) -> String {
    let texts: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
    texts.join(",")
}

/// The signals that the server obeys.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { terminate, interrupt })
    }

    async fn wait_for_stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => (),
            _ = self.interrupt.recv() => (),
        }
    }
}

/// Says what is served, where, and a question to try.
fn announce(config: &Config, snapshot: &Snapshot, addresses: &[SocketAddr]) {
    if config.origin == Origin::BuiltIn {
        tracing::warn!(
            "no configuration: serving the built-in lab zones, for this machine only; \
             --config FILE or a kereru.yaml here serves yours"
        );
    }
    let zones = snapshot.views.iter().flat_map(|view| view.zones.iter());
    let (mut served, mut records, mut broken, mut example) = (0_usize, 0, 0_usize, None);
    for (apex, state) in zones {
        match state {
            ZoneState::Loaded(zone) => {
                served += 1;
                records += zone.record_count();
                example = example.max(Some(apex));
            }
            ZoneState::Broken => broken += 1,
        }
    }
    tracing::info!("serving {served} zones with {records} records");
    if broken > 0 {
        tracing::error!("{broken} zones have errors: names in them get SERVFAIL");
    }
    if let (Some(apex), Some(address)) = (example, addresses.first()) {
        let (name, rtype) = match config.origin {
            Origin::BuiltIn => ("www.cs.auckland.ac.nz".to_owned(), ""),
            Origin::File(_) => (apex.to_string(), " SOA"),
        };
        let ip = match address.ip() {
            ip if ip.is_unspecified() && ip.is_ipv4() => "127.0.0.1".to_owned(),
            ip if ip.is_unspecified() => "::1".to_owned(),
            ip => ip.to_string(),
        };
        tracing::info!("try: dig @{ip} -p {} {name}{rtype}", address.port());
    }
}
