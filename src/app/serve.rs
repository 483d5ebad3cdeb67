//! `kereru serve`: from the configuration to a server that answers, and its end.
//!
//! `Server` runs whatever state it is given: that of a configuration, or that of the lab
//! (`lab::command`).

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::signal::unix::{self as signals, Signal, SignalKind};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::answer::{AnswerOptions, AnyPolicy, RateLimit, Snapshot, View, ZoneState, ZoneTable};
use crate::app::cli::ServeArgs;
use crate::app::lab;
use crate::app::lab::shell::Shell;
use crate::app::listening::{Listeners, Sockets};
use crate::app::mail::{self, Post};
use crate::app::metrics::Metrics;
use crate::app::notify::Notifier;
use crate::app::privileges::PrivilegeError;
use crate::app::resolving::{self, Resolving};
use crate::app::secret::{self, CookieSecrets};
use crate::app::zones::{self, Catalog};
use crate::app::{Exit, activation, load, logging, open_files, output, panics, privileges, report};
use crate::base::diagnostic::{Diagnostics, Severity};
use crate::base::limits::DRAIN_MS_MAX;
use crate::config::{AnyReply, Config, Origin, Workers};
use crate::http::{Audience, Site};
use crate::net::certificate::Certificate;
use crate::net::http::HttpServer;
use crate::net::listen::StreamListener;
use crate::net::tcp::{TcpLimits, TcpServer};
use crate::net::udp::WorkerGroup;
use crate::net::upstream::{self, Upstream};
use crate::net::{World, free_unused};
use crate::policy::rate::{RateLimiter, RateOptions};
use crate::sys::{affinity, signal};
use crate::wire::character_string::CharacterString;

/// Problems of one zone that are logged, and zones with errors. `kereru check` shows all of them.
const LOGGED_MAX: usize = 20;

/// Threads for TCP and signals.
const RUNTIME_THREADS: usize = 2;

