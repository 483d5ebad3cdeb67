//! The resolver in a small world of real authoritative answers, without sockets and with a clock of
//! its own.

mod aliases;
mod blame;
mod bounds;
mod exchanges;
mod floods;
mod forwarding;
mod ghosts;
mod iteration;
mod large;
mod own;
mod priming;
mod script;
mod server_addresses;
mod stale;
mod trouble;
mod types;

use crate::world::{exchange, name, snapshot, whole_zone};
use kereru::answer::{AnswerOptions, Snapshot, Transport};
use kereru::base::entropy::Seeded;
use kereru::base::time::{Now, SECOND_US, Ttl};
use kereru::cache::{Cache, End, FailureReason, Limits, Local, NoZones, Resolution, Table};
use kereru::resolver::{
    Asker, Asking, Budget, Channel, Finished, Options, Question, RequestId, Resolver, Transmit,
};
use kereru::wire::header::Flags;
use kereru::wire::numbers::Rtype;
use kereru::wire::typed::Response;
use script::Event;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// Microseconds to a server and back.
const TRIP_US: u64 = 20_000;

/// Events after which a run that does not end is given up.
const EVENTS_MAX: usize = 20_000;

/// What a server does with a response before it leaves: `None` keeps it.
type Tamper = Box<dyn Fn(&Transmit, Vec<u8>) -> Option<Vec<u8>>>;

/// A server: its address, and its zones as origin and text.
type Host<'t> = (&'t str, &'t [(&'t str, &'t str)]);

/// Servers by address, a resolver, and what it sent.
struct World {
    servers: BTreeMap<IpAddr, Snapshot>,
    /// Servers that do not respond, that do not over UDP, that refuse connections, and that the
    /// network does not reach.
    silent: BTreeSet<IpAddr>,
    silent_over_udp: BTreeSet<IpAddr>,
    refusing_tcp: BTreeSet<IpAddr>,
    unreachable: BTreeSet<IpAddr>,
    /// Microseconds that a server takes longer than others.
    delays: BTreeMap<IpAddr, u64>,
    tamper: Option<Tamper>,
    resolver: Resolver,
    now: Now,
    /// Responses on their way.
    arrivals: BTreeMap<(Now, RequestId), Option<Vec<u8>>>,
    sent: Vec<(IpAddr, String)>,
    channels: Vec<Channel>,
    asked: u64,
    /// What happened, to be written as a scenario.
    events: Vec<(Now, Event)>,
}

fn options() -> Options {
    Options {
        root: vec![(name("root.test."), vec!["192.0.2.1".parse().unwrap()])],
        primes: false,
        routes: Vec::new(),
        port: 53,
        families: [true, false],
        minimises: true,
        mixes_case: true,
        filters_private: false,
        is_forbidden: Arc::new(|_| false),
    }
}

/// A cache that tells what is over for so many seconds.
fn cache(stale_secs: u32) -> Cache {
    let ttl = |seconds| Ttl::new(seconds).unwrap();
    let limits = Limits {
        min_ttl: ttl(0),
        max_ttl: ttl(86_400),
        max_negative_ttl: ttl(10_800),
        max_stale: ttl(stale_secs),
    };
    Cache::new(Box::new(Table::new(1 << 24)), limits)
}

/// The zones of a server; the SOA is added.
fn serving(zones: &[(&str, &str)], options: AnswerOptions) -> Snapshot {
    let zones = zones.iter().map(|(origin, text)| {
        let text = format!("$TTL 3600\n@ SOA ns.{origin} admin 1 2 3 4 300\n{text}\n");
        whole_zone(origin, &text.replace("..", "."))
    });
    snapshot(zones.collect(), options)
}

