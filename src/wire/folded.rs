//! A name made ready for looking up: its letters lowered, and the hash of each of its suffixes.
//!
//! The hashes fall out of one pass from the right, because the hash of a name is made from that of
//! its parent. Holds no reference and is reused from query to query, so that nothing is cleared.

use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;

use crate::base::limits::{LABELS_MAX, NAME_LEN_MAX};
use crate::wire::name::Name;

/// The hash of the root, from which the hashes of all names grow. A secret of the process: with a number
/// that is known, names could be made that meet.
static ROOT_HASH: LazyLock<u64> = LazyLock::new(|| child_hash(0, b"the root"));

/// The hash of the name that `label` and a parent with the hash `parent` make.
///
/// The letters of the label must be in lower case. Differs from process to process, so that nobody
/// can prepare names that collide.
pub fn child_hash(parent: u64, label: &[u8]) -> u64 {
    let state = SeedableRandomState::with_seed(parent, SharedSeed::global_random());
    let mut hasher = state.build_hasher();
    hasher.write(label);
    hasher.finish()
}

/// Where a suffix begins, and its hash.
#[derive(Clone, Copy, Debug)]
struct Suffix {
    start: u8,
    hash: u64,
}

/// A name in lower case with the hashes of its suffixes.
///
/// Suffix `n` is the name without its first `n` labels: suffix 0 is the name itself, suffix
/// `label_count()` is the root.
#[derive(Clone, Debug)]
pub struct FoldedName {
    octets: [u8; NAME_LEN_MAX],
    suffixes: [Suffix; LABELS_MAX + 1],
    label_count: usize,
}

impl FoldedName {
    /// The root.
    pub fn root() -> Self {
        Self {
            octets: [0; NAME_LEN_MAX],
            suffixes: [Suffix { start: 0, hash: *ROOT_HASH }; LABELS_MAX + 1],
            label_count: 0,
        }
    }

    /// A name made ready.
    pub fn new(name: Name<'_>) -> Self {
        let mut folded = Self::root();
        folded.fold(name);
        folded
    }

    /// Takes another name in.
    pub fn fold(&mut self, name: Name<'_>) {
        if let Some(octets) = self.octets.get_mut(..name.len()) {
            octets.copy_from_slice(name.as_wire());
            octets.make_ascii_lowercase();
        }
        let mut start = 0_u8;
        let mut count = 0;
        for (suffix, label) in self.suffixes.iter_mut().zip(name.labels()) {
            suffix.start = start;
            // A label has at most 63 octets and a name 255, so the next start fits.
            start = start.wrapping_add(1).wrapping_add(u8::try_from(label.len()).unwrap_or(0));
            count += 1;
        }
        self.label_count = count;
        let mut parent = *ROOT_HASH;
        if let Some(root) = self.suffixes.get_mut(count) {
            *root = Suffix { start, hash: parent };
        }
        let mut end = usize::from(start);
        for suffix in self.suffixes.iter_mut().take(count).rev() {
            let start = usize::from(suffix.start);
            let label = self.octets.get(start + 1..end).unwrap_or_default();
            parent = child_hash(parent, label);
            suffix.hash = parent;
            end = start;
        }
    }

    /// How many labels the name has, the root not counted.
    pub fn label_count(&self) -> usize {
        self.label_count
    }

    /// Octets in wire form, from 1 to 255.
    #[expect(clippy::len_without_is_empty, reason = "a name has at least the root label")]
    pub fn len(&self) -> usize {
        self.start(self.label_count) + 1
    }

    /// The octets of this name before its suffix `name`; `None` if it is not within `name`.
    pub fn find(&self, name: Name<'_>) -> Option<usize> {
        let start = self.len().checked_sub(name.len())?;
        let mut starts = self.suffixes.iter().take(self.label_count + 1);
        let dropped = starts.position(|suffix| usize::from(suffix.start) == start)?;
        (self.suffix(dropped) == name).then_some(start)
    }

    /// The whole name in lower case.
    pub fn as_name(&self) -> Name<'_> {
        self.suffix(0)
    }

    /// The name without its first `dropped` labels; the root if there are no more.
    pub fn suffix(&self, dropped: usize) -> Name<'_> {
        self.octets.get(self.start(dropped)..self.len()).map_or(Name::ROOT, Name::known)
    }

    /// The hash of `suffix(dropped)`.
    pub fn hash(&self, dropped: usize) -> u64 {
        self.suffixes
            .get(dropped.min(self.label_count))
            .map_or_else(|| *ROOT_HASH, |suffix| suffix.hash)
    }

    /// Octets of the name before `suffix(dropped)`.
    pub fn start(&self, dropped: usize) -> usize {
        self.suffixes
            .get(dropped.min(self.label_count))
            .map_or(0, |suffix| usize::from(suffix.start))
    }
}

#[cfg(test)]
mod tests;
