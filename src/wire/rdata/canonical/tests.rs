use super::{compare_rdata, settle};
use crate::wire::numbers::Rtype;
use std::cmp::Ordering;

#[test]
fn text_that_differs_in_case_is_different() {
    assert_eq!(compare_rdata(Rtype::TXT, b"\x01A", b"\x01a"), Ordering::Less);
    // The next name of NSEC keeps its case (RFC 6840 §5.1), that of NS does not.
    assert_eq!(compare_rdata(Rtype::NSEC, b"\x01A\0", b"\x01a\0"), Ordering::Less);
    assert_eq!(compare_rdata(Rtype::NS, b"\x01A\0", b"\x01a\0"), Ordering::Equal);
    assert_eq!(compare_rdata(Rtype::MX, b"\0\x01\x01A\0", b"\0\x01\x01a\0"), Ordering::Equal);
    assert_eq!(compare_rdata(Rtype::MX, b"\0\x01\x01A\0", b"\0\x02\x01a\0"), Ordering::Less);
}

#[track_caller]
fn check_settled(rtype: Rtype, rdatas: &[&[u8]], expected: &[&[u8]]) {
    let mut settled = rdatas.to_vec();
    settle(rtype, &mut settled);
    assert_eq!(settled, expected);
}

#[test]
fn settled_data_stand_in_canonical_order_once() {
    check_settled(Rtype::A, &[], &[]);
    check_settled(Rtype::A, &[b"2", b"1", b"2", b"10"], &[b"1", b"10", b"2"]);
    check_settled(Rtype::TXT, &[b"\x01a", b"\x01A"], &[b"\x01A", b"\x01a"]);
}

#[test]
fn of_data_that_differ_in_the_case_of_names_the_first_stays() {
    check_settled(Rtype::NS, &[b"\x01b\0", b"\x01B\0", b"\x01A\0"], &[b"\x01A\0", b"\x01b\0"]);
    // The next name of NSEC keeps its case (RFC 6840 §5.1).
    check_settled(Rtype::NSEC, &[b"\x01b\0", b"\x01B\0"], &[b"\x01B\0", b"\x01b\0"]);
}
