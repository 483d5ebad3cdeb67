use super::{Entry, Part};
use crate::metrics::Transport;
use crate::sim::message::Message;
use crate::sim::script::{Action, parse};

/// The entry that a script writes like this.
#[track_caller]
fn entry(text: &str) -> Entry {
    let script = format!(
        "CONFIG_END\nSCENARIO_BEGIN t\nSTEP 1 REPLY\nENTRY_BEGIN\n{text}\nENTRY_END\nSCENARIO_END"
    );
    let scenario = parse("t", &script).unwrap_or_else(|fault| panic!("{fault}"));
    match scenario.steps.into_iter().next().map(|step| step.action) {
        Some(Action::Reply { entry, .. }) => entry,
        other => panic!("{other:?}"),
    }
}

const QUESTION: &str = "SECTION QUESTION\nwww.example.com. IN A\n";

/// How the message of an entry, over UDP unless it says TCP, differs from what another compares.
#[track_caller]
fn check(expected: &str, got: &str, differences: &[&str]) {
    let got = entry(got);
    let tcp = got.compares(Part::Transport(Transport::Tcp));
    let transport = if tcp { Transport::Tcp } else { Transport::Udp };
    let octets = got.raw.clone().unwrap_or_else(|| got.template.write());
    let found = entry(expected).differences(&Message::read(&octets).unwrap(), transport);
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found, differences, "{expected}\n---\n{octets:?}");
}

#[test]
fn nothing_is_compared_without_match() {
    check("REPLY QR NXDOMAIN", "REPLY AA SERVFAIL", &[]);
}

#[test]
fn opcode_is_compared() {
    check("MATCH opcode\nREPLY NOTIFY", "REPLY NOTIFY QR AA", &[]);
    check("MATCH opcode\nREPLY NOTIFY", "REPLY UPDATE", &["opcode: expected NOTIFY, got UPDATE"]);
}

#[test]
fn type_and_name_of_the_question_are_compared() {
    let upper = "SECTION QUESTION\nWWW.EXAMPLE.COM. IN A";
    check(&format!("MATCH qtype qname\n{QUESTION}"), upper, &[]);
    check(
        &format!("MATCH qtype qname\n{QUESTION}"),
        "SECTION QUESTION\nexample.com. IN MX",
        &["qtype: expected A, got MX", "qname: expected www.example.com., got example.com."],
    );
    check(
        &format!("MATCH qtype qname\n{QUESTION}"),
        "",
        &[
            "qtype: expected A, got no question",
            "qname: expected www.example.com., got no question",
        ],
    );
}

#[test]
fn name_below_that_of_the_entry_is_a_subdomain() {
    let expected = "MATCH subdomain\nSECTION QUESTION\nexample.com. IN NS";
    check(expected, QUESTION, &[]);
    check(expected, "SECTION QUESTION\nexample.com. IN A", &[]);
    check(
        expected,
        "SECTION QUESTION\nwwwexample.com. IN A",
        &["subdomain: expected example.com., got wwwexample.com."],
    );
}

#[test]
fn response_code_is_compared_with_its_upper_bits() {
    check("MATCH rcode\nREPLY BADVERS", "REPLY BADVERS", &[]);
    check("MATCH rcode\nREPLY BADVERS", "REPLY DO", &["status: expected BADVERS, got NOERROR"]);
}

#[test]
fn question_section_is_compared_whole() {
    check(&format!("MATCH question\n{QUESTION}"), QUESTION, &[]);
    check(
        &format!("MATCH question\n{QUESTION}"),
        "SECTION QUESTION\nwww.example.com. CH A",
        &["QUESTION: missing www.example.com. IN A", "QUESTION: unexpected www.example.com. CH A"],
    );
}

const ANSWERS: &str = "SECTION ANSWER\na. 10 IN A 192.0.2.1\na. 10 IN NS B.\n";

#[test]
fn records_are_compared_without_order_and_case() {
    let turned = "SECTION ANSWER\nA. 10 IN NS b.\na. 10 IN A 192.0.2.1";
    check(&format!("MATCH answer ttl\n{ANSWERS}"), turned, &[]);
    check(
        &format!("MATCH answer\n{ANSWERS}"),
        "SECTION ANSWER\na. 10 IN A 192.0.2.1\na. 10 IN A 192.0.2.1",
        &["ANSWER: missing a. 10 IN NS B.", "ANSWER: unexpected a. 10 IN A 192.0.2.1"],
    );
}

