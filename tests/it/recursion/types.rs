//! Types that are not like others: ANY, RRSIG, DS at a cut, and what stands beside an alias.

use super::{ORG, World, addresses, check_denied, check_failed, hierarchy, ip, options, serving};
use crate::world::exchange;
use kereru::answer::{AnswerOptions, AnyPolicy, Transport};
use kereru::cache::{Detail, End, FailureReason, Rank, Resolution};
use kereru::wire::numbers::Rtype;
use kereru::wire::typed::Response;
use std::collections::BTreeSet;

/// A world in which the server of example.org. answers for all types at once.
fn with_any(zone: &str) -> World {
    let mut world = hierarchy();
    let options = AnswerOptions { any: AnyPolicy::Full, ..AnswerOptions::default() };
    world.servers.insert(ip("192.0.2.3"), serving(&[("example.org.", zone)], options));
    world
}

/// The types of the sets at the end.
#[track_caller]
fn types(resolution: &Resolution) -> BTreeSet<Rtype> {
    let End::Records(entries) = &resolution.end else { panic!("no records: {resolution:?}") };
    entries.iter().map(|entry| entry.rtype()).collect()
}

const ZONE: &str = "@ NS ns\nns A 192.0.2.3\nboth A 192.0.2.84\nboth TXT text\nboth MX 10 ns\n\
     alias CNAME both\nold DNAME new\nold TXT text\nx.new A 192.0.2.87";

#[test]
fn question_for_all_types_gets_all_sets_of_one_answer() {
    let mut world = with_any(ZONE);
    for _ in 0..2 {
        let resolution = world.ask("both.example.org.", Rtype::ANY);
        assert_eq!(types(&resolution), BTreeSet::from([Rtype::A, Rtype::TXT, Rtype::MX]));
        let End::Records(entries) = &resolution.end else { panic!("{resolution:?}") };
        assert!(entries.iter().all(|entry| entry.rank() == Rank::Authoritative));
        assert_eq!(world.sent_to("192.0.2.3"), 1, "{:?}", world.sent());
    }
    // What it brought is known of each type.
    world.ask("both.example.org.", Rtype::MX);
    assert_eq!(world.sent(), [""; 0]);
}

#[test]
fn question_for_all_types_of_an_alias_gets_the_alias() {
    let mut world = with_any(ZONE);
    let resolution = world.ask("alias.example.org.", Rtype::ANY);
    assert_eq!(types(&resolution), BTreeSet::from([Rtype::CNAME]));
    assert_eq!(resolution.aliases.len(), 0);
    let resolution = world.ask("old.example.org.", Rtype::ANY);
    assert_eq!(types(&resolution), BTreeSet::from([Rtype::DNAME, Rtype::TXT]));
    assert_eq!(addresses(&world.ask("x.old.example.org.", Rtype::A)), [ip("192.0.2.87")]);
}

#[test]
fn question_for_all_types_of_a_name_that_is_not_there_is_denied() {
    let mut world = with_any(ZONE);
    check_denied(&world.ask("nothing.example.org.", Rtype::ANY));
    check_denied(&world.ask("nothing.example.org.", Rtype::ANY));
    assert_eq!(world.sent(), [""; 0]);
}

#[test]
fn question_for_all_types_where_nobody_answers_fails_once() {
    let mut world = hierarchy();
    check_failed(&world.ask("dead.org.", Rtype::ANY), FailureReason::Unreachable);
    check_failed(&world.ask("dead.org.", Rtype::ANY), FailureReason::Unreachable);
    assert_eq!(world.sent(), [""; 0]);
}

const SIGNATURE: &str = "13 3 3600 20300101000000 20200101000000 1 example.org. AAAA";

#[test]
fn signatures_can_be_asked_for_themselves() {
    let zone = format!(
        "@ NS ns\nns A 192.0.2.3\nwww A 192.0.2.80\nwww TXT text\n\
         www RRSIG A {SIGNATURE}\nwww RRSIG TXT {SIGNATURE}"
    );
    let mut world = with_any(&zone);
    let resolution = world.ask("www.example.org.", Rtype::RRSIG);
    let End::Records(entries) = &resolution.end else { panic!("{resolution:?}") };
    assert_eq!(entries.iter().map(|entry| entry.rdatas().count()).collect::<Vec<_>>(), [2]);
    // Asked for, they are shown to clients that do not want signatures.
    assert_eq!(entries[0].parts(Detail::Plain, entries[0].ttl()).count(), 1);
    assert!(world.sent.len() <= 4, "{:?}", world.sent());
    world.ask("www.example.org.", Rtype::RRSIG);
    assert_eq!(world.sent(), [""; 0]);
}

#[test]
fn signatures_where_there_are_none_are_denied() {
    let mut world = hierarchy();
    let resolution = world.ask("www.example.org.", Rtype::RRSIG);
    assert!(matches!(resolution.end, End::NoData(_)), "{resolution:?}");
    assert!(world.sent.len() <= 4, "{:?}", world.sent());
}