/// Runs the server until it is told to stop.
pub(super) fn run(args: &ServeArgs) -> Exit {
    // A signal that comes while zones load is obeyed when they are loaded.
    if let Err(error) = signal::hold() {
        output::note(&format!("cannot hold signals back: {error}\n"));
        return Exit::Failed;
    }
    let config = match load::configuration(args.config.as_deref()) {
        Ok((config, problems)) => {
            logging::start(&config.log);
            panics::watch();
            log_problems(&problems);
            config
        }
        Err(problems) => return refuse(&problems),
    };
    let cpus = affinity::allowed_cpus();
    log_problems(&open_files::raise(&config, &cpus));
    let mut inherited = activation::sockets();
    let sockets = match Sockets::open(&config, worker_count(&config, &cpus), &mut inherited) {
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
    let notifier = Notifier::from_environment();
    if let Err(error) = privileges::give_up(&config, &sockets) {
        tracing::error!("{error}");
        return match error {
            PrivilegeError::UnknownUser(_) => Exit::Input,
            PrivilegeError::Users(_) | PrivilegeError::Become(..) => Exit::Failed,
        };
    }
    let (catalog, problems) = zones::load_configured(&config, &Catalog::default());
    if problems.has_errors() {
        return refuse(&problems);
    }
    for entry in &catalog.entries {
        log_problems(&entry.diagnostics);
    }
    let cookies = match secret::cookies(&config, None) {
        Ok(cookies) => cookies,
        Err(problems) => return refuse(&problems),
    };
    log_problems(&secret::check_readers(&config));
    let resolving = match Resolving::of(&config, None) {
        Ok(resolving) => resolving,
        Err(problems) => return refuse(&problems),
    };
    if let Err(error) = resolving::check_sources(&config) {
        tracing::error!("{error}");
        return Exit::Failed;
    }
    let certificate = match mail::certificate(&config) {
        Ok(certificate) => certificate,
        Err(problems) => return refuse(&problems),
    };
    announce(&config, &catalog, &sockets);
    let (plan, rate_limit) = (Plan::Configured(args.config.clone()), rate_limit(&config, None));
    let state = State { plan, config, catalog, cookies, rate_limit, resolving, certificate, cpus };
    match Server::start(state, sockets, notifier) {
        Ok(server) => server.run(None),
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

/// Logs problems, the errors first.
fn log_problems(problems: &Diagnostics) {
    let of = |severity| problems.iter().filter(move |problem| problem.severity == severity);
    for problem in of(Severity::Error).chain(of(Severity::Warning)).take(LOGGED_MAX) {
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

/// Logs which zones have errors, and what is served instead.
fn log_faulty(catalog: &Catalog) {
    let faulty = || catalog.entries.iter().filter(|entry| entry.is_faulty());
    for entry in faulty().take(LOGGED_MAX) {
        let served = match (&entry.zone, &entry.apex) {
            (Some(_), _) => "its old version is served",
            (None, Some(_)) => "its names get SERVFAIL",
            (None, None) => "nothing of it is served",
        };
        tracing::error!("{} has errors: {served}", entry.path());
    }
    let left = faulty().count().saturating_sub(LOGGED_MAX);
    if left > 0 {
        tracing::error!("{left} more zones have errors; `kereru check` shows all of them");
    }
}

/// Threads that answer over UDP.
pub(super) fn worker_count(config: &Config, cpus: &[usize]) -> usize {
    match config.workers {
        Workers::Count(count) => count.as_usize(),
        Workers::Auto if cpus.is_empty() => 1,
        Workers::Auto => cpus.len(),
    }
}

/// The world to serve.
pub(super) fn snapshot(state: &State) -> Snapshot {
    let State { plan, config, catalog, cookies, rate_limit, resolving, .. } = state;
    let options = AnswerOptions {
        minimal_responses: config.minimal_responses,
        rotate_answers: config.rotate_answers,
        any: match config.any {
            AnyReply::Minimal => AnyPolicy::Minimal,
            AnyReply::Full => AnyPolicy::Full,
        },
        udp_size: u16::try_from(config.edns.udp_size.get()).unwrap_or(u16::MAX),
        idle_timeout: config.tcp.idle_timeout.duration(),
        identity: config.identity.as_deref().and_then(CharacterString::new),
        version: config.version.as_deref().and_then(CharacterString::new),
        cookies: cookies.as_ref().map(|cookies| cookies.secrets.clone()),
    };
    let allow_query = Some(config.allow_query.clone());
    let rate_limit = rate_limit.clone();
    let resolver = config.resolver.as_ref().zip(resolving.as_ref());
    let resolver = resolver.map(|(resolver, resolving)| resolving.role(resolver));
    let base = View { options, allow_query, rate_limit, ..View::default() };
    let views = match plan {
        Plan::Configured(_) => {
            vec![Arc::new(View { zones: zone_table(catalog), resolver, ..base })]
        }
        Plan::Lab { port } => lab::views::Plan { port: *port, base, resolver }.views(catalog),
    };
    Snapshot { views, ..Snapshot::default() }.with_inside()
}

/// All zones, as one view has them.
fn zone_table(catalog: &Catalog) -> ZoneTable {
    let mut zones = ZoneTable::default();
    for entry in &catalog.entries {
        let state = entry.zone.clone().map_or(ZoneState::Broken, ZoneState::Loaded);
        // A file that does not tell which zone it holds was reported, and has no names to refuse.
        if let Some(apex) = &entry.apex {
            zones.insert(apex.as_name(), state);
        }
    }
    zones
}

/// The rate limit that a configuration asks for; the table of `previous` if it has the same options,
/// so that a reload forgets nobody.
pub(super) fn rate_limit(config: &Config, previous: Option<&RateLimit>) -> Option<RateLimit> {
    let spec = config.rate_limit.as_ref()?;
    let octet = |number: u32| u8::try_from(number).unwrap_or(u8::MAX);
    let options = RateOptions {
        per_second: spec.per_second.get(),
        ipv4_prefix: octet(spec.ipv4_prefix.get()),
        ipv6_prefix: octet(spec.ipv6_prefix.get()),
        slip: octet(spec.slip.get()),
    };
    let kept = previous.filter(|previous| *previous.limiter.options() == options);
    let limiter = match kept {
        Some(previous) => Arc::clone(&previous.limiter),
        None => Arc::new(RateLimiter::new(options)),
    };
    Some(RateLimit { limiter, exempt: spec.exempt.clone() })
}

/// Which views there are, and where a reload reads.
#[derive(Clone, Debug)]
pub(super) enum Plan {
    /// One view of all zones. A reload reads this configuration file or, without one, looks for it as
    /// the start did.
    Configured(Option<PathBuf>),
    /// The lab: a view for each of its servers. A reload reads nothing.
    Lab {
        /// The port of all servers.
        port: u16,
    },
}

/// What the server was made from, and the next state is made from.
pub(super) struct State {
    pub(super) plan: Plan,
    pub(super) config: Config,
    pub(super) catalog: Catalog,
    /// What cookies are signed with; `None` if they are off.
    pub(super) cookies: Option<CookieSecrets>,
    /// How many like replies a network gets; `None` is any number.
    pub(super) rate_limit: Option<RateLimit>,
    /// What others are asked with; `None` if nobody is asked.
    pub(super) resolving: Option<Resolving>,
    /// What mail begins TLS with; `None` if there is no mail.
    pub(super) certificate: Option<Certificate>,
    /// The CPUs that workers are kept on; empty if they go where there is room.
    pub(super) cpus: Vec<usize>,
}

impl State {
    /// Reads the configuration and the changed zones again. Logs what is wrong, and keeps the old
    /// version of a zone with errors; `None` if nothing of the new state can be used.
    fn reread(&self) -> Option<Self> {
        let loaded = match &self.plan {
            Plan::Configured(path) => load::configuration(path.as_deref()),
            Plan::Lab { .. } => Ok((self.config.clone(), Diagnostics::default())),
        };
        let (config, problems) = match loaded {
            Ok(loaded) => loaded,
            Err(problems) => {
                log_problems(&problems);
                return None;
            }
        };
        log_problems(&problems);
        log_problems(&open_files::check(&config, &self.cpus));
        if config.origin == Origin::BuiltIn && self.config.origin != Origin::BuiltIn {
            tracing::error!("the configuration file is gone");
            return None;
        }
        let (catalog, problems) = zones::load_configured(&config, &self.catalog);
        log_problems(&problems);
        if problems.has_errors() {
            return None;
        }
        for entry in catalog.fresh.iter().filter_map(|&index| catalog.entries.get(index)) {
            log_problems(&entry.diagnostics);
        }
        log_faulty(&catalog);
        let cookies = match secret::cookies(&config, self.cookies.as_ref()) {
            Ok(cookies) => cookies,
            Err(problems) => {
                log_problems(&problems);
                return None;
            }
        };
        log_problems(&secret::check_readers(&config));
        let resolving = match Resolving::of(&config, self.resolving.as_ref()) {
            Ok(resolving) => resolving,
            Err(problems) => {
                log_problems(&problems);
                return None;
            }
        };
        if let Err(error) = resolving::check_sources(&config) {
            tracing::error!("{error}");
            return None;
        }
        let certificate = mail::renewed_certificate(&config, self.certificate.as_ref());
        let (plan, cpus) = (self.plan.clone(), self.cpus.clone());
        let rate_limit = rate_limit(&config, self.rate_limit.as_ref());
        Some(Self { plan, config, catalog, cookies, rate_limit, resolving, certificate, cpus })
    }

    /// Tells whoever asks others how to.
    pub(super) fn set_resolver_up(
        &self,
        world: &World,
        snapshot: &Snapshot,
        listening: &[SocketAddr],
    ) {
        if let Some(upstream) = world.upstream() {
            let resolving = self.resolving.as_ref();
            let setup =
                resolving.and_then(|resolving| resolving.setup(&self.config, snapshot, listening));
            upstream.set_up(setup);
        }
    }

    fn tcp_limits(&self) -> TcpLimits {
        TcpLimits {
            connections: self.config.tcp.connections.as_usize(),
            per_client: self.config.tcp.per_client.as_usize(),
            idle_timeout: self.config.tcp.idle_timeout.duration(),
        }
    }
}

/// What is shown over HTTP, and where.
struct Pages {
    site: Arc<Site>,
    /// The addresses, ports chosen.
    addresses: Vec<SocketAddr>,
    /// Whether questions are answered, as `/readyz` tells it.
    is_ready: Arc<AtomicBool>,
    metrics: Metrics,
}

impl Pages {
    fn new(
        state: &State,
        world: &Arc<World>,
        (tcp, post): (&TcpServer, &Post),
    ) -> io::Result<Self> {
        let connections = Box::new(tcp.open_connections());
        let (resolving, mail) = (resolving::counts(world), post.counted());
        let metrics = Metrics::register(world.counters(), connections, resolving, mail);
        let metrics = metrics.map_err(io::Error::other)?;
        metrics.started(&state.catalog, state.config.zones_with_metrics.as_usize());
        let is_ready = Arc::<AtomicBool>::default();
        let (registry, readiness) = (metrics.registry.clone(), Arc::clone(&is_ready));
        let site = Site::new(audience(&state.config), registry, readiness);
        let site = Arc::new(site.map_err(io::Error::other)?);
        Ok(Self { site, addresses: Vec::new(), is_ready, metrics })
    }

    /// Begins to serve.
    fn listen(
        &mut self,
        runtime: &Runtime,
        world: &Arc<World>,
        listeners: Vec<StreamListener>,
        stopping: watch::Receiver<bool>,
    ) -> io::Result<()> {
        let site = Arc::clone(&self.site);
        let server = HttpServer::new(move |peer, request| site.respond(peer, request), stopping);
        let _guard = runtime.enter();
        for listener in listeners {
            let stream = tokio::net::TcpListener::from_std(listener.socket)?;
            runtime.spawn(world.needing(server.clone().listen(stream)));
            self.addresses.push(listener.address);
        }
        Ok(())
    }
}

fn audience(config: &Config) -> Audience {
    Audience { allow: config.http.allow.clone(), names: config.http.names.clone() }
}

/// A server that answers.
pub(super) struct Server {
    state: Arc<State>,
    world: Arc<World>,
    runtime: Runtime,
    listeners: Listeners,
    pages: Pages,
    post: Post,
    notifier: Notifier,
    /// Turns true to stop; closed when all listeners and connections have ended.
    stop: watch::Sender<bool>,
}

impl Server {
    /// Begins to answer.
    ///
    /// # Errors
    ///
    /// Fails if the system has no more threads or files.
    pub(super) fn start(state: State, sockets: Sockets, notifier: Notifier) -> io::Result<Self> {
        let addresses: Vec<SocketAddr> =
            sockets.dns.iter().map(|listener| listener.address).collect();
        let (upstream, inbox) = Upstream::new();
        let world = Arc::new(World::new(snapshot(&state)).with_upstream(upstream));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(RUNTIME_THREADS)
            .thread_name("kereru-tcp")
            .enable_all()
            .build()?;
        let (stop, stopping) = watch::channel(false);
        state.set_resolver_up(&world, &world.snapshot().load(), &addresses);
        let resolving = upstream::run(inbox, Arc::clone(&world), stopping.clone());
        runtime.spawn(world.needing(resolving));
        let tcp = TcpServer::new(Arc::clone(&world), state.tcp_limits(), stopping.clone());
        let post = Post::start(&state, sockets.mail, &runtime, &world, stopping.clone())?;
        let mut pages = Pages::new(&state, &world, (&tcp, &post))?;
        pages.listen(&runtime, &world, sockets.http, stopping)?;
        let (handle, cpus) = (runtime.handle().clone(), state.cpus.clone());
        let listeners = Listeners::start(handle, Arc::clone(&world), tcp, cpus, sockets.dns)?;
        Ok(Self { state: Arc::new(state), world, runtime, listeners, pages, post, notifier, stop })
    }

    /// Serves until a signal comes or, if there is a shell to serve, until that ends; then lets replies
    /// on their way leave.
    pub(super) fn run(mut self, shell: Option<&Path>) -> Exit {
        let handle = self.runtime.handle().clone();
        let (end, ended) = match handle.block_on(self.serve(shell)) {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!("cannot wait for signals: {error}");
                (Exit::Failed, Instant::now())
            }
        };
        let Self { world, runtime, listeners, pages, post, notifier, stop, .. } = self;
        pages.is_ready.store(false, Ordering::Release);
        notifier.stopping();
        world.stop();
        // Fails if there is nobody left to tell.
        let _ = stop.send(true);
        tracing::info!("stopping");
        // It listens to `stop` as well, and would be waited for.
        drop(post);
        let workers = listeners.into_workers();
        // Whoever has not taken its replies by then will not get them.
        let until = ended + Duration::from_millis(DRAIN_MS_MAX);
        let drained = async { timeout_at(until, stop.closed()).await };
        let _ = runtime.block_on(drained);
        workers.for_each(WorkerGroup::join);
        runtime.shutdown_timeout(Duration::from_millis(100));
        tracing::info!("stopped");
        end
    }

    /// Tells everyone that the server is ready; the log line last, so that whoever sees it finds all
    /// the rest true.
    fn announce_ready(&self) {
        self.pages.is_ready.store(true, Ordering::Release);
        self.notifier.ready();
        let dns = joined(self.listeners.addresses());
        let http = joined(self.pages.addresses.iter().copied());
        let http = if http.is_empty() { "-" } else { &http };
        let mail = joined(self.post.addresses.iter().copied());
        let mail = if mail.is_empty() { "-" } else { &mail };
        tracing::info!(target: logging::READY, %dns, %http, %mail, "ready");
    }

    /// Says that the server is ready, starts the shell, and obeys signals until something ends it.
    /// Returns how and when that was.
    async fn serve(&mut self, program: Option<&Path>) -> io::Result<(Exit, Instant)> {
        // Signals are heard before anybody is told that the server is ready.
        let mut signals = Signals::new()?;
        signal::release()?;
        self.announce_ready();
        let mut shell = match program.map(|program| (program, Shell::start(program))) {
            Some((_, Ok(shell))) => Some(shell),
            Some((program, Err(error))) => {
                tracing::error!("cannot start the shell {}: {error}", program.display());
                return Ok((Exit::Failed, Instant::now()));
            }
            None => None,
        };
        let end = self.obey(&mut signals, shell.as_mut()).await;
        let ended = Instant::now();
        if let Some(shell) = shell {
            shell.end().await;
        }
        Ok((end, ended))
    }

    /// Obeys signals until one of them, the end of the shell or a failure ends the server.
    async fn obey(&mut self, signals: &mut Signals, mut shell: Option<&mut Shell>) -> Exit {
        let mut reading = None;
        loop {
            tokio::select! {
                _ = signals.terminate.recv() => return Exit::Fine,
                // That of a terminal is meant for what runs in the shell.
                _ = signals.interrupt.recv(), if shell.is_none() => return Exit::Fine,
                exit = ended(&mut shell) => return exit,
                () = self.world.failure() => return Exit::Failed,
                // One that comes while files are read stays until that is done.
                _ = signals.hangup.recv(), if reading.is_none() => {
                    reading = Some(self.begin_reload());
                }
                state = finished(&mut reading) => {
                    reading = None;
                    self.end_reload(state).await;
                }
            }
        }
    }

    /// Begins to read what the files say now, while the old state is served.
    fn begin_reload(&self) -> JoinHandle<Option<State>> {
        tracing::info!("reloading");
        self.notifier.reloading();
        let state = Arc::clone(&self.state);
        self.runtime.handle().spawn_blocking(move || state.reread())
    }

    /// Puts what was read in force, with one publication. If that cannot be, all stays as it is.
    async fn end_reload(&mut self, state: Option<State>) {
        let taken = match state {
            Some(state) => Some(self.take_over(state).await),
            None => None,
        };
        // Whoever reads the log finds it counted.
        if !matches!(taken, Some(Ok(()))) {
            self.pages.metrics.not_reloaded();
        }
        match taken {
            Some(Ok(())) => (),
            Some(Err(error)) => {
                tracing::error!("not reloaded: {error}; the old state stays in force");
            }
            None => tracing::error!("not reloaded: the old state stays in force"),
        }
        self.notifier.ready();
    }

    /// Goes on with a new state.
    async fn take_over(&mut self, state: State) -> Result<(), Box<dyn Error>> {
        let workers = self.listeners.workers();
        if worker_count(&state.config, &state.cpus) != workers {
            tracing::warn!("another number of workers takes effect at the next start");
        }
        if state.config.http.listen != self.state.config.http.listen {
            tracing::warn!("other addresses for HTTP take effect at the next start");
        }
        // All that can fail comes before anything changes.
        let moved = self.listeners.begin(&state.config).await?;
        self.post.take_over(&self.state.config, &state)?;
        let snapshot = snapshot(&state);
        // Whoever asks others knows which zones are ours before any query does.
        let addresses: Vec<SocketAddr> = self.listeners.addresses().collect();
        state.set_resolver_up(&self.world, &snapshot, &addresses);
        let old = self.world.publish(snapshot);
        self.listeners.set_limits(state.tcp_limits());
        self.pages.site.set_audience(audience(&state.config));
        let zones_max = state.config.zones_with_metrics.as_usize();
        self.pages.metrics.reloaded(&state.catalog, zones_max);
        if let Some(moved) = moved {
            self.listeners.finish(moved);
        }
        let addresses: Vec<SocketAddr> = self.listeners.addresses().collect();
        state.set_resolver_up(&self.world, &self.world.snapshot().load(), &addresses);
        let (read, all) = (state.catalog.fresh.len(), state.catalog.entries.len());
        tracing::info!("reloaded: {read} of {} read", count(all, "zone"));
        self.state = Arc::new(state);
        tokio::task::spawn_blocking(|| free_unused(old));
        Ok(())
    }
}

/// How a shell ended; waits for ever if there is none.
async fn ended(shell: &mut Option<&mut Shell>) -> Exit {
    match shell {
        Some(shell) => shell.exit().await,
        None => std::future::pending().await,
    }
}

/// What a task that reads the files found; waits for ever if there is none.
async fn finished(reading: &mut Option<JoinHandle<Option<State>>>) -> Option<State> {
    match reading {
        // A task that panicked has found nothing.
        Some(task) => task.await.ok().flatten(),
        None => std::future::pending().await,
    }
}

fn joined(addresses: impl Iterator<Item = SocketAddr>) -> String {
    addresses.map(|address| address.to_string()).collect::<Vec<_>>().join(",")
}

/// The signals that the server obeys.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        let terminate = signals::signal(SignalKind::terminate())?;
        let interrupt = signals::signal(SignalKind::interrupt())?;
        let hangup = signals::signal(SignalKind::hangup())?;
        Ok(Self { terminate, interrupt, hangup })
    }
}

/// Says what is served, where, and a question to try.
fn announce(config: &Config, catalog: &Catalog, sockets: &Sockets) {
    if config.origin == Origin::BuiltIn {
        tracing::warn!(
            "no configuration: serving the built-in lab zones, for this machine only; \
             --config FILE or a kereru.yaml here serves yours"
        );
    }
    let (mut served, mut records, mut broken, mut example) = (0_usize, 0, 0_usize, None);
    for entry in &catalog.entries {
        match (&entry.apex, &entry.zone) {
            (Some(apex), Some(zone)) => {
                served += 1;
                records += zone.record_count();
                example = example.max(Some(apex.as_name()));
            }
            (Some(_), None) => broken += 1,
            (None, _) => (),
        }
    }
    tracing::info!("serving {} with {}", count(served, "zone"), count(records, "record"));
    if broken > 0 {
        tracing::error!("{} not served for errors: SERVFAIL instead", count(broken, "zone"));
    }
    if let (Some(apex), Some(listener)) = (example, sockets.dns.first()) {
        let address = listener.address;
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

fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
