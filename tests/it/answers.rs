//! What is answered for which question: the rules of RFC 1034, 2308, 4592, 6604, 6672, 8482, 9471.

use crate::message::{Asking, Message, query};
use crate::world::{ask, exchange, exchange_traced, name, of_table, snapshot, whole_zone, zone};
use kereru::answer::{AnswerOptions, AnyPolicy, Snapshot, Transport, View, ZoneState, ZoneTable};
use kereru::wire::numbers::{Rcode, Rtype};
use std::fmt::Write;
use std::sync::Arc;

const SOA: &str = "authority: example. 300 SOA ns.elsewhere. admin.example. 1 2 3 4 300";

/// Serves `records` as example. and compares what `qname rtype` gets.
#[track_caller]
fn check(records: &str, question: &str, expected: &str) {
    check_in(
        &snapshot(vec![zone("example.", records)], AnswerOptions::default()),
        question,
        expected,
    );
}

#[track_caller]
fn check_in(snapshot: &Snapshot, question: &str, expected: &str) {
    let (qname, rtype) = question.split_once(' ').unwrap();
    let reply = ask(snapshot, qname, Rtype::from_text(rtype).unwrap());
    assert_eq!(reply.render(), expected.replace("SOA!", SOA), "{question}");
}

#[test]
fn records_of_the_name_and_type_are_the_answer() {
    let records = "www A 192.0.2.2\nwww A 192.0.2.1\nwww AAAA 2001:db8::1\nwww TXT x";
    check(
        records,
        "www.example. A",
        "NOERROR aa\nanswer: www.example. 3600 A 192.0.2.1\nanswer: www.example. 3600 A 192.0.2.2",
    );
    check(records, "www.example. TXT", "NOERROR aa\nanswer: www.example. 3600 TXT \"x\"");
}

#[test]
fn question_keeps_its_case_and_so_does_the_answer() {
    check("www A 192.0.2.1", "wWw.eXample. A", "NOERROR aa\nanswer: wWw.eXample. 3600 A 192.0.2.1");
}

#[test]
fn type_that_is_not_there_gets_the_soa_at_the_negative_ttl() {
    check("www A 192.0.2.1", "www.example. MX", "NOERROR aa\nSOA!");
    check("www A 192.0.2.1", "www.example. TYPE65280", "NOERROR aa\nSOA!");
    check("", "example. MX", "NOERROR aa\nSOA!");
}

#[test]
fn name_that_is_not_there_gets_nxdomain() {
    check("www A 192.0.2.1", "ww.example. A", "NXDOMAIN aa\nSOA!");
    check("www A 192.0.2.1", "a.www.example. A", "NXDOMAIN aa\nSOA!");
}

#[test]
fn name_with_only_children_exists() {
    check("a.b A 192.0.2.1", "b.example. A", "NOERROR aa\nSOA!");
    check("a.b A 192.0.2.1", "c.b.example. A", "NXDOMAIN aa\nSOA!");
}

#[test]
fn soa_of_the_zone_itself_keeps_its_own_ttl() {
    check(
        "",
        "example. SOA",
        "NOERROR aa\nanswer: example. 900 SOA ns.elsewhere. admin.example. 1 2 3 4 300",
    );
}

#[test]
fn wildcard_stands_for_names_that_do_not_exist() {
    let records = "* A 192.0.2.9\nb A 192.0.2.1\nc.d A 192.0.2.2";
    check(records, "x.example. A", "NOERROR aa\nanswer: x.example. 3600 A 192.0.2.9");
    check(records, "x.y.example. A", "NOERROR aa\nanswer: x.y.example. 3600 A 192.0.2.9");
    check(records, "x.example. MX", "NOERROR aa\nSOA!");
    check(records, "*.example. A", "NOERROR aa\nanswer: *.example. 3600 A 192.0.2.9");
}

#[test]
fn wildcard_stops_at_an_existing_name() {
    let records = "* A 192.0.2.9\nb A 192.0.2.1\nc.d A 192.0.2.2";
    check(records, "b.example. MX", "NOERROR aa\nSOA!");
    check(records, "x.b.example. A", "NXDOMAIN aa\nSOA!");
    check(records, "d.example. A", "NOERROR aa\nSOA!");
    check(records, "x.d.example. A", "NXDOMAIN aa\nSOA!");
}

