use super::{Put, Unfit};
use crate::base::time::Ttl;
use crate::cache::tests::{
    DAY, LIMITS, at, cache, cache_with, check_found, delegation, denial, denial_with, folded, name,
    ranked, records, seconds, set, show, stored,
};
use crate::cache::{
    Cache, FailureReason, Found, Kind, LearntDelegation, LearntDenial, LearntRecords, Limits, Rank,
    What,
};
use crate::wire::numbers::Rtype;

const RANKS: [Rank; 5] =
    [Rank::Additional, Rank::Referral, Rank::Answer, Rank::Authority, Rank::Authoritative];

/// The TTL that records with these lines get.
#[track_caller]
fn check_ttl(limits: Limits, text: &str, expected: u32) {
    let entry = stored(cache_with(limits).put_records(at(0), &records(text)));
    assert_eq!(entry.ttl(), seconds(expected), "{text}");
    assert_eq!(entry.expires(), at(u64::from(expected)), "{text}");
}

#[test]
fn lowest_ttl_of_a_set_counts_for_all() {
    check_ttl(LIMITS, "a. 300 A 192.0.2.1\na. 20 A 192.0.2.2\na. 100 A 192.0.2.3", 20);
    let signature = "13 1 300 20300101000000 20200101000000 1 . AAAA";
    check_ttl(LIMITS, &format!("a. 300 A 192.0.2.1\na. 30 RRSIG A {signature}"), 30);
    let proofs = [set("b. 40 NSEC c. A")];
    let learnt = LearntRecords { proofs: &proofs, ..records("a. 300 A 192.0.2.1") };
    assert_eq!(stored(cache().put_records(at(0), &learnt)).ttl(), seconds(40));
}

#[test]
fn ttl_is_kept_in_bounds() {
    let limits = Limits { min_ttl: seconds(60), max_ttl: seconds(600), ..LIMITS };
    check_ttl(limits, "a. 59 A 192.0.2.1", 60);
    check_ttl(limits, "a. 0 A 192.0.2.1", 60);
    check_ttl(limits, "a. 61 A 192.0.2.1", 61);
    check_ttl(limits, "a. 601 A 192.0.2.1", 600);
}

#[test]
fn ttl_with_its_top_bit_set_is_capped() {
    assert_eq!(Ttl::learnt(0x8000_0000), Ttl::MAX);
    assert_eq!(Ttl::learnt(u32::MAX), Ttl::MAX);
    assert_eq!(Ttl::learnt(7), seconds(7));
    check_ttl(LIMITS, "a. 2147483647 A 192.0.2.1", DAY);
}

#[test]
fn ttl_of_0_is_for_one_answer_and_no_more() {
    let cache = cache();
    let put = cache.put_records(at(0), &records("a. 0 A 192.0.2.1"));
    let Ok(Put::Once(entry)) = put else { panic!("{put:?}") };
    assert_eq!((entry.ttl(), entry.rdatas().count()), (seconds(0), 1));
    check_found(&cache, at(0), "a. A", "missing");
    assert_eq!(cache.counts().entries, 0);
}

#[test]
fn denial_lasts_as_long_as_the_soa_says() {
    for (soa_ttl, minimum, expected) in
        [(900, 600, 600), (500, 600, 500), (20_000, 20_000, 10_800), (2_147_483_647, 7, 7)]
    {
        let soa = format!("example. {soa_ttl} SOA ns.example. host.example. 1 2 3 4 {minimum}");
        let learnt = denial_with("a.example.", &soa);
        for put in
            [cache().put_name_error(at(0), &learnt), cache().put_no_data(at(0), Rtype::A, &learnt)]
        {
            assert_eq!(stored(put).ttl(), seconds(expected), "{soa}");
        }
    }
    let proofs = [set("a.example. 40 NSEC z.example. A")];
    let learnt = LearntDenial { proofs: &proofs, ..denial("b.example.") };
    assert_eq!(stored(cache().put_name_error(at(0), &learnt)).ttl(), seconds(40));
}

#[test]
fn denial_without_an_soa_is_for_one_answer_and_no_more() {
    let cache = cache();
    let learnt = LearntDenial { soa: None, ..denial("a.example.") };
    assert!(matches!(cache.put_name_error(at(0), &learnt), Ok(Put::Once(_))));
    assert!(matches!(cache.put_no_data(at(0), Rtype::A, &learnt), Ok(Put::Once(_))));
    // Whatever the shortest time to live is.
    let limits = Limits { min_ttl: seconds(60), ..LIMITS };
    assert!(matches!(cache_with(limits).put_name_error(at(0), &learnt), Ok(Put::Once(_))));
    check_found(&cache, at(0), "a.example. A", "missing");
}

