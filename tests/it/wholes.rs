//! Replies hold what the plain reference says: all of it where there is room, and otherwise whole sets
//! of it.

use crate::message::{Asking, Message, Record, query};
use crate::reference::{Asked, Expected, Key, Model, Reference, Row, Rows, child, key, wire};
use crate::samples::{self, Sample, Scheme};
use crate::world::{NOW, PEER, name, snapshot, whole_zone};
use kereru::answer::{AnswerOptions, Exchange, Local, Outcome, Snapshot, Transport, respond};
use kereru::base::limits::MESSAGE_LEN_MAX;
use kereru::base::time::Now;
use kereru::metrics::ReplyKind;
use kereru::wire::header::Flags;
use kereru::wire::name::{Name, NameBuf};
use kereru::wire::numbers::{Rcode, Rtype};
use std::collections::{BTreeMap, BTreeSet};

/// Types that each owner is asked for besides its own.
const TYPES: [Rtype; 14] = [
    Rtype::A,
    Rtype::NS,
    Rtype::SOA,
    Rtype::CNAME,
    Rtype::DNAME,
    Rtype::MX,
    Rtype::TXT,
    Rtype::SRV,
    Rtype::DS,
    Rtype::RRSIG,
    Rtype::NSEC,
    Rtype::NSEC3,
    Rtype::ANY,
    Rtype(65_280),
];

/// Types that names are asked for that own nothing, or NSEC3 records alone.
const FEW: [Rtype; 6] = [Rtype::A, Rtype::NS, Rtype::CNAME, Rtype::DS, Rtype::NSEC3, Rtype::ANY];

/// Octets that clients take over UDP; `None` is no EDNS, and so 512.
const SIZES: [Option<u16>; 5] = [None, Some(512), Some(600), Some(1232), Some(4096)];

/// Octets that there is room for over TCP, when there is less than a client could take.
const ROOMS: [usize; 7] = [600, 1232, 2500, 5000, 10_000, 16_500, 40_000];

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

    /// What a query gets where there is so much room.
    fn ask(&self, query: &[u8], transport: Transport, room: usize) -> (Vec<u8>, ReplyKind) {
        let mut message = vec![0xCC; room];
        message[..query.len()].copy_from_slice(query);
        let mut exchange = Exchange {
            message: &mut message,
            len: query.len(),
            peer: PEER,
            local: "192.0.2.1:53".parse().unwrap(),
            transport,
            received: NOW,
            now: Now::default(),
        };
        match respond(&self.snapshot, &mut Local::default(), &mut exchange, &mut ()) {
            Outcome::Reply { len, kind } => {
                message.truncate(len);
                (message, kind)
            }
            Outcome::Drop(reason) => panic!("{reason:?}"),
        }
    }
}

