//! Never silent, never wrong: what an authority must make of odd questions, over UDP and TCP alike.
//!
//! RFC 8906 §8, and what has been learnt since. One test a line of the checklist; the numbers are
//! its lines. `tests/interop/checklist` asks the running server the same.

use crate::asking::{
    Asking, CLIENT, COOKIE, EXPIRE, KEEPALIVE, NSID, bare_opt, options_of, soa, tsig, value_of,
    values_of, version_and_flags,
};
use crate::message::Message;
use crate::world::{NOW, PEER, exchange_with, snapshot, zone};
use kereru::answer::{AnswerOptions, DropReason, Snapshot, Transport};
use kereru::policy::cookie::Secrets;
use kereru::wire::character_string::CharacterString;
use kereru::wire::edns::Cookie;
use kereru::wire::header::Flags;
use kereru::wire::numbers::{Rcode, Rtype};
use std::fmt::Write;
use std::sync::LazyLock;

const SUBNET: u16 = 8;
const PADDING: u16 = 12;

const SOA: &str = "SOA ns.elsewhere. admin.example. 1 2 3 4 300";

static WORLD: LazyLock<Snapshot> = LazyLock::new(|| world(options()));

/// A server that tells all it can tell.
pub fn options() -> AnswerOptions {
    AnswerOptions {
        identity: CharacterString::new("ns1.example"),
        version: CharacterString::new("kereru 1"),
        cookies: Some(secrets()),
        ..AnswerOptions::default()
    }
}

fn world(options: AnswerOptions) -> Snapshot {
    let mut records = "www A 192.0.2.1\n".to_owned();
    // As much as a set may have: with the question's name it is too much for any message.
    writeln!(records, "big TXT {:033}", 0).unwrap();
    for number in 0..264 {
        writeln!(records, "big TXT {number:0235}").unwrap();
    }
    snapshot(vec![zone("example.", &records)], options)
}

fn secrets() -> Secrets {
    Secrets::parse("e5e973e5a6b2a43f48e7dc849e37bfcf").unwrap()
}

const TRANSPORTS: [Transport; 2] = [Transport::Udp, Transport::Tcp];

fn send_to(world: &Snapshot, transport: Transport, query: &[u8]) -> Message {
    let reply = exchange_with(world, transport, PEER, query, &mut ()).unwrap();
    let reply = Message::read(&reply);
    assert_eq!(reply.header.id, 0x1234);
    assert!(reply.header.flags.contains(Flags::QR) && !reply.header.flags.contains(Flags::RA));
    reply
}

fn send(transport: Transport, asking: &Asking) -> Message {
    send_to(&WORLD, transport, &asking.bytes())
}

/// Checks the reply's text over both transports; gives back the replies.
#[track_caller]
fn check(asking: &Asking, expected: &str) -> [Message; 2] {
    check_bytes(&asking.bytes(), expected)
}

#[track_caller]
fn check_bytes(query: &[u8], expected: &str) -> [Message; 2] {
    TRANSPORTS.map(|transport| {
        let reply = send_to(&WORLD, transport, query);
        assert_eq!(reply.render(), expected, "{transport:?}");
        reply
    })
}

fn soa_answer() -> String {
    format!("NOERROR aa\nanswer: example. 900 {SOA}")
}

#[track_caller]
fn check_silent(query: &[u8], reason: DropReason) {
    for transport in TRANSPORTS {
        let outcome = exchange_with(&WORLD, transport, PEER, query, &mut ());
        assert_eq!(outcome, Err(reason), "{transport:?}");
    }
}

#[test]
fn line_1_soa_is_answered_with_authority() {
    for reply in check(&soa(), &soa_answer()) {
        assert!(reply.opt.is_none());
    }
}

#[test]
fn line_2_unassigned_type_is_no_data() {
    let expected = format!("NOERROR aa\nauthority: example. 300 {SOA}");
    check(&soa().of("example.", 1000, 1), &expected);
}

/// Checks which of RD, Z, AD and CD are left of a query's flags.
#[track_caller]
fn check_flags(asked: u16, left: u16) {
    for reply in check(&soa().flags(asked), &soa_answer()) {
        assert_eq!(reply.header.flags.0, Flags::QR | Flags::AA | left);
    }
}

#[test]
fn line_3_cd_is_copied() {
    check_flags(Flags::CD, Flags::CD);
}

#[test]
fn line_4_ad_is_clear() {
    check_flags(Flags::AD, 0);
}

