//! Where our own zones and what is learnt from others meet: whatever way a chain of aliases takes, the
//! reply is authoritative exactly when its first record is ours, and ours is never asked of others.

use crate::message::{Asking, Message, query};
use crate::world::{NOW, exchange, name, snapshot, whole_zone};
use kereru::answer::{
    AnswerOptions, Deferred, Exchange, Outcome, Reach, ResolverRole, Snapshot, Transport, View,
    Workspace, ZoneState, ZoneTable, respond,
};
use kereru::base::entropy::{Entropy, Seeded};
use kereru::base::limits::RESOLUTIONS_MAX;
use kereru::base::time::{Now, Ttl};
use kereru::cache::{
    Cache, End, FailureReason, LearntDenial, LearntRecord, LearntSet, Limits, Rank, Resolution,
    Security, Table,
};
use kereru::policy::acl::{Acl, Prefix};
use kereru::resolver::Options;
use kereru::sim::server::Server;
use kereru::sim::subject::Subject;
use kereru::wire::header::Flags;
use kereru::wire::numbers::{Rcode, Rtype};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Names in each zone.
const NAMES: usize = 5;

/// Events after which a question that does not end is given up.
const EVENTS_MAX: usize = 5_000;

/// Zones of ours.
const OURS: [&str; 2] = ["own.", "own.two."];

/// Zones of others: one below a cut of ours, and two on other servers.
const THEIRS: [&str; 3] = ["sub.own.", "two.", "ext."];

/// What a name has.
#[derive(Clone, Debug)]
enum Data {
    Address,
    Alias(String),
}

/// All names with what they have.
type Names = BTreeMap<String, Data>;

fn zones() -> impl Iterator<Item = &'static str> {
    OURS.into_iter().chain(THEIRS)
}

/// The zone that a name is in: the longest.
fn zone_of(name: &str) -> Option<&'static str> {
    let within = |zone: &&str| name == *zone || name.ends_with(&format!(".{zone}"));
    zones().filter(within).max_by_key(|zone| zone.len())
}

fn is_ours(name: &str) -> bool {
    zone_of(name).is_some_and(|zone| OURS.contains(&zone))
}

/// Some names, each with an address, an alias, or nothing.
fn names(entropy: &mut Seeded) -> Names {
    let all: Vec<String> = zones()
        .flat_map(|zone| (0..NAMES).map(move |number| format!("n{number}.{zone}")))
        .collect();
    let mut names = Names::new();
    let count = u32::try_from(all.len()).unwrap();
    for name in &all {
        match entropy.below(10) {
            0..=3 => drop(names.insert(name.clone(), Data::Address)),
            4..=8 => {
                let target = all[entropy.below(count) as usize].clone();
                names.insert(name.clone(), Data::Alias(target));
            }
            _ => (),
        }
    }
    names
}

/// The text of a zone, served from `address`.
fn text(zone: &str, address: &str, names: &Names) -> String {
    let mut text = format!(
        "$TTL 300\n@ SOA ns.{zone} admin 1 2 3 4 60\n@ NS ns.{zone}\nns.{zone} A {address}\n"
    );
    for (name, data) in names.iter().filter(|(name, _)| zone_of(name) == Some(zone)) {
        match data {
            Data::Address => text.push_str(&format!("{name} A 192.0.2.200\n")),
            Data::Alias(target) => text.push_str(&format!("{name} CNAME {target}\n")),
        }
    }
    text
}

fn delegation(zone: &str, address: &str) -> String {
    format!("{zone} NS ns.{zone}\nns.{zone} A {address}\n")
}

/// A server with our zones, and others by address.
struct World {
    server: Server,
    others: BTreeMap<IpAddr, Snapshot>,
    now: Now,
    /// Requests to others so far.
    requests: usize,
}

