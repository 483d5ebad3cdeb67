use super::{Outcome, Query, Verdict, check};
use crate::mail::address::Address;
use crate::mail::lookup::tests::Dns;
use crate::mail::spf::macros::name_of;
use crate::mail::spf::record::Record;
use proptest::prelude::*;

fn outcome(dns: &Dns, client: &str, from: &str) -> Outcome {
    let sender = (!from.is_empty()).then(|| Address::read(from).unwrap());
    let client = client.parse().unwrap();
    let query = Query { client, helo: "helo.example", sender: sender.as_ref() };
    dns.find_out(|known| check(&query, known))
}

/// What records say of a client, for joe@d.example.
#[track_caller]
fn check_records(records: &str, client: &str, expected: Verdict) {
    let outcome = outcome(&Dns::of(records), client, "joe@d.example");
    assert_eq!(outcome.verdict, expected, "{outcome:?} of {client} by\n{records}");
}

/// What the record of d.example says of 192.0.2.1, beside other records.
#[track_caller]
fn says(record: &str, others: &str, expected: Verdict) {
    check_records(&format!("d.example. TXT \"v=spf1 {record}\"\n{others}"), "192.0.2.1", expected);
}

#[test]
fn first_mechanism_that_matches_decides() {
    says("+all", "", Verdict::Pass);
    says("ALL", "", Verdict::Pass);
    says("-all", "", Verdict::Fail);
    says("~all", "", Verdict::SoftFail);
    says("?all", "", Verdict::Neutral);
    says("", "", Verdict::Neutral);
    says("-ip4:192.0.2.0/24 +all", "", Verdict::Fail);
    says("-ip4:198.51.100.0/24 +all", "", Verdict::Pass);
}

#[test]
fn domain_without_a_record_says_nothing() {
    check_records("d.example. A 192.0.2.1", "192.0.2.1", Verdict::None);
    check_records("", "192.0.2.1", Verdict::None);
    check_records("d.example. TXT \"v=spf10 -all\"", "192.0.2.1", Verdict::None);
    check_records("d.example. TXT \"V=SPF1 -all\"", "192.0.2.1", Verdict::Fail);
    check_records("d.example. TXT \"v=sp\" \"f1 -a\" \"ll\"", "192.0.2.1", Verdict::Fail);
    let two = "d.example. TXT \"v=spf1 -all\"\nd.example. TXT \"v=spf1 +all\"";
    check_records(two, "192.0.2.1", Verdict::PermError);
    let dns = Dns::of("");
    assert_eq!(outcome(&dns, "192.0.2.1", "joe@localhost").verdict, Verdict::None);
    assert_eq!(outcome(&dns, "192.0.2.1", "joe@[192.0.2.1]").verdict, Verdict::None);
    assert_eq!(dns.asked.get(), 0);
}

#[test]
fn empty_sender_is_checked_by_the_name_in_helo() {
    let dns = Dns::of(
        "helo.example. TXT \"v=spf1 exists:%{l}.%{o}.x -all\"\npostmaster.helo.example.x. A 192.0.2.9",
    );
    assert_eq!(outcome(&dns, "192.0.2.1", "").verdict, Verdict::Pass);
}

#[test]
fn addresses_are_compared_as_far_as_their_length() {
    for (term, is_match) in [
        ("ip4:192.0.2.1", true),
        ("ip4:192.0.2.2", false),
        ("ip4:192.0.2.2/31", false),
        ("ip4:192.0.2.2/30", true),
        ("ip4:10.0.0.1/0", true),
        ("ip6:2001:db8::1", false),
    ] {
        let expected = if is_match { Verdict::Pass } else { Verdict::Fail };
        says(&format!("{term} -all"), "", expected);
    }
    let record = "d.example. TXT \"v=spf1 ip6:2001:db8::/32 ip4:192.0.2.1 -all\"";
    check_records(record, "2001:db8:1::2", Verdict::Pass);
    check_records(record, "2001:db9::2", Verdict::Fail);
    check_records(record, "::ffff:192.0.2.1", Verdict::Pass);
}

#[test]
fn addresses_of_names_count_for_their_family() {
    says("a -all", "d.example. A 192.0.2.1", Verdict::Pass);
    says("a -all", "d.example. A 192.0.2.2", Verdict::Fail);
    says("a/24 -all", "d.example. A 192.0.2.2", Verdict::Pass);
    says("a:h.example -all", "h.example. A 192.0.2.1", Verdict::Pass);
    says("a:h.example/24//64 -all", "h.example. A 192.0.2.2", Verdict::Pass);
    says(
        "a:alias.example -all",
        "alias.example. CNAME h.example.\nh.example. A 192.0.2.1",
        Verdict::Pass,
    );
    let v6 =
        "d.example. TXT \"v=spf1 a//64 -all\"\nd.example. A 192.0.2.1\nd.example. AAAA 2001:db8::1";
    check_records(v6, "2001:db8::2", Verdict::Pass);
    check_records(v6, "2001:db8:0:1::2", Verdict::Fail);
}