#[test]
fn line_5_reserved_bit_is_clear() {
    check_flags(0x0040, 0);
}

#[test]
fn line_6_rd_is_copied_and_ra_clear() {
    check_flags(Flags::RD, Flags::RD);
    check_flags(Flags::RD | Flags::RA, Flags::RD);
}

#[test]
fn line_7_unassigned_opcode_is_not_implemented() {
    for reply in check(&soa().flags(0x7800), "NOTIMP") {
        assert_eq!(reply.header.flags.opcode().0, 15);
        assert_eq!(reply.question, None);
    }
}

#[test]
fn line_8_reply_over_tcp_is_that_over_udp() {
    for asking in [soa(), soa().of("www.example.", 1, 1), soa().of("x.example.", 1, 1)] {
        assert_eq!(send(Transport::Tcp, &asking), send(Transport::Udp, &asking));
    }
}

#[test]
fn line_9_edns_is_answered_with_version_0() {
    for reply in check(&soa().edns(0, 0, &[]), &soa_answer()) {
        assert_eq!(version_and_flags(&reply), (0, 0));
        assert_eq!(reply.opt.unwrap().class, 1232);
    }
}

/// A version above ours is refused with ours, and nothing is copied or echoed.
#[track_caller]
fn check_bad_version(asking: &Asking) -> [Message; 2] {
    let replies = check(asking, "BADVERS");
    for reply in &replies {
        assert_eq!(version_and_flags(reply).0, 0);
        assert_eq!(options_of(reply), (vec![], None));
    }
    replies
}

#[test]
fn line_10_higher_version_is_refused_with_ours() {
    for version in [1, 100, 255] {
        check_bad_version(&soa().edns(version, 0, &[]));
    }
}

#[test]
fn line_11_unknown_option_is_not_echoed() {
    for reply in check(&soa().option(100, b"value"), &soa_answer()) {
        assert_eq!(options_of(&reply), (vec![], None));
    }
}

#[test]
fn line_12_unknown_flag_is_clear() {
    for reply in check(&soa().edns(0, 0x0040, &[]), &soa_answer()) {
        assert_eq!(version_and_flags(&reply), (0, 0));
    }
}

#[test]
fn line_13_higher_version_with_unknown_flag_or_option_is_refused() {
    for reply in check_bad_version(&soa().edns(1, 0x0040, &[])) {
        assert_eq!(version_and_flags(&reply), (0, 0));
    }
    check_bad_version(&soa().edns(1, 0, &[(100, b"value")]));
    // Nobody knows what a cookie of one octet means in another version.
    check_bad_version(&soa().edns(1, 0, &[(COOKIE, b"c")]));
}

#[test]
fn line_14_do_is_copied() {
    for reply in check(&soa().edns(0, 0x8000, &[]), &soa_answer()) {
        assert_eq!(version_and_flags(&reply), (0, 0x8000));
    }
}

#[test]
fn line_15_higher_version_with_do_is_refused() {
    check_bad_version(&soa().edns(1, 0x8000, &[]));
}

#[test]
fn line_16_of_many_options_those_we_offer_are_answered() {
    let subnet = [0, 1, 24, 0, 192, 0, 2];
    let asking = soa().edns(
        0,
        0,
        &[(NSID, b""), (COOKIE, CLIENT), (SUBNET, &subnet), (EXPIRE, b""), (PADDING, &[0; 9])],
    );
    for reply in check(&asking, &soa_answer()) {
        assert_eq!(options_of(&reply), (vec![NSID, COOKIE, EXPIRE], None));
        assert_eq!(value_of(&reply, NSID).unwrap(), b"ns1.example");
        assert_eq!(value_of(&reply, EXPIRE).unwrap(), [0, 0, 0, 4]);
    }
}

#[test]
fn expire_is_told_for_the_soa_of_a_zone_of_ours_only() {
    for (qname, rtype) in [("example.", 2), ("www.example.", 6), ("other.", 6)] {
        for transport in TRANSPORTS {
            let reply = send(transport, &soa().of(qname, rtype, 1).option(EXPIRE, b""));
            assert_eq!(value_of(&reply, EXPIRE), None, "{qname} {rtype}");
        }
    }
}

#[test]
fn nsid_is_told_only_if_there_is_an_identity() {
    let silent = world(AnswerOptions::default());
    for transport in TRANSPORTS {
        let reply = send_to(&silent, transport, &soa().option(NSID, b"").bytes());
        assert_eq!((reply.rcode(), options_of(&reply)), (Rcode::NOERROR, (vec![], None)));
    }
}