#[test]
fn asterisk_elsewhere_is_a_label_like_any_other() {
    let records = "a.* A 192.0.2.9";
    // The wildcard exists, as the parent of the name below it, and owns nothing.
    check(records, "a.x.example. A", "NOERROR aa\nSOA!");
    check(records, "a.*.example. A", "NOERROR aa\nanswer: a.*.example. 3600 A 192.0.2.9");
    check(records, "b.example. A", "NOERROR aa\nSOA!");
}

#[test]
fn alias_is_followed_inside_the_zone() {
    check(
        "a CNAME b\nb CNAME www\nwww A 192.0.2.1",
        "a.example. A",
        "NOERROR aa\nanswer: a.example. 3600 CNAME b.example.\n\
         answer: b.example. 3600 CNAME www.example.\nanswer: www.example. 3600 A 192.0.2.1",
    );
}

#[test]
fn alias_itself_is_the_answer_to_a_question_for_it() {
    let records = "a CNAME www\nwww A 192.0.2.1";
    check(records, "a.example. CNAME", "NOERROR aa\nanswer: a.example. 3600 CNAME www.example.");
    check(records, "a.example. ANY", "NOERROR aa\nanswer: a.example. 3600 CNAME www.example.");
}

#[test]
fn response_code_is_that_of_the_last_name() {
    check(
        "a CNAME nowhere",
        "a.example. A",
        "NXDOMAIN aa\nanswer: a.example. 3600 CNAME nowhere.example.\nSOA!",
    );
    check(
        "a CNAME www\nwww A 192.0.2.1",
        "a.example. MX",
        "NOERROR aa\nanswer: a.example. 3600 CNAME www.example.\nSOA!",
    );
}

#[test]
fn alias_that_leaves_our_zones_ends_there() {
    check(
        "a CNAME www.elsewhere.",
        "a.example. A",
        "NOERROR aa\nanswer: a.example. 3600 CNAME www.elsewhere.",
    );
}

#[test]
fn alias_is_followed_into_another_zone_of_ours() {
    let zones = vec![zone("example.", "a CNAME www.other."), zone("other.", "www A 192.0.2.1")];
    let both = snapshot(zones, AnswerOptions::default());
    check_in(
        &both,
        "a.example. A",
        "NOERROR aa\nanswer: a.example. 3600 CNAME www.other.\nanswer: www.other. 3600 A 192.0.2.1",
    );
    check_in(
        &both,
        "a.example. MX",
        "NOERROR aa\nanswer: a.example. 3600 CNAME www.other.\n\
         authority: other. 300 SOA ns.elsewhere. admin.other. 1 2 3 4 300",
    );
}

#[test]
fn loop_of_aliases_ends() {
    check(
        "a CNAME b\nb CNAME a",
        "a.example. A",
        "NOERROR aa\nanswer: a.example. 3600 CNAME b.example.\nanswer: b.example. 3600 CNAME a.example.",
    );
    check("a CNAME a", "a.example. A", "NOERROR aa\nanswer: a.example. 3600 CNAME a.example.");
}

#[test]
fn long_chain_of_aliases_is_cut() {
    let mut records = String::new();
    for number in 0..40 {
        writeln!(records, "n{number} CNAME n{}", number + 1).unwrap();
    }
    let snapshot = snapshot(vec![zone("example.", &records)], AnswerOptions::default());
    let reply = ask(&snapshot, "n0.example.", Rtype::A);
    assert_eq!(reply.answers.len(), 16);
}

#[test]
fn dname_redirects_what_is_below_it_and_not_itself() {
    let records = "d DNAME t\na.t A 192.0.2.1\nd A 192.0.2.2";
    check(
        records,
        "A.d.example. A",
        "NOERROR aa\nanswer: d.example. 3600 DNAME t.example.\n\
         answer: A.d.example. 3600 CNAME A.t.example.\nanswer: A.t.example. 3600 A 192.0.2.1",
    );
    check(records, "d.example. A", "NOERROR aa\nanswer: d.example. 3600 A 192.0.2.2");
    check(
        records,
        "b.d.example. CNAME",
        "NOERROR aa\nanswer: d.example. 3600 DNAME t.example.\n\
         answer: b.d.example. 3600 CNAME b.t.example.",
    );
    check(records, "d.example. DNAME", "NOERROR aa\nanswer: d.example. 3600 DNAME t.example.");
}

