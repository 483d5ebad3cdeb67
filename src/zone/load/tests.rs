use super::{Apex, Loaded, Means};
use crate::base::time::Wall;
use crate::wire::name::{Name, NameBuf};
use crate::zone::crew::Crew;
use crate::zone::file::source::{Source, Texts};

fn load(source: &dyn Source, path: &str, apex: Apex<'_>) -> Loaded {
    let means = Means { now: Wall::from_secs(1_700_000_000), crew: &Crew::new(3) };
    super::load(source, path, apex, means)
}

fn name(text: &str) -> NameBuf {
    NameBuf::from_text(text.as_bytes(), Some(Name::ROOT)).unwrap()
}

/// Loads a zone file for example. and compares its problems, one a line, without their hints.
#[track_caller]
fn check_whole(text: &str, expected: &[&str]) {
    let texts = Texts::of("z", text.as_bytes().to_vec());
    let apex = name("example.");
    let loaded = load(&texts, "z", Apex::Given(apex.as_name()));
    let problems: Vec<String> = loaded
        .diagnostics
        .iter()
        .map(|problem| problem.to_string().split("; ").next().unwrap().to_owned())
        .collect();
    assert_eq!(problems, expected, "{text}");
    let is_refused = expected.iter().any(|problem| problem.contains("error: "));
    assert_eq!(loaded.zone.is_none(), is_refused);
}

/// The same with SOA and NS in the first two lines.
#[track_caller]
fn check(records: &str, expected: &[&str]) {
    check_whole(
        &format!("$TTL 60\n@ SOA ns.other. a 1 2 3 4 5\n@ NS ns.other.\n{records}"),
        expected,
    );
}

#[test]
fn good_zone_has_no_problems() {
    check("www A 192.0.2.1\nsub NS ns.sub\nns.sub A 192.0.2.2\n* MX 1 www\nx MX 0 .", &[]);
}

#[test]
fn zone_without_soa_or_ns_is_refused() {
    check_whole(
        "a 60 A 192.0.2.1",
        &[
            "z:1:1: error: the zone example. has no SOA record [soa-missing]",
            "z:1:1: error: the zone example. has no NS record [ns-missing]",
        ],
    );
}

#[test]
fn second_soa_is_refused_and_the_same_one_again_is_not() {
    check(
        "@ SOA ns.other. a 2 2 3 4 5",
        &["z:4:7: error: the zone example. has 2 SOA records [soa-twice]"],
    );
    check(
        "@ SOA NS.other. a 1 2 3 4 5",
        &["z:4:7: warning: example. has the same SOA record twice [duplicate]"],
    );
    check(
        "b SOA ns.other. a 2 2 3 4 5",
        &["z:4:7: error: b.example. has a SOA record and is not the zone's own name \
           [soa-below-apex]"],
    );
}

#[test]
fn cname_beside_other_data_is_refused() {
    check(
        "a CNAME b\na A 192.0.2.1",
        &["z:5:5: error: a.example. has a CNAME record and a A record [cname-and-other-data]"],
    );
    check("a CNAME b\na CNAME c", &["z:5:9: error: a.example. has 2 CNAME records [cname-twice]"]);
    check("a CNAME b\na NSEC b.example. CNAME", &[]);
}

#[test]
fn two_dnames_are_refused() {
    check("a DNAME b\na DNAME c", &["z:5:9: error: a.example. has 2 DNAME records [dname-twice]"]);
}

#[test]
fn name_server_of_the_zone_must_have_an_address() {
    check(
        "@ NS ns",
        &["z:4:6: error: the name server ns.example. of the zone has no address \
           [ns-without-address]"],
    );
    check(
        "@ NS ns\nns CNAME www\nwww A 192.0.2.1",
        &["z:4:6: error: the name server ns.example. of the zone is an alias [ns-is-alias]"],
    );
    check(
        "@ NS a.d\nd DNAME other.",
        &["z:4:6: error: the name server a.d.example. of the zone is below a DNAME \
           [ns-below-dname]"],
    );
    check("@ NS ns\nns AAAA 2001:db8::1", &[]);
    check("@ NS ns\n* A 192.0.2.1", &[]);
    check("@ NS ns.sub\nsub NS ns.sub\nns.sub A 192.0.2.1", &[]);
}

