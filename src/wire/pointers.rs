//! Where the names in a set of records can be pointers, worked out before there is a message.
//!
//! A name in record data often ends like the owner of the record, or like a name before it in the
//! same set. Both are found when a zone is loaded, so that writing such a set is copying with a few
//! numbers added. Only names that may be compressed count (RFC 3597 §4).

use crate::wire::name::Name;
use crate::wire::numbers::Rtype;
use crate::wire::rdata::{self, NameKind};

/// Records of a set beyond which no pointers are worked out, so that the work stays in proportion:
/// each name is compared with all before it. No message of usual size holds more.
const RECORDS_MAX: usize = 32;

/// Octets of a record before its data.
const RECORD_HEAD_LEN: usize = 12;

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

/// Works out the pointers of a set, which `owner` owns, and puts them behind `out`. Whether there are
/// any; nothing is put there if not.
pub fn append<'r>(
    owner: Name<'_>,
    rtype: Rtype,
    rdatas: impl ExactSizeIterator<Item = &'r [u8]> + Clone,
    out: &mut Vec<u8>,
) -> bool {
    if !has_compressible_name(rtype) || rdatas.len() > RECORDS_MAX {
        return false;
    }
    let len: usize = rdatas.clone().map(|rdata| RECORD_HEAD_LEN + rdata.len()).sum();
    if len > SET_LEN_MAX {
        return false;
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
            let found = name.suffixes().find_map(|suffix| {
                let (base, target) = find(owner, &earlier, suffix)?;
                Some((name.len() - suffix.len(), base, target))
            });
            let kept = found.map_or(name.len(), |(kept, ..)| kept);
            for suffix in name.suffixes() {
                let offset = name.len() - suffix.len();
                if offset < kept && !suffix.is_root() {
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
        Ok(count) if count > 0 => out.extend_from_slice(&count.to_le_bytes()),
        Ok(_) | Err(_) => out.truncate(before),
    }
    out.len() > before
}

/// Whether records of a type hold names that may be compressed.
fn has_compressible_name(rtype: Rtype) -> bool {
    let is_compressible =
        |field: &rdata::Field| matches!(field, rdata::Field::Name(NameKind::Compressible));
    rdata::fields(rtype).iter().any(is_compressible)
}

/// Where a suffix stands already. The root takes less room than a pointer to it.
fn find(owner: Name<'_>, earlier: &[(Name<'_>, usize)], suffix: Name<'_>) -> Option<(Base, usize)> {
    if suffix.is_root() {
        return None;
    }
    if owner.is_within(suffix) {
        let target = owner.len() - suffix.len();
        // A wildcard stands for other names: its asterisk is in no message.
        if target > 0 || !owner.is_wildcard() {
            return Some((Base::Owner, target));
        }
    }
    let known = earlier.iter().find(|(known, _)| *known == suffix);
    known.map(|&(_, target)| (Base::Set, target))
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
