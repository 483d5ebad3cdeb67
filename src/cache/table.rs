//! A store that does the same in every run: what came in first goes first.
//!
//! For tests and simulation. One lock, and no regard for what is asked often.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::cache::entry::Entry;
use crate::cache::key::{BuildKeyHasher, Key};
use crate::cache::store::{Store, StoreCounts};

/// An entry, and its number in the order in which entries came in.
#[derive(Debug)]
struct Slot {
    number: u64,
    entry: Arc<Entry>,
}

#[derive(Debug, Default)]
struct Slots {
    slots: HashMap<Key, Slot, BuildKeyHasher>,
    order: BTreeMap<u64, Key>,
    /// The number of the next entry.
    next: u64,
    octets: usize,
    evictions: u64,
}

impl Slots {
    fn remove(&mut self, key: Key) -> bool {
        let Some(slot) = self.slots.remove(&key) else { return false };
        self.order.remove(&slot.number);
        self.octets -= slot.entry.weight();
        true
    }

    fn insert(&mut self, key: Key, entry: Arc<Entry>) {
        self.remove(key);
        self.octets += entry.weight();
        self.order.insert(self.next, key);
        self.slots.insert(key, Slot { number: self.next, entry });
        self.next += 1;
    }
}

/// The store.
#[derive(Debug)]
pub struct Table {
    octets_max: usize,
    slots: Mutex<Slots>,
}

impl Table {
    /// An empty store that holds at most so many octets of entries.
    pub fn new(octets_max: usize) -> Self {
        Self { octets_max, slots: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        // Whoever panicked while holding the lock did so between two changes that are whole.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Table {
    fn find(&self, key: Key) -> Option<Arc<Entry>> {
        self.lock().slots.get(&key).map(|slot| Arc::clone(&slot.entry))
    }

    fn insert(&self, key: Key, entry: Arc<Entry>) {
        let mut slots = self.lock();
        slots.insert(key, entry);
        while slots.octets > self.octets_max {
            let Some((_, oldest)) = slots.order.first_key_value() else { break };
            let oldest = *oldest;
            slots.evictions += u64::from(slots.remove(oldest));
        }
    }

    fn remove(&self, key: Key) {
        self.lock().remove(key);
    }

    fn visit(&self, visitor: &mut dyn FnMut(Key, &Entry)) {
        let slots = self.lock();
        for key in slots.order.values() {
            if let Some(slot) = slots.slots.get(key) {
                visitor(*key, &slot.entry);
            }
        }
    }

    fn counts(&self) -> StoreCounts {
        let slots = self.lock();
        StoreCounts {
            entries: slots.slots.len() as u64,
            octets: slots.octets as u64,
            evictions: slots.evictions,
        }
    }

    fn run_pending(&self) {}
}

#[cfg(test)]
mod tests;
