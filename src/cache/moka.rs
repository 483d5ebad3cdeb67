//! The store of the running server: bounded by octets, what is asked often stays (TinyLFU).
//!
//! The only file that knows moka. None of its times are used: entries end by theirs, and what has
//! ended is dropped when room is wanted, like all that nobody asks for.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::notification::RemovalCause;

use crate::cache::entry::Entry;
use crate::cache::key::{BuildKeyHasher, Key};
use crate::cache::store::{Store, StoreCounts};
use crate::cache::{Cache, Limits};

/// Octets that moka takes for an entry besides the entry itself: its key, its own counts and times,
/// nodes in its lists and a place in its table, and what the allocator adds to these eight
/// allocations.
///
/// By so much for each entry, and the entries themselves, a process grew that put in 300,000 of
/// them. `tests/it/caching.rs` holds it to what is allocated.
const OVERHEAD_LEN: usize = 350;

/// The store.
struct MokaStore {
    entries: moka::sync::Cache<Key, Arc<Entry>, BuildKeyHasher>,
    evictions: Arc<AtomicU64>,
}

impl Cache {
    /// A cache of at most so many octets that keeps what is asked often, for the view with the
    /// number 0.
    pub fn of_size(octets_max: u64, limits: Limits) -> Self {
        Self::new(Box::new(MokaStore::new(octets_max)), limits)
    }
}

impl MokaStore {
    fn new(octets_max: u64) -> Self {
        let evictions = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&evictions);
        let entries = moka::sync::Cache::builder()
            .max_capacity(octets_max)
            .weigher(|_: &Key, entry: &Arc<Entry>| weight(entry))
            .eviction_listener(move |_, _, cause| {
                if cause == RemovalCause::Size {
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            })
            .build_with_hasher(BuildKeyHasher::default());
        Self { entries, evictions }
    }
}

/// Octets that an entry takes in memory.
fn weight(entry: &Entry) -> u32 {
    u32::try_from(OVERHEAD_LEN + entry.weight()).unwrap_or(u32::MAX)
}

impl Store for MokaStore {
    fn find(&self, key: Key) -> Option<Arc<Entry>> {
        self.entries.get(&key)
    }

    fn insert(&self, key: Key, entry: Arc<Entry>) {
        self.entries.insert(key, entry);
    }

    fn remove(&self, key: Key) {
        self.entries.invalidate(&key);
    }

    fn visit(&self, visitor: &mut dyn FnMut(Key, &Entry)) {
        for (key, entry) in &self.entries {
            visitor(*key, &entry);
        }
    }

    fn counts(&self) -> StoreCounts {
        StoreCounts {
            entries: self.entries.entry_count(),
            octets: self.entries.weighted_size(),
            evictions: self.evictions.load(Ordering::Relaxed),
        }
    }

    fn run_pending(&self) {
        self.entries.run_pending_tasks();
    }
}

impl fmt::Debug for MokaStore {
    /// Writes what it holds as numbers: the entries are too many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MokaStore").field("counts", &self.counts()).finish()
    }
}

#[cfg(test)]
mod tests;
