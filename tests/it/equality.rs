//! Answers are the same however they are made: in a batch or alone.

use crate::message::{Asking, query};
use crate::protocol;
use crate::samples::{self, Sample, Scheme};
use crate::world::{NOW, PEER, name, of_table, snapshot, whole_zone, zone};
use kereru::answer::ahead::Drafts;
use kereru::answer::{
    AnswerOptions, DropReason, Exchange, Outcome, RateLimit, Snapshot, Transport, View, Workspace,
    ZoneState, ZoneTable, respond,
};
use kereru::base::limits::{BATCH_MAX, UDP_SIZE_MAX};
use kereru::base::time::Now;
use kereru::metrics::ReplyKind;
use kereru::policy::acl::{Acl, Prefix};
use kereru::policy::rate::{RateLimiter, RateOptions};
use kereru::wire::character_string::CharacterString;
use kereru::wire::name::{Name, NameBuf};
use kereru::wire::numbers::{Rcode, Rtype};
use kereru::zone::store::Zone;
use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock};

const TYPES: [Rtype; 10] = [
    Rtype::A,
    Rtype::NS,
    Rtype::SOA,
    Rtype::CNAME,
    Rtype::DNAME,
    Rtype::MX,
    Rtype::TXT,
    Rtype::DS,
    Rtype::RRSIG,
    Rtype::ANY,
];

/// Octets that clients take over UDP; without EDNS 512.
const SIZES: [Option<u16>; 4] = [None, Some(600), Some(1232), Some(4096)];

/// The address that is asked.
const LOCAL: &str = "192.0.2.1:53";

/// All sample zones, some of them signed.
fn zones() -> Vec<Zone> {
    let folders = ["zones/lab", "tests/interop/zones"];
    let plain = folders.into_iter().flat_map(samples::read);
    let signed = samples::read("tests/interop/zones/signed").into_iter();
    let samples = plain.chain(signed.map(|sample| sample.signed(Scheme::Nsec3)));
    let zone = |Sample { apex, text }: Sample| whole_zone(&apex.to_string(), &text);
    let zones: Vec<Zone> = samples.map(zone).collect();
    assert!(zones.len() > 30, "{} zones", zones.len());
    zones
}

/// Names to ask for: all owners, and a name below each.
fn names(zones: &[Zone]) -> BTreeSet<NameBuf> {
    let mut names = BTreeSet::new();
    for node in zones.iter().flat_map(Zone::nodes) {
        let owner = node.owner().to_buf();
        let below = format!("none.{owner}").replace("..", ".");
        names.extend(NameBuf::from_text(below.as_bytes(), Some(Name::ROOT)));
        names.insert(owner);
    }
    names
}

/// What becomes of a message: the reply and what it is counted as, or why there is none.
type Made = Result<(Vec<u8>, ReplyKind), DropReason>;

