//! Names whose records stand near each other in a piece of a zone file, packed one after the other.
//!
//! The part of building a zone that needs no look at the rest of it, so that pieces of a file can be
//! worked on at the same time; `Builder::add_packed` does what is left. Knows neither the zone's
//! other names nor whether a name comes again.

use crate::base::time::Ttl;
use crate::wire::folded::FoldedName;
use crate::wire::name::Name;
use crate::wire::numbers::Rtype;
use crate::zone::node::{Node, Packer};
use crate::zone::parts::NodeParts;

/// A name with records that stand near each other.
#[derive(Debug)]
pub struct Packed {
    /// The name and the records.
    pub(super) node: Node,
    /// The hash of the name above it.
    pub(super) parent: u64,
    /// How many records there are.
    pub(super) records: usize,
}

/// A record that cannot be taken in without a look at its place in the file: it is not within the
/// zone, differs in TTL from those before it, is there already, or is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Odd;

/// Names whose records are collected at a time. The records of a delegation and of its servers
/// often take turns.
const OPEN_MAX: usize = 4;

/// Packs names one after the other.
#[derive(Debug)]
pub struct Runs {
    apex: FoldedName,
    /// Room for the names whose records are being collected. They fill it in turn, and stay where
    /// they are: it takes long to move them.
    slots: [NodeParts; OPEN_MAX],
    /// The slot of the name that came first.
    first: usize,
    /// How many slots are filled.
    open: usize,
    folded: FoldedName,
    packer: Packer,
    packed: Vec<Packed>,
}

impl Runs {
    /// No names yet of the zone with this name.
    pub fn new(apex: Name<'_>) -> Self {
        Self {
            apex: FoldedName::new(apex),
            slots: std::array::from_fn(|_| NodeParts::empty(apex)),
            first: 0,
            open: 0,
            folded: FoldedName::root(),
            packer: Packer::default(),
            packed: Vec::new(),
        }
    }

    /// Takes a record in.
    ///
    /// # Errors
    ///
    /// Fails if the record is odd.
    pub fn add(
        &mut self,
        owner: Name<'_>,
        rtype: Rtype,
        ttl: Ttl,
        rdata: &[u8],
    ) -> Result<(), Odd> {
        let mut latest_first = (0..self.open).rev().map(|nth| (self.first + nth) % OPEN_MAX);
        let slot = match latest_first.find(|slot| self.slots[*slot].owner() == owner) {
            Some(slot) => slot,
            None => self.open(owner)?,
        };
        match self.slots[slot].add(rtype, ttl, rdata) {
            Ok(set_ttl) if set_ttl == ttl => Ok(()),
            Ok(_) | Err(_) => Err(Odd),
        }
    }

    /// Begins to collect the records of a name.
    fn open(&mut self, owner: Name<'_>) -> Result<usize, Odd> {
        if !owner.is_within(self.apex.as_name()) {
            return Err(Odd);
        }
        if self.open == OPEN_MAX {
            self.put_away()?;
        }
        let slot = (self.first + self.open) % OPEN_MAX;
        self.slots[slot].begin(owner);
        self.open += 1;
        Ok(slot)
    }

    /// Packs the name that came first: names are packed in the order in which they came.
    fn put_away(&mut self) -> Result<(), Odd> {
        let parts = &mut self.slots[self.first];
        self.first = (self.first + 1) % OPEN_MAX;
        self.open -= 1;
        if !parts.settle().is_empty() {
            return Err(Odd);
        }
        self.folded.fold(parts.owner());
        let is_apex = self.folded.label_count() == self.apex.label_count();
        let node = self.packer.pack(parts, self.folded.hash(0), is_apex);
        let (parent, records) = (self.folded.hash(1), parts.record_count());
        self.packed.push(Packed { node, parent, records });
        Ok(())
    }

    /// The names, in the order in which they came.
    ///
    /// # Errors
    ///
    /// Fails if a name has an odd record.
    pub fn finish(mut self) -> Result<Vec<Packed>, Odd> {
        while self.open > 0 {
            self.put_away()?;
        }
        Ok(self.packed)
    }
}
