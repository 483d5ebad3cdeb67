//! What the resolver has learnt: records, denials, zone cuts and failures, each for its time to
//! live.
//!
//! Knows when an entry ends and which of two ranks higher, and neither asks anyone nor reads a
//! clock. The resolver puts (`put`) and finds (`find`); replies are written from what it found.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod block;
mod entry;
mod find;
mod key;
mod learnt;
mod local;
mod moka;
mod put;
mod resolution;
mod store;
mod table;

pub use entry::{Detail, Entry, Failure, FailureReason, Freshness, Kind, Part, Rank, Security};
pub use find::{Cut, Found, Hit};
pub use key::{Key, Partition, What};
pub use learnt::{LearntDelegation, LearntDenial, LearntRecord, LearntRecords, LearntSet};
pub use local::{Local, LocalCut, NoZones, Owned};
pub use put::{Put, Unfit};
pub use resolution::{End, Resolution};
pub use store::{Store, StoreCounts};
pub use table::Table;

use std::sync::Arc;

use crate::base::time::Ttl;
use crate::wire::folded::FoldedName;
use crate::wire::name::Name;
use crate::wire::numbers::Rtype;

/// For how long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Shorter times to live count as this, but not those of zone cuts: these are never kept longer
    /// than the parent wants.
    pub min_ttl: Ttl,
    /// Longer times to live count as this.
    pub max_ttl: Ttl,
    /// Longer times to live of denials count as this (RFC 2308 §5).
    pub max_negative_ttl: Ttl,
    /// How long records and denials may be used after their end (RFC 8767); 0 is never.
    pub max_stale: Ttl,
}

/// The cache as one view sees it; cheap to clone.
#[derive(Clone, Debug)]
pub struct Cache {
    store: Arc<dyn Store>,
    limits: Limits,
    partition: Partition,
}

impl Cache {
    /// A cache that keeps its entries in `store`, for the view with the number 0.
    pub fn new(store: Box<dyn Store>, limits: Limits) -> Self {
        let store = Arc::from(store);
        Self { store, limits, partition: Partition::default() }
    }

    /// The same cache for another view, which knows nothing of what this one learns.
    #[must_use]
    pub fn for_partition(&self, partition: Partition) -> Self {
        Self { partition, ..self.clone() }
    }

    /// The same cache with other limits for what comes in from now on.
    #[must_use]
    pub fn with_limits(&self, limits: Limits) -> Self {
        Self { limits, ..self.clone() }
    }

    /// Forgets all that is known of a name, and what denies it. Returns how many entries that were.
    ///
    /// Looks at every entry of the cache.
    pub fn flush(&self, name: Name<'_>) -> usize {
        self.remove_where(|entry| {
            let is_denial_above = entry.kind() == Kind::NameError && name.is_within(entry.name());
            is_denial_above || entry.name() == name
        })
    }

    /// Forgets all that is known of a name and of all names below it, and what denies them. Returns
    /// how many entries that were.
    ///
    /// Looks at every entry of the cache.
    pub fn flush_tree(&self, name: Name<'_>) -> usize {
        self.flush_trees(&[name])
    }

    /// The same for several names, in one pass.
    pub fn flush_trees(&self, names: &[Name<'_>]) -> usize {
        self.remove_where(|entry| {
            let is_denial = entry.kind() == Kind::NameError;
            names.iter().any(|name| {
                entry.name().is_within(*name) || (is_denial && name.is_within(entry.name()))
            })
        })
    }

    /// Forgets the records of one type of a name, those that are good only for reaching servers
    /// too, or that there are none.
    pub fn forget(&self, name: &FoldedName, rtype: Rtype) {
        for what in [What::of(rtype), What::Glue(rtype)] {
            self.store.remove(Key::new(name.hash(0), what, self.partition));
        }
    }

    /// What can be told of the whole cache, for all views together.
    pub fn counts(&self) -> StoreCounts {
        self.store.counts()
    }

    /// Does what the store has put off. To be called some times a second by a thread that has time.
    pub fn run_pending(&self) {
        self.store.run_pending();
    }

    fn remove_where(&self, is_meant: impl Fn(&Entry) -> bool) -> usize {
        let mut keys = Vec::new();
        self.store.visit(&mut |key, entry| {
            if entry.partition() == self.partition && is_meant(entry) {
                keys.push(key);
            }
        });
        for key in &keys {
            self.store.remove(*key);
        }
        keys.len()
    }

    /// What the store has of a name.
    fn entry(&self, name: Name<'_>, hash: u64, what: What) -> Option<Arc<Entry>> {
        let entry = self.store.find(Key::new(hash, what, self.partition))?;
        // Two names may have the same key, however unlikely that is.
        entry.is_about(name, what, self.partition).then_some(entry)
    }
}

#[cfg(test)]
mod tests;
