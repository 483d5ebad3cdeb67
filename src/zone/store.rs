//! A loaded zone: an index of its names, and their canonical order.
//!
//! Immutable once built. A change makes a new version that shares all but a few pieces with the old
//! one (`Zone::apply`), so that its cost does not grow with the zone. Does not read files and does
//! not judge what it holds: `zone::file` and `zone::check` do.

pub mod runs;

use std::collections::{BTreeMap, HashMap};

use crate::base::time::{Serial, Ttl};
use crate::wire::folded::{FoldedName, child_hash};
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::Rtype;
use crate::zone::change::{Change, ChangeError, Record};
use crate::zone::crew::Crew;
use crate::zone::denial::{Chain, Denial};
use crate::zone::lookup::Path;
use crate::zone::node::{Node, Packer, Set, SetKey};
use crate::zone::order::Order;
use crate::zone::parts::{NodeParts, TooMuchData};
use crate::zone::shards::Shards;
use crate::zone::store::runs::{Odd, Packed};

/// A zone of class IN.
#[derive(Clone, Debug)]
pub struct Zone {
    /// The node of the zone's own name.
    apex: Node,
    /// Labels of the apex.
    depth: usize,
    names: Shards<Node>,
    order: Order,
    /// The records that prove what is not there.
    chain: Chain,
    records: usize,
}

/// The hash of the wildcard below the name with this hash.
pub fn wildcard_id(parent: u64) -> u64 {
    child_hash(parent, b"*")
}

/// What the SOA record of a zone says.
#[derive(Clone, Copy, Debug)]
pub struct Soa<'z> {
    /// The set that holds the record.
    pub set: Set<'z>,
    /// The version of the zone.
    pub serial: Serial,
    /// The seconds after which a copy of the zone that could not be renewed is not served.
    pub expire_secs: u32,
    /// How long a denial may be kept: the lesser of the record's own TTL and its MINIMUM field
    /// (RFC 2308 §4).
    pub negative_ttl: Ttl,
}

