//! Any operations in any order on a resolver: whatever clients, servers, the clock and the operator do,
//! the bounds hold, each question is answered in its time, and when all is done nothing is left.
//!
//! The fuzz target `operations` does the same with choices of its own.

use crate::received::mutated;
use crate::world::{exchange, name, snapshot, whole_zone};
use kereru::answer::{AnswerOptions, Snapshot, Transport};
use kereru::base::entropy::{Entropy, Seeded};
use kereru::base::limits::{
    FETCH_US_MAX, FETCHES_MAX, LATE_US_MAX, LOOKUP_US_MAX, LOOKUPS_MAX, LOOKUPS_PER_CLIENT_MAX,
    REQUESTS_PER_LOOKUP_MAX, REQUESTS_PER_ZONE_MAX,
};
use kereru::base::time::{Now, SECOND_US, Ttl};
use kereru::cache::{Cache, End, FailureReason, Limits, Local, NoZones, Table};
use kereru::resolver::{
    Asker, Asking, Budget, Channel, Options, Question, RequestId, Resolver, Route, RouteKind,
    Transmit,
};
use kereru::wire::name::NameBuf;
use kereru::wire::numbers::Rtype;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

/// The longest that a request is waited for, in microseconds, and some.
const WAIT_US_MAX: u64 = 2_000_000 + LATE_US_MAX;

/// How long something is asked for behind the last that was begun, in microseconds: the last alias of a
/// question may be followed just before its end, and may need the root, which then is primed.
const GOES_ON_US_MAX: u64 = LOOKUP_US_MAX + 2 * FETCH_US_MAX + 2 * WAIT_US_MAX;

/// Octets of the cache: little, so that things are lost from it.
const CACHE_LEN: usize = 1 << 16;

/// Servers by their addresses, each with zones as origin and text.
const SERVERS: [(&str, &[(&str, &str)]); 4] = [
    (
        "192.0.2.1",
        &[(
            ".",
            "@ NS root.test.\nroot.test. A 192.0.2.1\norg. NS ns.org.\nns.org. A 192.0.2.2\n\
             ns.org. AAAA 2001:db8::2\nnet. NS ns.net.\nns.net. A 192.0.2.4",
        )],
    ),
    (
        "192.0.2.2",
        &[(
            "org.",
            "@ NS ns\nns A 192.0.2.2\nns AAAA 2001:db8::2\nexample NS ns.example\n\
             ns.example 60 A 192.0.2.3\nglueless NS ns.servers.net.\nlost NS ns.lost2\n\
             lost2 NS ns.lost\nmany NS a.many2.net.\nmany NS b.many2.net.\nmany NS c.many2.net.",
        )],
    ),
    (
        "192.0.2.3",
        &[(
            "example.org.",
            "@ NS ns\nns A 192.0.2.3\nwww A 192.0.2.80\nalias CNAME www\nfar CNAME www.servers.net.\n\
             gone CNAME nothing.servers.net.\nloop1 CNAME loop2\nloop2 CNAME loop1\nold DNAME new\n\
             www.new A 192.0.2.81\nzero 0 A 192.0.2.82\nshort 5 A 192.0.2.83\na.b.c.d TXT deep\n\
             out CNAME away.glueless.org.\nlocal A 10.0.0.1\n*.w A 192.0.2.84",
        )],
    ),
    (
        "192.0.2.4",
        &[
            ("net.", "@ NS ns\nns A 192.0.2.4\nservers NS ns.servers\nns.servers A 192.0.2.4"),
            (
                "servers.net.",
                "@ NS ns\nns A 192.0.2.4\nwww A 192.0.2.90\nback CNAME far.example.org.",
            ),
            (
                "glueless.org.",
                "@ NS ns.servers.net.\nwww A 192.0.2.91\naway CNAME www.example.org.",
            ),
        ],
    ),
];