#[test]
fn dname_that_makes_a_name_too_long_gets_yxdomain() {
    let long = format!("{}.{}.{}", "x".repeat(63), "y".repeat(63), "z".repeat(63));
    let records = format!("d DNAME {long}");
    let snapshot = snapshot(vec![zone("example.", &records)], AnswerOptions::default());
    let reply = ask(&snapshot, &format!("{}.d.example.", "w".repeat(60)), Rtype::A);
    assert_eq!(
        reply.render(),
        format!("YXDOMAIN aa\nanswer: d.example. 3600 DNAME {long}.example.")
    );
}

#[test]
fn dname_loop_ends() {
    let snapshot = snapshot(vec![zone("example.", "d DNAME x.d")], AnswerOptions::default());
    let reply = ask(&snapshot, "a.d.example.", Rtype::A);
    let dnames = reply.answers.iter().filter(|record| record.rtype == Rtype::DNAME).count();
    assert_eq!((dnames, reply.answers.len() <= 17), (1, true));
}

#[test]
fn name_below_a_cut_gets_a_referral_with_glue() {
    let records = "sub NS ns.sub\nsub NS ns2\nsub NS ns.other.\n\
                   ns.sub A 192.0.2.1\nns.sub AAAA 2001:db8::1\nns2 A 192.0.2.2";
    let referral = "NOERROR\nauthority: sub.example. 3600 NS ns.sub.example.\n\
         authority: sub.example. 3600 NS ns.other.\n\
         authority: sub.example. 3600 NS ns2.example.\n\
         additional: ns.sub.example. 3600 A 192.0.2.1\n\
         additional: ns.sub.example. 3600 AAAA 2001:db8::1\n\
         additional: ns2.example. 3600 A 192.0.2.2";
    for question in ["sub.example. A", "a.b.sub.example. A", "sub.example. NS", "ns.sub.example. A"]
    {
        check(records, question, referral);
    }
}

#[test]
fn ds_of_a_cut_is_the_parents_data() {
    let ds = "sub NS ns.other.\nsub DS 1 8 99 00";
    check(ds, "sub.example. DS", "NOERROR aa\nanswer: sub.example. 3600 DS 1 8 99 00");
    check("sub NS ns.other.", "sub.example. DS", "NOERROR aa\nSOA!");
    check(ds, "a.sub.example. DS", "NOERROR\nauthority: sub.example. 3600 NS ns.other.");
}

#[test]
fn parent_answers_for_the_ds_of_a_child_that_is_served_too() {
    let zones = vec![
        zone("example.", "sub NS ns.other.\nsub DS 1 8 99 00"),
        zone("sub.example.", "www A 192.0.2.1"),
    ];
    let both = snapshot(zones, AnswerOptions::default());
    check_in(&both, "sub.example. DS", "NOERROR aa\nanswer: sub.example. 3600 DS 1 8 99 00");
    check_in(&both, "www.sub.example. A", "NOERROR aa\nanswer: www.sub.example. 3600 A 192.0.2.1");
    check_in(&both, "sub.example. NS", "NOERROR aa\nanswer: sub.example. 3600 NS ns.elsewhere.");
    let child = snapshot(vec![zone("example.", "")], AnswerOptions::default());
    check_in(&child, "example. DS", "NOERROR aa\nSOA!");
}

#[test]
fn data_below_a_cut_or_a_dname_is_never_an_answer() {
    let records = "sub NS ns.other.\na.sub A 192.0.2.1\nsub.sub NS ns.deeper.\n\
                   d DNAME other.\na.d A 192.0.2.3";
    check(records, "a.sub.example. A", "NOERROR\nauthority: sub.example. 3600 NS ns.other.");
    check(records, "x.sub.sub.example. A", "NOERROR\nauthority: sub.example. 3600 NS ns.other.");
    check(
        records,
        "a.d.example. A",
        "NOERROR aa\nanswer: d.example. 3600 DNAME other.\nanswer: a.d.example. 3600 CNAME a.other.",
    );
}

