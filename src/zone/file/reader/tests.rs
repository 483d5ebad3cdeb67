use std::io::{self, Read};
use std::sync::Arc;

use proptest::prelude::*;

use super::{FileId, Finding, Part, Reader, Span};
use crate::base::diagnostic::{Diagnostics, Severity};
use crate::base::limits::ENTRY_LEN_MAX;
use crate::wire::name::NameBuf;
use crate::zone::file::code;
use crate::zone::file::print::write_record;
use crate::zone::file::source::{Opened, Source, SourceError, Texts};

const ORIGIN: &str = "example.org.";

fn origin() -> NameBuf {
    NameBuf::from_text(ORIGIN.as_bytes(), None).unwrap()
}

/// Reads everything: the records as text without the class, and what was found wrong.
fn read(source: &dyn Source) -> (String, Diagnostics) {
    let mut reader = Reader::new(source, "zone", Some(origin().as_name()));
    let mut records = String::new();
    while let Some(record) = reader.next_record() {
        write_record(&mut records, &record).unwrap();
    }
    (records.replace(" IN ", " "), reader.finish().1)
}

fn texts(text: &(impl AsRef<[u8]> + ?Sized)) -> Texts {
    Texts::of("zone", text.as_ref().to_vec())
}

/// One line for each problem: `line:column code "what is marked"`.
fn problems(diagnostics: &Diagnostics) -> Vec<String> {
    let marked = |diagnostic: &crate::base::diagnostic::Diagnostic| {
        let place = diagnostic.place.as_ref().unwrap();
        let start = place.column as usize - 1;
        let end = (start + place.length as usize).min(place.text.len());
        let text = &place.text[start..end];
        format!("{}:{} {} {text}", place.line, place.column, diagnostic.code)
    };
    diagnostics.iter().map(marked).collect()
}

#[track_caller]
fn check(text: &str, records: &[&str]) {
    let (found, diagnostics) = read(&texts(text));
    assert_eq!(problems(&diagnostics), [""; 0]);
    assert_eq!(found.lines().collect::<Vec<_>>(), records);
}

/// Expects one problem, and that the record on a line after it is read.
#[track_caller]
fn check_refuses(text: &str, problem: &str) {
    let after = format!("$TTL 60\n{text}\n$ORIGIN example.org.\nafter A 192.0.2.99\n");
    let (found, diagnostics) = read(&texts(&after));
    assert_eq!(problems(&diagnostics), [problem]);
    assert_eq!(found.lines().last(), Some("after.example.org. 60 A 192.0.2.99"));
    assert!(diagnostics.has_errors());
}

#[track_caller]
fn check_hint(text: &str, hint: &str) {
    let (_, diagnostics) = read(&texts(&format!("$TTL 60\n{text}\n")));
    let found = diagnostics.iter().next().unwrap();
    assert_eq!(found.hint.as_deref(), Some(hint), "{found}");
}

#[test]
fn record_takes_its_owner_from_the_one_before() {
    check(
        "a 60 A 192.0.2.1\n 60 A 192.0.2.2\n\t60 A 192.0.2.3\n",
        &[
            "a.example.org. 60 A 192.0.2.1",
            "a.example.org. 60 A 192.0.2.2",
            "a.example.org. 60 A 192.0.2.3",
        ],
    );
    check_refuses(" A 192.0.2.1", "2:2 no-owner A");
}

#[test]
fn lines_without_words_are_nothing() {
    check(
        "\n  \n; comment\n \t; comment\na 60 A 192.0.2.1 ; comment\n\r\n",
        &["a.example.org. 60 A 192.0.2.1"],
    );
}

#[test]
fn last_line_needs_no_end() {
    check("a 60 A 192.0.2.1", &["a.example.org. 60 A 192.0.2.1"]);
    check("a 60 A 192.0.2.1 ; comment", &["a.example.org. 60 A 192.0.2.1"]);
}

#[test]
fn lines_may_end_as_on_windows() {
    check(
        "a 60 A 192.0.2.1\r\n 60 TXT x\r\n",
        &["a.example.org. 60 A 192.0.2.1", "a.example.org. 60 TXT \"x\""],
    );
}