const NAMES: [&str; 22] = [
    ".",
    "org.",
    "example.org.",
    "www.example.org.",
    "alias.example.org.",
    "far.example.org.",
    "gone.example.org.",
    "loop1.example.org.",
    "www.old.example.org.",
    "zero.example.org.",
    "short.example.org.",
    "a.b.c.d.example.org.",
    "out.example.org.",
    "local.example.org.",
    "www.glueless.org.",
    "www.lost.org.",
    "www.many.org.",
    "www.servers.net.",
    "back.servers.net.",
    "ns.org.",
    "nothing.",
    "a.b.c.d.e.f.g.h.i.j.k.l.m.w.example.org.",
];

const TYPES: [Rtype; 10] = [
    Rtype::A,
    Rtype::A,
    Rtype::A,
    Rtype::AAAA,
    Rtype::TXT,
    Rtype::NS,
    Rtype::DS,
    Rtype::ANY,
    Rtype::RRSIG,
    Rtype::AXFR,
];

static WORLD: LazyLock<BTreeMap<IpAddr, Snapshot>> = LazyLock::new(|| {
    SERVERS.into_iter().map(|(address, zones)| (ip(address), serving(zones))).collect()
});

fn serving(zones: &[(&str, &str)]) -> Snapshot {
    let zones = zones.iter().map(|(origin, text)| {
        let text = format!("$TTL 3600\n@ SOA ns.x. admin.x. 1 2 3 4 30\n{text}\n");
        whole_zone(origin, &text)
    });
    snapshot(zones.collect(), AnswerOptions::default())
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn cache(chance: &mut dyn Entropy) -> Cache {
    Cache::new(Box::new(Table::new(CACHE_LEN)), limits(chance))
}

fn limits(chance: &mut dyn Entropy) -> Limits {
    let mut ttl = |some: [u32; 2]| Ttl::new(some[chance.below(2) as usize]).unwrap();
    Limits {
        min_ttl: ttl([0, 5]),
        max_ttl: ttl([86_400, 60]),
        max_negative_ttl: ttl([10_800, 1]),
        max_stale: ttl([0, 600]),
    }
}

fn options(chance: &mut dyn Entropy) -> Options {
    let route = |zone: &str, to: &str, kind| Route {
        zone: name(zone),
        to: vec![to.parse().unwrap()],
        kind,
    };
    let routes = match chance.below(8) {
        0 => vec![route("servers.net.", "192.0.2.4:53", RouteKind::Stub)],
        1 => vec![route("example.org.", "192.0.2.3:53", RouteKind::ForwardFirst)],
        2 => vec![route("net.", "192.0.2.4:53", RouteKind::ForwardOnly)],
        3 => vec![route(".", "192.0.2.1:53", RouteKind::ForwardFirst)],
        _ => Vec::new(),
    };
    let root = if chance.below(4) == 0 { "192.0.2.9" } else { "192.0.2.1" };
    let mut is_on = || chance.below(2) == 0;
    Options {
        root: vec![(name("root.test."), vec![ip("192.0.2.1"), ip(root)])],
        primes: is_on(),
        routes,
        port: 53,
        families: [true, is_on()],
        minimises: is_on(),
        mixes_case: is_on(),
        filters_private: is_on(),
        is_forbidden: Arc::new(|to| to.ip().is_loopback()),
    }
}

fn is_forwarded(options: &Options) -> bool {
    options.route(name("www.example.org.").as_name()).is_some()
}

/// A resolver, and what is known of it outside.
struct Run<'c> {
    chance: &'c mut dyn Entropy,
    resolver: Resolver,
    cache: Cache,
    now: Now,
    /// When something was last begun.
    last: Now,
    /// Who waits, and until when.
    waiting: BTreeMap<Asker, (IpAddr, Now)>,
    asked: u64,
    /// Requests that were sent, the newest last.
    sent: Vec<Transmit>,
    numbers: BTreeSet<RequestId>,
    /// Requests that may have been sent.
    paid: u64,
    /// Whether example.org. was forwarded, which is not counted as asking its servers.
    was_forwarded: bool,
}

