use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::{File, read};
use crate::wire::name::{Name, NameBuf};
use crate::zone::crew::Crew;
use crate::zone::file::source::{Source, Texts};
use crate::zone::load::{Apex, read_whole};
use crate::zone::store::Zone;

fn name(text: &str) -> NameBuf {
    NameBuf::from_text(text.as_bytes(), Some(Name::ROOT)).unwrap()
}

/// All that a zone holds, the case of its names included.
fn content(zone: &Zone) -> Vec<String> {
    let sets = zone.nodes().flat_map(|node| {
        let sets = node.sets().map(|set| {
            let rdatas: Vec<&[u8]> = set.records().collect();
            format!("{} {:?} {} {rdatas:?}", node.owner(), set.key, set.ttl())
        });
        sets.chain([format!("{} {} {}", node.owner(), node.is_cut(), node.is_hashed())])
    });
    let count = format!("{} records", zone.record_count());
    sets.chain([count]).collect()
}

/// Reads a text in pieces, and compares with what it is as a whole; whether it could be divided.
#[track_caller]
fn divides(text: &[u8], apex: &Apex<'_>, piece_len: usize) -> bool {
    let source = Texts::of("z", text.to_vec());
    let text = source.open("z", None).unwrap().text;
    let file = File { text, len: source.len("z") };
    let Some(divided) = read(file, apex, &Crew::new(3), piece_len) else { return false };
    let whole = read_whole(&source, "z", apex, &Crew::alone());
    assert!(whole.diagnostics.is_empty() && whole.duplicates.is_empty());
    assert_eq!(content(&divided), content(&whole.zone.unwrap()));
    true
}

#[track_caller]
fn check(text: &str, is_divided: bool) {
    let apex = name("example.");
    for piece_len in [100, 128, 177, 4096] {
        let divided = divides(text.as_bytes(), &Apex::Given(apex.as_name()), piece_len);
        assert_eq!(divided, is_divided, "{text} in pieces of {piece_len}");
    }
}

fn many(line: impl Fn(usize) -> String) -> String {
    let head = "$TTL 5\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n".to_owned();
    (0..40).map(line).fold(head, |text, line| text + &line)
}

#[test]
fn a_file_without_problems_is_divided() {
    check(&many(|n| format!("h{n} A 192.0.2.{n}\n TXT ( a ; (\n\"b;c(\" )\n")), true);
    check(&many(|n| format!("a.b{}.c TXT {n}\n", n % 7)), true);
    check(&many(|n| format!("A{}.b.c TXT {n}\na{} AAAA ::{n}\n", n % 3, n % 5)), true);
}

#[test]
fn what_directives_say_holds_in_the_pieces_behind_them() {
    check(&many(|n| format!("$ORIGIN h{}\n$TTL {n}\na{n} A 192.0.2.1\n", n % 2)), true);
    check(&many(|n| format!("$ORIGIN EXAMPLE.\n$ORIGIN {n}.example.\n@ TXT a\n")), true);
}

#[test]
fn a_file_with_anything_to_be_told_is_not_divided() {
    check(&(many(|n| format!("h{n} A 192.0.2.{n}\n")) + "h A 192.0.2.256\n"), false);
    check(&(many(|n| format!("h{n} A 192.0.2.{n}\n")) + "h3 A 192.0.2.3\n"), false);
    check(&(many(|n| format!("h{n} A 192.0.2.{n}\n")) + "h3 6 A 192.0.2.4\n"), false);
    check(&(many(|n| format!("h{n} A 192.0.2.{n}\n")) + "h.org. A 192.0.2.4\n"), false);
    check(&(many(|n| format!("h{n} A 192.0.2.{n}\n")) + "$GENERATE 1-2 a$ A 192.0.2.4\n"), false);
    check(&(many(|n| format!("h{n} A 192.0.2.{n}\n")) + "$INCLUDE z\n"), false);
    check(&(many(|n| format!("h{n} TXT (\nb{n} A 192.0.2.{n}\n)\n")) + "h A (\n"), false);
    check("", false);
    check("; nothing\n", false);
}

#[test]
fn a_directive_within_parentheses_is_not_followed() {
    let text = many(|n| format!("h{n} TXT (\n$ORIGIN a\n) b\nlonger-{n} A 192.0.2.1\n"));
    let apex = name("example.");
    assert!(!divides(text.as_bytes(), &Apex::Given(apex.as_name()), 100));
}

#[test]
fn the_first_record_tells_the_name_of_the_zone() {
    let text = many(|n| format!("h{n} A 192.0.2.{n}\n")).replacen('@', "example.", 1);
    let text = "$ORIGIN example.\n".to_owned() + &text;
    assert!(divides(text.as_bytes(), &Apex::Told(None), 100));
}

#[test]
fn samples_are_the_same_in_pieces() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["tests/corpus/zone", "zones/lab"].map(|folder| root.join(folder));
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let mut divided = 0;
    for path in files.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let text = fs::read(&path).unwrap();
        for piece_len in [100, 300, 1000, 3000] {
            divided += usize::from(divides(&text, &Apex::Told(Some(Name::ROOT)), piece_len));
        }
    }
    assert!(divided > 0);
}

/// Pieces of zone text.
fn zone_text() -> impl Strategy<Value = String> {
    let pieces = vec![
        "a",
        "b.c",
        "@",
        " ",
        "\n",
        "A",
        "192.0.2.1",
        "5",
        "TXT",
        "(",
        ")",
        "\"",
        "\\",
        ";",
        "\r",
        "$TTL 5\n",
        "$ORIGIN b\n",
        "\na 5 A 192.0.2.1\n",
        "\nb.A 5 A 192.0.2.2\n",
        "\nC TXT a\n",
        "\nd TXT (\ne 5 A 192.0.2.1\n$ORIGIN f\n)\n",
        "\na 5 TXT b\n",
        " A 192.0.2.7\n",
    ];
    let piece = prop::sample::select(pieces);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn what_can_be_divided_is_the_same_in_pieces(text in zone_text(), piece_len in 10_usize..200) {
        let text = "$TTL 5\nexample. SOA ns h 1 2 3 4 5\n".to_owned() + &text;
        divides(text.as_bytes(), &Apex::Told(Some(name("example.").as_name())), piece_len);
    }
}
