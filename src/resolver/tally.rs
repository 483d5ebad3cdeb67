//! How many of something there are for each of several, with memory only for those that have some.

use std::collections::HashMap;
use std::hash::Hash;

/// Counts by key.
#[derive(Debug)]
pub(super) struct Tally<K>(HashMap<K, u32>);

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq> Tally<K> {
    /// How many there are.
    pub(super) fn count(&self, key: &K) -> u32 {
        self.0.get(key).copied().unwrap_or(0)
    }

    /// Counts one more.
    pub(super) fn add(&mut self, key: K) {
        let count = self.0.entry(key).or_default();
        *count = count.saturating_add(1);
    }

    /// Counts one less.
    pub(super) fn remove(&mut self, key: &K) {
        let Some(count) = self.0.get_mut(key) else { return };
        *count = count.saturating_sub(1);
        if *count == 0 {
            self.0.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn counts_go_up_and_down_and_none_is_kept_that_is_zero() {
        let mut tally = Tally::default();
        tally.add("a");
        tally.add("a");
        tally.add("b");
        tally.remove(&"a");
        tally.remove(&"b");
        tally.remove(&"c");
        assert_eq!((tally.count(&"a"), tally.count(&"b"), tally.0.len()), (1, 0, 1));
    }
}
