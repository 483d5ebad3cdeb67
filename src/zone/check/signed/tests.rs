use crate::base::time::Wall;
use crate::wire::name::{Name, NameBuf};
use crate::zone::crew::Crew;
use crate::zone::file::source::Texts;
use crate::zone::load::{Apex, Means, load};

/// 2023-11-14 22:13:20.
const NOW: Wall = Wall::from_secs(1_700_000_000);

/// What follows the number of labels in an RRSIG record: TTL, times, key, signer, octets.
const REST: &str = "60 20231214000000 20231101000000 1038 example. AAAA";

/// With a name, a wildcard below two names without data, and two cuts. An RRSIG record is written
/// with its type and labels alone; `complete` does the rest.
const NSEC: &str = "\
$TTL 60
@ SOA ns.other. a 1 2 3 4 5
@ RRSIG SOA 1
@ NS ns.other.
@ RRSIG NS 1
@ DNSKEY 257 3 13 AAAA
@ RRSIG DNSKEY 1
@ NSEC a NS SOA RRSIG NSEC DNSKEY
@ RRSIG NSEC 1
a A 192.0.2.1
a RRSIG A 2
a NSEC *.e.n A RRSIG NSEC
a RRSIG NSEC 2
*.e.n TXT x
*.e.n RRSIG TXT 3
*.e.n NSEC s TXT RRSIG NSEC
*.e.n RRSIG NSEC 3
s NS ns.s
s DS 1 8 99 00
s RRSIG DS 2
s NSEC u NS DS RRSIG NSEC
s RRSIG NSEC 2
ns.s A 192.0.2.2
u NS ns.other.
u NSEC @ NS RRSIG NSEC
u RRSIG NSEC 2";

/// The same names with NSEC3: *.e.n, the apex, a, n, e.n, s and u.
const NSEC3: &str = "\
$TTL 60
@ SOA ns.other. a 1 2 3 4 5
@ RRSIG SOA 1
@ NS ns.other.
@ RRSIG NS 1
@ DNSKEY 257 3 13 AAAA
@ RRSIG DNSKEY 1
@ NSEC3PARAM 1 0 0 -
@ RRSIG NSEC3PARAM 1
a A 192.0.2.1
a RRSIG A 2
*.e.n TXT x
*.e.n RRSIG TXT 3
s NS ns.s
s DS 1 8 99 00
s RRSIG DS 2
ns.s A 192.0.2.2
u NS ns.other.
0pqigpvj967vim28d9p12g5b48df8s1k NSEC3 1 0 0 - 3msev9usmd4br9s97v51r2tdvmr9iqo1 TXT RRSIG
0pqigpvj967vim28d9p12g5b48df8s1k RRSIG NSEC3 2
3msev9usmd4br9s97v51r2tdvmr9iqo1 NSEC3 1 0 0 - 6cd522290vma0nr8lqu1ivtcofj94rga \
NS SOA RRSIG DNSKEY NSEC3PARAM
3msev9usmd4br9s97v51r2tdvmr9iqo1 RRSIG NSEC3 2
6cd522290vma0nr8lqu1ivtcofj94rga NSEC3 1 0 0 - jos3qps0lcho129brha6fejve7uu7b46 A RRSIG
6cd522290vma0nr8lqu1ivtcofj94rga RRSIG NSEC3 2
jos3qps0lcho129brha6fejve7uu7b46 NSEC3 1 0 0 - lmesrfmisd3aaqgp2bm46rml8rd4c0tn
jos3qps0lcho129brha6fejve7uu7b46 RRSIG NSEC3 2
lmesrfmisd3aaqgp2bm46rml8rd4c0tn NSEC3 1 0 0 - ops6e3agoanq9hajtl7sdsu3hg07e28t
lmesrfmisd3aaqgp2bm46rml8rd4c0tn RRSIG NSEC3 2
ops6e3agoanq9hajtl7sdsu3hg07e28t NSEC3 1 0 0 - ppnmqj5gubmc9fjhhrhg5f8qfeori31m NS DS RRSIG
ops6e3agoanq9hajtl7sdsu3hg07e28t RRSIG NSEC3 2
ppnmqj5gubmc9fjhhrhg5f8qfeori31m NSEC3 1 0 0 - 0pqigpvj967vim28d9p12g5b48df8s1k NS
ppnmqj5gubmc9fjhhrhg5f8qfeori31m RRSIG NSEC3 2";