#[test]
fn record_of_another_zone_is_left_out() {
    check(
        "www.other. A 192.0.2.1",
        &["z:4:1: warning: www.other. is not within the zone example. [out-of-zone]"],
    );
}

#[test]
fn differing_ttls_and_duplicates_are_told() {
    check(
        "a 10 A 192.0.2.1\na 20 A 192.0.2.2\na 10 A 192.0.2.1",
        &[
            "z:5:3: warning: a.example. A has a TTL of 20, and one of 10 before [ttl-differs]",
            "z:6:8: warning: a.example. has the same A record twice [duplicate]",
        ],
    );
}

#[test]
fn delegation_without_glue_is_told() {
    check(
        "sub NS ns.sub",
        &["z:4:8: warning: the name server ns.sub.example. of sub.example. has no address here \
           [glue-missing]"],
    );
    check(
        "sub NS www\nwww CNAME b.other.",
        &["z:4:8: warning: the name server www.example. of sub.example. is an alias \
           [delegation-to-alias]"],
    );
    check(
        "sub NS nowhere",
        &["z:4:8: warning: the name server nowhere.example. of sub.example. has no address \
           [target-without-address]"],
    );
}

#[test]
fn data_that_nobody_sees_is_told() {
    check(
        "sub NS ns.other.\na.sub TXT x\nglue.sub A 192.0.2.1\nsub.sub NS ns.other.",
        &[
            "z:5:11: warning: a.sub.example. TXT is below the delegation at sub.example. \
             [below-cut]",
            "z:7:12: warning: sub.sub.example. NS is below the delegation at sub.example. \
             [below-cut]",
        ],
    );
    check(
        "d DNAME t.other.\na.d A 192.0.2.1",
        &["z:5:7: warning: a.d.example. A is below the DNAME at d.example. [below-dname]"],
    );
}

#[test]
fn mail_and_services_that_point_at_aliases_or_nowhere_are_told() {
    check(
        "@ MX 1 a\na CNAME b.other.",
        &["z:4:6: warning: a.example., the MX host of example., is an alias [mx-is-alias]"],
    );
    check(
        "_s SRV 1 1 1 a\na CNAME b.other.",
        &["z:4:8: warning: a.example., the SRV host of _s.example., is an alias [srv-is-alias]"],
    );
    check(
        "@ MX 1 nowhere",
        &["z:4:6: warning: nowhere.example., the MX host of example., has no address \
           [target-without-address]"],
    );
    check(
        "@ MX 1 a.d\nd DNAME other.",
        &["z:4:6: warning: a.d.example., the MX host of example., is below a DNAME \
           [target-below-dname]"],
    );
    check(
        "@ MX 1 192.0.2.1",
        &["z:4:6: warning: 192.0.2.1.example., the MX host of example., is an address \
           [target-is-address]"],
    );
}

#[test]
fn ds_of_the_zone_itself_is_refused() {
    check(
        "@ DS 1 8 99 00",
        &["z:4:6: error: the zone example. has a DS record of its own [ds-at-apex]"],
    );
}

/// Loads the zone with a DNSKEY record of algorithm 13 and key tag 1038 in line 4, and these from line
/// 5 on; what a zone lacks that is not signed is not looked at.
#[track_caller]
fn check_told(records: &str, expected: &[&str]) {
    let unsigned = "z:4:10: warning: the zone example. has DNSKEY records and no signatures \
                    [not-signed]";
    let expected: Vec<&str> = expected.iter().copied().chain([unsigned]).collect();
    let digest = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    let records = records.replace("DIGEST", digest);
    check(&format!("@ DNSKEY 257 3 13 AAAA\n{records}"), &expected);
}

