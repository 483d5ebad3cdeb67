use super::{Action, Scenario, parse};
use crate::sim::entry::{Adjustment, Part};
use crate::wire::numbers::{Class, Rtype};
use crate::wire::writer::Section;

const WHOLE: &str = r#"; a comment
server:
	minimal-responses: no
	target-fetch-policy: "0 0 0" 	# another
	local-zone: "a b" static
stub-zone: name: "." stub-addr: 193.0.14.129
	stub-addr: 2001:db8::
auth-zone:
	zonefile:
TEMPFILE_NAME zone
TEMPFILE_CONTENTS zone
a IN A 192.0.2.1
	$INCLUDE_TEMPFILE more
TEMPFILE_END
CONFIG_END

SCENARIO_BEGIN Everything ; in it
$ORIGIN example.com.
RANGE_BEGIN 0 100
	ADDRESS 192.0.2.1
	ADDRESS 2001:db8::1@5353
  ENTRY_BEGIN
  MATCH opcode qtype serial=7 ede=any	; words
  ADJUST copy_id sleep=2
  REPLY QR AA NXDOMAIN
  SECTION QUESTION
  www 60 CH A
  SECTION AUTHORITY
  $TTL 1h
  @ SOA ns admin 1 2 3 4 5
  www 10 CH TXT "a;b" "CH"
  ENTRY_END
RANGE_END
STEP 1 QUERY ADDRESS 192.0.2.9
ENTRY_BEGIN
SECTION QUESTION
. IN ANY
ENTRY_END
STEP 2 TIME_PASSES ELAPSE 0.5
STEP 3 TIME_PASSES EVAL ${1 + 1} ; two
STEP 4 ASSIGN t = ${time}
STEP 5 TIMEOUT ADDRESS 192.0.2.1
STEP 6 CHECK_TEMPFILE zone
FILE_BEGIN
STEP of no step
FILE_END
STEP 7 TRAFFIC
SCENARIO_END
; the end
"#;

fn whole() -> Scenario {
    parse("whole.rpl", WHOLE).unwrap_or_else(|fault| panic!("{fault}"))
}

#[test]
fn configuration_has_clauses_keys_and_files() {
    let config = whole().config;
    let mut shown = Vec::new();
    for clause in &config.clauses {
        for setting in &clause.settings {
            let values = setting.values.join("|");
            shown.push(format!("{} {}: {values} {}", clause.name, setting.key, setting.line));
        }
    }
    assert_eq!(
        shown,
        [
            "server minimal-responses: no 3",
            "server target-fetch-policy: 0 0 0 4",
            "server local-zone: a b|static 5",
            "stub-zone name: . 6",
            "stub-zone stub-addr: 193.0.14.129 6",
            "stub-zone stub-addr: 2001:db8:: 7",
            "auth-zone zonefile: zone 9",
        ]
    );
    assert_eq!(config.files["zone"], "a IN A 192.0.2.1\n$INCLUDE more\n");
    assert_eq!(config.clauses[1].value("stub-addr"), Some("193.0.14.129"));
    assert_eq!(config.clauses[1].value("stub-host"), None);
}

#[test]
fn range_has_addresses_and_entries() {
    let scenario = whole();
    let [range] = &scenario.ranges[..] else { panic!("{:?}", scenario.ranges) };
    assert_eq!((range.from, range.to, range.line), (0, 100, 19));
    let addresses: Vec<String> = range.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["192.0.2.1:53", "[2001:db8::1]:5353"]);
    let [entry] = &range.entries[..] else { panic!("{:?}", range.entries) };
    assert_eq!(entry.line, 22);
    assert_eq!(
        entry.parts,
        [Part::Opcode, Part::Qtype, Part::Serial(7), Part::ExtendedError(None)]
    );
    assert_eq!(entry.adjustments, [Adjustment::CopyId, Adjustment::Sleep(2_000_000)]);
}

#[test]
fn records_are_read_as_in_a_zone_file() {
    let scenario = whole();
    let message = &scenario.ranges[0].entries[0].template;
    let expected = "\
;; opcode QUERY, status NXDOMAIN, flags qr aa
;; QUESTION
www.example.com. CH A
;; AUTHORITY
example.com. 3600 IN SOA ns.example.com. admin.example.com. 1 2 3 4 5
www.example.com. 10 CH TXT \"a;b\" \"CH\"";
    assert_eq!(message.to_string(), expected);
    assert_eq!(message.section(Section::Authority)[1].class, Class::CH);
}