#[test]
fn ttl_and_class_stand_in_either_order_or_not_at_all() {
    let record = &["a.example.org. 60 A 192.0.2.1"];
    check("a 60 IN A 192.0.2.1", record);
    check("a IN 60 A 192.0.2.1", record);
    check("a in 1m a 192.0.2.1", record);
    check("$TTL 60\na IN A 192.0.2.1", record);
    check("$TTL 60\na A 192.0.2.1", record);
    check("a 60 CLASS1 TYPE1 192.0.2.1", record);
    check_refuses("a 60 IN 60 A 192.0.2.1", "2:9 unknown-type 60");
    check_refuses("a IN IN A 192.0.2.1", "2:6 unknown-type IN");
}

#[test]
fn class_is_the_internet() {
    check_refuses("a CH A 192.0.2.1", "2:3 wrong-class CH");
    check_refuses("a 60 CLASS4 A 192.0.2.1", "2:6 wrong-class CLASS4");
}

#[test]
fn type_of_a_question_is_no_data() {
    for meta in ["ANY", "AXFR", "IXFR", "OPT", "TSIG", "TKEY", "MAILA", "TYPE255", "TYPE0"] {
        check_refuses(&format!("a {meta} \\# 0"), &format!("2:3 meta-type {meta}"));
    }
}

#[test]
fn ttl_has_units_and_a_limit() {
    check("a 1w2d3h4m5s A 192.0.2.1", &["a.example.org. 788645 A 192.0.2.1"]);
    check("a 1W1S A 192.0.2.1", &["a.example.org. 604801 A 192.0.2.1"]);
    check("a 2147483647 A 192.0.2.1", &["a.example.org. 2147483647 A 192.0.2.1"]);
    check_refuses("a 2147483648 A 192.0.2.1", "2:3 bad-ttl 2147483648");
    check_refuses("a 99999999999 A 192.0.2.1", "2:3 bad-ttl 99999999999");
    check_refuses("$TTL 2147483648", "2:6 bad-ttl 2147483648");
    check_refuses("$TTL soon", "2:6 bad-ttl soon");
    check_refuses("a 1h30 A 192.0.2.1", "2:3 unknown-type 1h30");
}

#[test]
fn missing_ttl_is_that_of_the_directive_before_the_last_explicit_one() {
    check(
        "a 5 A 192.0.2.1\na TXT x\n$TTL 7\na TXT y\na 9 TXT z\na TXT q",
        &[
            "a.example.org. 5 A 192.0.2.1",
            "a.example.org. 5 TXT \"x\"",
            "a.example.org. 7 TXT \"y\"",
            "a.example.org. 9 TXT \"z\"",
            "a.example.org. 7 TXT \"q\"",
        ],
    );
}

#[test]
fn missing_ttl_of_the_soa_is_its_minimum_with_a_warning() {
    let (records, diagnostics) =
        read(&texts("@ SOA ns host 1 2 3 4 5\na 9 A 192.0.2.1\na TXT x\n"));
    assert_eq!(problems(&diagnostics), ["1:3 ttl-from-soa SOA"]);
    assert!(!diagnostics.has_errors());
    assert_eq!(
        records.lines().collect::<Vec<_>>(),
        [
            "example.org. 5 SOA ns.example.org. host.example.org. 1 2 3 4 5",
            "a.example.org. 9 A 192.0.2.1",
            "a.example.org. 5 TXT \"x\"",
        ]
    );
}

#[test]
fn record_without_any_ttl_is_refused() {
    let (records, diagnostics) = read(&texts("a A 192.0.2.1\nb 5 A 192.0.2.1\nc A 192.0.2.1"));
    assert_eq!(problems(&diagnostics), ["1:3 no-ttl A"]);
    assert_eq!(records, "b.example.org. 5 A 192.0.2.1\nc.example.org. 5 A 192.0.2.1\n");
}

#[test]
fn origin_completes_names_and_can_be_relative() {
    check(
        "$TTL 5\n@ NS @\n$ORIGIN sub\na MX 1 b\n$origin .\nc NS d\n$ORIGIN @\ne NS f.",
        &[
            "example.org. 5 NS example.org.",
            "a.sub.example.org. 5 MX 1 b.sub.example.org.",
            "c. 5 NS d.",
            "e. 5 NS f.",
        ],
    );
}

