//! Any octets as the response of another server: reading them ends without a panic and keeps no more
//! than so much for each octet, what they mean stays within the bounds, and what a resolver makes of
//! them is a reply that can be read.
//!
//! The fuzz target `response` checks the same.

use crate::message::{Asking, Message, query};
use kereru::base::entropy::{Entropy, Seeded};
use kereru::base::limits::{
    MESSAGE_LEN_MAX, REQUESTS_PER_LOOKUP_MAX, RESOLVED_ALIASES_MAX, RESPONSE_SET_MAX,
    RESPONSE_SETS_MAX,
};
use kereru::base::time::Now;
use kereru::metrics::Transport;
use kereru::resolver::response::{Asked, Meaning, read};
use kereru::resolver::scrub::ReceivedSet;
use kereru::sim::script::parse;
use kereru::sim::server::Server;
use kereru::sim::subject::Subject;
use kereru::wire::header::HEADER_LEN;
use kereru::wire::name::{Name, NameBuf};
use kereru::wire::numbers::{Class, Rtype};
use kereru::wire::typed::{Record, Response};
use std::net::SocketAddr;

/// Octets that are kept for each that came, at most. A pointer of two octets stands for a name of 255,
/// and the shortest record that has an owner and two such names in its data has 16 octets.
const KEPT_PER_OCTET_MAX: usize = 64;

/// Resolves everything by a single server, which is asked for whole names.
const SCENARIO: &str = "server:\n do-ip6: no\n qname-minimisation: no\n\
    stub-zone:\n name: \".\"\n stub-addr: 192.0.2.1\nCONFIG_END\n\
    SCENARIO_BEGIN One server\nSTEP 1 NOTHING\nSCENARIO_END\n";

/// Reads octets as a response, and lets a resolver have them.
pub fn check(octets: &[u8]) {
    let octets = &octets[..octets.len().min(MESSAGE_LEN_MAX)];
    let Ok(response) = Response::read(octets) else { return };
    let sections = [&response.answers, &response.authorities, &response.additionals];
    let records = || sections.into_iter().flatten();
    let kept =
        |record: &Record| size_of::<Record>() + record.owner.as_name().len() + record.rdata.len();
    let kept: usize = records().map(kept).sum();
    assert!(kept <= KEPT_PER_OCTET_MAX * octets.len(), "{kept} octets of {}", octets.len());
    for record in records() {
        record.typed();
        record.target();
    }
    let asked = response.question.as_ref().map(|(name, question)| (name, question.rtype));
    let first = response.answers.first().map(|record| (&record.owner, record.rtype));
    let root = (&NameBuf::root(), Rtype::NS);
    for (name, rtype) in asked.into_iter().chain(first).chain([root]) {
        let name = name.as_name().to_lowercase();
        for rtype in [rtype, Rtype::ANY, Rtype::DS] {
            check_meanings(&response, name.as_name(), rtype);
        }
        check_resolved(octets, &name, rtype);
    }
}

/// What a response means for servers of each zone that a name is in, and for those that resolve.
fn check_meanings(response: &Response, name: Name<'_>, rtype: Rtype) {
    let labels = name.label_count();
    // Of a long name the zones at both ends.
    let zones = name.suffixes().chain([Name::ROOT]).enumerate();
    let zones = zones.filter(|(number, _)| *number < 3 || *number + 3 > labels);
    for (_, zone) in zones {
        check_meaning(response, Asked { name, rtype, zone, is_forwarded: false });
    }
    check_meaning(response, Asked { name, rtype, zone: Name::ROOT, is_forwarded: true });
}

fn check_meaning(response: &Response, asked: Asked<'_>) {
    let check_sets = |sets: &[ReceivedSet]| {
        assert!(sets.len() <= RESPONSE_SETS_MAX);
        for set in sets {
            assert!(set.owner.as_name().is_within(asked.zone), "{set:?} for {asked:?}");
            assert!(set.rdatas.len() <= RESPONSE_SET_MAX && set.rtype != Rtype::OPT);
        }
    };
    match read(response.clone(), asked) {
        Meaning::Found(found) | Meaning::Borrowed(found) => {
            for sets in [&found.chain, &found.proofs, &found.glue] {
                check_sets(sets);
            }
            let is_one = |set: &ReceivedSet| set.rdatas.len() == 1;
            assert!(found.soa.as_ref().is_none_or(is_one));
            let aliases = found.chain.len().saturating_sub(1);
            assert!(asked.rtype == Rtype::ANY || aliases <= RESOLVED_ALIASES_MAX);
        }
        Meaning::Referral(referral) => {
            for sets in [&referral.proofs, &referral.glue] {
                check_sets(sets);
            }
            let cut = referral.servers.owner.as_name();
            assert!(cut.is_below(asked.zone) && asked.name.is_within(cut) && !asked.is_forwarded);
            for set in &referral.glue {
                let mut names =
                    referral.servers.rdatas.iter().filter_map(|rdata| Name::read(rdata).ok());
                assert!(names.any(|name| name == set.owner.as_name()), "{set:?}");
            }
        }
        Meaning::Useless(_) => (),
    }
}

