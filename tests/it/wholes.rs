//! Replies hold what the plain reference says: all of it where there is room, and otherwise whole sets
//! of it.

use crate::message::{Asking, Message, Record, query};
use crate::reference::{Asked, Expected, Key, Model, Reference, Row, Rows, child, key, wire};
use crate::samples::{self, Sample, Scheme};
use crate::world::{NOW, PEER, name, snapshot, whole_zone};
use kereru::answer::{AnswerOptions, Exchange, Outcome, Snapshot, Transport, Workspace, respond};
use kereru::base::limits::{MESSAGE_LEN_MAX, UDP_SIZE_MAX};
use kereru::base::time::Now;
use kereru::metrics::ReplyKind;
use kereru::wire::header::Flags;
use kereru::wire::name::{Name, NameBuf};
use kereru::wire::numbers::{Rcode, Rtype};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fmt::Write;

/// Types that each owner is asked for besides its own.
const TYPES: [Rtype; 9] = [
    Rtype::A,
    Rtype::NS,
    Rtype::CNAME,
    Rtype::DNAME,
    Rtype::DS,
    Rtype::RRSIG,
    Rtype::NSEC,
    Rtype::ANY,
    Rtype(65_280),
];

/// Types that names are asked for that own nothing.
const FEW: [Rtype; 5] = [Rtype::A, Rtype::NS, Rtype::CNAME, Rtype::DS, Rtype::ANY];

/// Types that owners of NSEC3 records are asked for.
const HASHED: [Rtype; 2] = [Rtype::A, Rtype::NSEC3];

/// Octets that clients take over UDP; `None` is no EDNS, and so 512.
const SIZES: [Option<u16>; 5] = [None, Some(512), Some(600), Some(1232), Some(4096)];

/// Octets that there is room for over TCP, when there is less than a client could take.
const ROOMS: [usize; 7] = [600, 1232, 2500, 5000, 10_000, 16_500, 40_000];

/// Zones that are asked for unsigned only: what they are there for has nothing to do with signatures,
/// or a name in them leaves no room for a hash.
const LEFT_OUT: [&str; 4] = ["names.test.", "sizes.test.", "times.test.", "minimum.test."];

/// Octets of an OPT record without options.
const OPT_LEN: usize = 11;

/// Zones served, and the same for the reference.
struct World {
    snapshot: Snapshot,
    reference: Reference,
    questions: Vec<(NameBuf, Rtype)>,
}

impl World {
    fn new(samples: &[Sample], is_minimal: bool) -> Self {
        let mut zones = BTreeMap::new();
        for Sample { apex, text } in samples {
            zones.insert(key(apex.as_name()), Model::read(apex.as_name(), text));
        }
        let loaded =
            samples.iter().map(|Sample { apex, text }| whole_zone(&apex.to_string(), text));
        let options = AnswerOptions {
            udp_size: 4096,
            minimal_responses: is_minimal,
            ..AnswerOptions::default()
        };
        let questions = questions(zones.values());
        let snapshot = snapshot(loaded.collect(), options);
        Self { snapshot, reference: Reference { zones, is_minimal }, questions }
    }
}

/// Every owner with its own types and some more; the names above it; and names below it that mostly
/// do not exist. Every second name is written in upper case.
fn questions<'m>(zones: impl Iterator<Item = &'m Model>) -> Vec<(NameBuf, Rtype)> {
    let mut asked: BTreeMap<Key, BTreeSet<Rtype>> = BTreeMap::new();
    for (owner, types) in zones.flat_map(Model::owners) {
        if types.contains(&Rtype::NSEC3) {
            asked.entry(owner.clone()).or_default().extend(HASHED);
            continue;
        }
        if types.contains(&Rtype::DNAME) {
            // Makes some targets too long.
            asked.entry(child(owner, &[b'x'; 63])).or_default().extend(FEW);
        }
        asked.entry(owner.clone()).or_default().extend(types.into_iter().chain(TYPES));
        let above = owner[..owner.len().saturating_sub(1)].to_vec();
        for name in [above, child(owner, b"none")] {
            asked.entry(name).or_default().extend(FEW);
        }
    }
    let mut questions = Vec::new();
    for (number, (name, types)) in asked.into_iter().enumerate() {
        let mut wire = wire(&name);
        if number % 2 == 1 {
            wire.make_ascii_uppercase();
        }
        if let Ok(name) = Name::read(&wire) {
            questions.extend(types.into_iter().map(|rtype| (name.to_buf(), rtype)));
        }
    }
    questions
}

