use crate::wire::name::{Name, NameBuf};
use crate::zone::file::code;
use crate::zone::file::print::write_record;
use crate::zone::file::reader::Reader;
use crate::zone::file::source::Texts;

/// What a line makes, and the codes of its problems.
fn read(line: &str) -> (Vec<String>, Vec<&'static str>) {
    let source = Texts::of("zone", format!("$TTL 5\n$GENERATE {line}\n").into_bytes());
    let origin = NameBuf::from_text(b"example.org.", None).unwrap();
    let mut reader = Reader::new(&source, "zone", Some(origin.as_name()));
    let mut records = Vec::new();
    while let Some(record) = reader.next_record() {
        let mut text = String::new();
        write_record(&mut text, &record).unwrap();
        records.push(text.trim_end().replace(".example.org. 5 IN", ""));
    }
    (records, reader.finish().1.iter().map(|found| found.code).collect())
}

#[track_caller]
fn check(line: &str, records: &[&str]) {
    assert_eq!(read(line), (records.iter().map(|&record| record.to_owned()).collect(), vec![]));
}

#[track_caller]
fn check_refuses(line: &str, code: &'static str) {
    assert_eq!(read(line), (vec![], vec![code]));
}

#[test]
fn number_stands_in_owner_and_data() {
    check("1-3 a$ A 192.0.2.$", &["a1 A 192.0.2.1", "a2 A 192.0.2.2", "a3 A 192.0.2.3"]);
    check("1-1 a$b$ A 192.0.2.1", &["a1b1 A 192.0.2.1"]);
}

#[test]
fn range_has_a_step() {
    check("0-5/2 a$ A 192.0.2.1", &["a0 A 192.0.2.1", "a2 A 192.0.2.1", "a4 A 192.0.2.1"]);
    for bad in ["3-2", "1-2/0", "1", "1-", "-1-1", "1-2/", "a-b", "1-4294967296"] {
        check_refuses(&format!("{bad} a$ A 192.0.2.1"), code::GENERATE_RANGE);
    }
}

#[test]
fn range_that_makes_too_many_records_is_refused() {
    check_refuses("0-1048576 a$ A 192.0.2.1", code::GENERATE_TOO_MANY);
    check_refuses("0-4294967295 a$ A 192.0.2.1", code::GENERATE_TOO_MANY);
    check(
        "4294967294-4294967295 a$ TXT $",
        &["a4294967294 TXT \"4294967294\"", "a4294967295 TXT \"4294967295\""],
    );
}

#[test]
fn dollar_sign_stands_for_itself_doubled_or_escaped() {
    check("1-1 a$$$ A 192.0.2.1", &[r"a\$1 A 192.0.2.1"]);
    check(r"1-1 a\$$ A 192.0.2.1", &[r"a\$1 A 192.0.2.1"]);
}

#[test]
fn number_has_offset_width_and_base() {
    for (form, expected) in [
        ("${5}", "15"),
        ("${-5}", "5"),
        ("${+5}", "15"),
        ("${0,4}", "0010"),
        ("${0,4,d}", "0010"),
        ("${0,0,o}", "12"),
        ("${5,3,x}", "00f"),
        ("${5,3,X}", "00F"),
        ("${-11,4}", "-001"),
        ("${-11,0,x}", "ffffffff"),
        ("${5,5,n}", "f.0.0"),
        ("${5,0,N}", "F"),
        ("${290,0,n}", "c.2.1"),
    ] {
        check(&format!("10-10 x.{form} A 192.0.2.1"), &[&format!("x.{expected} A 192.0.2.1")]);
    }
}

#[test]
fn nibbles_of_even_width_end_with_a_dot() {
    check("1-1 ${0,4,n}x A 192.0.2.1", &["1.0.x A 192.0.2.1"]);
}

#[test]
fn form_that_has_no_sense_is_refused() {
    for bad in
        ["${}", "${x}", "${0,}", "${0,1,y}", "${0,1,d,1}", "${0,256}", "${0", "${2147483648}"]
    {
        check_refuses(&format!("1-1 a{bad} A 192.0.2.1"), code::GENERATE_TEMPLATE);
    }
}

#[test]
fn ttl_class_and_data_are_those_of_any_record() {
    check("1-1 a$ IN MX \"10 m$\"", &["a1 MX 10 m1.example.org."]);
    check("1-1 a$ TXT \"\\\"b $\\\" c\"", &["a1 TXT \"b 1\" \"c\""]);
    check("1-1 a$ 7 IN A 192.0.2.1", &["a1.example.org. 7 IN A 192.0.2.1"]);
    check("1-1 a$ IN 7 A 192.0.2.1", &["a1.example.org. 7 IN A 192.0.2.1"]);
    check_refuses("1-1 a$ MX 10 m$", code::EXTRA_DATA);
    check_refuses("1-1 a$ CH A 192.0.2.1", code::WRONG_CLASS);
    check_refuses("1-1 a$ A", code::MISSING_DATA);
}

#[test]
fn ttl_must_be_known_before_it() {
    let source = Texts::of("zone", b"$GENERATE 1-2 @ SOA \"a b 1 2 3 4 5\"".as_slice());
    let mut reader = Reader::new(&source, "zone", Some(Name::ROOT));
    assert!(reader.next_record().is_none());
    let codes: Vec<_> = reader.finish().1.iter().map(|found| found.code).collect();
    assert_eq!(codes, [code::NO_TTL]);
}

#[test]
fn first_record_that_is_wrong_ends_it() {
    let (records, codes) = read("254-300 a$ A 192.0.2.$");
    assert_eq!(records, ["a254 A 192.0.2.254", "a255 A 192.0.2.255"]);
    assert_eq!(codes, [code::BAD_ADDRESS]);
}
