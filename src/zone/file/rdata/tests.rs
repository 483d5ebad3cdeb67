use data_encoding::HEXUPPER_PERMISSIVE;
use proptest::collection::SizeRange;
use proptest::prelude::*;

use crate::wire::name::NameBuf;
use crate::wire::numbers::Rtype;
use crate::wire::rdata::check::check as check_wire;
use crate::wire::rdata::svcb::{Key, Value};
use crate::wire::rdata::{Field, fields};
use crate::zone::file::{print, text_to_rdata};

fn origin() -> NameBuf {
    NameBuf::from_text(b"example.", None).unwrap()
}

fn rtype(text: &str) -> Rtype {
    Rtype::from_text(text).unwrap()
}

/// Reads `TYPE data` and expects what is written of it.
#[track_caller]
fn check(text: &str, expected: &str) {
    let (mnemonic, data) = text.split_once(' ').unwrap_or((text, ""));
    let rtype = rtype(mnemonic);
    match text_to_rdata(rtype, data.as_bytes(), Some(origin().as_name())) {
        Ok(octets) => assert_eq!(print::rdata(rtype, &octets).to_string(), expected),
        Err(problem) => panic!("{problem}"),
    }
}

/// Reads `TYPE data` that is written as it was read.
#[track_caller]
fn check_same(text: &str) {
    check(text, text.split_once(' ').map_or("", |(_, data)| data));
}

/// Reads `TYPE data` and expects the octets.
#[track_caller]
fn check_octets(text: &str, hex: &str) {
    let (mnemonic, data) = text.split_once(' ').unwrap();
    let octets = text_to_rdata(rtype(mnemonic), data.as_bytes(), Some(origin().as_name()));
    let expected = HEXUPPER_PERMISSIVE.decode(hex.replace(' ', "").as_bytes()).unwrap();
    assert_eq!(octets, Ok(expected));
}

/// Reads `TYPE data` and expects a problem: its code and what is marked.
#[track_caller]
fn check_refuses(text: &str, expected: &str) {
    let (mnemonic, data) = text.split_once(' ').unwrap_or((text, ""));
    let problem =
        *text_to_rdata(rtype(mnemonic), data.as_bytes(), Some(origin().as_name())).unwrap_err();
    let place = problem.place.unwrap();
    let start = place.column as usize - 1;
    let end = (start + place.length as usize).min(place.text.len());
    let found = format!("{} {}", problem.code, &place.text[start..end]);
    assert_eq!(found.trim_end(), expected, "{}", problem.message);
}

#[test]
fn addresses_are_strict() {
    check_same("A 192.0.2.1");
    for bad in ["192.0.2", "192.0.2.256", "192.0.2.01", "192.0.2.1.", "0xC0000201", "foo.example."]
    {
        check_refuses(&format!("A {bad}"), &format!("bad-address {bad}"));
    }
    for bad in ["192.0.2.1", "2001:db8", "1::2::3", "fe80::1%lo", "::12345"] {
        check_refuses(&format!("AAAA {bad}"), &format!("bad-address {bad}"));
    }
}

#[test]
fn ipv6_addresses_are_written_in_their_short_form() {
    check("AAAA 2001:DB8:0:0:0:0:0:1", "2001:db8::1");
    check("AAAA 1:0:0:2:0:0:0:7", "1:0:0:2::7");
    check("AAAA 1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7");
    check("AAAA ::1.2.3.4", "::1.2.3.4");
    check("AAAA ::ffff:1.2.3.4", "::ffff:1.2.3.4");
    check("AAAA 0:0::2", "::2");
    check_same("AAAA ::");
}

#[test]
fn names_are_completed_and_fully_written() {
    for mnemonic in ["NS", "CNAME", "DNAME", "PTR", "MB", "MG", "MR", "MD", "MF"] {
        check(&format!("{mnemonic} a"), "a.example.");
        check(&format!("{mnemonic} @"), "example.");
        check(&format!("{mnemonic} a.b."), "a.b.");
        check_refuses(&format!("{mnemonic} a..b"), "bad-name a..b");
        check_refuses(&format!("{mnemonic} a b"), "extra-data b");
    }
    check("MX 10 a", "10 a.example.");
    check("SRV 1 2 3 .", "1 2 3 .");
    check("RP a b.", "a.example. b.");
    check("MINFO a b.", "a.example. b.");
    check("PX 1 a b", "1 a.example. b.example.");
    for mnemonic in ["AFSDB", "KX", "RT", "LP"] {
        check(&format!("{mnemonic} 1 a"), "1 a.example.");
    }
    check_refuses("CNAME \"a\"", "syntax \"a\"");
}