/// Puts `asked` in an exchange over UDP and takes what becomes of it.
fn made(local: &str, asked: &[u8], respond: impl FnOnce(&mut Exchange<'_>) -> Outcome) -> Made {
    let mut message = vec![0xDD; UDP_SIZE_MAX];
    message[..asked.len()].copy_from_slice(asked);
    let outcome = respond(&mut Exchange {
        message: &mut message,
        len: asked.len(),
        peer: PEER,
        local: local.parse().unwrap(),
        transport: Transport::Udp,
        received: NOW,
        now: Now::default(),
    });
    match outcome {
        Outcome::Reply { len, kind } => {
            message.truncate(len);
            Ok((message, kind))
        }
        Outcome::Drop(reason) => Err(reason),
        Outcome::Defer(_) => panic!("there is nobody to ask"),
    }
}

/// What becomes of messages that come together.
fn batch(snapshot: &Snapshot, address: &str, messages: &[&[u8]]) -> Vec<Made> {
    let (mut drafts, mut local) = (Drafts::default(), Workspace::default());
    // The batch before was a different one.
    messages.iter().rev().for_each(|message| drafts.push(message, PEER.ip()));
    drafts.clear();
    messages.iter().for_each(|message| drafts.push(message, PEER.ip()));
    assert_eq!(drafts.len(), messages.len());
    let ahead = drafts.look_ahead(snapshot);
    let respond = |(index, asked): (usize, &&[u8])| {
        made(address, asked, |exchange| ahead.respond(index, &mut local, exchange, &mut ()))
    };
    messages.iter().enumerate().map(respond).collect()
}

/// What becomes of messages that come one after the other.
fn alone(snapshot: &Snapshot, address: &str, messages: &[&[u8]]) -> Vec<Made> {
    let mut local = Workspace::default();
    let respond = |asked: &&[u8]| {
        made(address, asked, |exchange| respond(snapshot, &mut local, exchange, &mut ()))
    };
    messages.iter().map(respond).collect()
}

#[test]
fn answers_are_the_same_in_a_batch_and_alone() {
    let zones = zones();
    let names = names(&zones);
    let options = AnswerOptions { udp_size: 4096, minimal_responses: false, ..Default::default() };
    let snapshot = snapshot(zones, options);
    let asked = names.iter().flat_map(|name| TYPES.map(|rtype| (name, rtype)));
    let asked: Vec<(&NameBuf, Rtype)> = asked.collect();
    let (mut cut, mut whole) = (0, 0);
    for (edns_size, dnssec_ok) in
        SIZES.iter().flat_map(|size| [false, true].map(|dnssec_ok| (*size, dnssec_ok)))
    {
        if edns_size.is_none() && dnssec_ok {
            continue;
        }
        for asked in asked.chunks(BATCH_MAX) {
            let ask = |(name, rtype): &(&NameBuf, Rtype)| {
                query(name, *rtype, Asking { edns_size, dnssec_ok })
            };
            let queries: Vec<Vec<u8>> = asked.iter().map(ask).collect();
            let messages: Vec<&[u8]> = queries.iter().map(Vec::as_slice).collect();
            let in_batch = batch(&snapshot, LOCAL, &messages);
            assert_eq!(in_batch, alone(&snapshot, LOCAL, &messages));
            for (_, kind) in in_batch.into_iter().map(Result::unwrap) {
                if kind.is_truncated { cut += 1 } else { whole += 1 }
            }
        }
    }
    assert!(cut > 100 && whole > 10_000, "{cut} cut, {whole} whole");
}

/// Zones of which one is below the other, and one that could not be loaded.
static TABLE: LazyLock<ZoneTable> = LazyLock::new(|| {
    let parent = "www A 192.0.2.1\nchild NS ns.child\nchild DS 1 8 99 00\nns.child A 192.0.2.2\n\
                  far NS ns.other.\nfar DS 2 8 99 00\nalias CNAME www.child\nd DNAME child";
    let mut table = ZoneTable::default();
    for (apex, records) in [("example.", parent), ("child.example.", "www A 192.0.2.3")] {
        let zone = zone(apex, records);
        table.insert(name(apex).as_name(), ZoneState::Loaded(Arc::new(zone)));
    }
    table.insert(name("broken.").as_name(), ZoneState::Broken);
    table
});

/// A snapshot of the zones in one view that is changed by `change`.
fn world(change: impl FnOnce(&mut View)) -> Snapshot {
    let options = AnswerOptions {
        identity: CharacterString::new("ns1"),
        version: CharacterString::new("1"),
        ..AnswerOptions::default()
    };
    let mut view = View { zones: TABLE.clone(), options, ..View::default() };
    change(&mut view);
    Snapshot { views: vec![Arc::new(view)], ..Snapshot::default() }
}

/// A query with EDNS, for example `www.example. A`.
fn ask(question: &str) -> Vec<u8> {
    let (qname, rtype) = question.split_once(' ').unwrap();
    let asking = Asking { edns_size: Some(1232), dnssec_ok: false };
    query(&name(qname), Rtype::from_text(rtype).unwrap(), asking)
}

/// A query with other octets at some places, counted from the end if they are negative.
fn changed(question: &str, changes: &[(isize, u8)]) -> Vec<u8> {
    let mut message = ask(question);
    for &(at, octet) in changes {
        let len = if at < 0 { message.len() } else { 0 };
        message[len.checked_add_signed(at).unwrap()] = octet;
    }
    message
}

/// Octets of the OPT record of `ask`, and so where its parts are from the end: the class is the last
/// thing before it.
const VERSION: isize = -5;
const CLASS: isize = -12;

/// Queries of each kind that is refused or goes a way of its own, and what most of them get.
fn special() -> Vec<(Vec<u8>, Rcode)> {
    let mut special = vec![
        (changed("version.bind. TXT", &[(CLASS, 3)]), Rcode::NOERROR),
        (changed("www.example. TXT", &[(CLASS, 3)]), Rcode::REFUSED),
        (changed("www.broken. TXT", &[(CLASS, 3)]), Rcode::REFUSED),
        (changed("www.example. A", &[(CLASS, 255)]), Rcode::REFUSED),
        (changed("www.example. A", &[(VERSION, 1)]), Rcode::BADVERS),
        // STATUS, NOTIFY and UPDATE.
        (changed("www.example. A", &[(2, 2 << 3)]), Rcode::NOTIMP),
        (changed("www.example. A", &[(2, 4 << 3)]), Rcode::NOTIMP),
        (changed("example. SOA", &[(2, 5 << 3)]), Rcode::NOTIMP),
        (changed("www.example. A", &[(5, 2)]), Rcode::FORMERR),
    ];
    let questions = [
        ("www.example. ANY", Rcode::NOERROR),
        ("example. ANY", Rcode::NOERROR),
        ("www.broken. ANY", Rcode::SERVFAIL),
        ("example. AXFR", Rcode::REFUSED),
        ("example. IXFR", Rcode::REFUSED),
        ("www.example. OPT", Rcode::FORMERR),
        ("www.example. TSIG", Rcode::FORMERR),
        ("www.example. MAILB", Rcode::NOTIMP),
        ("broken. SOA", Rcode::SERVFAIL),
        ("www.broken. A", Rcode::SERVFAIL),
        ("broken. DS", Rcode::SERVFAIL),
        ("www.elsewhere. A", Rcode::REFUSED),
        (". NS", Rcode::REFUSED),
        ("example. SOA", Rcode::NOERROR),
        ("example. NS", Rcode::NOERROR),
        ("example. A", Rcode::NOERROR),
        ("example. DS", Rcode::NOERROR),
        ("child.example. SOA", Rcode::NOERROR),
        ("child.example. DS", Rcode::NOERROR),
        ("www.child.example. DS", Rcode::NOERROR),
        ("far.example. DS", Rcode::NOERROR),
        ("far.example. NS", Rcode::NOERROR),
        ("www.far.example. DS", Rcode::NOERROR),
        ("alias.example. A", Rcode::NOERROR),
        ("www.d.example. A", Rcode::NOERROR),
        ("nothing.example. A", Rcode::NXDOMAIN),
    ];
    special.extend(questions.map(|(question, rcode)| (ask(question), rcode)));
    special
}

/// Sends batches: of each query alone several times, of it among good ones, and of all.
#[track_caller]
fn check_batches(make: impl Fn() -> Snapshot, address: &str) {
    let (good, special) = (ask("www.example. A"), special());
    let mut batches: Vec<Vec<&[u8]>> = Vec::new();
    for (query, _) in &special {
        batches.push(vec![query; 5]);
        batches.push(vec![&good, query, &good, query, query, &good]);
    }
    let all: Vec<&[u8]> = special.iter().map(|(query, _)| query.as_slice()).collect();
    batches.extend(all.chunks(BATCH_MAX).map(<[&[u8]]>::to_vec));
    batches.push(all.iter().rev().take(BATCH_MAX).copied().collect());
    for messages in batches {
        let (in_batch, in_turn) = (make(), make());
        let expected = alone(&in_turn, address, &messages);
        assert_eq!(batch(&in_batch, address, &messages), expected, "{messages:?}");
    }
}

/// The response codes that the special queries get, and why others get none.
fn outcomes(snapshot: &Snapshot, address: &str) -> Vec<Result<Rcode, DropReason>> {
    let special = special();
    let messages: Vec<&[u8]> = special.iter().map(|(query, _)| query.as_slice()).collect();
    let made = alone(snapshot, address, &messages).into_iter();
    made.map(|made| made.map(|(_, kind)| kind.rcode)).collect()
}

#[test]
fn batch_of_each_refusal_is_answered_as_alone() {
    let expected: Vec<_> = special().into_iter().map(|(_, rcode)| Ok(rcode)).collect();
    assert_eq!(outcomes(&world(|_| ()), LOCAL), expected);
    check_batches(|| world(|_| ()), LOCAL);
}

#[test]
fn batch_of_a_client_that_may_not_ask_is_answered_as_alone() {
    for (network, is_refused) in [("198.51.100.0/24", true), ("192.0.2.0/24", false)] {
        let allowed = Acl::new([Prefix::parse(network).unwrap()]);
        let make = || world(|view| view.allow_query = Some(allowed.clone()));
        let (reply, kind) = batch(&make(), LOCAL, &[&*ask("www.example. A"); 5]).remove(0).unwrap();
        assert_eq!((kind.rcode == Rcode::REFUSED, reply.len() > 12), (is_refused, true));
        check_batches(make, LOCAL);
    }
}

#[test]
fn batch_to_each_of_two_views_is_answered_as_alone() {
    let make = || {
        let view = |address: &str, zones| {
            let addresses = vec![address.parse::<SocketAddr>().unwrap()];
            Arc::new(View { addresses, zones, ..View::default() })
        };
        let other = zone("example.", "www A 198.51.100.1\n*.child A 198.51.100.2");
        let mut zones = ZoneTable::default();
        zones.insert(name("example.").as_name(), ZoneState::Loaded(Arc::new(other)));
        Snapshot {
            views: vec![view("192.0.2.2:53", zones), view(LOCAL, TABLE.clone())],
            ..Snapshot::default()
        }
    };
    let good = ask("www.example. A");
    let [first, second] = ["192.0.2.2:53", LOCAL].map(|address| {
        check_batches(make, address);
        batch(&make(), address, &[&*good; 5]).remove(0).unwrap().0
    });
    assert_ne!(first, second);
}

#[test]
fn batch_to_an_address_of_no_view_is_refused_as_alone() {
    let other: SocketAddr = "192.0.2.2:53".parse().unwrap();
    let make = || world(|view| view.addresses = vec![other]);
    let good = ask("www.example. A");
    for (address, rcode) in [(LOCAL, Rcode::REFUSED), ("192.0.2.2:53", Rcode::NOERROR)] {
        check_batches(make, address);
        let (_, kind) = batch(&make(), address, &[&*good; 5]).remove(0).unwrap();
        assert_eq!(kind.rcode, rcode);
    }
}

#[test]
fn batch_beyond_the_rate_limit_is_cut_and_dropped_as_one_after_the_other() {
    let make = || {
        let options = RateOptions { per_second: 2, ipv4_prefix: 24, ipv6_prefix: 56, slip: 2 };
        let limiter = Arc::new(RateLimiter::new(options));
        let exempt = Acl::new([]);
        world(|view| view.rate_limit = Some(RateLimit { limiter, exempt }))
    };
    check_batches(make, LOCAL);
    let made = batch(&make(), LOCAL, &[&*ask("www.example. A"); 6]);
    let outcomes = made.into_iter().map(|made| made.map(|(_, kind)| kind.is_truncated));
    let dropped = Err(DropReason::RateLimited);
    let expected = [Ok(false), Ok(false), dropped, Ok(true), dropped, Ok(true)];
    assert_eq!(outcomes.collect::<Vec<_>>(), expected);
}

#[test]
fn batches_of_the_corpus_are_answered_as_alone() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/packet");
    let files = fs::read_dir(folder).unwrap();
    let packets: Vec<Vec<u8>> =
        files.map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    assert!(packets.len() >= 29, "{} packets", packets.len());
    let messages: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
    for messages in messages.chunks(BATCH_MAX) {
        let expected = alone(&protocol::WORLD, LOCAL, messages);
        assert_eq!(batch(&protocol::WORLD, LOCAL, messages), expected);
    }
}

#[test]
fn batch_with_anything_in_it_is_answered_as_each_message_alone() {
    let snapshot = of_table(TABLE.clone(), AnswerOptions::default());
    let good = query(&name("www.example."), Rtype::A, Asking::PLAIN);
    let mut reply = good.clone();
    reply[2] |= 0x80;
    let mut update = good.clone();
    update[2] |= 5 << 3;
    let messages: [&[u8]; 7] = [&good, b"", b"short", &reply, &update, &good[..20], &good];
    let in_batch = batch(&snapshot, LOCAL, &messages);
    assert_eq!(in_batch, alone(&snapshot, LOCAL, &messages));
    assert!(in_batch[0].is_ok() && in_batch[1].is_err());
}

#[test]
fn batch_takes_no_more_messages_than_there_is_room_for() {
    let mut drafts = Drafts::default();
    (0..=BATCH_MAX).for_each(|_| drafts.push(b"", PEER.ip()));
    assert_eq!(drafts.len(), BATCH_MAX);
}