impl World {
    fn new(names: &Names) -> Self {
        let below = delegation("sub.own.", "192.0.2.3");
        let own = text("own.", "192.0.2.9", names) + &below;
        let ours = [("own.", own), ("own.two.", text("own.two.", "192.0.2.9", names))];
        let mut zones = ZoneTable::default();
        for (apex, text) in ours {
            let zone = whole_zone(apex, &text);
            zones.insert(name(apex).as_name(), ZoneState::Loaded(Arc::new(zone)));
        }
        let top =
            "$TTL 300\n@ SOA a.root. admin.root. 1 2 3 4 60\n@ NS a.root.\na.root. A 192.0.2.1\n";
        let root = ["own.", "two.", "ext."].map(|zone| {
            let address = match zone {
                "own." => "192.0.2.9",
                "two." => "192.0.2.4",
                _ => "192.0.2.5",
            };
            delegation(zone, address)
        });
        let two = text("two.", "192.0.2.4", names) + &delegation("own.two.", "192.0.2.9");
        let others = [
            ("192.0.2.1", ".", format!("{top}{}", root.concat())),
            ("192.0.2.3", "sub.own.", text("sub.own.", "192.0.2.3", names)),
            ("192.0.2.4", "two.", two),
            ("192.0.2.5", "ext.", text("ext.", "192.0.2.5", names)),
        ];
        let others = others.map(|(address, apex, text)| {
            let zone = whole_zone(apex, &text);
            (address.parse().unwrap(), snapshot(vec![zone], AnswerOptions::default()))
        });
        let view = View { zones, resolver: Some(role()), ..View::default() };
        let now = Now::from_micros(1_000_000);
        let server = Server::of(view, Some(options()), now);
        Self { server, others: others.into(), now, requests: 0 }
    }

    /// Asks, and plays until there is a reply.
    fn ask(&mut self, client: SocketAddr, query: &[u8]) -> Message {
        self.server.handle_query(self.now, client, Transport::Udp, query);
        for _ in 0..EVENTS_MAX {
            if let Some(reply) = self.server.poll_reply() {
                return Message::read(&reply.octets);
            }
            if let Some(request) = self.server.poll_request() {
                self.requests += 1;
                let server = self.others.get(&request.to.ip());
                let server = server.unwrap_or_else(|| panic!("{} is asked", request.to));
                let response = exchange(server, request.transport, &request.octets).unwrap();
                self.now = self.now.after_micros(10_000);
                self.server.handle_response(self.now, request.id, &response);
            } else {
                let due = self.server.poll_timeout().expect("something to wait for");
                self.now = self.now.max(due);
                self.server.handle_timeout(self.now);
            }
        }
        panic!("no end");
    }
}

fn role() -> ResolverRole {
    let limits = Limits {
        min_ttl: Ttl::default(),
        max_ttl: Ttl::MAX,
        max_negative_ttl: Ttl::MAX,
        max_stale: Ttl::default(),
    };
    ResolverRole {
        allow: Acl::new([Prefix::v4([127, 0, 0, 0], 8)]),
        reach: Reach::Answers,
        cache: Cache::new(Box::new(Table::new(1 << 16)), limits),
        reserved: ZoneTable::default(),
        routes: Vec::new(),
        hints: Arc::new([]),
    }
}

fn options() -> Options {
    Options {
        root: vec![(name("a.root."), vec!["192.0.2.1".parse().unwrap()])],
        routes: Vec::new(),
        port: 53,
        families: [true, false],
        minimises: true,
        mixes_case: true,
        primes: false,
        filters_private: false,
        is_forbidden: Arc::new(|_| false),
    }
}

/// What the whole answer is: the names of the aliases, and how it ends; `None` if it goes in a circle.
fn expected(names: &Names, asked: &str, rtype: Rtype) -> Option<(Vec<String>, Rcode)> {
    let (mut owners, mut name) = (Vec::new(), asked.to_owned());
    loop {
        match names.get(&name) {
            Some(Data::Alias(_)) if owners.contains(&name) => return None,
            Some(Data::Alias(target)) => {
                owners.push(std::mem::replace(&mut name, target.clone()));
            }
            Some(Data::Address) => {
                if rtype == Rtype::A {
                    owners.push(name);
                }
                return Some((owners, Rcode::NOERROR));
            }
            None => return Some((owners, Rcode::NXDOMAIN)),
        }
    }
}

/// Of a whole answer, what there is without asking others: up to the first name that is not ours.
fn our_part(names: &Names, asked: &str, rtype: Rtype) -> Vec<String> {
    let (mut owners, mut name) = (Vec::new(), asked.to_owned());
    while is_ours(&name) && !owners.contains(&name) {
        match names.get(&name) {
            Some(Data::Alias(target)) => owners.push(std::mem::replace(&mut name, target.clone())),
            Some(Data::Address) if rtype == Rtype::A => {
                owners.push(name);
                break;
            }
            Some(Data::Address) | None => break,
        }
    }
    owners
}