#[test]
fn steps_have_numbers_lines_and_actions() {
    let scenario = whole();
    let steps: Vec<(u32, u32, &str)> =
        scenario.steps.iter().map(|step| (step.number, step.line, &*step.keyword)).collect();
    let expected = [
        (1, 34, "QUERY"),
        (2, 39, "TIME_PASSES"),
        (3, 40, "TIME_PASSES"),
        (4, 41, "ASSIGN"),
        (5, 42, "TIMEOUT"),
        (6, 43, "CHECK_TEMPFILE"),
        (7, 47, "TRAFFIC"),
    ];
    assert_eq!(steps, expected);
    let Action::Query { client, entry } = &scenario.steps[0].action else { panic!("no query") };
    assert_eq!(client.to_string(), "192.0.2.9:53");
    assert_eq!(entry.template.questions[0].rtype, Rtype::ANY);
}

#[test]
fn what_cannot_be_played_is_listed() {
    let shown: Vec<String> = whole().not_offered.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["CHECK_TEMPFILE (line 43)"]);
    let script = "CONFIG_END\nSCENARIO_BEGIN t\nRANGE_BEGIN 0 1\nENTRY_BEGIN\nEXTRA_PACKET\n\
                  ADJUST packet_sleep=1\nENTRY_END\nRANGE_END\nSTEP 1 FLUSH_MESSAGE a. A IN\n\
                  STEP 2 INFRA_RTT 192.0.2.1 a. 100\nSCENARIO_END";
    let scenario = parse("t", script).unwrap();
    let shown: Vec<&str> = scenario.not_offered.iter().map(|n| &*n.what).collect();
    assert_eq!(shown, ["EXTRA_PACKET", "FLUSH_MESSAGE", "INFRA_RTT"]);
}

/// What is said of a scenario with these lines in it.
#[track_caller]
fn check_refused(script: &str, expected: &str) {
    match parse("t.rpl", script) {
        Ok(_) => panic!("nothing is wrong with\n{script}"),
        Err(fault) => assert_eq!(fault.to_string(), expected, "{script}"),
    }
}

/// The same for lines of an entry, which begin in line 5.
#[track_caller]
fn check_entry_refused(lines: &str, expected: &str) {
    let script = format!(
        "CONFIG_END\nSCENARIO_BEGIN t\nSTEP 1 QUERY\nENTRY_BEGIN\n{lines}\nENTRY_END\nSCENARIO_END"
    );
    check_refused(&script, expected);
}

#[test]
fn entry_with_anything_unknown_is_refused_with_its_place() {
    for (lines, expected) in [
        (
            "MATCH qname  qtpye",
            "t.rpl:5:14: error: expected a part to compare, such as qname, found \"qtpye\" \
             [scenario-syntax]",
        ),
        ("MATCH serial=x", "t.rpl:5:14: error: expected a serial, found \"x\" [scenario-syntax]"),
        (
            "MATCH ede=",
            "t.rpl:5:11: error: expected the code of an extended error, or any, found \"\" \
             [scenario-syntax]",
        ),
        (
            "REPLY QR aa",
            "t.rpl:5:10: error: expected a flag, an opcode or a response code, found \"aa\" \
             [scenario-syntax]",
        ),
        (
            "ADJUST copy",
            "t.rpl:5:8: error: expected an adjustment such as copy_id, found \"copy\" \
             [scenario-syntax]",
        ),
        (
            "SECTION answer",
            "t.rpl:5:9: error: expected QUESTION, ANSWER, AUTHORITY or ADDITIONAL, found \
             \"answer\" [scenario-syntax]",
        ),
        (
            "SECTION ANSWER QUESTION",
            "t.rpl:5:16: error: expected the end of the line, found \"QUESTION\" \
             [scenario-syntax]",
        ),
        (
            "HEX_ANSWER_BEGIN\n0g\nHEX_ANSWER_END",
            "t.rpl:6:1: error: expected hexadecimal digits, found \"0g\" [scenario-syntax]",
        ),
        (
            "HEX_ANSWER_BEGIN\n0\nHEX_ANSWER_END",
            "t.rpl:6:1: error: expected an even number of digits [scenario-syntax]",
        ),
        (
            "ENTRY_BEGIN",
            "t.rpl:5:1: error: expected ENTRY_END of the entry before [scenario-syntax]",
        ),
    ] {
        check_entry_refused(lines, expected);
    }
}