#[test]
fn hosts_of_mx_records_count() {
    let mx = "d.example. MX 10 h.example.\nd.example. MX 20 i.example.\nh.example. A 192.0.2.9\ni.example. A 192.0.2.1";
    says("mx -all", mx, Verdict::Pass);
    says("mx:x.example -all", mx, Verdict::Fail);
    // Without MX records there is no other host (RFC 7208 §5.4).
    says("mx -all", "d.example. A 192.0.2.1", Verdict::Fail);
    says("mx -all", "d.example. MX 0 .", Verdict::Fail);
}

#[test]
fn names_of_the_client_count_if_they_have_its_address() {
    let ptr = "1.2.0.192.in-addr.arpa. PTR h.d.example.\n";
    says("ptr -all", &format!("{ptr}h.d.example. A 192.0.2.1"), Verdict::Pass);
    says("ptr -all", &format!("{ptr}h.d.example. A 192.0.2.2"), Verdict::Fail);
    says("ptr:other.example -all", &format!("{ptr}h.d.example. A 192.0.2.1"), Verdict::Fail);
    says("ptr -all", "", Verdict::Fail);
    // One that cannot be looked up does not count, and does no harm.
    says("ptr -all", "1.2.0.192.in-addr.arpa. PTR h.broken.", Verdict::Fail);
}

#[test]
fn include_asks_whether_another_record_passes() {
    let other = |record: &str| format!("o.example. TXT \"v=spf1 {record}\"");
    says("include:o.example -all", &other("ip4:192.0.2.1 -all"), Verdict::Pass);
    says("-include:o.example +all", &other("+all"), Verdict::Fail);
    for record in ["-all", "~all", "?all"] {
        says("include:o.example ?all", &other(record), Verdict::Neutral);
    }
    says("include:o.example ?all", "", Verdict::PermError);
    says("include:o.example ?all", &other("nonsense"), Verdict::PermError);
    says("include:x.broken ?all", "", Verdict::TempError);
}

#[test]
fn redirect_hands_over_where_nothing_matches() {
    let other = |record: &str| format!("o.example. TXT \"v=spf1 {record}\"");
    says("redirect=o.example", &other("-all"), Verdict::Fail);
    says("redirect=o.example ip4:192.0.2.1", &other("-all"), Verdict::Pass);
    says("redirect=o.example ~all", &other("-all"), Verdict::SoftFail);
    says("redirect=o.example", "", Verdict::PermError);
    says("redirect=o.example redirect=o.example", &other("-all"), Verdict::PermError);
}

#[test]
fn record_that_makes_no_sense_counts_for_nothing() {
    for record in [
        "+all nonsense",
        "+all a:",
        "+all a/33",
        "+all a/024",
        "+all a//129",
        "+all a/",
        "+all a:h",
        "+all a:h.123",
        "+all a:h.example:25",
        "+all ip4:192.0.2",
        "+all ip4:192.0.2.1/33",
        "+all ip6:2001:db8::/129",
        "+all ip4",
        "+all include",
        "+all exists:",
        "+all all:x.example",
        "+all all/8",
        "+all ptr/8",
        "+all ++a",
        "+all -redirect=x.example",
        "+all redirect=",
        "+all exp=x.example exp=y.example",
        "+all a:%{z}.example",
        "+all a:%{c}.example",
        "+all a:%{d0}",
        "+all a:%{d.example",
        "+all a:%x.example",
        "+all a:100%.example",
        "+all unknown=%{",
        "+all\tip4:192.0.2.1",
        "+all a:\\200.example",
    ] {
        says(record, "", Verdict::PermError);
    }
    for record in ["+all unknown=x", "+all un.k-n_own=%{c}%%", "+all exp=x.example", "  +all  "] {
        says(record, "", Verdict::Pass);
    }
}

