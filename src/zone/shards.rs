//! A hash table in pieces, so that a copy with one entry changed shares all pieces but one.
//!
//! Copying the table costs a reference count per piece; changing an entry copies its piece. The table
//! grows by dividing one piece at a time (linear hashing), so that no change costs more than two
//! pieces. Serves as the index of names of a zone and as the table of zones.

use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// Entries a piece holds on average before the table gets one more piece.
///
/// Three quarters of the 4096 slots that a table for so many has, so that few are empty and the
/// fullest piece, too, has room. A change copies about as many entries, at most twice as many where a
/// piece is due to be divided, which takes some ten microseconds.
const PIECE_LEN_MAX: usize = 3072;

/// Entries that know their own hash.
pub trait Hashed {
    /// The hash under which the entry is kept.
    fn hash(&self) -> u64;
}

/// A persistent hash table.
#[derive(Clone, Debug)]
pub struct Shards<T> {
    /// The pieces. Where their number is no power of two, those that have been divided on the way to
    /// the next one have one bit more of the hash in common.
    pieces: Vec<Arc<HashTable<T>>>,
    len: usize,
}

impl<T> Default for Shards<T> {
    fn default() -> Self {
        Self { pieces: vec![Arc::new(HashTable::new())], len: 0 }
    }
}

impl<T> Shards<T> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entry with this hash for which `is_it` holds.
    pub fn find(&self, hash: u64, is_it: impl FnMut(&T) -> bool) -> Option<&T> {
        self.pieces[self.piece(hash)].find(hash, is_it)
    }

    /// An entry that is likely the one with this hash, without a look at it.
    pub fn guess(&self, hash: u64) -> Option<&T> {
        self.find(hash, |_| true)
    }

    /// All entries in no order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.pieces.iter().flat_map(|piece| piece.iter())
    }

    /// How many pieces there are, and how many of them `other` shares.
    #[cfg(test)]
    pub(crate) fn shared_with(&self, other: &Self) -> (usize, usize) {
        let pairs = self.pieces.iter().zip(&other.pieces);
        (self.pieces.len(), pairs.filter(|(mine, theirs)| Arc::ptr_eq(mine, theirs)).count())
    }

    /// The piece for a hash. The table within a piece uses the lowest and the highest bits.
    fn piece(&self, hash: u64) -> usize {
        let bits = self.pieces.len().next_power_of_two() - 1;
        let piece = middle(hash) & bits;
        if piece < self.pieces.len() { piece } else { piece & bits >> 1 }
    }
}

impl<T: Hashed + Clone> Shards<T> {
    /// Puts an entry in the place of the one for which `is_it` holds, or adds it.
    ///
    /// Returns the entry that was replaced.
    pub fn insert(&mut self, entry: T, is_it: impl FnMut(&T) -> bool) -> Option<T> {
        let hash = entry.hash();
        let piece = self.piece(hash);
        // An entry that is not there yet may need another piece.
        if let Some(slot) = Arc::make_mut(&mut self.pieces[piece]).find_mut(hash, is_it) {
            return Some(std::mem::replace(slot, entry));
        }
        self.insert_new(entry);
        None
    }

    /// Adds an entry that is not there.
    pub fn insert_new(&mut self, entry: T) {
        if self.len >= self.pieces.len() * PIECE_LEN_MAX {
            self.divide();
        }
        let hash = entry.hash();
        let piece = self.piece(hash);
        Arc::make_mut(&mut self.pieces[piece]).insert_unique(hash, entry, Hashed::hash);
        self.len += 1;
    }

    /// Adds an entry unless one is there that `is_same` says is the same; gives it back if so.
    pub fn insert_missing(&mut self, entry: T, is_same: fn(&T, &T) -> bool) -> Option<T> {
        if self.len >= self.pieces.len() * PIECE_LEN_MAX {
            self.divide();
        }
        let hash = entry.hash();
        let piece = self.piece(hash);
        let is_it = |old: &T| is_same(old, &entry);
        match Arc::make_mut(&mut self.pieces[piece]).entry(hash, is_it, Hashed::hash) {
            Entry::Occupied(_) => return Some(entry),
            Entry::Vacant(slot) => slot.insert(entry),
        };
        self.len += 1;
        None
    }

    /// Takes out the entry with this hash for which `is_it` holds.
    pub fn remove(&mut self, hash: u64, is_it: impl FnMut(&T) -> bool) -> Option<T> {
        let piece = self.piece(hash);
        let table = Arc::make_mut(&mut self.pieces[piece]);
        let (entry, _) = table.find_entry(hash, is_it).ok()?.remove();
        self.len -= 1;
        Some(entry)
    }

    /// Adds a piece, with what belongs there of the one piece that is due to be divided.
    fn divide(&mut self) {
        let added = self.pieces.len();
        let bits = (added + 1).next_power_of_two() - 1;
        let mut table = HashTable::with_capacity(PIECE_LEN_MAX);
        if let Some(piece) = self.pieces.get_mut(added & bits >> 1) {
            let old = Arc::make_mut(piece);
            let moved = old.extract_if(|entry| middle(entry.hash()) & bits == added);
            for entry in moved {
                table.insert_unique(entry.hash(), entry, Hashed::hash);
            }
        }
        self.pieces.push(Arc::new(table));
    }

    /// Makes room for this many entries, so that they need not be divided again and again.
    pub fn reserve(&mut self, len: usize) {
        let count = len.div_ceil(PIECE_LEN_MAX).next_power_of_two();
        if count > self.pieces.len() {
            self.spread(count);
        }
    }

    /// Spreads the entries over this many pieces, a power of two.
    fn spread(&mut self, count: usize) {
        let old = std::mem::take(&mut self.pieces);
        self.pieces.resize_with(count, || Arc::new(HashTable::with_capacity(PIECE_LEN_MAX)));
        for piece in old {
            // A piece that nobody shares gives its entries away; a shared one is copied from.
            let table = Arc::unwrap_or_clone(piece);
            for entry in table {
                let target = self.piece(entry.hash());
                let table = Arc::make_mut(&mut self.pieces[target]);
                table.insert_unique(entry.hash(), entry, Hashed::hash);
            }
        }
    }
}

/// The bits of a hash that choose a piece.
fn middle(hash: u64) -> usize {
    usize::try_from(hash >> 24 & 0xFFFF_FFFF).unwrap_or(0)
}

#[cfg(test)]
mod tests;