#[test]
fn relative_name_needs_an_origin() {
    let source = texts("a 5 A 192.0.2.1\n$ORIGIN b.\na 5 A 192.0.2.1\n$ORIGIN c.\n");
    let mut reader = Reader::new(&source, "zone", None);
    let owner = reader.next_record().map(|record| record.owner.to_string());
    assert_eq!(owner.as_deref(), Some("a.b."));
    assert!(reader.next_record().is_none());
    assert_eq!(reader.origin_declared().map(|name| name.to_string()).as_deref(), Some("b."));
    assert_eq!(problems(reader.diagnostics()), ["1:1 no-origin a"]);
}

#[test]
fn owner_is_any_name() {
    for (owner, expected) in [
        ("foo_bar", "foo_bar.example.org."),
        ("0/25", "0/25.example.org."),
        (r"a\.b", r"a\.b.example.org."),
        ("*", "*.example.org."),
        (r"\$a", r"\$a.example.org."),
        ("a$", r"a\$.example.org."),
        ("300.", "300."),
        ("in.", "in."),
    ] {
        check(&format!("{owner} 5 A 192.0.2.1"), &[&format!("{expected} 5 A 192.0.2.1")]);
    }
    check_refuses("a..b A 192.0.2.1", "2:1 bad-name a..b");
    check_refuses(r"a\400 A 192.0.2.1", r"2:1 bad-escape a\400");
}

#[test]
fn records_of_an_owner_that_cannot_be_read_are_left_out_and_still_checked() {
    let (records, diagnostics) =
        read(&texts("$TTL 5\na A 192.0.2.1\nb..c A 192.0.2.2\n A 192.0.2.3\n A x\n"));
    assert_eq!(records, "a.example.org. 5 A 192.0.2.1\n");
    assert_eq!(problems(&diagnostics), ["3:1 bad-name b..c", "5:4 bad-address x"]);
}

#[test]
fn directive_that_is_none_is_refused() {
    check_refuses("$ORIGN a.", "2:1 unknown-directive $ORIGN");
    check_hint("$ORIGN a.", "did you mean $ORIGIN?");
    check_refuses("$ORIGIN", "2:1 missing-data $ORIGIN");
    check_refuses("$ORIGIN a. b", "2:12 extra-data b");
    check_refuses("a A 192.0.2.1\n $TTL 5", "3:2 unknown-type $TTL");
}

#[test]
fn type_that_is_none_is_refused_with_what_may_be_meant() {
    check_refuses("a MXX 10 b", "2:3 unknown-type MXX");
    check_hint("a MXX 10 b", "did you mean MX?");
    check_hint("a CNMAE b", "did you mean CNAME?");
    check_hint(
        "a 192.0.2.1 A",
        "A stands too late: the order is owner, time to live, class, type, data",
    );
    check_hint(
        "MX mail.example.net.",
        "\"MX\" is taken for the owner; a record of the last owner begins with a blank",
    );
}

#[test]
fn parenthesis_that_is_not_closed_is_told_once_and_hides_nothing_after_it() {
    check_refuses("@ SOA ns host (\n 1\n 2\n3 4 5\n", "2:15 unbalanced-parenthesis (");
    check_refuses("a TXT ( \"x\"\n \"y\"\n", "2:7 unbalanced-parenthesis (");
    check_refuses("a TXT ( ( \"x\" )\n", "2:7 unbalanced-parenthesis (");
    check_refuses("a A 192.0.2.1 )", "2:15 unbalanced-parenthesis )");
}

#[test]
fn parenthesis_that_is_closed_too_late_hides_no_entry() {
    let (records, diagnostics) = read(&texts(
        "$TTL 5\n@ SOA ns host ( 1 2 3 4 5\na A 192.0.2.1\nb A x\nc A 192.0.2.2 )\nd A 192.0.2.3\n",
    ));
    assert_eq!(
        problems(&diagnostics),
        ["3:1 extra-data a", "4:5 bad-address x", "5:15 unbalanced-parenthesis )"]
    );
    assert_eq!(records, "a.example.org. 5 A 192.0.2.1\nd.example.org. 5 A 192.0.2.3\n");
}