#[test]
fn line_17_what_does_not_fit_is_cut_and_keeps_opt_with_its_options() {
    for (offered, limit) in [(512, 512), (0, 512), (65_535, 1232)] {
        let mut asking = soa().of("big.example.", 16, 1);
        asking = asking.edns(0, 0, &[(NSID, b""), (COOKIE, CLIENT)]);
        asking.opt.as_mut().unwrap().size = offered;
        let octets = exchange_with(&WORLD, Transport::Udp, PEER, &asking.bytes(), &mut ()).unwrap();
        assert!(octets.len() <= limit, "{} octets for {offered}", octets.len());
        let reply = Message::read(&octets);
        assert!(reply.header.flags.contains(Flags::TC), "{offered}");
        assert_eq!(options_of(&reply), (vec![NSID, COOKIE], None));
        // Not even 65,535 octets hold all of it.
        let reply = send(Transport::Tcp, &asking);
        assert!(reply.header.flags.contains(Flags::TC));
        assert_eq!(options_of(&reply), (vec![NSID, COOKIE], None));
    }
}

#[test]
fn options_and_a_long_name_fit_into_the_smallest_reply() {
    let long = CharacterString::new(&"i".repeat(255));
    let world = world(AnswerOptions { identity: long.clone(), version: long, ..options() });
    let label = "l".repeat(63);
    let qname = format!("{label}.{label}.{label}.{}.", "m".repeat(61));
    for qname in [qname.as_str(), "version.bind.", "other."] {
        for class in [1, 3] {
            let mut asking = soa().of(qname, 16, class);
            asking = asking.edns(0, 0, &[(NSID, b""), (COOKIE, CLIENT), (EXPIRE, b"")]);
            asking.opt.as_mut().unwrap().size = 512;
            let reply = exchange_with(&world, Transport::Udp, PEER, &asking.bytes(), &mut ());
            let reply = reply.unwrap();
            assert!(reply.len() <= 512, "{qname} {class}");
            let reply = Message::read(&reply);
            assert!(value_of(&reply, COOKIE).is_some(), "{qname} {class}");
        }
    }
}

#[test]
fn line_18_opt_twice_or_misplaced_or_named_is_malformed() {
    let twice = Asking { last: Some(bare_opt()), ..soa().edns(0, 0, &[]) };
    check(&twice, "FORMERR");
    for section in 0..2 {
        let mut misplaced = soa();
        misplaced.records[section] = vec![bare_opt()];
        check(&misplaced, "FORMERR");
    }
    let named = [b"\x01a", &bare_opt()[..]].concat();
    check(&Asking { last: Some(named), ..soa() }, "FORMERR");
}

#[test]
fn line_19_no_question_gets_a_cookie_with_a_cookie_and_is_malformed_without() {
    let asking = Asking { questions: 0, ..soa() };
    for reply in check(&asking.clone().option(COOKIE, CLIENT), "NOERROR") {
        assert_eq!(reply.question, None);
        assert_eq!(value_of(&reply, COOKIE).unwrap(), expected_cookie());
    }
    check(&asking, "FORMERR");
    check(&asking.clone().edns(0, 0, &[(NSID, b"")]), "FORMERR");
    let off = world(AnswerOptions { cookies: None, ..options() });
    for transport in TRANSPORTS {
        let reply = send_to(&off, transport, &asking.clone().option(COOKIE, CLIENT).bytes());
        assert_eq!(reply.rcode(), Rcode::FORMERR);
    }
}

#[test]
fn line_20_two_questions_are_malformed() {
    check(&Asking { questions: 2, ..soa() }, "FORMERR");
    check(&Asking { questions: 2, ..soa() }.option(COOKIE, CLIENT), "FORMERR");
}

#[test]
fn line_21_replies_port_zero_and_less_than_a_header_get_silence() {
    check_silent(&soa().flags(Flags::QR).bytes(), DropReason::Reply);
    for len in 0..12 {
        check_silent(&soa().bytes()[..len], DropReason::Short);
    }
    let nobody = (PEER.ip(), 0).into();
    for transport in TRANSPORTS {
        let outcome = exchange_with(&WORLD, transport, nobody, &soa().bytes(), &mut ());
        assert_eq!(outcome, Err(DropReason::PortZero));
    }
}

