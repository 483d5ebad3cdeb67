//! The slow path: queries that have to wait for others, and the task that asks these.
//!
//! Drives `resolver` with the clock, sockets and randomness of the machine: hands in what arrives,
//! sends what it wants sent, and lets queries go on when what they wait for is there. Decides nothing
//! about names.

mod flight;
mod path;

pub(in crate::net) use flight::is_here;
pub use path::{InsideReply, Late, LateReply, ReplyPath, Room, TcpPath};

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use siphasher::sip::SipHasher24;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::answer::{Deferred, Outcome, Transport, Workspace};
use crate::base::entropy::Entropy;
use crate::base::limits::{MESSAGE_LEN_MAX, RESOLVER_EVENTS_MAX, RESOLVER_QUEUE_MAX, UDP_SIZE_MAX};
use crate::base::pace::Pace;
use crate::base::time::Now;
use crate::cache::{Cache, End, FailureReason, Resolution};
use crate::metrics::{
    DropReason, IgnoredResponse, ResolverCounters, ResolverFailure, WorkerCounters,
};
use crate::net::World;
use crate::net::upstream::flight::{Event, Flight, Source, What};
use crate::resolver::{
    Asker, Asking, Budget, Finished, Ignored, Options, Question, RequestId, Resolver,
};
use crate::sys::random::SystemEntropy;
use crate::wire::name::NameBuf;
use crate::wire::numbers::Rtype;

/// Queries taken out of the queue before what has arrived from others is looked at again.
const JOBS_AT_ONCE: usize = 64;

/// Messages from others that are looked at before queries and what is due get their turn.
const EVENTS_AT_ONCE: usize = 64;

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
    /// Wildcard addresses that we listen on: no address of this machine is asked at their ports.
    pub wildcards: Vec<SocketAddr>,
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
    setups: mpsc::UnboundedSender<Option<Setup>>,
    inflight: Arc<AtomicUsize>,
    counters: ResolverCounters,
    /// What replies take that connections have not read.
    room: Room,
}