#[test]
fn file_with_too_many_unclosed_parentheses_is_given_up() {
    let (_, diagnostics) = read(&texts(&"a 5 TXT (\n".repeat(1000)));
    assert_eq!(diagnostics.errors(), super::UNCLOSED_MAX + 1);
    let late = "a 5 TXT ( ) x\n".repeat(1000) + "b 5 A ( x\n" + &"b 5 A ( x\n".repeat(1000);
    let (_, diagnostics) = read(&texts(&(late + &")".repeat(1000))));
    assert_eq!(diagnostics.errors(), super::UNCLOSED_MAX + 1);
}

#[test]
fn string_that_is_not_ended_hides_nothing_after_it() {
    check_refuses("a TXT \"x", "2:7 unterminated-string \"x");
    check_refuses("a TXT ( \"x\n \"y\" )", "2:9 unterminated-string \"x");
}

#[test]
fn every_problem_of_a_file_is_told() {
    let (records, diagnostics) =
        read(&texts("$TTL 5\na A x\nb FOO\nc A 192.0.2.1\nd MX x y\ne TXT\n"));
    assert_eq!(records, "c.example.org. 5 A 192.0.2.1\n");
    assert_eq!(
        problems(&diagnostics),
        ["2:5 bad-address x", "3:3 unknown-type FOO", "5:6 bad-number x", "6:3 missing-data TXT"]
    );
}

#[test]
fn problem_within_parentheses_is_marked_on_its_line() {
    check_refuses("a (\n  MX\n  ten ; no number\n  b )", "4:3 bad-number ten");
}

#[test]
fn byte_order_mark_is_skipped_with_a_warning() {
    let (records, diagnostics) = read(&texts("\u{FEFF}a 5 A 192.0.2.1\n"));
    assert_eq!(records, "a.example.org. 5 A 192.0.2.1\n");
    let found = diagnostics.iter().next().unwrap();
    assert_eq!((found.code, found.severity), (code::BYTE_ORDER_MARK, Severity::Warning));
}

#[test]
fn nul_octet_is_refused() {
    check_refuses("a\0 A 192.0.2.1", "2:2 syntax \0");
}

#[test]
fn included_file_has_its_own_origin_and_owner_and_gives_them_back() {
    let mut source =
        texts("$TTL 5\na A 192.0.2.1\n$INCLUDE sub sub\n A 192.0.2.4\nb A 192.0.2.5\n");
    source.insert("sub", b" A 192.0.2.2\nx A 192.0.2.3\n$ORIGIN y.\n".as_slice());
    let (records, diagnostics) = read(&source);
    assert_eq!(problems(&diagnostics), [""; 0]);
    assert_eq!(
        records.lines().collect::<Vec<_>>(),
        [
            "a.example.org. 5 A 192.0.2.1",
            "a.example.org. 5 A 192.0.2.2",
            "x.sub.example.org. 5 A 192.0.2.3",
            "a.example.org. 5 A 192.0.2.4",
            "b.example.org. 5 A 192.0.2.5",
        ]
    );
}

#[test]
fn included_file_passes_its_ttl_on() {
    let mut source = texts("$INCLUDE \"a file\"\na A 192.0.2.1\n");
    source.insert("a file", b"$TTL 7".as_slice());
    assert_eq!(read(&source).0, "a.example.org. 7 A 192.0.2.1\n");
}

#[test]
fn file_that_includes_itself_is_refused() {
    check_refuses("$INCLUDE zone", "2:10 include-too-deep zone");
    let mut source = texts("$INCLUDE b\n");
    source.insert("b", b"$INCLUDE zone\na 5 A 192.0.2.1".as_slice());
    let (records, diagnostics) = read(&source);
    assert_eq!(records, "a.example.org. 5 A 192.0.2.1\n");
    let found = diagnostics.iter().next().unwrap();
    assert_eq!(found.place.as_ref().unwrap().file, Arc::from("b"));
    assert_eq!(found.message, "\"zone\" includes itself, directly or through others");
}

