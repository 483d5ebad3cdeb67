//! Resolves questions by asking servers that it cannot reach itself.
//!
//! Sans-IO: time, randomness and what arrives are handed in, and what is to be sent is asked for. No
//! sockets, no clock, no zones; the same events give the same requests, byte for byte. The caller
//! delivers what arrives with `handle_*`, then drains `poll_transmit`, `poll_closed` and `poll_finished`
//! until all are empty, then sleeps until `poll_timeout`.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod budget;
mod cookies;
mod dead;
mod fetch;
mod lame;
mod learn;
mod lookup;
pub mod minimise;
mod options;
mod place;
mod priming;
mod private;
mod reception;
mod request;
pub mod response;
pub mod scrub;
mod search;
pub mod servers;
mod tally;

pub use budget::{Asking, Budget};
pub use lookup::Finished;
pub use options::{IsForbidden, Options, Route, RouteKind};

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::base::entropy::Entropy;
use crate::base::time::Now;
use crate::cache::{Cache, Local, Owned};
use crate::resolver::cookies::ClientCookies;
use crate::resolver::dead::DeadZones;
use crate::resolver::fetch::{Failing, Fetch};
use crate::resolver::lame::LameServers;
use crate::resolver::lookup::Lookup;
use crate::resolver::request::Loss;
use crate::resolver::servers::Servers;
use crate::resolver::tally::Tally;
use crate::wire::folded::FoldedName;
use crate::wire::name::NameBuf;
use crate::wire::numbers::Rtype;

/// What is asked, in class IN.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// The name, in lower case.
    pub name: NameBuf,
    /// The type.
    pub rtype: Rtype,
}

/// The number by which the caller knows whom a question is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asker(pub u64);

/// The number of a request to another server. No two have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// How a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// In a datagram, from a port of its own.
    Udp,
    /// Over a connection.
    Tcp,
}

/// Why what came back for a request is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// It has another ID.
    Id,
    /// It is no response, or repeats another question or none.
    Question,
    /// It repeats the question in another case. The server is asked over TCP.
    Case,
    /// It has another cookie than ours, or lacks that of its server. Without any the server is asked
    /// over TCP.
    Cookie,
    /// It cannot be read.
    Malformed,
}

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct Transmit {
    /// Its number.
    pub request: RequestId,
    /// The server.
    pub to: SocketAddr,
    /// How.
    pub channel: Channel,
    /// When it is given up at the latest: what comes later is of no use to it (`poll_closed`).
    pub until: Now,
    /// The message.
    pub octets: Vec<u8>,
}

/// Something that happens at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// A request has been waited for long enough.
    Request(RequestId),
    /// A client's question has to be answered now.
    Lookup(u64),
    /// A client's question is to be answered with what was true last, if anything was.
    Stale(u64),
}

/// Resolves questions.
#[derive(Debug)]
pub struct Resolver {
    options: Options,
    cache: Cache,
    local: Arc<dyn Local>,
    entropy: Box<dyn EntropySource>,
    cookies: ClientCookies,
    servers: Servers,
    lame: LameServers,
    dead: DeadZones,
    /// The fetch that asks a zone's parent for the zone's servers once more.
    renewing: HashMap<NameBuf, u64>,
    /// Questions of clients that wait.
    lookups: HashMap<u64, Lookup>,
    /// How many of them each client has.
    by_client: Tally<IpAddr>,
    fetches: HashMap<u64, Fetch>,
    /// The fetch that is under way for a question.
    by_question: HashMap<Question, u64>,
    /// The fetch that awaits a request.
    requests: HashMap<RequestId, u64>,
    /// How many requests are under way to the servers of each zone.
    by_zone: Tally<NameBuf>,
    /// Of these, how many are for each client.
    by_zone_and_client: Tally<(NameBuf, IpAddr)>,
    timers: BTreeSet<(Now, Due)>,
    transmits: VecDeque<Transmit>,
    /// Requests that are not awaited any more.
    closed: VecDeque<RequestId>,
    finished: VecDeque<Finished>,
    /// Fetches that are to go on.
    ready: VecDeque<u64>,
    /// The root is not primed again before that.
    primed_until: Now,
    next_id: u64,
}

/// A source of randomness that can be told of in logs.
trait EntropySource: Entropy + std::fmt::Debug {}

impl<E: Entropy + std::fmt::Debug> EntropySource for E {}

