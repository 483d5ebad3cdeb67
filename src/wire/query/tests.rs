use super::{Query, Question};
use crate::wire::edns::{Cookie, Edns};
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
    let mut query = Query::new(header);
    query.read(message, &mut name)?;
    Ok((query, name.as_name().to_string()))
}

const QUESTION: &[u8] = b"\x03WwW\x02nz\0\0\x01\0\x01";
const OPT: &[u8] = b"\0\0\x29\x04\xD0\0\0\x80\0\0\0";
const PLAIN: Edns = Edns {
    udp_size: 1232,
    version: 0,
    dnssec_ok: false,
    wants_nsid: false,
    wants_expire: false,
    keepalive_len: None,
    cookie: None,
};

/// An OPT record with these options.
fn opt(options: &[u8]) -> Vec<u8> {
    let length = u16::try_from(options.len()).unwrap().to_be_bytes();
    [b"\0\0\x29\x04\xD0\0\0\0\0", &length[..], options].concat()
}

#[track_caller]
fn check_options(options: &[u8], expected: Edns) {
    let (query, _) = read(&message([1, 0, 0, 1], &[QUESTION, &opt(options)].concat())).unwrap();
    assert_eq!(query.edns, Some(expected));
}

#[track_caller]
fn check_refused(counts: [u8; 4], parts: &[&[u8]], expected: WireError) {
    assert_eq!(read(&message(counts, &parts.concat())).map(|_| ()), Err(expected));
}

#[test]
fn plain_question_is_read_where_it_lies() {
    let message = message([1, 0, 0, 0], QUESTION);
    let (query, name) = read(&message).unwrap();
    assert_eq!(name, "www.nz.");
    assert_eq!(query.question, Some(Question { rtype: Rtype::A, class: Class::IN }));
    assert_eq!((query.question_end, query.edns), (message.len(), None));
}

#[test]
fn opt_tells_size_version_and_do() {
    let (query, _) = read(&message([1, 0, 0, 1], &[QUESTION, OPT].concat())).unwrap();
    let expected = Edns { dnssec_ok: true, ..PLAIN };
    assert_eq!(query.edns, Some(expected));
    let small: &[u8] = b"\0\0\x29\0\0\0\x64\0\0\0\x05\0\x64\0\x01x";
    let (query, _) = read(&message([1, 0, 0, 1], &[QUESTION, small].concat())).unwrap();
    let expected = Edns { udp_size: 512, version: 100, ..PLAIN };
    assert_eq!(query.edns, Some(expected));
}

#[test]
fn options_are_read_in_any_order_and_unknown_ones_passed_over() {
    check_options(b"\0\x64\0\x01x\0\x03\0\0\0\x08\0\0", Edns { wants_nsid: true, ..PLAIN });
    check_options(b"\0\x09\0\0\0\x0C\0\x02\0\0", Edns { wants_expire: true, ..PLAIN });
    check_options(b"\0\x0B\0\0", Edns { keepalive_len: Some(0), ..PLAIN });
    check_options(b"\0\x0B\0\x02\0\x64", Edns { keepalive_len: Some(2), ..PLAIN });
}

#[test]
fn cookie_has_a_part_of_the_client_and_perhaps_one_of_ours() {
    let with = |server| {
        let cookie = Cookie { client: *b"clientrn", server };
        Edns { cookie: Some(cookie), ..PLAIN }
    };
    check_options(b"\0\x0A\0\x08clientrn", with(None));
    check_options(b"\0\x0A\0\x18clientrnserversixteenoct", with(Some(*b"serversixteenoct")));
    // Others have other lengths; those cookies are not ours.
    check_options(b"\0\x0A\0\x10clientrnserver08", with(None));
    check_options(b"\0\x0A\0\x28clientrnserver-of-thirty-two-octets-----", with(None));
    // Only the first counts.
    check_options(b"\0\x0A\0\x08clientrn\0\x0A\0\x08neitherr", with(None));
}

#[test]
fn cookie_of_an_impossible_length_is_refused() {
    let at = HEADER_LEN + QUESTION.len() + OPT.len();
    for length in (0..8).chain(9..16).chain(41..60) {
        let option = [&[0, 10, 0, length], &[7_u8; 60][..usize::from(length)]].concat();
        let body = [QUESTION, &opt(&option)].concat();
        check_refused([1, 0, 0, 1], &[&body], WireError::Option { at });
    }
}

#[test]
fn options_of_a_version_above_ours_are_not_read() {
    let later: &[u8] = b"\0\0\x29\x04\xD0\0\x01\0\0\0\x05\0\x0A\0\x01x";
    let (query, _) = read(&message([1, 0, 0, 1], &[QUESTION, later].concat())).unwrap();
    assert_eq!(query.edns, Some(Edns { version: 1, ..PLAIN }));
}

#[test]
fn no_question_is_fine_with_a_cookie_only() {
    let cookie = opt(b"\0\x0A\0\x08clientrn");
    let (query, name) = read(&message([0, 0, 0, 1], &cookie)).unwrap();
    assert_eq!((query.question, query.question_end, name.as_str()), (None, HEADER_LEN, "."));
    check_refused([0, 0, 0, 1], &[OPT], WireError::QuestionCount(0));
}

#[test]
fn tsig_is_the_last_record_of_the_additional_section() {
    let tsig: &[u8] = b"\x03key\0\0\xFA\0\xFF\0\0\0\0\0\0";
    let at = HEADER_LEN + QUESTION.len();
    let (query, _) = read(&message([1, 0, 0, 2], &[QUESTION, OPT, tsig].concat())).unwrap();
    assert_eq!(query.tsig_at, Some(at + OPT.len()));
    check_refused([1, 0, 0, 2], &[QUESTION, tsig, OPT], WireError::Tsig { at });
    check_refused([1, 0, 0, 2], &[QUESTION, tsig, tsig], WireError::Tsig { at });
    check_refused([1, 1, 0, 0], &[QUESTION, tsig], WireError::Tsig { at });
    check_refused([1, 0, 1, 0], &[QUESTION, tsig], WireError::Tsig { at });
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
