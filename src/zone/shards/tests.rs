use super::{Hashed, Shards};
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    key: u16,
    value: u8,
}

impl Hashed for Entry {
    fn hash(&self) -> u64 {
        hash(self.key)
    }
}

/// Few distinct hashes, so that entries share them.
fn hash(key: u16) -> u64 {
    u64::from(key % 701).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

proptest! {
    #[test]
    fn behaves_like_a_map_and_leaves_copies_as_they_were(
        steps in prop::collection::vec((any::<u16>(), any::<u8>(), any::<bool>()), 0..200),
    ) {
        let mut shards = Shards::default();
        let mut model = BTreeMap::new();
        for (key, value, is_insert) in steps {
            let key = key % 50;
            let (before, model_before) = (shards.clone(), model.clone());
            if is_insert {
                let old = shards.insert(Entry { key, value }, |entry| entry.key == key);
                prop_assert_eq!(old.map(|entry| entry.value), model.insert(key, value));
            } else {
                let old = shards.remove(hash(key), |entry: &Entry| entry.key == key);
                prop_assert_eq!(old.map(|entry| entry.value), model.remove(&key));
            }
            prop_assert_eq!(contents(&before), model_before);
            prop_assert_eq!(contents(&shards), model.clone());
            prop_assert_eq!(shards.len(), model.len());
        }
    }
}

fn contents(shards: &Shards<Entry>) -> BTreeMap<u16, u8> {
    shards.iter().map(|entry| (entry.key, entry.value)).collect()
}

#[test]
fn room_that_was_made_is_used() {
    let mut shards = Shards::default();
    shards.insert_new(Entry { key: 1, value: 1 });
    shards.reserve(20_000);
    let count = shards.pieces.len();
    let is_same = |old: &Entry, new: &Entry| old.key == new.key;
    for key in 0..20_000 {
        let back = shards.insert_missing(Entry { key, value: 2 }, is_same);
        assert_eq!(back.is_some(), key == 1);
    }
    assert_eq!((shards.len(), shards.pieces.len()), (20_000, count));
    assert_eq!(shards.find(hash(1), |entry| entry.key == 1).unwrap().value, 1);
}

#[test]
fn no_insertion_changes_more_than_two_pieces() {
    let mut shards = Shards::default();
    let mut sizes = Vec::new();
    for key in 0..40_000_u16 {
        let before = shards.clone();
        shards.insert_new(Entry { key, value: 1 });
        let (pieces, shared) = shards.shared_with(&before);
        assert!(pieces - shared <= 3, "{shared} of {pieces}");
        sizes.push(pieces);
    }
    assert!(sizes.windows(2).all(|pair| pair[1] - pair[0] <= 1));
    assert_eq!(sizes.last(), Some(&14));
    for key in 0..40_000 {
        assert!(shards.find(hash(key), |entry| entry.key == key).is_some(), "{key}");
    }
}

#[test]
fn every_entry_is_found_after_the_table_was_spread() {
    let mut shards = Shards::default();
    for key in 0..20_000 {
        shards.insert(Entry { key, value: 1 }, |entry| entry.key == key);
    }
    assert!(shards.pieces.len() > 4);
    for key in 0..20_000 {
        assert!(shards.find(hash(key), |entry| entry.key == key).is_some(), "{key}");
    }
    assert!(shards.find(hash(20_000), |entry| entry.key == 20_000).is_none());
}
