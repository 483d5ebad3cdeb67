use super::{Record, Response};
use crate::wire::edns::ServerCookie;
use crate::wire::error::{Field, WireError};
use crate::wire::name::NameBuf;
use crate::wire::numbers::{Class, Rcode, Rtype};
use hickory_proto::rr::RData;

fn name(text: &str) -> NameBuf {
    NameBuf::from_text(text.as_bytes(), None).unwrap()
}

/// A response to example. NS with these counts and sections.
fn message(flags: u16, counts: [u16; 3], sections: &[&[u8]]) -> Vec<u8> {
    let mut message = vec![0x12, 0x34];
    message.extend_from_slice(&(0x8000 | flags).to_be_bytes());
    for count in [&[1][..], &counts].concat() {
        message.extend_from_slice(&count.to_be_bytes());
    }
    message.extend_from_slice(b"\x07exAmple\0\0\x02\0\x01");
    message.extend_from_slice(&sections.concat());
    message
}

/// A record of the name of the question.
fn record(rtype: Rtype, rdata: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rdata.len()).unwrap().to_be_bytes();
    [&[0xC0, 12][..], &rtype.0.to_be_bytes(), &[0, 1, 0, 0, 0, 60], &length, rdata].concat()
}

fn opt(rcode_high: u8, options: &[u8]) -> Vec<u8> {
    let length = u16::try_from(options.len()).unwrap().to_be_bytes();
    [&[0, 0, 41, 0x04, 0xD0, rcode_high, 0, 0x80, 0][..], &length, options].concat()
}

#[test]
fn sections_are_read_with_names_in_full_and_the_case_kept() {
    let ns = record(Rtype::NS, b"\x02NS\xC0\x0C");
    let glue = [b"\x02ns\xC0\x0C".as_slice(), &record(Rtype::A, &[192, 0, 2, 1])[2..]].concat();
    let response = Response::read(&message(0x400, [1, 0, 2], &[&ns, &glue, &opt(0, b"")])).unwrap();
    let (asked, question) = response.question.unwrap();
    assert!(asked.as_name().is_identical(name("exAmple.").as_name()));
    assert_eq!((question.rtype, question.class), (Rtype::NS, Class::IN));
    assert_eq!(response.answers.len(), 1);
    let server = response.answers[0].target().unwrap();
    assert!(server.is_identical(name("NS.exAmple.").as_name()), "{server}");
    assert_eq!(response.additionals.len(), 1);
    assert_eq!(*response.additionals[0].rdata, [192, 0, 2, 1]);
    assert_eq!(response.additionals[0].owner, name("ns.example."));
    assert_eq!(response.rcode, Rcode::NOERROR);
    let edns = response.edns.unwrap();
    assert_eq!((edns.udp_size, edns.version, edns.dnssec_ok), (1232, 0, true));
}

#[test]
fn one_odd_record_is_left_out_and_the_others_stay() {
    let sections = [
        record(Rtype::A, &[192, 0, 2]),
        record(Rtype::A, &[192, 0, 2, 7]),
        record(Rtype::NS, b"\xC0\xFF"),
        record(Rtype(65_280), b""),
    ];
    let sections: Vec<&[u8]> = sections.iter().map(Vec::as_slice).collect();
    let response = Response::read(&message(0, [4, 0, 0], &sections)).unwrap();
    assert_eq!(response.odd, 2);
    let data: Vec<&[u8]> = response.answers.iter().map(|record| &*record.rdata).collect();
    assert_eq!(data, [&[192, 0, 2, 7][..], b""]);
}

#[test]
fn counts_that_are_not_true_allocate_nothing_and_are_refused() {
    let hostile = message(0, [0xFFFF; 3], &[]);
    let mut read = None;
    let counted = allocation_counter::measure(|| read = Some(Response::read(&hostile)));
    assert!(counted.bytes_total < 1024, "{counted:?}");
    assert!(matches!(read, Some(Err(WireError::Short { .. }))));
    assert_eq!(
        Response::read(&hostile[..11]).unwrap_err(),
        WireError::Short { field: Field::Header, at: 0 }
    );
    let mut two = message(0, [0, 0, 0], &[]);
    two[5] = 2;
    assert_eq!(Response::read(&two).unwrap_err(), WireError::QuestionCount(2));
}

#[test]
fn cut_message_keeps_what_came_before_the_cut() {
    let whole = message(0x200, [2, 0, 0], &[&record(Rtype::A, &[192, 0, 2, 1]), b"\xC0\x0C\0"]);
    let response = Response::read(&whole).unwrap();
    assert!(response.is_cut());
    assert_eq!(response.answers.len(), 1);
    let not_marked = message(0, [2, 0, 0], &[&record(Rtype::A, &[192, 0, 2, 1]), b"\xC0\x0C\0"]);
    assert!(matches!(Response::read(&not_marked), Err(WireError::Short { .. })));
}

#[test]
fn response_code_has_its_upper_bits_in_opt() {
    let response = Response::read(&message(0, [0, 0, 1], &[&opt(1, b"")])).unwrap();
    assert_eq!(response.rcode, Rcode::BADVERS);
    // In another section, and a second one, they mean nothing.
    let elsewhere = message(3, [1, 0, 0], &[&opt(1, b"")]);
    let response = Response::read(&elsewhere).unwrap();
    assert_eq!((response.rcode, response.edns, response.odd), (Rcode::NXDOMAIN, None, 1));
    let two = message(0, [0, 0, 2], &[&opt(1, b""), &opt(2, b"")]);
    assert_eq!(Response::read(&two).unwrap().rcode, Rcode::BADVERS);
}

#[test]
fn cookie_and_extended_error_are_read_and_other_options_passed_over() {
    let cookie = [&[0, 10, 0, 16][..], &[7; 8], &[9; 8]].concat();
    let options = [&[0, 100, 0, 1, 5][..], &cookie, &[0, 15, 0, 5, 0, 22], b"why"].concat();
    let read = |options: &[u8]| {
        Response::read(&message(2, [0, 0, 1], &[&opt(0, options)])).unwrap().edns.unwrap()
    };
    let edns = read(&options);
    assert_eq!(edns.cookie, Some(([7; 8], ServerCookie::new(&[9; 8]))));
    assert_eq!(edns.extended_error.map(|error| error.0), Some(22));
    // A length that leads behind the end spoils only the options from there on.
    let edns = read(&[&cookie[..], &[0, 15, 0, 9, 0, 22]].concat());
    assert_eq!(edns.cookie, Some(([7; 8], ServerCookie::new(&[9; 8]))));
    assert_eq!(edns.extended_error, None);
    assert_eq!(read(&[0, 10, 0, 3, 1, 2, 3]).cookie, None);
}

#[test]
fn data_is_there_as_a_type_where_it_can_be_read() {
    let typed = |rtype, rdata: &[u8]| {
        let owner = name("example.");
        Record { owner, rtype, class: Class::IN, ttl_secs: 1, rdata: rdata.into() }.typed()
    };
    assert_eq!(typed(Rtype::MX, b"\0\x0A\x01m\0").unwrap().to_string(), "10 m.");
    assert_eq!(typed(Rtype::A, &[192, 0, 2, 1]).unwrap().to_string(), "192.0.2.1");
    assert!(typed(Rtype::A, &[192, 0, 2]).is_none());
    let unknown = typed(Rtype(65_280), b"\x01\x02").unwrap();
    assert!(matches!(unknown, RData::Unknown { .. }), "{unknown:?}");
}
