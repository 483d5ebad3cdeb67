use super::{FoldedName, child_hash};
use crate::wire::name::{Name, NameBuf};

fn folded(text: &str) -> FoldedName {
    FoldedName::new(NameBuf::from_text(text.as_bytes(), None).unwrap().as_name())
}

#[test]
fn suffixes_are_the_ancestors_in_lower_case() {
    let name = folded("WWW.Example.org.");
    let suffixes: Vec<String> = (0..=4).map(|dropped| name.suffix(dropped).to_string()).collect();
    assert_eq!(suffixes, ["www.example.org.", "example.org.", "org.", ".", "."]);
    assert_eq!(name.label_count(), 3);
    assert_eq!((name.start(0), name.start(1), name.start(3)), (0, 4, 16));
}

#[test]
fn hash_of_a_suffix_is_the_hash_of_that_name_in_any_case() {
    let name = folded("a.B.c.");
    assert_eq!(name.hash(1), folded("b.C.").hash(0));
    assert_eq!(name.hash(0), child_hash(folded("b.c.").hash(0), b"a"));
    assert_eq!(name.hash(3), folded(".").hash(0));
    assert_ne!(name.hash(0), folded("ab.c.").hash(0));
}

#[test]
fn folding_another_name_leaves_nothing_of_the_first() {
    let mut name = folded("a.very.long.name.example.");
    name.fold(folded("B.").as_name());
    assert_eq!((name.as_name().to_string(), name.label_count()), ("b.".to_owned(), 1));
    assert_eq!(name.hash(0), folded("b.").hash(0));
    name.fold(Name::ROOT);
    assert_eq!((name.as_name().to_string(), name.label_count()), (".".to_owned(), 0));
}

#[test]
fn longest_name_is_folded_whole() {
    let longest = NameBuf::from_text(&b"a.".repeat(127), None).unwrap();
    let name = FoldedName::new(longest.as_name());
    assert_eq!((name.label_count(), name.as_name() == longest.as_name()), (127, true));
    assert_eq!(name.suffix(126).to_string(), "a.");
}
