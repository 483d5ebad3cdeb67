use super::{Edns, Message, Section};
use crate::wire::header::Flags;
use crate::wire::numbers::{Opcode, Rcode, Rtype};

/// A reply with an MX record whose exchange and owner are pointers, and an OPT record with an
/// extended error.
const COMPRESSED: &[u8] = b"\x12\x34\x84\x00\0\x01\0\x01\0\0\0\x01\
    \x07example\x03com\0\0\x0F\0\x01\
    \xC0\x0C\0\x0F\0\x01\0\0\x0E\x10\0\x09\0\x0A\x04mail\xC0\x0C\
    \0\0\x29\x04\xD0\0\0\x80\0\0\x06\0\x0F\0\x02\0\x14";

#[test]
fn names_behind_pointers_are_read_in_full() {
    let message = Message::read(COMPRESSED).unwrap();
    let [record] = message.section(Section::Answer) else { panic!("{message}") };
    assert_eq!(record.rdata, b"\0\x0A\x04mail\x07example\x03com\0");
    assert_eq!(record.rtype, Rtype::MX);
}

#[test]
fn message_is_shown_much_as_dig_shows_it() {
    let expected = "\
;; opcode QUERY, status NOERROR, flags qr aa
;; EDNS version 0, flags do, option 15 0014
;; QUESTION
example.com. IN MX
;; ANSWER
example.com. 3600 IN MX 10 mail.example.com.";
    assert_eq!(Message::read(COMPRESSED).unwrap().to_string(), expected);
}

#[test]
fn written_message_reads_back_the_same() {
    let message = Message::read(COMPRESSED).unwrap();
    let again = Message::read(&message.write()).unwrap();
    assert_eq!(again.to_string(), message.to_string());
    assert_eq!((again.id, again.trailing), (0x1234, 0));
    assert_eq!(again.write(), message.write());
}

#[test]
fn octets_behind_the_message_are_counted() {
    let octets = [COMPRESSED, b"abc"].concat();
    assert_eq!(Message::read(&octets).unwrap().trailing, 3);
}

#[test]
fn every_message_that_is_cut_short_is_refused() {
    for length in 0..COMPRESSED.len() {
        assert!(Message::read(&COMPRESSED[..length]).is_err(), "{length} octets");
    }
}

#[test]
fn name_in_data_must_not_reach_beyond_it() {
    let mut octets = COMPRESSED.to_vec();
    // The data of the MX record, which has nine octets, claims to have four.
    let length_at = 12 + 17 + 11;
    assert_eq!(octets[length_at], 9);
    octets[length_at] = 4;
    assert!(Message::read(&octets).is_err());
}

#[test]
fn response_code_above_15_goes_into_the_opt_record() {
    let mut message = Message::new();
    message.set_rcode(Rcode::BADVERS);
    assert_eq!((message.flags.0 & 0xF, message.rcode()), (0, Rcode::BADVERS));
    assert_eq!(message.edns.as_ref().map(|edns| edns.rcode_high), Some(1));
    message.set_rcode(Rcode::REFUSED);
    assert_eq!(message.rcode(), Rcode::REFUSED);
}

#[test]
fn opcode_leaves_the_other_flags() {
    let mut message = Message { flags: Flags(0xFFFF), ..Message::new() };
    message.set_opcode(Opcode::NOTIFY);
    assert_eq!(message.flags, Flags(0xA7FF));
}

#[test]
fn option_is_taken_once_and_leaves_the_others() {
    let mut edns = Edns::plain();
    for (code, value) in [(3, &b"a"[..]), (10, b"b"), (3, b"c")] {
        edns.push_option(code, value);
    }
    assert_eq!(edns.take_option(3), Some(b"a".to_vec()));
    assert_eq!(edns.options().collect::<Vec<_>>(), [(10, &b"b"[..]), (3, b"c")]);
    assert_eq!(edns.take_option(4), None);
}

#[test]
fn malformed_options_are_shown() {
    let edns = Edns { options: b"\0\x03\0\x01a\0\x03\0\x09b".to_vec(), ..Edns::plain() };
    assert_eq!(edns.to_string(), "version 0, flags, option 3 61, malformed options 0003000962");
}