impl Run<'_> {
    fn name(&mut self) -> NameBuf {
        let text = NAMES[self.chance.below(22) as usize];
        match self.chance.below(4) {
            0 => name(&format!("n{}.{}", self.chance.below(50), text.trim_start_matches('.'))),
            _ => name(text),
        }
    }

    fn question(&mut self) -> Question {
        let rtype = TYPES[self.chance.below(10) as usize];
        Question { name: self.name(), rtype }
    }

    fn ask(&mut self, client: IpAddr, question: Question, requests_left: u32) {
        self.asked += 1;
        let asker = Asker(self.asked);
        let budget = Budget { requests_left, ..Budget::new(self.now) };
        self.waiting.insert(asker, (client, self.now.after_micros(LOOKUP_US_MAX)));
        // It may fetch its own answer, and the root's servers.
        self.paid += u64::from(requests_left);
        self.pay();
        self.resolver.handle_question(self.now, Asking { asker, client, question, budget });
    }

    /// Lets something be fetched for which nobody waits.
    fn pay(&mut self) {
        self.paid += u64::from(REQUESTS_PER_LOOKUP_MAX);
        self.last = self.now;
    }

    fn client(&mut self) -> IpAddr {
        ip(["198.51.100.1", "198.51.100.2", "2001:db8:1::1"][self.chance.below(3) as usize])
    }

    /// A request that was sent, one of the newest.
    fn some_sent(&mut self) -> Option<Transmit> {
        let back = self.chance.below(8) as usize;
        let place = self.sent.len().checked_sub(1 + back)?;
        self.sent.get(place).cloned()
    }

    /// What the server says to a request; nothing if there is none, and sometimes another does.
    fn response(&mut self, transmit: &Transmit) -> Option<Vec<u8>> {
        let place = self.chance.below(16) as usize;
        let other = SERVERS.get(place).map(|(address, _)| ip(address));
        let server = WORLD.get(&other.unwrap_or_else(|| transmit.to.ip()))?;
        let transport = match transmit.channel {
            Channel::Udp => Transport::Udp,
            Channel::Tcp => Transport::Tcp,
        };
        exchange(server, transport, &transmit.octets)
    }

    fn respond(&mut self) {
        let Some(transmit) = self.some_sent() else { return };
        let Some(mut octets) = self.response(&transmit) else { return };
        match self.chance.below(24) {
            0 => octets[0] ^= 0x55,
            1 => octets[2] |= 2,
            2 => octets[3] = octets[3] & 0xF0 | self.chance.below(16).to_be_bytes()[3],
            3 => octets.truncate(self.chance.below(64) as usize),
            4 => octets = transmit.octets.clone(),
            5 => {
                // What another was asked.
                if let Some(other) = self.some_sent().and_then(|other| self.response(&other)) {
                    octets = other;
                }
            }
            6 => octets[2] &= !4,
            7..10 => octets = mutated(&octets, self.chance.next_u64()),
            _ => (),
        }
        let times = if self.chance.below(8) == 0 { 12 } else { 1 };
        for _ in 0..times {
            self.resolver.handle_response(self.now, transmit.request, &octets);
        }
    }

    /// Lets so many microseconds pass; what is due is done at its time.
    fn pass(&mut self, micros: u64) {
        let until = self.now.after_micros(micros);
        while let Some(due) = self.resolver.poll_timeout().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.resolver.handle_timeout(self.now);
            self.check();
        }
        self.now = until;
    }

    fn change(&mut self) {
        match self.chance.below(6) {
            0 => {
                self.pay();
                let options = options(self.chance);
                self.was_forwarded |= is_forwarded(&options);
                self.resolver.set_options(self.now, options);
            }
            1 => {
                self.cache = cache(self.chance);
                self.resolver.set_cache(self.cache.clone());
            }
            2 => {
                self.cache = self.cache.with_limits(limits(self.chance));
                self.resolver.set_cache(self.cache.clone());
            }
            3 => {
                let zones = &WORLD[&ip("192.0.2.4")];
                self.resolver.set_local(Arc::clone(&zones.views[0]) as Arc<dyn Local>);
            }
            4 => self.resolver.set_local(Arc::new(NoZones)),
            _ => {
                let name = self.name();
                self.cache.flush_tree(name.as_name());
            }
        }
    }

    fn step(&mut self) {
        match self.chance.below(24) {
            0..5 => {
                let requests = [REQUESTS_PER_LOOKUP_MAX, 3][usize::from(self.chance.below(8) == 0)];
                let (client, question) = (self.client(), self.question());
                self.ask(client, question, requests);
            }
            5 => {
                self.pay();
                let question = self.question();
                self.resolver.handle_due(self.now, question);
            }
            6..16 => self.respond(),
            16 => {
                if let Some(transmit) = self.some_sent() {
                    self.resolver.handle_unreachable(self.now, transmit.request);
                }
            }
            17 => {
                let until = self.resolver.poll_timeout().unwrap_or(self.now);
                self.pass(until.as_micros().saturating_sub(self.now.as_micros()));
            }
            18 => {
                let micros = self.chance.below(400_000);
                self.pass(u64::from(micros));
            }
            19 => {
                let quarters = self.chance.below(400);
                self.pass(u64::from(quarters) * SECOND_US / 4);
            }
            20 => self.change(),
            21 => {
                self.pay();
                self.resolver.start(self.now);
            }
            22 if self.chance.below(16) == 0 => self.flood(),
            _ => self.resolver.handle_timeout(self.now),
        }
        self.check();
    }

    /// More names of one zone than may be asked for at a time, by one client.
    fn flood(&mut self) {
        let client = self.client();
        for number in 0..LOOKUPS_PER_CLIENT_MAX + 10 {
            let name = name(&format!("f{number}.example.org."));
            self.ask(client, Question { name, rtype: Rtype::A }, REQUESTS_PER_LOOKUP_MAX);
            self.check();
        }
    }

    /// Takes what comes out, and looks whether all bounds hold.
    fn check(&mut self) {
        while let Some(transmit) = self.resolver.poll_transmit() {
            assert!(transmit.until > self.now && self.resolver.awaits(transmit.request));
            assert!(transmit.until <= self.now.after_micros(WAIT_US_MAX));
            assert!(self.numbers.insert(transmit.request), "a number twice");
            assert!(!transmit.to.ip().is_loopback(), "{}", transmit.to);
            self.sent.push(transmit);
        }
        while let Some(finished) = self.resolver.poll_finished() {
            let (_, deadline) = self.waiting.remove(&finished.asker).expect("answered twice");
            assert!(self.now <= deadline, "late");
        }
        let due = self.resolver.poll_timeout();
        assert!(due.is_some() || self.waiting.is_empty(), "nobody will wake it");
        assert_eq!(self.resolver.inflight(), self.waiting.len());
        assert!(self.waiting.len() <= LOOKUPS_MAX);
        let sent = self.numbers.len() as u64;
        assert!(sent <= self.paid, "{sent} requests where {} were paid", self.paid);
    }

    /// What holds at all times and is costly to look at.
    fn check_bounds(&self) {
        let mut by_client: BTreeMap<IpAddr, u32> = BTreeMap::new();
        self.waiting.values().for_each(|(client, _)| *by_client.entry(*client).or_default() += 1);
        assert!(by_client.values().all(|count| *count <= LOOKUPS_PER_CLIENT_MAX));
        let awaited: Vec<&Transmit> =
            self.sent.iter().filter(|sent| self.resolver.awaits(sent.request)).collect();
        assert!(awaited.len() <= FETCHES_MAX);
        // Of these servers each serves one zone below the top.
        let to = awaited.iter().filter(|sent| sent.to.ip() == ip("192.0.2.3")).count();
        let is_bound = to <= REQUESTS_PER_ZONE_MAX as usize || self.was_forwarded;
        assert!(is_bound, "{to} requests to one zone");
    }

    /// Nobody responds any more: all that waits ends, and there is room for everything again.
    fn end(mut self) {
        while let Some(due) = self.resolver.poll_timeout() {
            assert!(due <= self.last.after_micros(GOES_ON_US_MAX), "goes on");
            self.now = self.now.max(due);
            self.resolver.handle_timeout(self.now);
            assert!(self.resolver.poll_timeout().is_none_or(|next| next > self.now), "no progress");
            self.check();
        }
        assert!(self.waiting.is_empty() && self.resolver.inflight() == 0);
        assert!(!self.sent.iter().any(|sent| self.resolver.awaits(sent.request)));
        let other_root = vec![(name("root.test."), vec![ip("192.0.2.1")])];
        let chance = &mut Seeded::new(1);
        let options =
            Options { root: other_root, primes: false, routes: Vec::new(), ..options(chance) };
        self.resolver.set_options(self.now, options);
        self.resolver.set_local(Arc::new(NoZones));
        self.resolver.set_cache(cache(chance));
        for number in 0..LOOKUPS_PER_CLIENT_MAX {
            let question =
                Question { name: name(&format!("e{number}.example.org.")), rtype: Rtype::A };
            let asker = Asker(u64::MAX - u64::from(number));
            let (client, budget) = (ip("198.51.100.1"), Budget::new(self.now));
            self.resolver.handle_question(self.now, Asking { asker, client, question, budget });
        }
        while let Some(finished) = self.resolver.poll_finished() {
            let end = finished.resolution.end;
            assert!(!matches!(end, End::Failed(FailureReason::Busy)), "a place is still taken");
        }
    }
}