#[test]
fn line_22_question_that_cannot_be_read_is_malformed() {
    let whole = soa().bytes();
    for len in 12..whole.len() {
        check_bytes(&whole[..len], "FORMERR");
    }
    let pointers = [b"\xC0\x0C".to_vec(), b"\xC0\x20".to_vec(), b"\x01a\xC0\x0C".to_vec()];
    let labels = [b"\x40".to_vec(), [&[64; 65][..], b"\0"].concat(), b"\x80\0".to_vec()];
    let long = [b"\x01a".repeat(127), b"\x01a\0".to_vec()].concat();
    for name in pointers.into_iter().chain(labels).chain([long]) {
        check(&Asking { name, ..soa() }, "FORMERR");
    }
}

#[test]
fn line_23_octets_behind_the_message_do_not_matter() {
    check_bytes(&[&soa().bytes()[..], b"trailing"].concat(), &soa_answer());
}

#[test]
fn line_24_other_classes_and_unknown_names_of_chaos_are_refused() {
    for (qname, class) in
        [("example.", 3), ("authors.bind.", 3), ("version.bind.", 4), ("example.", 254)]
    {
        check(&soa().of(qname, 16, class), "REFUSED");
    }
    for reply in check(&soa().of("example.", 16, 255).edns(0, 0, &[]), "REFUSED") {
        assert_eq!(options_of(&reply), (vec![], Some(21)));
    }
}

#[test]
fn server_tells_version_and_identity_in_class_chaos() {
    for (qname, text) in [
        ("version.bind.", "kereru 1"),
        ("VERSION.server.", "kereru 1"),
        ("id.server.", "ns1.example"),
        ("hostname.BIND.", "ns1.example"),
    ] {
        for rtype in [16, 255] {
            let expected = format!("NOERROR aa\nanswer: {qname} 0 TXT \"{text}\"");
            for reply in check(&soa().of(qname, rtype, 3), &expected) {
                assert_eq!(reply.answers[0].class, 3);
            }
        }
        check(&soa().of(qname, 1, 3), "NOERROR aa");
        check(&soa().of(qname, 16, 1), "REFUSED");
    }
}

#[test]
fn server_that_is_not_told_to_tell_refuses() {
    let silent = world(AnswerOptions::default());
    for qname in ["version.bind.", "version.server.", "id.server.", "hostname.bind."] {
        for transport in TRANSPORTS {
            let reply = send_to(&silent, transport, &soa().of(qname, 16, 3).bytes());
            assert_eq!(reply.render(), "REFUSED", "{qname}");
        }
    }
}

#[test]
fn line_25_transfers_are_refused() {
    for rtype in [Rtype::AXFR, Rtype::IXFR] {
        for reply in check(&soa().of("example.", rtype.0, 1).edns(0, 0, &[]), "REFUSED") {
            assert_eq!(options_of(&reply), (vec![], Some(21)));
        }
    }
}

#[test]
fn line_26_notify_and_update_are_not_implemented() {
    for opcode in [4, 5] {
        for reply in check(&soa().flags(opcode << 11), "NOTIMP") {
            assert_eq!(u16::from(reply.header.flags.opcode().0), opcode);
        }
    }
}

#[test]
fn line_27_name_outside_all_zones_is_refused_and_the_reason_told() {
    for reply in check(&soa().of("other.", 1, 1).flags(Flags::RD).edns(0, 0, &[]), "REFUSED") {
        assert_eq!(options_of(&reply), (vec![], Some(20)));
    }
    check(&soa().of("other.", 1, 1), "REFUSED");
}

/// The cookie for CLIENT at PEER and NOW.
fn expected_cookie() -> Vec<u8> {
    let cookie = Cookie { client: *CLIENT, server: None };
    let checked = secrets().check(&cookie, PEER.ip(), NOW);
    [&checked.reply.client[..], &checked.reply.server].concat()
}

#[test]
fn line_28_malformed_cookie_is_malformed_and_a_wrong_one_answered_with_a_right_one() {
    for len in [0, 1, 7, 9, 15, 41, 60] {
        check(&soa().option(COOKIE, &vec![7; len]), "FORMERR");
    }
    let good = expected_cookie();
    let wrong = [&CLIENT[..], &[7; 16]].concat();
    let foreign = [&CLIENT[..], &[7; 32]].concat();
    for sent in [&CLIENT[..], &good, &wrong, &foreign] {
        for reply in check(&soa().option(COOKIE, sent), &soa_answer()) {
            assert_eq!(value_of(&reply, COOKIE).unwrap(), good);
        }
    }
}

