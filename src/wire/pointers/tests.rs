use super::{Base, Found, Pointer, Pointers, append};
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::Rtype;

fn name(text: &str) -> NameBuf {
    NameBuf::from_text(text.as_bytes(), Some(Name::ROOT)).unwrap()
}

/// The pointers of NS records for `targets` at `owner`.
fn pointers(owner: &str, targets: &[&str]) -> Vec<Pointer> {
    let names: Vec<NameBuf> = targets.iter().map(|target| name(target)).collect();
    let rdatas = names.iter().map(|name| name.as_name().as_wire());
    let mut out = vec![7; 5];
    let found = append(name(owner).as_name(), Rtype::NS, rdatas, &mut out);
    assert_ne!(found, Found::Unknown);
    assert_eq!(found == Found::Some, out.len() > 5);
    assert_eq!(out[..5], [7; 5]);
    if found == Found::Some { Pointers::at_end_of(&out).iter().collect() } else { Vec::new() }
}

fn pointer(at: usize, skipped: usize, base: Base, target: usize) -> Pointer {
    Pointer { at, skipped, base, target }
}

#[test]
fn name_below_the_owner_points_at_it() {
    assert_eq!(pointers("sub.example.", &["ns.Sub.example."]), [pointer(15, 13, Base::Owner, 0)]);
}

#[test]
fn name_beside_the_owner_points_into_it() {
    assert_eq!(pointers("sub.example.", &["ns.example."]), [pointer(15, 9, Base::Owner, 4)]);
}

#[test]
fn name_that_ends_like_an_earlier_one_points_at_that() {
    assert_eq!(
        pointers("sub.example.", &["a.ns.other.", "b.NS.other.", "a.ns.other."]),
        [pointer(12 + 12 + 12 + 2, 10, Base::Set, 14), pointer(60, 12, Base::Set, 12)]
    );
}

#[test]
fn longest_of_several_is_pointed_at() {
    assert_eq!(
        pointers("sub.example.", &["a.ns.example.", "b.ns.example."]),
        [pointer(17, 9, Base::Owner, 4), pointer(12 + 14 + 12 + 2, 12, Base::Set, 14)]
    );
}

#[test]
fn names_with_nothing_in_common_have_no_pointers() {
    assert_eq!(pointers("sub.example.", &["ns.other.", "."]), []);
    assert_eq!(pointers(".", &["a.root."]), []);
}

#[test]
fn nothing_points_at_the_asterisk_of_a_wildcard() {
    assert_eq!(pointers("*.example.", &["*.example."]), [pointer(14, 9, Base::Owner, 2)]);
}

#[test]
fn pointers_of_a_large_set_are_not_known() {
    let target = name("ns.example.");
    let owner = name("example.");
    for (count, found) in [(32, Found::Some), (33, Found::Unknown)] {
        let rdatas = vec![target.as_name().as_wire(); count];
        let append = |rtype| append(owner.as_name(), rtype, rdatas.iter().copied(), &mut vec![]);
        assert_eq!(append(Rtype::NS), found);
        assert_eq!(append(Rtype::DNAME), Found::None);
    }
}