/// The records of a section; none may be there twice.
#[track_caller]
fn rows(section: &[Record]) -> Rows {
    let mut rows = Rows::new();
    for row in section.iter().map(Row::of) {
        assert!(!rows.contains(&row), "twice: {row:?}");
        rows.insert(row);
    }
    rows
}

fn sections(reply: &Message) -> [Rows; 3] {
    [rows(&reply.answers), rows(&reply.authorities), rows(&reply.additionals)]
}

impl Expected {
    /// All that the section of that number may hold.
    fn section(&self, number: usize) -> Rows {
        &self.required[number] | &self.extra[number]
    }

    /// Checks a reply that there was room for.
    #[track_caller]
    fn check_whole(&self, reply: &Message, kind: ReplyKind, about: &str) {
        let shown = || format!("{about}: {}", reply.render());
        let is_authoritative = reply.header.flags.contains(Flags::AA);
        assert!(!reply.header.flags.contains(Flags::TC), "{}", shown());
        assert_eq!(reply.rcode(), self.rcode, "{}", shown());
        assert_eq!(is_authoritative, self.is_authoritative, "{}", shown());
        assert_eq!((kind.rcode, kind.source), (self.rcode, self.source), "{}", shown());
        for (number, found) in sections(reply).into_iter().enumerate() {
            let wanted = self.section(number);
            let missing: Vec<_> = wanted.difference(&found).collect();
            let unasked: Vec<_> = found.difference(&wanted).collect();
            assert!(
                missing.is_empty() && unasked.is_empty(),
                "section {number} lacks {missing:?}, has {unasked:?} too much: {}",
                shown()
            );
        }
    }

    /// Checks a reply that there may have been no room for.
    #[track_caller]
    fn check_part(&self, reply: &Message, kind: ReplyKind, about: &str) {
        let shown = || format!("{about}: {}", reply.render());
        let (mut lacks, found) = (false, sections(reply));
        for (number, found) in found.iter().enumerate() {
            let whole = self.section(number);
            assert!(found.is_subset(&whole), "{}", shown());
            let begun: BTreeSet<_> = found.iter().map(Row::set).collect();
            let mut rest = whole.difference(found);
            assert!(rest.all(|row| !begun.contains(&row.set())), "a part of a set, {}", shown());
            lacks |= !self.required[number].is_subset(found);
        }
        let is_cut = reply.header.flags.contains(Flags::TC);
        assert_eq!(is_cut, lacks, "{}", shown());
        assert_eq!(is_cut, kind.is_truncated, "{}", shown());
        let is_authoritative = reply.header.flags.contains(Flags::AA);
        assert_eq!(is_authoritative, self.is_authoritative, "{}", shown());
        assert_eq!(kind.source, self.source, "{}", shown());
        // A chain that was cut did not get as far as its end.
        let is_rcode = reply.rcode() == self.rcode || is_cut && reply.rcode() == Rcode::NOERROR;
        assert!(is_rcode, "{}", shown());
    }
}

/// Asks questions, in a row, and counts what was looked at.
struct Asker<'w> {
    world: &'w World,
    local: Workspace,
    message: Vec<u8>,
    seen: Seen,
}

/// How many replies were looked at.
#[derive(Debug, Default)]
struct Seen {
    rcodes: BTreeSet<Rcode>,
    whole: usize,
    partial: usize,
    cut: usize,
}

impl<'w> Asker<'w> {
    fn new(world: &'w World, seen: Seen) -> Self {
        Self { world, local: Workspace::default(), message: vec![0; MESSAGE_LEN_MAX], seen }
    }