/// A line of a zone as the reader wants it.
fn complete(line: &str) -> String {
    match *line.split(' ').collect::<Vec<&str>>() {
        [owner, "RRSIG", covered, labels] => format!("{owner} RRSIG {covered} 13 {labels} {REST}"),
        _ => line.to_owned(),
    }
}

/// What is wrong with a zone example., each as its line, its code and its message.
fn problems(text: &str) -> Vec<String> {
    problems_at(NOW, text)
}

fn problems_at(now: Wall, text: &str) -> Vec<String> {
    let texts = Texts::of("z", text.as_bytes().to_vec());
    let apex = NameBuf::from_text(b"example.", Some(Name::ROOT)).unwrap();
    let loaded = load(&texts, "z", Apex::Given(apex.as_name()), Means { now, crew: &Crew::new(3) });
    assert!(loaded.zone.is_some(), "a hole keeps no zone from being served: {text}");
    let shown = loaded.diagnostics.iter().map(|problem| {
        let line = problem.place.as_ref().map_or(0, |place| place.line);
        format!("{line} {}: {}", problem.code, problem.message)
    });
    shown.collect()
}

/// Makes one change after the other in a zone and compares what is wrong with it. What is taken out
/// leaves an empty line.
#[track_caller]
fn check(zone: &str, changes: &[(&str, &str)], expected: &[&str]) {
    let mut text = zone.lines().map(complete).collect::<Vec<String>>().join("\n");
    for (from, to) in changes {
        let from = complete(from);
        assert_eq!(text.matches(&from).count(), 1, "{from}");
        text = text.replace(&from, &complete(to));
    }
    assert_eq!(problems(&text), expected, "{text}");
}

/// The zone with more lines at its end.
fn with(zone: &str, lines: &str) -> String {
    format!("{zone}\n{lines}")
}

#[test]
fn well_signed_zone_has_no_holes() {
    check(NSEC, &[], &[]);
    check(NSEC3, &[], &[]);
}

#[test]
fn zone_without_any_claim_is_not_looked_at() {
    check(
        "$TTL 60\n@ SOA ns.other. a 1 2 3 4 5\n@ NS ns.other.\na A 192.0.2.1\n\
         a RRSIG A 9 9 1 1 1 1 b. AAAA\na NSEC x MX\nb NSEC3 1 0 0 - 00 MX\n@ DNSKEY 1 3 13 AAAA",
        &[],
        &[],
    );
}

#[test]
fn claim_without_signatures_is_one_finding() {
    for (record, rtype) in [
        ("DNSKEY 257 3 13 AAAA", "DNSKEY"),
        ("NSEC a NS", "NSEC"),
        ("NSEC3PARAM 1 0 0 -", "NSEC3PARAM"),
    ] {
        check(
            &format!("$TTL 60\n@ SOA ns.other. a 1 2 3 4 5\n@ NS ns.other.\n@ {record}\na TXT x"),
            &[],
            &[&format!("4 not-signed: the zone example. has {rtype} records and no signatures")],
        );
    }
}

#[test]
fn set_without_signature_is_told_wherever_one_is_due() {
    let missing =
        |line: u32, what: &str| format!("{line} signature-missing: {what} has no signature");
    for (zone, gone, line, what) in [
        (NSEC, "@ RRSIG DNSKEY 1", 6, "example. DNSKEY"),
        (NSEC, "@ RRSIG NSEC 1", 8, "example. NSEC"),
        (NSEC, "a RRSIG A 2", 10, "a.example. A"),
        (NSEC, "*.e.n RRSIG TXT 3", 14, "*.e.n.example. TXT"),
        (NSEC, "s RRSIG DS 2", 19, "s.example. DS"),
        (NSEC, "u RRSIG NSEC 2", 25, "u.example. NSEC"),
        (NSEC3, "s RRSIG DS 2", 15, "s.example. DS"),
        (
            NSEC3,
            "6cd522290vma0nr8lqu1ivtcofj94rga RRSIG NSEC3 2",
            23,
            "6cd522290vma0nr8lqu1ivtcofj94rga.example. NSEC3",
        ),
    ] {
        check(zone, &[(gone, "")], &[&missing(line, what)]);
    }
}

#[test]
fn what_belongs_to_the_zone_below_is_not_signed() {
    check(
        &with(NSEC, "s RRSIG NS 2\nns.s RRSIG A 3"),
        &[],
        &[
            "27 signature-out-of-place: s.example. NS is signed and belongs to the zone below",
            "28 signature-out-of-place: ns.s.example. A is signed and belongs to the zone below",
        ],
    );
}

