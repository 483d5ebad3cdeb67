use super::{Detail, Entry, Freshness, HITS_MIN, Rank};
use crate::base::limits::{CACHED_LEN_MAX, CACHED_PROOFS_MAX, CACHED_RECORDS_MAX};
use crate::base::time::{Now, Ttl};
use crate::cache::tests::{
    LIMITS, at, cache, cache_with, delegation, denial, folded, name, records,
};
use crate::cache::tests::{seconds, set, stored};
use crate::cache::{
    FailureReason, LearntDelegation, LearntDenial, LearntRecord, LearntRecords, LearntSet, Limits,
    Put, Unfit,
};
use crate::wire::numbers::Rtype;
use crate::wire::set;
use std::sync::Arc;

const SIGNATURE: &str = "13 2 300 20300101000000 20200101000000 1 example. AAAA";

/// An entry that begins at 0.
fn entry(text: &str) -> Arc<Entry> {
    stored(cache().put_records(at(0), &records(text)))
}

fn micros(micros: u64) -> Now {
    Now::from_micros(at(0).as_micros() + micros)
}

fn left(entry: &Entry, now: Now) -> Option<u32> {
    match entry.freshness(now) {
        Some(Freshness::Fresh { ttl }) => Some(ttl.as_secs()),
        Some(Freshness::Stale) | None => None,
    }
}

/// The sets of a reply as `section owner type`, signatures with the type that they cover.
fn layout(entry: &Entry, detail: Detail) -> Vec<String> {
    let parts = entry.parts(detail, Ttl::default());
    let show = |part: super::Part<'_>| {
        let rtype = Rtype(u16::from_be_bytes([part.set.records[2], part.set.records[3]]));
        let rdata = set::rdatas(part.set.records).next().unwrap();
        let covered = if rtype == Rtype::RRSIG {
            format!(" {}", Rtype(u16::from_be_bytes([rdata[0], rdata[1]])))
        } else {
            String::new()
        };
        format!("{:?} {} {rtype}{covered}", part.section, part.owner)
    };
    parts.map(show).collect()
}

#[test]
fn time_left_is_never_0_while_fresh_and_never_more_than_before() {
    let entry = entry("www.example. 3 A 192.0.2.1");
    for (now, expected) in [
        (0, Some(3)),
        (1, Some(3)),
        (999_999, Some(3)),
        (1_000_000, Some(2)),
        (2_000_000, Some(1)),
        (2_999_999, Some(1)),
        (3_000_000, None),
    ] {
        assert_eq!(left(&entry, micros(now)), expected, "{now}");
    }
    // A worker whose clock reading is older than the entry.
    assert_eq!(left(&entry, Now::from_micros(at(0).as_micros() - 5)), Some(3));
}

#[test]
fn entry_is_stale_after_its_end_and_then_of_no_use() {
    let limits = Limits { max_stale: seconds(10), ..LIMITS };
    let text = "www.example. 3 A 192.0.2.1";
    let entry = stored(cache_with(limits).put_records(at(0), &records(text)));
    assert_eq!(entry.freshness(at(2)), Some(Freshness::Fresh { ttl: seconds(1) }));
    assert_eq!(entry.freshness(at(3)), Some(Freshness::Stale));
    assert_eq!(entry.freshness(micros(12_999_999)), Some(Freshness::Stale));
    assert_eq!(entry.freshness(at(13)), None);
}

#[test]
fn entry_that_is_asked_for_is_due_once_in_the_last_tenth_of_its_life() {
    let entry = popular(entry("www.example. 100 A 192.0.2.1"));
    for (now, expected) in [(10, false), (89, false), (90, true), (91, false), (99, false)] {
        assert_eq!(entry.take_due(at(now)), expected, "{now}");
    }
}

#[test]
fn entry_that_is_hardly_asked_for_is_not_due() {
    let rare = entry("www.example. 100 A 192.0.2.1");
    assert!(!rare.take_due(at(95)));
    rare.count_hit();
    assert!(!rare.take_due(at(95)));
    rare.count_hit();
    assert!(rare.take_due(at(95)));
}