#[test]
fn times_to_live_are_compared_only_if_the_entry_says_so() {
    let later = "SECTION ANSWER\na. 9 IN A 192.0.2.1\na. 10 IN NS b.";
    check(&format!("MATCH answer\n{ANSWERS}"), later, &[]);
    check(
        &format!("MATCH answer ttl\n{ANSWERS}"),
        later,
        &["ANSWER: missing a. 10 IN A 192.0.2.1", "ANSWER: unexpected a. 9 IN A 192.0.2.1"],
    );
}

#[test]
fn all_compares_everything() {
    let expected = format!("MATCH all\nREPLY QR AA RD\n{QUESTION}{ANSWERS}");
    check(&expected, &format!("REPLY QR AA RD\n{QUESTION}{ANSWERS}"), &[]);
    check(
        &expected,
        &format!("REPLY QR RD RA DO NXDOMAIN\nSECTION AUTHORITY\nb. IN NS c.\n{ANSWERS}"),
        &[
            "status: expected NOERROR, got NXDOMAIN",
            "flags: expected qr aa rd, got qr rd ra",
            "QUESTION: missing www.example.com. IN A",
            "AUTHORITY: unexpected b. 3600 IN NS c.",
            "EDNS: expected none, got version 0, flags do",
        ],
    );
    check(
        "MATCH all",
        "SECTION ADDITIONAL\nb. IN A 192.0.2.1",
        &["ADDITIONAL: unexpected b. 3600 IN A 192.0.2.1"],
    );
    check(
        "MATCH all",
        "HEX_ANSWER_BEGIN\n000000000000 000000000000 ff\nHEX_ANSWER_END",
        &["octets behind the last record: expected 0, got 1"],
    );
}

#[test]
fn all_but_edns_does_not_look_at_edns() {
    check("MATCH all_noedns\nREPLY QR", "REPLY QR DO", &[]);
    check("MATCH all_noedns\nREPLY QR", "REPLY DO", &["flags: expected qr, got none"]);
}

#[test]
fn flags_and_absence_of_edns_are_compared() {
    check("MATCH DO CO", "REPLY DO CO", &[]);
    check("MATCH DO CO", "REPLY CO", &["EDNS flag: expected DO, got none"]);
    check("MATCH CO", "", &["EDNS flag: expected CO, got none"]);
    check("MATCH noedns", "", &[]);
    check("MATCH noedns", "REPLY DO", &["EDNS: expected none, got an OPT record"]);
}

#[test]
fn options_are_compared_octet_for_octet() {
    let nsid = "HEX_EDNSDATA_BEGIN\n00 03 00 01 61 ; NSID\nHEX_EDNSDATA_END";
    check(&format!("MATCH ednsdata\n{nsid}"), nsid, &[]);
    check(
        &format!("MATCH ednsdata\n{nsid}"),
        "REPLY DO",
        &["options of EDNS: expected 0003000161, got none"],
    );
}

#[test]
fn serial_of_the_authority_section_is_compared() {
    let soa = "SECTION AUTHORITY\na. IN SOA b. c. 7 1 1 1 1";
    check("MATCH serial=7", soa, &[]);
    check("MATCH serial=8", soa, &["serial: expected 8, got 7"]);
    check("MATCH serial=8", "", &["serial: expected 8, got no SOA"]);
}

#[test]
fn extended_error_is_compared_apart_from_all() {
    let blocked = "HEX_EDNSDATA_BEGIN\n000f 0002 000f\nHEX_EDNSDATA_END";
    let plain = "HEX_EDNSDATA_BEGIN\nHEX_EDNSDATA_END";
    check(&format!("MATCH all ede=15\n{plain}"), blocked, &[]);
    check(&format!("MATCH all ede=any\n{plain}"), blocked, &[]);
    check("MATCH ede=16", blocked, &["extended error: expected 16, got 15"]);
    check("MATCH ede=any", plain, &["extended error: expected any, got none"]);
    check(
        &format!("MATCH all\n{plain}"),
        blocked,
        &["EDNS: expected version 0, flags, got version 0, flags, option 15 000f"],
    );
}

