//! The resolver in a small world of real authoritative answers, without sockets and with a clock of
//! its own.

use crate::world::{exchange, name, snapshot, whole_zone};
use kereru::answer::{AnswerOptions, Snapshot, Transport};
use kereru::base::entropy::Seeded;
use kereru::base::limits::{LOOKUP_US_MAX, REQUESTS_PER_LOOKUP_MAX};
use kereru::base::time::{Now, Ttl};
use kereru::cache::{Cache, FailureReason, Limits, Table};
use kereru::resolver::{
    Asker, Channel, End, Finished, Options, Question, Resolver, Route, RouteKind, Transmit,
};
use kereru::wire::header::Flags;
use kereru::wire::numbers::Rtype;
use kereru::wire::typed::Response;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Microseconds to a server and back.
const TRIP_US: u64 = 20_000;

/// Events after which a run that does not end is given up.
const EVENTS_MAX: usize = 20_000;

/// What a server does with a response before it leaves: `None` keeps it.
type Tamper = Box<dyn Fn(&Transmit, Vec<u8>) -> Option<Vec<u8>>>;

/// Servers by address, a resolver, and what it sent.
struct World {
    servers: BTreeMap<IpAddr, Snapshot>,
    silent: BTreeSet<IpAddr>,
    tamper: Option<Tamper>,
    resolver: Resolver,
    now: Now,
    sent: Vec<(IpAddr, String)>,
    channels: Vec<Channel>,
    asked: u64,
}

fn options() -> Options {
    Options {
        root: vec![(name("root.test."), vec!["192.0.2.1".parse().unwrap()])],
        routes: Vec::new(),
        port: 53,
        families: [true, false],
        minimises: true,
        mixes_case: true,
        is_forbidden: Arc::new(|_| false),
    }
}

fn cache() -> Cache {
    let ttl = |seconds| Ttl::new(seconds).unwrap();
    let limits = Limits {
        min_ttl: ttl(0),
        max_ttl: ttl(86_400),
        max_negative_ttl: ttl(10_800),
        max_stale: ttl(0),
    };
    Cache::new(Box::new(Table::new(1 << 24)), limits)
}

impl World {
    /// Servers, each with its address and its zones as origin and text; the SOA is added.
    fn new(options: Options, servers: &[(&str, &[(&str, &str)])]) -> Self {
        let servers = servers.iter().map(|(address, zones)| {
            let zones = zones.iter().map(|(origin, text)| {
                let text = format!("$TTL 3600\n@ SOA ns.{origin} admin 1 2 3 4 300\n{text}\n");
                whole_zone(origin, &text.replace("..", "."))
            });
            let snapshot = snapshot(zones.collect(), AnswerOptions::default());
            (address.parse().unwrap(), snapshot)
        });
        Self {
            servers: servers.collect(),
            silent: BTreeSet::new(),
            tamper: None,
            resolver: Resolver::new(options, cache(), Seeded::new(1)),
            now: Now::from_micros(1_000_000),
            sent: Vec::new(),
            channels: Vec::new(),
            asked: 0,
        }
    }

    /// Asks, and plays until there is an answer.
    fn ask(&mut self, qname: &str, rtype: Rtype) -> Finished {
        self.sent.clear();
        self.channels.clear();
        self.asked += 1;
        let asker = Asker(self.asked);
        let question = Question { name: name(qname), rtype };
        self.resolver.handle_question(self.now, asker, question);
        for _ in 0..EVENTS_MAX {
            if let Some(finished) = self.resolver.poll_finished() {
                assert_eq!(finished.asker, asker);
                return finished;
            }
            match self.resolver.poll_transmit() {
                Some(transmit) => self.deliver(&transmit),
                None => {
                    let due = self.resolver.poll_timeout().expect("something to wait for");
                    self.now = self.now.max(due);
                    self.resolver.handle_timeout(self.now);
                }
            }
        }
        panic!("no end after {} requests", self.sent.len());
    }

    /// Lets a server respond.
    fn deliver(&mut self, transmit: &Transmit) {
        let asked = Response::read(&transmit.octets).unwrap().question.unwrap();
        let asked = format!("{} {}", asked.0.as_name().to_lowercase(), asked.1.rtype);
        self.sent.push((transmit.to.ip(), asked));
        self.channels.push(transmit.channel);
        let server = self.servers.get(&transmit.to.ip());
        let Some(server) = server.filter(|_| !self.silent.contains(&transmit.to.ip())) else {
            return;
        };
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
        self.now = self.now.after_micros(TRIP_US);
        self.resolver.handle_response(self.now, transmit.request, &response);
    }