/// A client asks, and each request gets these octets, with its own ID and question.
fn check_resolved(octets: &[u8], name: &NameBuf, rtype: Rtype) {
    let scenario = parse("one server", SCENARIO).unwrap();
    let mut now = Now::default();
    let Ok(mut server) = Server::new(&scenario, now) else { panic!("it cannot be played") };
    let client: SocketAddr = "192.0.2.53:4000".parse().unwrap();
    let asked = query(name, rtype, Asking { edns_size: Some(1232), dnssec_ok: true });
    // Once to learn, and once from what was learnt.
    for _ in 0..2 {
        server.handle_query(now, client, Transport::Tcp, &asked);
        let mut requests = 0;
        let reply = loop {
            if let Some(reply) = server.poll_reply() {
                break reply;
            }
            if let Some(request) = server.poll_request() {
                requests += 1;
                assert!(requests <= REQUESTS_PER_LOOKUP_MAX, "for {name} {rtype}");
                let response = answering(octets, &request.octets);
                server.handle_response(now, request.id, &response);
            } else {
                let due = server.poll_timeout().expect("what is asked is answered");
                assert!(due >= now);
                now = due;
                server.handle_timeout(now);
            }
        };
        assert!(reply.octets.len() <= MESSAGE_LEN_MAX);
        let reply = Message::read(&reply.octets);
        assert_eq!(reply.question, Some((name.clone(), rtype, Class::IN)));
    }
}

/// A message with the ID and the question of a request in place of its own.
fn answering(octets: &[u8], request: &[u8]) -> Vec<u8> {
    let end = |message: &[u8]| {
        let name = Name::read(message.get(HEADER_LEN..)?).ok()?;
        (message[4..6] == [0, 1]).then_some(HEADER_LEN + name.len() + 4)
    };
    let (own, asked) = (end(octets).unwrap_or(HEADER_LEN), end(request).unwrap());
    let mut response = octets[..HEADER_LEN].to_vec();
    response[..2].copy_from_slice(&request[..2]);
    response[4..6].copy_from_slice(&[0, 1]);
    response.extend_from_slice(&request[HEADER_LEN..asked]);
    response.extend_from_slice(octets.get(own..).unwrap_or_default());
    response.truncate(MESSAGE_LEN_MAX);
    response
}

/// Some octets with one to four changes: the same for the same seed.
pub fn mutated(octets: &[u8], seed: u64) -> Vec<u8> {
    let mut chance = Seeded::new(seed);
    let mut mutated = octets.to_vec();
    for _ in 0..=chance.below(4) {
        let len = u32::try_from(mutated.len()).unwrap();
        let at = chance.below(len.max(1)) as usize;
        let Some(octet) = mutated.get_mut(at) else { return mutated };
        match chance.below(8) {
            0 => *octet ^= 1 << chance.below(8),
            1 => *octet = [0, 1, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xFF][chance.below(8) as usize],
            // A pointer to anywhere.
            2 => {
                let to = chance.below(len).to_be_bytes();
                let pointer = [0xC0 | to[2], to[3]];
                let end = (at + 2).min(mutated.len());
                mutated[at..end].copy_from_slice(&pointer[..end - at]);
            }
            3 => mutated.truncate(at),
            4 => drop(mutated.remove(at)),
            5 => mutated.insert(at, chance.below(256).to_be_bytes()[3]),
            // A piece once more, perhaps a record.
            6 => {
                let end = (at + chance.below(80) as usize).min(mutated.len());
                let piece = mutated[at..end].to_vec();
                mutated.extend(piece);
            }
            // Flags and counts.
            _ => {
                let place = 2 + chance.below(10) as usize;
                if let Some(octet) = mutated.get_mut(place) {
                    *octet =
                        chance.below(256).to_be_bytes()[3] & chance.next_u64().to_be_bytes()[0];
                }
            }
        }
    }
    mutated
}
