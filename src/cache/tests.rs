//! What the tests of the cache share, and those of flushing and counting.

mod model;
mod written;

use super::{
    Cache, Detail, Entry, FailureReason, Found, Freshness, LearntDelegation, LearntDenial,
    LearntRecord, LearntRecords, LearntSet, Limits, Partition, Put, Rank, Security, Table, Unfit,
};
use crate::base::time::{Now, Ttl};
use crate::wire::folded::FoldedName;
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::Rtype;
use crate::wire::set;
use crate::zone::file::print;
use crate::zone::file::reader::Reader;
use crate::zone::file::source::Texts;
use std::sync::Arc;

/// A day, the longest that records are kept here.
pub(super) const DAY: u32 = 86_400;

pub(super) const LIMITS: Limits = Limits {
    min_ttl: seconds(0),
    max_ttl: seconds(DAY),
    max_negative_ttl: seconds(10_800),
    max_stale: seconds(DAY),
};

const SOA: &str = "example. 900 SOA ns.example. host.example. 1 2 3 4 600";

pub(super) const fn seconds(seconds: u32) -> Ttl {
    match Ttl::new(seconds) {
        Some(ttl) => ttl,
        None => Ttl::MAX,
    }
}

/// So many seconds after everything here began.
pub(super) fn at(seconds: u64) -> Now {
    Now::from_micros((1_000 + seconds) * 1_000_000)
}

pub(super) fn cache() -> Cache {
    cache_with(LIMITS)
}

pub(super) fn cache_with(limits: Limits) -> Cache {
    Cache::new(Box::new(Table::new(1 << 30)), limits)
}

pub(super) fn name(text: &str) -> Name<'static> {
    Box::leak(Box::new(NameBuf::from_text(text.as_bytes(), None).unwrap())).as_name()
}

pub(super) fn folded(text: &str) -> FoldedName {
    FoldedName::new(name(text))
}

/// The set of some lines of a zone file; RRSIG records behind others are their signatures.
pub(super) fn set(text: &str) -> LearntSet<'static> {
    let mut texts = Texts::default();
    texts.insert("set", format!("{text}\n").into_bytes());
    let mut reader = Reader::new(&texts, "set", None);
    let (mut owner, mut rtype) = (None, None);
    let (mut records, mut signatures) = (Vec::new(), Vec::new());
    while let Some(record) = reader.next_record() {
        owner.get_or_insert_with(|| record.owner.to_buf());
        let first = *rtype.get_or_insert(record.rtype);
        let rdata: &'static [u8] = record.rdata.to_vec().leak();
        let learnt = LearntRecord { ttl: record.ttl, rdata };
        if first == record.rtype { records.push(learnt) } else { signatures.push(learnt) }
    }
    LearntSet {
        owner: Box::leak(Box::new(owner.unwrap())).as_name(),
        rtype: rtype.unwrap(),
        records: records.leak(),
        signatures: signatures.leak(),
    }
}

pub(super) fn records(text: &str) -> LearntRecords<'static> {
    ranked(text, Rank::Authoritative)
}

pub(super) fn ranked(text: &str, rank: Rank) -> LearntRecords<'static> {
    let security = Security::Unchecked;
    LearntRecords { set: set(text), redirect: None, proofs: &[], rank, security }
}

pub(super) fn denial(text: &str) -> LearntDenial<'static> {
    denial_with(text, SOA)
}

pub(super) fn denial_with(text: &str, soa: &str) -> LearntDenial<'static> {
    let (soa, rank, security) = (Some(set(soa)), Rank::Authoritative, Security::Unchecked);
    LearntDenial { name: name(text), soa, proofs: &[], rank, security }
}

pub(super) fn delegation(text: &str) -> LearntDelegation<'static> {
    let security = Security::Unchecked;
    LearntDelegation { servers: set(text), proofs: &[], until: None, security }
}

#[track_caller]
pub(super) fn stored(put: Result<Put, Unfit>) -> Arc<Entry> {
    let Ok(Put::Stored(entry)) = put else { panic!("not stored: {put:?}") };
    entry
}

/// What was found, as text: the case, what is left of its time, and the records of a reply that are
/// not signatures or proofs, with their times.
pub(super) fn show(found: &Found) -> String {
    let (case, hit) = match found {
        Found::Records(hit) => ("records", hit),
        Found::Alias(hit) => ("alias", hit),
        Found::NoData(hit) => ("no data", hit),
        Found::NameError(hit) => ("name error", hit),
        Found::Failure(hit) => ("failure", hit),
        Found::Missing => return "missing".to_owned(),
    };
    let ttl = match hit.freshness {
        Freshness::Fresh { ttl } => ttl.to_string(),
        Freshness::Stale => "stale".to_owned(),
    };
    format!("{case} {ttl}: {}", show_entry(&hit.entry))
}

