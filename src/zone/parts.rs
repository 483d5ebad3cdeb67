//! A name of a zone and its records while they are collected or changed.
//!
//! Reused from name to name, so that reading a zone allocates little but its nodes.

use std::cmp::Ordering;
use std::ops::Range;

use crate::base::limits::{NAME_DATA_MAX, SETS_MAX};
use crate::base::time::Ttl;
use crate::wire::name::{Name, NameArray};
use crate::wire::numbers::Rtype;
use crate::wire::rdata::canonical::compare_rdata;
use crate::wire::set::RECORD_HEAD_LEN;
use crate::zone::node::{Node, SetKey};

/// What the records of a set share.
#[derive(Clone, Copy, Debug)]
struct SetHead {
    key: SetKey,
    ttl: Ttl,
}

/// A record: its set, and where its data is.
#[derive(Clone, Copy, Debug)]
struct Part {
    set: usize,
    start: usize,
    end: usize,
}

/// A name and its records, to be changed.
#[derive(Clone, Debug)]
pub struct NodeParts {
    owner: NameArray,
    sets: Vec<SetHead>,
    records: Vec<Part>,
    /// The data of the records, and of some that were removed.
    data: Vec<u8>,
    /// Octets of the records.
    len: usize,
}

/// A name has more data than `NAME_DATA_MAX`, or more sets than `SETS_MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMuchData;

/// The records of one type at one name, settled.
#[derive(Clone, Debug)]
pub(super) struct SettledSet<'p> {
    pub(super) key: SetKey,
    pub(super) ttl: Ttl,
    records: &'p [Part],
    data: &'p [u8],
}

impl<'p> SettledSet<'p> {
    /// The data of each record in uncompressed wire form.
    pub(super) fn rdatas(&self) -> impl ExactSizeIterator<Item = &'p [u8]> + Clone + use<'p> {
        let data = self.data;
        self.records.iter().map(move |part| &data[part.start..part.end])
    }
}

impl NodeParts {
    /// A name without records.
    pub fn empty(owner: Name<'_>) -> Self {
        Self {
            owner: NameArray::new(owner),
            sets: Vec::new(),
            records: Vec::new(),
            data: Vec::new(),
            len: 0,
        }
    }

    /// Begins with another name, without records.
    pub fn begin(&mut self, owner: Name<'_>) {
        self.owner.set(owner);
        self.sets.clear();
        self.records.clear();
        self.data.clear();
        self.len = 0;
    }

    /// Begins with a name as it is.
    pub fn begin_with(&mut self, node: &Node) {
        self.begin(node.owner());
        for set in node.sets() {
            self.sets.push(SetHead { key: set.key, ttl: set.ttl() });
            self.len += set.wire_len();
            for rdata in set.records() {
                self.push(self.sets.len() - 1, rdata);
            }
        }
    }

    /// The name.
    pub fn owner(&self) -> Name<'_> {
        self.owner.as_name()
    }

    /// Octets of the records.
    pub fn len(&self) -> usize {
        self.len
    }

    /// How many records there are, counted again if they are there twice and not settled.
    pub fn record_count(&self) -> usize {
        self.records.len()
    }

    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Adds a record. Equal records become one when the name is settled.
    ///
    /// Returns the TTL the set has, which is that of its first record.
    ///
    /// # Errors
    ///
    /// Fails if the name would have more than `NAME_DATA_MAX` octets of records or `SETS_MAX` sets.
    pub fn add(&mut self, rtype: Rtype, ttl: Ttl, rdata: &[u8]) -> Result<Ttl, TooMuchData> {
        let len = self.len + RECORD_HEAD_LEN + rdata.len();
        if len > NAME_DATA_MAX {
            return Err(TooMuchData);
        }
        let key = SetKey::of(rtype, rdata);
        let set = match self.position(key) {
            Some(set) => set,
            None if self.sets.len() >= SETS_MAX => return Err(TooMuchData),
            None => {
                self.sets.push(SetHead { key, ttl });
                self.sets.len() - 1
            }
        };
        self.len = len;
        self.push(set, rdata);
        Ok(self.sets[set].ttl)
    }

    fn position(&self, key: SetKey) -> Option<usize> {
        self.sets.iter().position(|set| set.key == key)
    }

    fn push(&mut self, set: usize, rdata: &[u8]) {
        let start = self.data.len();
        self.data.extend_from_slice(rdata);
        self.records.push(Part { set, start, end: self.data.len() });
    }

    fn rdata(&self, part: Part) -> &[u8] {
        &self.data[part.start..part.end]
    }

    /// Gives all records of a set another TTL.
    pub fn set_ttl(&mut self, key: SetKey, ttl: Ttl) {
        if let Some(set) = self.position(key) {
            self.sets[set].ttl = ttl;
        }
    }

    /// Takes a record out; whether it was there. Nothing may have been added since the name was
    /// unpacked.
    pub fn remove(&mut self, rtype: Rtype, rdata: &[u8]) -> bool {
        let Some(set) = self.position(SetKey::of(rtype, rdata)) else { return false };
        let Range { start, end } = self.records_of(set);
        let records = &self.records[start..end];
        let found = records.binary_search_by(|&part| compare_rdata(rtype, self.rdata(part), rdata));
        let Ok(at) = found else { return false };
        let removed = self.records.remove(start + at);
        self.len -= RECORD_HEAD_LEN + removed.end - removed.start;
        if end - start == 1 {
            self.sets.remove(set);
            for part in &mut self.records[start..] {
                part.set -= 1;
            }
        }
        true
    }

    /// Which records are of a set, when they stand in order.
    fn records_of(&self, set: usize) -> Range<usize> {
        let start = self.records.partition_point(|part| part.set < set);
        let count = self.records[start..].partition_point(|part| part.set == set);
        start..start + count
    }

    /// Brings sets and records into canonical order and drops records that are there twice
    /// (RFC 4034 §6.3). Returns the keys and data of those dropped.
    pub fn settle(&mut self) -> Vec<(SetKey, Box<[u8]>)> {
        let mut dropped = Vec::new();
        if self.records.len() < 2 {
            return dropped;
        }
        let Self { sets, records, data, len, .. } = self;
        let rdata = |part: &Part| &data[part.start..part.end];
        records.sort_by(|a, b| {
            let (a_key, b_key) = (sets[a.set].key, sets[b.set].key);
            a_key.cmp(&b_key).then_with(|| compare_rdata(a_key.rtype, rdata(a), rdata(b)))
        });
        records.dedup_by(|later, kept| {
            let key = sets[kept.set].key;
            let is_same = later.set == kept.set
                && compare_rdata(key.rtype, rdata(later), rdata(kept)) == Ordering::Equal;
            if is_same {
                // The last one in the file stays, as with BIND.
                std::mem::swap(later, kept);
                dropped.push((key, rdata(later).into()));
                *len -= RECORD_HEAD_LEN + rdata(later).len();
            }
            is_same
        });
        // The records know their sets by number: these change with the order of the sets.
        let mut settled = Vec::with_capacity(sets.len());
        let mut before = None;
        for part in records {
            if before.replace(part.set) != Some(part.set) {
                settled.push(sets[part.set]);
            }
            part.set = settled.len() - 1;
        }
        *sets = settled;
        dropped
    }

    /// The sets of a name that is settled.
    pub(super) fn settled_sets(&self) -> impl ExactSizeIterator<Item = SettledSet<'_>> + Clone {
        self.sets.iter().enumerate().map(|(set, &SetHead { key, ttl })| {
            let records = &self.records[self.records_of(set)];
            SettledSet { key, ttl, records, data: &self.data }
        })
    }
}
