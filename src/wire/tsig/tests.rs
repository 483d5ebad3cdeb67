use super::Tsig;
use crate::wire::error::{Field, WireError};
use crate::wire::folded::FoldedName;
use crate::wire::numbers::Rcode;
use crate::wire::writer::{Compressor, Writer};

/// Algorithm `alg.`, time, fudge, a MAC of three octets, original ID, error, other length.
const RDATA: &[u8] = b"\x03alg\0\0\0\x5C\xF7\x9F\x11\x01\x2C\0\x03mac\x12\x34\0\0\0\0";

/// A record behind twelve octets of header; its owner is `owner`.
fn message(owner: &[u8], class: u8, rdata: &[u8]) -> Vec<u8> {
    let header = [0; 12];
    let length = u16::try_from(rdata.len()).unwrap().to_be_bytes();
    [&header[..], b"\x03key\0", owner, &[0, 250, 0, class, 0, 0, 0, 0], &length, rdata].concat()
}

#[track_caller]
fn check(owner: &[u8], written: &[u8]) {
    let tsig = Tsig::read(&message(owner, 255, RDATA), 17).unwrap();
    let mut reply = vec![0; 512];
    let mut compressor = Compressor::default();
    let root = FoldedName::root();
    let mut writer = Writer::new(&mut reply, &root, 12, 512, &mut compressor);
    tsig.write_unsigned(Rcode::BADKEY, &mut writer).unwrap();
    let expected: &[u8] = b"\0\xFA\0\xFF\0\0\0\0\0\x15\
        \x03alg\0\0\0\x5C\xF7\x9F\x11\x01\x2C\0\0\x12\x34\0\x11\0\0";
    assert_eq!(writer.message_mut()[12..], [written, expected].concat());
}

#[track_caller]
fn check_refused(message: &[u8], expected: WireError) {
    assert_eq!(Tsig::read(message, 17).map(|_| ()), Err(expected));
}

#[test]
fn refusal_repeats_key_algorithm_times_and_id_without_a_mac() {
    check(b"\x01K\x04Name\0", b"\x01K\x04Name\0");
}

#[test]
fn compressed_key_name_is_written_in_full() {
    check(b"\x02my\xC0\x0C", b"\x02my\x03key\0");
}

#[test]
fn record_of_another_form_is_refused() {
    let malformed = WireError::Tsig { at: 17 };
    check_refused(&message(b"\0", 1, RDATA), malformed);
    check_refused(&message(b"\0", 255, &[RDATA, b"x"].concat()), malformed);
    check_refused(&message(b"\xC0\x11", 255, RDATA), WireError::Pointer { at: 17 });
    check_refused(&message(b"\xC0\xFF", 255, RDATA), WireError::Pointer { at: 17 });
    let short = WireError::Short { field: Field::Rdata, at: 17 + 11 + RDATA.len() - 2 };
    check_refused(&message(b"\0", 255, &RDATA[..RDATA.len() - 1]), short);
}