#[test]
fn failure_and_what_has_ended_are_never_due() {
    let cache = cache();
    let failure = cache.put_failure(at(0), &folded("a."), Rtype::A, FailureReason::Lame);
    assert!(!popular(failure).take_due(micros(4_900_000)));
    assert!(!popular(entry("late.example. 100 A 192.0.2.1")).take_due(at(100)));
}

/// The same entry, after clients have been answered with it.
fn popular(entry: Arc<Entry>) -> Arc<Entry> {
    (0..HITS_MIN).for_each(|_| entry.count_hit());
    entry
}

#[test]
fn records_stand_in_canonical_order_once() {
    let entry = entry(
        "www.example. 300 A 192.0.2.9\nwww.example. 300 A 192.0.2.1\nwww.example. 300 A 192.0.2.9",
    );
    let rdatas: Vec<&[u8]> = entry.rdatas().collect();
    assert_eq!(rdatas, [[192, 0, 2, 1], [192, 0, 2, 9]]);
    let part = entry.parts(Detail::Plain, seconds(7)).next().unwrap();
    assert_eq!((part.set.count, part.set.ttl), (2, Some(seconds(7))));
}

#[test]
fn signatures_and_proofs_are_for_those_who_ask_for_them() {
    let a = format!("a.w.example. 300 A 192.0.2.1\na.w.example. 300 RRSIG A {SIGNATURE}");
    let nsec = format!("w.example. 300 NSEC z.example. A\nw.example. 300 RRSIG NSEC {SIGNATURE}");
    let proofs = [set(&nsec)];
    let entry =
        stored(cache().put_records(at(0), &LearntRecords { proofs: &proofs, ..records(&a) }));
    assert_eq!(layout(&entry, Detail::Plain), ["Answer a.w.example. A"]);
    assert_eq!(
        layout(&entry, Detail::Signed),
        [
            "Answer a.w.example. A",
            "Answer a.w.example. RRSIG A",
            "Authority w.example. NSEC",
            "Authority w.example. RRSIG NSEC",
        ]
    );
}

#[test]
fn signatures_that_were_asked_for_are_told_to_anyone() {
    let entry = entry(&format!("w.example. 300 RRSIG A {SIGNATURE}"));
    assert_eq!(layout(&entry, Detail::Plain), ["Answer w.example. RRSIG A"]);
}

#[test]
fn denial_tells_its_soa_and_to_those_who_ask_its_proofs() {
    let soa = format!(
        "example. 900 SOA ns.example. host.example. 1 2 3 4 600\nexample. 900 RRSIG SOA {SIGNATURE}"
    );
    let proofs = [set("a.example. 600 NSEC z.example. A")];
    let learnt = LearntDenial { soa: Some(set(&soa)), proofs: &proofs, ..denial("b.example.") };
    let entry = stored(cache().put_name_error(at(0), &learnt));
    assert_eq!(layout(&entry, Detail::Plain), ["Authority example. SOA"]);
    assert_eq!(
        layout(&entry, Detail::Signed),
        ["Authority example. SOA", "Authority example. RRSIG SOA", "Authority a.example. NSEC"]
    );
}

#[test]
fn delegation_tells_servers_and_to_those_who_ask_the_ds() {
    let digest = "AB".repeat(32);
    let ds = format!("sub.example. 300 DS 1 13 2 {digest}\nsub.example. 300 RRSIG DS {SIGNATURE}");
    let proofs = [set(&ds)];
    let learnt = delegation("sub.example. 300 NS ns.sub.example.");
    let entry =
        stored(cache().put_delegation(at(0), &LearntDelegation { proofs: &proofs, ..learnt }));
    assert_eq!(layout(&entry, Detail::Plain), ["Authority sub.example. NS"]);
    assert_eq!(
        layout(&entry, Detail::Signed),
        [
            "Authority sub.example. NS",
            "Authority sub.example. DS",
            "Authority sub.example. RRSIG DS"
        ]
    );
}

