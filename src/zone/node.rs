//! A name of a zone with its records, packed into one block of octets.
//!
//! Records stand as a reply wants them: pointer to the question, type, class, TTL, length, data; and
//! before those of a set, where their data can hold pointers. At the end stand the hashes of the names
//! that an answer goes on to, so that they are found without hashing: of a zone cut its servers, of an
//! alias its target.
//! A block is never changed; a changed name gets a new one, made from `NodeParts`.

use std::sync::Arc;

use crate::base::time::Ttl;
use crate::wire::folded::FoldedName;
use crate::wire::name::Name;
use crate::wire::numbers::Rtype;
use crate::wire::pointers::{self, Found, Pointers};
use crate::wire::set;
use crate::wire::writer::SetRef;
use crate::zone::parts::NodeParts;
use crate::zone::shards::Hashed;

/// Octets before the directory: hash, flags, length of the owner, number of sets.
const HEAD_LEN: usize = 12;
/// Octets of a directory entry: type, covered type, number of records, offset of the first.
const ENTRY_LEN: usize = 12;
/// The bit of the number of records that says that pointers stand before the first. Far above any
/// number that `NAME_DATA_MAX` lets be.
const HAS_POINTERS: u32 = 1 << 31;
/// The bit of the number of records that says that nobody has worked out whether there are any.
const POINTERS_UNKNOWN: u32 = 1 << 30;

/// Octets that the CPU fetches at a time.
const CACHE_LINE_LEN: usize = 64;
/// Octets of a node that are worth fetching in advance: most answers do with less.
const TOUCHED_LEN_MAX: usize = 512;

/// Octets of the hash of a name.
const HASH_LEN: usize = 8;

/// The name is a zone cut: it owns NS records and is not the apex.
const CUT: u8 = 1;
/// The name owns a DNAME record.
const DNAME: u8 = 2;

/// The name owns nothing but NSEC3 records and their signatures.
const HASHED: u8 = 4;

/// The name owns a CNAME record.
const ALIAS: u8 = 8;

/// What makes records one set: their type and, for signatures, the type they cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetKey {
    /// The type of the records.
    pub rtype: Rtype,
    /// The type that RRSIG records cover; 0 for all other types.
    pub covered: Rtype,
}

impl SetKey {
    /// The key of all types but RRSIG.
    pub fn plain(rtype: Rtype) -> Self {
        Self { rtype, covered: Rtype(0) }
    }

    /// The set a record belongs to.
    pub fn of(rtype: Rtype, rdata: &[u8]) -> Self {
        let covered = match rdata.first_chunk() {
            Some(&octets) if rtype == Rtype::RRSIG => Rtype(u16::from_be_bytes(octets)),
            _ => Rtype(0),
        };
        Self { rtype, covered }
    }
}

/// An entry of the directory.
#[derive(Clone, Copy, Debug)]
struct Entry {
    key: SetKey,
    count: usize,
    /// What is known of pointers: `HAS_POINTERS`, `POINTERS_UNKNOWN` or nothing.
    marks: u32,
    /// Where the first record begins.
    start: usize,
}

impl Entry {
    fn read(octets: &[u8; ENTRY_LEN]) -> Self {
        let [r0, r1, c0, c1, n0, n1, n2, n3, s0, s1, s2, s3] = *octets;
        let count = u32::from_le_bytes([n0, n1, n2, n3]);
        let marks = count & (HAS_POINTERS | POINTERS_UNKNOWN);
        Self {
            key: SetKey {
                rtype: Rtype(u16::from_le_bytes([r0, r1])),
                covered: Rtype(u16::from_le_bytes([c0, c1])),
            },
            count: (count ^ marks) as usize,
            marks,
            start: u32::from_le_bytes([s0, s1, s2, s3]) as usize,
        }
    }