fn check(names: &Names, world: &mut World, asked: &str, rtype: Rtype) {
    let client = |text: &str| text.parse::<SocketAddr>().unwrap();
    let ask = |world: &mut World, from: &str, rd: u16| {
        let mut query = query(&name(asked), rtype, Asking::PLAIN);
        query[2] |= (rd >> 8) as u8;
        world.ask(client(from), &query)
    };
    let owners = |message: &Message| -> Vec<String> {
        message.answers.iter().map(|record| record.owner.to_string()).collect()
    };
    let context = format!("{asked} {rtype} in {names:#?}");
    // Somebody who may not use the resolver, before anything is known and again at the end.
    let stranger = ask(world, "192.0.2.77:4000", Flags::RD);
    let our_part = our_part(names, asked, rtype);
    if is_ours(asked) {
        assert_eq!(owners(&stranger), our_part, "{context}");
        assert!(stranger.header.flags.contains(Flags::AA), "{context}");
    } else if zone_of(asked) != Some("sub.own.") {
        assert_eq!(stranger.rcode(), Rcode::REFUSED, "{context}");
    }
    assert!(!stranger.header.flags.contains(Flags::RA), "{context}");
    let whole = ask(world, "127.0.0.1:4000", Flags::RD);
    let flags = whole.header.flags;
    assert!(flags.contains(Flags::RA) && !flags.contains(Flags::AD), "{context}");
    if whole.rcode() == Rcode::SERVFAIL {
        assert!(!flags.contains(Flags::AA), "{context}");
    } else {
        let first = owners(&whole).first().cloned().unwrap_or_else(|| asked.to_owned());
        assert_eq!(flags.contains(Flags::AA), is_ours(&first), "{context}\n{}", whole.render());
    }
    match expected(names, asked, rtype) {
        Some((chain, rcode)) if chain.len() <= 8 => {
            assert_eq!((owners(&whole), whole.rcode()), (chain, rcode), "{context}");
            // From the cache it is the same, and nobody is asked.
            let before = world.requests;
            let again = ask(world, "127.0.0.1:4000", Flags::RD);
            assert_eq!(again.render(), whole.render(), "{context}");
            assert_eq!(world.requests, before, "{context}");
        }
        // A circle, or a long chain: that it ends is all.
        Some(_) | None => (),
    }
    // Who does not ask for recursion gets no more than what is known.
    let known = ask(world, "127.0.0.1:4000", 0);
    if expected(names, asked, rtype).is_some_and(|(chain, _)| chain.len() <= 8) {
        assert!(known.rcode() != Rcode::SERVFAIL, "{context}\n{}", known.render());
    }
    if let Some(first) = owners(&known).first() {
        assert_eq!(known.header.flags.contains(Flags::AA), is_ours(first), "{context}");
    }
}

#[test]
fn reply_is_authoritative_exactly_when_its_first_record_is_ours() {
    let mut entropy = Seeded::new(11);
    let mut authoritative = [0, 0];
    for _ in 0..40 {
        let names = names(&mut entropy);
        let mut world = World::new(&names);
        for zone in zones() {
            for number in 0..=NAMES {
                let asked = format!("n{number}.{zone}");
                for rtype in [Rtype::A, Rtype::MX] {
                    check(&names, &mut world, &asked, rtype);
                }
                authoritative[usize::from(is_ours(&asked))] += 1;
            }
        }
    }
    assert!(authoritative.iter().all(|count| *count > 100), "{authoritative:?}");
}

/// A query of so many octets, as it arrives from a client of the resolver.
fn arriving(message: &mut [u8], len: usize) -> Exchange<'_> {
    Exchange {
        message,
        len,
        peer: "127.0.0.1:4000".parse().unwrap(),
        local: "127.0.0.1:53".parse().unwrap(),
        transport: Transport::Udp,
        received: NOW,
        now: Now::default(),
    }
}

/// The reply for www.gone. when others say this each time they are asked, and how often that is.
fn told_by(mut others: impl FnMut(&Deferred) -> Resolution) -> (Message, usize) {
    let view = View { resolver: Some(role()), ..View::default() };
    let snapshot = Snapshot { views: vec![Arc::new(view)], ..Snapshot::default() };
    let asking = Asking { edns_size: Some(1232), dnssec_ok: false };
    let mut query = query(&name("www.gone."), Rtype::A, asking);
    query[2] |= 1;
    let mut message = query.clone();
    message.resize(4096, 0);
    let mut exchange = arriving(&mut message, query.len());
    let mut workspace = Workspace::default();
    let mut outcome = respond(&snapshot, &mut workspace, &mut exchange, &mut ());
    let mut rounds = 0;
    while let Outcome::Defer(deferred) = outcome {
        let learnt = (others(&deferred), Now::default());
        outcome = deferred.resume(&snapshot, learnt, &mut workspace, &mut message, &mut ());
        rounds += 1;
    }
    let Outcome::Reply { kind, len } = outcome else { panic!("{outcome:?}") };
    assert_eq!(kind.rcode, Rcode::SERVFAIL);
    (Message::read(&message[..len]), rounds)
}

