//! The edges of a message: what is malformed, not offered, too large or silent.

use crate::checklist;
use crate::message::{Asking, Message, query};
use crate::world::{NOW, exchange, name, snapshot, zone};
use hickory_proto::op::Message as OtherMessage;
use kereru::answer::{DropReason, Exchange, Outcome, Snapshot, Transport, Workspace, respond};
use kereru::base::time::Now;
use kereru::wire::header::Flags;
use kereru::wire::numbers::{Rcode, Rtype};
use proptest::prelude::*;
use std::fmt::Write;
use std::sync::LazyLock;

/// A zone with something of everything, which the packets of the corpus ask for.
pub static WORLD: LazyLock<Snapshot> = LazyLock::new(|| {
    let mut records = "www A 192.0.2.1\nsub NS ns.sub\nns.sub A 192.0.2.2\n".to_owned();
    records.push_str("a CNAME www\nd DNAME sub\n* TXT wild\nmx MX 1 www\n_s SRV 1 2 3 www\n");
    for number in 0..100 {
        writeln!(records, "big TXT \"string number {number}\"").unwrap();
    }
    snapshot(vec![zone("example.", &records)], checklist::options())
});

fn send(query: &[u8]) -> Option<Vec<u8>> {
    exchange(&WORLD, Transport::Udp, query)
}

fn soa_query(asking: Asking) -> Vec<u8> {
    query(&name("example."), Rtype::SOA, asking)
}

const EDNS: Asking = Asking { edns_size: Some(1232), dnssec_ok: false };

#[track_caller]
fn check_rcode(query: &[u8], expected: Rcode) -> Message {
    let reply = Message::read(&send(query).unwrap());
    assert_eq!(reply.rcode(), expected);
    assert_eq!((reply.header.id, reply.header.flags.contains(Flags::QR)), (0x1234, true));
    reply
}

#[test]
fn rd_and_cd_are_copied_and_z_ad_and_ra_are_clear() {
    let mut query = soa_query(Asking::PLAIN);
    query[2] = 0x01;
    query[3] = 0xF0;
    let reply = check_rcode(&query, Rcode::NOERROR);
    assert_eq!(reply.header.flags.0, Flags::QR | Flags::AA | Flags::RD | Flags::CD);
}

#[test]
fn other_operations_get_notimp_with_their_opcode() {
    for opcode in 1..=15_u8 {
        let mut query = soa_query(Asking::PLAIN);
        query[2] = opcode << 3;
        let reply = check_rcode(&query, Rcode::NOTIMP);
        assert_eq!(reply.header.flags.opcode().0, opcode);
    }
}

#[test]
fn edns_version_above_ours_gets_badvers_and_no_answer() {
    for version in [1, 100] {
        let mut query = soa_query(EDNS);
        let at = query.len() - 5;
        query[at] = version;
        let reply = check_rcode(&query, Rcode::BADVERS);
        assert!(reply.answers.is_empty() && !reply.header.flags.contains(Flags::AA));
        assert_eq!(reply.opt.unwrap().ttl >> 16 & 0xFF, 0);
    }
}

#[test]
fn do_is_copied_and_other_edns_flags_are_not() {
    let mut query = soa_query(Asking { edns_size: Some(1232), dnssec_ok: true });
    let at = query.len() - 3;
    query[at] = 0x40;
    let reply = check_rcode(&query, Rcode::NOERROR);
    assert_eq!(reply.opt.unwrap().ttl & 0xFFFF, 0x8000);
}

#[test]
fn edns_is_answered_with_edns_and_its_absence_with_none() {
    let reply = check_rcode(&soa_query(EDNS), Rcode::NOERROR);
    assert_eq!(reply.opt.unwrap().class, 1232);
    assert!(check_rcode(&soa_query(Asking::PLAIN), Rcode::NOERROR).opt.is_none());
}