#[test]
fn names_below_a_dname_need_nothing() {
    check(
        &with(NSEC, "x.d TXT x"),
        &[
            ("*.e.n TXT x", "d DNAME other."),
            ("*.e.n RRSIG TXT 3", "d RRSIG DNAME 2"),
            ("a NSEC *.e.n A RRSIG NSEC", "a NSEC d A RRSIG NSEC"),
            ("*.e.n NSEC s TXT RRSIG NSEC", "d NSEC s DNAME RRSIG NSEC"),
            ("*.e.n RRSIG NSEC 3", "d RRSIG NSEC 2"),
        ],
        &["27 below-dname: x.d.example. TXT is below the DNAME at d.example."],
    );
}

/// Puts other fields into the signature of a.example. A.
#[track_caller]
fn check_signature(fields: &str, expected: &[&str]) {
    check(NSEC, &[("a RRSIG A 2", &format!("a RRSIG A {fields}"))], expected);
}

#[test]
fn time_of_a_signature_is_that_of_the_caller() {
    // From the first to the last second.
    for times in ["20231214000000 20231114221320", "20231114221320 20231113000000"] {
        let soon = "11 signature-expires-soon: the signature of a.example. A expires in 0 seconds";
        let expected: &[&str] = if times.starts_with("20231114") { &[soon] } else { &[] };
        check_signature(&format!("13 2 60 {times} 1038 example. AAAA"), expected);
    }
    check_signature(
        "13 2 60 20231114221319 20231101000000 1038 example. AAAA",
        &["11 signature-expired: the signature of a.example. A expired 1 second ago"],
    );
    check_signature(
        "13 2 60 20231110221319 20231101000000 1038 example. AAAA",
        &["11 signature-expired: the signature of a.example. A expired 4 days ago"],
    );
    check_signature(
        "13 2 60 20231214000000 20231115011320 1038 example. AAAA",
        &["11 signature-not-yet-valid: the signature of a.example. A is not valid for another 3 \
             hours"],
    );
}

#[test]
fn times_wrap_around() {
    let text: Vec<String> = NSEC.lines().map(complete).collect();
    let text = text.join("\n").replace("20231214000000 20231101000000", "1000000 4294000000");
    for (seconds, expected) in [
        (4_294_000_000, None),
        ((1 << 32) + 1_000, None),
        (4_293_999_999, Some("signature-not-yet-valid")),
        ((1 << 32) + 1_000_001, Some("signature-expired")),
    ] {
        let found = problems_at(Wall::from_secs(seconds), &text);
        let codes = found.iter().filter_map(|line| line.split([' ', ':']).nth(1));
        let codes = codes.filter(|code| *code != "signature-expires-soon");
        assert_eq!(codes.collect::<Vec<&str>>(), Vec::from_iter(expected), "{seconds}");
    }
}

#[test]
fn signature_that_expires_soon_is_told_unless_it_never_lasts_long() {
    check_signature(
        "13 2 60 20231116221320 20231101000000 1038 example. AAAA",
        &["11 signature-expires-soon: the signature of a.example. A expires in 2 days"],
    );
    check_signature("13 2 60 20231118000000 20231101000000 1038 example. AAAA", &[]);
    check_signature("13 2 60 20231116221320 20231114000000 1038 example. AAAA", &[]);
}

#[test]
fn fault_of_all_signatures_is_one_finding() {
    let text: Vec<String> = NSEC.lines().map(complete).collect();
    let text = text.join("\n").replace("20231214000000", "20231113221320");
    assert_eq!(
        problems(&text),
        ["5 signature-expired: the signature of example. NS expired 24 hours ago, \
             and 10 more like this"]
    );
}

#[test]
fn signature_of_a_key_that_the_zone_does_not_have_is_told() {
    let unknown = |algorithm: u8, tag: u16| {
        format!(
            "11 signature-by-unknown-key: the signature of a.example. A is by the key {tag} of \
             algorithm {algorithm}, which the zone does not have"
        )
    };
    check_signature(
        "13 2 60 20231214000000 20231101000000 1039 example. AAAA",
        &[&unknown(13, 1039)],
    );
    check_signature(
        "8 2 60 20231214000000 20231101000000 1038 example. AAAA",
        &[&unknown(8, 1038)],
    );
}