impl Zone {
    /// The zone's own name.
    pub fn apex(&self) -> Name<'_> {
        self.apex.owner()
    }

    /// The node of the zone's own name.
    pub fn apex_node(&self) -> &Node {
        &self.apex
    }

    /// Labels of the zone's own name.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The records that prove what is not there.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// How many names the zone has, empty non-terminals included.
    pub fn name_count(&self) -> usize {
        self.names.len()
    }

    /// How many records the zone has.
    pub fn record_count(&self) -> usize {
        self.records
    }

    /// The names of the zone in canonical order, empty non-terminals included.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.order.iter()
    }

    /// The same, divided into at most this many parts.
    pub fn node_parts(&self, count: usize) -> Vec<impl Iterator<Item = &Node>> {
        self.order.parts(count)
    }

    /// The first name after `name` in canonical order.
    pub fn successor(&self, name: Name<'_>) -> Option<&Node> {
        self.order.successor(name)
    }

    /// What the SOA record says; `None` if the zone has none.
    pub fn soa(&self) -> Option<Soa<'_>> {
        let set = self.apex.find(Rtype::SOA)?;
        let rdata = set.records().next()?;
        let numbers = rdata.get(rdata.len().checked_sub(20)?..)?;
        let serial = numbers.first_chunk().map(|octets| u32::from_be_bytes(*octets))?;
        let expire_secs =
            numbers.get(12..)?.first_chunk().map(|octets| u32::from_be_bytes(*octets))?;
        let minimum = numbers.last_chunk().map(|octets| u32::from_be_bytes(*octets))?;
        let negative_ttl = set.ttl().min(Ttl::new(minimum).unwrap_or(Ttl::MAX));
        Some(Soa { set, serial: Serial(serial), expire_secs, negative_ttl })
    }

    /// The node of a name, given its hash.
    pub fn find(&self, hash: u64, name: Name<'_>) -> Option<&Node> {
        self.names.find(hash, |node| node.is_named(name))
    }

    /// The node of a folded name.
    pub fn find_folded(&self, name: &FoldedName) -> Option<&Node> {
        self.find(name.hash(0), name.as_name())
    }

    /// The node that a name with this hash likely has, without a look at it.
    pub fn guess(&self, hash: u64) -> Option<&Node> {
        self.names.guess(hash)
    }

    /// The nodes that a name and those above it likely have, without a look at them.
    pub fn guess_path(&self, name: &FoldedName) -> Path<'_> {
        match name.label_count().saturating_sub(self.depth) {
            0 => Path::to_apex(&self.apex),
            below_apex => Path::new(below_apex, |dropped| self.guess(name.hash(dropped))),
        }
    }

    /// The wildcard below a name, given the hash of that name (RFC 4592 §2.1.1).
    pub fn find_wildcard(&self, parent_hash: u64, parent: Name<'_>) -> Option<&Node> {
        self.names.find(wildcard_id(parent_hash), |node| {
            let owner = node.owner();
            owner.is_wildcard() && owner.parent() == Some(parent)
        })
    }

    /// The zone after a change. The cost grows with the change, and with the number of pieces of the
    /// zone: a reference count for some thousand names. One that alters how the zone denies (NSEC or
    /// NSEC3, and with which parameters) costs a walk over all names.
    ///
    /// # Errors
    ///
    /// Fails if a record to be removed is not there, a name is not within the zone, or a name would
    /// have too much data.
    pub fn apply(&self, change: &Change) -> Result<Self, ChangeError> {
        let mut touched: BTreeMap<&NameBuf, NodeParts> = BTreeMap::new();
        let mut zone = self.clone();
        for record in &change.removed {
            let parts = zone.parts_of(&mut touched, record)?;
            if !parts.remove(record.rtype, &record.rdata) {
                return Err(ChangeError::Missing(record.clone()));
            }
        }
        for record in &change.added {
            let parts = zone.parts_of(&mut touched, record)?;
            parts
                .add(record.rtype, record.ttl, &record.rdata)
                .map_err(|_| ChangeError::TooMuchData(record.owner.clone()))?;
            parts.set_ttl(SetKey::of(record.rtype, &record.rdata), record.ttl);
        }
        for (_, mut parts) in touched {
            parts.settle();
            zone.put(&parts);
        }
        if Denial::of(&zone.apex) != *self.chain.denial() {
            zone.chain = Chain::new(&zone.apex, zone.order.iter());
        }
        Ok(zone)
    }

    fn parts_of<'t, 'c>(
        &self,
        touched: &'t mut BTreeMap<&'c NameBuf, NodeParts>,
        record: &'c Record,
    ) -> Result<&'t mut NodeParts, ChangeError> {
        let owner = record.owner.as_name();
        if !owner.is_within(self.apex()) {
            return Err(ChangeError::OutOfZone(record.owner.clone()));
        }
        Ok(touched.entry(&record.owner).or_insert_with(|| {
            match self.find_folded(&FoldedName::new(owner)) {
                Some(node) => node.unpack(),
                None => NodeParts::empty(owner),
            }
        }))
    }

    /// Puts a name in, or takes it out if it has neither records nor names below it.
    fn put(&mut self, parts: &NodeParts) {
        let name = FoldedName::new(parts.owner());
        let before = self.find_folded(&name).map_or(0, record_count);
        let is_apex = name.label_count() == self.depth;
        if parts.is_empty() && !is_apex && !self.has_descendants(name.as_name()) {
            self.take_out(&name);
            self.records -= before;
            return;
        }
        let node = Node::pack(parts, name.hash(0), is_apex);
        self.records = self.records - before + record_count(&node);
        if is_apex {
            self.apex = node.clone();
        }
        self.order.insert(node.clone());
        self.chain.update(&node);
        self.names.insert(node, |old| old.is_named(name.as_name()));
        for ancestor in missing_ancestors(&self.names, &name, parts.owner(), self.depth) {
            self.order.insert(ancestor.clone());
            self.names.insert_new(ancestor);
        }
    }

    /// Takes a name out, and the empty non-terminals that were there for it alone.
    fn take_out(&mut self, name: &FoldedName) {
        for dropped in 0..name.label_count() - self.depth {
            let (gone, hash) = (name.suffix(dropped), name.hash(dropped));
            let is_empty = dropped == 0 || self.find(hash, gone).is_some_and(Node::is_empty);
            if !is_empty || self.has_descendants(gone) {
                return;
            }
            self.names.remove(hash, |node| node.is_named(gone));
            self.order.remove(gone);
            self.chain.remove(gone);
        }
    }

    /// Whether there are names below `name`.
    pub fn has_descendants(&self, name: Name<'_>) -> bool {
        self.successor(name).is_some_and(|next| next.owner().is_below(name))
    }
}

