use super::{Cut, Found};
use crate::cache::tests::{
    LIMITS, at, cache, cache_with, check_found, delegation, denial, folded, ranked, records,
    seconds, show, show_entry, stored,
};
use crate::cache::{Cache, FailureReason, LearntDelegation, Limits, Rank};
use crate::wire::numbers::Rtype;

const SOA: &str = "SOA ns.example. host.example. 1 2 3 4 600";

#[track_caller]
fn check_stale(cache: &Cache, now: u64, question: &str, expected: &str) {
    let (qname, rtype) = question.split_once(' ').unwrap();
    let found = cache.find_stale(at(now), &folded(qname), Rtype::from_text(rtype).unwrap(), || 0);
    assert_eq!(show(&found), expected, "{question}");
}

#[test]
fn records_are_found_by_name_in_any_case_and_by_type() {
    let cache = cache();
    stored(cache.put_records(at(0), &records("www.Example. 300 A 192.0.2.1")));
    check_found(&cache, at(100), "WWW.example. A", "records 200: www.Example. A 192.0.2.1");
    check_found(&cache, at(100), "www.example. AAAA", "missing");
    check_found(&cache, at(100), "example. A", "missing");
    check_found(&cache, at(100), "a.www.example. A", "missing");
    check_found(&cache, at(300), "www.example. A", "missing");
}

#[test]
fn alias_answers_for_other_types() {
    let cache = cache();
    stored(cache.put_records(at(0), &records("a.example. 300 CNAME b.example.")));
    check_found(&cache, at(0), "a.example. A", "alias 300: a.example. CNAME b.example.");
    check_found(&cache, at(0), "a.example. CNAME", "records 300: a.example. CNAME b.example.");
    for rtype in ["ANY", "NSEC", "RRSIG"] {
        check_found(&cache, at(0), &format!("a.example. {rtype}"), "missing");
    }
    check_found(&cache, at(0), "b.a.example. A", "missing");
    // What the name has of the type itself is nearer.
    stored(cache.put_records(at(0), &records("a.example. 300 A 192.0.2.1")));
    check_found(&cache, at(0), "a.example. A", "records 300: a.example. A 192.0.2.1");
}

#[test]
fn missing_type_says_nothing_of_other_types_and_names() {
    let cache = cache();
    stored(cache.put_no_data(at(0), Rtype::A, &denial("a.example.")));
    stored(cache.put_no_data(at(0), Rtype::CNAME, &denial("a.example.")));
    let expected = format!("no data 600: a.example. {SOA}");
    check_found(&cache, at(0), "a.example. A", &expected);
    check_found(&cache, at(0), "a.example. CNAME", &expected);
    check_found(&cache, at(0), "a.example. AAAA", "missing");
    check_found(&cache, at(0), "b.a.example. A", "missing");
}

#[test]
fn missing_name_has_no_types_and_no_names_below() {
    let cache = cache();
    stored(cache.put_name_error(at(0), &denial("a.example.")));
    let expected = format!("name error 600: a.example. {SOA}");
    for question in ["a.example. A", "a.example. CNAME", "b.a.example. A", "c.b.a.example. MX"] {
        check_found(&cache, at(0), question, &expected);
    }
    for question in ["example. A", "b.example. A", "ba.example. A"] {
        check_found(&cache, at(0), question, "missing");
    }
    check_found(&cache, at(600), "b.a.example. A", "missing");
}

#[test]
fn what_is_known_below_a_missing_name_is_found() {
    let cache = cache();
    stored(cache.put_records(at(0), &records("b.a.example. 300 A 192.0.2.1")));
    stored(cache.put_name_error(at(0), &denial("a.example.")));
    check_found(&cache, at(0), "b.a.example. A", "records 300: b.a.example. A 192.0.2.1");
}

#[test]
fn failure_is_of_one_type_and_told_only_for_want_of_data() {
    let cache = cache();
    cache.put_failure(at(0), &folded("a.example."), Rtype::A, FailureReason::Unreachable);
    check_found(&cache, at(0), "a.example. A", "failure 5: a.example.");
    check_found(&cache, at(0), "a.example. AAAA", "missing");
    check_found(&cache, at(5), "a.example. A", "missing");
    stored(cache.put_records(at(1), &records("a.example. 300 A 192.0.2.1")));
    check_found(&cache, at(1), "a.example. A", "records 300: a.example. A 192.0.2.1");
}