#[test]
fn macros_stand_for_who_sends() {
    for (spec, expected) in [
        ("%{s}", "joe@d.example"),
        ("%{l}.%{o}", "joe.d.example"),
        ("%{d}", "d.example"),
        ("%{d1}.x", "example.x"),
        ("%{dr}", "example.d"),
        ("%{d1r}.x", "d.x"),
        ("%{d9}", "d.example"),
        ("%{i}.x", "192.0.2.1.x"),
        ("%{ir}.%{v}.arpa", "1.2.0.192.in-addr.arpa"),
        ("%{h}", "helo.example"),
        ("%{p}.x", "unknown.x"),
        ("%{l}%%%-.x", "joe%%20.x"),
        ("%{L}.x", "joe.x"),
        ("%{S}.x", "joe%40d.example.x"),
        ("x.example.", "x.example"),
    ] {
        let name = expected.replace('@', "\\@");
        says(&format!("exists:{spec} -all"), &format!("{name}. A 192.0.2.9"), Verdict::Pass);
        says(&format!("exists:{spec} -all"), "", Verdict::Fail);
    }
    let dns = Dns::of(
        "d.example. TXT \"v=spf1 exists:%{l1r-}.x exists:%{lr+}.y exists:%{ir}.%{v}.z -all\"\n\
         a.x. A 192.0.2.9\nb.a.y. A 192.0.2.9\n\
         2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.z. A 192.0.2.9\n",
    );
    assert_eq!(outcome(&dns, "192.0.2.1", "a-b@d.example").verdict, Verdict::Pass);
    assert_eq!(outcome(&dns, "192.0.2.1", "a+b@d.example").verdict, Verdict::Pass);
    assert_eq!(outcome(&dns, "2001:db8::2", "ab@d.example").verdict, Verdict::Pass);
}

#[test]
fn name_of_the_client_stands_in_a_macro_if_it_has_its_address() {
    let ptr = "1.2.0.192.in-addr.arpa. PTR z.example.\n1.2.0.192.in-addr.arpa. PTR h.d.example.\n\
               z.example. A 192.0.2.1\nh.d.example. A 192.0.2.1\nh.d.example.x. A 192.0.2.9\n";
    says("exists:%{p}.x -all", ptr, Verdict::Pass);
}

#[test]
fn name_that_a_macro_makes_too_long_loses_its_left_labels() {
    let label = "a".repeat(60);
    let kept = format!("{label}.{label}.{label}.x.example");
    let dns = Dns::of(&format!(
        "d.example. TXT \"v=spf1 exists:%{{l}}.{label}.{label}.{label}.x.example -all\"\n{kept}. A 192.0.2.9\n"
    ));
    let from = format!("{}@d.example", "b.".repeat(50).trim_end_matches('.'));
    // Some of the labels on the left still fit.
    assert_eq!(outcome(&dns, "192.0.2.1", &from).verdict, Verdict::Fail);
    let from = format!("{}@d.example", "b".repeat(63));
    assert_eq!(outcome(&dns, "192.0.2.1", &from).verdict, Verdict::Pass);
}

#[test]
fn eleventh_term_that_asks_is_one_too_many() {
    let records = |count: usize| {
        let terms = (0..count).map(|number| format!("a:h{number}.example"));
        let terms = terms.collect::<Vec<_>>().join(" ");
        let hosts: String =
            (0..count).map(|number| format!("h{number}.example. A 192.0.2.9\n")).collect();
        (format!("{terms} ?all"), hosts)
    };
    let (record, hosts) = records(10);
    says(&record, &hosts, Verdict::Neutral);
    let (record, hosts) = records(11);
    says(&record, &hosts, Verdict::PermError);
    says("include:d.example", "", Verdict::PermError);
    says("redirect=d.example", "", Verdict::PermError);
}

#[test]
fn third_question_without_an_answer_is_one_too_many() {
    says("a:a.example a:b.example ?all", "", Verdict::Neutral);
    says("a:a.example a:b.example exists:c.example ?all", "", Verdict::PermError);
    says("a:a.example mx:b.example a:c.example ?all", "", Verdict::PermError);
}

#[test]
fn eleventh_host_is_one_too_many() {
    let hosts = |count: usize| {
        let host = |number| {
            format!("d.example. MX {number} h{number}.example.\nh{number}.example. A 192.0.2.9\n")
        };
        (0..count).map(host).collect::<String>()
    };
    says("mx ?all", &hosts(10), Verdict::Neutral);
    says("mx ?all", &hosts(11), Verdict::PermError);
}

#[test]
fn questions_of_a_check_are_bounded() {
    let mut records = String::new();
    let terms: Vec<String> = (0..10).map(|number| format!("mx:m{number}.example")).collect();
    for domain in 0..10 {
        for host in 0..10 {
            records.push_str(&format!("m{domain}.example. MX 1 h{host}.m{domain}.example.\n"));
            records.push_str(&format!("h{host}.m{domain}.example. A 192.0.2.9\n"));
        }
    }
    let record = format!(
        "d.example. TXT {}\n",
        "\"v=spf1 \" ".to_owned()
            + &terms.iter().map(|term| format!("\"{term} \"")).collect::<String>()
    );
    let dns = Dns::of(&format!("{record}{records}"));
    assert_eq!(outcome(&dns, "192.0.2.1", "joe@d.example").verdict, Verdict::Neutral);
    assert_eq!(dns.asked.get(), 1 + 10 * 11);
}

