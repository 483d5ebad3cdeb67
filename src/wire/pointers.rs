//! Where the names in a set of records can be pointers, worked out before there is a message.
//!
//! A name in record data often ends like the owner of the record, or like a name before it in the
//! same set. Both are found when a zone is loaded, so that writing such a set is copying with a few
//! numbers added. Only names that may be compressed count (RFC 3597 §4).

use crate::wire::name::Name;
use crate::wire::numbers::Rtype;
use crate::wire::rdata::{self, NameKind};
use crate::wire::set::RECORD_HEAD_LEN;

/// Records of a set beyond which no pointers are worked out, so that the work stays in proportion:
/// each name is compared with all before it.
const RECORDS_MAX: usize = 32;

/// Suffixes of the set that are remembered as targets, for the same reason.
const TARGETS_MAX: usize = 64;

/// Octets of a set beyond which no pointers are worked out: the reach of a pointer
/// (RFC 1035 §4.1.4).
const SET_LEN_MAX: usize = 0x3FFF;

/// Octets of an encoded pointer.
const POINTER_LEN: usize = 6;

/// Octets of their number, which stands behind the pointers of a set.
const COUNT_LEN: usize = 2;

/// What the target of a pointer is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// The start of the owner's name.
    Owner,
    /// The start of the set in the message, as it is written with its pointers.
    Set,
}

/// A pointer in the data of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pointer {
    /// Octets of the set's uncompressed records before it.
    pub at: usize,
    /// Octets of the uncompressed records that it stands for.
    pub skipped: usize,
    /// What `target` is counted from.
    pub base: Base,
    /// Where it points.
    pub target: usize,
}

/// The pointers of a set, in the order of their places.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pointers<'a>(&'a [u8]);

impl<'a> Pointers<'a> {
    /// The pointers at the end of `octets`, where `append` put them.
    pub fn at_end_of(octets: &'a [u8]) -> Self {
        let read = || {
            let (rest, count) = octets.split_last_chunk()?;
            let len = usize::from(u16::from_le_bytes(*count)) * POINTER_LEN;
            rest.get(rest.len().checked_sub(len)?..)
        };
        Self(read().unwrap_or_default())
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Whether none of them leads to another record of the set, so that the order of these does not
    /// matter.
    pub fn are_all_to_owner(self) -> bool {
        self.iter().all(|pointer| pointer.base == Base::Owner)
    }

    /// Octets that `append` took for them.
    pub fn encoded_len(self) -> usize {
        if self.0.is_empty() { 0 } else { self.0.len() + COUNT_LEN }
    }

    /// The pointers.
    pub fn iter(self) -> impl Iterator<Item = Pointer> + use<'a> {
        self.0.as_chunks::<POINTER_LEN>().0.iter().map(
            |&[at, at_high, skipped, base, low, high]| Pointer {
                at: usize::from(u16::from_le_bytes([at, at_high])),
                skipped: usize::from(skipped),
                base: if base == 0 { Base::Owner } else { Base::Set },
                target: usize::from(u16::from_le_bytes([low, high])),
            },
        )
    }
}

/// What is known of the pointers of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// There can be none.
    None,
    /// There are some, and they have been worked out.
    Some,
    /// There may be some, but the set is too large to work them out beforehand.
    Unknown,
}