#[test]
fn alias_into_a_delegated_zone_ends_with_the_referral() {
    check(
        "a CNAME www.sub\nsub NS ns.other.",
        "a.example. A",
        "NOERROR aa\nanswer: a.example. 3600 CNAME www.sub.example.\n\
         authority: sub.example. 3600 NS ns.other.",
    );
}

#[test]
fn glue_that_must_be_there_and_does_not_fit_truncates_the_referral() {
    let mut records = String::new();
    for number in 0..20 {
        writeln!(records, "sub NS ns{number}.sub\nns{number}.sub AAAA 2001:db8::{number}").unwrap();
    }
    let snapshot = snapshot(vec![zone("example.", &records)], AnswerOptions::default());
    let reply = ask(&snapshot, "www.sub.example.", Rtype::A);
    assert!(reply.render().starts_with("NOERROR tc\n"));
    let asked = query(&name("www.sub.example."), Rtype::A, Asking::PLAIN);
    let whole = Message::read(&exchange(&snapshot, Transport::Tcp, &asked).unwrap());
    assert!(whole.render().starts_with("NOERROR\n"));
    assert_eq!((whole.authorities.len(), whole.additionals.len()), (20, 20));
}

#[test]
fn sibling_glue_that_does_not_fit_is_left_out() {
    let mut records = String::new();
    for number in 0..13 {
        writeln!(records, "sub NS ns{number}\nns{number} AAAA 2001:db8::{number}").unwrap();
    }
    let snapshot = snapshot(vec![zone("example.", &records)], AnswerOptions::default());
    let reply = ask(&snapshot, "www.sub.example.", Rtype::A);
    assert!(reply.render().starts_with("NOERROR\n"));
    assert_eq!(reply.authorities.len(), 13);
    assert!((1..13).contains(&reply.additionals.len()));
}

#[test]
fn minimal_responses_leave_out_what_was_not_asked_for() {
    let records = "mx MX 10 www\nwww A 192.0.2.1\n@ NS www";
    check(records, "mx.example. MX", "NOERROR aa\nanswer: mx.example. 3600 MX 10 www.example.");
    let full = AnswerOptions { minimal_responses: false, ..AnswerOptions::default() };
    check_in(
        &snapshot(vec![zone("example.", records)], full),
        "mx.example. MX",
        "NOERROR aa\nanswer: mx.example. 3600 MX 10 www.example.\n\
         authority: example. 3600 NS ns.elsewhere.\nauthority: example. 3600 NS www.example.\n\
         additional: www.example. 3600 A 192.0.2.1",
    );
}

#[test]
fn address_in_the_answer_is_not_repeated_behind_it() {
    let records = "www A 192.0.2.1\nwww AAAA 2001:db8::1\n@ NS www";
    let full = AnswerOptions { minimal_responses: false, ..AnswerOptions::default() };
    check_in(
        &snapshot(vec![zone("example.", records)], full),
        "www.example. A",
        "NOERROR aa\nanswer: www.example. 3600 A 192.0.2.1\n\
         authority: example. 3600 NS ns.elsewhere.\nauthority: example. 3600 NS www.example.\n\
         additional: www.example. 3600 AAAA 2001:db8::1",
    );
}

#[test]
fn question_for_name_servers_gets_their_addresses() {
    check(
        "@ NS ns\n@ NS x.w\nns A 192.0.2.1\n*.w A 192.0.2.2",
        "example. NS",
        "NOERROR aa\nanswer: example. 3600 NS x.w.example.\n\
         answer: example. 3600 NS ns.example.\nanswer: example. 3600 NS ns.elsewhere.\n\
         additional: x.w.example. 3600 A 192.0.2.2\nadditional: ns.example. 3600 A 192.0.2.1",
    );
}

#[test]
fn dname_is_not_repeated_when_the_chain_ends_at_it() {
    check(
        "d DNAME @",
        "d.d.example. DNAME",
        "NOERROR aa\nanswer: d.example. 3600 DNAME example.\n\
         answer: d.d.example. 3600 CNAME d.example.",
    );
}