    /// What a query gets where there is so much room.
    fn send(
        &mut self,
        query: &[u8],
        transport: Transport,
        room: usize,
    ) -> (Message, usize, ReplyKind) {
        self.message[..query.len()].copy_from_slice(query);
        let mut exchange = Exchange {
            message: &mut self.message[..room],
            len: query.len(),
            peer: PEER,
            local: "192.0.2.1:53".parse().unwrap(),
            transport,
            received: NOW,
            now: Now::default(),
        };
        match respond(&self.world.snapshot, &mut self.local, &mut exchange, &mut ()) {
            Outcome::Reply { len, kind } => (Message::read(&self.message[..len]), len, kind),
            Outcome::Drop(reason) => panic!("{reason:?}"),
            Outcome::Defer(_) => panic!("there is nobody to ask"),
        }
    }

    /// Asks over TCP with all room there is; returns the length of the reply.
    fn ask_whole(&mut self, asked: &Question<'_>, expected: &Expected) -> usize {
        let (reply, len, kind) =
            self.send(&asked.query(Some(1232)), Transport::Tcp, MESSAGE_LEN_MAX);
        let about = asked.to_string();
        expected.check_whole(&reply, kind, &about);
        let echo = reply.question.map(|(name, rtype, _)| (name, rtype));
        let name = echo.as_ref().map(|(name, _)| name.as_name().as_wire());
        assert_eq!(name, Some(asked.name.as_name().as_wire()), "{about}");
        self.seen.whole += 1;
        self.seen.rcodes.insert(kind.rcode);
        len
    }

    /// Asks where there is less room than the whole reply takes, and with just enough.
    fn ask_parts(&mut self, asked: &Question<'_>, expected: &Expected, whole_len: usize) {
        for room in ROOMS.into_iter().filter(|room| *room < whole_len) {
            let (reply, _, kind) = self.send(&asked.query(Some(1232)), Transport::Tcp, room);
            self.check_part(expected, &reply, kind, &format!("{asked} in {room} octets"));
        }
        // Over UDP a question for several types gets one of them (RFC 8482 §4.1).
        let is_less = matches!(asked.rtype, Rtype::ANY | Rtype::RRSIG);
        let less = is_less.then(|| asked.expect(Transport::Udp));
        let expected = less.as_ref().unwrap_or(expected);
        for size in SIZES.into_iter().filter(|size| size.is_some() || !asked.dnssec_ok) {
            let limit = usize::from(size.unwrap_or(512));
            let whole_len = whole_len - if size.is_none() { OPT_LEN } else { 0 };
            let about = format!("{asked} over UDP in {limit} octets");
            let (reply, len, kind) = self.send(&asked.query(size), Transport::Udp, UDP_SIZE_MAX);
            assert!(len <= limit, "{about}: {len} octets");
            if is_less || whole_len > limit {
                self.check_part(expected, &reply, kind, &about);
                continue;
            }
            expected.check_whole(&reply, kind, &about);
            // More room makes no difference.
            if size.is_some() {
                break;
            }
        }
    }

    fn check_part(&mut self, expected: &Expected, reply: &Message, kind: ReplyKind, about: &str) {
        expected.check_part(reply, kind, about);
        self.seen.partial += 1;
        self.seen.cut += usize::from(kind.is_truncated);
    }
}

/// A question to a world.
#[derive(Clone, Copy)]
struct Question<'w> {
    world: &'w World,
    name: &'w NameBuf,
    rtype: Rtype,
    dnssec_ok: bool,
}

impl fmt::Display for Question<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} DO={}", self.name, self.rtype, self.dnssec_ok)
    }
}

impl Question<'_> {
    fn query(&self, edns_size: Option<u16>) -> Vec<u8> {
        query(self.name, self.rtype, Asking { edns_size, dnssec_ok: self.dnssec_ok })
    }

    /// What it gets.
    fn expect(&self, transport: Transport) -> Expected {
        let Self { world, name, rtype, dnssec_ok } = *self;
        world.reference.expect(&Asked { name: key(name.as_name()), rtype, dnssec_ok, transport })
    }
}

