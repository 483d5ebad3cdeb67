//! Under what an entry of the cache is found: a keyed hash of its name, of what it says, and of the
//! view it is for.
//!
//! A key decides nothing alone: entries keep what they are for, and a hit compares it.

use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;

use crate::wire::numbers::Rtype;

/// The part of the cache that a view has to itself: what one view learns, another does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Partition(pub u32);

/// What an entry tells about its name. A name has at most one entry of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Its records of a type other than CNAME, or that there are none.
    Type(Rtype),
    /// Whether it is an alias, or does not exist at all: that goes for all types.
    Name,
    /// Its records of a type that are only good for reaching servers. They stand beside what answers
    /// and take nothing from it, fresh or over.
    Glue(Rtype),
    /// That it is a zone cut, as its parent says.
    Delegation,
    /// That records of this type could not be found out.
    Failure(Rtype),
}

impl What {
    /// What tells of the records of a type.
    pub fn of(rtype: Rtype) -> Self {
        if rtype == Rtype::CNAME { Self::Name } else { Self::Type(rtype) }
    }

    /// A number of its own for each, below 2³².
    fn number(self) -> u64 {
        let (kind, rtype) = match self {
            Self::Type(rtype) => (0, rtype.0),
            Self::Name => (1, 0),
            Self::Delegation => (2, 0),
            Self::Failure(rtype) => (3, rtype.0),
            Self::Glue(rtype) => (4, rtype.0),
        };
        kind << 16 | u64::from(rtype)
    }
}

/// The place of an entry in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The hash of the name.
    name: u64,
    /// A hash of all the key is made from.
    whole: u64,
}

impl Key {
    /// The key for what is told of the name with the hash `name` (`FoldedName::hash`).
    ///
    /// Differs from process to process, like the hashes of names, so that nobody can prepare names
    /// that collide.
    pub fn new(name: u64, what: What, partition: Partition) -> Self {
        let state = SeedableRandomState::with_seed(name, SharedSeed::global_random());
        let whole = state.hash_one(u64::from(partition.0) << 32 | what.number());
        Self { name, whole }
    }
}

impl Hash for Key {
    /// Gives the hash that the key has, once; tables need no other.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.whole);
    }
}

/// Hands on the hash that a key is: it needs no other.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, octets: &[u8]) {
        // Not what keys write, but as good as any hash for what they do not.
        for octet in octets {
            self.0 = self.0.rotate_left(8) ^ u64::from(*octet);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Makes hashers for keys.
pub(super) type BuildKeyHasher = BuildHasherDefault<KeyHasher>;

#[cfg(test)]
mod tests {
    use super::{Key, Partition, What};
    use crate::wire::numbers::Rtype;
    use std::collections::HashSet;

    #[test]
    fn keys_differ_by_name_by_what_is_told_and_by_view() {
        let told = [
            What::Type(Rtype::A),
            What::Type(Rtype::AAAA),
            What::Type(Rtype(0)),
            What::Name,
            What::Delegation,
            What::Failure(Rtype::A),
            What::Failure(Rtype(0)),
            What::Glue(Rtype::A),
        ];
        let mut keys = HashSet::new();
        for name in [1, 2] {
            for what in told {
                for partition in [Partition(0), Partition(1)] {
                    let key = Key::new(name, what, partition);
                    assert_eq!(key, Key::new(name, what, partition));
                    assert!(keys.insert(key));
                }
            }
        }
        let hashes: HashSet<u64> = keys.iter().map(|key| key.whole).collect();
        assert_eq!(hashes.len(), keys.len());
    }

    #[test]
    fn alias_stands_where_the_whole_name_is_told_of() {
        assert_eq!(What::of(Rtype::CNAME), What::Name);
        assert_eq!(What::of(Rtype::A), What::Type(Rtype::A));
    }
}