#[test]
fn signatures_are_an_answer_of_their_own() {
    let sig = "8 2 3600 20300101000000 20200101000000 1 example. AAAA";
    let records = format!("www A 192.0.2.1\nwww TXT x\nwww RRSIG A {sig}\nwww RRSIG TXT {sig}");
    let snapshot = snapshot(vec![zone("example.", &records)], AnswerOptions::default());
    let reply = ask(&snapshot, "www.example.", Rtype::RRSIG);
    assert_eq!((reply.answers.len(), reply.rcode()), (1, Rcode::NOERROR));
    let asked = query(&name("www.example."), Rtype::RRSIG, Asking::PLAIN);
    let all = Message::read(&exchange(&snapshot, Transport::Tcp, &asked).unwrap());
    assert_eq!(all.answers.len(), 2);
    check("www A 192.0.2.1", "www.example. RRSIG", "NOERROR aa\nSOA!");
}

#[test]
fn name_that_is_there_for_nsec3_alone_does_not_exist() {
    let hash = "2t7b4g4vsa5smi47k61mv5bv1a22bojr";
    let records = format!("{hash} NSEC3 1 0 0 - {hash} A");
    check(&records, &format!("{hash}.example. NSEC3"), "NXDOMAIN aa\nSOA!");
    check(&records, &format!("{hash}.example. A"), "NXDOMAIN aa\nSOA!");
}

#[test]
fn hosts_of_services_come_with_their_addresses() {
    let records = "_s._tcp SRV 0 0 1 www\nwww A 192.0.2.1\n\
                   @ HTTPS 1 .\n@ A 192.0.2.2\nalias HTTPS 0 www\nnone HTTPS 0 .\nnone A 192.0.2.3";
    check(
        records,
        "_s._tcp.example. SRV",
        "NOERROR aa\nanswer: _s._tcp.example. 3600 SRV 0 0 1 www.example.\n\
         additional: www.example. 3600 A 192.0.2.1",
    );
    check(
        records,
        "example. HTTPS",
        "NOERROR aa\nanswer: example. 3600 HTTPS 1 .\nadditional: example. 3600 A 192.0.2.2",
    );
    check(
        records,
        "alias.example. HTTPS",
        "NOERROR aa\nanswer: alias.example. 3600 HTTPS 0 www.example.\n\
         additional: www.example. 3600 A 192.0.2.1",
    );
    check(records, "none.example. HTTPS", "NOERROR aa\nanswer: none.example. 3600 HTTPS 0 .");
}

#[test]
fn question_for_any_gets_one_set_over_udp_and_all_over_tcp() {
    let records = "www A 192.0.2.1\nwww TXT x";
    let zones = || vec![zone("example.", records)];
    let one = "NOERROR aa\nanswer: www.example. 3600 A 192.0.2.1";
    let all =
        "NOERROR aa\nanswer: www.example. 3600 A 192.0.2.1\nanswer: www.example. 3600 TXT \"x\"";
    check(records, "www.example. ANY", one);
    let asked = query(&name("www.example."), Rtype::ANY, Asking::PLAIN);
    let minimal = snapshot(zones(), AnswerOptions::default());
    let reply = exchange(&minimal, Transport::Tcp, &asked).unwrap();
    assert_eq!(Message::read(&reply).render(), all);
    let full = AnswerOptions { any: AnyPolicy::Full, ..AnswerOptions::default() };
    check_in(&snapshot(zones(), full), "www.example. ANY", all);
    check("a.b A 192.0.2.1", "b.example. ANY", "NOERROR aa\nSOA!");
}

#[test]
fn name_outside_our_zones_is_refused() {
    check("", "other. A", "REFUSED");
    check("", "xexample. A", "REFUSED");
    check("", ". NS", "REFUSED");
}

#[test]
fn refusal_says_that_the_server_is_not_authoritative() {
    let snapshot = snapshot(vec![zone("example.", "")], AnswerOptions::default());
    let asking = Asking { edns_size: Some(1232), dnssec_ok: false };
    let asked = query(&name("other."), Rtype::A, asking);
    let reply = Message::read(&exchange(&snapshot, Transport::Udp, &asked).unwrap());
    assert_eq!(reply.render(), "REFUSED");
    // OPTION-CODE 15, two octets, INFO-CODE 20 (RFC 8914 §4.21).
    assert_eq!(reply.opt.unwrap().rdata, [0, 15, 0, 2, 0, 20]);
}