#[test]
fn reply_over_udp_is_no_larger_than_client_and_server_allow() {
    for (offered, limit) in
        [(None, 512), (Some(0), 512), (Some(512), 512), (Some(900), 900), (Some(65_535), 1232)]
    {
        let asking = Asking { edns_size: offered, dnssec_ok: false };
        let reply = send(&query(&name("big.example."), Rtype::TXT, asking)).unwrap();
        assert!(reply.len() <= limit, "{} octets for {offered:?}", reply.len());
        let reply = Message::read(&reply);
        assert!(reply.header.flags.contains(Flags::TC | Flags::AA), "{offered:?}");
        assert_eq!(reply.opt.is_some(), offered.is_some());
    }
}

#[test]
fn large_answer_is_whole_over_tcp() {
    let query = query(&name("big.example."), Rtype::TXT, EDNS);
    let reply = Message::read(&exchange(&WORLD, Transport::Tcp, &query).unwrap());
    assert_eq!((reply.answers.len(), reply.header.flags.contains(Flags::TC)), (100, false));
}

#[test]
fn what_is_no_query_gets_silence() {
    let mut reply = soa_query(Asking::PLAIN);
    reply[2] = 0x80;
    assert_eq!(send(&reply), None);
    for len in 0..12 {
        assert_eq!(send(&soa_query(Asking::PLAIN)[..len]), None);
    }
}

#[test]
fn query_from_port_0_gets_silence() {
    let mut message = soa_query(Asking::PLAIN);
    let len = message.len();
    message.resize(512, 0);
    let (peer, local) = (([192, 0, 2, 53], 0).into(), ([192, 0, 2, 1], 53).into());
    let transport = Transport::Udp;
    let (received, now) = (NOW, Now::default());
    let mut exchange =
        Exchange { message: &mut message, len, peer, local, transport, received, now };
    let outcome = respond(&WORLD, &mut Workspace::default(), &mut exchange, &mut ());
    assert!(matches!(outcome, Outcome::Drop(DropReason::PortZero)), "{outcome:?}");
}

#[test]
fn options_of_another_edns_version_are_not_looked_at() {
    let mut query = soa_query(EDNS);
    let at = query.len();
    query[at - 5] = 1;
    query[at - 1] = 3;
    query.extend_from_slice(&[0xFF, 0xFF, 0xFF]);
    check_rcode(&query, Rcode::BADVERS);
}

#[test]
fn malformed_query_gets_formerr_with_its_id() {
    let good = soa_query(EDNS);
    for len in 12..good.len() {
        check_rcode(&good[..len], Rcode::FORMERR);
    }
    for at in [12, 20] {
        for octet in [0x40, 0x80, 0xC0, 0xFF] {
            let mut query = good.clone();
            query[at] = octet;
            check_rcode(&query, Rcode::FORMERR);
        }
    }
    let mut two_questions = good.clone();
    two_questions[5] = 2;
    check_rcode(&two_questions, Rcode::FORMERR);
    let mut two_opts = [&good[..], &good[good.len() - 11..]].concat();
    two_opts[11] = 2;
    check_rcode(&two_opts, Rcode::FORMERR);
}

#[test]
fn octets_behind_the_message_are_passed_over() {
    check_rcode(&[&soa_query(EDNS)[..], b"junk"].concat(), Rcode::NOERROR);
}

#[test]
fn other_classes_and_transfers_are_refused() {
    for class in [3, 254, 255] {
        let mut query = soa_query(Asking::PLAIN);
        let at = query.len() - 1;
        query[at] = class;
        check_rcode(&query, Rcode::REFUSED);
    }
    for rtype in [Rtype::AXFR, Rtype::IXFR] {
        check_rcode(&query(&name("example."), rtype, Asking::PLAIN), Rcode::REFUSED);
    }
}

#[test]
fn types_that_cannot_be_asked_for_are_told_so() {
    for (rtype, rcode) in [
        (Rtype::OPT, Rcode::FORMERR),
        (Rtype::TSIG, Rcode::FORMERR),
        (Rtype::TKEY, Rcode::FORMERR),
        (Rtype::MAILA, Rcode::NOTIMP),
        (Rtype::MAILB, Rcode::NOTIMP),
    ] {
        check_rcode(&query(&name("example."), rtype, Asking::PLAIN), rcode);
    }
}