    /// The pointers before the records, if they have been worked out. `block` is the whole node.
    fn pointers(self, block: &[u8]) -> Option<Pointers<'_>> {
        match self.marks {
            0 => Some(Pointers::default()),
            HAS_POINTERS => Some(Pointers::at_end_of(&block[..self.start])),
            _ => None,
        }
    }
}

/// A name of a zone and its records; cheap to clone.
#[derive(Clone, Debug)]
pub struct Node(Arc<[u8]>);

impl Hashed for Node {
    fn hash(&self) -> u64 {
        u64::from_le_bytes(self.array(0))
    }
}

impl Node {
    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut octets = [0; N];
        octets.copy_from_slice(&self.0[at..at + N]);
        octets
    }

    /// The hash of the name, by which nodes of a zone are told apart.
    pub fn id(&self) -> u64 {
        self.hash()
    }

    /// Reads an octet of each line of the cache that an answer may read, so that the CPU fetches it. The
    /// number means nothing.
    fn touch(&self) -> u8 {
        let lines = self.0.iter().take(TOUCHED_LEN_MAX).step_by(CACHE_LINE_LEN);
        lines.fold(self.0[self.0.len() - 1], |sum, octet| sum ^ octet)
    }

    fn flags(&self) -> u8 {
        self.0[8]
    }

    fn set_count(&self) -> usize {
        usize::from(u16::from_le_bytes(self.array(10)))
    }

    /// The name, in the case the zone file wrote it.
    pub fn owner(&self) -> Name<'_> {
        let start = HEAD_LEN + self.set_count() * ENTRY_LEN;
        Name::known(&self.0[start..start + usize::from(self.0[9])])
    }

    /// Whether the name has this owner.
    pub fn is_named(&self, name: Name<'_>) -> bool {
        usize::from(self.0[9]) == name.len() && self.owner() == name
    }

    /// Whether the name is a zone cut.
    pub fn is_cut(&self) -> bool {
        self.flags() & CUT != 0
    }

    /// Whether the name owns a DNAME record.
    pub fn has_dname(&self) -> bool {
        self.flags() & DNAME != 0
    }

    /// Whether the name is there for its NSEC3 records alone, and so does not exist for questions
    /// (RFC 5155 §7.2.8).
    pub fn is_hashed(&self) -> bool {
        self.flags() & HASHED != 0
    }

    /// Whether the name owns no records: an empty non-terminal.
    pub fn is_empty(&self) -> bool {
        self.set_count() == 0
    }

    /// The sets of the name, by type.
    pub fn sets(&self) -> impl Iterator<Item = Set<'_>> + Clone {
        let directory = self.directory();
        (0..directory.len()).filter_map(move |index| self.set(directory.get(index..)?))
    }

    /// The set of a type other than RRSIG.
    pub fn find(&self, rtype: Rtype) -> Option<Set<'_>> {
        self.find_set(SetKey::plain(rtype))
    }

    /// The servers of a zone cut, in canonical order but from the one whose number is `first`, counted
    /// around: the data of each NS record, and the hash of the name that it is.
    pub fn servers(&self, first: usize) -> impl Iterator<Item = (&[u8], u64)> {
        let set = self.find(Rtype::NS).filter(|_| self.is_cut());
        let (count, records) = set.map_or((0, &[][..]), |set| (set.count, set.records));
        let hashes = self.hashes_at_end(count);
        let whole =
            || set::rdatas(records).zip(hashes.iter().map(|hash| u64::from_le_bytes(*hash)));
        let mut servers = whole();
        for _ in 0..first.checked_rem(count).unwrap_or(0) {
            servers.next();
        }
        let mut again = whole();
        (0..count).filter_map(move |_| servers.next().or_else(|| again.next()))
    }

    /// The hashes of the names that an answer goes on to: of a zone cut those of its servers, in
    /// canonical order of their NS records, and of an alias that of its target.
    pub fn next_ids(&self) -> impl Iterator<Item = u64> {
        let hashes = self.hashes_at_end(self.next_count());
        hashes.iter().map(|hash| u64::from_le_bytes(*hash))
    }

    /// So many hashes at the end of the block.
    fn hashes_at_end(&self, count: usize) -> &[[u8; HASH_LEN]] {
        self.0[self.0.len() - count * HASH_LEN..].as_chunks().0
    }

    /// How many hashes stand at the end: one for each of the records that an answer goes on from.
    fn next_count(&self) -> usize {
        let Some(rtype) = next_type(self.flags()) else { return 0 };
        let mut entries = self.directory().iter().map(Entry::read);
        entries.find(|entry| entry.key == SetKey::plain(rtype)).map_or(0, |entry| entry.count)
    }

    /// The signatures of the set of a type.
    pub fn signatures(&self, covered: Rtype) -> Option<Set<'_>> {
        self.find_set(SetKey { rtype: Rtype::RRSIG, covered })
    }

    fn find_set(&self, SetKey { rtype, covered }: SetKey) -> Option<Set<'_>> {
        let [low, high] = rtype.0.to_le_bytes();
        let [covered_low, covered_high] = covered.0.to_le_bytes();
        let key = [low, high, covered_low, covered_high];
        let directory = self.directory();
        let index = directory.iter().position(|entry| entry.first_chunk() == Some(&key))?;
        self.set(&directory[index..])
    }

    /// An entry for each set, by type.
    fn directory(&self) -> &[[u8; ENTRY_LEN]] {
        self.0[HEAD_LEN..HEAD_LEN + self.set_count() * ENTRY_LEN].as_chunks().0
    }

    /// The set of the first of these entries, which are an end of the directory.
    fn set(&self, entries: &[[u8; ENTRY_LEN]]) -> Option<Set<'_>> {
        let (entry, after) = entries.split_first()?;
        let entry = Entry::read(entry);
        let end = match after.first().map(Entry::read) {
            Some(next) => {
                let pointers = next.pointers(&self.0).unwrap_or_default();
                next.start - pointers.encoded_len()
            }
            None => self.0.len() - self.next_count() * HASH_LEN,
        };
        let (key, count, pointers) = (entry.key, entry.count, entry.pointers(&self.0));
        Some(Set { key, count, records: &self.0[entry.start..end], pointers })
    }

    /// The name and its records, to be changed.
    pub fn unpack(&self) -> NodeParts {
        let mut parts = NodeParts::empty(self.owner());
        parts.begin_with(self);
        parts
    }

    /// Packs a name whose records are settled. `hash` is that of the name.
    pub fn pack(parts: &NodeParts, hash: u64, is_apex: bool) -> Self {
        Packer::default().pack(parts, hash, is_apex)
    }
}

