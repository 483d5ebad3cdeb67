//! The slow path: queries that have to wait for others, and the task that asks these.
//!
//! Drives `resolver` with the clock, sockets and randomness of the machine: hands in what arrives,
//! sends what it wants sent, and lets queries go on when what they wait for is there. Decides nothing
//! about names.

mod flight;
mod path;

pub use path::{Late, ReplyPath};

use std::collections::HashMap;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::answer::{Deferred, Local, Outcome, Transport};
use crate::base::limits::{MESSAGE_LEN_MAX, RESOLVER_EVENTS_MAX, RESOLVER_QUEUE_MAX, UDP_SIZE_MAX};
use crate::base::time::Now;
use crate::cache::{Cache, End, FailureReason, Resolution};
use crate::metrics::{DropReason, ResolverCounters, ResolverFailure, WorkerCounters};
use crate::net::World;
use crate::net::upstream::flight::{Event, Flight, Source};
use crate::resolver::{Asker, Asking, Budget, Finished, Options, Question, RequestId, Resolver};
use crate::sys::random::SystemEntropy;
use crate::wire::name::NameBuf;
use crate::wire::numbers::Rtype;

/// Queries taken out of the queue before what has arrived from others is looked at again.
const JOBS_AT_ONCE: usize = 64;

/// How often the cache does what it has put off.
const CHORES_EVERY: Duration = Duration::from_millis(250);

/// How a resolver is set up.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What it is told.
    pub options: Options,
    /// What it has learnt.
    pub cache: Cache,
    /// Our zones.
    pub local: Arc<dyn crate::cache::Local>,
    /// Addresses to ask from; without one of a family, the system chooses.
    pub sources: Vec<IpAddr>,
    /// Ports that we listen on at all addresses, so that none of ours is asked there.
    pub own_ports: Vec<u16>,
}

/// Something to do.
#[derive(Debug)]
enum Job {
    /// A query waits.
    Ask(Box<Deferred>, ReplyPath),
    /// Something in the cache has little time left.
    Renew(NameBuf, Rtype),
}

/// Where queries are handed over that have to wait.
#[derive(Clone, Debug)]
pub struct Upstream {
    jobs: mpsc::Sender<Job>,
    setups: mpsc::UnboundedSender<Setup>,
    inflight: Arc<AtomicUsize>,
    counters: ResolverCounters,
}

/// The other end of `Upstream`.
#[derive(Debug)]
pub struct Inbox {
    jobs: mpsc::Receiver<Job>,
    setups: mpsc::UnboundedReceiver<Setup>,
    inflight: Arc<AtomicUsize>,
    counters: ResolverCounters,
}

impl Upstream {
    /// Both ends; nothing happens before `run` has the one.
    pub fn new() -> (Self, Inbox) {
        let (jobs, taken) = mpsc::channel(RESOLVER_QUEUE_MAX);
        let (setups, set_up) = mpsc::unbounded_channel();
        let (inflight, counters) = (Arc::<AtomicUsize>::default(), ResolverCounters::default());
        let inbox = Inbox {
            jobs: taken,
            setups: set_up,
            inflight: Arc::clone(&inflight),
            counters: counters.clone(),
        };
        (Self { jobs, setups, inflight, counters }, inbox)
    }

    /// Hands a query over. If there is too much to do, it comes back.
    pub fn ask(&self, deferred: Box<Deferred>, path: ReplyPath) -> Option<Box<Deferred>> {
        match self.jobs.try_send(Job::Ask(deferred, path)) {
            Ok(()) => None,
            Err(mpsc::error::TrySendError::Full(job) | mpsc::error::TrySendError::Closed(job)) => {
                match job {
                    Job::Ask(deferred, _) => Some(deferred),
                    Job::Renew(..) => None,
                }
            }
        }
    }

    /// Hands over something to be asked for again. It is forgotten if there is too much to do.
    pub fn renew(&self, (name, rtype): (NameBuf, Rtype)) {
        let _ = self.jobs.try_send(Job::Renew(name, rtype));
    }

    /// Sets the resolver up, or sets it up anew; what is under way goes on.
    pub fn set_up(&self, setup: Setup) {
        // Fails if nobody resolves any more.
        let _ = self.setups.send(setup);
    }

    /// Queries that wait.
    pub fn inflight(&self) -> usize {
        self.inflight.load(Ordering::Relaxed)
    }

    /// What is counted.
    pub fn counters(&self) -> &ResolverCounters {
        &self.counters
    }
}

/// Hands over a query that has to wait; what it gets at once if that cannot be.
pub fn hand_over(
    world: &World,
    deferred: Box<Deferred>,
    path: ReplyPath,
    local: &mut Local,
    message: &mut [u8],
) -> Option<Outcome> {
    let left = match world.upstream() {
        Some(upstream) => upstream.ask(deferred, path)?,
        None => deferred,
    };
    let failed = left.failed(FailureReason::Busy);
    let snapshot = world.snapshot().load();
    Some(left.resume(&snapshot, (failed, world.now()), local, message, &mut ()))
}