    /// What was sent, as `address name type`.
    fn sent(&self) -> Vec<String> {
        self.sent.iter().map(|(to, asked)| format!("{to} {asked}")).collect()
    }
}

/// The root, org., example.org. and another zone, on a server each.
fn hierarchy() -> World {
    hierarchy_with(options())
}

fn hierarchy_with(options: Options) -> World {
    World::new(
        options,
        &[
            (
                "192.0.2.1",
                &[(
                    ".",
                    "@ NS root.test.\nroot.test. A 192.0.2.1\norg. NS ns.org.\nns.org. A 192.0.2.2\n\
             net. NS ns.net.\nns.net. A 192.0.2.4",
                )],
            ),
            (
                "192.0.2.2",
                &[(
                    "org.",
                    "@ NS ns\nns A 192.0.2.2\nexample NS ns.example\nns.example A 192.0.2.3\n\
             glueless NS ns.servers.net.\nlost NS ns.lost2\nlost2 NS ns.lost\n\
             dead NS ns.dead\nns.dead A 192.0.2.99",
                )],
            ),
            (
                "192.0.2.3",
                &[(
                    "example.org.",
                    "@ NS ns\nns A 192.0.2.3\nwww A 192.0.2.80\nalias CNAME www\nfar CNAME www.servers.net.\n\
             gone CNAME nothing.servers.net.\na.b.c.d TXT deep\nloop1 CNAME loop2\nloop2 CNAME loop1\n\
             old DNAME new\nwww.new A 192.0.2.81\nzero 0 A 192.0.2.82",
                )],
            ),
            (
                "192.0.2.4",
                &[(
                    "net.",
                    "@ NS ns\nns A 192.0.2.4\nservers NS ns.servers\nns.servers A 192.0.2.5",
                )],
            ),
            (
                "192.0.2.5",
                &[
                    ("servers.net.", "@ NS ns\nns A 192.0.2.5\nwww A 192.0.2.90"),
                    ("glueless.org.", "@ NS ns.servers.net.\nwww A 192.0.2.91"),
                ],
            ),
        ],
    )
}