/// Does so many operations, as `chance` chooses.
pub fn run(chance: &mut dyn Entropy, steps: usize) {
    let (cache, options) = (cache(chance), options(chance));
    let was_forwarded = is_forwarded(&options);
    let entropy = Seeded::new(chance.next_u64());
    let now = Now::from_micros(1_000_000);
    let resolver = Resolver::new(options, cache.clone(), Arc::new(NoZones), entropy);
    let mut run = Run {
        chance,
        resolver,
        cache,
        now,
        last: now,
        waiting: BTreeMap::new(),
        asked: 0,
        sent: Vec::new(),
        numbers: BTreeSet::new(),
        paid: 0,
        was_forwarded,
    };
    for step in 0..steps {
        run.step();
        if step % 16 == 0 {
            run.check_bounds();
        }
    }
    run.check_bounds();
    run.end();
}

/// Choices by octets; nothing but zeros behind their end.
#[derive(Debug)]
pub struct Octets<'o>(pub &'o [u8]);

impl Entropy for Octets<'_> {
    fn next_u64(&mut self) -> u64 {
        let (octets, rest) = self.0.split_at(self.0.len().min(8));
        self.0 = rest;
        let mut number = [0; 8];
        number[..octets.len()].copy_from_slice(octets);
        u64::from_be_bytes(number)
    }

    fn below(&mut self, bound: u32) -> u32 {
        let needed = if bound <= 256 { 1 } else { 4 };
        let (octets, rest) = self.0.split_at(self.0.len().min(needed));
        self.0 = rest;
        octets.iter().fold(0, |number: u32, octet| number << 8 | u32::from(*octet)) % bound
    }
}

#[cfg(test)]
mod tests {
    use super::{Octets, run};
    use crate::corpus::OnPanic;
    use kereru::base::entropy::{Entropy, Seeded};

    /// Runs, each with a seed of its own, which a failure tells.
    const SEEDS: u64 = 24;

    #[test]
    fn resolver_keeps_its_bounds_whatever_happens_in_whatever_order() {
        for seed in 0..SEEDS {
            let told = OnPanic(format!("seed {seed}"));
            run(&mut Seeded::new(seed), 400);
            drop(told);
        }
    }

    #[test]
    fn choices_by_octets_end_like_others() {
        for seed in 0..SEEDS {
            let told = OnPanic(format!("octets of seed {seed}"));
            let mut chance = Seeded::new(seed);
            let octets: Vec<u8> = (0..200).flat_map(|_| chance.next_u64().to_be_bytes()).collect();
            run(&mut Octets(&octets), octets.len() / 4);
            drop(told);
        }
    }
}