/// Resolves until the server stops and all that wait have been answered.
pub async fn run(inbox: Inbox, world: Arc<World>, mut stopping: watch::Receiver<bool>) {
    let Inbox { mut jobs, mut setups, inflight, counters } = inbox;
    let (events, mut arrived) = mpsc::channel(RESOLVER_EVENTS_MAX);
    let mut driver: Option<Driver> = None;
    let mut taken = Vec::with_capacity(JOBS_AT_ONCE);
    let mut is_stopping = false;
    let mut chores = interval(CHORES_EVERY);
    chores.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        if is_stopping && driver.as_ref().is_none_or(|driver| driver.waiting.is_empty()) {
            return;
        }
        let due = driver.as_ref().and_then(Driver::due);
        tokio::select! {
            Some(event) = arrived.recv() => {
                if let Some(driver) = &mut driver {
                    driver.take_event(event);
                    while let Ok(event) = arrived.try_recv() {
                        driver.take_event(event);
                    }
                }
            }
            count = jobs.recv_many(&mut taken, JOBS_AT_ONCE) => {
                if count == 0 {
                    return;
                }
                match &mut driver {
                    Some(driver) => taken.drain(..).for_each(|job| driver.take_job(job)),
                    None => taken.clear(),
                }
            }
            () = sleep_until(due.unwrap_or_else(far_away)), if due.is_some() => {
                if let Some(driver) = &mut driver {
                    driver.pass_time();
                }
            }
            Some(setup) = setups.recv() => match &mut driver {
                Some(driver) => driver.set_up(setup),
                None => {
                    let fresh = Driver::new(setup, &world, events.clone(), counters.clone());
                    driver = Some(fresh);
                }
            },
            _ = chores.tick() => {
                if let Some(driver) = &driver {
                    let cache = driver.setup.cache.clone();
                    tokio::task::spawn_blocking(move || cache.run_pending());
                }
            }
            _ = stopping.wait_for(|stopping| *stopping), if !is_stopping => is_stopping = true,
        }
        if let Some(driver) = &mut driver {
            driver.drain();
            inflight.store(driver.waiting.len(), Ordering::Relaxed);
        }
    }
}

/// A moment that is not waited for.
fn far_away() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

/// A query that waits for the resolver.
#[derive(Debug)]
struct Waiting {
    deferred: Box<Deferred>,
    path: ReplyPath,
}

/// The resolver with what it needs from the machine.
struct Driver {
    world: Arc<World>,
    resolver: Resolver,
    setup: Setup,
    waiting: HashMap<Asker, Waiting>,
    /// Requests that are under way.
    flights: HashMap<RequestId, (AbortHandle, Transport, Now)>,
    events: mpsc::Sender<Event>,
    next_asker: u64,
    local: Local,
    message: Vec<u8>,
    counters: WorkerCounters,
    resolver_counters: ResolverCounters,
}

impl Driver {
    fn new(
        setup: Setup,
        world: &Arc<World>,
        events: mpsc::Sender<Event>,
        resolver_counters: ResolverCounters,
    ) -> Self {
        let resolver = fresh_resolver(&setup, world.now());
        Self {
            world: Arc::clone(world),
            resolver,
            setup,
            waiting: HashMap::new(),
            flights: HashMap::new(),
            events,
            next_asker: 0,
            local: Local::default(),
            message: vec![0; MESSAGE_LEN_MAX],
            counters: world.counters().join(),
            resolver_counters,
        }
    }

    /// When there is something to do by itself.
    fn due(&self) -> Option<Instant> {
        let due = self.resolver.poll_timeout()?.as_micros();
        let now = self.world.now().as_micros();
        Some(Instant::now() + Duration::from_micros(due.saturating_sub(now)))
    }

    fn set_up(&mut self, setup: Setup) {
        let now = self.world.now();
        self.resolver.set_options(now, setup.options.clone());
        self.resolver.set_local(Arc::clone(&setup.local));
        self.resolver.set_cache(setup.cache.clone());
        self.setup = setup;
    }

    fn take_job(&mut self, job: Job) {
        match job {
            Job::Ask(deferred, path) => {
                let budget = Budget::new(self.world.now());
                self.ask(Waiting { deferred, path }, budget);
            }
            Job::Renew(name, rtype) => {
                let question = Question { name, rtype };
                self.guard(|driver, now| driver.resolver.handle_due(now, question));
            }
        }
    }

    fn ask(&mut self, waiting: Waiting, budget: Budget) {
        self.next_asker += 1;
        let asker = Asker(self.next_asker);
        let (name, rtype) = waiting.deferred.wanted();
        let question = Question { name: name.to_buf(), rtype };
        let asking = Asking { asker, client: waiting.deferred.peer.ip(), question, budget };
        self.waiting.insert(asker, waiting);
        self.guard(|driver, now| driver.resolver.handle_question(now, asking));
    }