/// Works out the pointers of a set, which `owner` owns, and puts them behind `out` if there are some.
pub fn append<'r>(
    owner: Name<'_>,
    rtype: Rtype,
    rdatas: impl ExactSizeIterator<Item = &'r [u8]> + Clone,
    out: &mut Vec<u8>,
) -> Found {
    if !has_compressible_name(rtype) {
        return Found::None;
    }
    let len: usize = rdatas.clone().map(|rdata| RECORD_HEAD_LEN + rdata.len()).sum();
    if rdatas.len() > RECORDS_MAX || len > SET_LEN_MAX {
        return Found::Unknown;
    }
    let before = out.len();
    // Suffixes that the set has written in full, and where.
    let mut earlier: Vec<(Name<'_>, usize)> = Vec::new();
    let (mut read, mut written) = (0, 0);
    for rdata in rdatas {
        read += RECORD_HEAD_LEN;
        written += RECORD_HEAD_LEN;
        let mut copied = 0;
        for embedded in rdata::embedded_names(rtype, rdata) {
            if embedded.kind != NameKind::Compressible {
                continue;
            }
            let name = embedded.name;
            written += embedded.offset - copied;
            copied = embedded.offset + name.len();
            let found = find(owner, &earlier, name);
            let kept = found.map_or(name.len(), |(kept, ..)| kept);
            for suffix in name.suffixes() {
                let offset = name.len() - suffix.len();
                if offset < kept && !suffix.is_root() && earlier.len() < TARGETS_MAX {
                    earlier.push((suffix, written + offset));
                }
            }
            written += kept;
            if let Some((kept, base, target)) = found {
                let skipped = name.len() - kept;
                encode(Pointer { at: read + embedded.offset + kept, skipped, base, target }, out);
                written += 2;
            }
        }
        written += rdata.len() - copied;
        read += rdata.len();
    }
    let count = (out.len() - before) / POINTER_LEN;
    match u16::try_from(count) {
        Ok(count) if count > 0 => {
            out.extend_from_slice(&count.to_le_bytes());
            Found::Some
        }
        Ok(_) | Err(_) => {
            out.truncate(before);
            Found::None
        }
    }
}

/// Whether records of a type hold names that may be compressed.
fn has_compressible_name(rtype: Rtype) -> bool {
    let is_compressible =
        |field: &rdata::Field| matches!(field, rdata::Field::Name(NameKind::Compressible));
    rdata::fields(rtype).iter().any(is_compressible)
}

/// Where the longest suffix of `name` that stands somewhere already does: octets before it, and its
/// place. The root takes less room than a pointer to it.
fn find(
    owner: Name<'_>,
    earlier: &[(Name<'_>, usize)],
    name: Name<'_>,
) -> Option<(usize, Base, usize)> {
    // A wildcard stands for other names: its asterisk is in no message.
    let written = if owner.is_wildcard() { owner.parent() } else { Some(owner) };
    let in_owner = written.and_then(|written| common_suffix(name, written));
    let in_owner = in_owner.filter(|suffix| !suffix.is_root());
    let at_owner = || {
        let suffix = in_owner?;
        Some((name.len() - suffix.len(), Base::Owner, owner.len() - suffix.len()))
    };
    let shortest = in_owner.map_or(1, Name::len);
    let longer = name.suffixes().take_while(|suffix| suffix.len() > shortest);
    let mut at_earlier = longer.filter_map(|suffix| {
        let (_, target) = earlier.iter().find(|(known, _)| *known == suffix)?;
        Some((name.len() - suffix.len(), Base::Set, *target))
    });
    at_earlier.next().or_else(at_owner)
}

/// The longest name that both names are within, as `a` has it.
fn common_suffix<'a>(mut a: Name<'a>, mut b: Name<'_>) -> Option<Name<'a>> {
    while a != b {
        let (a_len, b_len) = (a.len(), b.len());
        if a_len >= b_len {
            a = a.parent()?;
        }
        if b_len >= a_len {
            b = b.parent()?;
        }
    }
    Some(a)
}

/// Writes a pointer, whose numbers are below `SET_LEN_MAX`.
fn encode(pointer: Pointer, out: &mut Vec<u8>) {
    let low = |number: usize| u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes();
    out.extend_from_slice(&low(pointer.at));
    out.push(u8::try_from(pointer.skipped).unwrap_or(u8::MAX));
    out.push(u8::from(pointer.base == Base::Set));
    out.extend_from_slice(&low(pointer.target));
}

#[cfg(test)]
mod tests;
