//! Where entries are kept, by key.
//!
//! A store bounds its memory by dropping entries of its choice. It knows no times: what has ended
//! stays until it is replaced or dropped.

use std::fmt::Debug;
use std::sync::Arc;

use crate::cache::entry::Entry;
use crate::cache::key::Key;

/// What a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreCounts {
    /// Entries.
    pub entries: u64,
    /// Octets that they take, as the store reckons.
    pub octets: u64,
    /// Entries that were dropped for want of room since the start.
    pub evictions: u64,
}

/// Keeps entries. Shared by threads.
pub trait Store: Send + Sync + Debug {
    /// The entry with this key.
    fn find(&self, key: Key) -> Option<Arc<Entry>>;

    /// Puts an entry in the place of the one with the same key, if there is one.
    fn insert(&self, key: Key, entry: Arc<Entry>);

    /// Drops an entry.
    fn remove(&self, key: Key);

    /// Shows all entries, in any order. What is put in or taken out meanwhile may or may not be
    /// among them.
    fn visit(&self, visitor: &mut dyn FnMut(Key, &Entry));

    /// What it holds. May lag behind until `run_pending`.
    fn counts(&self) -> StoreCounts;

    /// Does what it has put off.
    fn run_pending(&self);
}
