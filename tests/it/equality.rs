//! Answers are the same however they are made: in a batch or alone, over UDP or TCP, large or small;
//! and hold what the zones hold.

use crate::message::{Asking, Message, Record, query};
use crate::world::{NOW, PEER, exchange_in, name, snapshot, whole_zone};
use kereru::answer::ahead::Drafts;
use kereru::answer::{AnswerOptions, DropReason, Exchange, Local, Outcome, Snapshot, Transport};
use kereru::base::limits::{BATCH_MAX, UDP_SIZE_MAX};
use kereru::base::time::Now;
use kereru::wire::header::Flags;
use kereru::wire::name::{Name, NameBuf};
use kereru::wire::numbers::Rtype;
use kereru::wire::rdata::canonical::canonical_rdata;
use kereru::zone::node::SetKey;
use kereru::zone::store::Zone;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

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

/// All sample zones, and one with signatures.
fn zones() -> Vec<Zone> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut zones = Vec::new();
    for folder in ["zones/lab", "tests/interop/zones"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let Some(apex) = path.to_str().and_then(|path| path.strip_suffix(".zone")) else {
                continue;
            };
            let apex = apex.rsplit('/').next().unwrap();
            let apex = if apex == "root" { "." } else { apex };
            zones.push(whole_zone(apex, &fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(zones.len() > 30, "{} zones", zones.len());
    zones.push(whole_zone("signed.test.", SIGNED));
    zones
}

/// Its signatures are made up: nobody looks at them here.
const SIGNED: &str = "$TTL 300
@ SOA ns admin 1 2 3 4 60
@ NS ns
@ NSEC a SOA NS NSEC RRSIG
@ RRSIG SOA 13 2 300 20300101000000 20200101000000 1 @ c2ln
@ RRSIG NS 13 2 300 20300101000000 20200101000000 1 @ c2ln
@ RRSIG NSEC 13 2 60 20300101000000 20200101000000 1 @ c2ln
a NSEC ns A RRSIG NSEC
a A 192.0.2.1
a RRSIG A 13 3 300 20300101000000 20200101000000 1 @ c2ln
a RRSIG NSEC 13 3 60 20300101000000 20200101000000 1 @ c2ln
ns A 192.0.2.2
ns NSEC sub A RRSIG NSEC
ns RRSIG A 13 3 300 20300101000000 20200101000000 1 @ c2ln
ns RRSIG NSEC 13 3 60 20300101000000 20200101000000 1 @ c2ln
sub NS ns.sub
sub NS ns.elsewhere
sub NS ns
sub DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000
sub NSEC *.w NS DS RRSIG NSEC
sub RRSIG DS 13 3 300 20300101000000 20200101000000 1 @ c2ln
sub RRSIG NSEC 13 3 60 20300101000000 20200101000000 1 @ c2ln
ns.sub A 192.0.2.3
*.w MX 10 a
*.w NSEC @ MX RRSIG NSEC
*.w RRSIG MX 13 3 300 20300101000000 20200101000000 1 @ c2ln
*.w RRSIG NSEC 13 3 60 20300101000000 20200101000000 1 @ c2ln
";

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

/// What becomes of messages that come together over UDP.
fn batch(snapshot: &Snapshot, messages: &[&[u8]]) -> Vec<Result<Vec<u8>, DropReason>> {
    let (mut drafts, mut local) = (Drafts::default(), Local::default());
    // The batch before was a different one.
    messages.iter().rev().for_each(|message| drafts.push(message, PEER.ip()));
    drafts.clear();
    messages.iter().for_each(|message| drafts.push(message, PEER.ip()));
    assert_eq!(drafts.len(), messages.len());
    let ahead = drafts.look_ahead(snapshot);
    let respond = |(index, asked): (usize, &&[u8])| {
        let mut message = vec![0xDD; UDP_SIZE_MAX];
        message[..asked.len()].copy_from_slice(asked);
        let mut exchange = Exchange {
            message: &mut message,
            len: asked.len(),
            peer: PEER,
            local: "192.0.2.1:53".parse().unwrap(),
            transport: Transport::Udp,
            received: NOW,
            now: Now::default(),
        };
        match ahead.respond(index, &mut local, &mut exchange, &mut ()) {
            Outcome::Reply { len, .. } => Ok(message[..len].to_vec()),
            Outcome::Drop(reason) => Err(reason),
        }
    };
    messages.iter().enumerate().map(respond).collect()
}

fn alone(snapshot: &Snapshot, transport: Transport, message: &[u8]) -> Result<Vec<u8>, DropReason> {
    exchange_in(snapshot, &mut Local::default(), (transport, PEER), message, &mut ())
}

/// Data of a set in canonical form.
type Rdatas = BTreeSet<Vec<u8>>;

/// The sets of zones by name in lower case and key. Parent and child may have different ones.
#[derive(Default)]
struct Tree(HashMap<(Vec<u8>, SetKey), Vec<Rdatas>>);

impl Tree {
    fn of(zones: &[Zone]) -> Self {
        let mut tree = Self::default();
        for node in zones.iter().flat_map(Zone::nodes) {
            for set in node.sets() {
                let key = (node.owner().as_wire().to_ascii_lowercase(), set.key);
                let rdatas = set.records().map(|rdata| canonical_rdata(set.rtype(), rdata));
                tree.0.entry(key).or_default().push(rdatas.collect());
            }
        }
        tree
    }

    /// The sets that a name owns, itself or through a wildcard.
    fn find(&self, owner: Name<'_>, key: SetKey) -> &[Rdatas] {
        let wildcards =
            owner.suffixes().skip(1).map(|parent| [b"\x01*", parent.as_wire()].concat());
        let mut owners = std::iter::once(owner.as_wire().to_vec()).chain(wildcards);
        let found = owners.find_map(|owner| self.0.get(&(owner.to_ascii_lowercase(), key)));
        found.map_or(&[], Vec::as_slice)
    }

    /// Every record is one of a zone, or was made from a DNAME before it; and sets are whole.
    #[track_caller]
    fn check(&self, reply: &Message) {
        let is_cut = reply.header.flags.contains(Flags::TC);
        for section in [&reply.answers, &reply.authorities, &reply.additionals] {
            let mut found: HashMap<_, Rdatas> = HashMap::new();
            for (at, record) in section.iter().enumerate() {
                if is_synthesized(record, &section[..at]) {
                    continue;
                }
                let key = SetKey::of(record.rtype, &record.rdata);
                let rdata = canonical_rdata(record.rtype, &record.rdata);
                let set = found.entry((record.owner.clone(), key)).or_default();
                assert!(set.insert(rdata), "twice: {}", reply.render());
            }
            for ((owner, key), rdatas) in found {
                let mut sets = self.find(owner.as_name(), key).iter();
                let is_there = sets.any(|set| *set == rdatas || is_cut && set.is_superset(&rdatas));
                assert!(is_there, "{owner}: {}", reply.render());
            }
        }
    }
}

/// Whether a record is the CNAME that comes of a DNAME (RFC 6672 §3.1).
fn is_synthesized(record: &Record, before: &[Record]) -> bool {
    let is_below = |above: &Record| record.owner.as_name().is_below(above.owner.as_name());
    record.rtype == Rtype::CNAME
        && before.iter().any(|above| above.rtype == Rtype::DNAME && is_below(above))
}

/// Replies over UDP that were not cut say what replies over TCP do, but that these have room for more
/// help.
fn check_transports(udp: &Message, tcp: &Message) {
    assert!(!tcp.header.flags.contains(Flags::TC), "{}", tcp.render());
    if udp.header.flags.contains(Flags::TC) {
        return;
    }
    assert_eq!(udp.header.flags, tcp.header.flags);
    assert_eq!(udp.answers, tcp.answers);
    assert_eq!(udp.authorities, tcp.authorities);
    assert!(udp.additionals.iter().all(|record| tcp.additionals.contains(record)));
}

#[test]
fn answers_are_the_same_in_a_batch_and_alone_and_over_tcp_and_are_those_of_the_zones() {
    let zones = zones();
    let (names, tree) = (names(&zones), Tree::of(&zones));
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
            for ((query, (_, rtype)), in_batch) in
                queries.iter().zip(asked).zip(batch(&snapshot, &messages))
            {
                assert_eq!(in_batch, alone(&snapshot, Transport::Udp, query));
                let in_batch = in_batch.unwrap();
                let limit = usize::from(edns_size.unwrap_or(512));
                assert!(in_batch.len() <= limit, "{} of {limit}", in_batch.len());
                let udp = Message::read(&in_batch);
                tree.check(&udp);
                if udp.header.flags.contains(Flags::TC) {
                    cut += 1
                } else {
                    whole += 1
                }
                // Over TCP a question for all types, or all signatures, gets all (RFC 8482 §4.4).
                if ![Rtype::ANY, Rtype::RRSIG].contains(rtype) {
                    let tcp = Message::read(&alone(&snapshot, Transport::Tcp, query).unwrap());
                    tree.check(&tcp);
                    check_transports(&udp, &tcp);
                }
            }
        }
    }
    assert!(cut > 100 && whole > 10_000, "{cut} cut, {whole} whole");
}

#[test]
fn batch_with_anything_in_it_is_answered_as_each_message_alone() {
    let snapshot = snapshot(vec![whole_zone("signed.test.", SIGNED)], AnswerOptions::default());
    let good = query(&name("a.signed.test."), Rtype::A, Asking::PLAIN);
    let mut reply = good.clone();
    reply[2] |= 0x80;
    let mut update = good.clone();
    update[2] |= 5 << 3;
    let messages: [&[u8]; 7] = [&good, b"", b"short", &reply, &update, &good[..20], &good];
    let in_batch = batch(&snapshot, &messages);
    let each_alone = messages.map(|message| alone(&snapshot, Transport::Udp, message));
    assert_eq!(in_batch, each_alone);
    assert!(in_batch[0].is_ok() && in_batch[1].is_err());
}

#[test]
fn batch_takes_no_more_messages_than_there_is_room_for() {
    let mut drafts = Drafts::default();
    (0..=BATCH_MAX).for_each(|_| drafts.push(b"", PEER.ip()));
    assert_eq!(drafts.len(), BATCH_MAX);
}
