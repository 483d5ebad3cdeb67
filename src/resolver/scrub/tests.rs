use super::{ReceivedSet, sets_within};
use crate::base::limits::{RESPONSE_SET_MAX, RESPONSE_SETS_MAX};
use crate::wire::name::NameBuf;
use crate::wire::numbers::{Class, Rtype};
use crate::wire::typed::Record;

fn name(text: &str) -> NameBuf {
    NameBuf::from_text(text.as_bytes(), None).unwrap()
}

fn record(owner: &str, rtype: Rtype, ttl_secs: u32, rdata: &[u8]) -> Record {
    Record { owner: name(owner), rtype, class: Class::IN, ttl_secs, rdata: rdata.into() }
}

fn within(zone: &str, records: Vec<Record>) -> Vec<ReceivedSet> {
    sets_within(records, name(zone).as_name())
}

#[test]
fn records_outside_the_zone_are_dropped() {
    let records = vec![
        record("example.", Rtype::A, 1, &[1; 4]),
        record("www.example.", Rtype::A, 1, &[2; 4]),
        record("example.org.", Rtype::A, 1, &[3; 4]),
        record("notexample.", Rtype::A, 1, &[4; 4]),
        record(".", Rtype::NS, 1, &[0]),
    ];
    let owners = |zone| {
        let sets = within(zone, records.clone());
        sets.iter().map(|set| set.owner.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(owners("example."), ["example.", "www.example."]);
    assert_eq!(owners("www.example."), ["www.example."]);
    assert_eq!(owners(".").len(), 5);
}

#[test]
fn records_of_one_owner_and_type_are_one_set_with_the_lowest_ttl() {
    let sets = within(
        "example.",
        vec![
            record("a.example.", Rtype::A, 300, &[1; 4]),
            record("b.example.", Rtype::A, 5, &[9; 4]),
            record("A.EXAMPLE.", Rtype::A, 60, &[2; 4]),
            record("a.example.", Rtype::AAAA, 7, &[3; 16]),
        ],
    );
    assert_eq!(sets.len(), 3);
    assert_eq!((sets[0].ttl_secs, sets[0].rdatas.len()), (60, 2));
    assert!(sets[0].owner.as_name().is_identical(name("a.example.").as_name()));
    assert_eq!((sets[2].rtype, sets[2].ttl_secs), (Rtype::AAAA, 7));
}

#[test]
fn signatures_stand_with_what_they_cover_wherever_they_come() {
    let signature = |covered: u8| [&[0, covered][..], &[0; 30]].concat();
    let sets = within(
        "example.",
        vec![
            record("a.example.", Rtype::RRSIG, 30, &signature(1)),
            record("a.example.", Rtype::A, 300, &[1; 4]),
            record("a.example.", Rtype::RRSIG, 300, &signature(28)),
            record("a.example.", Rtype::RRSIG, 300, &signature(46)),
            record("a.example.", Rtype::RRSIG, 300, b"\x01"),
        ],
    );
    let seen: Vec<_> =
        sets.iter().map(|set| (set.rtype, set.rdatas.len(), set.signatures.len())).collect();
    assert_eq!(seen, [(Rtype::A, 1, 1), (Rtype::AAAA, 0, 1)]);
    assert_eq!(sets[0].ttl_secs, 30);
}

#[test]
fn other_classes_and_types_that_are_no_data_are_dropped() {
    let mut chaos = record("example.", Rtype::TXT, 1, b"\x01a");
    chaos.class = Class::CH;
    let any = record("example.", Rtype::ANY, 1, b"");
    assert_eq!(within("example.", vec![chaos, any]), []);
}

#[test]
fn set_that_is_too_large_is_dropped_as_a_whole() {
    let flood = |count: usize| {
        (0..count).map(|number| {
            record("a.example.", Rtype::A, 1, &u32::try_from(number).unwrap().to_be_bytes())
        })
    };
    let whole = within("example.", flood(RESPONSE_SET_MAX).collect());
    assert_eq!(whole[0].rdatas.len(), RESPONSE_SET_MAX);
    let other = record("b.example.", Rtype::A, 1, &[1; 4]);
    let left = within("example.", flood(RESPONSE_SET_MAX + 1).chain([other]).collect());
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].owner, name("b.example."));
}

#[test]
fn no_more_sets_are_kept_than_an_answer_needs() {
    let records = (0..RESPONSE_SETS_MAX + 9)
        .map(|number| record(&format!("n{number}.example."), Rtype::A, 1, &[1; 4]));
    assert_eq!(within("example.", records.collect()).len(), RESPONSE_SETS_MAX);
}