#[test]
fn what_is_good_for_reaching_servers_is_no_answer() {
    for (rank, is_answer) in [
        (Rank::Additional, false),
        (Rank::Referral, false),
        (Rank::Answer, true),
        (Rank::Authority, true),
        (Rank::Authoritative, true),
    ] {
        let cache = cache();
        stored(cache.put_records(at(0), &ranked("ns.example. 300 A 192.0.2.1", rank)));
        let expected = "records 300: ns.example. A 192.0.2.1";
        check_found(&cache, at(0), "ns.example. A", if is_answer { expected } else { "missing" });
        check_stale(
            &cache,
            400,
            "ns.example. A",
            &if is_answer { expected.replace("300", "stale") } else { "missing".to_owned() },
        );
        let glue = cache.find_glue(at(0), &folded("ns.example."), Rtype::A).unwrap();
        assert_eq!(show(&Found::Records(glue)), expected);
        assert!(cache.find_glue(at(300), &folded("ns.example."), Rtype::A).is_none());
    }
    let cache = cache();
    stored(cache.put_no_data(at(0), Rtype::A, &denial("ns.example.")));
    assert!(cache.find_glue(at(0), &folded("ns.example."), Rtype::A).is_none());
}

#[test]
fn stale_entries_are_found_by_asking_for_them_until_they_are_too_old() {
    let cache = cache_with(Limits { max_stale: seconds(50), ..LIMITS });
    stored(cache.put_records(at(0), &records("a.example. 300 A 192.0.2.1")));
    check_stale(&cache, 299, "a.example. A", "records 1: a.example. A 192.0.2.1");
    check_found(&cache, at(300), "a.example. A", "missing");
    check_stale(&cache, 300, "a.example. A", "records stale: a.example. A 192.0.2.1");
    check_stale(&cache, 349, "a.example. A", "records stale: a.example. A 192.0.2.1");
    check_stale(&cache, 350, "a.example. A", "missing");
    let never = cache_with(Limits { max_stale: seconds(0), ..LIMITS });
    stored(never.put_records(at(0), &records("a.example. 300 A 192.0.2.1")));
    check_stale(&never, 300, "a.example. A", "missing");
}

#[test]
fn stale_entries_come_before_failures_and_after_all_that_is_fresh() {
    let cache = cache();
    stored(cache.put_records(at(0), &records("a.example. 300 A 192.0.2.1")));
    cache.put_failure(at(300), &folded("a.example."), Rtype::A, FailureReason::Unreachable);
    check_found(&cache, at(301), "a.example. A", "failure 4: a.example.");
    check_stale(&cache, 301, "a.example. A", "records stale: a.example. A 192.0.2.1");
    cache.put_failure(at(300), &folded("b.example."), Rtype::A, FailureReason::Unreachable);
    check_stale(&cache, 301, "b.example. A", "failure 4: b.example.");
    check_stale(&cache, 306, "b.example. A", "missing");
    stored(cache.put_records(at(301), &records("a.example. 300 CNAME b.")));
    check_stale(&cache, 301, "a.example. A", "alias 300: a.example. CNAME b.");
}

#[test]
fn stale_denials_are_of_the_name_itself() {
    let cache = cache();
    stored(cache.put_name_error(at(0), &denial("a.example.")));
    check_stale(&cache, 600, "a.example. A", &format!("name error stale: a.example. {SOA}"));
    check_stale(&cache, 600, "b.a.example. A", "missing");
}

#[test]
fn entry_is_not_asked_for_again_because_it_was_found() {
    let cache = cache();
    let entry = stored(cache.put_records(at(0), &records("a.example. 300 A 192.0.2.1")));
    for now in [0, 1, 269, 270, 271, 299] {
        let expected = format!("records {}: a.example. A 192.0.2.1", 300 - now);
        check_found(&cache, at(now), "a.example. A", &expected);
        check_stale(&cache, now, "a.example. A", &expected);
        assert!(cache.find_glue(at(now), &folded("a.example."), Rtype::A).is_some());
        assert!(!entry.take_due(at(now)));
    }
}