#[test]
fn keys_told_to_the_parent_are_keys_of_the_zone() {
    check_told("@ CDS 1038 13 2 DIGEST\n@ CDNSKEY 257 3 13 AAAA", &[]);
    check_told("@ CDS 1038 13 2 DIGEST", &[]);
    // A key that comes later may be told of before.
    check_told("@ CDS 1038 13 2 DIGEST\n@ CDS 1 13 2 DIGEST", &[]);
    // Only those of the zone's own name mean anything.
    check_told("www CDS 1 14 2 DIGEST", &[]);
    for (records, expected) in [
        (
            "@ CDS 1 14 2 DIGEST",
            "z:5:7: error: example. has a CDS record of algorithm 14 and no DNSKEY record of it \
             [cds-without-key]",
        ),
        (
            "@ CDNSKEY 257 3 13 AAAA\n@ CDNSKEY 257 3 8 AAAA",
            "z:6:11: error: example. has a CDNSKEY record of algorithm 8 and no DNSKEY record of it \
             [cds-without-key]",
        ),
        (
            "@ CDS 1039 13 2 DIGEST",
            "z:5:7: warning: no CDS record of example. is of a key that the zone has \
             [cds-of-other-keys]",
        ),
        (
            "@ CDNSKEY 257 3 13 AAAB",
            "z:5:11: warning: no CDNSKEY record of example. is of a key that the zone has \
             [cds-of-other-keys]",
        ),
        (
            "@ CDNSKEY 257 3 13 AAAA\n@ CDS 1038 13 2 DIGEST\n@ CDS 1 13 2 DIGEST",
            "z:6:7: warning: the CDS and CDNSKEY records of example. tell of different keys \
             [cds-and-cdnskey-differ]",
        ),
    ] {
        check_told(records, &[expected]);
    }
    check(
        "@ CDNSKEY 257 3 13 AAAA",
        &[
            "z:4:11: error: example. has a CDNSKEY record of algorithm 13 and no DNSKEY record of it \
           [cds-without-key]",
        ],
    );
}

#[test]
fn request_for_an_unsigned_zone_stands_alone() {
    for records in
        ["@ CDS 0 0 0 00", "@ CDNSKEY 0 3 0 AA==", "@ CDS 0 0 0 00\n@ CDNSKEY 0 3 0 AA=="]
    {
        check(records, &[]);
        check_told(records, &[]);
    }
    check_told(
        "@ CDS 1038 13 2 DIGEST\n@ CDS 0 0 0 00",
        &[
            "z:6:7: error: example. has a CDS record that asks for no DS records, and others beside \
           it [cds-delete-and-others]",
        ],
    );
    check_told(
        "@ CDNSKEY 0 3 0 AA==\n@ CDNSKEY 257 3 13 AAAA",
        &["z:5:11: error: example. has a CDNSKEY record that asks for no DS records, and others \
           beside it [cds-delete-and-others]"],
    );
    check_told(
        "@ CDNSKEY 257 3 13 AAAA\n@ CDS 0 0 0 00",
        &["z:6:7: warning: the CDS and CDNSKEY records of example. tell of different keys \
           [cds-and-cdnskey-differ]"],
    );
    // Nearly the same is a record of algorithm 0, which nobody has.
    check(
        "@ CDS 0 0 0 01",
        &["z:4:7: error: example. has a CDS record of algorithm 0 and no DNSKEY record of it \
           [cds-without-key]"],
    );
}

#[test]
fn ds_without_delegation_and_delegation_of_a_wildcard_are_told() {
    check(
        "a DS 1 8 99 00",
        &["z:4:6: warning: a.example. has a DS record and no NS record [ds-without-ns]"],
    );
    check(
        "* NS ns.other.",
        &["z:4:6: error: the wildcard *.example. has an NS record [wildcard-ns]"],
    );
    check(
        "* DNAME other.",
        &["z:4:9: warning: the wildcard *.example. has a DNAME record [wildcard-dname]"],
    );
}