#[test]
fn key_that_is_revoked_or_not_of_the_zone_signs_nothing() {
    for flags in ["384", "1"] {
        check(
            NSEC,
            &[("DNSKEY 257 3 13", &format!("DNSKEY {flags} 3 13"))],
            &["3 dnskey-missing: the zone example. has signatures and no key for them"],
        );
    }
}

#[test]
fn signature_of_another_signer_name_or_ttl_is_told() {
    let rest = "20231214000000 20231101000000 1038";
    check_signature(
        &format!("13 2 60 {rest} a.example. AAAA"),
        &["11 signature-by-other-signer: the signature of a.example. A is by a.example."],
    );
    for labels in [1, 3] {
        let expected = format!(
            "11 signature-labels-differ: the signature of a.example. A is for a name of {labels} \
             labels, not 2"
        );
        check_signature(&format!("13 {labels} 60 {rest} EXAMPLE. AAAA"), &[&expected]);
    }
    check_signature(
        &format!("13 2 59 {rest} example. AAAA"),
        &["11 signature-ttl-differs: the signature of a.example. A is for a TTL of 59, and the \
             set \
           has one of 60"],
    );
    let with_ttl = |ttl: &str| format!("a {ttl} RRSIG A 13 2 60 {rest} example. AAAA");
    check(
        NSEC,
        &[("a RRSIG A 2", &with_ttl("61"))],
        &["11 signature-ttl-differs: the signature of a.example. A has a TTL of 61, and the set \
           one of 60"],
    );
}

#[test]
fn ttl_of_a_signature_may_be_cut_to_the_time_it_lasts() {
    // 42 days and 3,628,800 seconds.
    let lasting = "20231213000000 20231101000000 1038 example. AAAA";
    let signature = format!("a 3628800 RRSIG A 13 2 3628801 {lasting}");
    check(NSEC, &[("a A ", "a 3628801 A "), ("a RRSIG A 2", &signature)], &[]);
}

#[test]
fn other_signatures_do_no_harm_beside_a_good_one() {
    let old = "a RRSIG A 13 2 60 20220101000000 20210101000000 1038 example. AAAA";
    let new = "a RRSIG A 8 2 60 20231214000000 20231101000000 7 example. AAAA";
    check(&with(NSEC, &format!("{old}\n{new}\na RRSIG MX 2")), &[], &[]);
}

#[test]
fn each_algorithm_of_the_keys_signs_everything() {
    let key = "@ DNSKEY 256 3 8 AAAA";
    check(
        &with(NSEC, key),
        &[],
        &["4 algorithm-without-signature: example. NS has no signature of algorithm 8, of which \
             the \
           zone has a key, and 10 more like this"],
    );
    // 0x0100 + 0x0308.
    let tag = "60 20231214000000 20231101000000 1032 example. AAAA";
    let lines = NSEC.lines().map(|line| match *line.split(' ').collect::<Vec<&str>>() {
        [owner, "RRSIG", covered, labels] => format!("{owner} RRSIG {covered} 8 {labels} {tag}"),
        _ => String::new(),
    });
    let twice = with(&with(NSEC, key), &lines.collect::<Vec<String>>().join("\n"));
    check(&twice, &[], &[]);
    check(
        &twice,
        &[(&format!("a RRSIG A 8 2 {tag}"), "")],
        &["10 algorithm-without-signature: a.example. A has no signature of algorithm 8, of \
             which \
           the zone has a key"],
    );
}

#[test]
fn key_tags_are_those_of_the_rfc() {
    // The key of RFC 4034 §5.4.
    let key = "AQOeiiR0GOMYkDshWoSKz9Xz fwJr1AYtsmx3TGkJaNXVbfi/ 2pHm822aJ5iI9BMzNXxeYCmZ \
               DRD99WYwYqUSdjMmmAphXdvx egXd/M5+X7OrzKBaMbCVdFLU Uh6DhweJBjEVv5f2wwjM9Xzc \
               nOf+EPbtG9DMBmADjFDc2w/r ljwvFw==";
    check(
        NSEC,
        &[
            ("DNSKEY 257 3 13 AAAA", &format!("DNSKEY 256 3 5 {key}")),
            ("a RRSIG A 2", "a RRSIG A 5 2 60 20231214000000 20231101000000 60485 example. AAAA"),
        ],
        &["5 signature-by-unknown-key: the signature of example. NS is by the key 1038 of \
             algorithm \
           13, which the zone does not have, and 9 more like this"],
    );
}