impl World {
    fn new(options: Options, servers: &[Host<'_>]) -> Self {
        Self::with(options, Arc::new(NoZones), 0, servers)
    }

    fn with(
        options: Options,
        local: Arc<dyn Local>,
        stale_secs: u32,
        servers: &[Host<'_>],
    ) -> Self {
        let servers = servers.iter().map(|(address, zones)| {
            (address.parse().unwrap(), serving(zones, AnswerOptions::default()))
        });
        Self {
            servers: servers.collect(),
            silent: BTreeSet::new(),
            silent_over_udp: BTreeSet::new(),
            refusing_tcp: BTreeSet::new(),
            unreachable: BTreeSet::new(),
            delays: BTreeMap::new(),
            tamper: None,
            resolver: Resolver::new(options, cache(stale_secs), local, Seeded::new(1)),
            now: Now::from_micros(1_000_000),
            arrivals: BTreeMap::new(),
            sent: Vec::new(),
            channels: Vec::new(),
            asked: 0,
            events: Vec::new(),
        }
    }

    /// Puts other zones on a server.
    fn serve(&mut self, address: &str, zones: &[(&str, &str)]) {
        self.servers.insert(ip(address), serving(zones, AnswerOptions::default()));
    }

    /// Asks, and plays until there is an answer.
    fn ask(&mut self, qname: &str, rtype: Rtype) -> Resolution {
        self.ask_with(qname, rtype, Budget::new(self.now)).resolution
    }

    fn ask_with(&mut self, qname: &str, rtype: Rtype, budget: Budget) -> Finished {
        self.sent.clear();
        self.channels.clear();
        let asker = self.put(qname, rtype, budget);
        for _ in 0..EVENTS_MAX {
            match self.resolver.poll_finished() {
                Some(finished) if finished.asker == asker => return finished,
                Some(_) => (),
                None => assert!(self.step(), "nothing to wait for"),
            }
        }
        panic!("no end after {} requests", self.sent.len());
    }

    /// Puts a question and does not wait.
    fn put(&mut self, qname: &str, rtype: Rtype, budget: Budget) -> Asker {
        self.asked += 1;
        let asker = Asker(self.asked);
        let question = Question { name: name(qname), rtype };
        let client = ip("198.51.100.1");
        self.events.push((self.now, Event::Asked(question.clone())));
        self.resolver.handle_question(self.now, Asking { asker, client, question, budget });
        asker
    }

    /// Plays until nothing is under way; returns what was answered.
    fn rest(&mut self) -> Vec<Finished> {
        self.rest_of(EVENTS_MAX)
    }

    /// The same, of which not more than so many events are expected.
    fn rest_of(&mut self, events_max: usize) -> Vec<Finished> {
        let mut finished = Vec::new();
        for _ in 0..events_max {
            match self.resolver.poll_finished() {
                Some(one) => finished.push(one),
                None if self.step() => (),
                None => return finished,
            }
        }
        panic!("no end after {} requests", self.sent.len());
    }

    /// Lets so many seconds go by in which nothing is under way.
    fn pass(&mut self, seconds: u64) {
        self.rest();
        self.now = self.now.after_micros(seconds * SECOND_US);
    }

    /// Lets the next thing happen; false if there is none.
    fn step(&mut self) -> bool {
        if let Some(transmit) = self.resolver.poll_transmit() {
            self.deliver(&transmit);
            return true;
        }
        let arrival = self.arrivals.keys().next().copied();
        let due = self.resolver.poll_timeout();
        match (arrival, due) {
            (Some((at, request)), due) if due.is_none_or(|due| at <= due) => {
                self.now = self.now.max(at);
                let octets = self.arrivals.remove(&(at, request)).unwrap();
                self.events.push((self.now, Event::Came(request, octets.clone())));
                match octets {
                    Some(octets) => {
                        self.resolver.handle_response(self.now, request, &octets);
                    }
                    None => self.resolver.handle_unreachable(self.now, request),
                }
            }
            (_, Some(due)) => {
                self.now = self.now.max(due);
                self.resolver.handle_timeout(self.now);
            }
            (_, None) => return false,
        }
        true
    }

    /// Lets a server respond, some time later.
    fn deliver(&mut self, transmit: &Transmit) {
        let asked = Response::read(&transmit.octets).unwrap().question.unwrap();
        let asked = format!("{} {}", asked.0.as_name().to_lowercase(), asked.1.rtype);
        let to = transmit.to.ip();
        self.events.push((self.now, Event::Sent(transmit.clone())));
        self.sent.push((to, asked));
        self.channels.push(transmit.channel);
        assert!(transmit.until > self.now);
        let is_lost = self.silent.contains(&to)
            || (transmit.channel == Channel::Udp && self.silent_over_udp.contains(&to));
        // A connection takes one more trip.
        let trips = if transmit.channel == Channel::Tcp { 2 } else { 1 };
        let trip_us = TRIP_US + self.delays.get(&to).copied().unwrap_or(0);
        let at = self.now.after_micros(trips * trip_us);
        let is_refused = transmit.channel == Channel::Tcp && self.refusing_tcp.contains(&to);
        if is_refused || self.unreachable.contains(&to) {
            self.arrivals.insert((at, transmit.request), None);
            return;
        }
        let Some(server) = self.servers.get(&to).filter(|_| !is_lost) else { return };
        let transport = match transmit.channel {
            Channel::Udp => Transport::Udp,
            Channel::Tcp => Transport::Tcp,
        };
        let mut response = exchange(server, transport, &transmit.octets).unwrap();
        if let Some(tamper) = &self.tamper {
            match tamper(transmit, response) {
                Some(tampered) => response = tampered,
                None => return,
            }
        }
        self.arrivals.insert((at, transmit.request), Some(response));
    }

    /// What was sent, as `address name type`.
    fn sent(&self) -> Vec<String> {
        self.sent.iter().map(|(to, asked)| format!("{to} {asked}")).collect()
    }

    /// How many requests went to a server.
    fn sent_to(&self, address: &str) -> usize {
        self.sent.iter().filter(|(to, _)| *to == ip(address)).count()
    }
}

const ROOT: &str = "@ NS root.test.\nroot.test. A 192.0.2.1\norg. NS ns.org.\nns.org. A 192.0.2.2\n\
     net. NS ns.net.\nns.net. A 192.0.2.4";

const ORG: &str = "@ NS ns\nns A 192.0.2.2\nexample NS ns.example\nns.example A 192.0.2.3\n\
     glueless NS ns.servers.net.\nlost NS ns.lost2\nlost2 NS ns.lost\n\
     dead NS ns.dead\nns.dead A 192.0.2.99";

const EXAMPLE: &str = "@ NS ns\nns A 192.0.2.3\nwww A 192.0.2.80\nalias CNAME www\n\
     far CNAME www.servers.net.\ngone CNAME nothing.servers.net.\na.b.c.d TXT deep\n\
     loop1 CNAME loop2\nloop2 CNAME loop1\nold DNAME new\nwww.new A 192.0.2.81\n\
     zero 0 A 192.0.2.82\nshort 100 A 192.0.2.83\nshort2 100 CNAME short\n\
     both A 192.0.2.84\nboth TXT text\nboth MX 10 www";

/// The root, org., example.org. and another zone, on a server each.
const HIERARCHY: &[Host<'static>] = &[
    ("192.0.2.1", &[(".", ROOT)]),
    ("192.0.2.2", &[("org.", ORG)]),
    ("192.0.2.3", &[("example.org.", EXAMPLE)]),
    (
        "192.0.2.4",
        &[("net.", "@ NS ns\nns A 192.0.2.4\nservers NS ns.servers\nns.servers A 192.0.2.5")],
    ),
    (
        "192.0.2.5",
        &[
            ("servers.net.", "@ NS ns\nns A 192.0.2.5\nwww A 192.0.2.90"),
            ("glueless.org.", "@ NS ns.servers.net.\nwww A 192.0.2.91"),
        ],
    ),
];

fn hierarchy() -> World {
    hierarchy_with(options())
}

fn hierarchy_with(options: Options) -> World {
    World::new(options, HIERARCHY)
}

/// The addresses at the end.
#[track_caller]
fn addresses(resolution: &Resolution) -> Vec<IpAddr> {
    let End::Records(entries) = &resolution.end else { panic!("no records: {resolution:?}") };
    let [entry] = &entries[..] else { panic!("several sets: {resolution:?}") };
    let address = |rdata: &[u8]| match rdata.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(rdata).unwrap()),
        _ => IpAddr::from(<[u8; 16]>::try_from(rdata).unwrap()),
    };
    entry.rdatas().map(address).collect()
}

#[track_caller]
fn check_failed(resolution: &Resolution, expected: FailureReason) {
    assert!(matches!(resolution.end, End::Failed(reason) if reason == expected), "{resolution:?}");
}

#[track_caller]
fn check_denied(resolution: &Resolution) {
    assert!(matches!(resolution.end, End::NameError(_)), "{resolution:?}");
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// What was asked for, in the case it was asked in.
fn asked(transmit: &Transmit) -> kereru::wire::name::NameBuf {
    Response::read(&transmit.octets).unwrap().question.unwrap().0
}

/// A server that answers everything with a response code and nothing else.
fn failing_with(address: &'static str, rcode: u8) -> Tamper {
    Box::new(move |transmit, response| {
        if transmit.to.ip() != ip(address) {
            return Some(response);
        }
        Some(bare(transmit, Flags::QR, rcode))
    })
}

/// A response that repeats the question and has these flags and no records.
fn bare(transmit: &Transmit, flags: u16, rcode: u8) -> Vec<u8> {
    let end = 12 + asked(transmit).as_name().len() + 4;
    let mut response = transmit.octets[..end].to_vec();
    response[2..4].copy_from_slice(&(flags | u16::from(rcode)).to_be_bytes());
    response[6..12].fill(0);
    response
}
