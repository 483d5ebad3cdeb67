//! Names whose records stand together in a piece of a zone file, packed one after the other.
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

/// A name with records that stand together.
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

/// Packs names one after the other.
#[derive(Debug)]
pub struct Runs {
    apex: FoldedName,
    /// The name whose records are being collected, unless there are none.
    parts: NodeParts,
    folded: FoldedName,
    packer: Packer,
    packed: Vec<Packed>,
}

impl Runs {
    /// No names yet of the zone with this name.
    pub fn new(apex: Name<'_>) -> Self {
        Self {
            apex: FoldedName::new(apex),
            parts: NodeParts::empty(apex),
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
        if self.parts.is_empty() || self.parts.owner() != owner {
            if !owner.is_within(self.apex.as_name()) {
                return Err(Odd);
            }
            self.put_away()?;
            self.parts.begin(owner);
        }
        match self.parts.add(rtype, ttl, rdata) {
            Ok(set_ttl) if set_ttl == ttl => Ok(()),
            Ok(_) | Err(_) => Err(Odd),
        }
    }

    fn put_away(&mut self) -> Result<(), Odd> {
        if self.parts.is_empty() {
            return Ok(());
        }
        if !self.parts.settle().is_empty() {
            return Err(Odd);
        }
        self.folded.fold(self.parts.owner());
        let is_apex = self.folded.label_count() == self.apex.label_count();
        let node = self.packer.pack(&self.parts, self.folded.hash(0), is_apex);
        self.packed.push(Packed {
            node,
            parent: self.folded.hash(1),
            records: self.parts.record_count(),
        });
        Ok(())
    }

    /// The names, in the order in which they came.
    ///
    /// # Errors
    ///
    /// Fails if the last name has an odd record.
    pub fn finish(mut self) -> Result<Vec<Packed>, Odd> {
        self.put_away()?;
        Ok(self.packed)
    }
}