fn any_query() -> impl Strategy<Value = Vec<u8>> {
    let names = vec![
        "example.",
        "www.example.",
        "x.sub.example.",
        "a.example.",
        "y.d.example.",
        "q.w.example.",
        "mx.example.",
        "_s.example.",
        "big.example.",
        "other.",
    ];
    let types = vec![1, 2, 5, 6, 15, 16, 28, 33, 39, 43, 255, 65_280];
    let size = prop::option::of(0..3000_u16);
    let options = prop::collection::vec(any_option(), 0..4);
    (prop::sample::select(names), prop::sample::select(types), size, any::<bool>(), options)
        .prop_map(|(qname, rtype, edns_size, dnssec_ok, options)| {
            let mut query = query(&name(qname), Rtype(rtype), Asking { edns_size, dnssec_ok });
            if edns_size.is_some() {
                let options = options.concat();
                *query.last_mut().unwrap() = options.len() as u8;
                query.extend(options);
            }
            query
        })
}

/// An option that we know or do not know, with or without a value; cookies of good lengths.
fn any_option() -> impl Strategy<Value = Vec<u8>> {
    let sizes =
        prop::sample::select(vec![(3, 0), (8, 7), (9, 0), (10, 8), (10, 24), (11, 0), (12, 9)]);
    (sizes, any::<u8>()).prop_map(|((code, size), octet)| {
        [&[0, code, 0, size][..], &vec![octet; usize::from(size)]].concat()
    })
}

proptest! {
    #[test]
    fn another_implementation_reads_every_reply(query in any_query(), tcp in any::<bool>()) {
        let transport = if tcp { Transport::Tcp } else { Transport::Udp };
        let reply = exchange(&WORLD, transport, &query).unwrap();
        let other = OtherMessage::from_vec(&reply).unwrap();
        let ours = Message::read(&reply);
        for (theirs, records) in [
            (&other.answers, &ours.answers),
            (&other.authorities, &ours.authorities),
            (&other.additionals, &ours.additionals),
        ] {
            prop_assert_eq!(theirs.len(), records.len());
            for (theirs, record) in theirs.iter().zip(records) {
                let owner = theirs.name.to_ascii().to_lowercase();
                prop_assert_eq!(owner, record.owner.to_string().to_lowercase());
                prop_assert_eq!(u16::from(theirs.record_type()), record.rtype.0);
                prop_assert_eq!(theirs.ttl, record.ttl);
            }
        }
        prop_assert_eq!(other.edns.is_some(), ours.opt.is_some());
    }

    #[test]
    fn earlier_queries_leave_no_trace_in_a_reply(queries in prop::collection::vec(any_query(), 1..12)) {
        let mut local = Workspace::default();
        for query in queries {
            let mut message = vec![0xEE; 65_535];
            message[..query.len()].copy_from_slice(&query);
            let (peer, to) = (([192, 0, 2, 53], 4000).into(), ([192, 0, 2, 1], 53).into());
            let (len, transport) = (query.len(), Transport::Tcp);
            let (received, now) = (NOW, Now::default());
            let mut asked =
                Exchange { message: &mut message, len, peer, local: to, transport, received, now };
            let Outcome::Reply { len, .. } = respond(&WORLD, &mut local, &mut asked, &mut ()) else {
                panic!("no reply");
            };
            let fresh = exchange(&WORLD, transport, &query).unwrap();
            prop_assert_eq!(&message[..len], &fresh[..]);
        }
    }

    #[test]
    fn mutated_query_gets_a_readable_reply_or_silence(
        query in any_query(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut query = query;
        for (index, octet) in changes {
            let at = index.index(query.len());
            query[at] = octet;
        }
        if is_cut {
            query.truncate(cut.index(query.len()));
        }
        if let Some(reply) = send(&query) {
            let reply = Message::read(&reply);
            prop_assert_eq!(reply.header.id, u16::from_be_bytes([query[0], query[1]]));
        }
    }
}