#[test]
fn set_that_no_message_can_carry_is_told() {
    let records: String = (0..300).map(|n| format!("a TXT {n:0250}\n")).collect();
    check(
        &records,
        &["z:4:7: error: the 300 TXT records of a.example. take 78900 octets [set-too-large]"],
    );
}

#[test]
fn syntax_error_does_not_hide_what_else_is_wrong() {
    check(
        "a A 192.0.2.300\nb CNAME c\nb A 192.0.2.1",
        &[
            "z:4:5: error: \"192.0.2.300\" is not an IPv4 address [bad-address]",
            "z:6:5: error: b.example. has a CNAME record and a A record [cname-and-other-data]",
        ],
    );
}

#[test]
fn name_of_the_zone_is_given_or_declared_or_that_of_the_file() {
    let text = "$ORIGIN declared.\n@ 60 SOA ns.other. a 1 2 3 4 5\n@ 60 NS ns.other.\n";
    let texts = Texts::of("z", text.as_bytes());
    let given = name("given.");
    let declared = load(&texts, "z", Apex::Told(Some(given.as_name())));
    assert_eq!((declared.apex, declared.zone.is_some()), (Some(name("declared.")), true));
    let texts = Texts::of("z", text.replace("$ORIGIN declared.\n", "").into_bytes());
    let by_file = load(&texts, "z", Apex::Told(Some(given.as_name())));
    assert_eq!((by_file.apex, by_file.zone.is_some()), (Some(given), true));
    let nameless = load(&texts, "z", Apex::Told(None));
    assert_eq!((nameless.apex, nameless.zone.is_none()), (None, true));
    // The way BIND writes a secondary zone.
    let text = "$ORIGIN .\nowner. 60 IN SOA ns.other. a. 1 2 3 4 5\n 60 NS ns.other.\n";
    let by_soa = load(&Texts::of("z", text.as_bytes()), "z", Apex::Told(None));
    assert_eq!((by_soa.apex, by_soa.zone.is_some()), (Some(name("owner.")), true));
}

#[test]
fn file_that_cannot_be_opened_is_one_problem() {
    let apex = name("example.");
    let loaded = load(&Texts::default(), "missing", Apex::Given(apex.as_name()));
    assert_eq!((loaded.diagnostics.errors(), loaded.diagnostics.warnings()), (1, 0));
    assert!(loaded.zone.is_none());
}

#[test]
fn empty_file_is_a_zone_without_soa_and_ns() {
    check_whole(
        "",
        &[
            "error: the zone example. has no SOA record [soa-missing]",
            "error: the zone example. has no NS record [ns-missing]",
        ],
    );
}

#[test]
fn a_large_zone_has_the_same_problems_whoever_helps() {
    let mut text = "$TTL 5\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n".to_owned();
    for n in 0..6000 {
        let line = match n % 5 {
            0 => format!("cut{} NS ns.cut{0}\n", n / 4000),
            1 => format!("h{n}.cut{} TXT a\n", n / 4000),
            2 => format!("h{n}.d.e DNAME a\nbelow.h{n}.d.e A 192.0.2.1\n"),
            3 => format!("h{n} MX 1 nowhere\n"),
            _ => format!("h{n} CNAME a\nh{n} TXT a\n"),
        };
        text.push_str(&line);
    }
    let texts = Texts::of("z", text.into_bytes());
    let apex = name("example.");
    let problems = |size| {
        let crew = Crew::new(size);
        let means = Means { now: Wall::from_secs(1_700_000_000), crew: &crew };
        let loaded = super::load(&texts, "z", Apex::Given(apex.as_name()), means);
        loaded.diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let alone = problems(0);
    assert!(alone.len() > 1000, "{}", alone.len());
    for size in 1..6 {
        assert_eq!(problems(size), alone);
    }
}