#[test]
fn types_that_the_server_has_no_special_way_for_are_found_and_denied() {
    let mut world = hierarchy();
    let zone = "@ NS ns\nns A 192.0.2.3\n@ DNSKEY 257 3 13 AAAA\n@ NSEC3PARAM 1 0 0 -\n\
         www HTTPS 1 . alpn=h2\nwww TYPE65280 \\# 1 00\n_443._tcp.www TLSA 3 1 1 AAAA";
    world.serve("192.0.2.3", &[("example.org.", zone)]);
    for (qname, rtype) in [
        ("example.org.", Rtype::DNSKEY),
        ("example.org.", Rtype::NSEC3PARAM),
        ("example.org.", Rtype::SOA),
        ("example.org.", Rtype::NS),
        ("www.example.org.", Rtype::HTTPS),
        ("www.example.org.", Rtype(65_280)),
        ("_443._tcp.www.example.org.", Rtype::TLSA),
    ] {
        assert_eq!(types(&world.ask(qname, rtype)), BTreeSet::from([rtype]));
        world.ask(qname, rtype);
        assert_eq!(world.sent(), [""; 0]);
    }
    for rtype in [Rtype::NSEC, Rtype::NSEC3, Rtype::CDS, Rtype::CNAME, Rtype::DNAME] {
        let resolution = world.ask("www.example.org.", rtype);
        assert!(matches!(resolution.end, End::NoData(_)), "{resolution:?}");
    }
}

#[test]
fn types_that_are_no_records_are_asked_of_nobody() {
    let mut world = hierarchy();
    for rtype in [Rtype::OPT, Rtype::TSIG, Rtype::TKEY, Rtype::AXFR, Rtype::IXFR, Rtype::MAILB] {
        check_failed(&world.ask("www.example.org.", rtype), FailureReason::Lame);
        assert_eq!(world.sent(), [""; 0]);
    }
}

const DS: &str = "DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000";

#[test]
fn ds_of_a_zone_is_asked_of_its_parent() {
    let mut world = hierarchy();
    world.serve("192.0.2.2", &[("org.", &format!("{ORG}\nexample {DS}"))]);
    // With what is below the cut known, too.
    world.ask("www.example.org.", Rtype::A);
    assert_eq!(types(&world.ask("example.org.", Rtype::DS)), BTreeSet::from([Rtype::DS]));
    assert_eq!(world.sent(), ["192.0.2.2 example.org. DS"]);
    let resolution = world.ask("dead.org.", Rtype::DS);
    assert!(matches!(resolution.end, End::NoData(_)), "{resolution:?}");
    assert_eq!(world.sent_to("192.0.2.99"), 0);
}

#[test]
fn what_a_zone_says_of_its_own_ds_is_not_believed() {
    let mut world = hierarchy();
    // The server of org. answers as example.org. would.
    world.serve("192.0.2.2", &[("org.", ORG)]);
    world.tamper = Some(Box::new(|transmit, response| {
        let request = Response::read(&transmit.octets).unwrap();
        let is_ds = request.question.is_some_and(|(_, question)| question.rtype == Rtype::DS);
        if transmit.to.ip() != ip("192.0.2.2") || !is_ds {
            return Some(response);
        }
        let child =
            serving(&[("example.org.", "@ NS ns\nns A 192.0.2.3")], AnswerOptions::default());
        exchange(&child, Transport::Udp, &transmit.octets)
    }));
    check_failed(&world.ask("example.org.", Rtype::DS), FailureReason::Lame);
}

#[test]
fn server_that_tells_of_ds_as_the_child_is_asked_for_other_names_as_before() {
    // A second server of org., which comes after the first if that counts as lame.
    let root = "@ NS root.test.\nroot.test. A 192.0.2.1\norg. NS a.org.\norg. NS b.org.\n\
         a.org. A 192.0.2.2\nb.org. A 192.0.2.4";
    let org = "@ NS a\n@ NS b\na A 192.0.2.2\nb A 192.0.2.4\nsub NS ns.sub\nns.sub A 192.0.2.3";
    let child = ("sub.org.", "@ NS ns\nns A 192.0.2.3");
    let mut world = World::new(
        options(),
        &[
            ("192.0.2.1", &[(".", root)]),
            ("192.0.2.2", &[("org.", org), child]),
            ("192.0.2.4", &[("org.", org), child]),
        ],
    );
    world.tamper = Some(Box::new(move |transmit, response| {
        let request = Response::read(&transmit.octets).unwrap();
        let is_ds = request.question.is_some_and(|(_, question)| question.rtype == Rtype::DS);
        if transmit.to.ip() != ip("192.0.2.2") || !is_ds {
            return Some(response);
        }
        exchange(&serving(&[child], AnswerOptions::default()), Transport::Udp, &transmit.octets)
    }));
    world.ask("sub.org.", Rtype::DS);
    while world.sent_to("192.0.2.2") == 0 {
        world.pass(100_000);
        world.ask("sub.org.", Rtype::DS);
    }
    let mut count = 0;
    for number in 0..20 {
        world.ask(&format!("x{number}.org."), Rtype::A);
        count += world.sent_to("192.0.2.2");
    }
    assert!(count > 0);
}

#[test]
fn service_with_parameters_that_are_wrong_is_handed_on_as_it_is() {
    let mut world = hierarchy();
    world.serve("192.0.2.3", &[("example.org.", "@ NS ns\nns A 192.0.2.3\nwww HTTPS 1 . alpn=h2")]);
    world.tamper = Some(Box::new(|_, mut response| {
        // The protocol is longer than its parameter.
        let at = response.windows(3).position(|octets| octets == b"\x02h2");
        if let Some(length) = at.and_then(|at| response.get_mut(at)) {
            *length = 9;
        }
        Some(response)
    }));
    let resolution = world.ask("www.example.org.", Rtype::HTTPS);
    let End::Records(entries) = &resolution.end else { panic!("no records: {resolution:?}") };
    let rdatas: Vec<&[u8]> = entries.iter().flat_map(|entry| entry.rdatas()).collect();
    assert_eq!(rdatas, [b"\0\x01\0\0\x01\0\x03\x09h2"]);
}