#[test]
fn files_include_each_other_up_to_a_depth() {
    let mut source = texts("$INCLUDE 1\n");
    for depth in 1..=16 {
        source.insert(depth.to_string(), format!("$INCLUDE {}\n", depth + 1).into_bytes());
    }
    let (_, diagnostics) = read(&source);
    let codes: Vec<_> = diagnostics.iter().map(|found| found.code).collect();
    assert_eq!(codes, [code::INCLUDE_TOO_DEEP]);
}

#[test]
fn file_that_cannot_be_opened_is_refused_with_the_reason() {
    struct Refusing(SourceError);
    impl Source for Refusing {
        fn open(&self, path: &str, from: Option<&str>) -> Result<Opened, SourceError> {
            match from {
                Some(_) => Err(self.0.clone()),
                None => texts("$INCLUDE x\n").open(path, from),
            }
        }
    }
    for (error, expected) in [
        (SourceError::NotFound, "1:10 include-not-found x"),
        (SourceError::Outside { folder: "zones".into() }, "1:10 include-outside-folder x"),
        (SourceError::Unreadable { reason: "no".into() }, "1:10 include-unreadable x"),
    ] {
        assert_eq!(problems(&read(&Refusing(error)).1), [expected]);
    }
    let (_, diagnostics) = read(&Texts::default());
    let found: Vec<_> =
        diagnostics.iter().map(|found| (found.code, found.message.as_str())).collect();
    assert_eq!(found, [(code::ZONE_NOT_FOUND, "\"zone\": there is no such file")]);
}

/// A text that arrives in pieces of one octet and then fails.
struct Failing(io::Cursor<Vec<u8>>);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let one = buffer.get_mut(..1).unwrap_or_default();
        match self.0.read(one)? {
            0 => Err(io::Error::other("the disk is gone")),
            count => Ok(count),
        }
    }
}

#[test]
fn text_that_fails_midway_is_an_error_after_what_was_read() {
    struct FailingSource;
    impl Source for FailingSource {
        fn open(&self, path: &str, _from: Option<&str>) -> Result<Opened, SourceError> {
            let text = io::Cursor::new(b"a 5 A 192.0.2.1\n".to_vec());
            Ok(Opened { name: path.into(), text: Box::new(Failing(text)) })
        }
    }
    let (records, diagnostics) = read(&FailingSource);
    assert_eq!(records, "a.example.org. 5 A 192.0.2.1\n");
    let found: Vec<_> = diagnostics.iter().map(|found| found.code).collect();
    assert_eq!(found, [code::UNREADABLE]);
}

#[test]
fn span_covers_the_lines_of_a_record() {
    let text = "; c\na 5 TXT (\r\n x ) ; y\r\n b 5 A 192.0.2.1\n";
    let source = texts(&text.replace(" b", "b"));
    let mut reader = Reader::new(&source, "zone", Some(origin().as_name()));
    reader.next_record().unwrap();
    assert_eq!(reader.span(), Span { file: FileId(0), start: 4, end: 23, line: 2 });
    reader.next_record().unwrap();
    assert_eq!(reader.span(), Span { file: FileId(0), start: 25, end: 40, line: 4 });
    assert_eq!(reader.files(), [Arc::from("zone")]);
}

#[test]
fn caller_marks_a_part_of_the_last_record() {
    let source = texts("a 5 MX 10 b ; c\n$GENERATE 1-1 x$ 7 A 192.0.2.$\n");
    let mut reader = Reader::new(&source, "zone", Some(origin().as_name()));
    for _ in 0..2 {
        reader.next_record().unwrap();
        for part in [Part::Owner, Part::Ttl, Part::Type, Part::Rdata] {
            let (severity, code) = (Severity::Warning, "some-code");
            let finding = Finding { severity, code, message: String::new(), hint: None };
            reader.report(part, finding);
        }
    }
    assert_eq!(
        problems(reader.diagnostics()),
        [
            "1:1 some-code a",
            "1:3 some-code 5",
            "1:5 some-code MX",
            "1:8 some-code 10 b",
            "2:15 some-code x$",
            "2:18 some-code 7",
            "2:20 some-code A",
            "2:22 some-code 192.0.2.$",
        ]
    );
}

