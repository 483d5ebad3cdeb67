use super::expand;
use crate::wire::error::WireError;
use crate::wire::numbers::Rtype;

/// A message that holds the name example.org at 12, and `rdata` behind it.
fn message(rdata: &[u8]) -> (Vec<u8>, usize) {
    let mut message = vec![0; 12];
    message.extend_from_slice(b"\x07example\x03org\0");
    let start = message.len();
    message.extend_from_slice(rdata);
    (message, start)
}

#[track_caller]
fn check(rtype: Rtype, rdata: &[u8], expected: &[u8]) {
    let (message, start) = message(rdata);
    assert_eq!(expand(rtype, &message, start, message.len()).as_deref(), Ok(expected));
}

#[track_caller]
fn check_refused(rtype: Rtype, rdata: &[u8]) -> WireError {
    let (message, start) = message(rdata);
    expand(rtype, &message, start, message.len()).unwrap_err()
}

#[test]
fn names_are_written_in_full_whether_or_not_the_type_may_compress_them() {
    check(Rtype::NS, b"\x02ns\xC0\x0C", b"\x02ns\x07example\x03org\0");
    check(Rtype::MX, b"\0\x0A\xC0\x0C", b"\0\x0A\x07example\x03org\0");
    check(Rtype::SRV, b"\0\x01\0\x02\0\x35\x01s\xC0\x14", b"\0\x01\0\x02\0\x35\x01s\x03org\0");
    check(Rtype::DNAME, b"\xC0\x14", b"\x03org\0");
    check(Rtype::RP, b"\xC0\x0C\xC0\x14", b"\x07example\x03org\0\x03org\0");
    let soa = [&b"\xC0\x0C\x01h\xC0\x0C"[..], &[0; 20]].concat();
    let whole = [&b"\x07example\x03org\0\x01h\x07example\x03org\0"[..], &[0; 20]].concat();
    check(Rtype::SOA, &soa, &whole);
    let naptr = b"\0\x01\0\x02\x01u\x00\x02re\xC0\x0C";
    check(Rtype::NAPTR, naptr, b"\0\x01\0\x02\x01u\x00\x02re\x07example\x03org\0");
}

#[test]
fn data_without_names_stays_as_it_is() {
    check(Rtype::A, &[192, 0, 2, 1], &[192, 0, 2, 1]);
    check(Rtype::TXT, b"\x03abc\x01d", b"\x03abc\x01d");
    check(Rtype(65_280), b"\xC0\x0C", b"\xC0\x0C");
    check(Rtype(65_280), b"", b"");
    check(Rtype::APL, b"", b"");
}

#[test]
fn data_that_is_not_of_its_type_is_refused() {
    assert_eq!(
        check_refused(Rtype::A, &[1, 2, 3]),
        WireError::Short { field: crate::wire::error::Field::Rdata, at: 25 }
    );
    assert_eq!(check_refused(Rtype::A, &[1, 2, 3, 4, 5]), WireError::Rdata { at: 25 });
    assert_eq!(check_refused(Rtype::NS, b"\x02ns\xC0\x0C!"), WireError::Rdata { at: 25 });
    assert_eq!(check_refused(Rtype::TXT, b"\x04abc"), WireError::Rdata { at: 25 });
    assert_eq!(
        check_refused(Rtype::AAAA, b""),
        WireError::Short { field: crate::wire::error::Field::Rdata, at: 25 }
    );
}

#[test]
fn what_a_field_holds_is_left_to_whom_it_is_for() {
    // Parameters that descend, one that is cut short, and a digest of another length.
    let svcb = b"\0\x01\0\0\x03\0\x02\x01\xBB\0\x01\0\x03\x02h2";
    check(Rtype::SVCB, svcb, svcb);
    let pointing = b"\0\x01\xC0\x14\0\x03\0\x09\x01";
    check(Rtype::HTTPS, pointing, b"\0\x01\x03org\0\0\x03\0\x09\x01");
    check(Rtype::DS, b"\0\x01\x08\x02\xAB", b"\0\x01\x08\x02\xAB");
    check_refused(Rtype::HTTPS, b"\0");
}

#[test]
fn name_must_end_with_the_data_and_point_backwards() {
    let (mut whole, start) = message(b"\x02ns");
    let end = whole.len();
    whole.extend_from_slice(b"\x03far\0");
    assert!(matches!(expand(Rtype::NS, &whole, start, end), Err(WireError::Short { .. })));
    assert!(matches!(check_refused(Rtype::NS, b"\xC0\x19"), WireError::Pointer { at: 25 }));
    assert!(matches!(check_refused(Rtype::NS, b"\xC0\xFF"), WireError::Pointer { at: 25 }));
}