/// Every owner with its own types and some more; the names above it; and names below it that mostly
/// do not exist. Every second name is written in upper case.
fn questions<'m>(zones: impl Iterator<Item = &'m Model>) -> Vec<(NameBuf, Rtype)> {
    let mut asked: BTreeMap<Key, BTreeSet<Rtype>> = BTreeMap::new();
    for (owner, types) in zones.flat_map(Model::owners) {
        let is_hashed = types.contains(&Rtype::NSEC3);
        let more = if is_hashed { &FEW[..] } else { &TYPES[..] };
        let own = asked.entry(owner.clone()).or_default();
        own.extend(types);
        own.extend(more);
        let above = owner[..owner.len().saturating_sub(1)].to_vec();
        for name in [above, child(owner, b"none"), child(owner, b"*")] {
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

/// How many replies were looked at.
#[derive(Default)]
struct Seen {
    whole: usize,
    partial: usize,
    cut: usize,
}

impl Seen {
    fn check(&mut self, world: &World, (name, rtype): (&NameBuf, Rtype), dnssec_ok: bool) {
        let about = format!("{name} {rtype} DO={dnssec_ok} minimal={}", world.reference.is_minimal);
        let ask = |edns_size| query(name, rtype, Asking { edns_size, dnssec_ok });
        let expect = |transport| {
            let name = key(name.as_name());
            world.reference.expect(&Asked { name, rtype, dnssec_ok, transport })
        };
        let expected = expect(Transport::Tcp);
        let (octets, kind) = world.ask(&ask(Some(1232)), Transport::Tcp, MESSAGE_LEN_MAX);
        let reply = Message::read(&octets);
        // What is more than a message holds is cut over TCP, too.
        if octets.len() > MESSAGE_LEN_MAX / 2 && reply.header.flags.contains(Flags::TC) {
            expected.check_part(&reply, kind, &about);
        } else {
            expected.check_whole(&reply, kind, &about);
        }
        assert_eq!(reply.question.unwrap().0.as_name().as_wire(), name.as_name().as_wire());
        self.whole += 1;
        for room in ROOMS.into_iter().filter(|room| *room < octets.len()) {
            let (octets, kind) = world.ask(&ask(Some(1232)), Transport::Tcp, room);
            self.check_part(&expected, (&octets, kind), &format!("{about} in {room} octets"));
        }
        // Over UDP a question for several types gets one of them (RFC 8482 §4.1).
        let is_less = matches!(rtype, Rtype::ANY | Rtype::RRSIG);
        let expected = if is_less { expect(Transport::Udp) } else { expected };
        for size in SIZES {
            if size.is_none() && dnssec_ok {
                continue;
            }
            let limit = usize::from(size.unwrap_or(512));
            let whole_len = octets.len() - if size.is_none() { OPT_LEN } else { 0 };
            let about = format!("{about} over UDP in {limit} octets");
            let (octets, kind) = world.ask(&ask(size), Transport::Udp, 4096);
            assert!(octets.len() <= limit, "{about}: {} octets", octets.len());
            if whole_len <= limit && !is_less {
                expected.check_whole(&Message::read(&octets), kind, &about);
                // More room makes no difference.
                if size.is_some() {
                    break;
                }
            } else {
                self.check_part(&expected, (&octets, kind), &about);
            }
        }
    }

    fn check_part(&mut self, expected: &Expected, (octets, kind): (&[u8], ReplyKind), about: &str) {
        expected.check_part(&Message::read(octets), kind, about);
        self.partial += 1;
        self.cut += usize::from(kind.is_truncated);
    }
}

/// Asks all questions about the zones.
fn check(samples: &[Sample]) -> Seen {
    let mut seen = Seen::default();
    for is_minimal in [false, true] {
        let world = World::new(samples, is_minimal);
        for (name, rtype) in &world.questions {
            for dnssec_ok in [false, true] {
                seen.check(&world, (name, *rtype), dnssec_ok);
            }
        }
    }
    seen
}

/// Zones for tests that are signed in some way; one stays as it is.
fn signed(scheme: Scheme, folders: &[&str]) -> Vec<Sample> {
    let unsigned = [name("plain.signed.test."), name("sizes.test."), name("names.test.")];
    let samples = folders.iter().flat_map(|folder| samples::read(folder));
    let scheme_of = |sample: &Sample| {
        if unsigned.contains(&sample.apex) { Scheme::Unsigned } else { scheme }
    };
    samples
        .map(|sample| {
            let scheme = scheme_of(&sample);
            sample.signed(scheme)
        })
        .collect()
}

#[test]
fn replies_from_the_lab_are_those_of_the_reference() {
    let seen = check(&samples::read("zones/lab"));
    assert!(seen.whole > 1000, "{} whole", seen.whole);
}

#[test]
fn replies_from_unsigned_zones_are_those_of_the_reference() {
    let seen = check(&signed(Scheme::Unsigned, &["tests/interop/zones"]));
    let Seen { whole, partial, cut } = seen;
    println!("{whole} {partial} {cut}");
    assert!(
        whole > 10_000 && cut > 100 && partial > cut,
        "{whole} whole, {partial} in part, {cut} cut"
    );
}

#[test]
fn replies_from_zones_with_nsec_are_those_of_the_reference() {
    let Seen { whole, partial, cut } =
        check(&signed(Scheme::Nsec, &["tests/interop/zones/signed", "tests/interop/zones"]));
    println!("{whole} {partial} {cut}");
}

#[test]
fn replies_from_zones_with_nsec3_are_those_of_the_reference() {
    let Seen { whole, partial, cut } =
        check(&signed(Scheme::Nsec3, &["tests/interop/zones/signed", "tests/interop/zones"]));
    println!("{whole} {partial} {cut}");
}

#[test]
fn replies_from_zones_with_opt_out_are_those_of_the_reference() {
    let Seen { whole, partial, cut } =
        check(&signed(Scheme::OptOut, &["tests/interop/zones/signed"]));
    println!("{whole} {partial} {cut}");
}