/// The type of the records whose data are the names that an answer goes on to, given the flags of the
/// node.
fn next_type(flags: u8) -> Option<Rtype> {
    match flags & (CUT | ALIAS) {
        0 => None,
        ALIAS => Some(Rtype::CNAME),
        _ => Some(Rtype::NS),
    }
}

/// Looks at nodes that will be needed soon: memory brings many at the same time, and those who then
/// work on one after the other do not wait for each.
pub fn warm<'z>(nodes: impl Iterator<Item = &'z Node>) {
    // A loop of nothing but reading: the CPU does not wait for one before it begins the next.
    std::hint::black_box(nodes.fold(0, |all, node| all ^ node.touch()));
}

/// Packs one name after the other in the same room.
#[derive(Debug)]
pub struct Packer {
    octets: Vec<u8>,
    /// A name that an answer goes on to.
    next: FoldedName,
}

impl Default for Packer {
    fn default() -> Self {
        Self { octets: Vec::new(), next: FoldedName::root() }
    }
}

impl Packer {
    /// Packs a name whose records are settled. `hash` is that of the name.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a name has at most 255 octets, data at most 65,535 and all of it NAME_DATA_MAX"
    )]
    pub fn pack(&mut self, parts: &NodeParts, hash: u64, is_apex: bool) -> Node {
        let octets = &mut self.octets;
        let (owner, sets) = (parts.owner(), parts.settled_sets());
        let directory = HEAD_LEN..HEAD_LEN + sets.len() * ENTRY_LEN;
        octets.clear();
        octets.extend_from_slice(&hash.to_le_bytes());
        octets.push(0);
        octets.push(owner.len() as u8);
        octets.extend_from_slice(&(sets.len() as u16).to_le_bytes());
        octets.resize(directory.end, 0);
        octets.extend_from_slice(owner.as_wire());
        let mut flags = if sets.len() > 0 { HASHED } else { 0 };
        for (index, set) in sets.enumerate() {
            let (rtype, mut count) = (set.key.rtype, set.rdatas().len() as u32);
            match rtype {
                Rtype::NS if !is_apex => flags |= CUT,
                Rtype::DNAME => flags |= DNAME,
                Rtype::CNAME => flags |= ALIAS,
                _ => (),
            }
            if rtype != Rtype::NSEC3 && set.key.covered != Rtype::NSEC3 {
                flags &= !HASHED;
            }
            count |= match pointers::append(owner, rtype, set.rdatas(), octets) {
                Found::None => 0,
                Found::Some => HAS_POINTERS,
                Found::Unknown => POINTERS_UNKNOWN,
            };
            let offset = octets.len() as u32;
            let entry = &mut octets[directory.clone()][index * ENTRY_LEN..][..ENTRY_LEN];
            entry[..2].copy_from_slice(&rtype.0.to_le_bytes());
            entry[2..4].copy_from_slice(&set.key.covered.0.to_le_bytes());
            entry[4..8].copy_from_slice(&count.to_le_bytes());
            entry[8..].copy_from_slice(&offset.to_le_bytes());
            set::append(rtype, set.ttl, set.rdatas(), octets);
        }
        let next = next_type(flags).map(SetKey::plain);
        let sets = parts.settled_sets().filter(|set| Some(set.key) == next);
        for name in sets.flat_map(|set| set.rdatas()) {
            // Names in a zone were checked when they came into it.
            self.next.fold(Name::read(name).unwrap_or(Name::ROOT));
            octets.extend_from_slice(&self.next.hash(0).to_le_bytes());
        }
        octets[8] = flags;
        Node(octets.as_slice().into())
    }
}

