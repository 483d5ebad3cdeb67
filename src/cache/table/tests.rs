use super::Table;
use crate::cache::tests::{LIMITS, at, cache, check_found, records, stored};
use crate::cache::{Cache, Store};

fn text(number: usize) -> String {
    format!("host{number}.example. 300 A 192.0.2.1")
}

#[test]
fn table_that_is_full_drops_what_came_in_first() {
    let whole = cache();
    stored(whole.put_records(at(0), &records(&text(1))));
    let one = usize::try_from(whole.counts().octets).unwrap();
    let cache = Cache::new(Box::new(Table::new(2 * one)), LIMITS);
    for number in [1, 2, 1, 3] {
        stored(cache.put_records(at(0), &records(&text(number))));
    }
    // The first one was put again, and so came in after the second.
    check_found(&cache, at(0), "host2.example. A", "missing");
    for number in [1, 3] {
        let expected = format!("records 300: host{number}.example. A 192.0.2.1");
        check_found(&cache, at(0), &format!("host{number}.example. A"), &expected);
    }
    let counts = cache.counts();
    assert_eq!((counts.entries, counts.octets, counts.evictions), (2, 2 * one as u64, 1));
}

#[test]
fn entry_that_is_larger_than_the_table_is_dropped() {
    let cache = Cache::new(Box::new(Table::new(10)), LIMITS);
    stored(cache.put_records(at(0), &records(&text(1))));
    let counts = cache.counts();
    assert_eq!((counts.entries, counts.octets, counts.evictions), (0, 0, 1));
}

#[test]
fn entries_are_shown_in_the_order_they_came_in() {
    let cache = cache();
    for number in [3, 1, 2, 3] {
        stored(cache.put_records(at(0), &records(&text(number))));
    }
    let mut names = Vec::new();
    cache.store.visit(&mut |_, entry| names.push(entry.name().to_string()));
    assert_eq!(names, ["host1.example.", "host2.example.", "host3.example."]);
    let empty: &dyn Store = &Table::new(10);
    empty.visit(&mut |_, entry| panic!("{entry:?}"));
}