/// The name of an entry and its records as text.
pub(super) fn show_entry(entry: &Entry) -> String {
    let mut text = entry.name().to_string();
    for part in entry.parts(Detail::Plain, Ttl::default()) {
        let rtype = match part.set.records {
            [_, _, high, low, ..] => Rtype(u16::from_be_bytes([*high, *low])),
            _ => Rtype(0),
        };
        for rdata in set::rdatas(part.set.records) {
            text += &format!(" {rtype} {}", print::rdata(rtype, rdata));
        }
    }
    text
}

#[track_caller]
pub(super) fn check_found(cache: &Cache, now: Now, question: &str, expected: &str) {
    let (qname, rtype) = question.split_once(' ').unwrap();
    let found = cache.find(now, &folded(qname), Rtype::from_text(rtype).unwrap(), || 0);
    assert_eq!(show(&found), expected, "{question}");
}

/// A cache with something of each kind at and below `example.`.
fn filled() -> Cache {
    let cache = cache();
    stored(cache.put_records(at(0), &records("www.example. 300 A 192.0.2.1")));
    stored(cache.put_records(at(0), &records("www.example. 300 TXT text")));
    stored(cache.put_records(at(0), &records("other.example. 300 CNAME www.example.")));
    stored(cache.put_no_data(at(0), Rtype::AAAA, &denial("www.example.")));
    stored(cache.put_name_error(at(0), &denial("none.example.")));
    stored(cache.put_delegation(at(0), &delegation("example. 300 NS ns.example.")));
    cache.put_failure(at(0), &folded("www.example."), Rtype::MX, FailureReason::Lame);
    cache
}

#[test]
fn flushed_name_is_forgotten_and_its_neighbors_are_not() {
    let cache = filled();
    assert_eq!(cache.flush(name("WWW.example.")), 4);
    for rtype in ["A", "TXT", "AAAA", "MX"] {
        check_found(&cache, at(1), &format!("www.example. {rtype}"), "missing");
    }
    check_found(&cache, at(1), "other.example. A", "alias 299: other.example. CNAME www.example.");
    assert_eq!(cache.flush(name("www.example.")), 0);
}

#[test]
fn flushed_tree_leaves_nothing_below() {
    let cache = filled();
    stored(cache.put_records(at(0), &records("an-example. 300 A 192.0.2.1")));
    assert_eq!(cache.flush_tree(name("example.")), 7);
    assert_eq!(cache.counts().entries, 1);
    check_found(&cache, at(1), "an-example. A", "records 299: an-example. A 192.0.2.1");
    assert_eq!(cache.flush_tree(name(".")), 1);
    assert_eq!(cache.counts().octets, 0);
}

#[test]
fn flushed_name_is_no_longer_denied_from_above() {
    for flush in [Cache::flush, Cache::flush_tree] {
        let cache = filled();
        assert_eq!(flush(&cache, name("a.none.example.")), 1);
        check_found(&cache, at(1), "a.none.example. A", "missing");
        assert_eq!(flush(&cache, name("a.www.example.")), 0);
    }
}

#[test]
fn views_know_nothing_of_each_other() {
    let (one, two) = (cache(), cache());
    let two = Cache { store: Arc::clone(&one.store), ..two }.for_partition(Partition(2));
    stored(one.put_records(at(0), &records("www.example. 300 A 192.0.2.1")));
    stored(two.put_records(at(0), &records("www.example. 300 A 192.0.2.2")));
    check_found(&one, at(0), "www.example. A", "records 300: www.example. A 192.0.2.1");
    check_found(&two, at(0), "www.example. A", "records 300: www.example. A 192.0.2.2");
    assert_eq!(one.flush_tree(name(".")), 1);
    check_found(&one, at(0), "www.example. A", "missing");
    check_found(&two, at(0), "www.example. A", "records 300: www.example. A 192.0.2.2");
}

#[test]
fn names_with_the_same_key_do_not_answer_for_each_other() {
    let cache = cache();
    let entry = stored(cache.put_records(at(0), &records("www.example. 300 A 192.0.2.1")));
    for (other, what) in [("other.example.", entry.what()), ("www.example.", super::What::Name)] {
        let key = super::Key::new(folded(other).hash(0), what, Partition(0));
        cache.store.insert(key, Arc::clone(&entry));
    }
    check_found(&cache, at(0), "other.example. A", "missing");
    check_found(&cache, at(0), "www.example. TXT", "missing");
    check_found(&cache, at(0), "www.example. A", "records 300: www.example. A 192.0.2.1");
}

#[test]
fn cache_with_other_limits_holds_the_same() {
    let cache = filled();
    let counts = cache.counts();
    assert_eq!((counts.entries, counts.evictions), (7, 0));
    let limits = Limits { max_ttl: seconds(5), ..LIMITS };
    assert_eq!(cache.with_limits(limits).counts(), counts);
}
