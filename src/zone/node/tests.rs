use super::{Node, SetKey, compare_rdata};
use crate::base::limits::{NAME_DATA_MAX, SETS_MAX};
use crate::base::time::Ttl;
use crate::wire::folded::FoldedName;
use crate::wire::name::NameBuf;
use crate::wire::numbers::Rtype;
use crate::zone::parts::{NodeParts, TooMuchData};
use std::cmp::Ordering;

fn name(text: &str) -> NameBuf {
    NameBuf::from_text(text.as_bytes(), None).unwrap()
}

fn ttl(seconds: u32) -> Ttl {
    Ttl::new(seconds).unwrap()
}

fn packed(parts: &mut NodeParts) -> Node {
    parts.settle();
    Node::pack(parts, FoldedName::new(parts.owner()).hash(0), false)
}

#[test]
fn packed_name_gives_back_what_went_in() {
    let mut parts = NodeParts::empty(name("WWW.example.").as_name());
    assert_eq!(parts.add(Rtype::A, ttl(60), &[192, 0, 2, 2]), Ok(ttl(60)));
    assert_eq!(parts.add(Rtype::TXT, ttl(30), b"\x02hi"), Ok(ttl(30)));
    assert_eq!(parts.add(Rtype::A, ttl(90), &[192, 0, 2, 1]), Ok(ttl(60)));
    let node = packed(&mut parts);
    assert!(node.owner().is_identical(name("WWW.example.").as_name()));
    assert!(node.is_named(name("www.EXAMPLE.").as_name()));
    assert!(!node.is_named(name("www.example2.").as_name()));
    let addresses = node.find(Rtype::A).unwrap();
    assert_eq!((addresses.len(), addresses.ttl()), (2, ttl(60)));
    let records: Vec<&[u8]> = addresses.records().collect();
    assert_eq!(records, [[192, 0, 2, 1], [192, 0, 2, 2]]);
    assert!(node.find(Rtype::AAAA).is_none());
    let again = packed(&mut node.unpack());
    assert_eq!(again.0, node.0);
}

#[test]
fn signatures_of_different_types_are_different_sets() {
    let mut parts = NodeParts::empty(name("a.").as_name());
    for covered in [1, 15, 1] {
        let mut signature = vec![0; 40];
        signature[1] = covered;
        signature[30] = covered;
        parts.add(Rtype::RRSIG, ttl(u32::from(covered)), &signature).unwrap();
    }
    let node = packed(&mut parts);
    let keys: Vec<(SetKey, u32)> = node.sets().map(|set| (set.key, set.ttl().as_secs())).collect();
    let key = |covered| SetKey { rtype: Rtype::RRSIG, covered: Rtype(covered) };
    assert_eq!(keys, [(key(1), 1), (key(15), 15)]);
}

#[test]
fn equal_records_become_one_whatever_their_case() {
    let mut parts = NodeParts::empty(name("a.").as_name());
    parts.add(Rtype::NS, ttl(1), name("NS.example.").as_name().as_wire()).unwrap();
    parts.add(Rtype::NS, ttl(1), name("ns.example.").as_name().as_wire()).unwrap();
    assert_eq!(parts.settle().len(), 1);
    assert_eq!(packed(&mut parts).find(Rtype::NS).unwrap().len(), 1);
}

#[test]
fn text_that_differs_in_case_is_different() {
    assert_eq!(compare_rdata(Rtype::TXT, b"\x01A", b"\x01a"), Ordering::Less);
    // The next name of NSEC keeps its case (RFC 6840 §5.1), that of NS does not.
    assert_eq!(compare_rdata(Rtype::NSEC, b"\x01A\0", b"\x01a\0"), Ordering::Less);
    assert_eq!(compare_rdata(Rtype::NS, b"\x01A\0", b"\x01a\0"), Ordering::Equal);
    assert_eq!(compare_rdata(Rtype::MX, b"\0\x01\x01A\0", b"\0\x01\x01a\0"), Ordering::Equal);
    assert_eq!(compare_rdata(Rtype::MX, b"\0\x01\x01A\0", b"\0\x02\x01a\0"), Ordering::Less);
}

#[test]
fn cut_and_dname_are_seen_and_the_apex_is_no_cut() {
    let mut parts = NodeParts::empty(name("a.").as_name());
    assert!(packed(&mut parts).is_empty());
    parts.add(Rtype::NS, ttl(1), b"\0").unwrap();
    assert!(packed(&mut parts).is_cut());
    assert!(!Node::pack(&parts, 0, true).is_cut());
    assert!(!packed(&mut parts).has_dname());
    parts.add(Rtype::DNAME, ttl(1), b"\0").unwrap();
    assert!(packed(&mut parts).has_dname());
}

#[test]
fn removing_tells_whether_the_record_was_there() {
    let mut parts = NodeParts::empty(name("a.").as_name());
    parts.add(Rtype::NS, ttl(1), b"\x01B\0").unwrap();
    assert!(!parts.remove(Rtype::A, &[1, 2, 3, 4]));
    assert!(!parts.remove(Rtype::NS, b"\x01c\0"));
    assert!(parts.remove(Rtype::NS, b"\x01b\0"));
    assert!(packed(&mut parts).is_empty());
}

#[test]
fn name_with_too_many_sets_is_refused() {
    let mut parts = NodeParts::empty(name("a.").as_name());
    for number in 1..=SETS_MAX {
        let rtype = Rtype(u16::try_from(number + 1000).unwrap());
        assert_eq!(parts.add(rtype, ttl(1), b"x"), Ok(ttl(1)));
    }
    assert_eq!(parts.add(Rtype(60_000), ttl(1), b"x"), Err(TooMuchData));
    assert_eq!(parts.add(Rtype(1001), ttl(1), b"y"), Ok(ttl(1)));
    assert_eq!(packed(&mut parts).sets().count(), SETS_MAX);
}

#[test]
fn room_of_removed_records_can_be_used_again() {
    let mut parts = NodeParts::empty(name("a.").as_name());
    let rdata = |number: u8| [&[number][..], &vec![0; 60_000]].concat();
    while parts.add(Rtype::NULL, ttl(1), &rdata(0)).is_ok() {}
    let mut parts = packed(&mut parts).unpack();
    for number in 1..=3 {
        assert_eq!(parts.add(Rtype::NULL, ttl(1), &rdata(number)), Ok(ttl(1)));
    }
}

#[test]
fn name_with_too_much_data_is_refused() {
    let mut parts = NodeParts::empty(name("a.").as_name());
    let rdata = vec![0; 65_535];
    let fitting = NAME_DATA_MAX / (rdata.len() + 12);
    for _ in 0..fitting {
        assert_eq!(parts.add(Rtype::NULL, ttl(1), &rdata), Ok(ttl(1)));
    }
    assert_eq!(parts.add(Rtype::NULL, ttl(1), &rdata), Err(TooMuchData));
}