#[test]
fn signed_zone_that_proves_nothing_is_told() {
    check(
        NSEC,
        &[("@ NSEC a NS SOA RRSIG NSEC DNSKEY", ""), ("@ RRSIG NSEC 1", "")],
        &["3 denial-missing: the signed zone example. has neither an NSEC nor an NSEC3PARAM \
             record"],
    );
    check(
        NSEC3,
        &[("NSEC3PARAM 1 0 0 -", "NSEC3PARAM 1 1 0 -")],
        &["8 denial-missing: the zone example. has no NSEC3PARAM record that can be used"],
    );
    check(
        NSEC3,
        &[("NSEC3PARAM 1 0 0 -", "NSEC3PARAM 1 0 2501 -")],
        &["8 nsec3-not-served: the zone example. has NSEC3 with more than 2500 iterations"],
    );
}

#[test]
fn more_iterations_than_validators_take_are_told() {
    check(
        NSEC3,
        &[("NSEC3PARAM 1 0 0 -", "NSEC3PARAM 1 0 151 -")],
        &[
            "8 nsec3-iterations: the zone example. has NSEC3 with 151 iterations, of which \
             validators take 150 at most",
            "19 nsec3-parameters-differ: the NSEC3 record \
             0pqigpvj967vim28d9p12g5b48df8s1k.example. is not made as any NSEC3PARAM record says, \
             and 6 more like this",
        ],
    );
}

#[test]
fn missing_nsec_is_told_once() {
    check(
        NSEC,
        &[("a NSEC *.e.n A RRSIG NSEC", ""), ("a RRSIG NSEC 2", "")],
        &["10 nsec-missing: a.example. has no NSEC record"],
    );
    check(
        NSEC,
        &[("u NSEC @ NS RRSIG NSEC", ""), ("u RRSIG NSEC 2", "")],
        &["24 nsec-missing: u.example. has no NSEC record"],
    );
    // A name that was added later.
    check(
        &with(NSEC, "b A 192.0.2.1\nb RRSIG A 2"),
        &[],
        &["27 nsec-missing: b.example. has no NSEC record"],
    );
}

#[test]
fn nsec_leads_to_the_next_name_that_has_authority() {
    let broken = |line: u32, owner: &str, next: &str, expected: &str| {
        format!(
            "{line} nsec-chain-broken: the NSEC record of {owner} leads to {next}, and the next \
             name is {expected}"
        )
    };
    for (from, to, line, owner, next, expected) in [
        ("a NSEC *.e.n A", "a NSEC e.n A", 12, "a.example.", "e.n.example.", "*.e.n.example."),
        ("a NSEC *.e.n A", "a NSEC s A", 12, "a.example.", "s.example.", "*.e.n.example."),
        ("s NSEC u NS", "s NSEC ns.s NS", 21, "s.example.", "ns.s.example.", "u.example."),
        ("u NSEC @ NS", "u NSEC a NS", 25, "u.example.", "a.example.", "example."),
        ("u NSEC @ NS", "u NSEC z NS", 25, "u.example.", "z.example.", "example."),
    ] {
        check(NSEC, &[(from, to)], &[&broken(line, owner, next, expected)]);
    }
    check(NSEC, &[("a NSEC *.e.n A", "a NSEC *.E.N A")], &[]);
    check(
        &with(NSEC, "a NSEC s A RRSIG NSEC"),
        &[],
        &["27 nsec-chain-broken: a.example. has 2 NSEC records"],
    );
}

#[test]
fn nsec_out_of_place_is_told_once_whether_the_chain_leads_there_or_not() {
    let told = "27 nsec-out-of-place: ns.s.example. has an NSEC record below the delegation at \
                s.example.";
    let stray = "ns.s NSEC u A RRSIG NSEC\nns.s RRSIG NSEC 3";
    check(&with(NSEC, stray), &[], &[told]);
    check(&with(NSEC, stray), &[("s NSEC u NS", "s NSEC ns.s NS")], &[told]);
    check(
        &with(NSEC, "n NSEC *.e.n RRSIG NSEC\nn RRSIG NSEC 2"),
        &[],
        &["27 nsec-out-of-place: n.example. has an NSEC record and nothing else"],
    );
}