#[test]
fn zone_with_errors_gets_servfail_and_the_others_are_served() {
    let mut table = ZoneTable::default();
    table.insert(name("broken.").as_name(), ZoneState::Broken);
    let good = zone("example.", "www A 192.0.2.1\na CNAME www.broken.");
    table.insert(name("example.").as_name(), ZoneState::Loaded(Arc::new(good)));
    let snapshot = of_table(table, AnswerOptions::default());
    check_in(&snapshot, "www.broken. A", "SERVFAIL");
    check_in(&snapshot, "www.example. A", "NOERROR aa\nanswer: www.example. 3600 A 192.0.2.1");
    check_in(&snapshot, "a.example. A", "SERVFAIL\nanswer: a.example. 3600 CNAME www.broken.");
    let asking = Asking { edns_size: Some(1232), dnssec_ok: false };
    let asked = query(&name("www.broken."), Rtype::A, asking);
    let reply = Message::read(&exchange(&snapshot, Transport::Udp, &asked).unwrap());
    assert_eq!(reply.opt.unwrap().rdata, [0, 15, 0, 2, 0, 24]);
}

#[test]
fn root_zone_answers_for_every_name() {
    let text = ". 900 SOA ns.nz. admin. 1 2 3 4 300\n. 900 NS ns.nz.\n\
                nz. 3600 NS ns.nz.\nns.nz. 3600 A 192.0.2.1\n";
    let root = snapshot(vec![whole_zone(".", text)], AnswerOptions::default());
    check_in(
        &root,
        "www.ac.nz. A",
        "NOERROR\nauthority: nz. 3600 NS ns.nz.\nadditional: ns.nz. 3600 A 192.0.2.1",
    );
    check_in(&root, "zz. A", "NXDOMAIN aa\nauthority: . 300 SOA ns.nz. admin. 1 2 3 4 300");
}

#[test]
fn every_step_of_an_answer_is_told() {
    let records = "a CNAME b.d\nd DNAME t\n*.t A 192.0.2.1";
    let snapshot = snapshot(vec![zone("example.", records)], AnswerOptions::default());
    let mut trace: Vec<String> = Vec::new();
    let asked = query(&name("a.example."), Rtype::A, Asking::PLAIN);
    exchange_traced(&snapshot, Transport::Udp, &asked, &mut trace).unwrap();
    let expected = [
        "Zone(example.)",
        "Alias { owner: a.example., target: b.d.example. }",
        "Zone(example.)",
        "Redirect { owner: d.example., target: Some(b.t.example.) }",
        "Zone(example.)",
        "Wildcard(*.t.example.)",
        "Answer(*.t.example., Rtype(1))",
    ];
    assert_eq!(trace, expected);
}

#[test]
fn ds_behind_an_alias_is_the_parents_data_too() {
    let zones = vec![
        zone("example.", "a CNAME sub\nsub NS ns.other.\nsub DS 1 8 99 00"),
        zone("sub.example.", ""),
    ];
    check_in(
        &snapshot(zones, AnswerOptions::default()),
        "a.example. DS",
        "NOERROR aa\nanswer: a.example. 3600 CNAME sub.example.\n\
         answer: sub.example. 3600 DS 1 8 99 00",
    );
}

#[test]
fn child_with_errors_does_not_hide_the_parents_ds() {
    let mut table = ZoneTable::default();
    let parent = zone("example.", "sub NS ns.other.\nsub DS 1 8 99 00");
    table.insert(name("example.").as_name(), ZoneState::Loaded(Arc::new(parent)));
    table.insert(name("sub.example.").as_name(), ZoneState::Broken);
    let snapshot = of_table(table, AnswerOptions::default());
    check_in(&snapshot, "sub.example. DS", "NOERROR aa\nanswer: sub.example. 3600 DS 1 8 99 00");
    check_in(&snapshot, "sub.example. A", "SERVFAIL");
}