#[test]
fn alias_made_by_a_dname_comes_behind_it() {
    let redirect = set(&format!(
        "old.example. 300 DNAME new.example.\nold.example. 300 RRSIG DNAME {SIGNATURE}"
    ));
    let learnt = records("a.old.example. 300 CNAME a.new.example.");
    let entry =
        stored(cache().put_records(at(0), &LearntRecords { redirect: Some(redirect), ..learnt }));
    assert_eq!(
        layout(&entry, Detail::Plain),
        ["Answer old.example. DNAME", "Answer a.old.example. CNAME"]
    );
    assert_eq!(layout(&entry, Detail::Signed).len(), 3);
    assert_eq!(entry.target(), Some(name("a.new.example.")));
    assert_eq!(entry.rdatas().count(), 1);
}

#[test]
fn only_an_alias_has_a_target() {
    assert_eq!(entry("a. 300 CNAME b.").target(), Some(name("b.")));
    assert_eq!(entry("a. 300 NS b.").target(), None);
    let cache = cache();
    assert_eq!(stored(cache.put_name_error(at(0), &denial("a.example."))).target(), None);
}

#[test]
fn name_keeps_its_case_and_failures_have_no_records() {
    assert_eq!(entry("WwW.example. 300 A 192.0.2.1").name().to_string(), "WwW.example.");
    let entry = cache().put_failure(at(0), &folded("a."), Rtype::A, FailureReason::Lame);
    assert_eq!(entry.name().to_string(), "a.");
    assert_eq!(layout(&entry, Detail::Signed), [""; 0]);
}

#[test]
fn ranks_are_ordered_as_in_rfc_2181() {
    let ranks =
        [Rank::Additional, Rank::Referral, Rank::Answer, Rank::Authority, Rank::Authoritative];
    assert!(ranks.is_sorted_by(|lower, higher| lower < higher));
}

/// What becomes of a set of so many records with this data, each with a number of its own.
fn put_many(count: usize, rtype: Rtype, rdata: &[u8]) -> Result<Put, Unfit> {
    let data: Vec<Vec<u8>> = (0..count)
        .map(|number| {
            // The last octets differ most, and the order is not the canonical one.
            let number = u16::try_from(number).unwrap().reverse_bits();
            if rtype == Rtype::NS {
                [format!("\x05{number:05}").as_bytes(), rdata].concat()
            } else {
                [rdata, &number.to_be_bytes()].concat()
            }
        })
        .collect();
    let ttl = seconds(300);
    let many: Vec<LearntRecord<'_>> =
        data.iter().map(|rdata| LearntRecord { ttl, rdata }).collect();
    let set = LearntSet { owner: name("a."), rtype, records: &many, signatures: &[] };
    cache().put_records(at(0), &LearntRecords { set, ..records("a. 1 A 192.0.2.1") })
}

#[track_caller]
fn check_refused(put: &Result<Put, Unfit>, expected: Unfit) {
    assert!(matches!(put, Err(unfit) if *unfit == expected), "{put:?}");
}

#[test]
fn set_that_no_message_holds_is_refused() {
    let short = Rtype(65_280);
    assert_eq!(stored(put_many(CACHED_RECORDS_MAX, short, &[])).rdatas().count(), 4095);
    check_refused(&put_many(CACHED_RECORDS_MAX + 1, short, &[]), Unfit::TooLarge);
    check_refused(&put_many(60_000, Rtype::A, &[1, 2]), Unfit::TooLarge);
    // NS records of 24 octets, as many as fit into 64 KiB, and some more.
    let count = CACHED_LEN_MAX / 24 - 1;
    assert_eq!(stored(put_many(count, Rtype::NS, b"\x04else\0")).rdatas().count(), count);
    check_refused(&put_many(count + 2, Rtype::NS, b"\x04else\0"), Unfit::TooLarge);
}

#[test]
fn set_without_records_and_too_many_proofs_are_refused() {
    check_refused(&put_many(0, Rtype::A, &[1, 2]), Unfit::Empty);
    for (count, fits) in [(CACHED_PROOFS_MAX, true), (CACHED_PROOFS_MAX + 1, false)] {
        let proofs = vec![set("a.example. 600 NSEC z.example. A"); count];
        let learnt = LearntDenial { proofs: &proofs, ..denial("b.example.") };
        let put = cache().put_name_error(at(0), &learnt);
        if fits { drop(stored(put)) } else { check_refused(&put, Unfit::TooLarge) }
    }
}
