use super::{Name, NameBuf, NameTextError};
use proptest::prelude::*;
use std::cmp::Ordering;

fn name(text: &str) -> NameBuf {
    NameBuf::from_text(text.as_bytes(), Some(Name::ROOT)).unwrap()
}

#[track_caller]
fn check_text(text: &str, expected: &str) {
    let origin = name("example.org.");
    let read = NameBuf::from_text(text.as_bytes(), Some(origin.as_name()));
    assert_eq!(read.map(|name| name.to_string()), Ok(expected.to_owned()));
}

#[track_caller]
fn check_refused(text: &[u8], expected: NameTextError) {
    assert_eq!(NameBuf::from_text(text, Some(Name::ROOT)), Err(expected));
}

#[test]
fn relative_name_is_completed_with_the_origin() {
    check_text("www", "www.example.org.");
    check_text("www.", "www.");
    check_text("@", "example.org.");
    check_text(".", ".");
}

#[test]
fn escapes_are_octets_and_never_label_ends() {
    check_text(r"a\.b", r"a\.b.example.org.");
    check_text(r"\097\046.", r"a\..");
    check_text(r"a\.", r"a\..example.org.");
    check_text(r"\@", r"\@.example.org.");
    check_text(r"my\032printer", r"my\032printer.example.org.");
}

#[test]
fn names_beyond_host_names_are_names() {
    check_text("foo_bar", "foo_bar.example.org.");
    check_text("0/25", "0/25.example.org.");
}

#[test]
fn text_that_is_no_name_is_refused() {
    check_refused(b"", NameTextError::Empty);
    check_refused(b"a..b", NameTextError::EmptyLabel);
    check_refused(b".a", NameTextError::EmptyLabel);
    check_refused(br"a\", NameTextError::Escape);
    check_refused(br"a\25", NameTextError::Escape);
    check_refused(br"a\256", NameTextError::Escape);
    check_refused(&[b'a'; 64], NameTextError::LabelLength);
    check_refused(&b"a.".repeat(128), NameTextError::NameLength);
    assert_eq!(NameBuf::from_text(b"a", None), Err(NameTextError::Relative));
}

#[test]
fn longest_label_and_longest_name_are_accepted() {
    assert_eq!(name(&"a".repeat(63)).as_name().len(), 65);
    assert_eq!(name(&"a.".repeat(127)).as_name().len(), 255);
}

#[test]
fn canonical_order_is_that_of_the_rfc_example() {
    // RFC 4034 §6.1.
    let sorted = [
        "example.",
        "a.example.",
        "yljkjljk.a.example.",
        "Z.a.example.",
        "zABC.a.EXAMPLE.",
        "z.example.",
        r"\001.z.example.",
        "*.z.example.",
        r"\200.z.example.",
    ];
    let names: Vec<NameBuf> = sorted.iter().map(|text| name(text)).collect();
    let mut shuffled: Vec<NameBuf> = names.iter().rev().cloned().collect();
    shuffled.sort();
    assert_eq!(shuffled, names);
}

#[test]
fn name_is_within_itself_and_its_ancestors_only() {
    let www = name("www.Example.org.");
    for (ancestor, within) in [
        ("example.ORG.", true),
        ("www.example.org.", true),
        (".", true),
        ("xample.org.", false),
        ("a.www.example.org.", false),
        ("ww.example.org.", false),
    ] {
        assert_eq!(www.as_name().is_within(name(ancestor).as_name()), within, "{ancestor}");
    }
    assert!(!www.as_name().is_below(www.as_name()));
}

#[test]
fn wire_that_is_no_plain_name_is_refused() {
    for wire in [&b"\x01a"[..], b"\x01a\xC0\x00", b"\x40", b"\x80", b"", b"\x03ab"] {
        assert!(Name::read(wire).is_err(), "{wire:?}");
    }
    let longest: Vec<u8> = b"\x01a".repeat(127).into_iter().chain([0]).collect();
    assert_eq!(Name::read(&longest).unwrap().len(), 255);
    let too_long: Vec<u8> = b"\x01a".repeat(128).into_iter().chain([0]).collect();
    assert!(Name::read(&too_long).is_err());
}

/// Labels as plain vectors: the naive model.
fn labels() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let octet = prop_oneof![3 => prop::sample::select(b"aAbBzZ*.\\@01\0\x01\x02".to_vec()), 1 => any::<u8>()];
    prop::collection::vec(prop::collection::vec(octet, 1..5), 0..6)
}

fn wire(labels: &[Vec<u8>]) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in labels {
        wire.push(u8::try_from(label.len()).unwrap());
        wire.extend_from_slice(label);
    }
    wire.push(0);
    wire
}

fn lower(labels: &[Vec<u8>]) -> Vec<Vec<u8>> {
    labels.iter().map(|label| label.to_ascii_lowercase()).collect()
}

proptest! {
    #[test]
    fn text_of_any_name_reads_back_to_its_octets(labels in labels()) {
        let wire = wire(&labels);
        let name = Name::read(&wire).unwrap();
        let back = NameBuf::from_text(name.to_string().as_bytes(), None).unwrap();
        prop_assert!(back.as_name().is_identical(name));
    }

    #[test]
    fn names_compare_like_a_naive_model(a in labels(), b in labels()) {
        let (wire_a, wire_b) = (wire(&a), wire(&b));
        let (name_a, name_b) = (Name::read(&wire_a).unwrap(), Name::read(&wire_b).unwrap());
        let (lower_a, lower_b) = (lower(&a), lower(&b));
        prop_assert_eq!(name_a == name_b, lower_a == lower_b);
        prop_assert_eq!(name_a.is_within(name_b), lower_a.ends_with(&lower_b));
        let (mut right_a, mut right_b) = (lower_a, lower_b);
        right_a.reverse();
        right_b.reverse();
        prop_assert_eq!(name_a.cmp(&name_b), right_a.cmp(&right_b));
        prop_assert_eq!(name_a.label_count(), a.len());
    }

    #[test]
    fn sort_keys_that_differ_sort_like_the_names(a in labels(), b in labels(), apex in labels()) {
        let wires = [a, b].map(|labels| wire(&[&labels[..], &apex[..]].concat()));
        let [name_a, name_b] = wires.each_ref().map(|wire| Name::read(wire).unwrap());
        let apex_wire = wire(&apex);
        let apex = Name::read(&apex_wire).unwrap();
        let by_key = name_a.sort_key(apex).cmp(&name_b.sort_key(apex));
        prop_assert!(by_key == Ordering::Equal || by_key == name_a.cmp(&name_b));
    }

    #[test]
    fn reading_never_goes_beyond_the_octets(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(name) = Name::read(&octets) {
            prop_assert!(name.len() <= octets.len() && name.len() <= 255);
        }
    }
}