#[test]
fn cookies_are_told_apart_by_length() {
    let client = "HEX_EDNSDATA_BEGIN\n000a 0008 0102030405060708\nHEX_EDNSDATA_END";
    let whole =
        client.replace("0008", "0018").replace("08\n", "08 0102030405060708 0102030405060708\n");
    check("MATCH client_cookie", client, &[]);
    check("MATCH server_cookie", &whole, &[]);
    check("MATCH server_cookie", client, &["cookie: expected 24 octets, got 8 octets"]);
    check("MATCH client_cookie", "REPLY DO", &["cookie: expected 8 octets, got none"]);
}

#[test]
fn transport_is_compared() {
    check("MATCH TCP", "MATCH TCP", &[]);
    check("MATCH UDP", "MATCH TCP", &["transport: expected udp, got tcp"]);
}

/// The reply of an entry to the request of another, and the octets of that request.
fn reply(template: &str, request: &str) -> (Vec<u8>, Vec<u8>) {
    let request = Message { id: 0xABCD, ..entry(request).template }.write();
    (entry(template).reply(&request), request)
}

#[test]
fn reply_has_what_its_adjustments_copy() {
    let template = format!("ADJUST copy_id copy_query\nREPLY QR\n{QUESTION}");
    let (octets, _) = reply(&template, "SECTION QUESTION\nMixed.Example. IN MX");
    let read = Message::read(&octets).unwrap();
    assert_eq!(read.id, 0xABCD);
    assert_eq!(
        read.to_string(),
        ";; opcode QUERY, status NOERROR, flags qr\n;; QUESTION\nMixed.Example. IN MX"
    );
    let (octets, _) = reply(&format!("REPLY QR\n{QUESTION}"), "SECTION QUESTION\nother. IN MX");
    let read = Message::read(&octets).unwrap();
    assert_eq!(read.id, 0);
    assert!(read.to_string().ends_with("www.example.com. IN A"), "{read}");
}

#[test]
fn raw_octets_are_sent_as_they_are_but_for_what_is_copied() {
    let raw =
        "HEX_ANSWER_BEGIN\n1234 8000 0001 0000 0000 0000 ; header\n00 0001 0001 ff\nHEX_ANSWER_END";
    let (octets, _) = reply(raw, QUESTION);
    assert_eq!(octets, b"\x12\x34\x80\0\0\x01\0\0\0\0\0\0\0\0\x01\0\x01\xFF");
    let (octets, request) = reply(&format!("ADJUST copy_id copy_query\n{raw}"), QUESTION);
    let mut expected = request;
    expected[2] = 0x80;
    expected.push(0xFF);
    assert_eq!(octets, expected);
}

#[test]
fn scope_of_a_client_subnet_follows_its_source() {
    let subnet = "HEX_EDNSDATA_BEGIN\n0008 0007 0001 18 00 c00002\nHEX_EDNSDATA_END";
    let copied = "ADJUST copy_ednsdata_assume_clientsubnet";
    let options = |adjust: &str| {
        let octets = reply(&format!("{adjust}\nREPLY QR DO"), subnet).0;
        Message::read(&octets).unwrap().edns.unwrap().options
    };
    assert_eq!(options(copied), b"\0\x08\0\x07\0\x01\x18\x18\xC0\0\x02");
    assert_eq!(
        options(&format!("{copied} increment_ecs_scope")),
        b"\0\x08\0\x07\0\x01\x18\x19\xC0\0\x02"
    );
    assert_eq!(options(""), b"");
}

#[test]
fn server_cookie_follows_the_cookie_of_the_request() {
    let options = |adjust: &str, sent: &str| {
        let octets = reply(&format!("{adjust}\nREPLY QR DO"), sent).0;
        Message::read(&octets).unwrap().edns.unwrap().options
    };
    let cookie = "HEX_EDNSDATA_BEGIN\n000a 0008 0102030405060708\nHEX_EDNSDATA_END";
    let whole = b"\0\x0A\0\x18\x01\x02\x03\x04\x05\x06\x07\x08of this scenario";
    assert_eq!(options("ADJUST add_server_cookie", cookie), whole);
    assert_eq!(options("ADJUST copy_id", cookie), b"");
    assert_eq!(options("ADJUST add_server_cookie", "REPLY DO"), b"");
}

#[test]
fn delay_is_that_of_sleep() {
    assert_eq!(entry("ADJUST copy_id sleep=3").delay_us(), 3_000_000);
    assert_eq!(entry("ADJUST copy_id sleep_us=20000").delay_us(), 20_000);
    assert_eq!(entry("ADJUST copy_id").delay_us(), 0);
}