    fn take_event(&mut self, event: Event) {
        match event {
            Event::Response { request, octets } => {
                let flight = self.flights.get(&request).map(|(_, _, sent)| *sent);
                self.guard(|driver, now| driver.resolver.handle_response(now, request, &octets));
                if !self.resolver.awaits(request) {
                    if let Some(sent) = flight {
                        let now = self.world.now().as_micros();
                        let took = Duration::from_micros(now.saturating_sub(sent.as_micros()));
                        self.resolver_counters.responded(took);
                    }
                    self.end_flight(request);
                }
            }
            Event::Unreachable(request) => {
                self.flights.remove(&request);
                self.guard(|driver, now| driver.resolver.handle_unreachable(now, request));
            }
            Event::Over(request) => {
                self.flights.remove(&request);
            }
        }
    }

    fn end_flight(&mut self, request: RequestId) {
        if let Some((task, ..)) = self.flights.remove(&request) {
            task.abort();
        }
    }

    fn pass_time(&mut self) {
        self.guard(|driver, now| driver.resolver.handle_timeout(now));
    }

    /// Sends what the resolver wants sent, and answers what it has found out.
    fn drain(&mut self) {
        loop {
            while let Some(transmit) = self.resolver.poll_transmit() {
                let (request, now) = (transmit.request, self.world.now());
                let left = transmit.until.as_micros().saturating_sub(now.as_micros());
                let until = Instant::now() + Duration::from_micros(left);
                let source =
                    Source { sources: &self.setup.sources, own_ports: &self.setup.own_ports };
                let flight = Flight::new(transmit, source, until);
                let transport = flight.transport();
                self.resolver_counters.sent(transport);
                let task = tokio::spawn(flight.fly(self.events.clone()));
                self.flights.insert(request, (task.abort_handle(), transport, now));
            }
            let Some(finished) = self.resolver.poll_finished() else { return };
            self.finish(finished);
        }
    }

    /// Lets a query go on.
    fn finish(&mut self, finished: Finished) {
        let Finished { asker, resolution, budget } = finished;
        if let End::Failed(reason) = resolution.end {
            self.resolver_counters.failed(label(reason));
        }
        if let Some(waiting) = self.waiting.remove(&asker) {
            self.go_on(waiting, resolution, budget);
        }
    }

    fn go_on(&mut self, waiting: Waiting, resolution: Resolution, budget: Budget) {
        let Waiting { deferred, path } = waiting;
        let (came, transport) = (deferred.came, deferred.transport);
        let room = match transport {
            Transport::Udp => UDP_SIZE_MAX,
            Transport::Tcp => MESSAGE_LEN_MAX,
        };
        let snapshot = self.world.snapshot().load_full();
        let now = self.world.now();
        let (local, message) = (&mut self.local, self.message.get_mut(..room));
        let message = message.unwrap_or_default();
        let resumed = catch_unwind(AssertUnwindSafe(|| {
            deferred.resume(&snapshot, (resolution, now), local, message, &mut ())
        }));
        match resumed {
            Ok(Outcome::Reply { len, kind }) => {
                self.counters.reply(kind);
                let took = now.as_micros().saturating_sub(came.as_micros());
                self.counters.replies_left(Duration::from_micros(took));
                if !path.send(self.message.get(..len).unwrap_or_default()) {
                    self.counters.dropped(DropReason::NotSent, 1);
                }
            }
            Ok(Outcome::Drop(reason)) => {
                self.counters.dropped(reason, 1);
                path.send_nothing();
            }
            Ok(Outcome::Defer(deferred)) => self.ask(Waiting { deferred, path }, budget),
            // A bug of ours, which costs the one reply.
            Err(_) => {
                self.local = Local::default();
                path.send_nothing();
            }
        }
    }

    /// Lets the resolver do something. If it panics, which is a bug of ours, there is another one, and
    /// all that wait are told that it could not be found out.
    fn guard(&mut self, act: impl FnOnce(&mut Self, Now)) {
        let now = self.world.now();
        if catch_unwind(AssertUnwindSafe(|| act(self, now))).is_ok() {
            return;
        }
        self.resolver = fresh_resolver(&self.setup, now);
        for (_, (task, ..)) in self.flights.drain() {
            task.abort();
        }
        for (_, waiting) in std::mem::take(&mut self.waiting) {
            let failed = waiting.deferred.failed(FailureReason::Busy);
            self.go_on(waiting, failed, Budget::new(now));
        }
    }
}

/// What a failure is counted as.
fn label(reason: FailureReason) -> ResolverFailure {
    match reason {
        FailureReason::Unreachable => ResolverFailure::Timeout,
        FailureReason::Network => ResolverFailure::Network,
        FailureReason::Lame => ResolverFailure::Lame,
        FailureReason::TooLong => ResolverFailure::TooLong,
        FailureReason::Busy => ResolverFailure::Busy,
    }
}

/// A resolver that begins.
fn fresh_resolver(setup: &Setup, now: Now) -> Resolver {
    let Setup { options, cache, local, .. } = setup.clone();
    let mut resolver = Resolver::new(options, cache, local, SystemEntropy::default());
    resolver.start(now);
    resolver
}