#[test]
fn service_under_a_wildcard_is_that_of_the_name_asked_for() {
    check(
        "*.w HTTPS 1 .\n*.w A 192.0.2.1",
        "foo.w.example. HTTPS",
        "NOERROR aa\nanswer: foo.w.example. 3600 HTTPS 1 .\n\
         additional: foo.w.example. 3600 A 192.0.2.1",
    );
}

#[test]
fn name_with_data_below_a_hashed_name_exists() {
    let hash = "2t7b4g4vsa5smi47k61mv5bv1a22bojr";
    let records = format!("{hash} NSEC3 1 0 0 - {hash} A\nx.{hash} A 192.0.2.1");
    check(
        &records,
        &format!("x.{hash}.example. A"),
        &format!("NOERROR aa\nanswer: x.{hash}.example. 3600 A 192.0.2.1"),
    );
    check(&records, &format!("{hash}.example. NSEC3"), "NOERROR aa\nSOA!");
    check(&records, &format!("y.{hash}.example. A"), "NXDOMAIN aa\nSOA!");
}

#[test]
fn name_with_signatures_alone_gives_them_to_any() {
    let sig = "A 8 2 3600 20300101000000 20200101000000 1 example. AAAA";
    check(
        &format!("www RRSIG {sig}"),
        "www.example. ANY",
        &format!("NOERROR aa\nanswer: www.example. 3600 RRSIG {sig}"),
    );
}

#[test]
fn extra_records_that_do_not_fit_are_no_reason_to_truncate() {
    let text: String = (0..13).map(|n| format!("www TXT \"{n:020}\"\n")).collect();
    let servers: String =
        (0..9).map(|n| format!("@ NS ns{n}.a-rather-long-name.other.\n")).collect();
    let full = AnswerOptions { minimal_responses: false, ..AnswerOptions::default() };
    let snapshot = snapshot(vec![zone("example.", &format!("{text}{servers}"))], full);
    let reply = ask(&snapshot, "www.example.", Rtype::TXT);
    assert_eq!((reply.answers.len(), reply.authorities.len()), (13, 0));
    assert!(reply.render().starts_with("NOERROR aa\n"));
}

#[test]
fn alias_into_a_zone_with_errors_says_why() {
    let mut table = ZoneTable::default();
    table.insert(name("broken.").as_name(), ZoneState::Broken);
    let good = zone("example.", "a CNAME www.broken.");
    table.insert(name("example.").as_name(), ZoneState::Loaded(Arc::new(good)));
    let snapshot = of_table(table, AnswerOptions::default());
    let asked =
        query(&name("a.example."), Rtype::A, Asking { edns_size: Some(512), dnssec_ok: false });
    let reply = Message::read(&exchange(&snapshot, Transport::Udp, &asked).unwrap());
    assert_eq!(reply.opt.unwrap().rdata, [0, 15, 0, 2, 0, 24]);
}

#[test]
fn answer_to_any_is_not_repeated_behind_it() {
    let records = "www HTTPS 1 .\nwww A 192.0.2.1";
    let snapshot = snapshot(vec![zone("example.", records)], AnswerOptions::default());
    let asked = query(&name("www.example."), Rtype::ANY, Asking::PLAIN);
    let reply = Message::read(&exchange(&snapshot, Transport::Tcp, &asked).unwrap());
    assert_eq!((reply.answers.len(), reply.additionals.len()), (2, 0));
}

#[test]
fn negative_ttl_is_the_lesser_of_soa_ttl_and_minimum() {
    for (soa_ttl, minimum, expected) in
        [(900, 300, 300), (60, 300, 60), (900, 4_294_967_295_u32, 900)]
    {
        let text = format!("@ {soa_ttl} SOA ns.other. a 1 2 3 4 {minimum}\n@ 9 NS ns.other.\n");
        let snapshot = snapshot(vec![whole_zone("example.", &text)], AnswerOptions::default());
        assert_eq!(ask(&snapshot, "x.example.", Rtype::A).authorities[0].ttl, expected);
    }
}