#[test]
fn record_is_refused_as_in_a_zone_file_with_its_place() {
    check_entry_refused(
        "SECTION ANSWER\n  a. IN A 192.0.2",
        "t.rpl:6:11: error: \"192.0.2\" is not an IPv4 address [bad-address]; an IPv4 address is \
         four numbers from 0 to 255 without leading zeros, as in 192.0.2.1",
    );
    check_entry_refused(
        "SECTION QUESTION\na..b. IN A",
        "t.rpl:6:1: error: \"a..b.\": an empty label (two dots in a row, or a dot at the start) \
         [scenario-syntax]",
    );
    check_entry_refused(
        "SECTION QUESTION\na. IN AA",
        "t.rpl:6:7: error: expected a type, found \"AA\" [scenario-syntax]",
    );
}

#[test]
fn data_in_hexadecimal_may_be_what_no_zone_holds() {
    let script = "CONFIG_END\nSCENARIO_BEGIN t\nSTEP 1 QUERY\nENTRY_BEGIN\nSECTION ANSWER\n\
                  a. IN A \\# 3 030405\na. ANY HTTPS   \\# 0\na. IN ANY \\# 0\nENTRY_END\nSCENARIO_END";
    let scenario = parse("t.rpl", script).unwrap_or_else(|fault| panic!("{fault}"));
    let Action::Query { entry, .. } = &scenario.steps[0].action else { panic!("no query") };
    let records = entry.template.section(Section::Answer);
    assert_eq!((records[0].rtype, &records[0].rdata[..]), (Rtype::A, &b"\x03\x04\x05"[..]));
    assert_eq!((records[1].rtype, &records[1].rdata[..]), (Rtype::HTTPS, &b""[..]));
    assert_eq!((records[0].class, records[1].class), (Class::IN, Class::ANY));
    assert_eq!((records[2].rtype, records[2].class), (Rtype::ANY, Class::IN));
    check_entry_refused(
        "SECTION ANSWER\na. IN AAAA \\# 2 03",
        "t.rpl:6:15: error: 1 octets of data, and 2 are announced [bad-unknown-data]",
    );
}

#[test]
fn message_that_is_too_long_is_refused() {
    let text = format!("a. IN TXT {}\n", format!("\"{}\" ", "x".repeat(250)).repeat(131));
    check_entry_refused(
        &format!("SECTION ANSWER\n{text}{text}"),
        "t.rpl:4:1: error: this message has 65800 octets, at most 65535 fit [scenario-syntax]",
    );
}

#[test]
fn script_that_is_not_whole_is_refused() {
    for (script, expected) in [
        ("server:\n", "t.rpl:1:1: error: expected CONFIG_END, found the end of the file"),
        (
            "CONFIG_END\nSCENARIO_BEGIN\n",
            "t.rpl:2:1: error: expected a title behind SCENARIO_BEGIN",
        ),
        (
            "CONFIG_END\nSTEP 1 NOTHING\n",
            "t.rpl:2:1: error: expected SCENARIO_BEGIN, found \"STEP\"",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nSTEP 1 NOTHING\n",
            "t.rpl:3:1: error: expected SCENARIO_END, found the end of the file",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nSCENARIO_END\nSTEP 1 NOTHING\n",
            "t.rpl:4:1: error: expected nothing after SCENARIO_END, found \"STEP 1 NOTHING\"",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nSTEP 2 NOTHING\nSTEP 2 NOTHING\nSCENARIO_END\n",
            "t.rpl:4:1: error: expected a number above that of the step before",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nSTEP 2 WAIT\nSCENARIO_END\n",
            "t.rpl:3:8: error: expected what a step does, such as QUERY or CHECK_ANSWER, found \
             \"WAIT\"",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nSTEP 2 NOTHING more\nSCENARIO_END\n",
            "t.rpl:3:16: error: expected the end of the line, found \"more\"",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nSTEP 2 TIME_PASSES ELAPSE 1x\nSCENARIO_END\n",
            "t.rpl:3:27: error: expected the end, found \"x\"",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nSTEP 2 TIMEOUT ADDRESS 192.0.2\nSCENARIO_END\n",
            "t.rpl:3:24: error: expected an address, or an address@port, found \"192.0.2\"",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nRANGE_BEGIN 1\nRANGE_END\nSCENARIO_END\n",
            "t.rpl:3:14: error: expected the number of a step, found the end of the line",
        ),
        (
            "server:\n\tno\nCONFIG_END\n",
            "t.rpl:2:2: error: expected a key with a colon behind it, found \"no\"",
        ),
        (
            "server: version: \"a\nCONFIG_END\n",
            "t.rpl:1:18: error: expected a quotation mark that closes this one",
        ),
        (
            "server:\nTEMPFILE_NAME a\nCONFIG_END\n",
            "t.rpl:2:1: error: expected a key without a value before this line",
        ),
    ] {
        check_refused(script, &format!("{expected} [scenario-syntax]"));
    }
}
