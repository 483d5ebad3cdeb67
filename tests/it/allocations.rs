//! Nothing is allocated for an answer, whatever it is: what the engine needs it has from the start.

use crate::message::{Asking, query};
use crate::world::{PEER, name, snapshot, zone};
use kereru::answer::ahead::Drafts;
use kereru::answer::{AnswerOptions, Exchange, Local, Outcome, Snapshot, Transport, respond};
use kereru::base::limits::{BATCH_MAX, MESSAGE_LEN_MAX, UDP_SIZE_MAX};
use kereru::base::time::{Now, Wall};
use kereru::wire::numbers::Rtype;
use std::net::{Ipv4Addr, SocketAddr};

const RECORDS: &str = "\
    www A 192.0.2.1\nwww AAAA 2001:db8::1\nalias CNAME www\nold DNAME www\n*.w A 192.0.2.2\n\
    mail MX 10 www\nmail MX 20 alias.other.\nsrv SRV 0 0 53 www\n\
    sub NS ns.sub\nsub NS ns.other.\nsub DS 1 13 2 \
    CDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCD \nns.sub A 192.0.2.3\n\
    sub RRSIG DS 13 2 3600 20300101000000 20200101000000 1 example. AAAA\n";
const NSEC: &str = "\
    @ NSEC www NS SOA RRSIG NSEC\nwww NSEC @ A AAAA RRSIG NSEC\n\
    @ RRSIG SOA 13 1 900 20300101000000 20200101000000 1 example. AAAA\n";
const NSEC3: &str = "\
    @ NSEC3PARAM 1 0 5 AABB\n\
    0p9mhaveqvm6t7vbl5lop2u3t2rp3tom NSEC3 1 0 5 AABB 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA\n\
    2t7b4g4vsa5smi47k61mv5bv1a22bojr NSEC3 1 0 5 AABB 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A\n";

/// Queries of each kind that gets an answer, and some that get none.
fn queries() -> Vec<Vec<u8>> {
    let questions = [
        "example. SOA",
        "www.example. A",
        "www.example. ANY",
        "www.example. TXT",
        "alias.example. A",
        "a.old.example. A",
        "a.w.example. A",
        "a.w.example. TXT",
        "mail.example. MX",
        "srv.example. SRV",
        "www.sub.example. A",
        "sub.example. DS",
        "nothing.example. A",
        "elsewhere. A",
    ];
    let mut queries: Vec<Vec<u8>> = questions
        .iter()
        .map(|question| {
            let (qname, rtype) = question.split_once(' ').unwrap();
            let asking = Asking { edns_size: Some(1232), dnssec_ok: true };
            query(&name(qname), Rtype::from_text(rtype).unwrap(), asking)
        })
        .collect();
    let sound = queries[0].clone();
    // Without a question, another operation, another record that is not there, half a header.
    for (at, octet) in [(5, 0), (2, 0x78), (11, 2)] {
        queries.push(sound.clone());
        queries.last_mut().unwrap()[at] = octet;
    }
    queries.push(sound[..15].to_vec());
    queries
}

fn snapshots() -> [Snapshot; 3] {
    ["", NSEC, NSEC3].map(|denial| {
        let zone = zone("example.", &format!("{RECORDS}{denial}"));
        snapshot(vec![zone], AnswerOptions::default())
    })
}

fn exchange(message: &mut [u8], len: usize, transport: Transport) -> Exchange<'_> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 4000));
    Exchange {
        message,
        len,
        peer: address,
        local: address,
        transport,
        received: Wall::from_secs(1_800_000_000),
        now: Now::default(),
    }
}

#[test]
fn answer_allocates_nothing() {
    for snapshot in snapshots() {
        let mut local = Local::default();
        let mut message = vec![0; MESSAGE_LEN_MAX];
        for asked in queries() {
            for transport in [Transport::Udp, Transport::Tcp] {
                message[..asked.len()].copy_from_slice(&asked);
                let mut exchange = exchange(&mut message, asked.len(), transport);
                let mut outcome = None;
                let counted = allocation_counter::measure(|| {
                    outcome = Some(respond(&snapshot, &mut local, &mut exchange, &mut ()));
                });
                assert!(matches!(outcome, Some(Outcome::Reply { .. })), "{asked:?}");
                assert_eq!(counted.count_total, 0, "{asked:?}");
            }
        }
    }
}

/// Answers queries as a worker does with a batch; returns how many got a reply.
fn answer_batch<'q>(
    snapshot: &Snapshot,
    (drafts, local): (&mut Drafts, &mut Local),
    slots: &mut [u8],
    queries: impl Iterator<Item = &'q Vec<u8>> + Clone,
) -> usize {
    drafts.clear();
    for (query, slot) in queries.clone().zip(slots.chunks_exact_mut(UDP_SIZE_MAX)) {
        slot[..query.len()].copy_from_slice(query);
        drafts.push(&slot[..query.len()], PEER.ip());
    }
    let ahead = drafts.look_ahead(snapshot);
    let slots = slots.chunks_exact_mut(UDP_SIZE_MAX).zip(queries).enumerate();
    let outcomes = slots.map(|(index, (message, query))| {
        let mut exchange = exchange(message, query.len(), Transport::Udp);
        ahead.respond(index, local, &mut exchange, &mut ())
    });
    outcomes.filter(|outcome| matches!(outcome, Outcome::Reply { .. })).count()
}

#[test]
fn ten_thousand_answers_in_batches_allocate_nothing() {
    let batches = 10_000_usize.div_ceil(BATCH_MAX);
    for snapshot in snapshots() {
        let (mut drafts, mut local) = (Drafts::default(), Local::default());
        let (queries, mut slots) = (queries(), vec![0; BATCH_MAX * UDP_SIZE_MAX]);
        let mut replies = 0;
        let counted = allocation_counter::measure(|| {
            for batch in 0..batches {
                let asked = queries.iter().cycle().skip(batch).take(BATCH_MAX);
                replies += answer_batch(&snapshot, (&mut drafts, &mut local), &mut slots, asked);
            }
        });
        assert_eq!((replies, counted.count_total), (batches * BATCH_MAX, 0));
    }
}