#[track_caller]
fn check_cut(cache: &Cache, now: u64, qname: &str, expected: &str) {
    let cut = cache.closest_delegation(at(now), &folded(qname));
    let shown = cut.map_or_else(
        || "none".to_owned(),
        |Cut { delegation, servers }| {
            let by = if delegation.is_some() { "" } else { " (no parent)" };
            format!("{}{by}", show_entry(&servers))
        },
    );
    assert_eq!(shown, expected, "{qname}");
}

#[test]
fn closest_delegation_is_the_deepest_at_or_above_the_name() {
    let cache = cache();
    check_cut(&cache, 0, "a.sub.example.", "none");
    stored(cache.put_delegation(at(0), &delegation("example. 300 NS ns.example.")));
    stored(cache.put_delegation(at(0), &delegation("sub.example. 200 NS ns.sub.example.")));
    check_cut(&cache, 0, "a.b.sub.example.", "sub.example. NS ns.sub.example.");
    check_cut(&cache, 0, "sub.example.", "sub.example. NS ns.sub.example.");
    check_cut(&cache, 0, "other.example.", "example. NS ns.example.");
    check_cut(&cache, 200, "a.b.sub.example.", "example. NS ns.example.");
    check_cut(&cache, 0, "other.", "none");
    check_cut(&cache, 300, "sub.example.", "none");
}

#[test]
fn servers_that_the_zone_names_itself_replace_those_of_its_parent() {
    let cache = cache();
    stored(cache.put_delegation(at(0), &delegation("example. 300 NS ns.example.")));
    stored(cache.put_records(at(0), &ranked("example. 100 NS ns.low.", Rank::Referral)));
    check_cut(&cache, 0, "a.example.", "example. NS ns.example.");
    stored(cache.put_records(at(0), &ranked("example. 100 NS ns.own.", Rank::Authority)));
    check_cut(&cache, 99, "a.example.", "example. NS ns.own.");
    check_cut(&cache, 100, "a.example.", "example. NS ns.example.");
}

#[test]
fn zone_that_its_parent_took_away_does_not_keep_itself() {
    let cache = cache();
    stored(cache.put_delegation(at(0), &delegation("example. 300 NS ns.example.")));
    // The zone says its NS records again and again, with a long time to live.
    for now in [0, 100, 200, 299] {
        stored(cache.put_records(at(now), &records("example. 86400 NS ns.example.")));
    }
    check_cut(&cache, 299, "a.example.", "example. NS ns.example.");
    check_cut(&cache, 300, "a.example.", "none");
}

#[test]
fn zone_that_its_parent_took_away_takes_what_it_delegated_with_it() {
    let cache = cache();
    stored(cache.put_delegation(at(0), &delegation("example. 300 NS ns.example.")));
    let until = cache.closest_delegation(at(250), &folded("a.sub.example.")).unwrap().until();
    let learnt = delegation("sub.example. 86400 NS ns.sub.example.");
    stored(cache.put_delegation(at(250), &LearntDelegation { until, ..learnt }));
    check_cut(&cache, 299, "a.sub.example.", "sub.example. NS ns.sub.example.");
    check_cut(&cache, 300, "a.sub.example.", "none");
}

#[test]
fn root_needs_no_parent() {
    let cache = cache();
    stored(cache.put_records(at(0), &records(". 300 NS a.root.")));
    check_cut(&cache, 299, "a.example.", ". NS a.root. (no parent)");
    check_cut(&cache, 299, ".", ". NS a.root. (no parent)");
    assert_eq!(cache.closest_delegation(at(0), &folded(".")).unwrap().until(), None);
    check_cut(&cache, 300, "a.example.", "none");
    stored(cache.put_records(at(300), &ranked(". 300 NS a.root.", Rank::Additional)));
    check_cut(&cache, 300, "a.example.", "none");
}