#[test]
fn record_and_its_macros_are_bounded() {
    let strings = |count: usize| format!("\"{}\" ", "ip4:192.0.2.9 ".repeat(18)).repeat(count);
    let long = |count| format!("d.example. TXT \"v=spf1 \" {}\"+all\"", strings(count));
    check_records(&long(32), "192.0.2.1", Verdict::Pass);
    check_records(&long(33), "192.0.2.1", Verdict::PermError);
    says(&format!("exists:{} ?all", "%{d1}".repeat(32)), "", Verdict::Neutral);
    says(&format!("exists:{} ?all", "%{d1}".repeat(33)), "", Verdict::PermError);
    let from = format!("{}@d.example", "a.".repeat(128).trim_end_matches('.'));
    let dns =
        Dns::of(&format!("d.example. TXT \"v=spf1 exists:{} +all\"", "%{s}.".repeat(31) + "%{s}"));
    assert_eq!(outcome(&dns, "192.0.2.1", &from).verdict, Verdict::Pass);
    assert_eq!(dns.asked.get(), 1);
}

#[test]
fn failure_of_dns_is_told_as_such() {
    let dns = Dns::of("");
    let found = outcome(&dns, "192.0.2.1", "joe@x.broken");
    assert_eq!(found.verdict, Verdict::TempError);
    says("a:x.broken -all", "", Verdict::TempError);
    says("ip4:192.0.2.1 a:x.broken -all", "", Verdict::Pass);
}

#[test]
fn field_tells_the_result_and_nothing_of_a_client_ends_a_line() {
    let sender = Address::read("\"a(\\\"\"@d.example").unwrap();
    let helo = "x\u{e9}\r\nSubject: y";
    let query = Query { client: "192.0.2.1".parse().unwrap(), helo, sender: Some(&sender) };
    let dns = Dns::of("d.example. TXT \"v=spf1 ip4:192.0.2.0/24 -all\"");
    let outcome = dns.find_out(|known| check(&query, known));
    assert_eq!(
        outcome.field(&query, "mail.us"),
        "Received-SPF: pass (mail.us: domain of \"a??\"\"@d.example designates 192.0.2.1 as permitted \
         sender)\r\n\tclient-ip=192.0.2.1;\r\n\tenvelope-from=\"\\\"a(\\\\\\\"\\\"@d.example\";\r\n\t\
         helo=\"x???Subject: y\";\r\n\tidentity=mailfrom;\r\n\treceiver=mail.us;\r\n\t\
         mechanism=\"ip4:192.0.2.0/24\";\r\n"
    );
    let long = "x".repeat(5000);
    let query = Query { client: "192.0.2.1".parse().unwrap(), helo: &long, sender: None };
    let field = outcome.field(&query, "mail.us");
    assert!(field.lines().all(|line| line.len() < 998), "{field}");
}

/// Texts that look somewhat like a record.
fn records() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a",
        "mx",
        "ip4",
        "ip6",
        "include",
        "exists",
        "redirect",
        "exp",
        "ptr",
        "all",
        ":",
        "/",
        "//",
        "=",
        "%{",
        "}",
        "%",
        "d",
        "l",
        "s",
        "p",
        "r",
        "1",
        "0",
        "24",
        "-",
        ".",
        " ",
        "x",
        "192.0.2.1",
        "2001:db8::1",
        "\u{e9}",
        "\t",
        "~",
        "+",
        "_",
        "\\",
        "broken",
        "d.example",
    ]);
    prop::collection::vec(pieces, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_record_ends_more_than_its_check(record in records(), octets in any::<Vec<u8>>()) {
        let _ = Record::read(&octets);
        let _ = name_of(&String::from_utf8_lossy(&octets));
        let text = format!("v=spf1 {record}");
        if let Ok(read) = Record::read(text.as_bytes()) {
            prop_assert!(read.directives.len() <= text.len());
        }
        // What a zone file cannot hold was read above.
        if record.is_ascii() && !record.contains(['\\', '\t']) {
            let dns = Dns::of(&format!("d.example. TXT \"{text}\""));
            let _ = outcome(&dns, "192.0.2.1", "joe@d.example");
            prop_assert!(dns.asked.get() <= crate::mail::lookup::QUESTIONS_MAX);
        }
    }
}