#[test]
fn signer_of_a_delegation_goes_to_clients_that_want_dnssec() {
    let records = "sub NS ns.other.\nsub DS 1 8 99 00\n\
         sub RRSIG DS 8 2 3600 20300101000000 20200101000000 1 example. AAAA";
    let snapshot = snapshot(vec![zone("example.", records)], AnswerOptions::default());
    for dnssec_ok in [false, true] {
        let asking = Asking { edns_size: Some(1232), dnssec_ok };
        let asked = query(&name("www.sub.example."), Rtype::A, asking);
        let reply = Message::read(&exchange(&snapshot, Transport::Udp, &asked).unwrap());
        let types: Vec<Rtype> = reply.authorities.iter().map(|record| record.rtype).collect();
        let signed = [Rtype::NS, Rtype::DS, Rtype::RRSIG];
        let expected = if dnssec_ok { &signed[..] } else { &signed[..1] };
        assert_eq!(types, expected);
    }
}

#[test]
fn dname_of_the_zone_itself_redirects_all_below() {
    check(
        "@ DNAME other.",
        "a.b.example. A",
        "NOERROR aa\nanswer: example. 3600 DNAME other.\n\
         answer: a.b.example. 3600 CNAME a.b.other.",
    );
}

#[test]
fn deep_zone_is_found_among_others() {
    let zones = vec![zone("example.", ""), zone("a.b.c.d.example.", "www A 192.0.2.1")];
    let both = snapshot(zones, AnswerOptions::default());
    check_in(
        &both,
        "www.a.b.c.d.example. A",
        "NOERROR aa\nanswer: www.a.b.c.d.example. 3600 A 192.0.2.1",
    );
    check_in(&both, "b.c.d.example. A", "NXDOMAIN aa\nSOA!");
}

#[test]
fn view_is_chosen_by_the_address_that_was_asked() {
    let view = |address: &str, last: u8| {
        let zone = zone("example.", &format!("www A 192.0.2.{last}"));
        let mut zones = ZoneTable::default();
        zones.insert(name("example.").as_name(), ZoneState::Loaded(Arc::new(zone)));
        let addresses = vec![address.parse().unwrap()];
        Arc::new(View { addresses, zones, ..View::default() })
    };
    let views = vec![view("192.0.2.2:53", 2), view("192.0.2.1:53", 1)];
    // `exchange` asks 192.0.2.1:53.
    let answer = "NOERROR aa\nanswer: www.example. 3600 A 192.0.2.1";
    check_in(&Snapshot { views, ..Snapshot::default() }, "www.example. A", answer);
    let elsewhere = Snapshot { views: vec![view("192.0.2.2:53", 2)], ..Snapshot::default() };
    assert_eq!(ask(&elsewhere, "www.example.", Rtype::A).render(), "REFUSED");
}

#[test]
fn hosts_of_many_services_all_come_with_their_addresses() {
    let records: String =
        (0..20).map(|n| format!("_s SRV 0 0 {n} h{n}\nh{n} A 192.0.2.{n}\n")).collect();
    let snapshot = snapshot(vec![zone("example.", &records)], AnswerOptions::default());
    let asked = query(&name("_s.example."), Rtype::SRV, Asking::PLAIN);
    let reply = Message::read(&exchange(&snapshot, Transport::Tcp, &asked).unwrap());
    assert_eq!((reply.answers.len(), reply.additionals.len()), (20, 20));
}

#[test]
fn names_behind_the_reach_of_pointers_are_written_in_full() {
    let records: String =
        (0..900).map(|n| format!("big MX {n} host-number-{n}.sub{n}\n")).collect();
    let snapshot = snapshot(vec![zone("example.", &records)], AnswerOptions::default());
    let asked = query(&name("big.example."), Rtype::MX, Asking::PLAIN);
    let reply = exchange(&snapshot, Transport::Tcp, &asked).unwrap();
    assert!(reply.len() > 0x4000 + 8000);
    let reply = Message::read(&reply);
    assert_eq!(reply.answers.len(), 900);
    for record in &reply.answers {
        let number = u16::from_be_bytes([record.rdata[0], record.rdata[1]]);
        let host = name(&format!("host-number-{number}.sub{number}.example."));
        assert_eq!(&record.rdata[2..], host.as_name().as_wire());
    }
}