#[test]
fn nsec_lists_the_types_of_its_name() {
    let differs = |line: u32, owner: &str, how: &str| {
        format!("{line} nsec-types-differ: the NSEC record of {owner} {how}")
    };
    for (from, to, line, owner, how) in [
        ("*.e.n A RRSIG", "*.e.n A MX RRSIG", 12, "a.example.", "lists MX, which is not there"),
        ("*.e.n A RRSIG", "*.e.n MX RRSIG", 12, "a.example.", "lists MX and not A"),
        ("*.e.n A RRSIG NSEC", "*.e.n A NSEC", 12, "a.example.", "does not list RRSIG"),
        ("u NS DS RRSIG", "u NS RRSIG", 21, "s.example.", "does not list DS"),
        (
            "@ NS RRSIG NSEC",
            "@ NS RRSIG NSEC TYPE65280",
            25,
            "u.example.",
            "lists TYPE65280, which is not there",
        ),
    ] {
        check(NSEC, &[(from, to)], &[&differs(line, owner, how)]);
    }
    // What stands at a cut and belongs below is not listed.
    check(&with(NSEC, "u A 192.0.2.1"), &[], &[]);
}

#[test]
fn missing_nsec3_is_told_once() {
    let gone =
        |hash: &str, rest: &str| [format!("{hash} NSEC3 {rest}"), format!("{hash} RRSIG NSEC3 2")];
    let [nsec3, signature] = gone(
        "6cd522290vma0nr8lqu1ivtcofj94rga",
        "1 0 0 - jos3qps0lcho129brha6fejve7uu7b46 A RRSIG",
    );
    check(
        NSEC3,
        &[(&nsec3, ""), (&signature, "")],
        &["10 nsec3-missing: a.example. has no NSEC3 record"],
    );
    let [nsec3, signature] =
        gone("jos3qps0lcho129brha6fejve7uu7b46", "1 0 0 - lmesrfmisd3aaqgp2bm46rml8rd4c0tn");
    check(
        NSEC3,
        &[(&nsec3, ""), (&signature, "")],
        &["12 nsec3-missing: n.example., a name between others, has no NSEC3 record"],
    );
    let [nsec3, signature] =
        gone("ppnmqj5gubmc9fjhhrhg5f8qfeori31m", "1 0 0 - 0pqigpvj967vim28d9p12g5b48df8s1k NS");
    check(
        NSEC3,
        &[(&nsec3, ""), (&signature, "")],
        &["18 nsec3-missing: u.example. has no NSEC3 record"],
    );
    let none: Vec<&str> = NSEC3.lines().filter(|line| !line.contains(" NSEC3 ")).collect();
    check(
        &none.join("\n"),
        &[],
        &["8 nsec3-missing: the zone example. has NSEC3PARAM and no NSEC3 record"],
    );
}

#[test]
fn opt_out_covers_cuts_without_ds_and_names_above_them_alone() {
    let opt_out = NSEC3
        .lines()
        .filter(|line| !line.starts_with("ppnm"))
        .collect::<Vec<&str>>()
        .join("\n")
        .replace("- ppnmqj5gubmc9fjhhrhg5f8qfeori31m", "- 0pqigpvj967vim28d9p12g5b48df8s1k")
        .replace("NSEC3 1 0", "NSEC3 1 1");
    check(&opt_out, &[], &[]);
    // x.y and y are goac… and o5m2…, between a, n, e.n and s.
    check(&with(&opt_out, "x.y NS ns.other."), &[], &[]);
    check(
        &with(&opt_out, "x.y NS ns.other.\nz.y TXT z\nz.y RRSIG TXT 3"),
        &[],
        &[
            "32 nsec3-missing: z.y.example. has no NSEC3 record",
            "31 nsec3-missing: y.example., a name between others, has no NSEC3 record",
        ],
    );
    // Only where the record in question says so.
    check(
        &with(&opt_out, "x.y NS ns.other."),
        &[(
            "lmesrfmisd3aaqgp2bm46rml8rd4c0tn NSEC3 1 1",
            "lmesrfmisd3aaqgp2bm46rml8rd4c0tn NSEC3 1 0",
        )],
        &["31 nsec3-missing: y.example., a name between others, has no NSEC3 record"],
    );
}