impl Resolver {
    /// A resolver that knows what `cache` knows, and what our own zones say.
    pub fn new(
        options: Options,
        cache: Cache,
        local: Arc<dyn Local>,
        entropy: impl Entropy + std::fmt::Debug + 'static,
    ) -> Self {
        Self {
            options,
            cache,
            local,
            cookies: ClientCookies::new(),
            entropy: Box::new(entropy),
            servers: Servers::default(),
            lame: LameServers::default(),
            dead: DeadZones::default(),
            renewing: HashMap::new(),
            lookups: HashMap::new(),
            by_client: Tally::default(),
            fetches: HashMap::new(),
            by_question: HashMap::new(),
            requests: HashMap::new(),
            by_zone: Tally::default(),
            by_zone_and_client: Tally::default(),
            timers: BTreeSet::new(),
            transmits: VecDeque::new(),
            closed: VecDeque::new(),
            finished: VecDeque::new(),
            ready: VecDeque::new(),
            primed_until: Now::default(),
            next_id: 0,
        }
    }

    /// Takes other zones of ours for what comes from now on.
    pub fn set_local(&mut self, local: Arc<dyn Local>) {
        self.local = local;
    }

    /// Keeps what is learnt from now on in another cache, or in the same one with other limits.
    pub fn set_cache(&mut self, cache: Cache) {
        self.cache = cache;
    }

    /// Takes other options. What is under way goes on with them, with the servers that it has come
    /// to, and the cache keeps what it has, but for the servers of the root if others are known
    /// from the start, and for what is within a route that is not the same.
    pub fn set_options(&mut self, now: Now, options: Options) {
        let before = std::mem::replace(&mut self.options, options);
        self.forget_routes(now, &self.options.changed_routes(&before));
        if self.options.root != before.root {
            self.forget_root(now, &before.root);
            self.primed_until = Now::default();
            self.start(now);
        }
    }

    /// Begins: asks the root for its servers if the options want that (RFC 9609). Need not be waited
    /// for.
    pub fn start(&mut self, now: Now) {
        self.prime_at_start(now);
        self.go_on(now);
    }

    /// Takes a question of a client. Beyond the bounds of `base::limits` it fails at once.
    pub fn handle_question(&mut self, now: Now, asking: Asking) {
        self.begin_lookup(now, asking);
        self.go_on(now);
    }

    /// Takes the news that what is known of a question ends soon and is asked for often
    /// (`Entry::take_due`): it is asked for, and nobody waits.
    pub fn handle_due(&mut self, now: Now, question: Question) {
        let name = FoldedName::new(question.name.as_name());
        if self.local.owner_of(&name, question.rtype) != Owned::Yes {
            self.prefetch(now, question);
        }
        self.go_on(now);
    }

    /// Takes what came back for a request, from the server it was sent to. Returns why it is not used if
    /// somebody else may have sent it.
    pub fn handle_response(
        &mut self,
        now: Now,
        request: RequestId,
        octets: &[u8],
    ) -> Option<Ignored> {
        let fetch = *self.requests.get(&request)?;
        let ignored = self.take_response(now, (fetch, request), octets);
        self.go_on(now);
        ignored
    }

    /// Takes the news that a request cannot reach its server.
    pub fn handle_unreachable(&mut self, now: Now, request: RequestId) {
        let Some(&id) = self.requests.get(&request) else { return };
        if self.is_current(id, request) {
            self.give_up_request(now, id, Loss::Unreachable);
            self.go_on(now);
        }
    }

    /// Takes the news that a request did not leave, because the machine has no room for it. What it was
    /// for fails, as with any other bound: the next server would not be asked either.
    pub fn handle_not_sent(&mut self, now: Now, request: RequestId) {
        let fetch = self.requests.get(&request).and_then(|fetch| self.fetches.remove(fetch));
        if let Some(fetch) = fetch {
            self.fail(now, fetch, Failing::Busy);
            self.go_on(now);
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some((at, due)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, due));
            match due {
                Due::Request(request) => {
                    if let Some(&fetch) = self.requests.get(&request) {
                        self.give_up_request(now, fetch, Loss::Timeout);
                    }
                }
                Due::Lookup(lookup) => self.give_up_lookup(now, lookup),
                Due::Stale(lookup) => self.end_early(now, lookup),
            }
            self.go_on(now);
        }
    }

    /// The next request to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next request that is not awaited any more, whether it was sent or is over by itself.
    pub fn poll_closed(&mut self) -> Option<RequestId> {
        self.closed.pop_front()
    }

    /// The next question that is answered.
    pub fn poll_finished(&mut self) -> Option<Finished> {
        self.finished.pop_front()
    }

    /// When `handle_timeout` is to be called.
    pub fn poll_timeout(&self) -> Option<Now> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Whether a response to the request would still be looked at.
    pub fn awaits(&self, request: RequestId) -> bool {
        self.requests.contains_key(&request)
    }

    /// How many questions of clients are being answered.
    pub fn inflight(&self) -> usize {
        self.lookups.len()
    }

    /// Lets fetches go on until all wait for something.
    fn go_on(&mut self, now: Now) {
        while let Some(fetch) = self.ready.pop_front() {
            self.advance(now, fetch);
        }
    }

    /// A number that nothing else has.
    fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}
