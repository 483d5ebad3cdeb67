use super::Query;
use crate::wire::edns::Edns;
use crate::wire::error::{Field, WireError};
use crate::wire::folded::FoldedName;
use crate::wire::header::{HEADER_LEN, Header};
use crate::wire::numbers::{Class, Rtype};
use proptest::prelude::*;

/// A message with these counts of questions, answers, authorities and additionals.
fn message(counts: [u8; 4], body: &[u8]) -> Vec<u8> {
    let [questions, answers, authorities, additionals] = counts;
    let mut message =
        vec![0xAB, 0xCD, 1, 0, 0, questions, 0, answers, 0, authorities, 0, additionals];
    message.extend_from_slice(body);
    message
}

fn read(message: &[u8]) -> Result<(Query, String), WireError> {
    let mut name = FoldedName::root();
    let header = Header::read(message).unwrap();
    let query = Query::read(message, header, &mut name)?;
    Ok((query, name.as_name().to_string()))
}

const QUESTION: &[u8] = b"\x03WwW\x02nz\0\0\x01\0\x01";
const OPT: &[u8] = b"\0\0\x29\x04\xD0\0\0\x80\0\0\0";

#[track_caller]
fn check_refused(counts: [u8; 4], parts: &[&[u8]], expected: WireError) {
    assert_eq!(read(&message(counts, &parts.concat())).map(|_| ()), Err(expected));
}

#[test]
fn plain_question_is_read_where_it_lies() {
    let message = message([1, 0, 0, 0], QUESTION);
    let (query, name) = read(&message).unwrap();
    assert_eq!(name, "www.nz.");
    assert_eq!((query.question.rtype, query.question.class), (Rtype::A, Class::IN));
    assert_eq!((query.question.end, query.edns), (message.len(), None));
}

#[test]
fn opt_tells_size_version_and_do() {
    let (query, _) = read(&message([1, 0, 0, 1], &[QUESTION, OPT].concat())).unwrap();
    let expected = Edns { udp_size: 1232, version: 0, dnssec_ok: true };
    assert_eq!(query.edns, Some(expected));
    let small: &[u8] = b"\0\0\x29\0\0\0\x64\0\0\0\x05\0\x64\0\x01x";
    let (query, _) = read(&message([1, 0, 0, 1], &[QUESTION, small].concat())).unwrap();
    let expected = Edns { udp_size: 512, version: 100, dnssec_ok: false };
    assert_eq!(query.edns, Some(expected));
}

#[test]
fn other_records_and_trailing_octets_are_passed_over() {
    let record: &[u8] = b"\xC0\x0C\0\x01\0\x01\0\0\0\0\0\x04\x7F\0\0\x01";
    let body = [QUESTION, record, record, OPT, record, b"junk"].concat();
    let (query, _) = read(&message([1, 1, 1, 2], &body)).unwrap();
    assert!(query.edns.is_some());
}

#[test]
fn anything_but_one_question_is_refused() {
    check_refused([0, 0, 0, 0], &[], WireError::QuestionCount(0));
    check_refused([2, 0, 0, 0], &[QUESTION, QUESTION], WireError::QuestionCount(2));
}

#[test]
fn question_that_is_no_plain_name_is_refused() {
    check_refused([1, 0, 0, 0], &[b"\xC0\x0C\0\x01\0\x01"], WireError::Pointer { at: 12 });
    check_refused([1, 0, 0, 0], &[b"\x01a\xC0\x0C\0\x01\0\x01"], WireError::Pointer { at: 14 });
    check_refused([1, 0, 0, 0], &[b"\x40"], WireError::Label { at: 12 });
    check_refused(
        [1, 0, 0, 0],
        &[&b"\x01a".repeat(128), b"\0\0\x01\0\x01"],
        WireError::NameLength { at: 12 },
    );
    check_refused([1, 0, 0, 0], &[b"\x03ww"], WireError::Short { field: Field::Name, at: 12 });
    check_refused([1, 0, 0, 0], &[b"\0\0"], WireError::Short { field: Field::Qtype, at: 13 });
    check_refused(
        [1, 0, 0, 0],
        &[b"\0\0\x01\0"],
        WireError::Short { field: Field::Qclass, at: 15 },
    );
}

#[test]
fn opt_twice_or_misplaced_or_named_is_refused() {
    let at = HEADER_LEN + QUESTION.len();
    check_refused([1, 1, 0, 0], &[QUESTION, OPT], WireError::Opt { at });
    check_refused([1, 0, 1, 0], &[QUESTION, OPT], WireError::Opt { at });
    check_refused([1, 0, 0, 2], &[QUESTION, OPT, OPT], WireError::Opt { at: at + OPT.len() });
    check_refused([1, 0, 0, 1], &[QUESTION, b"\x01a", OPT], WireError::Opt { at });
}

#[test]
fn records_cut_short_are_refused() {
    let option_cut: &[u8] = b"\0\0\x29\x04\xD0\0\0\0\0\0\x05\0\x0A\0\x08a";
    check_refused(
        [1, 0, 0, 1],
        &[QUESTION, option_cut],
        WireError::Short { field: Field::EdnsOption, at: HEADER_LEN + QUESTION.len() + 15 },
    );
    assert!(read(&message([1, 0, 0, 1], &[QUESTION, &OPT[..10]].concat())).is_err());
    assert!(read(&message([1, 9, 0, 0], QUESTION)).is_err());
}

proptest! {
    #[test]
    fn any_octets_are_read_or_refused(octets in prop::collection::vec(any::<u8>(), 12..200)) {
        let _ = read(&octets);
    }
}