#[test]
fn numbers_have_a_range() {
    check_same("MX 65535 a.");
    check("MX 007 a.", "7 a.");
    for bad in ["65536", "-1", "+1", "0x1", "1.", "ten"] {
        check_refuses(&format!("MX {bad} a."), &format!("bad-number {bad}"));
    }
    check_refuses("MX \"1\" a.", "syntax \"1\"");
    check_refuses("MX 1", "missing-data 1");
}

#[test]
fn soa_periods_have_units() {
    check("SOA ns host 1 1h 2M 3d 1w1s", "ns.example. host.example. 1 3600 120 259200 604801");
    check_refuses("SOA ns host 1h 1 2 3 4", "bad-number 1h");
    check_refuses("SOA ns host 1 2 3 4 x", "bad-time x");
    check_refuses("SOA ns host 1 2 3 4", "missing-data 4");
    check_refuses("SOA ns host 1 2 3 4 5 6", "extra-data 6");
}

#[test]
fn strings_stand_in_quotes_or_not() {
    check(r#"TXT a "b c" "" d\032e "f\"g" \\"#, r#""a" "b c" "" "d e" "f\"g" "\\""#);
    check("TXT \"a\"b", "\"a\" \"b\"");
    check(r#"TXT "\000\255é""#, r#""\000\255\195\169""#);
    check("TXT a;b", "\"a\"");
    check("SPF v=spf1", "\"v=spf1\"");
    check("HINFO a \"b c\"", "\"a\" \"b c\"");
    check("ISDN 1", "\"1\"");
    check("ISDN 1 2", "\"1\" \"2\"");
    check("GPOS -32.6882 116.8652 10.0", "\"-32.6882\" \"116.8652\" \"10.0\"");
    check("X25 1234", "\"1234\"");
    check(
        r#"NAPTR 1 2 u "E2U+sip" "!^(.*)$!sip:\\1@x!" ."#,
        r#"1 2 "u" "E2U+sip" "!^(.*)$!sip:\\1@x!" ."#,
    );
    check_refuses("TXT", "missing-data");
    check_refuses(r"TXT \256", r"bad-escape \256");
    check_refuses("HINFO a", "missing-data a");
    check_refuses("X25 123", "bad-value 123");
}

#[test]
fn string_has_at_most_255_octets() {
    let longest = "x".repeat(255);
    check(&format!("TXT {longest}"), &format!("\"{longest}\""));
    let long = "x".repeat(256);
    check_refuses(&format!("TXT a {long}"), &format!("string-too-long {long}"));
    let problem = text_to_rdata(Rtype::TXT, long.as_bytes(), None).unwrap_err();
    assert_eq!(
        problem.hint.as_deref(),
        Some("split it into strings of at most 255 octets, each in its own quotes")
    );
}

#[test]
fn data_has_at_most_65535_octets() {
    let string = format!(" {}", "x".repeat(255));
    check_octets_len(&string.repeat(255), Some(255 * 256));
    check_octets_len(&string.repeat(256), None);
}

#[track_caller]
fn check_octets_len(text: &str, expected: Option<usize>) {
    let octets = text_to_rdata(Rtype::TXT, text.as_bytes(), None);
    assert_eq!(octets.ok().map(|octets| octets.len()), expected);
}

#[test]
fn caa_has_a_plain_tag_and_a_string() {
    check_same("CAA 0 issue \"ca.example.net; policy=ev\"");
    check("CAA 128 tbs x", "128 tbs \"x\"");
    check_same("CAA 0 issue \"\"");
    check_refuses("CAA 0 is-sue x", "bad-value is-sue");
    check_refuses("CAA 0 issue x y", "extra-data y");
    check_refuses("CAA 256 issue x", "bad-number 256");
}

#[test]
fn uri_target_stands_in_quotes() {
    check_same("URI 10 1 \"ftp://ftp1.example.com/public\"");
    check_refuses("URI 10 1 ftp://x", "syntax ftp://x");
}

#[test]
fn digests_and_keys_may_be_divided() {
    check("TLSA 3 1 1 ab cd EF", "3 1 1 ABCDEF");
    check("SMIMEA 3 1 1 abcdef", "3 1 1 ABCDEF");
    check("OPENPGPKEY AQ ID BA==", "AQIDBA==");
    check("DHCID AQIDBA==", "AQIDBA==");
    check("DS 1 RSASHA256 9 abcd", "1 8 9 ABCD");
    check("CDS 0 0 0 00", "0 0 0 00");
    check("CDNSKEY 0 3 0 AA==", "0 3 0 AA==");
    check("DNSKEY 257 3 ECDSAP256SHA256 AQID", "257 3 13 AQID");
    check("SSHFP 4 9 ab", "4 9 AB");
    check("KEY 49152 3 8", "49152 3 8");
    check("CERT pkix 1 rsasha256 AQID", "PKIX 1 RSASHA256 AQID");
    check("CERT 9 1 99 AQID", "9 1 99 AQID");
    check_refuses("TLSA 3 1 1 abc", "bad-encoding abc");
    check_refuses("TLSA 3 1 1", "missing-data 1");
    check_refuses("TLSA 3 1 1 ab xx", "bad-encoding ab xx");
    check_refuses("OPENPGPKEY AQIDB", "bad-encoding AQIDB");
    check_refuses("OPENPGPKEY AQIDBB==", "bad-encoding AQIDBB==");
    check_refuses("DS 1 FOO 9 abcd", "bad-number FOO");
    check_refuses("DS 1 8 2 abcd", "bad-value 1 8 2 abcd");
    check_refuses("KEY 49152 3 8 AQ==", "extra-data AQ==");
}

#[test]
fn signatures_have_times_as_dates_or_seconds() {
    check(
        "RRSIG A 8 3 300 20260102030405 1700000000 1 a. AQID",
        "A 8 3 300 20260102030405 20231114221320 1 a. AQID",
    );
    check(
        "SIG TYPE999 5 3 1 19700101000000 21060207062815 1 . AQID",
        "TYPE999 5 3 1 19700101000000 21060207062815 1 . AQID",
    );
    check(
        "RRSIG A 8 3 300 20240229000000 20000301235959 1 a. AQID",
        "A 8 3 300 20240229000000 20000301235959 1 a. AQID",
    );
    for bad in [
        "20230229000000",
        "20261301000000",
        "20260100000000",
        "20260101240000",
        "2026010100000",
        "x",
    ] {
        check_refuses(&format!("RRSIG A 8 3 300 {bad} 0 1 a. AQID"), &format!("bad-time {bad}"));
    }
}

#[test]
fn types_of_a_bitmap_are_sorted() {
    check("NSEC a TYPE1234 NSEC MX A RRSIG A", "a.example. A MX RRSIG NSEC TYPE1234");
    check_octets("NSEC . A TYPE257", "00 000140 010140");
    check(
        "NSEC3 1 0 5 aabb 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS A",
        "1 0 5 AABB 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR A NS",
    );
    check(
        "NSEC3 1 0 5 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR",
        "1 0 5 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR",
    );
    check_same("NSEC3PARAM 1 0 5 -");
    check("NSEC3PARAM 1 0 5 ab", "1 0 5 AB");
    check_same("CSYNC 66 3 A NS AAAA");
    check_same("CSYNC 66 3");
    check_refuses("NSEC a", "missing-data a");
    check_refuses("NSEC a FOO", "unknown-type FOO");
    check_refuses(
        "NSEC3 1 0 5 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJW",
        "bad-encoding 2T7B4G4VSA5SMI47K61MV5BV1A22BOJW",
    );
    check_refuses("NSEC3PARAM 1 0 5 abc", "bad-encoding abc");
}

#[test]
fn location_is_written_in_full() {
    check(
        "LOC 42 21 54 N 71 06 18 W -24m 30m",
        "42 21 54.000 N 71 6 18.000 W -24.00m 30m 10000m 10m",
    );
    check("LOC 1 N 2 E 3", "1 0 0.000 N 2 0 0.000 E 3.00m 1m 10000m 10m");
    check(
        "LOC 0 S 180 W 42849672.95 0 0.05m 90000000m",
        "0 0 0.000 N 180 0 0.000 W 42849672.95m 0.00m 0.05m 90000000m",
    );
    check_octets("LOC 42 21 54.5 N 71 06 18 W -24m 30m", "00 33 16 13 89172FC4 70BE15F0 00988D20");
    check_refuses("LOC 91 N 0 E 0", "bad-value 91");
    check_refuses("LOC 90 0 0.001 N 0 E 0", "bad-value 90");
    check_refuses("LOC 1 60 N 0 E 0", "bad-value 60");
    check_refuses("LOC 1 0 1.2345 N 0 E 0", "bad-value 1.2345");
    check_refuses("LOC 1 E 0 N 0", "bad-value E");
    check_refuses("LOC 1 N 0 E -100000.01", "bad-value -100000.01");
    check_refuses("LOC 1 N 0 E 0 90000000.01", "bad-value 90000000.01");
    check_refuses("LOC 1 N 0 E", "missing-data E");
}

#[test]
fn prefixes_leave_out_zeros_at_their_end() {
    check_octets("APL 1:192.168.32.0/21 !2:2001:db8::/32", "0001 15 03 C0A820 0002 20 84 20010DB8");
    check_same("APL 1:192.168.32.0/21 !1:192.168.38.0/28 2:2001:db8::/32 1:0.0.0.0/0");
    check("APL", "");
    for bad in ["1:192.0.2.0/33", "3:x/1", "1:192.0.2.0", "2:::/129", "1:::/1", "192.0.2.0/24"] {
        check_refuses(&format!("APL {bad}"), &format!("bad-value {bad}"));
    }
}

#[test]
fn gateway_is_of_the_kind_it_says() {
    check_same("IPSECKEY 10 0 2 . AQID");
    check_same("IPSECKEY 10 1 2 192.0.2.38 AQID");
    check_same("IPSECKEY 10 2 2 2001:db8::1 AQID");
    check("IPSECKEY 10 3 2 a AQID", "10 3 2 a.example. AQID");
    check_same("IPSECKEY 10 0 0 .");
    check_refuses("IPSECKEY 10 0 2 a AQID", "bad-value a");
    check_refuses("IPSECKEY 10 1 2 a AQID", "bad-address a");
    check_refuses("IPSECKEY 10 4 2 . AQID", "bad-value 4");
    check_refuses("IPSECKEY 10 0 2 .", "missing-data .");
}

#[test]
fn host_identity_has_servers_after_its_key() {
    check("HIP 2 200100107B1A74DF AQID a b.", "2 200100107B1A74DF AQID a.example. b.");
    check_octets("HIP 2 AB AQID", "01 02 0003 AB 010203");
    check_refuses("HIP 2 AB", "missing-data AB");
    check_refuses("HIP RSASHA1 AB AQID", "bad-number RSASHA1");
}

#[test]
fn identifiers_have_their_groups() {
    check("EUI48 00-00-5E-00-53-2A", "00-00-5e-00-53-2a");
    check_same("EUI64 00-00-5e-ef-10-00-00-2a");
    check("NID 10 0014:4fff:ff20:ee64", "10 14:4fff:ff20:ee64");
    check("L64 10 2001:0DB8:1140:1000", "10 2001:db8:1140:1000");
    check_same("L32 10 10.1.2.0");
    check("NSAP 0x47.0005.80ff", "0x47000580ff");
    check_refuses("EUI48 00-00-5e-00-53", "bad-value 00-00-5e-00-53");
    check_refuses("EUI64 00:00:5e:ef:10:00:00:2a", "bad-value 00:00:5e:ef:10:00:00:2a");
    check_refuses("NID 10 1:2:3", "bad-value 1:2:3");
    check_refuses("NID 10 1:2:3:12345", "bad-value 1:2:3:12345");
    check_refuses("NSAP 4700", "bad-value 4700");
    check_refuses("NSAP 0x470", "bad-encoding 0x470");
}

#[test]
fn services_have_names_or_numbers() {
    check("WKS 10.0.0.1 TCP smtp telnet 80", "10.0.0.1 6 23 25 80");
    check_octets("WKS 10.0.0.1 17 9 0", "0A000001 11 8040");
    check("WKS 10.0.0.1 udp", "10.0.0.1 17");
    check_refuses("WKS 10.0.0.1 tcp nosuch", "bad-number nosuch");
    check_refuses("WKS 10.0.0.1 tcp 65536", "bad-number 65536");
}

#[test]
fn zone_digest_is_long_enough() {
    let digest = "AB".repeat(48);
    check_same(&format!("ZONEMD 2018031500 1 1 {digest}"));
    check_refuses("ZONEMD 1 1 1 AB", "bad-value 1 1 1 AB");
}

#[test]
fn service_parameters_are_sorted() {
    check(
        "SVCB 16 foo alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1,192.0.2.2",
        "16 foo.example. mandatory=alpn,ipv4hint alpn=\"h2,h3-19\" ipv4hint=192.0.2.1,192.0.2.2",
    );
    check("HTTPS 0 foo.", "0 foo.");
    check("HTTPS 0 foo. port=5", "0 foo. port=5");
}

#[test]
fn service_parameters_have_their_own_values() {
    for (text, expected) in [
        ("port=8004", "port=8004"),
        ("port=\"8004\"", "port=8004"),
        ("alpn=h2 no-default-alpn", "alpn=\"h2\" no-default-alpn"),
        ("ech=\"AEj+DQBE\"", "ech=AEj+DQBE"),
        ("ipv6hint=2001:db8::1,::ffff:1.2.3.4", "ipv6hint=2001:db8::1,::ffff:1.2.3.4"),
        ("dohpath=/dns-query{?dns}", "dohpath=\"/dns-query{?dns}\""),
        ("ohttp", "ohttp"),
        ("tls-supported-groups=29,23", "tls-supported-groups=29,23"),
        ("docpath=dns,x", "docpath=\"dns,x\""),
        ("docpath", "docpath"),
        ("pvd", "pvd"),
        ("key10=\\000", "key10=\"\\000\""),
        ("key667=hello\\210qoo", "key667=\"hello\\210qoo\""),
        ("key668", "key668"),
        ("key669=\"a b\\\"c,d\"", "key669=\"a b\\\"c,d\""),
        ("key1=\\002h2", "alpn=\"h2\""),
        ("key65535=x", "key65535=\"x\""),
    ] {
        check(&format!("SVCB 1 . {text}"), &format!("1 . {expected}"));
    }
}

#[test]
fn list_values_are_escaped_twice() {
    // RFC 9460 appendix D.2, figure 9 and what appendix A.1 makes of it.
    check(r#"SVCB 16 a. alpn="f\\\\oo\\,bar,h2""#, r#"16 a. alpn="f\\\\oo\\,bar,h2""#);
    check(r"SVCB 16 a. alpn=f\\\092oo\092,bar,h2", r#"16 a. alpn="f\\\\oo\\,bar,h2""#);
    check_octets(r#"SVCB 1 . alpn="a\\,b,c""#, "0001 00 0001 0006 03612C62 0163");
}

#[test]
fn service_parameter_that_is_wrong_is_marked() {
    for (text, marked) in [
        ("port=6 alpn=h2 port=5", "port=5"),
        ("alpn", "alpn"),
        ("alpn=h2,,h3", "alpn=h2,,h3"),
        ("no-default-alpn", "no-default-alpn"),
        ("alpn=h2 no-default-alpn=x", "no-default-alpn=x"),
        ("mandatory=port alpn=h2", "mandatory=port"),
        ("mandatory=mandatory", "mandatory=mandatory"),
        ("mandatory=alpn,alpn alpn=h2", "mandatory=alpn,alpn"),
        ("port=65536", "port=65536"),
        ("ipv4hint=::1", "ipv4hint=::1"),
        ("ipv4hint=1.2.3.4,", "ipv4hint=1.2.3.4,"),
        ("ech=x", "ech=x"),
        ("ohttp=x", "ohttp=x"),
        ("tls-supported-groups=29,29", "tls-supported-groups=29,29"),
        ("ALPN=h2", "ALPN=h2"),
        ("key01=x", "key01=x"),
        ("key65536=x", "key65536=x"),
        ("\"key1=x\"", "\"key1=x\""),
        ("alpn= \"h2\"", "alpn="),
    ] {
        check_refuses(&format!("SVCB 1 . {text}"), &format!("bad-service-parameter {marked}"));
    }
}

#[test]
fn any_type_can_be_written_in_generic_form() {
    check("A \\# 4 C0000201", "192.0.2.1");
    check("TYPE65280 \\# 4 0a00 0001", "\\# 4 0A000001");
    check("TYPE65280 \\# 0", "\\# 0");
    check("NULL \\# 1 00", "\\# 1 00");
    check("TYPE1 192.0.2.1", "192.0.2.1");
    check_refuses("A \\# 3 C00002", "bad-unknown-data C00002");
    check_refuses("A \\# 4 C00002", "bad-unknown-data 4");
    check_refuses("A \\# 4", "bad-unknown-data 4");
    check_refuses("MX \\# 4 000AC000", "bad-unknown-data 000AC000");
    check_refuses("NULL 00", "no-text-form 00");
    check_refuses("TYPE65280 00", "no-text-form 00");
}

#[test]
fn data_that_is_not_well_formed_is_written_in_generic_form() {
    assert_eq!(print::rdata(Rtype::A, &[1, 2, 3]).to_string(), "\\# 3 010203");
    assert_eq!(
        print::rdata(Rtype::LOC, &[1; 16]).to_string(),
        format!("\\# 16 {}", "01".repeat(16))
    );
    assert_eq!(print::rdata(Rtype::APL, &[0, 9, 1, 0]).to_string(), "\\# 4 00090100");
}

#[test]
fn data_of_one_record_is_one_entry() {
    check("MX ( 10\n a )", "10 a.example.");
    check_refuses("MX 10 a\nb", "extra-data b");
    check_refuses("MX ( 10 a", "unbalanced-parenthesis (");
    check_refuses("TXT \"a", "unterminated-string \"a");
}

/// Well-formed octets for a field.
fn field(rtype: Rtype, field: Field) -> BoxedStrategy<Vec<u8>> {
    match field {
        Field::U8 | Field::Algorithm => octets(1..=1).boxed(),
        Field::U16 | Field::Rtype | Field::CertType => octets(2..=2).boxed(),
        Field::U32 | Field::Period | Field::Timestamp | Field::Ipv4 => octets(4..=4).boxed(),
        Field::Eui48 => octets(6..=6).boxed(),
        Field::Eui64 | Field::Locator64 => octets(8..=8).boxed(),
        Field::Ipv6 => {
            prop_oneof![octets(16..=16), octets(4..=4).prop_map(|low| [vec![0; 12], low].concat()),]
                .boxed()
        }
        Field::Name(_) => name().boxed(),
        Field::CharString if rtype == Rtype::X25 => {
            "[0-9]{4,9}".prop_map(|digits| count(digits.into_bytes())).boxed()
        }
        Field::CharString | Field::HexCounted => counted(0..9).boxed(),
        Field::OptionalCharString => prop_oneof![Just(vec![]), counted(0..9)].boxed(),
        Field::CharStrings => {
            prop::collection::vec(counted(0..9), 1..4).prop_map(|all| all.concat()).boxed()
        }
        Field::Tag => "[a-z0-9]{1,9}".prop_map(|tag| count(tag.into_bytes())).boxed(),
        Field::LongString => octets(0..9).boxed(),
        Field::Hex => octets(1..66).boxed(),
        Field::Base64 | Field::Nsap => octets(1..9).boxed(),
        Field::Base32Counted => counted(1..22).boxed(),
        Field::TypeBitmap => bitmap().boxed(),
        Field::SvcParams => params().boxed(),
        Field::Location => location().boxed(),
        Field::Prefixes => {
            prop::collection::vec(prefix(), 0..4).prop_map(|all| all.concat()).boxed()
        }
        Field::IpsecKey => prop_oneof![
            (octets(1..=1), octets(1..9)).prop_map(|(a, b)| [&a[..], &[0, 2], &b].concat()),
            octets(8..9).prop_map(|b| [&[9, 1, 2][..], &b].concat()),
            octets(17..19).prop_map(|b| [&[9, 2, 2][..], &b].concat()),
            (name(), octets(1..9)).prop_map(|(a, b)| [&[9, 3, 2][..], &a, &b].concat()),
            name().prop_map(|name| [&[9, 3, 0][..], &name].concat()),
        ]
        .boxed(),
        Field::HostIdentity => (octets(3..=3), octets(2..=2), prop::collection::vec(name(), 0..3))
            .prop_map(|(a, b, names)| [&[3, 7, 0, 2][..], &a, &b, &names.concat()].concat())
            .boxed(),
        Field::Services => (octets(1..=1), octets(0..9))
            .prop_map(|(protocol, bits)| [protocol, trim(bits)].concat())
            .boxed(),
        Field::Opaque => octets(0..9).boxed(),
    }
}

fn octets(size: impl Into<SizeRange>) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), size)
}

fn counted(size: impl Into<SizeRange>) -> impl Strategy<Value = Vec<u8>> {
    octets(size).prop_map(count)
}

fn count(octets: Vec<u8>) -> Vec<u8> {
    let length = u8::try_from(octets.len()).unwrap();
    [vec![length], octets].concat()
}

fn trim(mut octets: Vec<u8>) -> Vec<u8> {
    while octets.last() == Some(&0) {
        octets.pop();
    }
    octets
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    let label = prop::collection::vec(any::<u8>(), 1..6).prop_map(count);
    prop::collection::vec(label, 0..4).prop_map(|labels| [labels.concat(), vec![0]].concat())
}

fn bitmap() -> impl Strategy<Value = Vec<u8>> {
    let window = (any::<u8>(), prop::collection::vec(any::<u8>(), 0..32), 1..=255_u8);
    prop::collection::vec(window, 1..4).prop_map(|mut windows| {
        windows.sort();
        windows.dedup_by_key(|(number, _, _)| *number);
        let octets = |(number, mut bits, last): (u8, Vec<u8>, u8)| {
            bits.push(last);
            [vec![number], count(bits)].concat()
        };
        windows.into_iter().flat_map(octets).collect()
    })
}

/// Sizes as text can give them: zero has no power.
fn location() -> impl Strategy<Value = Vec<u8>> {
    let size =
        prop_oneof![Just(0_u8), (1..=9_u8, 0..=9_u8).prop_map(|(digit, power)| digit << 4 | power)];
    let angle = |degrees: u32| {
        let span = degrees * 3_600_000;
        ((1 << 31) - span)..=((1 << 31) + span)
    };
    (prop::collection::vec(size, 3), angle(90), angle(180), any::<u32>()).prop_map(
        |(sizes, latitude, longitude, altitude)| {
            let numbers = [latitude, longitude, altitude].map(u32::to_be_bytes).concat();
            [vec![0], sizes, numbers].concat()
        },
    )
}

fn prefix() -> impl Strategy<Value = Vec<u8>> {
    let write = |(family, length, negation, address): (u8, u8, bool, Vec<u8>)| {
        let count = u8::try_from(address.len()).unwrap() | u8::from(negation) << 7;
        [&[0, family, length, count][..], &address].concat()
    };
    prop_oneof![
        (Just(1), 0..=32_u8, any::<bool>(), octets(0..=4).prop_map(trim)).prop_map(write),
        (Just(2), 0..=128_u8, any::<bool>(), octets(0..=16).prop_map(trim)).prop_map(write),
    ]
}

/// Parameters that need no others: neither mandatory nor no-default-alpn.
fn params() -> impl Strategy<Value = Vec<u8>> {
    let key = prop_oneof![Just(1_u16), 3..=12_u16, any::<u16>().prop_map(|key| key.max(3))];
    let param = key.prop_flat_map(|key| (Just(key), value(Key(key).value())));
    prop::collection::vec(param, 0..4).prop_map(|mut params| {
        params.sort();
        params.dedup_by_key(|(key, _)| *key);
        let octets = |(key, value): (u16, Vec<u8>)| {
            let length = u16::try_from(value.len()).unwrap();
            [&key.to_be_bytes()[..], &length.to_be_bytes(), &value].concat()
        };
        params.into_iter().flat_map(octets).collect()
    })
}

fn value(value: Value) -> BoxedStrategy<Vec<u8>> {
    let strings = |length: usize| {
        let string = prop::collection::vec(any::<u8>(), length..5).prop_map(count);
        prop::collection::vec(string, 1..4).prop_map(|all| all.concat())
    };
    match value {
        Value::Keys => Just(vec![0, 1]).boxed(),
        Value::Strings => strings(1).boxed(),
        Value::Segments => prop_oneof![Just(vec![]), strings(0)].boxed(),
        Value::Empty => Just(vec![]).boxed(),
        Value::Port => octets(2..=2).boxed(),
        Value::Ipv4s => {
            prop::collection::vec(octets(4..=4), 1..3).prop_map(|all| all.concat()).boxed()
        }
        Value::Ipv6s => {
            prop::collection::vec(octets(16..=16), 1..3).prop_map(|all| all.concat()).boxed()
        }
        Value::Text => octets(1..9).boxed(),
        Value::Groups => prop_oneof![octets(2..=2), Just(vec![0, 29, 0, 23])].boxed(),
        Value::Base64 | Value::Opaque => octets(0..9).boxed(),
    }
}

/// Well-formed data of every type that has a layout, and of some that have none.
fn data() -> impl Strategy<Value = (Rtype, Vec<u8>)> {
    let all = Rtype::MNEMONICS.iter().filter_map(Rtype::from_text);
    let mut rtypes: Vec<Rtype> = all.collect();
    rtypes.push(Rtype(65_280));
    prop::sample::select(rtypes).prop_flat_map(|rtype| {
        let parts: Vec<_> = fields(rtype).iter().map(|&part| field(rtype, part)).collect();
        parts.prop_map(move |parts| (rtype, fit(rtype, parts.concat())))
    })
}

/// Makes a digest as long as its algorithm says, and takes the key from a KEY that has none.
fn fit(rtype: Rtype, mut octets: Vec<u8>) -> Vec<u8> {
    match rtype {
        Rtype::KEY if octets[0] & 0xC0 == 0xC0 => octets.truncate(4),
        Rtype::DS | Rtype::CDS if octets[3] <= 4 => octets[3] += 5,
        Rtype::SSHFP if octets[1] <= 2 => octets[1] += 3,
        Rtype::ZONEMD => octets.resize(octets.len().max(70), 7),
        _ => {}
    }
    if rtype == Rtype::ZONEMD && octets[5] <= 2 {
        octets[5] += 3;
    }
    octets
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn text_of_any_data_reads_back_to_its_octets((rtype, octets) in data()) {
        prop_assert_eq!(check_wire(rtype, &octets), Ok(()), "{}", rtype);
        let text = print::rdata(rtype, &octets).to_string();
        let back = text_to_rdata(rtype, text.as_bytes(), None);
        prop_assert_eq!(back.as_deref(), Ok(&octets[..]), "{} {}", rtype, text);
    }

    #[test]
    fn text_of_any_octets_is_written(
        number in 0_u16..270,
        octets in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let rtype = Rtype(number);
        let text = print::rdata(rtype, &octets).to_string();
        let back = text_to_rdata(rtype, text.as_bytes(), None);
        if check_wire(rtype, &octets).is_ok() && rtype != Rtype::LOC {
            prop_assert_eq!(back.as_deref(), Ok(&octets[..]), "{} {}", rtype, text);
        }
    }

    #[test]
    fn data_that_was_read_is_well_formed(number in 0_u16..270, text in r#"[0-9a-c:./!="\\# -]{0,30}"#) {
        let rtype = Rtype(number);
        if let Ok(octets) = text_to_rdata(rtype, text.as_bytes(), Some(origin().as_name())) {
            prop_assert_eq!(check_wire(rtype, &octets), Ok(()));
        }
    }
}

proptest! {
    #[test]
    fn ipv4_addresses_are_those_of_the_standard_library(
        address in any::<[u8; 4]>(),
        near in "[0-9]{0,4}(\\.[0-9a]{0,4}){2,4}",
    ) {
        let text = std::net::Ipv4Addr::from(address).to_string();
        prop_assert_eq!(super::ipv4_octets(text.as_bytes()), Some(address));
        let expected = near.parse().ok().map(|address: std::net::Ipv4Addr| address.octets());
        prop_assert_eq!(super::ipv4_octets(near.as_bytes()), expected);
    }
}
