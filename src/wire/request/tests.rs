use super::{REQUEST_LEN_MAX, Request};
use crate::wire::edns::{RequestOpt, ServerCookie};
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::Rtype;
use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::RecordType;
use hickory_proto::rr::rdata::opt::EdnsCode;

fn name(text: &str) -> NameBuf {
    NameBuf::from_text(text.as_bytes(), Some(Name::ROOT)).unwrap()
}

fn request(name: Name<'_>) -> Request<'_> {
    Request {
        id: 0x1234,
        name,
        rtype: Rtype::AAAA,
        recursion_desired: true,
        opt: Some(RequestOpt { udp_size: 1232, dnssec_ok: true, cookie: None }),
    }
}

#[test]
fn request_is_what_others_read() {
    let name = name("wWw.Example.");
    let octets = request(name.as_name()).to_octets();
    let message = Message::from_vec(&octets).unwrap();
    assert_eq!(message.metadata.id, 0x1234);
    assert_eq!(message.metadata.message_type, MessageType::Query);
    assert!(message.metadata.recursion_desired && !message.metadata.checking_disabled);
    assert_eq!(message.queries.len(), 1);
    assert_eq!(message.queries[0].name().to_string(), "wWw.Example.");
    assert_eq!(message.queries[0].query_type(), RecordType::AAAA);
    let edns = message.edns.unwrap();
    assert_eq!((edns.max_payload(), edns.version(), edns.flags().dnssec_ok), (1232, 0, true));
    assert!(edns.options().as_ref().is_empty());
}

#[test]
fn request_for_a_server_without_edns_has_no_opt_record() {
    let name = name("www.example.");
    let request = Request { opt: None, recursion_desired: true, ..request(name.as_name()) };
    let message = Message::from_vec(&request.to_octets()).unwrap();
    assert!(message.edns.is_none() && message.metadata.recursion_desired);
}

#[test]
fn cookie_holds_our_part_and_that_of_the_server() {
    let name = name("example.");
    for server in [None, ServerCookie::new(&[9; 8]), ServerCookie::new(&[9; 32])] {
        let opt = RequestOpt { udp_size: 512, dnssec_ok: false, cookie: Some(([7; 8], server)) };
        let octets = Request { opt: Some(opt), ..request(name.as_name()) }.to_octets();
        let edns = Message::from_vec(&octets).unwrap().edns.unwrap();
        let theirs = server.map_or(Vec::new(), |server| server.as_octets().to_vec());
        let value: Vec<u8> = edns.option(EdnsCode::Cookie).unwrap().try_into().unwrap();
        assert_eq!(value, [vec![7; 8], theirs].concat());
    }
}

#[test]
fn longest_request_is_as_long_as_said() {
    let label = "a".repeat(63);
    let longest = name(&format!("{label}.{label}.{label}.{}.", "a".repeat(61)));
    let cookie = Some(([7; 8], ServerCookie::new(&[9; 32])));
    let opt = RequestOpt { udp_size: 1232, dnssec_ok: true, cookie };
    let octets = Request { opt: Some(opt), ..request(longest.as_name()) }.to_octets();
    assert_eq!(octets.len(), REQUEST_LEN_MAX);
}

#[test]
fn cookie_of_a_server_has_eight_to_thirty_two_octets() {
    for (len, is_one) in [(0, false), (7, false), (8, true), (32, true), (33, false)] {
        assert_eq!(ServerCookie::new(&vec![1; len]).is_some(), is_one, "{len}");
    }
}