fn record_count(node: &Node) -> usize {
    node.sets().map(|set| set.len()).sum()
}

/// The empty non-terminals that a name needs above it and that are not there yet (RFC 8020 §2).
fn missing_ancestors(
    names: &Shards<Node>,
    folded: &FoldedName,
    name: Name<'_>,
    depth: usize,
) -> Vec<Node> {
    let above = name.suffixes().take(folded.label_count() - depth).enumerate().skip(1);
    let missing = above.take_while(|(dropped, ancestor)| {
        names.find(folded.hash(*dropped), |node| node.is_named(*ancestor)).is_none()
    });
    missing
        .map(|(dropped, ancestor)| {
            Node::pack(&NodeParts::empty(ancestor), folded.hash(dropped), false)
        })
        .collect()
}

/// Why a record was not taken into a zone as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deviation {
    /// The owner is not within the zone; the record was left out.
    OutOfZone,
    /// The name has more data than `NAME_DATA_MAX`; the record was left out.
    TooMuchData,
    /// The set has another TTL, which the record was given (RFC 2181 §5.2).
    TtlDiffers(Ttl),
}

/// A record that stands in the zone file more than once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The name that owns it.
    pub owner: NameBuf,
    /// Its type.
    pub rtype: Rtype,
    /// Its data.
    pub rdata: Box<[u8]>,
}

/// Builds a zone from records in any order, fastest when those of a name follow each other.
#[derive(Debug)]
pub struct Builder {
    apex: FoldedName,
    names: Shards<Node>,
    /// The name whose records are being collected, if `open` says so.
    parts: NodeParts,
    /// The same name.
    folded: FoldedName,
    open: Option<Met>,
    packer: Packer,
    /// Large names whose records are scattered: packed when the zone is finished or these hold too
    /// much.
    scattered: HashMap<NameBuf, NodeParts>,
    /// Octets of the records in `scattered`.
    scattered_len: usize,
    duplicates: Vec<Duplicate>,
    /// Records of the names that are packed.
    records: usize,
}

/// Whether the name whose records are being collected has come before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Met {
    Before,
    Never,
}

/// Octets of records of scattered names that are held unpacked. Packing a large name again for each
/// of its records would cost the square of their number.
const SCATTERED_LEN_MAX: usize = 64 << 20;

/// Octets of records up to which a name that comes again is simply packed again.
const REPACKED_LEN_MAX: usize = 4096;

impl Builder {
    /// A zone without records.
    pub fn new(apex: Name<'_>) -> Self {
        Self {
            apex: FoldedName::new(apex),
            names: Shards::default(),
            parts: NodeParts::empty(apex),
            folded: FoldedName::root(),
            open: None,
            packer: Packer::default(),
            scattered: HashMap::new(),
            scattered_len: 0,
            duplicates: Vec::new(),
            records: 0,
        }
    }