#[test]
fn nsec3_leads_to_the_next_hash() {
    check(
        NSEC3,
        &[("- jos3qps0lcho129brha6fejve7uu7b46 A", "- lmesrfmisd3aaqgp2bm46rml8rd4c0tn A")],
        &["23 nsec3-chain-broken: the NSEC3 record 6cd522290vma0nr8lqu1ivtcofj94rga.example. \
             leads \
           to lmesrfmisd3aaqgp2bm46rml8rd4c0tn, and the next hash is \
           jos3qps0lcho129brha6fejve7uu7b46"],
    );
    check(
        NSEC3,
        &[("- 0pqigpvj967vim28d9p12g5b48df8s1k NS", "- 3msev9usmd4br9s97v51r2tdvmr9iqo1 NS")],
        &["31 nsec3-chain-broken: the NSEC3 record ppnmqj5gubmc9fjhhrhg5f8qfeori31m.example. \
             leads \
           to 3msev9usmd4br9s97v51r2tdvmr9iqo1, and the next hash is \
           0pqigpvj967vim28d9p12g5b48df8s1k"],
    );
    check(
        &with(
            NSEC3,
            "ppnmqj5gubmc9fjhhrhg5f8qfeori31m NSEC3 1 1 0 - 0pqigpvj967vim28d9p12g5b48df8s1k NS",
        ),
        &[],
        &["33 nsec3-chain-broken: ppnmqj5gubmc9fjhhrhg5f8qfeori31m.example. has several NSEC3 \
           records made in the same way"],
    );
}

#[test]
fn nsec3_lists_the_types_of_its_name() {
    check(
        NSEC3,
        &[("- jos3qps0lcho129brha6fejve7uu7b46 A RRSIG", "- jos3qps0lcho129brha6fejve7uu7b46 A")],
        &["23 nsec3-types-differ: the NSEC3 record of a.example. does not list RRSIG"],
    );
    check(
        NSEC3,
        &[("- 0pqigpvj967vim28d9p12g5b48df8s1k NS", "- 0pqigpvj967vim28d9p12g5b48df8s1k NS RRSIG")],
        &["31 nsec3-types-differ: the NSEC3 record of u.example. lists RRSIG, which is not there"],
    );
    check(
        NSEC3,
        &[("- lmesrfmisd3aaqgp2bm46rml8rd4c0tn", "- lmesrfmisd3aaqgp2bm46rml8rd4c0tn A")],
        &["25 nsec3-types-differ: the NSEC3 record of n.example. lists A, which is not there"],
    );
}

#[test]
fn nsec3_that_belongs_to_no_name_is_told() {
    check(
        NSEC3,
        &[("a A 192.0.2.1", ""), ("a RRSIG A 2", "")],
        &["23 nsec3-out-of-place: the NSEC3 record 6cd522290vma0nr8lqu1ivtcofj94rga.example. \
             belongs \
           to no name of the zone"],
    );
    check(
        &with(NSEC3, "q NSEC3 1 0 0 - 0pqigpvj967vim28d9p12g5b48df8s1k\nq RRSIG NSEC3 2"),
        &[],
        &["33 nsec3-out-of-place: q.example. has an NSEC3 record and is not the name of a hash"],
    );
}

#[test]
fn nsec3_made_otherwise_than_nsec3param_says_is_told_once() {
    check(
        NSEC3,
        &[(
            "6cd522290vma0nr8lqu1ivtcofj94rga NSEC3 1 0 0 -",
            "6cd522290vma0nr8lqu1ivtcofj94rga NSEC3 1 0 0 AA",
        )],
        &["23 nsec3-parameters-differ: the NSEC3 record \
             6cd522290vma0nr8lqu1ivtcofj94rga.example. is \
           not made as any NSEC3PARAM record says"],
    );
    check(
        NSEC3,
        &[("NSEC3PARAM 1 0 0 -", "NSEC3PARAM 1 0 1 -")],
        &["19 nsec3-parameters-differ: the NSEC3 record \
             0pqigpvj967vim28d9p12g5b48df8s1k.example. is \
           not made as any NSEC3PARAM record says, and 6 more like this"],
    );
}

#[test]
fn more_than_a_few_holes_of_a_kind_are_counted() {
    let names: Vec<String> = (0..12).map(|at| format!("ns.s{at:02} A 192.0.2.1")).collect();
    let unsigned = names.join("\n").replace("ns.s", "v");
    let found =
        problems(&with(NSEC, &unsigned).lines().map(complete).collect::<Vec<_>>().join("\n"));
    assert_eq!(found.len(), 20);
    assert_eq!(
        found[9],
        "36 signature-missing: v09.example. A has no signature, and 2 more like this"
    );
}