/// The other end of `Upstream`.
#[derive(Debug)]
pub struct Inbox {
    jobs: mpsc::Receiver<Job>,
    setups: mpsc::UnboundedReceiver<Option<Setup>>,
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
        (Self { jobs, setups, inflight, counters, room: Room::shared() }, inbox)
    }

    /// Hands a query over. If there is too much to do, it comes back.
    pub fn ask(&self, deferred: Box<Deferred>, path: ReplyPath) -> Option<Box<Deferred>> {
        match self.jobs.try_send(Job::Ask(deferred, path)) {
            Ok(()) => None,
            Err(mpsc::error::TrySendError::Full(job) | mpsc::error::TrySendError::Closed(job)) => {
                match job {
                    Job::Ask(deferred, path) => {
                        path.give_up();
                        self.counters.failed(ResolverFailure::Busy);
                        Some(deferred)
                    }
                    Job::Renew(..) => None,
                }
            }
        }
    }

    /// Hands over something to be asked for again. It is forgotten if there is too much to do.
    pub fn renew(&self, (name, rtype): (NameBuf, Rtype)) {
        let _ = self.jobs.try_send(Job::Renew(name, rtype));
    }

    /// Sets the resolver up, or sets it up anew; what is under way goes on. Without a setup there is
    /// none when that has ended.
    pub fn set_up(&self, setup: Option<Setup>) {
        // Fails if nobody resolves any more.
        let _ = self.setups.send(setup);
    }

    /// The room for replies of one more connection.
    pub fn room_of_connection(&self) -> Room {
        self.room.of_connection()
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

/// Resolves until the server stops and all that wait have been answered.
pub async fn run(mut inbox: Inbox, world: Arc<World>, mut stopping: watch::Receiver<bool>) {
    let (events, mut arrived) = mpsc::channel(RESOLVER_EVENTS_MAX);
    let mut driver = Driver::new(&world, events, inbox.counters.clone());
    let mut taken = Vec::with_capacity(JOBS_AT_ONCE);
    let mut came = Vec::with_capacity(EVENTS_AT_ONCE);
    let mut is_stopping = false;
    let mut chores = interval(CHORES_EVERY);
    chores.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        if is_stopping && driver.waiting.is_empty() && inbox.jobs.is_empty() {
            return;
        }
        let due = driver.due();
        // In turns: none of them can keep the others waiting.
        tokio::select! {
            _ = arrived.recv_many(&mut came, EVENTS_AT_ONCE) => {
                came.drain(..).for_each(|event| driver.take_event(event));
                // What is due is due, however much arrives.
                driver.pass_time();
            }
            count = inbox.jobs.recv_many(&mut taken, JOBS_AT_ONCE) => {
                if count == 0 {
                    return;
                }
                // Whoever asks by a new snapshot asks the resolver that was set up for it before.
                while let Ok(setup) = inbox.setups.try_recv() {
                    driver.set_up(setup);
                }
                taken.drain(..).for_each(|job| driver.take_job(job));
            }
            () = sleep_until(due.unwrap_or_else(far_away)), if due.is_some() => driver.pass_time(),
            Some(setup) = inbox.setups.recv() => driver.set_up(setup),
            _ = chores.tick() => driver.do_chores(),
            _ = stopping.wait_for(|stopping| *stopping), if !is_stopping => is_stopping = true,
        }
        driver.drain();
        inbox.inflight.store(driver.waiting.len(), Ordering::Relaxed);
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

/// A request that is under way.
#[derive(Debug)]
struct UnderWay {
    task: AbortHandle,
    sent: Now,
}

/// The resolver and how it was set up.
struct Active {
    resolver: Resolver,
    setup: Setup,
    /// Whether nobody may ask it any more.
    is_retired: bool,
}

/// The resolver, if there is one, with what it needs from the machine.
struct Driver {
    world: Arc<World>,
    active: Option<Active>,
    waiting: HashMap<Asker, Waiting>,
    flights: HashMap<RequestId, UnderWay>,
    /// Resolvers there have been: each begins anew with the numbers of its requests.
    epoch: u64,
    events: mpsc::Sender<Event>,
    entropy: SystemEntropy,
    /// Chooses the address that each server is asked from.
    keyed: SipHasher24,
    next_asker: u64,
    local: Workspace,
    message: Vec<u8>,
    counters: WorkerCounters,
    resolver_counters: ResolverCounters,
    /// What the cache does of what it had put off.
    chores: Option<JoinHandle<()>>,
    /// How often it is logged that nothing can be sent.
    pace: Pace,
}

impl Driver {
    fn new(
        world: &Arc<World>,
        events: mpsc::Sender<Event>,
        resolver_counters: ResolverCounters,
    ) -> Self {
        let mut entropy = SystemEntropy::default();
        let keyed = SipHasher24::new_with_keys(entropy.next_u64(), entropy.next_u64());
        Self {
            world: Arc::clone(world),
            active: None,
            waiting: HashMap::new(),
            flights: HashMap::new(),
            epoch: 0,
            events,
            entropy,
            keyed,
            next_asker: 0,
            local: Workspace::default(),
            message: vec![0; MESSAGE_LEN_MAX],
            counters: world.counters().join(),
            resolver_counters,
            chores: None,
            pace: Pace::new(),
        }
    }

    /// When there is something to do by itself.
    fn due(&self) -> Option<Instant> {
        let due = self.active.as_ref()?.resolver.poll_timeout()?.as_micros();
        let now = self.world.now().as_micros();
        Some(Instant::now() + Duration::from_micros(due.saturating_sub(now)))
    }

    fn set_up(&mut self, setup: Option<Setup>) {
        let now = self.world.now();
        match (&mut self.active, setup) {
            (Some(active), Some(setup)) => {
                active.resolver.set_local(Arc::clone(&setup.local));
                active.resolver.set_cache(setup.cache.clone());
                // Last, because fetches that other routes concern begin anew at once.
                active.resolver.set_options(now, setup.options.clone());
                active.setup = setup;
                active.is_retired = false;
            }
            (Some(active), None) => active.is_retired = true,
            (None, Some(setup)) => self.begin(setup, now),
            (None, None) => (),
        }
    }

    /// Begins with a resolver.
    fn begin(&mut self, setup: Setup, now: Now) {
        self.epoch += 1;
        let Setup { options, cache, local, .. } = setup.clone();
        let mut resolver = Resolver::new(options, cache, local, SystemEntropy::default());
        resolver.start(now);
        self.active = Some(Active { resolver, setup, is_retired: false });
    }

    fn do_chores(&mut self) {
        let is_busy = self.chores.as_ref().is_some_and(|chores| !chores.is_finished());
        if let Some(active) = self.active.as_ref().filter(|_| !is_busy) {
            let cache = active.setup.cache.clone();
            self.chores = Some(tokio::task::spawn_blocking(move || cache.run_pending()));
        }
    }

    fn take_job(&mut self, job: Job) {
        match job {
            Job::Ask(deferred, path) => {
                let budget = Budget::new(self.world.now());
                self.ask(Waiting { deferred, path }, budget);
            }
            Job::Renew(name, rtype) => {
                let question = Question { name, rtype };
                self.guard(|resolver, now| resolver.handle_due(now, question));
            }
        }
    }

    fn ask(&mut self, waiting: Waiting, budget: Budget) {
        if self.active.is_none() {
            let failed = waiting.deferred.failed(FailureReason::Busy);
            return self.go_on(waiting, failed, budget);
        }
        self.next_asker += 1;
        let asker = Asker(self.next_asker);
        let (name, rtype) = waiting.deferred.wanted();
        let question = Question { name: name.to_buf(), rtype };
        let asking = Asking { asker, client: waiting.deferred.peer.ip(), question, budget };
        self.waiting.insert(asker, waiting);
        self.guard(|resolver, now| resolver.handle_question(now, asking));
    }

    fn take_event(&mut self, Event { epoch, request, what }: Event) {
        // What a resolver asked for that is gone interests nobody.
        if epoch != self.epoch {
            return;
        }
        match what {
            What::Response(octets) => {
                let mut ignored = None;
                self.guard(|resolver, now| {
                    ignored = resolver.handle_response(now, request, &octets);
                });
                if let Some(reason) = ignored {
                    self.resolver_counters.ignored(ignored_as(reason));
                }
                let is_awaited = |active: &Active| active.resolver.awaits(request);
                if self.active.as_ref().is_some_and(is_awaited) {
                    return;
                }
                if let Some(UnderWay { task, sent }) = self.flights.remove(&request) {
                    let took = self.world.now().as_micros().saturating_sub(sent.as_micros());
                    self.resolver_counters.responded(Duration::from_micros(took));
                    task.abort();
                }
            }
            What::Unreachable => {
                self.flights.remove(&request);
                self.guard(|resolver, now| resolver.handle_unreachable(now, request));
            }
            What::NotSent(error) => {
                self.flights.remove(&request);
                if self.pace.is_due(Instant::now().into_std()) {
                    tracing::error!(%error, "cannot ask other servers");
                }
                self.guard(|resolver, now| resolver.handle_not_sent(now, request));
            }
            What::Over => {
                self.flights.remove(&request);
            }
        }
    }

    fn pass_time(&mut self) {
        self.guard(|resolver, now| resolver.handle_timeout(now));
    }

    /// Sends what the resolver wants sent, and answers what it has found out.
    fn drain(&mut self) {
        loop {
            let Some(active) = &mut self.active else { return };
            while let Some(transmit) = active.resolver.poll_transmit() {
                let (request, now) = (transmit.request, self.world.now());
                let left = transmit.until.as_micros().saturating_sub(now.as_micros());
                let until = Instant::now() + Duration::from_micros(left);
                let Setup { sources, wildcards, .. } = &active.setup;
                let source = Source { sources, keyed: &self.keyed, wildcards };
                let flight = Flight::new(transmit, source, until, &mut self.entropy);
                self.resolver_counters.sent(flight.transport());
                let task = tokio::spawn(flight.fly(self.epoch, self.events.clone()));
                self.flights.insert(request, UnderWay { task: task.abort_handle(), sent: now });
            }
            while let Some(request) = active.resolver.poll_closed() {
                if let Some(UnderWay { task, .. }) = self.flights.remove(&request) {
                    task.abort();
                }
            }
            let finished = active.resolver.poll_finished();
            let is_over = active.is_retired && finished.is_none() && self.waiting.is_empty();
            match finished {
                Some(finished) => self.finish(finished),
                None => {
                    if is_over {
                        self.end();
                    }
                    return;
                }
            }
        }
    }

    /// Ends the resolver, and all that it has under way.
    fn end(&mut self) {
        self.active = None;
        self.flights.drain().for_each(|(_, flight)| flight.task.abort());
    }

    /// Lets a query go on.
    fn finish(&mut self, finished: Finished) {
        let Finished { asker, resolution, budget } = finished;
        if let Some(waiting) = self.waiting.remove(&asker) {
            self.go_on(waiting, resolution, budget);
        }
    }

    fn go_on(&mut self, waiting: Waiting, resolution: Resolution, budget: Budget) {
        let Waiting { deferred, path } = waiting;
        if let End::Failed(reason) = resolution.end {
            self.resolver_counters.failed(failed_as(reason));
        }
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
                let is_counted = path.is_of_client();
                if is_counted {
                    self.counters.reply(kind);
                    let took = now.as_micros().saturating_sub(came.as_micros());
                    self.counters.replies_left(Duration::from_micros(took));
                }
                let is_sent = path.send(self.message.get(..len).unwrap_or_default(), kind);
                if is_counted && !is_sent {
                    self.counters.dropped(DropReason::NotSent, 1);
                }
            }
            Ok(Outcome::Drop(reason)) => {
                if path.is_of_client() {
                    self.counters.dropped(reason, 1);
                }
            }
            Ok(Outcome::Defer(deferred)) => self.ask(Waiting { deferred, path }, budget),
            // A bug of ours, which costs the one reply.
            Err(_) => {
                self.local = Workspace::default();
            }
        }
    }

    /// Lets the resolver do something. If it panics, which is a bug of ours, there is another one, and
    /// all that wait are told that it could not be found out.
    fn guard(&mut self, act: impl FnOnce(&mut Resolver, Now)) {
        let now = self.world.now();
        let Some(active) = &mut self.active else { return };
        if catch_unwind(AssertUnwindSafe(|| act(&mut active.resolver, now))).is_ok() {
            return;
        }
        let setup = active.setup.clone();
        self.end();
        self.begin(setup, now);
        for (_, waiting) in std::mem::take(&mut self.waiting) {
            let failed = waiting.deferred.failed(FailureReason::Busy);
            self.go_on(waiting, failed, Budget::new(now));
        }
    }
}

/// What a failure is counted as.
fn failed_as(reason: FailureReason) -> ResolverFailure {
    match reason {
        FailureReason::Unreachable => ResolverFailure::Timeout,
        FailureReason::Network => ResolverFailure::Network,
        FailureReason::Lame => ResolverFailure::Lame,
        FailureReason::TooLong => ResolverFailure::TooLong,
        FailureReason::Busy => ResolverFailure::Busy,
    }
}

/// What a response that is not used is counted as.
fn ignored_as(reason: Ignored) -> IgnoredResponse {
    match reason {
        Ignored::Id => IgnoredResponse::Id,
        Ignored::Question => IgnoredResponse::Question,
        Ignored::Case => IgnoredResponse::Case,
        Ignored::Cookie => IgnoredResponse::Cookie,
        Ignored::Malformed => IgnoredResponse::Malformed,
    }
}

#[cfg(test)]
mod tests;