/// An OPT record's data: an extended error with this text.
fn extended_error(code: u16, text: &str) -> Vec<u8> {
    let length = u16::try_from(2 + text.len()).unwrap();
    [&[0, 15], &length.to_be_bytes()[..], &code.to_be_bytes(), text.as_bytes()].concat()
}

/// What is told of a question that takes too much.
const TOO_LONG: &str = "too many questions, referrals or aliases";

#[test]
fn query_whose_zone_a_reload_has_taken_away_ends() {
    // Whoever resolves still takes the name for ours.
    let (told, rounds) = told_by(|deferred| {
        let failed = deferred.failed(FailureReason::Busy);
        Resolution { end: End::Local, ..failed }
    });
    assert_eq!(rounds, RESOLUTIONS_MAX);
    assert_eq!(told.opt.unwrap().rdata, extended_error(0, TOO_LONG));
}

#[test]
fn each_failure_is_told_with_its_extended_error() {
    for (reason, code, text) in [
        (FailureReason::Unreachable, 22, ""),
        (FailureReason::Lame, 22, ""),
        (FailureReason::Network, 23, ""),
        (FailureReason::TooLong, 0, TOO_LONG),
        (FailureReason::Busy, 14, ""),
    ] {
        let (told, rounds) = told_by(|deferred| deferred.failed(reason));
        let options = told.opt.unwrap().rdata;
        assert_eq!((rounds, options), (1, extended_error(code, text)), "{reason:?}");
    }
}

#[test]
fn ds_of_our_zone_is_asked_of_its_parent_and_others_get_ours() {
    let names = Names::new();
    let mut world = World::new(&names);
    let mut query = query(&name("own.two."), Rtype::DS, Asking::PLAIN);
    query[2] |= 1;
    let told = world.ask("127.0.0.1:4000".parse().unwrap(), &query);
    assert!(!told.header.flags.contains(Flags::AA));
    assert_eq!(told.authorities[0].owner, name("two."));
    let told = world.ask("192.0.2.77:4000".parse().unwrap(), &query);
    assert!(told.header.flags.contains(Flags::AA));
    assert_eq!(told.authorities[0].owner, name("own.two."));
}

#[test]
fn denial_from_before_a_reload_does_not_hide_what_a_new_zone_of_ours_delegates() {
    let text = "$TTL 300\n@ SOA ns admin 1 2 3 4 60\n@ NS ns\nns A 192.0.2.9\nc.b NS ns.c.b\n\
         ns.c.b A 192.0.2.3\n";
    let (role, mut zones) = (role(), ZoneTable::default());
    zones.insert(name("own.").as_name(), ZoneState::Loaded(Arc::new(whole_zone("own.", text))));
    let soa = [&[0, 0][..], &[0; 16], &300_u32.to_be_bytes()].concat();
    let records = [LearntRecord { ttl: Ttl::learnt(300), rdata: &soa }];
    let (owner, denied) = (name("own."), name("b.own."));
    let soa =
        LearntSet { owner: owner.as_name(), rtype: Rtype::SOA, records: &records, signatures: &[] };
    let denial = LearntDenial {
        name: denied.as_name(),
        soa: Some(soa),
        proofs: &[],
        rank: Rank::Authoritative,
        security: Security::Unchecked,
    };
    role.cache.put_name_error(Now::default(), &denial).unwrap();
    let view = View { zones, resolver: Some(role), ..View::default() };
    let snapshot = Snapshot { views: vec![Arc::new(view)], ..Snapshot::default() };
    for (qname, is_denied) in [("x.c.b.own.", false), ("b.own.", true)] {
        let mut query = query(&name(qname), Rtype::A, Asking::PLAIN);
        query[2] |= 1;
        let mut message = query.clone();
        message.resize(4096, 0);
        let mut exchange = arriving(&mut message, query.len());
        let outcome = respond(&snapshot, &mut Workspace::default(), &mut exchange, &mut ());
        assert_eq!(matches!(outcome, Outcome::Reply { .. }), is_denied, "{qname}: {outcome:?}");
    }
}
