//! Queries that get nothing, whatever is served: what they get all the same.
//!
//! RFC 6891 §6.1.1: a query with an OPT record gets one, or the client takes it that there is no
//! EDNS (§7). Where no OPT record could be read, a header says it all.

use crate::asking::{
    Asking, CLIENT, COOKIE, NSID, bare_opt, options_of, soa, tsig, version_and_flags,
};
use crate::checklist::options;
use crate::message::Message;
use crate::world::{PEER, exchange_with, name, snapshot, zone};
use kereru::answer::{Snapshot, Transport};
use kereru::wire::header::HEADER_LEN;
use kereru::wire::numbers::Rtype;
use std::sync::LazyLock;

static WORLD: LazyLock<Snapshot> =
    LazyLock::new(|| snapshot(vec![zone("example.", "")], options()));

/// What a query gets over each transport.
fn replies(query: &[u8]) -> [Vec<u8>; 2] {
    [Transport::Udp, Transport::Tcp]
        .map(|transport| exchange_with(&WORLD, transport, PEER, query, &mut ()).unwrap())
}

/// Checks that a query gets the code, the question if it `has_question`, and an OPT record with
/// these flags and options.
#[track_caller]
fn check(query: &[u8], rcode: &str, has_question: bool, flags: u16, options: &[u16]) {
    for reply in replies(query) {
        let reply = Message::read(&reply);
        assert_eq!(reply.render(), rcode);
        let asked = reply.question.as_ref().map(|(qname, rtype, _)| (qname.clone(), *rtype));
        assert_eq!(asked, has_question.then(|| (name("example."), Rtype::SOA)));
        assert_eq!(version_and_flags(&reply), (0, flags));
        assert_eq!(options_of(&reply), (options.to_vec(), None));
    }
}

/// Checks that a query gets a header and nothing else.
#[track_caller]
fn check_bare(query: &[u8], rcode: &str) {
    for reply in replies(query) {
        assert_eq!((Message::read(&reply).render().as_str(), reply.len()), (rcode, HEADER_LEN));
    }
}

/// A query with an OPT record that holds these octets.
fn with_options(options: &[u8]) -> Vec<u8> {
    let mut opt = bare_opt();
    opt.pop();
    opt.push(options.len() as u8);
    Asking { last: Some([&opt, options].concat()), ..soa() }.bytes()
}

#[test]
fn malformed_option_is_refused_with_opt() {
    for len in [0, 1, 7, 9, 15, 41, 60] {
        let cookie = vec![7; len];
        check(&soa().option(COOKIE, &cookie).bytes(), "FORMERR", true, 0, &[]);
        check(&soa().edns(0, 0x8000, &[(COOKIE, &cookie)]).bytes(), "FORMERR", true, 0x8000, &[]);
        // Of options one of which is malformed none counts.
        let asking = soa().edns(0, 0, &[(NSID, b""), (COOKIE, CLIENT), (COOKIE, &cookie)]);
        check(&asking.bytes(), "FORMERR", true, 0, &[]);
    }
    for options in [&b"\0\x0A\0"[..], b"\0\x0A\0\x09clientrn", b"\0\x03\0\0\0"] {
        check(&with_options(options), "FORMERR", true, 0, &[]);
    }
}

#[test]
fn query_without_question_is_refused_with_opt() {
    let none = Asking { questions: 0, ..soa() };
    check(&none.clone().edns(0, 0x8000, &[]).bytes(), "FORMERR", false, 0x8000, &[]);
    check(&none.clone().option(NSID, b"").bytes(), "FORMERR", false, 0, &[NSID]);
    check(&none.clone().option(COOKIE, b"short").bytes(), "FORMERR", false, 0, &[]);
    check_bare(&none.bytes(), "FORMERR");
}

#[test]
fn other_operation_is_refused_with_opt_and_without_question() {
    for opcode in [1, 2, 4, 5, 6, 15] {
        let asking = soa().flags(opcode << 11);
        check_bare(&asking.bytes(), "NOTIMP");
        check(&asking.clone().edns(0, 0x8000, &[]).bytes(), "NOTIMP", false, 0x8000, &[]);
        let both: [(u16, &[u8]); 2] = [(NSID, b""), (COOKIE, CLIENT)];
        check(&asking.clone().edns(0, 0, &both).bytes(), "NOTIMP", false, 0, &[NSID, COOKIE]);
        check(&asking.clone().option(COOKIE, b"short").bytes(), "NOTIMP", false, 0, &[]);
        // Whose signature it is does not matter then.
        let signed = Asking { last: Some(tsig(b"\x03key\0")), ..asking.clone().edns(0, 0, &[]) };
        check(&signed.bytes(), "NOTIMP", false, 0, &[]);
        // What stands behind the header may be something else in another operation.
        check_bare(&Asking { questions: 2, ..asking.clone().edns(0, 0, &[]) }.bytes(), "NOTIMP");
        check_bare(&Asking { name: b"\xFF".to_vec(), ..asking }.bytes(), "NOTIMP");
    }
}