/// Asks all questions about the zones for the whole reply; and those that say most, with little room.
fn check(samples: &[Sample], scheme: Scheme) -> Seen {
    let mut seen = Seen::default();
    for is_minimal in [false, true] {
        let world = World::new(samples, is_minimal);
        let mut asker = Asker::new(&world, seen);
        for (number, (name, rtype)) in world.questions.iter().enumerate() {
            for dnssec_ok in [false, true] {
                let asked = Question { world: &world, name, rtype: *rtype, dnssec_ok };
                let expected = asked.expect(Transport::Tcp);
                let len = asker.ask_whole(&asked, &expected);
                let is_most = !is_minimal && dnssec_ok == (scheme != Scheme::Unsigned);
                if is_most || number % 16 == 0 {
                    asker.ask_parts(&asked, &expected, len);
                }
            }
        }
        seen = asker.seen;
    }
    seen
}

/// Sample zones that are signed in some way; one stays as it is, so that they have an insecure child.
fn signed(scheme: Scheme, folders: &[&str]) -> Vec<Sample> {
    let samples = folders.iter().flat_map(|folder| samples::read(folder));
    let samples = samples.filter(|sample| !LEFT_OUT.contains(&&*sample.apex.to_string()));
    let plain = name("plain.signed.test.");
    let sign = |sample: Sample| if sample.apex == plain { sample } else { sample.signed(scheme) };
    samples.map(sign).collect()
}

#[track_caller]
fn check_seen(seen: &Seen, least: usize) {
    let &Seen { whole, partial, cut, .. } = seen;
    assert!(whole > least && partial > cut && cut > least / 10, "{seen:?}");
}

#[test]
fn replies_from_the_lab_are_those_of_the_reference() {
    // All of them are short.
    let Seen { whole, cut, .. } = check(&samples::read("zones/lab"), Scheme::Unsigned);
    assert!(whole > 1000 && cut == 0, "{whole} whole, {cut} cut");
}

#[test]
fn replies_from_unsigned_zones_are_those_of_the_reference() {
    let seen = check(&samples::read("tests/interop/zones"), Scheme::Unsigned);
    check_seen(&seen, 10_000);
    let rcodes = [Rcode::NOERROR, Rcode::NXDOMAIN, Rcode::REFUSED, Rcode::YXDOMAIN];
    assert_eq!(seen.rcodes, BTreeSet::from(rcodes));
}

#[test]
fn replies_from_zones_with_nsec_are_those_of_the_reference() {
    let folders = ["tests/interop/zones/signed", "tests/interop/zones"];
    check_seen(&check(&signed(Scheme::Nsec, &folders), Scheme::Nsec), 10_000);
}

#[test]
fn replies_from_zones_with_nsec3_are_those_of_the_reference() {
    let folders = ["tests/interop/zones/signed", "tests/interop/zones"];
    check_seen(&check(&signed(Scheme::Nsec3, &folders), Scheme::Nsec3), 10_000);
}

#[test]
fn replies_from_zones_with_opt_out_are_those_of_the_reference() {
    let folders = ["tests/interop/zones/signed"];
    check_seen(&check(&signed(Scheme::OptOut, &folders), Scheme::OptOut), 1000);
}

#[test]
fn reply_that_no_message_can_hold_is_cut_over_tcp_too() {
    let mut text = "$TTL 60\n@ SOA ns a 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n".to_owned();
    for number in 0..250 {
        writeln!(text, "much TXT {number:0240}\nmuch A 192.0.2.{number}").unwrap();
    }
    let (name, apex) = (name("much.large.test."), name("large.test."));
    let world = World::new(&[Sample { apex, text }], false);
    for (rtype, is_cut) in [(Rtype::TXT, false), (Rtype::A, false), (Rtype::ANY, true)] {
        let asked = Question { world: &world, name: &name, rtype, dnssec_ok: false };
        let mut asker = Asker::new(&world, Seen::default());
        let (reply, _, kind) =
            asker.send(&asked.query(Some(1232)), Transport::Tcp, MESSAGE_LEN_MAX);
        asked.expect(Transport::Tcp).check_part(&reply, kind, "much");
        assert_eq!(kind.is_truncated, is_cut, "{rtype}");
    }
}
