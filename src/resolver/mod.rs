//! Resolves questions by asking servers that it cannot reach itself.
//!
//! Sans-IO: time, randomness and what arrives are handed in, and what is to be sent is asked for. No
//! sockets, no clock, no zones; the same events give the same requests, byte for byte. The caller
//! delivers what arrives with `handle_*`, then drains `poll_transmit` and `poll_finished` until both
//! are empty, then sleeps until `poll_timeout`.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod fetch;
mod learn;
mod lookup;
pub mod minimise;
mod options;
mod place;
pub mod response;
pub mod scrub;
pub mod servers;

pub use lookup::{End, Finished};
pub use options::{IsForbidden, Options, Route, RouteKind};

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;

use crate::base::entropy::Entropy;
use crate::base::time::Now;
use crate::cache::Cache;
use crate::resolver::fetch::Fetch;
use crate::resolver::lookup::Lookup;
use crate::resolver::servers::Servers;
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

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct Transmit {
    /// Its number.
    pub request: RequestId,
    /// The server.
    pub to: SocketAddr,
    /// How.
    pub channel: Channel,
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
}

/// Resolves questions.
#[derive(Debug)]
pub struct Resolver {
    options: Options,
    cache: Cache,
    entropy: Box<dyn EntropySource>,
    servers: Servers,
    lookups: HashMap<u64, Lookup>,
    fetches: HashMap<u64, Fetch>,
    /// The fetch that is under way for a question.
    by_question: HashMap<Question, u64>,
    /// The fetch that awaits a request.
    requests: HashMap<RequestId, u64>,
    timers: BTreeSet<(Now, Due)>,
    transmits: VecDeque<Transmit>,
    finished: VecDeque<Finished>,
    /// Fetches that are to go on.
    ready: VecDeque<u64>,
    next_id: u64,
}

/// A source of randomness that can be told of in logs.
trait EntropySource: Entropy + std::fmt::Debug {}

impl<E: Entropy + std::fmt::Debug> EntropySource for E {}

impl Resolver {
    /// A resolver that knows what `cache` knows.
    pub fn new(
        options: Options,
        cache: Cache,
        entropy: impl Entropy + std::fmt::Debug + 'static,
    ) -> Self {
        Self {
            options,
            cache,
            entropy: Box::new(entropy),
            servers: Servers::default(),
            lookups: HashMap::new(),
            fetches: HashMap::new(),
            by_question: HashMap::new(),
            requests: HashMap::new(),
            timers: BTreeSet::new(),
            transmits: VecDeque::new(),
            finished: VecDeque::new(),
            ready: VecDeque::new(),
            next_id: 0,
        }
    }

    /// Takes a question of a client.
    pub fn handle_question(&mut self, now: Now, asker: Asker, question: Question) {
        self.begin_lookup(now, asker, question);
        self.go_on(now);
    }

    /// Takes what came back for a request, from the server it was sent to.
    pub fn handle_response(&mut self, now: Now, request: RequestId, octets: &[u8]) {
        if let Some(&fetch) = self.requests.get(&request) {
            self.take_response(now, fetch, octets);
            self.go_on(now);
        }
    }

    /// Takes the news that a request cannot reach its server.
    pub fn handle_unreachable(&mut self, now: Now, request: RequestId) {
        if let Some(&fetch) = self.requests.get(&request) {
            self.give_up_request(now, fetch);
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
                        self.give_up_request(now, fetch);
                    }
                }
                Due::Lookup(lookup) => self.give_up_lookup(lookup),
            }
            self.go_on(now);
        }
    }

    /// The next request to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
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
