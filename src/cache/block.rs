//! A name and some sets of records, packed into one block of octets.
//!
//! Records stand as `Writer::write_set` takes them, with what is known of their pointers before
//! them. Knows no times: those are the entry's.

use crate::base::limits::{CACHED_LEN_MAX, CACHED_RECORDS_MAX};
use crate::base::time::Ttl;
use crate::cache::learnt::{LearntRecord, LearntSet};
use crate::cache::put::Unfit;
use crate::wire::name::Name;
use crate::wire::numbers::Rtype;
use crate::wire::pointers::{self, Found, Pointers};
use crate::wire::rdata::canonical::settle;
use crate::wire::set::{self, RECORD_HEAD_LEN};
use crate::wire::writer::SetRef;

/// Octets before a set: marks, lengths of its owner, pointers and records, and their number.
const HEAD_LEN: usize = 10;

/// The bits of the marks that hold the role.
const ROLE_MASK: u8 = 3;
/// The mark of a set that has another owner than the name of the block.
const HAS_OWNER: u8 = 1 << 5;
/// The mark of signatures.
const SIGNATURES: u8 = 1 << 6;
/// The mark of a set that is too large to work its pointers out beforehand.
const POINTERS_UNKNOWN: u8 = 1 << 7;

/// What a set is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The DNAME from which a CNAME was made.
    Redirect,
    /// What the entry is about: the records, the SOA of a denial, the servers of a cut.
    Main,
    /// What shows that this is true, for clients that look at such.
    Proof,
}

impl Role {
    const ALL: [Self; 3] = [Self::Redirect, Self::Main, Self::Proof];

    fn from_marks(marks: u8) -> Option<Self> {
        Self::ALL.get(usize::from(marks & ROLE_MASK)).copied()
    }
}

/// A set of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct StoredSet<'e> {
    pub(super) role: Role,
    /// Whether these are the signatures of the set before.
    pub(super) is_signatures: bool,
    pub(super) owner: Name<'e>,
    count: usize,
    pub(super) records: &'e [u8],
    pointers: Option<Pointers<'e>>,
}

impl<'e> StoredSet<'e> {
    /// The records as a message takes them, with this TTL.
    pub(super) fn as_written(&self, ttl: Ttl) -> SetRef<'e> {
        SetRef {
            records: self.records,
            count: self.count,
            pointers: self.pointers,
            ttl: Some(ttl),
            first: 0,
        }
    }
}

/// The block: the length of the name, the name, and each set behind its head.
#[derive(Debug)]
pub(super) struct Block(Box<[u8]>);

impl Block {
    /// Packs sets in the order in which they are to be written. Their records get this TTL.
    ///
    /// # Errors
    ///
    /// Fails if a set has no records, or if there is more than the bounds of `base::limits` allow;
    /// that is found out before any work that grows faster than the data.
    pub(super) fn pack(
        name: Name<'_>,
        sets: &[(Role, LearntSet<'_>)],
        ttl: Ttl,
    ) -> Result<Self, Unfit> {
        check_size(name, sets)?;
        let mut octets = Vec::from(Self::of_name(name).0);
        for (role, set) in sets {
            let mut marks = *role as u8;
            if !set.owner.is_identical(name) {
                marks |= HAS_OWNER;
            }
            append(marks, set.owner, set.rtype, ttl, set.records, &mut octets);
            if !set.signatures.is_empty() {
                let marks = marks | SIGNATURES;
                append(marks, set.owner, Rtype::RRSIG, ttl, set.signatures, &mut octets);
            }
        }
        if octets.len() > CACHED_LEN_MAX {
            return Err(Unfit::TooLarge);
        }
        Ok(Self(octets.into_boxed_slice()))
    }

    /// A name without sets.
    pub(super) fn of_name(name: Name<'_>) -> Self {
        Self([&[name_len(name)], name.as_wire()].concat().into_boxed_slice())
    }

    /// The name, in the case in which it was learnt.
    pub(super) fn name(&self) -> Name<'_> {
        self.split().map_or(Name::ROOT, |(name, _)| name)
    }

    /// Octets of the block.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The sets in the order in which they are written, each followed by its signatures.
    pub(super) fn sets(&self) -> Sets<'_> {
        let (name, sets) = self.split().unwrap_or((Name::ROOT, &[]));
        Sets { name, sets }
    }