#[test]
fn entry_larger_than_the_buffer_is_read_whole() {
    let strings = "\"0123456789012345678901234567890123456789\"\n ".repeat(1500);
    let (records, diagnostics) = read(&texts(&format!("a 5 TXT ( {strings} )\nb 5 A 192.0.2.1")));
    assert_eq!(problems(&diagnostics), [""; 0]);
    assert!(records.ends_with("\nb.example.org. 5 A 192.0.2.1\n"));
}

#[test]
fn entry_beyond_the_bound_is_refused_and_the_next_is_read() {
    let long = "x".repeat(ENTRY_LEN_MAX);
    let (records, diagnostics) = read(&texts(&format!("a 5 TXT {long}\nb 5 A 192.0.2.1\n")));
    let codes: Vec<_> = diagnostics.iter().map(|found| found.code).collect();
    assert_eq!(
        (codes.as_slice(), records.as_str()),
        ([code::ENTRY_TOO_LONG].as_slice(), "b.example.org. 5 A 192.0.2.1\n")
    );

    let lines = " \"x\"\n".repeat(ENTRY_LEN_MAX / 5);
    let text = format!("a 5 TXT (\n{lines}{lines}b 5 A x\nc 5 A 192.0.2.1\n");
    let (records, diagnostics) = read(&texts(&text));
    let codes: Vec<_> = diagnostics.iter().map(|found| found.code).collect();
    assert_eq!(codes, [code::UNBALANCED_PARENTHESIS, code::BAD_ADDRESS]);
    assert_eq!(records, "c.example.org. 5 A 192.0.2.1\n");
}

/// A text that arrives in pieces of so many octets.
struct Pieces {
    text: io::Cursor<Vec<u8>>,
    length: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.length.min(buffer.len());
        self.text.read(&mut buffer[..length])
    }
}

struct InPieces<'a> {
    text: &'a [u8],
    length: usize,
}

impl Source for InPieces<'_> {
    fn open(&self, path: &str, from: Option<&str>) -> Result<Opened, SourceError> {
        if from.is_some() {
            return Err(SourceError::NotFound);
        }
        let text = io::Cursor::new(self.text.to_vec());
        Ok(Opened { name: path.into(), text: Box::new(Pieces { text, length: self.length }) })
    }
}

/// Pieces of zone text, so that mutations get beyond the first word.
fn zone_text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec![
            "a", "@", " ", "\n", "A", "192.0.2.1", "5", "IN", "TXT", "(", ")", "\"", "\\", "x y",
            "$TTL 5\n", "$ORIGIN b\n", "$INCLUDE zone\n", "$GENERATE 1-3 h$ A 10.0.0.${0,2,d}\n",
            "SOA ns h 1 2 3 4 5", "SVCB 1 . alpn=\"h2\"", "LOC 1 N 2 E 3", "\\# 2 abcd", "\r", ";",
            "APL 1:1.0.0.0/8", "NSEC b A", "HIP 1 00 AQ== b", "RRSIG A 8 1 5 1 2 3 a AQ==", "WKS 1.1.1.1 6 9",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn reading_any_text_ends_and_marks_places_within_it(text in zone_text()) {
        let (_, diagnostics) = read(&texts(&text));
        for found in diagnostics.iter() {
            let place = found.place.as_ref().unwrap();
            prop_assert!(place.line >= 1 && place.column >= 1 && place.length >= 1);
        }
    }

    #[test]
    fn pieces_in_which_a_text_arrives_make_no_difference(text in zone_text(), length in 1..9_usize) {
        let (records, diagnostics) = read(&InPieces { text: &text, length });
        let (whole, at_once) = read(&InPieces { text: &text, length: usize::MAX });
        prop_assert_eq!(records, whole);
        prop_assert!(diagnostics.iter().eq(at_once.iter()));
    }

    #[test]
    fn records_that_were_read_read_back_the_same(text in zone_text()) {
        let (records, _) = read(&texts(&text));
        let (again, diagnostics) = read(&texts(&records));
        prop_assert_eq!(problems(&diagnostics), [""; 0]);
        prop_assert_eq!(again, records);
    }
}