/// The data of the records at the end, in hexadecimal for what is no address.
#[track_caller]
fn addresses(finished: &Finished) -> Vec<IpAddr> {
    let End::Records(entry) = &finished.end else { panic!("no records: {finished:?}") };
    let quad = |rdata: &[u8]| IpAddr::from(<[u8; 4]>::try_from(rdata).unwrap());
    entry.rdatas().map(quad).collect()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn name_is_found_from_the_root_down_and_no_server_sees_more_than_it_needs() {
    let mut world = hierarchy();
    let finished = world.ask("www.example.org.", Rtype::A);
    assert_eq!(addresses(&finished), [ip("192.0.2.80")]);
    assert_eq!(
        world.sent(),
        ["192.0.2.1 org. A", "192.0.2.2 example.org. A", "192.0.2.3 www.example.org. A",]
    );
    // What is known by now is not asked again.
    let again = world.ask("www.example.org.", Rtype::A);
    assert_eq!(addresses(&again), [ip("192.0.2.80")]);
    assert_eq!(world.sent(), [""; 0]);
    world.ask("www.example.org.", Rtype::AAAA);
    assert_eq!(world.sent(), ["192.0.2.3 www.example.org. AAAA"]);
}

#[test]
fn whole_name_is_shown_where_minimisation_is_off() {
    let mut world = hierarchy_with(Options { minimises: false, ..options() });
    world.ask("www.example.org.", Rtype::A);
    let asked: BTreeSet<&str> = world.sent.iter().map(|(_, asked)| &**asked).collect();
    assert_eq!(asked, BTreeSet::from(["www.example.org. A"]));
    assert_eq!(world.sent.len(), 3);
}

#[test]
fn empty_names_on_the_way_are_passed() {
    let mut world = hierarchy();
    let finished = world.ask("a.b.c.d.example.org.", Rtype::TXT);
    assert!(matches!(finished.end, End::Records(_)), "{finished:?}");
    assert_eq!(
        world.sent()[2..],
        [
            "192.0.2.3 d.example.org. A",
            "192.0.2.3 c.d.example.org. A",
            "192.0.2.3 b.c.d.example.org. A",
            "192.0.2.3 a.b.c.d.example.org. TXT",
        ]
    );
}

#[test]
fn denials_are_told_with_the_soa_and_kept() {
    let mut world = hierarchy();
    let finished = world.ask("nothing.example.org.", Rtype::A);
    assert!(matches!(finished.end, End::NameError(_)), "{finished:?}");
    let finished = world.ask("www.example.org.", Rtype::TXT);
    assert!(matches!(finished.end, End::NoData(_)), "{finished:?}");
    // Nothing is below a name that does not exist (RFC 8020).
    let finished = world.ask("below.nothing.example.org.", Rtype::A);
    assert!(matches!(finished.end, End::NameError(_)), "{finished:?}");
    assert_eq!(world.sent(), [""; 0]);
}

#[test]
fn denial_of_a_shortened_name_is_confirmed_with_the_whole_name() {
    let mut world = hierarchy();
    // A server that denies names above those that exist.
    world.tamper = Some(Box::new(|transmit, mut response| {
        let (asked, _) = Response::read(&transmit.octets).unwrap().question.unwrap();
        if transmit.to.ip() == ip("192.0.2.3") && asked.as_name().label_count() < 6 {
            response[3] = response[3] & 0xF0 | 3;
        }
        Some(response)
    }));
    let finished = world.ask("a.b.c.d.example.org.", Rtype::TXT);
    assert!(matches!(finished.end, End::Records(_)), "{finished:?}");
    assert_eq!(
        world.sent()[2..],
        ["192.0.2.3 d.example.org. A", "192.0.2.3 a.b.c.d.example.org. TXT",]
    );
}

#[test]
fn aliases_are_followed_across_zones() {
    let mut world = hierarchy();
    let finished = world.ask("alias.example.org.", Rtype::A);
    assert_eq!((addresses(&finished), finished.aliases.len()), (vec![ip("192.0.2.80")], 1));
    let finished = world.ask("far.example.org.", Rtype::A);
    assert_eq!((addresses(&finished), finished.aliases.len()), (vec![ip("192.0.2.90")], 1));
    let finished = world.ask("gone.example.org.", Rtype::A);
    assert!(matches!(finished.end, End::NameError(_)), "{finished:?}");
    assert_eq!(finished.aliases.len(), 1);
    let finished = world.ask("www.old.example.org.", Rtype::A);
    assert_eq!((addresses(&finished), finished.aliases.len()), (vec![ip("192.0.2.81")], 1));
}

#[test]
fn loop_of_aliases_ends_with_a_reason() {
    let mut world = hierarchy();
    let finished = world.ask("loop1.example.org.", Rtype::A);
    assert!(matches!(finished.end, End::Failed(FailureReason::TooLong)), "{finished:?}");
    assert!(world.sent.len() < 10, "{:?}", world.sent());
}

#[test]
fn servers_without_addresses_are_looked_for() {
    let mut world = hierarchy();
    let finished = world.ask("www.glueless.org.", Rtype::A);
    assert_eq!(addresses(&finished), [ip("192.0.2.91")]);
    assert!(world.sent().contains(&"192.0.2.5 ns.servers.net. A".to_owned()), "{:?}", world.sent());
}

#[test]
fn zones_whose_servers_are_in_each_other_fail_with_few_requests() {
    let mut world = hierarchy();
    let began = world.now;
    let finished = world.ask("www.lost.org.", Rtype::A);
    assert!(matches!(finished.end, End::Failed(_)), "{finished:?}");
    assert!(world.sent.len() <= 30, "{:?}", world.sent());
    assert!(world.now.as_micros() - began.as_micros() <= LOOKUP_US_MAX);
    // The failure is kept.
    let finished = world.ask("www.lost.org.", Rtype::A);
    assert!(matches!(finished.end, End::Failed(_)), "{finished:?}");
    assert_eq!(world.sent(), [""; 0]);
}

#[test]
fn delegation_with_a_thousand_servers_without_addresses_costs_few_requests() {
    let servers: String =
        (0..1000).map(|number| format!("attack NS ns{number}.victim.net.\n")).collect();
    let org = format!("@ NS ns\nns A 192.0.2.2\n{servers}");
    let mut world = World::new(
        options(),
        &[
            (
                "192.0.2.1",
                &[(
                    ".",
                    "@ NS root.test.\nroot.test. A 192.0.2.1\norg. NS ns.org.\nns.org. A 192.0.2.2\n\
             victim.net. NS ns.victim.net.\nns.victim.net. A 192.0.2.7",
                )],
            ),
            ("192.0.2.2", &[("org.", &org)]),
            ("192.0.2.7", &[("victim.net.", "@ NS ns\nns A 192.0.2.7")]),
        ],
    );
    let finished = world.ask("www.attack.org.", Rtype::A);
    assert!(matches!(finished.end, End::Failed(_)), "{finished:?}");
    let victims = world.sent.iter().filter(|(to, _)| *to == ip("192.0.2.7")).count();
    assert!(victims <= 8 && world.sent.len() <= 30, "{:?}", world.sent());
}

#[test]
fn silent_servers_end_in_a_failure_within_the_time() {
    let mut world = hierarchy();
    let began = world.now;
    let finished = world.ask("www.dead.org.", Rtype::A);
    assert!(matches!(finished.end, End::Failed(FailureReason::Unreachable)), "{finished:?}");
    assert!(world.now.as_micros() - began.as_micros() <= LOOKUP_US_MAX, "{:?}", world.now);
}

#[test]
fn response_that_was_cut_is_fetched_over_tcp() {
    let many: String = (0..90).map(|number| format!("many A 198.51.100.{number}\n")).collect();
    let mut world = World::new(
        options(),
        &[("192.0.2.1", &[(".", &format!("@ NS root.test.\nroot.test. A 192.0.2.1\n{many}"))])],
    );
    let finished = world.ask("many.", Rtype::A);
    assert_eq!(addresses(&finished).len(), 90);
    assert_eq!(world.channels, [Channel::Udp, Channel::Tcp]);
}

#[test]
fn server_without_edns_is_asked_without_and_that_is_remembered() {
    let mut world = hierarchy();
    world.tamper = Some(Box::new(|transmit, response| {
        let has_opt = Response::read(&transmit.octets).unwrap().edns.is_some();
        if transmit.to.ip() != ip("192.0.2.3") || !has_opt {
            return Some(response);
        }
        let mut refused = transmit.octets[..12].to_vec();
        refused[2] |= 0x80;
        refused[3] = 1;
        refused[4..].fill(0);
        Some(refused)
    }));
    assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
    assert_eq!(world.sent.len(), 4);
    world.ask("nothing.example.org.", Rtype::A);
    assert_eq!(world.sent.len(), 1);
}

#[test]
fn case_of_the_question_is_mixed_and_a_server_that_loses_it_is_asked_over_tcp() {
    let mut world = hierarchy();
    world.tamper = Some(Box::new(|transmit, mut response| {
        if transmit.to.ip() == ip("192.0.2.3") {
            let (asked, _) = Response::read(&transmit.octets).unwrap().question.unwrap();
            let lower = asked.as_name().to_lowercase();
            response[12..12 + lower.as_name().len()].copy_from_slice(lower.as_name().as_wire());
        }
        Some(response)
    }));
    assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
    assert_eq!(world.channels[2..], [Channel::Udp, Channel::Tcp]);
}

#[test]
fn forged_responses_are_ignored_and_many_of_them_lead_to_tcp() {
    let mut world = hierarchy();
    world.ask("www.example.org.", Rtype::A);
    let asker = Asker(99);
    let question = Question { name: name("other.example.org."), rtype: Rtype::A };
    world.resolver.handle_question(world.now, asker, question);
    let transmit = world.resolver.poll_transmit().unwrap();
    let right = exchange(&world.servers[&transmit.to.ip()], Transport::Udp, &transmit.octets);
    let right = right.unwrap();
    let forge = |at: usize, bits: u8| {
        let mut forged = right.clone();
        forged[at] ^= bits;
        forged
    };
    // The number, that it is a response, the type, a letter of the name; and nothing at all.
    let type_at = 12 + name("other.example.org.").as_name().len() + 1;
    let forgeries = [forge(0, 1), forge(2, 0x80), forge(type_at, 1), forge(13, 1), Vec::new()];
    for forged in &forgeries {
        world.resolver.handle_response(world.now, transmit.request, forged);
        assert!(world.resolver.awaits(transmit.request));
        assert!(world.resolver.poll_finished().is_none());
    }
    for _ in 0..3 {
        world.resolver.handle_response(world.now, transmit.request, &forgeries[0]);
    }
    assert!(!world.resolver.awaits(transmit.request));
    let again = world.resolver.poll_transmit().unwrap();
    assert_eq!((again.channel, again.to), (Channel::Tcp, transmit.to));
    let right = exchange(&world.servers[&again.to.ip()], Transport::Tcp, &again.octets).unwrap();
    world.resolver.handle_response(world.now, again.request, &right);
    let finished = world.resolver.poll_finished().unwrap();
    assert!(matches!(finished.end, End::NameError(_)), "{finished:?}");
}

#[test]
fn many_clients_with_one_question_cost_one_request() {
    let mut world = hierarchy();
    world.ask("www.example.org.", Rtype::A);
    let question = Question { name: name("new.example.org."), rtype: Rtype::A };
    for asker in 100..200 {
        world.resolver.handle_question(world.now, Asker(asker), question.clone());
    }
    let transmit = world.resolver.poll_transmit().unwrap();
    assert!(world.resolver.poll_transmit().is_none());
    world.deliver(&transmit);
    let finished: BTreeSet<Asker> =
        std::iter::from_fn(|| world.resolver.poll_finished()).map(|one| one.asker).collect();
    assert_eq!(finished, (100..200).map(Asker).collect());
}

#[test]
fn answer_with_a_ttl_of_zero_is_told_and_not_kept() {
    let mut world = hierarchy();
    assert_eq!(addresses(&world.ask("zero.example.org.", Rtype::A)), [ip("192.0.2.82")]);
    assert_eq!(addresses(&world.ask("zero.example.org.", Rtype::A)), [ip("192.0.2.82")]);
    assert_eq!(world.sent.len(), 1);
}

/// A resolver that forwards to the server of example.org., as if it resolved.
fn forwarding(kind: RouteKind, to: &str) -> World {
    let to: SocketAddr = to.parse().unwrap();
    let route = Route { zone: name("example.org."), to: vec![to], kind };
    let mut world = hierarchy_with(Options { routes: vec![route], ..options() });
    // What it answers is then not its own.
    world.tamper = Some(Box::new(move |transmit, mut response| {
        if transmit.to == to && kind != RouteKind::Stub {
            response[2] &= !(Flags::AA >> 8) as u8;
        }
        Some(response)
    }));
    world
}

#[test]
fn names_of_a_forwarded_zone_are_asked_of_its_forwarders_in_one_step() {
    let mut world = forwarding(RouteKind::ForwardOnly, "192.0.2.3:53");
    assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
    assert_eq!(world.sent(), ["192.0.2.3 www.example.org. A"]);
    assert_eq!(addresses(&world.ask("www.servers.net.", Rtype::A)), [ip("192.0.2.90")]);
    assert!(world.sent.len() > 1);
}

#[test]
fn forwarders_that_fail_are_gone_around_unless_only_they_may_be_asked() {
    let mut world = forwarding(RouteKind::ForwardFirst, "192.0.2.98:53");
    assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
    let mut world = forwarding(RouteKind::ForwardOnly, "192.0.2.98:53");
    let finished = world.ask("www.example.org.", Rtype::A);
    assert!(matches!(finished.end, End::Failed(FailureReason::Unreachable)), "{finished:?}");
    assert!(world.sent.iter().all(|(to, _)| *to == ip("192.0.2.98")), "{:?}", world.sent());
}

#[test]
fn stub_zone_begins_at_its_servers() {
    let mut world = forwarding(RouteKind::Stub, "192.0.2.3:53");
    assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
    assert_eq!(world.sent(), ["192.0.2.3 www.example.org. A"]);
}

#[test]
fn forbidden_addresses_are_never_asked() {
    let is_forbidden = |to: SocketAddr| to.ip() == ip("192.0.2.3");
    let mut world = hierarchy_with(Options { is_forbidden: Arc::new(is_forbidden), ..options() });
    let finished = world.ask("www.example.org.", Rtype::A);
    assert!(matches!(finished.end, End::Failed(_)), "{finished:?}");
    assert!(world.sent.iter().all(|(to, _)| *to != ip("192.0.2.3")), "{:?}", world.sent());
}

#[test]
fn nothing_costs_more_requests_than_a_question_may() {
    // Each zone delegates to servers named in ten others, which do the same.
    let zones: String = (0..10)
        .flat_map(|zone| (0..10).map(move |server| format!("z{zone} NS ns{server}.z{server}\n")))
        .collect();
    let mut world = World::new(
        options(),
        &[("192.0.2.1", &[(".", &format!("@ NS root.test.\nroot.test. A 192.0.2.1\n{zones}"))])],
    );
    let finished = world.ask("www.z0.", Rtype::A);
    assert!(matches!(finished.end, End::Failed(_)), "{finished:?}");
    assert!(world.sent.len() <= REQUESTS_PER_LOOKUP_MAX as usize, "{}", world.sent.len());
    assert!(world.sent.len() <= 30, "{}", world.sent.len());
}