    fn split(&self) -> Option<(Name<'_>, &[u8])> {
        let (&len, rest) = self.0.split_first()?;
        let (name, sets) = rest.split_at_checked(usize::from(len))?;
        Some((Name::known(name), sets))
    }
}

/// Some sets of a block; see `Block::sets`.
#[derive(Clone, Debug)]
pub(super) struct Sets<'e> {
    name: Name<'e>,
    /// Those that are still to come.
    sets: &'e [u8],
}

impl<'e> Iterator for Sets<'e> {
    type Item = StoredSet<'e>;

    fn next(&mut self) -> Option<StoredSet<'e>> {
        let (&[marks, owner, c0, c1, p0, p1, r0, r1, r2, r3], rest) =
            self.sets.split_first_chunk::<HEAD_LEN>()?;
        let (owner, rest) = rest.split_at_checked(usize::from(owner))?;
        let (pointers, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes([p0, p1])))?;
        let (records, rest) =
            rest.split_at_checked(u32::from_le_bytes([r0, r1, r2, r3]) as usize)?;
        self.sets = rest;
        let has_owner = marks & HAS_OWNER != 0;
        let is_unknown = marks & POINTERS_UNKNOWN != 0;
        Some(StoredSet {
            role: Role::from_marks(marks)?,
            is_signatures: marks & SIGNATURES != 0,
            owner: if has_owner { Name::known(owner) } else { self.name },
            count: usize::from(u16::from_le_bytes([c0, c1])),
            records,
            pointers: (!is_unknown).then(|| Pointers::at_end_of(pointers)),
        })
    }
}

/// Whether the sets are within bounds, told from their lengths alone.
fn check_size(name: Name<'_>, sets: &[(Role, LearntSet<'_>)]) -> Result<(), Unfit> {
    let mut len = name.len();
    for (_, set) in sets {
        if set.records.is_empty() {
            return Err(Unfit::Empty);
        }
        for records in [set.records, set.signatures] {
            if records.len() > CACHED_RECORDS_MAX {
                return Err(Unfit::TooLarge);
            }
            let data: usize = records.iter().map(|record| record.rdata.len()).sum();
            len += data + records.len() * RECORD_HEAD_LEN;
        }
    }
    if len > CACHED_LEN_MAX { Err(Unfit::TooLarge) } else { Ok(()) }
}

/// Puts a set in canonical order behind `out`.
fn append(
    marks: u8,
    owner: Name<'_>,
    rtype: Rtype,
    ttl: Ttl,
    records: &[LearntRecord<'_>],
    out: &mut Vec<u8>,
) {
    let mut rdatas: Vec<&[u8]> = records.iter().map(|record| record.rdata).collect();
    settle(rtype, &mut rdatas);
    let head_at = out.len();
    out.extend_from_slice(&[0; HEAD_LEN]);
    let written = if marks & HAS_OWNER == 0 { &[] } else { owner.as_wire() };
    out.extend_from_slice(written);
    let pointers_at = out.len();
    let found = pointers::append(owner, rtype, rdatas.iter().copied(), out);
    let records_at = out.len();
    set::append(rtype, ttl, rdatas.iter().copied(), out);
    let marks = match found {
        Found::None | Found::Some => marks,
        Found::Unknown => marks | POINTERS_UNKNOWN,
    };
    let low = |number: usize| u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes();
    let [c0, c1] = low(rdatas.len());
    let [p0, p1] = low(records_at - pointers_at);
    let [r0, r1, r2, r3] = u32::try_from(out.len() - records_at).unwrap_or(u32::MAX).to_le_bytes();
    let owner_len = u8::try_from(written.len()).unwrap_or(u8::MAX);
    let head = [marks, owner_len, c0, c1, p0, p1, r0, r1, r2, r3];
    if let Some(slot) = out.get_mut(head_at..head_at + HEAD_LEN) {
        slot.copy_from_slice(&head);
    }
}

/// Octets of a name, at most 255.
fn name_len(name: Name<'_>) -> u8 {
    u8::try_from(name.len()).unwrap_or(u8::MAX)
}
