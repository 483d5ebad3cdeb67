use crate::cache::Cache;
use crate::cache::tests::{LIMITS, at, check_found, name, records, stored};

#[test]
fn store_that_is_full_drops_entries_and_counts_them() {
    let cache = Cache::of_size(50_000, LIMITS);
    for number in 0..1_000 {
        let text = format!("host{number}.example. 300 A 192.0.2.1");
        stored(cache.put_records(at(0), &records(&text)));
    }
    cache.run_pending();
    let counts = cache.counts();
    assert!(counts.octets <= 50_000, "{counts:?}");
    assert!((50..300).contains(&counts.entries), "{counts:?}");
    assert_eq!(counts.entries + counts.evictions, 1_000, "{counts:?}");
}

#[test]
fn replaced_and_removed_entries_are_not_evicted() {
    let cache = Cache::of_size(1 << 20, LIMITS);
    for address in ["192.0.2.1", "192.0.2.2"] {
        stored(cache.put_records(at(0), &records(&format!("www.example. 300 A {address}"))));
    }
    check_found(&cache, at(0), "www.example. A", "records 300: www.example. A 192.0.2.2");
    cache.run_pending();
    assert_eq!(cache.counts().entries, 1);
    cache.flush(name("www.example."));
    check_found(&cache, at(0), "www.example. A", "missing");
    cache.run_pending();
    let counts = cache.counts();
    assert_eq!((counts.entries, counts.octets, counts.evictions), (0, 0, 0));
}

#[test]
fn store_shows_numbers_and_not_its_entries() {
    let cache = Cache::of_size(1 << 20, LIMITS);
    stored(cache.put_records(at(0), &records("www.example. 300 A 192.0.2.1")));
    assert!(!format!("{cache:?}").contains("www"));
}
