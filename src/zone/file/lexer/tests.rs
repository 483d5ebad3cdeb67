use super::{FaultKind, Scan, Words, scan};
use proptest::prelude::*;

/// The words of the first entry, those in quotes with their quotes, and the text after it.
#[track_caller]
fn check(text: &str, words: &[&str], rest: &str) {
    let mut tokens = Vec::new();
    let Scan::Entry { next, fault: None, .. } = scan(text.as_bytes(), true, &mut tokens) else {
        panic!("no entry");
    };
    let found: Vec<&str> = Words::new(text.as_bytes(), &tokens)
        .map(|word| &text[word.at.start..word.at.end])
        .collect();
    assert_eq!((found.as_slice(), &text[next..]), (words, rest));
}

#[track_caller]
fn check_fault(text: &str, kind: FaultKind, marked: &str) {
    let Scan::Entry { fault: Some(fault), .. } = scan(text.as_bytes(), true, &mut Vec::new())
    else {
        panic!("no fault");
    };
    assert_eq!((fault.kind, &text[fault.at.start..fault.at.end]), (kind, marked));
}

#[test]
fn blanks_and_tabs_divide_words() {
    check("a \t b\tc\n", &["a", "b", "c"], "");
    check("", &[], "");
}

#[test]
fn entry_ends_with_its_line() {
    check("a\nb", &["a"], "b");
    check("a\r\nb", &["a"], "b");
    check("a\rb", &["a"], "b");
    check("a", &["a"], "");
}

#[test]
fn parentheses_join_lines_wherever_they_stand() {
    check("a (b\n c)\nd", &["a", "b", "c"], "d");
    check("(a\nb)c\n", &["a", "b", "c"], "");
    check("a((b\n)\n)\nc", &["a", "b"], "c");
    check("a(\"b\"\n\"c\")\n", &["a", "\"b\"", "\"c\""], "");
}

#[test]
fn comment_ends_with_its_line_and_hides_parentheses_and_quotes() {
    check("a ;b ( \"\nc", &["a"], "c");
    check("a;b\nc", &["a"], "c");
    check("a ( ; b )\n c )\nd", &["a", "c"], "d");
}

#[test]
fn quotes_hold_what_would_end_a_word() {
    check("a \"b; (c)\" d\n", &["a", "\"b; (c)\"", "d"], "");
    check(r#"a "b\"c" d"#, &["a", r#""b\"c""#, "d"], "");
    check("a=\"b c\"d", &["a=", "\"b c\"", "d"], "");
}

#[test]
fn escaped_octets_do_not_end_a_word() {
    check(r#"a\ b\;c\(d\" e"#, &[r#"a\ b\;c\(d\""#, "e"], "");
    check("a\\\nb", &["a\\"], "b");
}

#[test]
fn form_that_is_wrong_is_a_fault() {
    check_fault("a ) b\n", FaultKind::Closing, ")");
    check_fault("a \"b c\nd", FaultKind::Quote, "\"b c");
    check_fault("a \"b c\r\nd", FaultKind::Quote, "\"b c");
    check_fault("a \"b", FaultKind::Quote, "\"b");
    check_fault("a \0 b\n", FaultKind::Nul, "\0");
    check_fault("a \"\0\" b\n", FaultKind::Nul, "\0");
}

#[test]
fn unclosed_parenthesis_asks_for_more_text() {
    let scanned = scan(b"a ( b ( c )\n", true, &mut Vec::new());
    assert_eq!(scanned, Scan::More { open: Some(2) });
}

#[test]
fn entry_without_its_line_end_asks_for_more_text() {
    for text in ["a b", "a \"b\n\"", "a \"b", "a\r", "a \\"] {
        let mut tokens = Vec::new();
        let scanned = scan(text.as_bytes(), false, &mut tokens);
        let whole = matches!(scanned, Scan::Entry { .. });
        assert_eq!(whole, text.contains('\n'), "{text:?}");
    }
}

proptest! {
    #[test]
    fn words_lie_within_the_entry_and_apart(text in "[ab\"();\\\\ \n\r\0]{0,40}") {
        let mut tokens = Vec::new();
        if let Scan::Entry { end, next, fault: None, .. } =
            scan(text.as_bytes(), true, &mut tokens)
        {
            let mut last = 0;
            for word in Words::new(text.as_bytes(), &tokens) {
                prop_assert!(last <= word.at.start && word.at.start < word.at.end);
                last = word.at.end;
            }
            prop_assert!(last <= end && end <= next && next <= text.len());
        }
    }

    #[test]
    fn entry_is_the_same_whether_or_not_more_follows(text in "[ab\"();\\\\ \n\r]{0,40}") {
        let (mut now, mut later) = (Vec::new(), Vec::new());
        let short = scan(text.as_bytes(), false, &mut now);
        let longer = text.clone() + "x\n";
        if let Scan::Entry { .. } = short {
            prop_assert_eq!(short, scan(longer.as_bytes(), true, &mut later));
            prop_assert_eq!(now, later);
        }
    }
}