#[test]
fn signature_that_is_not_the_last_record_is_refused_with_opt() {
    for section in 0..3 {
        let mut misplaced = soa().option(NSID, b"");
        misplaced.records[section] = vec![tsig(b"\x03key\0")];
        check(&misplaced.bytes(), "FORMERR", true, 0, &[NSID]);
        misplaced.opt.as_mut().unwrap().version = 1;
        check(&misplaced.bytes(), "BADVERS", true, 0, &[]);
    }
}

#[test]
fn record_behind_opt_that_cannot_be_read_is_refused_with_opt() {
    let cut = Asking { last: Some(b"\0\0\x01".to_vec()), ..soa().option(NSID, b"") };
    check(&cut.bytes(), "FORMERR", true, 0, &[NSID]);
    let mut signature = tsig(b"\x03key\0");
    signature[8] = 1;
    let signed = Asking { last: Some(signature), ..soa().edns(0, 0, &[]) };
    check(&signed.bytes(), "FORMERR", true, 0, &[]);
}

#[test]
fn opt_that_cannot_be_read_is_refused_with_a_header_alone() {
    let with_last = |last: Vec<u8>| Asking { last: Some(last), ..soa() };
    check_bare(&Asking { last: Some(bare_opt()), ..soa().edns(0, 0, &[]) }.bytes(), "FORMERR");
    check_bare(&Asking { last: Some(bare_opt()), ..soa().edns(1, 0, &[]) }.bytes(), "FORMERR");
    check_bare(&with_last([b"\x01a", &bare_opt()[..]].concat()).bytes(), "FORMERR");
    let mut too_long = bare_opt();
    too_long[10] = 1;
    check_bare(&with_last(too_long).bytes(), "FORMERR");
    for section in 0..2 {
        let mut misplaced = soa().edns(0, 0, &[]);
        misplaced.records[section] = vec![bare_opt()];
        check_bare(&misplaced.bytes(), "FORMERR");
    }
    check_bare(&Asking { questions: 2, ..soa().edns(0, 0, &[]) }.bytes(), "FORMERR");
    check_bare(&Asking { name: b"\xC0\x0C".to_vec(), ..soa().edns(0, 0, &[]) }.bytes(), "FORMERR");
}

#[test]
fn query_without_edns_is_refused_with_a_header_alone() {
    check_bare(&Asking { last: Some(b"\0\0\x01".to_vec()), ..soa() }.bytes(), "FORMERR");
    check_bare(&soa().bytes()[..20], "FORMERR");
}

#[test]
fn higher_version_wins_over_all_that_is_wrong_besides() {
    let later = soa().edns(1, 0, &[(COOKIE, CLIENT)]);
    let none = Asking { questions: 0, ..later.clone() };
    check(&none.bytes(), "BADVERS", false, 0, &[]);
    check(&Asking { questions: 0, ..soa().edns(1, 0, &[]) }.bytes(), "BADVERS", false, 0, &[]);
    for last in [tsig(b"\x03key\0"), tsig(b"\x03key\0")[..20].to_vec(), b"\0\0\x01".to_vec()] {
        check(&Asking { last: Some(last), ..later.clone() }.bytes(), "BADVERS", true, 0, &[]);
    }
    check(&later.clone().flags(15 << 11).bytes(), "BADVERS", false, 0, &[]);
    check(&later.of("example.", 6, 4).bytes(), "BADVERS", true, 0, &[]);
}

/// A record whose owner is a pointer behind these labels.
fn record(labels: &[u8], target: usize) -> Vec<u8> {
    let pointer = (0xC000 | target as u16).to_be_bytes();
    [labels, &pointer, b"\0\x01\0\x01\0\0\0\0\0\x04\x7F\0\0\x01"].concat()
}

#[test]
fn owner_that_points_at_itself_or_forward_is_malformed() {
    let at = soa().bytes().len();
    for section in 0..3 {
        let with = |owner: Vec<u8>| {
            let mut asking = soa();
            asking.records[section] = vec![owner];
            asking.bytes()
        };
        for target in [at, at + 1, at + 2, at + 14, 0x3FFF] {
            check_bare(&with(record(b"", target)), "FORMERR");
            check_bare(&with(record(b"\x01a", target)), "FORMERR");
        }
        for target in [HEADER_LEN, at - 5] {
            for reply in replies(&with(record(b"\x01a", target))) {
                assert!(Message::read(&reply).render().starts_with("NOERROR aa"), "{target}");
            }
        }
    }
}