#[test]
fn no_cookie_is_given_where_none_came_or_cookies_are_off() {
    for reply in check(&soa().edns(0, 0, &[]), &soa_answer()) {
        assert_eq!(options_of(&reply), (vec![], None));
    }
    let off = world(AnswerOptions { cookies: None, ..options() });
    for transport in TRANSPORTS {
        let reply = send_to(&off, transport, &soa().option(COOKIE, CLIENT).bytes());
        assert_eq!((reply.render(), options_of(&reply)), (soa_answer(), (vec![], None)));
    }
}

#[test]
fn line_29_keepalive_is_ignored_over_udp_and_answered_over_tcp() {
    let [udp, tcp] = check(&soa().option(KEEPALIVE, b""), &soa_answer());
    assert_eq!(options_of(&udp), (vec![], None));
    // Ten seconds in units of 100 milliseconds.
    assert_eq!(values_of(&tcp), [(KEEPALIVE, vec![0, 100])]);
    // A client that says how long breaks RFC 7828 §3.2.1.
    let asking = soa().option(KEEPALIVE, &[0, 100]);
    assert_eq!(send(Transport::Udp, &asking).render(), soa_answer());
    let refused = send(Transport::Tcp, &asking);
    assert_eq!((refused.render().as_str(), options_of(&refused)), ("FORMERR", (vec![], None)));
    let unasked = send(Transport::Tcp, &soa().edns(0, 0, &[]));
    assert_eq!(options_of(&unasked), (vec![], None));
}

#[test]
fn line_30_records_of_a_query_are_ignored_and_an_unknown_key_is_told() {
    let record = b"\xC0\x0C\0\x01\0\x01\0\0\0\0\0\x04\x7F\0\0\x01".to_vec();
    let mut asking = soa();
    asking.records = [vec![record.clone()], vec![record.clone()], vec![record]];
    check(&asking, &soa_answer());

    let unsigned = b"\x0Bhmac-sha256\0\0\0\x5C\xF7\x9F\x11\x01\x2C\0\0\x12\x34\0\x11\0\0";
    for (owner, key) in [(&b"\x03Key\0"[..], "Key."), (b"\x03Key\xC0\x0C", "Key.example.")] {
        for base in [soa(), soa().option(NSID, b"")] {
            let asking = Asking { last: Some(tsig(owner)), ..base.clone() };
            for transport in TRANSPORTS {
                let reply = send(transport, &asking);
                assert_eq!(reply.rcode(), Rcode::NOTAUTH);
                assert!(reply.answers.is_empty() && reply.authorities.is_empty());
                assert_eq!(reply.opt.is_some(), base.opt.is_some());
                let [signature] = &reply.additionals[..] else { panic!("{reply:?}") };
                assert_eq!(signature.owner.to_string(), key);
                assert_eq!((signature.rtype, signature.class), (Rtype::TSIG, 255));
                assert_eq!((signature.ttl, &signature.rdata[..]), (0, &unsigned[..]));
            }
        }
    }
}

#[test]
fn signature_that_is_malformed_or_not_the_last_record_is_malformed() {
    let signature = tsig(b"\x03Key\0");
    for section in 0..3 {
        let mut misplaced = soa().edns(0, 0, &[]);
        misplaced.records[section] = vec![signature.clone()];
        check(&misplaced, "FORMERR");
    }
    let mut wrong_class = signature.clone();
    wrong_class[8] = 1;
    check(&Asking { last: Some(wrong_class), ..soa() }, "FORMERR");
    let mut cut = signature;
    cut[14] -= 1;
    cut.pop();
    check(&Asking { last: Some(cut), ..soa() }, "FORMERR");
}

#[test]
fn refusal_of_a_key_that_does_not_fit_is_cut() {
    let owner = [b"\x3F".to_vec(), vec![b'k'; 63]].concat().repeat(3);
    let owner = [&owner[..], b"\x3D", &[b'k'; 61], b"\0"].concat();
    let label = "l".repeat(63);
    let asking = soa().of(&format!("{label}.{label}.{label}.more.example."), 1, 1);
    let asking = Asking { last: Some(tsig(&owner)), ..asking };
    assert_eq!(send(Transport::Udp, &asking).render(), "NOTAUTH tc");
    assert_eq!(send(Transport::Tcp, &asking).additionals.len(), 1);
}