#[test]
fn soa_of_another_zone_or_that_is_none_is_refused() {
    let soa = "1 2 3 4 5";
    for (text, fits) in [
        (format!("example. 900 SOA a. b. {soa}"), true),
        (format!(". 900 SOA a. b. {soa}"), true),
        (format!("a.example. 900 SOA a. b. {soa}"), true),
        (format!("b.a.example. 900 SOA a. b. {soa}"), false),
        (format!("other. 900 SOA a. b. {soa}"), false),
        (format!("example. 900 SOA a. b. {soa}\nexample. 900 SOA c. b. {soa}"), false),
        ("example. 900 NS a.".to_owned(), false),
    ] {
        match cache().put_name_error(at(0), &denial_with("a.example.", &text)) {
            Ok(Put::Stored(_)) => assert!(fits, "{text}"),
            Err(Unfit::Soa) => assert!(!fits, "{text}"),
            other => panic!("{other:?}"),
        }
    }
}

/// Puts an address of each of two ranks one after the other, and says which is there at the end.
fn survivor(first: Rank, second: Rank, later: u64) -> Rank {
    let cache = cache();
    stored(cache.put_records(at(0), &ranked("a. 300 A 192.0.2.1", first)));
    let put = cache.put_records(at(later), &ranked("a. 300 A 192.0.2.2", second));
    let what = if first < Rank::Answer { What::Glue(Rtype::A) } else { What::Type(Rtype::A) };
    let entry = cache.entry(name("a."), folded("a.").hash(0), what).unwrap();
    match put {
        Ok(Put::Stored(stored)) => assert_eq!(stored.rank(), entry.rank()),
        Ok(Put::Outranked(there)) => assert_eq!(there.rank(), first),
        other => panic!("{other:?}"),
    }
    entry.rank()
}

#[test]
fn lower_rank_replaces_a_higher_one_only_when_that_has_ended() {
    let (glue, answers) = RANKS.split_at(2);
    for ranks in [glue, answers] {
        for (first, second) in
            ranks.iter().flat_map(|first| ranks.iter().map(move |s| (*first, *s)))
        {
            assert_eq!(survivor(first, second, 299), first.max(second), "{first:?} {second:?}");
            assert_eq!(survivor(first, second, 300), second, "{first:?} {second:?}");
        }
    }
}

#[test]
fn glue_takes_nothing_from_what_answers_fresh_or_over() {
    let cache = cache();
    stored(cache.put_records(at(0), &records("a. 300 A 192.0.2.1")));
    for now in [1, 301] {
        stored(cache.put_records(at(now), &ranked("a. 600 A 192.0.2.2", Rank::Additional)));
    }
    let stale = cache.find_stale(at(301), &folded("a."), Rtype::A, || 0);
    assert_eq!(show(&stale), "records stale: a. A 192.0.2.1");
    // What answers is the better way to a server while it lasts.
    let glue =
        |now| show(&Found::Records(cache.find_glue(at(now), &folded("a."), Rtype::A).unwrap()));
    assert_eq!(glue(299), "records 1: a. A 192.0.2.1");
    assert_eq!(glue(301), "records 600: a. A 192.0.2.2");
    let told = cache.find_told_glue(at(299), &folded("a."), Rtype::A).unwrap();
    assert_eq!(show(&Found::Records(told)), "records 600: a. A 192.0.2.2");
}

#[test]
fn equal_rank_replaces() {
    let cache = cache();
    stored(cache.put_records(at(0), &records("a. 300 A 192.0.2.1")));
    stored(cache.put_records(at(10), &records("a. 20 A 192.0.2.2")));
    check_found(&cache, at(10), "a. A", "records 20: a. A 192.0.2.2");
    check_found(&cache, at(30), "a. A", "missing");
}

#[test]
fn records_and_their_denial_replace_each_other() {
    let cache = cache();
    stored(cache.put_records(at(0), &records("a.example. 300 A 192.0.2.1")));
    stored(cache.put_no_data(at(1), Rtype::A, &denial("a.example.")));
    let no_data = "no data 600: a.example. SOA ns.example. host.example. 1 2 3 4 600";
    check_found(&cache, at(1), "a.example. A", no_data);
    stored(cache.put_records(at(2), &records("a.example. 300 A 192.0.2.1")));
    check_found(&cache, at(2), "a.example. A", "records 300: a.example. A 192.0.2.1");
}

#[test]
fn name_that_has_something_is_no_longer_denied() {
    let put_data: [fn(&Cache); 3] = [
        |cache| drop(stored(cache.put_records(at(1), &records("a.example. 300 A 192.0.2.1")))),
        |cache| drop(stored(cache.put_no_data(at(1), Rtype::A, &denial("a.example.")))),
        |cache| drop(stored(cache.put_records(at(1), &records("a.example. 300 CNAME b.")))),
    ];
    for put in put_data {
        let cache = cache();
        stored(cache.put_name_error(at(0), &denial("a.example.")));
        put(&cache);
        let found = cache.find(at(1), &folded("a.example."), Rtype::TXT, || 0);
        assert!(!matches!(found, Found::NameError(_)), "{found:?}");
    }
}

#[test]
fn glue_does_not_end_a_denial() {
    let cache = cache();
    stored(cache.put_name_error(at(0), &denial("a.example.")));
    stored(cache.put_records(at(1), &ranked("a.example. 300 A 192.0.2.1", Rank::Additional)));
    assert!(matches!(
        cache.find(at(1), &folded("a.example."), Rtype::A, || 0),
        Found::NameError(_)
    ));
}