    /// The name of the zone.
    pub fn apex(&self) -> Name<'_> {
        self.apex.as_name()
    }

    /// Takes a record in.
    pub fn add(
        &mut self,
        owner: Name<'_>,
        rtype: Rtype,
        ttl: Ttl,
        rdata: &[u8],
    ) -> Option<Deviation> {
        if self.open.is_none() || self.parts.owner() != owner {
            if !owner.is_within(self.apex.as_name()) {
                return Some(Deviation::OutOfZone);
            }
            self.put_away();
            self.take_up(owner);
        }
        match self.parts.add(rtype, ttl, rdata) {
            Err(TooMuchData) => Some(Deviation::TooMuchData),
            Ok(set_ttl) if set_ttl != ttl => Some(Deviation::TtlDiffers(set_ttl)),
            Ok(_) => None,
        }
    }

    /// Makes room for about this many names.
    pub fn reserve(&mut self, names: usize) {
        self.names.reserve(names);
    }

    /// Takes in a name with records that stand near each other, as `add` does with one after the other.
    ///
    /// # Errors
    ///
    /// Fails if a record is odd beside those that came before.
    pub fn add_packed(&mut self, Packed { node, parent, records }: Packed) -> Result<(), Odd> {
        self.put_away();
        self.add_missing_ancestors(node.owner(), parent);
        let is_same = |old: &Node, new: &Node| old.is_named(new.owner());
        let Some(node) = self.names.insert_missing(node, is_same) else {
            self.records += records;
            return Ok(());
        };
        for set in node.sets() {
            for rdata in set.records() {
                if self.add(node.owner(), set.rtype(), set.ttl(), rdata).is_some() {
                    return Err(Odd);
                }
            }
        }
        Ok(())
    }

    fn add_missing_ancestors(&mut self, owner: Name<'_>, parent: u64) {
        let is_parent = |node: &Node| owner.parent().is_some_and(|parent| node.is_named(parent));
        if self.names.find(parent, is_parent).is_some() {
            return;
        }
        self.folded.fold(owner);
        let depth = self.apex.label_count();
        for node in missing_ancestors(&self.names, &self.folded, owner, depth) {
            self.names.insert_new(node);
        }
    }

    /// Goes on with the records of a name.
    fn take_up(&mut self, owner: Name<'_>) {
        self.folded.fold(owner);
        let found = self.names.find(self.folded.hash(0), |node| node.is_named(owner));
        self.open = Some(if found.is_some() { Met::Before } else { Met::Never });
        let Some(node) = found else { return self.parts.begin(owner) };
        // What is kept for later holds all of the node and more.
        let kept = (!self.scattered.is_empty()).then(|| self.scattered.remove(&owner.to_buf()));
        match kept.flatten() {
            Some(parts) => {
                self.scattered_len -= self.scattered_len.min(parts.len());
                self.parts = parts;
            }
            None => self.parts.begin_with(node),
        }
    }

    /// Packs the records of the current name or, if there are many and it has come before, keeps them
    /// for later.
    fn put_away(&mut self) {
        let Some(met) = self.open.take() else { return };
        if met == Met::Before && self.parts.len() > REPACKED_LEN_MAX {
            self.scattered_len += self.parts.len();
            let parts = std::mem::replace(&mut self.parts, NodeParts::empty(Name::ROOT));
            self.scattered.insert(parts.owner().to_buf(), parts);
            if self.scattered_len > SCATTERED_LEN_MAX {
                self.pack_scattered();
            }
            return;
        }
        self.pack(met);
    }

    fn pack_scattered(&mut self) {
        self.scattered_len = 0;
        for (owner, parts) in std::mem::take(&mut self.scattered) {
            self.folded.fold(owner.as_name());
            self.parts = parts;
            self.pack(Met::Before);
        }
    }

    /// Packs the records of the name that is folded.
    fn pack(&mut self, met: Met) {
        for (key, rdata) in self.parts.settle() {
            let owner = self.parts.owner().to_buf();
            self.duplicates.push(Duplicate { owner, rtype: key.rtype, rdata });
        }
        let depth = self.apex.label_count();
        let is_apex = self.folded.label_count() == depth;
        let node = self.packer.pack(&self.parts, self.folded.hash(0), is_apex);
        self.records += self.parts.record_count();
        if met == Met::Before {
            let old = self.names.insert(node, |old| old.is_named(self.folded.as_name()));
            self.records -= old.as_ref().map_or(0, record_count);
            return;
        }
        self.names.insert_new(node);
        for node in missing_ancestors(&self.names, &self.folded, self.parts.owner(), depth) {
            self.names.insert_new(node);
        }
    }

    /// The zone, and the records that were there more than once.
    pub fn finish(mut self, crew: &Crew) -> (Zone, Vec<Duplicate>) {
        self.put_away();
        self.pack_scattered();
        let (hash, name) = (self.apex.hash(0), self.apex.as_name());
        let apex = match self.names.find(hash, |node| node.is_named(name)) {
            Some(node) => node.clone(),
            None => {
                let node = Node::pack(&NodeParts::empty(name), hash, true);
                self.names.insert_new(node.clone());
                node
            }
        };
        let order = Order::from_unsorted(self.apex.as_name(), self.names.iter(), crew);
        let chain = Chain::new(&apex, order.iter());
        let depth = self.apex.label_count();
        let zone = Zone { apex, depth, names: self.names, order, chain, records: self.records };
        (zone, self.duplicates)
    }
}

#[cfg(test)]
mod tests;