/// The records of one type at one name.
#[derive(Clone, Copy, Debug)]
pub struct Set<'z> {
    /// Type and covered type.
    pub key: SetKey,
    count: usize,
    records: &'z [u8],
    pointers: Option<Pointers<'z>>,
}

impl<'z> Set<'z> {
    /// How many records there are, at least one.
    #[expect(clippy::len_without_is_empty, reason = "a set has at least one record")]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Octets of the records in a message, names not compressed.
    pub fn wire_len(&self) -> usize {
        self.records.len()
    }

    /// The type of the records.
    pub fn rtype(&self) -> Rtype {
        self.key.rtype
    }

    /// The time to live, which all records share (RFC 2181 §5.2).
    pub fn ttl(&self) -> Ttl {
        let octets = self.records.get(6..10).and_then(|octets| octets.first_chunk());
        octets.map(|octets| Ttl::from_wire(u32::from_be_bytes(*octets))).unwrap_or_default()
    }

    /// The records as a message takes them: with this TTL, and the one whose number is `first`, counted
    /// around, before the others.
    pub fn as_written(&self, ttl: Ttl, first: usize) -> SetRef<'z> {
        SetRef {
            records: self.records,
            count: self.count,
            pointers: self.pointers,
            ttl: (ttl != self.ttl()).then_some(ttl),
            first: first % self.count,
        }
    }

    /// The data of each record in uncompressed wire form, in canonical order.
    pub fn records(&self) -> impl Iterator<Item = &'z [u8]> + use<'z> {
        set::rdatas(self.records)
    }
}

#[cfg(test)]
mod tests;