/// Fails at these seconds and returns how long each failure lasts, with how often in a row that is.
fn failures(cache: &Cache, times: &[u64]) -> Vec<(u32, u8)> {
    let fail = |now: &u64| {
        let entry = cache.put_failure(at(*now), &folded("a."), Rtype::A, FailureReason::Lame);
        let Kind::Failure(failure) = entry.kind() else { panic!("{entry:?}") };
        (entry.ttl().as_secs(), failure.times)
    };
    times.iter().map(fail).collect()
}

#[test]
fn failures_in_a_row_last_longer_and_longer() {
    let times = [0, 5, 15, 35, 75, 155, 315, 615, 915];
    let lengths = [5, 10, 20, 40, 80, 160, 300, 300, 300];
    let expected: Vec<(u32, u8)> = lengths.into_iter().zip(1..).collect();
    assert_eq!(failures(&cache(), &times), expected);
    let often: Vec<u64> = times.into_iter().chain((5..300).map(|number| number * 300)).collect();
    assert_eq!(failures(&cache(), &often).last(), Some(&(300, 255)));
}

#[test]
fn failures_while_one_lasts_are_one() {
    assert_eq!(failures(&cache(), &[0, 1, 4, 5]), [(5, 1), (5, 1), (5, 1), (10, 2)]);
}

#[test]
fn failure_long_after_another_is_a_first_one() {
    assert_eq!(failures(&cache(), &[0, 304]), [(5, 1), (10, 2)]);
    assert_eq!(failures(&cache(), &[0, 305]), [(5, 1), (5, 1)]);
}

#[test]
fn failure_after_an_answer_is_a_first_one() {
    for text in ["a. 1 A 192.0.2.1", "a. 1 CNAME b."] {
        let cache = cache();
        assert_eq!(failures(&cache, &[0, 5]), [(5, 1), (10, 2)]);
        stored(cache.put_records(at(6), &records(text)));
        assert_eq!(failures(&cache, &[16]), [(5, 1)], "{text}");
    }
    // What another type has says nothing.
    let cache = cache();
    assert_eq!(failures(&cache, &[0]), [(5, 1)]);
    stored(cache.put_records(at(1), &records("a. 1 TXT text")));
    stored(cache.put_records(at(1), &ranked("a. 1 A 192.0.2.1", Rank::Additional)));
    assert_eq!(failures(&cache, &[16]), [(10, 2)]);
}

#[track_caller]
fn check_delegation(cache: &Cache, now: u64, expires: Option<u64>) {
    let cut = cache.closest_delegation(at(now), &folded("www.sub.example."));
    let found = cut.map(|cut| cut.delegation.unwrap().expires());
    assert_eq!(found, expires.map(at));
}

#[test]
fn same_servers_never_lengthen_a_delegation() {
    let cache = cache();
    stored(cache.put_delegation(at(0), &delegation("sub.example. 300 NS ns.sub.example.")));
    stored(cache.put_delegation(at(200), &delegation("Sub.Example. 300 NS NS.sub.example.")));
    check_delegation(&cache, 200, Some(300));
    stored(cache.put_delegation(at(210), &delegation("sub.example. 50 NS ns.sub.example.")));
    check_delegation(&cache, 210, Some(260));
    check_delegation(&cache, 260, None);
    stored(cache.put_delegation(at(260), &delegation("sub.example. 300 NS ns.sub.example.")));
    check_delegation(&cache, 260, Some(560));
}

#[test]
fn other_servers_replace_a_delegation() {
    let cache = cache();
    stored(cache.put_delegation(at(0), &delegation("sub.example. 300 NS ns.sub.example.")));
    stored(cache.put_delegation(at(200), &delegation("sub.example. 300 NS ns.other.")));
    check_delegation(&cache, 200, Some(500));
}

#[test]
fn delegation_does_not_outlive_the_one_it_came_by() {
    let cache = cache();
    let learnt = delegation("sub.example. 300 NS ns.sub.example.");
    let entry =
        stored(cache.put_delegation(at(0), &LearntDelegation { until: Some(at(40)), ..learnt }));
    assert_eq!((entry.ttl(), entry.expires()), (seconds(40), at(40)));
    check_delegation(&cache, 39, Some(40));
    check_delegation(&cache, 40, None);
    // It came when its parent's had ended: for the resolution at hand and no more.
    let late = LearntDelegation { until: Some(at(40)), ..learnt };
    assert!(matches!(cache.put_delegation(at(41), &late), Ok(Put::Once(_))));
    check_delegation(&cache, 41, None);
}

#[test]
fn delegation_is_capped_but_not_lengthened_by_limits_and_never_stale() {
    let limits = Limits { min_ttl: seconds(60), max_ttl: seconds(100), ..LIMITS };
    for (ttl, expected) in [(10, 10), (1000, 100)] {
        let text = format!("sub.example. {ttl} NS ns.sub.example.");
        let entry = stored(cache_with(limits).put_delegation(at(0), &delegation(&text)));
        assert_eq!(entry.ttl(), seconds(expected));
        assert_eq!(entry.freshness(at(u64::from(expected))), None);
    }
}
